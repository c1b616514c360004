//! Events and logs of queries that have ended.

use std::sync::Arc;

use axum::http::HeaderValue;
use outcrop_api::error::ErrorType;
use outcrop_api::query::QueryInfo;
use outcrop_document::Value;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::document::{self, Actor, Event, Severity, Subject};
use crate::app::App;
use crate::handlers::query_info;
use crate::queries::{Query, State};

const KIND: &str = "QUERY";

/// A query, to be noted when this is dropped: then it has ended, or nobody waits for it any more.
pub(crate) struct EndedQuery {
    pub(crate) app: Arc<App>,
    pub(crate) query: Arc<Query>,
    /// The query lambda that it belongs to, as `workspace.name::version`.
    pub(crate) lambda: Option<String>,
    /// Full names of what it read, as far as that is known.
    pub(crate) collections: Vec<String>,
    pub(crate) user_agent: Option<HeaderValue>,
}

/// What a query log keeps: what the API tells of a query, and who sent it how.
#[derive(Serialize)]
struct LogLine<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    /// Microseconds since 1970.
    #[serde(rename = "_event_time")]
    event_micros: i64,
    #[serde(flatten)]
    info: &'a QueryInfo,
    collections: &'a [String],
    api_key_name: Option<&'a str>,
    user_agent: Option<String>,
    virtual_instance_id: &'a str,
    query_lambda_path: Option<&'a str>,
}

impl Drop for EndedQuery {
    fn drop(&mut self) {
        self.query.cancel();
        let app = Arc::clone(&self.app);
        app.events.note_query(|| self.documents());
    }
}

impl EndedQuery {
    /// The event, and the document of query logs.
    fn documents(&self) -> (Value, Value) {
        let query = &self.query;
        let actor = Actor {
            key: query.sender.key.clone(),
            user_agent: self.user_agent.clone(),
        };
        let info = query_info(&self.app, query);
        let log = document::to_value(&LogLine {
            id: &info.query_id,
            event_micros: query.submitted_at_micros,
            info: &info,
            collections: &self.collections,
            api_key_name: actor.key.as_ref().map(|key| key.name.as_str()),
            user_agent: actor.user_agent(),
            virtual_instance_id: &query.instance,
            query_lambda_path: self.lambda.as_deref(),
        });
        let (label, message) = match query.state() {
            State::Failed(model) => (label(model.error_type), model.message),
            State::Cancelled => ("QUERY_ERROR", "the query was cancelled".to_owned()),
            State::Queued | State::Running | State::Completed(_) => {
                ("QUERY_SUCCESS", "the query succeeded".to_owned())
            }
        };
        let severity = match label {
            "QUERY_SUCCESS" => Severity::Info,
            _ => Severity::Error,
        };
        let (workspace, name, version) = lambda_names(self.lambda.as_deref());
        let event = Event {
            kind: KIND,
            label: label.to_owned(),
            severity,
            message,
            at_micros: self.app.now_micros(),
            actor,
            subject: Subject {
                workspace: workspace.clone(),
                workspace_name: workspace,
                collections: self.collections.clone(),
                query_lambda: name,
                version,
                details: details(&info),
                ..Subject::default()
            },
        };
        (event.document(&self.app), log)
    }
}

fn label(error_type: ErrorType) -> &'static str {
    match error_type {
        ErrorType::QueryError | ErrorType::InvalidInput => "QUERY_INVALID",
        ErrorType::NotReady => "QUERY_COLLECTION_NOT_READY",
        ErrorType::NotImplementedYet => "QUERY_UNIMPLEMENTED",
        _ => "QUERY_ERROR",
    }
}

fn details(info: &QueryInfo) -> Map<String, Json> {
    let details = [
        ("query_id", Json::from(info.query_id.as_str())),
        ("query_sql", Json::from(info.sql.as_str())),
        ("query_time_ms", Json::from(info.stats.elapsed_time_ms)),
    ];
    let details = details.into_iter();
    details
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Workspace, name and version of `workspace.name::version`.
fn lambda_names(path: Option<&str>) -> (Option<String>, Option<String>, Option<String>) {
    let parts = path.and_then(|path| {
        let (full_name, version) = path.rsplit_once("::")?;
        let (workspace, name) = full_name.rsplit_once('.')?;
        Some([workspace, name, version].map(str::to_owned))
    });
    match parts {
        Some([workspace, name, version]) => (Some(workspace), Some(name), Some(version)),
        None => (None, None, None),
    }
}
