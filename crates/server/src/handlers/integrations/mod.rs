//! `/v1/orgs/self/integrations`.
//!
//! Nothing is connected to: what is wrong with an address or a key shows when a source uses it. One of type `kafka` that is
//! not of version 3 is sent to, by [receivers](crate::receiver).

mod kinds;

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::integration::{Integration, IntegrationRequest};
use outcrop_catalog::{Catalog, IntegrationRecord, NewIntegration};
use serde_json::Value;

use super::collections;
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::receiver;
use crate::shape;

/// What is shown of a secret. A client that sends it back keeps the secret as it is.
const REDACTED: &str = "REDACTED";

/// `GET /v1/orgs/self/integrations`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let records = call.app.catalog.integrations().into_iter();
    let data: Vec<Integration> = records.map(|record| shown(&call, record)).collect();
    call::json(&Data { data })
}

/// `POST /v1/orgs/self/integrations`.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let request: IntegrationRequest = call.json()?;
    let (kind, given) = shape::the_one_kind(kinds::NAMES, &request.members)?;
    let name = request
        .name
        .ok_or_else(|| ApiError::invalid("`name` is required"))?;
    let settings = shape::check(kinds::fields(kind), given, kind)?;
    let mut settings = sealed(&call, &name, kind, settings, None)?;
    receiver::open(&call.app, &name, kind, &mut settings, None);
    let new = NewIntegration {
        settings,
        name,
        description: request.description,
        kind: kind.to_owned(),
        is_write_enabled: request.is_write_enabled,
    };
    let creator = call.creator()?;
    let catalog = Arc::clone(&call.app.catalog);
    let record = blocking::run(move || catalog.create_integration(new, creator)).await??;
    call::json(&Data {
        data: shown(&call, record),
    })
}

/// `GET /v1/orgs/self/integrations/{integration}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let record = call.app.catalog.integration(call.segment("integration"))?;
    call::json(&Data {
        data: shown(&call, record),
    })
}

/// `PUT /v1/orgs/self/integrations/{integration}`: address and credentials, which replace the old ones,
/// the description, and whether it is written to.
pub(crate) async fn update(call: Call) -> ApiResult<Response> {
    let request: IntegrationRequest = call.json()?;
    let name = call.segment("integration").to_owned();
    let old = call.app.catalog.integration(&name)?;
    let is_given = |kind: &&str| {
        request
            .members
            .get(*kind)
            .is_some_and(|value| !value.is_null())
    };
    let settings = match kinds::NAMES.iter().any(is_given) {
        false => None,
        true => {
            let (kind, given) = shape::the_one_kind(kinds::NAMES, &request.members)?;
            if kind != old.kind {
                return Err(ApiError::invalid(format!(
                    "the integration is one of type `{}` and cannot become one of `{kind}`",
                    old.kind
                )));
            }
            let settings = shape::check(kinds::fields(kind), given, kind)?;
            let mut settings = sealed(&call, &name, kind, settings, Some(&old))?;
            receiver::open(&call.app, &name, kind, &mut settings, Some(&old));
            Some(settings)
        }
    };
    let catalog = Arc::clone(&call.app.catalog);
    let record = blocking::run(move || {
        catalog.update_integration(&name, |record| {
            if let Some(settings) = settings {
                record.settings = settings;
            }
            record.description = request.description.or(record.description.take());
            record.is_write_enabled = request.is_write_enabled.or(record.is_write_enabled);
        })
    })
    .await??;
    call::json(&Data {
        data: shown(&call, record),
    })
}

/// `DELETE /v1/orgs/self/integrations/{integration}`: answers what it was.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let catalog = Arc::clone(&call.app.catalog);
    let name = call.segment("integration").to_owned();
    let deleted = blocking::run(move || catalog.delete_integration(&name)).await?;
    let record = deleted.or_else(|error| call.hiding(error))?;
    call::json(&Data {
        data: shown(&call, record),
    })
}

/// Gives the schema of an integration the members of each type.
pub(super) fn describe(schema: &mut Value, is_request: bool) {
    let kinds = kinds::NAMES.iter().map(|kind| (*kind, kinds::fields(kind)));
    shape::describe_kinds(schema, kinds, is_request);
}

