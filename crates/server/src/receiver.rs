//! Kafka integrations that are sent to: who has the key of one may send messages, and nothing else.
//!
//! All are, but those of version 3, which name brokers to be connected to. The key stands in the connection string
//! `kafka://KEY@HOST`, which is made with the integration and kept sealed.

use outcrop_catalog::{Action, Catalog, CollectionRecord, IntegrationRecord, SourceRecord};
use serde_json::Value;

use crate::app::App;
use crate::call::Call;
use crate::shape::secret_place;

/// The type of integrations and sources.
const KAFKA: &str = "kafka";

/// Where the connection string stands in the settings of an integration.
const MEMBER: &str = "connection_string";
const PATH: &str = "kafka.connection_string";

const SCHEME: &str = "kafka://";

/// What stands for the key where it is not shown.
const REDACTED: &str = "REDACTED";

/// Gives an integration its connection string, if it is to have one: that of `old`, else a new one.
pub(crate) fn open(
    app: &App,
    name: &str,
    kind: &str,
    settings: &mut Value,
    old: Option<&IntegrationRecord>,
) {
    if kind != KAFKA || is_version_3(settings) {
        return;
    }
    let kept = old.map(|old| &old.settings[MEMBER]);
    let kept = kept.filter(|kept| kept.is_string()).cloned();
    settings[MEMBER] = kept.unwrap_or_else(|| {
        let connection = connection_string(&app.catalog.new_receiver_key(), app);
        let random = app.environment().random.as_ref();
        let sealing = app.catalog.sealing();
        Value::from(sealing.seal(random, &secret_place(name, PATH), &connection))
    });
}

/// Whether a secret is the connection string of a receiver.
pub(crate) fn is_connection_string(path: &str) -> bool {
    path == PATH
}

/// What the caller gets to see of the sealed connection string: all of it if they could make an integration.
pub(crate) fn shown(call: &Call, name: &str, sealed: &str) -> String {
    let catalog = &call.app.catalog;
    let may_see = call
        .caller
        .as_ref()
        .is_some_and(|caller| caller.rights.allow_global(Action::CreateIntegration));
    let opened = catalog
        .sealing()
        .open_text(&secret_place(name, PATH), sealed);
    opened
        .filter(|_| may_see)
        .unwrap_or_else(|| connection_string(REDACTED, &call.app))
}

fn connection_string(key: &str, app: &App) -> String {
    format!("{SCHEME}{key}@{}", app.http_addr)
}

/// The key in a connection string.
pub(crate) fn key_of(connection: &str) -> Option<&str> {
    let (key, _) = connection.strip_prefix(SCHEME)?.split_once('@')?;
    Some(key)
}

/// The integration that has this key.
pub(crate) fn integration_of(catalog: &Catalog, key: &str) -> Option<String> {
    let sealing = catalog.sealing();
    // Fingerprints are compared, so that the time it takes tells nothing of the key.
    let wanted = sealing.fingerprint(key);
    let has_key = |record: &IntegrationRecord| {
        let sealed = record.settings[MEMBER].as_str()?;
        let opened = sealing.open_text(&secret_place(&record.name, PATH), sealed)?;
        Some(sealing.fingerprint(key_of(&opened)?) == wanted)
    };
    let mut records = catalog.integrations().into_iter();
    let found = records.find(|record| record.kind == KAFKA && has_key(record) == Some(true));
    found.map(|record| record.name)
}

/// Whether documents come in by this source: what is sent to its integration.
///
/// One with an ingest transformation of its own takes none, as only that of the collection is carried out.
pub(crate) fn takes(catalog: &Catalog, source: &SourceRecord) -> bool {
    let integration = source.integration.as_deref();
    let integration = integration.and_then(|name| catalog.integration(name).ok());
    source.kind == KAFKA
        && source.ingest_transformation.is_none()
        && integration.is_some_and(|integration| integration.settings[MEMBER].is_string())
}

/// The collections with a source that takes what is sent to this integration under this topic, and whether it is
/// suspended.
pub(crate) fn targets(
    catalog: &Catalog,
    integration: &str,
    topic: &str,
) -> Vec<(CollectionRecord, bool)> {
    let records = catalog.collections().into_iter();
    let targets = records.filter_map(|record| {
        let mut sources = record.settings.sources.iter();
        let source = sources.find(|source| {
            source.integration.as_deref() == Some(integration)
                && source.settings["kafka_topic_name"] == topic
                && takes(catalog, source)
        })?;
        let is_suspended = source.suspended_at_micros.is_some();
        record.is_alive().then_some((record, is_suspended))
    });
    targets.collect()
}

fn is_version_3(settings: &Value) -> bool {
    settings["use_v3"] == true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stands_between_scheme_and_host() {
        assert_eq!(key_of("kafka://kafkaX@host:80"), Some("kafkaX"));
        assert_eq!(key_of("kafkaX:"), None);
        assert_eq!(key_of("kafka://kafkaX"), None);
    }
}
