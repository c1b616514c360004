//! Runs query lambdas by themselves.
//!
//! Several times a second it looks which ticks are due. Each is claimed durably (`outcrop_catalog::schedule`) and then
//! run as a call of the operation with the schedule's key would be. Ticks that pass while a run goes on
//! are left out; those that passed while the server was down are made up for by one run.

pub(crate) mod cron;
pub(crate) mod webhook;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use http_body_util::BodyExt;
use outcrop_api::error::ErrorType;
use outcrop_catalog::{
    Action, CatalogError, LambdaTarget, RunState, RunStatus, ScheduleRuns, ScheduledLambdaRecord,
};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::blocking;
use crate::call::Call;
use crate::dispatch::catch_panic;
use crate::error::{ApiError, ApiResult};
use crate::handlers;
use crate::ids;
use crate::listener;
use webhook::Message;

/// How often it is looked whether a tick is due.
const INTERVAL: Duration = Duration::from_millis(250);

/// Pause after a write that failed.
const WRITE_PAUSE: Duration = Duration::from_secs(5);

/// Rows that a webhook gets at most; the others can be fetched as pages.
const ROWS_MAX: usize = 100;

/// Bytes of rows that a webhook gets at most.
const BYTES_MAX: usize = 1 << 20;

/// When the scheduled query lambda runs next, in microseconds since 1970.
pub(crate) fn next_tick(record: &ScheduledLambdaRecord, runs: &ScheduleRuns) -> Option<i64> {
    if !has_next(record, runs) {
        return None;
    }
    tick_after(record, base(record, runs))
}

/// Whether there is a next tick at all.
pub(crate) fn has_next(record: &ScheduledLambdaRecord, runs: &ScheduleRuns) -> bool {
    let is_exhausted = record
        .executions_max
        .is_some_and(|max| runs.execution_count >= max);
    !is_exhausted && !runs.is_suspended
}

fn tick_after(record: &ScheduledLambdaRecord, micros: i64) -> Option<i64> {
    let cron = cron::parse(&record.cron).ok()?;
    cron::next_after(&cron, micros)
}

/// The time that the next tick comes after.
fn base(record: &ScheduledLambdaRecord, runs: &ScheduleRuns) -> i64 {
    runs.done_until_micros.unwrap_or(record.created_at_micros)
}

/// Looks for ticks until told to stop.
pub(crate) struct Scheduler {
    pub(crate) app: Arc<App>,
    /// Turns true when the server shuts down.
    pub(crate) stop: watch::Receiver<bool>,
    /// How long runs are waited for then.
    pub(crate) grace: Duration,
}

impl Scheduler {
    /// Runs what is due until told to stop, then waits for what runs, and returns.
    pub(crate) async fn run(mut self) {
        let mut ticks = Ticks::default();
        let mut running = HashMap::new();
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = listener::stopped(&mut self.stop) => break,
            }
            while let Some(ended) = tasks.try_join_next_with_id() {
                let task = ended.map_or_else(|panic| panic.id(), |(task, ())| task);
                running.remove(&task);
            }
            for (record, tick) in ticks.due(&self.app) {
                if running.values().any(|id| *id == record.id) {
                    continue;
                }
                let (app, id) = (Arc::clone(&self.app), record.id.clone());
                let task = tasks.spawn(async move { run(&app, &record, tick).await });
                running.insert(task.id(), id);
            }
        }
        let finished = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.grace, finished).await.is_err() {
            tracing::warn!("runs of scheduled query lambdas were cut off by the shutdown");
        }
    }
}

/// Next ticks by the ids of their schedules, with the times that they come after.
#[derive(Default)]
struct Ticks(HashMap<String, (i64, Option<i64>)>);

impl Ticks {
    /// What is due now.
    fn due(&mut self, app: &App) -> Vec<(ScheduledLambdaRecord, i64)> {
        let now = app.now_micros();
        let mut known = std::mem::take(&mut self.0);
        let mut due = Vec::new();
        for record in app.catalog.scheduled_lambdas() {
            let runs = app.catalog.schedule_runs(&record.id);
            let base = base(&record, &runs);
            let next = match known.remove(&record.id) {
                Some((before, next)) if before == base => next,
                _ => tick_after(&record, base),
            };
            self.0.insert(record.id.clone(), (base, next));
            let tick = next.filter(|tick| *tick <= now && has_next(&record, &runs));
            due.extend(tick.map(|tick| (record, tick)));
        }
        due
    }
}

/// Runs one tick, unless it has run.
async fn run(app: &Arc<App>, record: &ScheduledLambdaRecord, tick: i64) {
    let claimed = durably(app, record, move |app, id| app.catalog.claim_tick(id, tick)).await;
    match claimed {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => {
            warn(record, &error, "a tick cannot be claimed");
            // It is tried again when this has ended.
            tokio::time::sleep(WRITE_PAUSE).await;
            return;
        }
    }
    let outcome = outcome(app, record).await;
    let message = |status: &RunStatus| status.message.clone();
    tracing::info!(
        schedule.id = record.id,
        query.id = outcome.query_id,
        query.error = outcome.query.as_ref().map(message),
        webhook.error = outcome.webhook.as_ref().map(message),
        "a scheduled query lambda has run"
    );
    loop {
        let outcome = outcome.clone();
        let noted = durably(app, record, move |app, id| outcome.note(app, id)).await;
        let Err(error) = noted else { return };
        warn(record, &error, "the outcome of a run cannot be noted");
        tokio::time::sleep(WRITE_PAUSE).await;
    }
}

