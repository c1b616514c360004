//! `/v1/orgs/self/virtualinstances` and `/v1/orgs/self/deploymentsettings`.
//!
//! There is one virtual instance, `main`, which is this process: it ingests, has every collection mounted, and answers
//! all queries.

use axum::http::StatusCode;
use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::query::QueryInfo;
use outcrop_api::virtual_instance::{
    CollectionMount, DeploymentSettings, InstanceStats, MountRequest, VirtualInstance,
};
use outcrop_catalog::{Action, CollectionName, CollectionRecord};

use super::{offsets, queries};
use crate::app::App;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;

const NAME: &str = "main";

/// What is said to be the size of a process that takes what the machine has.
const SIZE: &str = "SHARED";

/// The class of the service's main instance.
const CLASS: &str = "MO_IL";

/// `GET /v1/orgs/self/virtualinstances`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let data = vec![main(&call.app)];
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/virtualinstances/{virtualInstanceId}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    check_instance(&call)?;
    let data = main(&call.app);
    call::json(&Data { data })
}

/// `GET …/queries`: those of the last day, the newest first.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_queries(call: Call) -> ApiResult<Response> {
    check_instance(&call)?;
    let caller = call.caller()?;
    let recent = call.app.queries.recent();
    let recent = recent.iter().filter(|query| query.is_visible_to(caller));
    let recent = recent.map(|query| queries::info(&call.app, query));
    let data: Vec<QueryInfo> = recent.collect();
    call::json(&Data { data })
}

/// `POST …/queries`: as `POST /v1/orgs/self/queries`.
pub(crate) async fn query(call: Call) -> ApiResult<Response> {
    check_instance(&call)?;
    queries::run(call).await
}

/// `GET …/mounts`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_mounts(call: Call) -> ApiResult<Response> {
    check_instance(&call)?;
    let records = call.app.catalog.collections().into_iter();
    let caller = call.caller()?;
    let records = records.filter(|record| record.is_alive() && caller.may_list(&record.workspace));
    let data: Vec<CollectionMount> = records.map(|record| mount(&call.app, &record)).collect();
    call::json(&Data { data })
}

/// `POST …/mounts`: every collection is mounted already.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn add_mounts(call: Call) -> ApiResult<Response> {
    check_instance(&call)?;
    let request: MountRequest = call.json()?;
    if request.collection_paths.is_empty() {
        return Err(ApiError::invalid(
            "`collection_paths` has to name a collection",
        ));
    }
    let paths = request.collection_paths.iter();
    let data = paths.map(|path| mount_of(&call, path));
    let data = data.collect::<ApiResult<Vec<CollectionMount>>>()?;
    call::json(&Data { data })
}

/// `GET …/mounts/{collectionPath}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get_mount(call: Call) -> ApiResult<Response> {
    check_instance(&call)?;
    let data = mount_of(&call, call.segment("collectionPath"))?;
    call::json(&Data { data })
}

/// `POST …/mounts/{collectionPath}/offsets/commit`: a mount sees what the collection does.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn mount_offsets(call: Call) -> ApiResult<Response> {
    check_instance(&call)?;
    let path = call.segment("collectionPath");
    mount_of(&call, path)?;
    let name = CollectionName::parse(path).ok_or_else(|| not_mounted(path))?;
    let request: outcrop_api::offset::CommitRequest = call.json()?;
    offsets::commit(&call, &name.workspace, &name.name, &request.name)
}

/// `GET /v1/orgs/self/deploymentsettings`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn settings(call: Call) -> ApiResult<Response> {
    let data = current_settings(&call.app);
    call::json(&Data { data })
}

/// `PUT /v1/orgs/self/deploymentsettings`: there is no other virtual instance to choose.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn set_settings(call: Call) -> ApiResult<Response> {
    let request: DeploymentSettings = call.json()?;
    if let Some(wanted) = &request.default_query_vi {
        check(&call.app, wanted)?;
    }
    let data = current_settings(&call.app);
    let mut response = call::json(&Data { data })?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

