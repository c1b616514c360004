//! `/v1/orgs/self/virtualinstances` and `/v1/orgs/self/deploymentsettings`.
//!
//! The virtual instance `main` ingests, and has every collection. Others answer queries of what is mounted on them, with
//! resources of their own (`instances.rs`). A mount sees every write, as the collection itself does.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::query::QueryInfo;
use outcrop_api::virtual_instance::{
    AutoScalingPolicy, CollectionMount, DeploymentSettings, InstanceStats, MountRequest,
    VirtualInstance, VirtualInstanceRequest,
};
use outcrop_catalog::{
    Action, AutoScaling, Catalog, CatalogError, CollectionName, CollectionRecord, InstanceSettings,
    InstanceSize, VirtualInstanceRecord,
};

use super::{offsets, queries};
use crate::app::App;
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::query_source::not_mounted;

/// Classes that can be asked for.
const CLASSES: [&str; 2] = ["MO_IL", "GP_IL"];

/// `GET /v1/orgs/self/virtualinstances`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let records = call.app.catalog.virtual_instances();
    let data: Vec<VirtualInstance> = records
        .iter()
        .map(|record| shown(&call.app, record))
        .collect();
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/virtualinstances/{virtualInstanceId}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let record = instance(&call)?;
    let data = shown(&call.app, &record);
    call::json(&Data { data })
}

/// `POST /v1/orgs/self/virtualinstances`.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let request: VirtualInstanceRequest = call.json()?;
    let name = request.name.clone();
    let name = name.ok_or_else(|| ApiError::invalid("`name` is required"))?;
    let mut settings = InstanceSettings {
        description: None,
        size: InstanceSize::Medium,
        class: CLASSES[0].to_owned(),
        auto_suspend_seconds: None,
        enable_remount_on_resume: None,
        auto_scaling: None,
    };
    let size = request.size.clone();
    Change::of(&request, ("type", size))?.apply(&mut settings);
    let creator = call.creator()?;
    change(&call, move |catalog| {
        catalog.create_virtual_instance(&name, settings, creator)
    })
    .await
}

/// `POST /v1/orgs/self/virtualinstances/{virtualInstanceId}`.
pub(crate) async fn update(call: Call) -> ApiResult<Response> {
    let request: VirtualInstanceRequest = call.json()?;
    let size = request.new_size.clone();
    let settings = Change::of(&request, ("new_size", size))?;
    let id = instance(&call)?.id;
    change(&call, move |catalog| {
        let name = request.name.as_deref();
        catalog.update_virtual_instance(&id, name, |known| settings.apply(known))
    })
    .await
}

/// `DELETE /v1/orgs/self/virtualinstances/{virtualInstanceId}`: its queries end as they would have.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let id = instance(&call)?.id;
    let app = Arc::clone(&call.app);
    let record = blocking::run(move || {
        let record = app.catalog.delete_virtual_instance(&id)?;
        app.instances.follow(&id);
        Ok::<_, CatalogError>(record)
    })
    .await??;
    let data = VirtualInstance {
        state: "DELETED".to_owned(),
        ..shown(&call.app, &record)
    };
    call::json(&Data { data })
}

/// `POST …/suspend`: what runs ends as it would have, nothing new begins.
pub(crate) async fn suspend(call: Call) -> ApiResult<Response> {
    let id = instance(&call)?.id;
    change(&call, move |catalog| {
        catalog.suspend_virtual_instance(&id, true)
    })
    .await
}

/// `POST …/resume`.
pub(crate) async fn resume(call: Call) -> ApiResult<Response> {
    let id = instance(&call)?.id;
    change(&call, move |catalog| {
        catalog.suspend_virtual_instance(&id, false)
    })
    .await
}

/// `GET …/queries`: those of the last day, the newest first.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_queries(call: Call) -> ApiResult<Response> {
    let id = instance(&call)?.id;
    let caller = call.caller()?;
    let recent = call.app.queries.recent_on(&id);
    let recent = recent.iter().filter(|query| query.is_visible_to(caller));
    let recent = recent.map(|query| queries::info(&call.app, query));
    let data: Vec<QueryInfo> = recent.collect();
    call::json(&Data { data })
}

/// `POST …/queries`: as `POST /v1/orgs/self/queries`.
pub(crate) async fn query(call: Call) -> ApiResult<Response> {
    let record = instance(&call)?;
    queries::answer(&call, call.json()?, None, record).await
}

/// `GET …/mounts`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_mounts(call: Call) -> ApiResult<Response> {
    let record = instance(&call)?;
    let caller = call.caller()?;
    let collections = call.app.catalog.collections();
    let collections = collections
        .iter()
        .filter(|collection| collection.is_alive() && caller.may_list(&collection.workspace));
    let data: Vec<CollectionMount> = collections
        .filter_map(|collection| mount(&call.app, &record, collection))
        .collect();
    call::json(&Data { data })
}

