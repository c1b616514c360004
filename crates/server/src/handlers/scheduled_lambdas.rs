//! `/v1/orgs/self/ws/{workspace}/scheduled_lambdas`: query lambdas that run by themselves. What runs them is
//! [`crate::scheduler`].

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::scheduled_lambda::{ExecutionStatus, ScheduledLambda, ScheduledLambdaRequest};
use outcrop_catalog::{
    Action, ApiKey, LambdaTarget, NewScheduledLambda, RunState, RunStatus, ScheduleOptions,
    ScheduledLambdaRecord,
};

use crate::access::Caller;
use crate::app::App;
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::scheduler::{self, cron, webhook};

/// What the resource names of scheduled query lambdas begin with.
const RRN: &str = "rrn:sl:";

/// `GET /v1/orgs/self/lambdas/scheduled_lambdas`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let caller = call.caller()?;
    let records = call.app.catalog.scheduled_lambdas();
    let records = records
        .iter()
        .filter(|record| caller.may_list(&record.workspace));
    let data: Vec<ScheduledLambda> = records.map(|one| shown(&call.app, one)).collect();
    call::json(&Data { data })
}

/// `POST …/scheduled_lambdas`.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let mut request: ScheduledLambdaRequest = call.json()?;
    let required = |name: &str| ApiError::invalid(format!("`{name}` is required"));
    let lambda = request.ql_name.take().ok_or_else(|| required("ql_name"))?;
    let cron = request.cron_string.take();
    let cron = cron.ok_or_else(|| required("cron_string"))?;
    cron::check(&cron, call.received_micros)
        .map_err(|error| ApiError::invalid(format!("`cron_string` is not valid: {error}")))?;
    let target = match (request.tag.take(), request.version.take()) {
        (Some(tag), None) => LambdaTarget::Tag(tag),
        (None, Some(version)) => LambdaTarget::Version(version),
        _ => return Err(ApiError::invalid("either `tag` or `version` is required")),
    };
    let mut options = options(&call, request)?;
    if options.key_hash.is_none() {
        options.key_hash = Some(usable(&call, call.caller()?.clone())?.hash);
    }
    let new = NewScheduledLambda {
        workspace: call.segment("workspace").to_owned(),
        lambda,
        target,
        cron,
        options,
    };
    let creator = call.creator()?;
    respond(call, move |app| {
        Ok(app.catalog.create_scheduled_lambda(new, creator)?)
    })
    .await
}

/// `GET …/scheduled_lambdas/{scheduledLambdaId}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let (workspace, id) = path(&call);
    let record = call.app.catalog.scheduled_lambda(&workspace, &id)?;
    call::json(&Data {
        data: shown(&call.app, &record),
    })
}

/// `POST …/scheduled_lambdas/{scheduledLambdaId}`: members that are left out stay as they are.
pub(crate) async fn update(call: Call) -> ApiResult<Response> {
    let request: ScheduledLambdaRequest = call.json()?;
    let resumes = request.resume_permanent_error;
    let options = options(&call, request)?;
    let (workspace, id) = path(&call);
    let record = call.app.catalog.scheduled_lambda(&workspace, &id)?;
    if options.key_hash.is_none() {
        check_key(&call, &record)?;
    }
    respond(call, move |app| {
        let (catalog, now) = (&app.catalog, app.now_micros());
        let changed = catalog.update_scheduled_lambda(&workspace, &id, options)?;
        catalog.update_schedule_runs(&changed.id, |runs| {
            if !scheduler::has_next(&record, runs) {
                // What went by while it stood still is not made up for.
                runs.pass_over(now);
            }
            if let Some(resumes) = resumes {
                runs.is_resumed = resumes;
                runs.is_suspended &= !resumes;
            }
        })?;
        Ok(changed)
    })
    .await
}

/// `DELETE …/scheduled_lambdas/{scheduledLambdaId}`: answers what it was. What runs goes on to its end.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let (workspace, id) = path(&call);
    respond(call, move |app| {
        Ok(app.catalog.delete_scheduled_lambda(&workspace, &id)?)
    })
    .await
}

/// Changes something, then shows it.
async fn respond(
    call: Call,
    change: impl FnOnce(&App) -> ApiResult<ScheduledLambdaRecord> + Send + 'static,
) -> ApiResult<Response> {
    let data = blocking::run(move || {
        let record = change(&call.app)?;
        Ok::<_, ApiError>(shown(&call.app, &record))
    })
    .await??;
    call::json(&Data { data })
}

