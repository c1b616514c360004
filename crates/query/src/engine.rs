//! Runs statements: start reading here.
//!
//! [`Engine::execute`] takes SQL text to JSON rows: parse, collect the paths, pin snapshots, bind,
//! optimise, execute, write. All of it happens on a runtime of the engine's own, so that decoding
//! and arithmetic never hold up the threads that serve requests.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use outcrop_document::{Object, Timestamp};
use tokio::runtime::{Builder, Runtime};

use crate::error::QueryError;
use crate::execution::{DEFAULT_WORKSPACE, Execution, Session};
use crate::insert::DocumentSink;
use crate::memory::MemoryGauge;
use crate::parameters::Parameter;
use crate::resolver::Collections;
use crate::scan::{AccessKind, AccessPath, Cancellation};
use crate::transformation::{RolledUp, Transformation, Transformed};
use crate::validation::{self, Purpose, Validation};

/// Stack of a query thread: plans of deeply nested expressions are walked recursively.
const STACK_BYTES: usize = 16 << 20;

/// Limits of an [`Engine`]; they hold for all its queries together, but for the result's bytes.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Bytes that the operators of all running queries may hold together.
    pub memory_bytes_max: usize,
    /// Asked before they hold more: whether the process has room. Not asked if `None`.
    pub memory_gauge: Option<Arc<dyn MemoryGauge>>,
    /// Partitions of a plan, and threads of the engine's runtime.
    pub partitions: usize,
    /// Bytes of JSON that one result may have.
    pub result_bytes_max: usize,
    /// Bytes of documents that an ingest transformation may make of those of one write: UNNEST
    /// repeats the fields of a document beside each element of its array.
    pub transformation_bytes_max: usize,
    /// How collections are read that have no `HINT(access_path=…)`.
    pub access_path: AccessPath,
    /// Where sorts and aggregations put what does not fit in memory; nowhere if `None`.
    pub spill_directory: Option<PathBuf>,
}

impl Default for EngineOptions {
    /// 1 GiB of memory, a partition per core, results of 100 MiB, 128 MiB out of a transformation, no
    /// spilling.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            memory_bytes_max: 1 << 30,
            memory_gauge: None,
            partitions: cores,
            result_bytes_max: 100 << 20,
            transformation_bytes_max: 128 << 20,
            access_path: AccessPath::Cheapest,
            spill_directory: None,
        }
    }
}

/// A statement to run.
#[derive(Clone, Debug)]
pub struct QueryRequest {
    /// The text.
    pub sql: String,
    /// Values of its parameters; unused ones are ignored.
    pub parameters: Vec<Parameter>,
    /// The limit of the outermost query, if the text gives none.
    pub default_row_limit: Option<u64>,
    /// How long it may run.
    pub timeout: Duration,
    /// What `CURRENT_TIMESTAMP()` and its like mean throughout the statement.
    pub query_time: Timestamp,
}

/// What a statement gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryOutput {
    /// Full names of the collections that it read, each once.
    pub collections: Vec<String>,
    /// Full names of the aliases that it went through, each once.
    pub aliases: Vec<String>,
    /// Names of the members of a row, in their order in every row. For a star the names that occur;
    /// `None` for a star without rows.
    pub column_fields: Option<Vec<String>>,
    /// Number of rows.
    pub row_count: u64,
    /// The rows: a JSON array of objects.
    pub rows_json: Vec<u8>,
    /// Remarks for the user.
    pub warnings: Vec<String>,
    /// How it came to the rows that it read.
    pub access_kinds: BTreeSet<AccessKind>,
}

/// What a statement reads from and writes to.
#[derive(Clone)]
pub struct Reach {
    /// The collections, aliases and views that it may name, as whoever runs it sees them.
    pub collections: Arc<dyn Collections>,
    /// Where the documents of an INSERT go; without one, such a statement is refused.
    pub sink: Option<Arc<dyn DocumentSink>>,
}

/// Runs statements over the collections of a catalog.
pub struct Engine {
    collections: Arc<dyn Collections>,
    session: Arc<Session>,
    /// `None` only while the engine is being dropped.
    runtime: Option<Runtime>,
}