/// `POST …/mounts`: those that are there already are in the answer, too.
pub(crate) async fn add_mounts(call: Call) -> ApiResult<Response> {
    let before = instance(&call)?;
    let request: MountRequest = call.json()?;
    if request.collection_paths.is_empty() {
        return Err(ApiError::invalid(
            "`collection_paths` has to name a collection",
        ));
    }
    let paths = request.collection_paths.iter();
    let collections = paths.map(|path| collection(&call, path));
    let collections = collections.collect::<ApiResult<Vec<_>>>()?;
    let names = collections.iter().map(|collection| CollectionName {
        workspace: collection.workspace.clone(),
        name: collection.name.clone(),
    });
    let names: Vec<CollectionName> = names.collect();
    let (app, id) = (Arc::clone(&call.app), before.id.clone());
    let record = blocking::run(move || app.catalog.mount_collections(&id, &names)).await??;
    let mounts = collections.iter().filter_map(|collection| {
        let mount = mount(&call.app, &record, collection)?;
        Some(match before.has_mounted(collection.id) {
            true => mount,
            false => CollectionMount {
                state: "CREATING".to_owned(),
                created_at: None,
                ..mount
            },
        })
    });
    let data: Vec<CollectionMount> = mounts.collect();
    call::json(&Data { data })
}

/// `GET …/mounts/{collectionPath}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get_mount(call: Call) -> ApiResult<Response> {
    let (record, collection) = mounted(&call)?;
    let data = mount(&call.app, &record, &collection);
    call::json(&Data { data })
}

/// `DELETE …/mounts/{collectionPath}`: queries that run go on reading it.
pub(crate) async fn unmount(call: Call) -> ApiResult<Response> {
    let (record, collection) = mounted(&call)?;
    let data = mount(&call.app, &record, &collection).map(|mount| CollectionMount {
        state: "DELETING".to_owned(),
        ..mount
    });
    let app = Arc::clone(&call.app);
    let unmount = move || app.catalog.unmount_collection(&record.id, collection.id);
    blocking::run(unmount).await??;
    call::json(&Data { data })
}

/// `POST …/mounts/{collectionPath}/offsets/commit`: a mount sees what the collection does.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn mount_offsets(call: Call) -> ApiResult<Response> {
    let (_, collection) = mounted(&call)?;
    let request: outcrop_api::offset::CommitRequest = call.json()?;
    offsets::commit(
        &call,
        &collection.workspace,
        &collection.name,
        &request.name,
    )
}

/// `GET /v1/orgs/self/deploymentsettings`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn settings(call: Call) -> ApiResult<Response> {
    let data = current_settings(&call.app);
    call::json(&Data { data })
}