fn current_settings(app: &App) -> DeploymentSettings {
    DeploymentSettings {
        default_query_vi: Some(rrn(&id(app))),
    }
}

/// RRN of the main virtual instance.
pub(crate) fn main_instance(app: &App) -> String {
    rrn(&id(app))
}

fn id(app: &App) -> String {
    app.catalog.organization().main_virtual_instance_id
}

fn rrn(id: &str) -> String {
    ids::resource_name("vi", id)
}

/// Checks the virtual instance of the path.
///
/// # Errors
/// Those of [`check`].
fn check_instance(call: &Call) -> ApiResult<()> {
    check(&call.app, call.segment("virtualInstanceId"))
}

/// Checks that this is the virtual instance there is.
///
/// # Errors
/// `NOTFOUND` if it is not.
pub(super) fn check(app: &App, wanted: &str) -> ApiResult<()> {
    let id = id(app);
    match wanted == id || wanted == rrn(&id) {
        true => Ok(()),
        false => Err(ApiError::not_found(format!(
            "Virtual instance with ID \"{wanted}\" does not exist"
        ))),
    }
}

fn main(app: &App) -> VirtualInstance {
    let organization = app.catalog.organization();
    let id = organization.main_virtual_instance_id;
    let newest = app
        .queries
        .recent()
        .first()
        .map(|query| query.submitted_at_micros / 1000);
    let text = |text: &str| text.to_owned();
    VirtualInstance {
        rrn: rrn(&id),
        id,
        name: text(NAME),
        description: None,
        created_by: None,
        created_at: Some(ids::metadata_time(organization.created_at_micros)),
        state: text("ACTIVE"),
        current_size: text(SIZE),
        desired_size: text(SIZE),
        current_type: text(SIZE),
        desired_type: text(SIZE),
        current_instance_class: text(CLASS),
        desired_instance_class: text(CLASS),
        monitoring_enabled: true,
        default_vi: true,
        compute_type: text("INGEST_QUERY"),
        auto_suspend_seconds: None,
        auto_scaling_policy: None,
        mount_refresh_interval_seconds: None,
        mount_type: Some(text("LIVE")),
        enable_remount_on_resume: None,
        resumed_at: None,
        suspended_at: None,
        stats: InstanceStats {
            last_queried_ms: newest,
        },
    }
}

/// The mount of the collection of this full name.
///
/// # Errors
/// `INVALIDINPUT` if there is none, in words that clients look for, `FORBIDDEN` if the caller may not know.
fn mount_of(call: &Call, path: &str) -> ApiResult<CollectionMount> {
    let app = &call.app;
    let name = CollectionName::parse(path).ok_or_else(|| not_mounted(path))?;
    let caller = call.caller()?;
    caller.require(Action::ListResources, &name.workspace)?;
    let record = app.catalog.collection_record(&name.workspace, &name.name);
    let record = record.ok().filter(CollectionRecord::is_alive);
    record
        .map(|record| mount(app, &record))
        .ok_or_else(|| not_mounted(path))
}

fn not_mounted(path: &str) -> ApiError {
    ApiError::invalid(format!(
        "Collection {path} is not mounted on virtual instance {NAME}"
    ))
}

fn mount(app: &App, record: &CollectionRecord) -> CollectionMount {
    let instance = id(app);
    let entry = app.catalog.collection(&record.workspace, &record.name).ok();
    let queried = entry.map(|entry| entry.last_queried_micros() / 1000);
    CollectionMount {
        mount_type: "LIVE".to_owned(),
        id: record.id.to_string(),
        rrn: ids::resource_name("mnt", record.id),
        collection_path: record.full_name(),
        virtual_instance_rrn: rrn(&instance),
        virtual_instance_id: instance,
        state: "ACTIVE".to_owned(),
        created_at: Some(ids::metadata_time(record.created_at_micros)),
        last_refresh_time_millis: None,
        next_refresh_time_ms: None,
        snapshot_id: None,
        snapshot_expiration_time_millis: None,
        stats: InstanceStats {
            last_queried_ms: queried.filter(|millis| *millis > 0),
        },
    }
}
