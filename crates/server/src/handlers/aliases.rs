//! `/v1/orgs/self/aliases` and `/v1/orgs/self/ws/{workspace}/aliases`.

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::alias::{Alias, AliasRequest};
use outcrop_catalog::{Action, AliasRecord, CollectionName};

use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;

/// `GET /v1/orgs/self/aliases`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let caller = call.caller()?;
    let records = call.app.catalog.aliases().into_iter();
    let records = records.filter(|record| caller.may_list(&record.workspace));
    let data: Vec<Alias> = records.map(shown).collect();
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/ws/{workspace}/aliases`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_in_workspace(call: Call) -> ApiResult<Response> {
    let records = call.app.catalog.aliases_in(call.segment("workspace"))?;
    let data: Vec<Alias> = records.into_iter().map(shown).collect();
    call::json(&Data { data })
}

/// `POST /v1/orgs/self/ws/{workspace}/aliases`.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let request: AliasRequest = call.json()?;
    let collection = collection(&call, &request)?;
    let name = request
        .name
        .ok_or_else(|| ApiError::invalid("`name` is required"))?;
    let creator = call.creator()?;
    let record = blocking::run(move || {
        let workspace = call.segment("workspace");
        let catalog = &call.app.catalog;
        catalog.create_alias(workspace, &name, request.description, collection, creator)
    })
    .await??;
    call::json(&Data {
        data: shown(record),
    })
}

/// `GET /v1/orgs/self/ws/{workspace}/aliases/{alias}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let (workspace, name) = (call.segment("workspace"), call.segment("alias"));
    let record = call.app.catalog.alias(workspace, name)?;
    call::json(&Data {
        data: shown(record),
    })
}

/// `POST /v1/orgs/self/ws/{workspace}/aliases/{alias}`: queries read the new collection at once.
pub(crate) async fn update(call: Call) -> ApiResult<Response> {
    let request: AliasRequest = call.json()?;
    let collection = collection(&call, &request)?;
    let record = blocking::run(move || {
        let (workspace, name) = (call.segment("workspace"), call.segment("alias"));
        let catalog = &call.app.catalog;
        catalog.update_alias(workspace, name, request.description, collection)
    })
    .await??;
    call::json(&Data {
        data: shown(record),
    })
}

/// `DELETE /v1/orgs/self/ws/{workspace}/aliases/{alias}`: answers what it was.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let record = blocking::run(move || {
        let (workspace, name) = (call.segment("workspace"), call.segment("alias"));
        let deleted = call.app.catalog.delete_alias(workspace, name);
        deleted.or_else(|error| call.hiding(error))
    })
    .await??;
    let mut data = shown(record);
    data.state = Some("DELETED".to_owned());
    call::json(&Data { data })
}

/// The one collection of a request.
///
/// # Errors
/// `INVALIDINPUT` if there is not one, `FORBIDDEN` if the caller may not know whether it exists.
fn collection(call: &Call, request: &AliasRequest) -> ApiResult<CollectionName> {
    let [full_name] = request.collections.as_slice() else {
        return Err(ApiError::invalid(
            "`collections` has to name exactly one collection",
        ));
    };
    let collection = CollectionName::parse(full_name).ok_or_else(|| {
        ApiError::invalid(format!(
            "`{full_name}` is no full name of a collection, such as `commons.{full_name}`"
        ))
    })?;
    let caller = call.caller()?;
    caller.require(Action::ListResources, &collection.workspace)?;
    Ok(collection)
}

/// The alias as clients see it.
pub(super) fn shown(record: AliasRecord) -> Alias {
    Alias {
        name: Some(record.name),
        description: record.description,
        workspace: Some(record.workspace),
        creator_email: Some(record.created_by),
        created_by_apikey_name: Some(record.created_by_key),
        collections: vec![record.collection.full_name()],
        state: Some("CREATED".to_owned()),
        created_at: Some(ids::metadata_time(record.created_at_micros)),
        modified_at: Some(ids::metadata_time(record.modified_at_micros)),
    }
}