/// `PUT /v1/orgs/self/deploymentsettings`.
pub(crate) async fn set_settings(call: Call) -> ApiResult<Response> {
    let request: DeploymentSettings = call.json()?;
    if let Some(wanted) = &request.default_query_vi {
        let id = find(&call.app, wanted)?.id;
        let app = Arc::clone(&call.app);
        blocking::run(move || app.catalog.set_default_virtual_instance(&id)).await??;
    }
    let data = current_settings(&call.app);
    let mut response = call::json(&Data { data })?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

fn current_settings(app: &App) -> DeploymentSettings {
    DeploymentSettings {
        default_query_vi: Some(rrn(&app.catalog.default_virtual_instance().id)),
    }
}

/// RRN of the virtual instance of this id.
pub(crate) fn rrn(id: &str) -> String {
    ids::resource_name("vi", id)
}

/// The virtual instance of the path.
///
/// # Errors
/// Those of [`find`].
fn instance(call: &Call) -> ApiResult<VirtualInstanceRecord> {
    find(&call.app, call.segment("virtualInstanceId"))
}

/// The virtual instance of this UUID or RRN.
///
/// # Errors
/// `NOTFOUND` if there is none.
pub(super) fn find(app: &App, wanted: &str) -> ApiResult<VirtualInstanceRecord> {
    let id = wanted.rsplit(':').next().unwrap_or(wanted);
    let record = app.catalog.virtual_instance(id).ok();
    let record = record.filter(|record| wanted == record.id || wanted == rrn(&record.id));
    let missing = || CatalogError::InstanceMissing {
        id: wanted.to_owned(),
    };
    Ok(record.ok_or_else(missing)?)
}

/// Changes a virtual instance, and answers with what it is in the moment after that: its pool follows.
async fn change(
    call: &Call,
    change: impl FnOnce(&Catalog) -> Result<VirtualInstanceRecord, CatalogError> + Send + 'static,
) -> ApiResult<Response> {
    let app = Arc::clone(&call.app);
    let (record, data) = blocking::run(move || {
        let record = change(&app.catalog)?;
        let data = shown(&app, &record);
        Ok::<_, CatalogError>((record, data))
    })
    .await??;
    let instances = Arc::clone(&call.app.instances);
    // Nobody waits for it: clients ask until the state is what they want.
    drop(tokio::spawn(blocking::run(move || {
        instances.follow(&record.id);
    })));
    call::json(&Data { data })
}

/// What a request changes, checked.
struct Change {
    description: Option<String>,
    size: Option<InstanceSize>,
    class: Option<String>,
    auto_suspend_enabled: Option<bool>,
    auto_suspend_seconds: Option<u32>,
    auto_scaling: Option<AutoScaling>,
    enable_remount_on_resume: Option<bool>,
}

impl Change {
    /// # Errors
    /// `INVALIDINPUT`; `NOTIMPLEMENTEDYET` for mounts that do not see what is written.
    fn of(
        request: &VirtualInstanceRequest,
        (size_name, size): (&str, Option<String>),
    ) -> ApiResult<Self> {
        let mount_type = request.mount_type.as_deref().unwrap_or("LIVE");
        match mount_type {
            "LIVE" => {}
            "STATIC" => {
                return Err(ApiError::not_implemented(
                    "mounts of the type `STATIC` are not supported yet",
                ));
            }
            other => {
                return Err(ApiError::invalid(format!(
                    "`mount_type` is `LIVE` or `STATIC`, not `{other}`"
                )));
            }
        }
        if request.mount_refresh_interval_seconds.unwrap_or(0) != 0 {
            return Err(ApiError::invalid(
                "`mount_refresh_interval_seconds` can only be 0",
            ));
        }
        let class = request.instance_class.clone();
        if let Some(class) = &class
            && !CLASSES.contains(&class.as_str())
        {
            return Err(ApiError::invalid(format!(
                "`instance_class` is one of {}, not `{class}`",
                CLASSES.join(", ")
            )));
        }
        let seconds = request.auto_suspend_seconds.map(|seconds| {
            let seconds = u32::try_from(seconds).ok().filter(|seconds| *seconds > 0);
            seconds.ok_or_else(|| {
                ApiError::invalid("`auto_suspend_seconds` has to be a positive 32-bit number")
            })
        });
        let auto_scaling = request.auto_scaling_policy.as_ref().map(auto_scaling);
        Ok(Self {
            description: request.description.clone(),
            size: size.map(|size| parse_size(size_name, &size)).transpose()?,
            class,
            auto_suspend_enabled: request.auto_suspend_enabled,
            auto_suspend_seconds: seconds.transpose()?,
            auto_scaling: auto_scaling.transpose()?,
            enable_remount_on_resume: request.enable_remount_on_resume,
        })
    }

    fn apply(self, settings: &mut InstanceSettings) {
        let Self {
            description,
            size,
            class,
            auto_suspend_enabled,
            auto_suspend_seconds,
            auto_scaling,
            enable_remount_on_resume,
        } = self;
        settings.description = description.or(settings.description.take());
        settings.size = size.unwrap_or(settings.size);
        if let Some(class) = class {
            settings.class = class;
        }
        settings.auto_suspend_seconds = match auto_suspend_enabled {
            Some(false) => None,
            _ => auto_suspend_seconds.or(settings.auto_suspend_seconds),
        };
        settings.auto_scaling = auto_scaling.or(settings.auto_scaling);
        settings.enable_remount_on_resume =
            enable_remount_on_resume.or(settings.enable_remount_on_resume);
    }
}

fn auto_scaling(policy: &AutoScalingPolicy) -> ApiResult<AutoScaling> {
    let size = |name: &str, size: &Option<String>| match size {
        Some(size) => parse_size(name, size),
        None => Err(ApiError::invalid(format!("`{name}` is required"))),
    };
    let min = size("auto_scaling_policy.min_size", &policy.min_size)?;
    let max = size("auto_scaling_policy.max_size", &policy.max_size)?;
    if min > max {
        return Err(ApiError::invalid(
            "`auto_scaling_policy.min_size` is larger than its `max_size`",
        ));
    }
    Ok(AutoScaling {
        enabled: policy.enabled.unwrap_or(false),
        min,
        max,
    })
}

fn parse_size(name: &str, text: &str) -> ApiResult<InstanceSize> {
    InstanceSize::of_name(text)
        .ok_or_else(|| ApiError::invalid(format!("`{name}` is not a size: `{text}`")))
}

fn size_name(size: InstanceSize) -> String {
    size.name().to_owned()
}

/// The virtual instance as clients see it.
fn shown(app: &App, record: &VirtualInstanceRecord) -> VirtualInstance {
    let newest = app.queries.recent_on(&record.id);
    let newest = newest.first();
    let current_size = size_name(app.instances.size(record));
    let VirtualInstanceRecord { id, settings, .. } = record;
    let desired_size = size_name(settings.size);
    let default = app.catalog.default_virtual_instance();
    VirtualInstance {
        rrn: rrn(id),
        id: id.clone(),
        name: record.name.clone(),
        description: settings.description.clone(),
        created_by: record.created_by.clone(),
        created_at: Some(ids::metadata_time(record.created_at_micros)),
        state: app.instances.state(record).to_owned(),
        current_type: current_size.clone(),
        desired_type: desired_size.clone(),
        current_size,
        desired_size,
        current_instance_class: settings.class.clone(),
        desired_instance_class: settings.class.clone(),
        monitoring_enabled: true,
        default_vi: default.id == *id,
        compute_type: match record.is_main {
            true => "INGEST_QUERY".to_owned(),
            false => "QUERY".to_owned(),
        },
        auto_suspend_seconds: settings.auto_suspend_seconds,
        auto_scaling_policy: settings.auto_scaling.map(|policy| AutoScalingPolicy {
            enabled: Some(policy.enabled),
            min_size: Some(size_name(policy.min)),
            max_size: Some(size_name(policy.max)),
        }),
        mount_refresh_interval_seconds: (!record.is_main).then_some(0),
        mount_type: Some("LIVE".to_owned()),
        enable_remount_on_resume: settings.enable_remount_on_resume,
        resumed_at: record.resumed_at_micros.map(ids::metadata_time),
        suspended_at: record.suspended_at_micros.map(ids::metadata_time),
        stats: InstanceStats {
            last_queried_ms: newest.map(|query| query.submitted_at_micros / 1000),
        },
    }
}

/// The collection of this full name, if there is one that the caller may list.
///
/// # Errors
/// `INVALIDINPUT` if there is none, in words that clients look for, `FORBIDDEN` if the caller may not know.
fn collection(call: &Call, path: &str) -> ApiResult<CollectionRecord> {
    let name = CollectionName::parse(path);
    let name = name.ok_or_else(|| missing_mount(call, path))?;
    call.caller()?
        .require(Action::ListResources, &name.workspace)?;
    let catalog = &call.app.catalog;
    let record = catalog.collection_record(&name.workspace, &name.name);
    let record = record.ok().filter(CollectionRecord::is_alive);
    record.ok_or_else(|| missing_mount(call, path))
}

/// The virtual instance and the collection of the path, which is mounted there.
///
/// # Errors
/// Those of [`collection`], also if it is not mounted.
fn mounted(call: &Call) -> ApiResult<(VirtualInstanceRecord, CollectionRecord)> {
    let path = call.segment("collectionPath");
    let record = instance(call)?;
    let collection = collection(call, path)?;
    match record.has_mounted(collection.id) {
        true => Ok((record, collection)),
        false => Err(missing_mount(call, path)),
    }
}

fn missing_mount(call: &Call, path: &str) -> ApiError {
    instance(call).map_or_else(
        |missing| missing,
        |record| ApiError::invalid(not_mounted(path, &record)),
    )
}

/// The mount of a collection, if it is mounted.
fn mount(
    app: &App,
    record: &VirtualInstanceRecord,
    collection: &CollectionRecord,
) -> Option<CollectionMount> {
    let (id, created_at_micros) = match record.mount(collection.id) {
        Some(mount) => (mount.id.clone(), mount.created_at_micros),
        None if record.is_main => (collection.id.to_string(), collection.created_at_micros),
        None => return None,
    };
    let catalog = &app.catalog;
    let entry = catalog.collection(&collection.workspace, &collection.name);
    let queried = entry.ok().map(|entry| entry.last_queried_micros() / 1000);
    Some(CollectionMount {
        mount_type: "LIVE".to_owned(),
        rrn: ids::resource_name("mnt", &id),
        id,
        collection_path: collection.full_name(),
        virtual_instance_rrn: rrn(&record.id),
        virtual_instance_id: record.id.clone(),
        state: match record.is_suspended {
            true => "SUSPENDED".to_owned(),
            false => "ACTIVE".to_owned(),
        },
        created_at: Some(ids::metadata_time(created_at_micros)),
        last_refresh_time_millis: None,
        next_refresh_time_ms: None,
        snapshot_id: None,
        snapshot_expiration_time_millis: None,
        stats: InstanceStats {
            last_queried_ms: queried.filter(|millis| *millis > 0),
        },
    })
}