impl Engine {
    /// An engine over the collections of a catalog.
    ///
    /// # Errors
    /// If the system refuses the threads of the engine's runtime, or the spill directory.
    pub fn new(collections: Arc<dyn Collections>, options: EngineOptions) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(options.partitions.max(1))
            .thread_name("query")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()?;
        let session = Session::new(options).map_err(std::io::Error::other)?;
        Ok(Self {
            collections,
            session: Arc::new(session),
            runtime: Some(runtime),
        })
    }

    /// Runs a statement that only reads, over the engine's own collections; see [`Self::execute_within`].
    ///
    /// # Errors
    /// As there, and [`QueryError::Forbidden`] for an INSERT.
    pub async fn execute(&self, request: QueryRequest) -> Result<QueryOutput, QueryError> {
        let reach = Reach {
            collections: Arc::clone(&self.collections),
            sink: None,
        };
        self.execute_within(request, reach).await
    }

    /// Runs a statement to its last row.
    ///
    /// When the returned future is dropped, the query stops. It must be polled inside a Tokio
    /// runtime that has its timer on.
    ///
    /// # Errors
    /// Every variant of [`QueryError`]; [`QueryError::Timeout`] after `request.timeout`.
    pub async fn execute_within(
        &self,
        request: QueryRequest,
        reach: Reach,
    ) -> Result<QueryOutput, QueryError> {
        let timeout = request.timeout;
        let cancellation = Arc::new(Cancellation::default());
        let execution = Execution {
            reach,
            session: Arc::clone(&self.session),
            cancellation: Arc::clone(&cancellation),
        };
        let task = self.spawn(cancellation, execution.run(request));
        match tokio::time::timeout(timeout, task).await {
            Ok(result) => result,
            Err(_) => Err(QueryError::Timeout),
        }
    }

    /// Checks and plans an ingest transformation.
    ///
    /// # Errors
    /// [`QueryError::Syntax`], [`QueryError::Semantic`] and [`QueryError::NotImplemented`] with the
    /// place in the text.
    pub async fn compile(&self, sql: &str) -> Result<Transformation, QueryError> {
        let session = Arc::clone(&self.session);
        let sql = sql.to_owned();
        let compile = async move { Transformation::compile(&session, &sql).await };
        self.spawn(Arc::default(), compile).await
    }

    /// Transforms documents on their way into a collection, with `now` as the current time. The
    /// answer has one element per document, in their order.
    ///
    /// # Errors
    /// [`QueryError::ResultTooLarge`] if they come to too many bytes, and what is no fault of one
    /// document: [`QueryError::MemoryLimit`], [`QueryError::Internal`].
    pub async fn transform(
        &self,
        transformation: Arc<Transformation>,
        documents: Vec<Object>,
        now: Timestamp,
    ) -> Result<Vec<Transformed>, QueryError> {
        let session = Arc::clone(&self.session);
        let transform = async move { transformation.run(&session, documents, now).await };
        self.spawn(Arc::default(), transform).await
    }

    /// Puts documents on their way into the collection of a rollup together in groups, with `now` as
    /// the current time.
    ///
    /// # Errors
    /// As [`transform`](Self::transform), and [`QueryError::Internal`] if it is no rollup.
    pub async fn roll_up(
        &self,
        rollup: Arc<Transformation>,
        documents: Vec<Object>,
        now: Timestamp,
    ) -> Result<RolledUp, QueryError> {
        let session = Arc::clone(&self.session);
        let roll_up = async move { rollup.roll_up(&session, documents, now).await };
        self.spawn(Arc::default(), roll_up).await
    }

    /// Runs `work` on the engine's runtime, until it ends or the returned future is dropped.
    async fn spawn<T: Send + 'static>(
        &self,
        cancellation: Arc<Cancellation>,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, QueryError> {
        let Some(runtime) = &self.runtime else {
            return Err(QueryError::Cancelled);
        };
        let task = runtime.spawn(Box::pin(work));
        let _stop = StopOnDrop {
            task: task.abort_handle(),
            cancellation,
        };
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_cancelled() => Err(QueryError::Cancelled),
            Err(error) => Err(internal(panic_message(error))),
        }
    }

    /// Checks a statement without running it: what it reads, and which parameters it needs.
    ///
    /// # Errors
    /// As [`Engine::execute`] before the first row: syntax, names and types.
    pub fn validate(&self, sql: &str, default_workspace: &str) -> Result<Validation, QueryError> {
        Self::validate_within(self.collections.as_ref(), sql, default_workspace)
    }

    /// As [`Engine::validate`], over other collections than the engine's own.
    ///
    /// # Errors
    /// As [`Engine::validate`].
    pub fn validate_within(
        collections: &dyn Collections,
        sql: &str,
        default_workspace: &str,
    ) -> Result<Validation, QueryError> {
        Self::validate_for(Purpose::Query, collections, sql, default_workspace)
    }

    /// As [`Engine::validate_within`], for a statement that is to be a view.
    ///
    /// # Errors
    /// As [`Engine::validate`]; also if it is no query or has parameters.
    pub fn validate_view(
        collections: &dyn Collections,
        sql: &str,
    ) -> Result<Validation, QueryError> {
        Self::validate_for(Purpose::View, collections, sql, DEFAULT_WORKSPACE)
    }

    fn validate_for(
        purpose: Purpose,
        collections: &dyn Collections,
        sql: &str,
        default_workspace: &str,
    ) -> Result<Validation, QueryError> {
        // Binding recurses as deep as the statement does, and the caller's stack may be small.
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let validate = || validation::validate(collections, sql, default_workspace, purpose);
            let thread = thread.spawn_scoped(scope, validate);
            let thread = thread.map_err(|error| internal(error.to_string()))?;
            thread
                .join()
                .unwrap_or_else(|panic| Err(internal(panic_text(panic.as_ref()))))
        })
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl Drop for Engine {
    /// Queries are left to end by themselves: a runtime must not be waited for on an async thread.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Stops a query when whoever waits for it goes away.
struct StopOnDrop {
    task: tokio::task::AbortHandle,
    cancellation: Arc<Cancellation>,
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.cancellation.cancel();
        self.task.abort();
    }
}

fn panic_message(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panic_text(panic.as_ref()),
        Err(error) => error.to_string(),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the query panicked: {}", text.unwrap_or("no message"))
}

fn internal(message: String) -> QueryError {
    QueryError::Internal { message }
}
