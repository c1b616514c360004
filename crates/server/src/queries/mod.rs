//! Queries that run, and those that have ended: their state, and results that are kept for pages.
//!
//! States are in memory for a day, for the newest queries at least. Results are objects below `results/` of
//! the data folder, within a bound of bytes, beyond which the oldest go first. Neither outlives the
//! process: a start removes what is there.

pub(crate) mod cursor;
mod rows;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use outcrop_api::error::{ErrorModel, ErrorType};
use outcrop_catalog::{Action, ApiKey, Rights};
use outcrop_storage::ObjectPath;
use outcrop_storage::env::Environment;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::access::Caller;
use crate::error::{ApiError, ApiResult};
use crate::instances::Place;
use rows::RowIndex;

/// How long states and results are kept.
const KEPT_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Queries that are remembered.
const QUERIES_MAX: usize = 10_000;

/// Queries of a list of recent ones.
const RECENT_MAX: usize = 1_000;

/// Characters of their texts that are kept.
const SQL_CHARACTERS_MAX: usize = 10_000;

/// Folder of the results.
const FOLDER: &str = "results";

/// All queries of the last day.
#[derive(Debug)]
pub(crate) struct Queries {
    environment: Environment,
    /// Bytes of results on disk.
    bytes_max: u64,
    /// In the order of their arrival.
    all: Mutex<VecDeque<Arc<Query>>>,
}

/// One query.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) id: String,
    pub(crate) sql: String,
    pub(crate) sender: Sender,
    pub(crate) submitted_at_micros: i64,
    /// Id of the virtual instance that it runs on.
    pub(crate) instance: String,
    /// Where it waits, or waited, for its turn.
    place: Weak<Place>,
    /// For how long it waited; counted when its turn has come.
    waited_micros: AtomicU64,
    state: Mutex<State>,
    cancel: watch::Sender<bool>,
}

/// Who sent a query.
#[derive(Debug)]
pub(crate) struct Sender {
    /// The key; none if it came without one.
    pub(crate) key: Option<ApiKey>,
    /// What a caller must be allowed to do to see the query.
    pub(crate) rights: Rights,
}

impl Sender {
    /// The full names that whoever sent it may see: what a view or query lambda reads need not be among them.
    pub(crate) fn listable(&self, full_names: &[String]) -> Vec<String> {
        let may_see = |full_name: &&String| {
            let workspace = full_name.rsplit_once('.').map_or("", |parts| parts.0);
            let actions = [Action::ListResources, Action::QueryData];
            self.key.is_some()
                && actions
                    .iter()
                    .any(|action| self.rights.allow(*action, workspace))
        };
        full_names.iter().filter(may_see).cloned().collect()
    }
}

/// Where a query is in its life.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// Accepted, and nothing more.
    Queued,
    /// Being run.
    Running,
    /// It has all rows.
    Completed(Completed),
    /// It ended without.
    Failed(Box<ErrorModel>),
    /// Somebody stopped it.
    Cancelled,
}

/// A query that has all rows.
#[derive(Clone, Debug)]
pub(crate) struct Completed {
    pub(crate) done: Done,
    /// Where its rows are; none if they are not kept.
    kept: Option<Arc<Kept>>,
}

/// What is known of a query that has all rows.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) row_count: usize,
    pub(crate) bytes: u64,
    pub(crate) elapsed_ms: u64,
    pub(crate) last_offset: Option<String>,
}

impl Completed {
    /// Whether its rows are kept for pages.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }
}

/// Rows on disk.
#[derive(Debug)]
struct Kept {
    path: ObjectPath,
    index: Arc<RowIndex>,
}

/// All rows of a query, as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    json: Bytes,
    index: Arc<RowIndex>,
}

impl Rows {
    /// The rows of `json`, an array of objects.
    pub(crate) fn new(json: Vec<u8>) -> Self {
        let index = Arc::new(RowIndex::new(&json));
        let json = json.into();
        Self { json, index }
    }

    /// The first `count` rows as an array.
    pub(crate) fn first(&self, count: usize) -> Vec<u8> {
        array(&self.json[self.index.bytes_of(&self.json, 0..count)])
    }
}

/// `rows`, which have commas between them, as an array.
fn array(rows: &[u8]) -> Vec<u8> {
    [b"[", rows, b"]"].concat()
}

impl Query {
    /// Whether the caller may know of it, stop it and read its results: who sent it with the same key, and who
    /// may do all that its sender may.
    pub(crate) fn is_visible_to(&self, caller: &Caller) -> bool {
        let key = self.sender.key.as_ref();
        key.is_some_and(|key| key.hash == caller.key.hash)
            || caller.rights.cover(&self.sender.rights)
    }

    /// Where it is in its life.
    pub(crate) fn state(&self) -> State {
        self.state.lock().clone()
    }

