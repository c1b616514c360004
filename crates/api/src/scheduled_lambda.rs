//! `/v1/orgs/self/ws/{workspace}/scheduled_lambdas`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A query lambda that runs by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduledLambda {
    /// `rrn:sl:…`.
    pub rrn: String,
    /// Workspace of the query lambda.
    pub workspace: String,
    /// Name of the query lambda.
    pub ql_name: String,
    /// When it runs, as it was given.
    pub cron_string: String,
    /// The tag whose version runs; none if a version was given.
    pub tag: Option<String>,
    /// The version that runs; none if a tag was given.
    pub version: Option<String>,
    /// Runs that were begun.
    pub execution_count: u64,
    /// After that many runs it runs no more.
    pub total_times_to_execute: Option<u64>,
    /// `YYYY-MM-DDTHH:MM:SSZ`; none if it does not run any more.
    pub next_execution_date: Option<String>,
    /// When a run last went well; `YYYY-MM-DDTHH:MM:SSZ`.
    pub last_completion_date: Option<String>,
    /// The query of the last run.
    pub last_query_id: Option<String>,
    /// What was wrong with the query of the last run.
    pub query_execution_status: Option<ExecutionStatus>,
    /// What was wrong with the webhook of the last run.
    pub webhook_execution_status: Option<ExecutionStatus>,
    /// Where the results go.
    pub webhook_url: Option<String>,
    /// What goes there.
    pub webhook_payload: Option<String>,
    /// Whether it runs once more after a failure that suspended it.
    pub resume_permanent_error: bool,
}

/// What was wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionStatus {
    /// `WARNING` if the next run may go well, else `ERROR`.
    pub state: String,
    /// What it is.
    pub message: String,
}

/// `POST` to make a scheduled query lambda, or to change one: then the first four members do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct ScheduledLambdaRequest {
    /// Name of the query lambda; required.
    pub ql_name: Option<String>,
    /// Cron expression of 5 fields, or of 6 or 7 as Quartz has them; required.
    pub cron_string: Option<String>,
    /// The tag whose version shall run; this or `version` is required.
    pub tag: Option<String>,
    /// The version that shall run.
    pub version: Option<String>,
    /// The key to run it with; that of the caller if there is none.
    pub apikey: Option<String>,
    /// After that many runs it runs no more.
    pub total_times_to_execute: Option<i64>,
    /// Where the results shall go.
    pub webhook_url: Option<String>,
    /// What shall go there, with `{{QUERY_ID}}` and `{{QUERY_RESULTS}}`.
    pub webhook_payload: Option<String>,
    /// `Authorization` header for the webhook.
    pub webhook_auth_header: Option<String>,
    /// Run again after a failure that suspended it; only to change one.
    pub resume_permanent_error: Option<bool>,
}