/// `settings` with its secrets sealed. One that is [`REDACTED`] stays what it was in `old`.
///
/// # Errors
/// `INVALIDINPUT` for such a secret where there was none.
fn sealed(
    call: &Call,
    name: &str,
    kind: &str,
    mut settings: Value,
    old: Option<&IntegrationRecord>,
) -> ApiResult<Value> {
    let fields = kinds::fields(kind);
    let catalog = &call.app.catalog;
    // By where it stands: the sealed secret and what is shown of it.
    let mut kept = HashMap::new();
    if let Some(old) = old {
        let mut old = old.settings.clone();
        shape::replace_secrets(fields, &mut old, kind, &mut |path, text| {
            let shown = opened(catalog, name, path, text);
            kept.insert(path.to_owned(), (text.to_owned(), shown));
            String::new()
        });
    }
    let random = call.app.environment().random.as_ref();
    let mut unknown = None;
    shape::replace_secrets(fields, &mut settings, kind, &mut |path, secret| {
        if secret != REDACTED && secret != mask(secret) {
            return catalog
                .sealing()
                .seal(random, &shape::secret_place(name, path), secret);
        }
        match kept.remove(path) {
            Some((sealed, shown)) if shown == secret => sealed,
            _ => {
                unknown = Some(path.to_owned());
                String::new()
            }
        }
    });
    match unknown {
        None => Ok(settings),
        Some(path) => Err(ApiError::invalid(format!(
            "`{path}` says `{REDACTED}`, which is shown in place of secrets, and is not what is shown of this one"
        ))),
    }
}

/// What is shown of a sealed secret.
fn opened(catalog: &Catalog, name: &str, path: &str, sealed: &str) -> String {
    let secret = catalog
        .sealing()
        .open_text(&shape::secret_place(name, path), sealed);
    secret.map_or_else(|| REDACTED.to_owned(), |secret| mask(&secret))
}

/// What is shown of a secret: of a URI all but its password.
fn mask(secret: &str) -> String {
    let uri = secret.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find('/').unwrap_or(rest.len());
        let (credentials, host) = rest[..end].rsplit_once('@')?;
        let user = credentials
            .split_once(':')
            .map_or(credentials, |pair| pair.0);
        Some(format!(
            "{scheme}://{user}:{REDACTED}@{host}{}",
            &rest[end..]
        ))
    });
    uri.unwrap_or_else(|| REDACTED.to_owned())
}

/// The integration as clients see it.
fn shown(call: &Call, record: IntegrationRecord) -> Integration {
    let catalog = &call.app.catalog;
    let mut settings = record.settings;
    shape::replace_secrets(
        kinds::fields(&record.kind),
        &mut settings,
        &record.kind,
        &mut |path, text| match receiver::is_connection_string(path) {
            true => receiver::shown(call, &record.name, text),
            false => opened(catalog, &record.name, path, text),
        },
    );
    if let Some(Value::Object(role)) = settings.get_mut("aws_role") {
        let external_id = catalog.organization().external_id;
        role.insert("aws_external_id".to_owned(), Value::from(external_id));
    }
    Integration {
        collections: collections::using(call, &record.name),
        name: record.name,
        description: record.description,
        is_write_enabled: record.is_write_enabled,
        owner_email: Some(record.created_by.clone()),
        created_by: record.created_by,
        created_by_apikey_name: Some(record.created_by_key),
        created_at: Some(ids::metadata_time(record.created_at_micros)),
        is_credential_encrypted: true,
        requires_static_ip: false,
        settings: shape::all_kinds(kinds::NAMES, &record.kind, settings),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_uri_the_password_is_hidden_alone() {
        for (secret, shown) in [
            ("secret", "REDACTED"),
            (
                "mongodb+srv://me:pa:ss@w@host/db?x=y@z",
                "mongodb+srv://me:REDACTED@host/db?x=y@z",
            ),
            ("mongodb://me:secret@host", "mongodb://me:REDACTED@host"),
            ("mongodb://host/db", "REDACTED"),
            ("Endpoint=sb://x.net/;SharedAccessKey=k", "REDACTED"),
        ] {
            assert_eq!(mask(secret), shown);
        }
    }
}
