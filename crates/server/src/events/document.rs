//! An event as it is stored, in the members that Rockset's had.

use axum::http::HeaderValue;
use outcrop_catalog::ApiKey;
use outcrop_document::{Value, json};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::app::App;
use crate::ids;

/// Characters of a message, and of what a program calls itself.
const TEXT_CHARACTERS_MAX: usize = 2_000;

/// What an event is about; the beginning of its label.
pub(super) type Kind = &'static str;

/// How an event is to be taken.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Severity {
    Info,
    Error,
}

/// Who did something, and with what.
#[derive(Clone, Debug, Default)]
pub(super) struct Actor {
    /// Nobody if there was no key.
    pub(super) key: Option<ApiKey>,
    pub(super) user_agent: Option<HeaderValue>,
}

impl Actor {
    pub(super) fn user_agent(&self) -> Option<String> {
        let value = self.user_agent.as_ref()?;
        let value = value.to_str().ok()?;
        Some(shortened(value, TEXT_CHARACTERS_MAX))
    }
}

/// Something that happened.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) label: String,
    pub(super) severity: Severity,
    /// Text for people.
    pub(super) message: String,
    /// Microseconds since 1970.
    pub(super) at_micros: i64,
    pub(super) actor: Actor,
    pub(super) subject: Subject,
}

/// What an event is about; what does not apply is left out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subject {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workspace: Option<String>,
    /// The same, as some kinds of events name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workspace_name: Option<String>,
    /// Full names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) collections: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) integrations: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) query_lambda: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tag_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// The key that an event of a key is about, else the key that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) api_key_name: Option<String>,
    /// Everything else.
    pub(super) details: Map<String, Json>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    /// Microseconds since 1970.
    #[serde(rename = "_event_time")]
    event_micros: i64,
    event_id: &'a str,
    /// Milliseconds since 1970, under both names that were in use.
    time: i64,
    event_time: i64,
    kind: Kind,
    label: &'a str,
    #[serde(rename = "type")]
    severity: Severity,
    message: &'a str,
    log_type: &'static str,
    cluster: &'static str,
    org_id: &'a str,
    log_key: LogKey<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_email: Option<&'a str>,
    /// Name of the key that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(flatten)]
    subject: &'a Subject,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogKey<'a> {
    org_id: &'a str,
}

impl Event {
    /// The document.
    pub(super) fn document(mut self, app: &App) -> Value {
        let id = ids::uuid(app.environment().random.as_ref()).to_string();
        let organization = app.catalog.organization();
        let key = self.actor.key.as_ref();
        if self.subject.api_key_name.is_none() {
            self.subject.api_key_name = key.map(|key| key.name.clone());
        }
        let millis = self.at_micros.div_euclid(1000);
        to_value(&Document {
            id: &id,
            event_micros: self.at_micros,
            event_id: &id,
            time: millis,
            event_time: millis,
            kind: self.kind,
            label: &self.label,
            severity: self.severity,
            message: &shortened(&self.message, TEXT_CHARACTERS_MAX),
            log_type: "EVENT",
            cluster: ids::CLUSTER,
            org_id: &organization.id,
            log_key: LogKey {
                org_id: &organization.id,
            },
            user_email: key.map(|key| key.owner.as_str()),
            api_key_identifier: key.map(|key| key.name.as_str()),
            user_agent: self.actor.user_agent(),
            subject: &self.subject,
        })
    }
}

/// The first characters of a text: who sends megabytes is not to have them kept, perhaps many times.
pub(super) fn shortened(text: &str, characters_max: usize) -> String {
    text.chars().take(characters_max).collect()
}

/// What serializes as JSON, as a document.
pub(super) fn to_value(document: &impl Serialize) -> Value {
    let text = serde_json::to_vec(document).expect("a document has string keys only");
    json::parse(&text).expect("it was written as JSON")
}
