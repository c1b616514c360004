//! What happened: the documents of `commons._events`, and those of query logs.
//!
//! Whoever makes, changes or deletes something, and every query that ends, is noted in memory and written within about
//! a second, all that came meanwhile as one batch. A shutdown writes what is left; a crash loses it. Of queries only
//! the first of a second are noted, so that those of a busy server cost no more than themselves.

mod audit;
mod document;
mod query;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use outcrop_api::document::Status;
use outcrop_catalog::{CollectionEntry, CollectionRecord, SourceRecord};
use outcrop_document::{Timestamp, Value};
use parking_lot::Mutex;
use prometheus::IntCounter;
use tokio::sync::watch;

pub(crate) use audit::Audit;
pub(crate) use query::EndedQuery;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::handlers::{Batch, Documents, add_documents};
use crate::listener;

/// How often what was noted is written.
const INTERVAL: Duration = Duration::from_secs(1);

/// Events that wait to be written while that fails; further ones are lost. One may have a few ten kilobytes.
const EVENTS_MAX: usize = 1_000;

/// The type of sources that are written here, and the kind of them that gets queries.
const SYSTEM_SOURCE: &str = "system";
const QUERY_LOGS: &str = "QUERY_LOGS";

/// What was noted and is not written yet.
#[derive(Debug)]
pub(crate) struct Events {
    noted: Mutex<Noted>,
    /// Queries that are noted until the next time of writing.
    queries_max: usize,
    /// Counts what is not noted.
    left_out: IntCounter,
}

#[derive(Debug, Default)]
struct Noted {
    /// Documents of `_events`.
    events: VecDeque<Value>,
    /// Documents of query logs.
    queries: Vec<Value>,
}

impl Events {
    pub(crate) fn new(queries_max: usize, left_out: IntCounter) -> Self {
        Self {
            noted: Mutex::default(),
            queries_max,
            left_out,
        }
    }

    /// Notes an event.
    fn note(&self, event: Value) {
        let mut noted = self.noted.lock();
        match noted.events.len() < EVENTS_MAX {
            true => noted.events.push_back(event),
            false => self.left_out.inc(),
        }
    }

    /// Notes a query that has ended, if there is room for more of them: its event and its document for query logs.
    fn note_query(&self, documents: impl FnOnce() -> (Value, Value)) {
        if self.noted.lock().queries.len() >= self.queries_max {
            self.left_out.inc();
            return;
        }
        let (event, log) = documents();
        self.note(event);
        self.noted.lock().queries.push(log);
    }

    /// Notes once more, before all others, what could not be written.
    fn put_back(&self, events: Vec<Value>) {
        let mut noted = self.noted.lock();
        for event in events.into_iter().rev() {
            match noted.events.len() < EVENTS_MAX {
                true => noted.events.push_front(event),
                false => self.left_out.inc(),
            }
        }
    }
}

/// Writes what is noted until told to stop.
pub(crate) async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => write(&app).await,
            () = listener::stopped(&mut stop) => return,
        }
    }
}

/// Writes what is noted. Events that cannot be written now are kept for the next time.
pub(crate) async fn write(app: &App) {
    let Noted { events, queries } = std::mem::take(&mut *app.events.noted.lock());
    if !events.is_empty()
        && let Ok(entry) = app.catalog.events()
    {
        let events = Vec::from(events);
        if let Err(error) = add(app, &entry, events.clone()).await {
            warn(&entry, &error, "events cannot be written yet");
            app.events.put_back(events);
        }
    }
    if queries.is_empty() {
        return;
    }
    for record in app.catalog.collections_where(takes_queries) {
        let Ok(entry) = app
            .catalog
            .collection_to_change(&record.workspace, &record.name)
        else {
            continue;
        };
        if let Err(error) = add(app, &entry, queries.clone()).await {
            warn(&entry, &error, "queries cannot be logged");
        }
    }
}

/// Whether a source of the collection asks for query logs.
fn takes_queries(record: &CollectionRecord) -> bool {
    record.is_alive() && record.settings.sources.iter().any(is_query_log)
}

/// Whether a source gets the queries that have ended. One with an ingest transformation of its own does not, as only
/// that of the collection is carried out.
pub(crate) fn is_query_log(source: &SourceRecord) -> bool {
    source.kind == SYSTEM_SOURCE
        && source.settings["type"] == QUERY_LOGS
        && source.ingest_transformation.is_none()
        && source.suspended_at_micros.is_none()
}

async fn add(app: &App, entry: &CollectionEntry, documents: Vec<Value>) -> ApiResult<()> {
    let batch = Batch {
        received: Timestamp(app.now_micros()),
        bytes: 0,
        keeps_meta: false,
    };
    let written = add_documents(app, entry, batch, Documents::Values(documents)).await?;
    let mut written = written.data.into_iter();
    match written.find(|document| document.status == Status::Error) {
        None => Ok(()),
        Some(failed) => Err(ApiError::internal(
            failed.error.map_or_else(String::new, |error| error.message),
        )),
    }
}

fn warn(entry: &CollectionEntry, error: &ApiError, what: &str) {
    tracing::warn!(
        collection.name = %entry.record().full_name(),
        error = error.model.message,
        "{what}"
    );
}