    /// Whether it has its rows, has failed or was stopped.
    pub(crate) fn has_ended(&self) -> bool {
        !matches!(*self.state.lock(), State::Queued | State::Running)
    }

    /// Notes that it goes on, and tells whether it does; what has ended stays as it is.
    fn advance(&self, next: State) -> bool {
        let mut state = self.state.lock();
        let goes_on = matches!(*state, State::Queued | State::Running);
        if goes_on {
            *state = next;
        }
        goes_on
    }

    /// Stops it, if it has not ended.
    pub(crate) fn cancel(&self) {
        self.advance(State::Cancelled);
        self.cancel.send_replace(true);
    }

    /// Notes that its turn has come.
    pub(crate) fn start(&self, waited: Duration) {
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.waited_micros.store(micros, Ordering::Relaxed);
        self.advance(State::Running);
    }

    /// For how long it waited for its turn.
    pub(crate) fn waited_micros(&self) -> u64 {
        self.waited_micros.load(Ordering::Relaxed)
    }

    /// How many have to end before its turn comes; none once it has.
    pub(crate) fn position(&self) -> Option<usize> {
        let position = self.place.upgrade()?.position();
        Some(position).filter(|position| *position > 0)
    }

    /// Returns when somebody cancels it.
    pub(crate) async fn until_cancelled(&self) {
        let mut cancelled = self.cancel.subscribe();
        // The sender lives as long as this.
        let _ = cancelled.wait_for(|is_cancelled| *is_cancelled).await;
    }

    /// Notes that it has all rows, which are not kept.
    pub(crate) fn complete(&self, done: Done) {
        self.advance(State::Completed(Completed { done, kept: None }));
    }

    /// Notes why it failed.
    pub(crate) fn fail(&self, error: &ErrorModel) {
        self.advance(State::Failed(Box::new(error.clone())));
    }

    fn is_active(&self) -> bool {
        matches!(*self.state.lock(), State::Queued | State::Running)
    }

    /// When it and its results are forgotten.
    pub(crate) fn expires_at_micros(&self) -> i64 {
        self.submitted_at_micros.saturating_add(KEPT_MICROS)
    }
}

impl Queries {
    /// No queries yet. Blocks to remove the results of the last run.
    pub(crate) fn new(environment: Environment, bytes_max: u64) -> Self {
        if let Err(error) = environment.disk.remove_folder(&ObjectPath::new(FOLDER)) {
            tracing::warn!(%error, "results of queries of the last run stay on disk");
        }
        Self {
            environment,
            bytes_max,
            all: Mutex::default(),
        }
    }

    /// Notes a query that has arrived.
    pub(crate) fn add(
        &self,
        id: String,
        sql: &str,
        sender: Sender,
        submitted_at_micros: i64,
        instance: String,
        place: Weak<Place>,
    ) -> Arc<Query> {
        let query = Arc::new(Query {
            id,
            sql: sql.chars().take(SQL_CHARACTERS_MAX).collect(),
            sender,
            submitted_at_micros,
            instance,
            place,
            waited_micros: AtomicU64::new(0),
            state: Mutex::new(State::Queued),
            cancel: watch::Sender::new(false),
        });
        let mut all = self.all.lock();
        all.push_back(Arc::clone(&query));
        let mut forgotten = Vec::new();
        while let Some(oldest) = all.front()
            && (all.len() > QUERIES_MAX || oldest.expires_at_micros() <= submitted_at_micros)
            && !oldest.is_active()
        {
            forgotten.extend(all.pop_front());
        }
        drop(all);
        forgotten.iter().for_each(|query| self.drop_results(query));
        query
    }

    /// The query of this id.
    ///
    /// # Errors
    /// `NOTFOUND` if there is none, or was none in the last day, or none that the caller may know of.
    pub(crate) fn get(&self, id: &str, caller: &Caller) -> ApiResult<Arc<Query>> {
        let now = self.environment.clock.now_micros();
        let all = self.all.lock();
        let mut newest_first = all.iter().rev();
        let found = newest_first.find(|query| query.id == id);
        let found = found.filter(|query| query.is_active() || query.expires_at_micros() > now);
        let found = found.filter(|query| query.is_visible_to(caller));
        found
            .cloned()
            .ok_or_else(|| ApiError::not_found(missing(id)))
    }

    /// The queries of the last day on a virtual instance, the newest first.
    pub(crate) fn recent_on(&self, instance: &str) -> Vec<Arc<Query>> {
        let now = self.environment.clock.now_micros();
        let all = self.all.lock();
        let is_recent = |query: &&Arc<Query>| query.is_active() || query.expires_at_micros() > now;
        all.iter()
            .rev()
            .filter(|query| query.instance == instance)
            .filter(is_recent)
            .take(RECENT_MAX)
            .cloned()
            .collect()
    }