/// Workspace and id of the path, which has a resource name or a UUID.
fn path(call: &Call) -> (String, String) {
    let given = call.segment("scheduledLambdaId");
    let id = match given.starts_with(RRN) {
        true => given.rsplit(':').next().unwrap_or(given),
        false => given,
    };
    (call.segment("workspace").to_owned(), id.to_owned())
}

/// What of the request can be changed later too, checked.
///
/// # Errors
/// `INVALIDINPUT`; `FORBIDDEN` if the key may not execute query lambdas of the workspace.
fn options(call: &Call, request: ScheduledLambdaRequest) -> ApiResult<ScheduleOptions> {
    let key = request.apikey.map(|secret| {
        let known = call.app.catalog.authenticate(&secret);
        let (key, rights) =
            known.ok_or_else(|| ApiError::invalid("`apikey` is no key that works"))?;
        usable(call, Caller { key, rights })
    });
    let executions_max = request.total_times_to_execute.map(|times| {
        let times = u64::try_from(times).ok().filter(|times| *times > 0);
        times.ok_or_else(|| ApiError::invalid("`total_times_to_execute` has to be positive"))
    });
    let checked = |name: &str, value: &Option<String>, check: fn(&str) -> Result<(), String>| {
        let checked = value.as_deref().map_or(Ok(()), check);
        checked.map_err(|error| ApiError::invalid(format!("`{name}` is not valid: {error}")))
    };
    checked("webhook_url", &request.webhook_url, webhook::check_url)?;
    checked(
        "webhook_payload",
        &request.webhook_payload,
        webhook::check_payload,
    )?;
    checked(
        "webhook_auth_header",
        &request.webhook_auth_header,
        webhook::check_authorization,
    )?;
    Ok(ScheduleOptions {
        key_hash: key.transpose()?.map(|key| key.hash),
        executions_max: executions_max.transpose()?,
        webhook_url: request.webhook_url,
        webhook_payload: request.webhook_payload,
        webhook_auth_header: request.webhook_auth_header,
    })
}

/// Checks that the caller may do all that the schedule's key may, whose results the webhook gets.
///
/// # Errors
/// `FORBIDDEN` if not; `INVALIDINPUT` if the key does not work any more.
fn check_key(call: &Call, record: &ScheduledLambdaRecord) -> ApiResult<()> {
    let known = call.app.catalog.authenticate_hash(&record.key_hash);
    let (_, rights) = known.ok_or_else(|| {
        ApiError::invalid("the key of the schedule works no more: give an `apikey`")
    })?;
    call.caller()?.require_cover(&rights)
}

/// The key of the caller, if query lambdas of the workspace can be executed with it.
///
/// # Errors
/// `FORBIDDEN` if not.
fn usable(call: &Call, caller: Caller) -> ApiResult<ApiKey> {
    caller.require(Action::ExecuteQueryLambda, call.segment("workspace"))?;
    Ok(caller.key)
}

/// The scheduled query lambda as clients see it.
fn shown(app: &App, record: &ScheduledLambdaRecord) -> ScheduledLambda {
    let runs = app.catalog.schedule_runs(&record.id);
    let next = scheduler::next_tick(record, &runs);
    let record = record.clone();
    let (tag, version) = match record.target {
        LambdaTarget::Tag(tag) => (Some(tag), None),
        LambdaTarget::Version(version) => (None, Some(version)),
    };
    ScheduledLambda {
        rrn: ids::resource_name("sl", &record.id),
        workspace: record.workspace,
        ql_name: record.lambda,
        cron_string: record.cron,
        tag,
        version,
        execution_count: runs.execution_count,
        total_times_to_execute: record.executions_max,
        next_execution_date: next.map(ids::metadata_time),
        last_completion_date: runs.last_completion_micros.map(ids::metadata_time),
        last_query_id: runs.last_query_id,
        query_execution_status: runs.query_status.map(shown_status),
        webhook_execution_status: runs.webhook_status.map(shown_status),
        webhook_url: record.webhook_url,
        webhook_payload: record.webhook_payload,
        resume_permanent_error: runs.is_resumed,
    }
}

fn shown_status(status: RunStatus) -> ExecutionStatus {
    let state = match status.state {
        RunState::Warning => "WARNING",
        RunState::Error => "ERROR",
    };
    ExecutionStatus {
        state: state.to_owned(),
        message: status.message,
    }
}