/// Changes the schedule on a thread that may block.
async fn durably<T: Send + 'static>(
    app: &Arc<App>,
    record: &ScheduledLambdaRecord,
    change: impl FnOnce(&App, &str) -> Result<T, CatalogError> + Send + 'static,
) -> ApiResult<T> {
    let (app, id) = (Arc::clone(app), record.id.clone());
    Ok(blocking::run(move || change(&app, &id)).await??)
}

fn warn(record: &ScheduledLambdaRecord, error: &ApiError, what: &str) {
    tracing::warn!(schedule.id = record.id, error = %error.model.message, "{what}");
}

/// How a run went.
#[derive(Clone, Debug)]
struct Outcome {
    query_id: String,
    /// What was wrong with the query.
    query: Option<RunStatus>,
    /// What was wrong with the webhook.
    webhook: Option<RunStatus>,
}

impl Outcome {
    /// Notes it durably. Blocks.
    fn note(&self, app: &App, id: &str) -> Result<(), CatalogError> {
        let now = app.now_micros();
        app.catalog.update_schedule_runs(id, |runs| {
            runs.pass_over(now);
            runs.is_running = false;
            runs.is_resumed = false;
            runs.last_query_id = Some(self.query_id.clone());
            runs.query_status.clone_from(&self.query);
            runs.webhook_status.clone_from(&self.webhook);
            let state = self.query.as_ref().map(|status| status.state);
            runs.is_suspended = state == Some(RunState::Error);
            if state.is_none() {
                runs.last_completion_micros = Some(now);
            }
        })
    }
}

/// Runs the query, then the webhook.
async fn outcome(app: &Arc<App>, record: &ScheduledLambdaRecord) -> Outcome {
    let trace_id = ids::uuid(app.environment().random.as_ref());
    let mut outcome = Outcome {
        query_id: ids::query_id(trace_id),
        query: None,
        webhook: None,
    };
    match catch_panic(execute(app, record, trace_id)).await {
        Ok(rows) => outcome.webhook = send(app, record, &outcome.query_id, &rows).await.err(),
        Err(error) => outcome.query = Some(status(&error)),
    }
    outcome
}

/// Executes the query lambda with the key of its schedule, and returns its first rows as a JSON array.
///
/// # Errors
/// Those of the operation.
async fn execute(
    app: &Arc<App>,
    record: &ScheduledLambdaRecord,
    trace_id: Uuid,
) -> ApiResult<String> {
    let key = app.catalog.authenticate_hash(&record.key_hash);
    let (key, rights) = key.ok_or_else(|| {
        let message =
            "the API key of the schedule does not exist any more, has expired or is suspended";
        ApiError::new(ErrorType::AuthException, message)
    })?;
    let caller = Caller { key, rights };
    caller.require(Action::ExecuteQueryLambda, &record.workspace)?;
    let (name, operation, target) = match &record.target {
        LambdaTarget::Tag(tag) => ("tag", "executeQueryLambdaByTag", tag),
        LambdaTarget::Version(version) => ("version", "executeQueryLambda", version),
    };
    let segments = [
        ("workspace", &record.workspace),
        ("queryLambda", &record.lambda),
        (name, target),
    ];
    let (handler, signature) = handlers::find(operation).expect("query lambdas can be executed");
    // The rows are kept for a day, so that whoever gets the id can fetch all of them.
    let body = json!({ "max_initial_results": ROWS_MAX, "paginate": true });
    let response = handler(Call {
        app: Arc::clone(app),
        signature,
        caller: Some(caller),
        integration: None,
        segments: segments
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .into(),
        query: String::new(),
        body: body.to_string().into(),
        user_agent: None,
        trace_id,
        received: app.monotonic(),
        received_micros: app.now_micros(),
    })
    .await?;
    first_rows(response).await
}

/// What a webhook gets of the answer to a query.
async fn first_rows(response: Response) -> ApiResult<String> {
    #[derive(Deserialize)]
    struct Answer {
        results: Vec<Box<RawValue>>,
    }
    let body = response.into_body().collect().await;
    let body = body.map_err(ApiError::internal)?.to_bytes();
    let answer: Answer = serde_json::from_slice(&body).map_err(ApiError::internal)?;
    let mut left = BYTES_MAX;
    let rows = answer
        .results
        .iter()
        .map(|row| row.get())
        .take_while(|row| {
            left = left.saturating_sub(row.len() + 1);
            left > 0
        });
    let rows: Vec<&str> = rows.collect();
    Ok(format!("[{}]", rows.join(",")))
}

/// Sends what came out, if it is to be sent.
async fn send(
    app: &App,
    record: &ScheduledLambdaRecord,
    query_id: &str,
    rows: &str,
) -> Result<(), RunStatus> {
    let Some(url) = record.webhook_url.clone() else {
        return Ok(());
    };
    let message = Message {
        url,
        authorization: app.catalog.webhook_auth_header(record),
        payload: webhook::payload(record.webhook_payload.as_deref(), query_id, rows),
        query_id: query_id.to_owned(),
        timestamp: app.now_micros().div_euclid(1_000_000),
    };
    webhook::send(&message).await
}

/// A failure that may be gone at the next tick is a warning.
fn status(error: &ApiError) -> RunStatus {
    let status = error.status();
    let may_pass = status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        );
    RunStatus {
        state: match may_pass {
            true => RunState::Warning,
            false => RunState::Error,
        },
        message: error.model.message.clone(),
    }
}