    /// The queries that have not ended, the newest first.
    pub(crate) fn active(&self) -> Vec<Arc<Query>> {
        let all = self.all.lock();
        let active = all.iter().rev().filter(|query| query.is_active());
        active.cloned().collect()
    }

    /// Notes that a query has all rows, and puts them on disk. Blocks.
    ///
    /// # Errors
    /// `INTERNALERROR` if the disk fails; the query has failed then.
    pub(crate) fn keep(&self, query: &Query, done: Done, rows: &Rows) -> ApiResult<()> {
        let path = ObjectPath::new(FOLDER).child(&query.id.replace(':', "-"));
        let disk = &self.environment.disk;
        if let Err(error) = disk.create(&path, &mut |sink| sink.write_all(&rows.json)) {
            let error = ApiError::internal(error);
            query.fail(&error.model);
            return Err(error);
        }
        let index = Arc::clone(&rows.index);
        let kept = Some(Arc::new(Kept {
            path: path.clone(),
            index,
        }));
        if query.advance(State::Completed(Completed { done, kept })) {
            self.keep_within_bound();
        } else {
            // It was cancelled meanwhile.
            self.remove(&query.id, &path);
        }
        Ok(())
    }

    /// Rows of a query whose results are kept, as a JSON array, and how many there are in all. Blocks.
    ///
    /// # Errors
    /// `NOTREADY` while it runs, its own failure if it failed, `NOTFOUND` if the rows are not kept.
    pub(crate) fn page(&self, query: &Query, range: Range<usize>) -> ApiResult<(Vec<u8>, usize)> {
        let kept = match query.state() {
            State::Queued | State::Running => {
                let message = format!("the query `{}` has not ended yet", query.id);
                return Err(ApiError::new(ErrorType::NotReady, message));
            }
            State::Failed(model) => return Err(ApiError::of_query(*model)),
            State::Cancelled => return Err(outcrop_query::QueryError::Cancelled.into()),
            State::Completed(completed) => completed.kept,
        };
        let kept = kept.ok_or_else(|| {
            ApiError::not_found(format!(
                "the results of the query `{}` are not kept: ask for pages, or run it asynchronously",
                query.id
            ))
        })?;
        let json = self.environment.disk.read(&kept.path);
        let json = json.map_err(ApiError::internal)?;
        let rows = array(&json[kept.index.bytes_of(&json, range)]);
        Ok((rows, kept.index.count()))
    }

    /// Removes the oldest results until those that are left are within the bound.
    fn keep_within_bound(&self) {
        let bytes_of = |query: &Arc<Query>| match &*query.state.lock() {
            State::Completed(completed) if completed.is_kept() => completed.done.bytes,
            _ => 0,
        };
        let mut excess = Vec::new();
        let all = self.all.lock();
        let mut left = self.bytes_max;
        for query in all.iter().rev() {
            let bytes = bytes_of(query);
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => excess.push(Arc::clone(query)),
            }
        }
        drop(all);
        excess.iter().for_each(|query| self.drop_results(query));
    }

    fn drop_results(&self, query: &Query) {
        let kept = match &mut *query.state.lock() {
            State::Completed(completed) => completed.kept.take(),
            _ => None,
        };
        if let Some(kept) = kept {
            self.remove(&query.id, &kept.path);
        }
    }

    fn remove(&self, id: &str, path: &ObjectPath) {
        if let Err(error) = self.environment.disk.remove(path) {
            tracing::warn!(%error, query.id = id, "results of a query stay on disk until the next start");
        }
    }
}

fn missing(id: &str) -> String {
    format!("the query `{id}` does not exist, or was run more than a day ago")
}

#[cfg(test)]
mod tests {
    use outcrop_storage::env::MemoryDisk;

    use super::*;

    fn nobody() -> Sender {
        Sender {
            key: None,
            rights: Rights::default(),
        }
    }

    #[test]
    fn results_of_a_query_that_was_cancelled_meanwhile_go() {
        let environment = Environment::in_memory(Arc::new(MemoryDisk::new()), 1);
        let queries = Queries::new(environment.clone(), 1000);
        let id = "a:b:0".to_owned();
        let query = queries.add(id, "SELECT 1", nobody(), 0, String::new(), Weak::new());
        query.cancel();
        let rows = Rows::new(b"[{\"v\":1}]".to_vec());
        let done = Done {
            row_count: 1,
            bytes: 9,
            elapsed_ms: 0,
            last_offset: None,
        };
        queries.keep(&query, done, &rows).unwrap();
        assert!(matches!(query.state(), State::Cancelled));
        let folder = ObjectPath::new(FOLDER);
        assert_eq!(environment.disk.list(&folder).unwrap(), [""; 0]);
    }
}
