//! `/v1/orgs/self/views` and `/v1/orgs/self/ws/{workspace}/views`.
//!
//! A view is checked when it is written: what it names has to exist, so that its `entities` are known.

use std::sync::Arc;

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::view::{View, ViewRequest};
use outcrop_catalog::{Definer, ViewQuery, ViewRecord};
use outcrop_query::Engine;

use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::query_source::CatalogSource;

/// `GET /v1/orgs/self/views`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let caller = call.caller()?;
    let records = call.app.catalog.stored_views().into_iter();
    let records = records.filter(|record| caller.may_list(&record.workspace));
    let data: Vec<View> = records.map(shown).collect();
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/ws/{workspace}/views`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_in_workspace(call: Call) -> ApiResult<Response> {
    let records = call
        .app
        .catalog
        .stored_views_in(call.segment("workspace"))?;
    let data: Vec<View> = records.into_iter().map(shown).collect();
    call::json(&Data { data })
}

/// `POST /v1/orgs/self/ws/{workspace}/views`.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let request: ViewRequest = call.json()?;
    let name = request
        .name
        .ok_or_else(|| ApiError::invalid("`name` is required"))?;
    let sql = request
        .query
        .ok_or_else(|| ApiError::invalid("`query` is required"))?;
    let _slot = call.app.instances.main().admit().await?;
    let record = blocking::run(move || -> ApiResult<ViewRecord> {
        let query = checked(&call, sql)?;
        let workspace = call.segment("workspace");
        let catalog = &call.app.catalog;
        let creator = call.creator()?;
        Ok(catalog.create_view(workspace, &name, request.description, query, creator)?)
    })
    .await??;
    call::json(&Data {
        data: shown(record),
    })
}

/// `GET /v1/orgs/self/ws/{workspace}/views/{view}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let (workspace, name) = (call.segment("workspace"), call.segment("view"));
    let record = call.app.catalog.stored_view(workspace, name)?;
    call::json(&Data {
        data: shown(record),
    })
}

/// `POST /v1/orgs/self/ws/{workspace}/views/{view}`.
pub(crate) async fn update(call: Call) -> ApiResult<Response> {
    let request: ViewRequest = call.json()?;
    let sql = request
        .query
        .ok_or_else(|| ApiError::invalid("`query` is required"))?;
    let _slot = call.app.instances.main().admit().await?;
    let record = blocking::run(move || -> ApiResult<ViewRecord> {
        let (workspace, name) = (call.segment("workspace"), call.segment("view"));
        let catalog = &call.app.catalog;
        // A missing view is missing whatever its query would be.
        catalog.stored_view(workspace, name)?;
        let query = checked(&call, sql)?;
        Ok(catalog.update_view(workspace, name, request.description, query)?)
    })
    .await??;
    call::json(&Data {
        data: shown(record),
    })
}

/// `DELETE /v1/orgs/self/ws/{workspace}/views/{view}`: answers what it was.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let record = blocking::run(move || {
        let (workspace, name) = (call.segment("workspace"), call.segment("view"));
        let deleted = call.app.catalog.delete_view(workspace, name);
        deleted.or_else(|error| call.hiding(error))
    })
    .await??;
    let mut data = shown(record);
    data.state = Some("DELETED".to_owned());
    call::json(&Data { data })
}

/// The query with what it names. Blocks.
///
/// # Errors
/// `QUERY_ERROR` if it is no query that the caller could run now, `FORBIDDEN` if it reads what the caller may not.
fn checked(call: &Call, sql: String) -> ApiResult<ViewQuery> {
    let source = CatalogSource::of_caller(Arc::clone(&call.app.catalog), call.caller()?);
    let validation = Engine::validate_view(&source, &sql)?;
    Ok(ViewQuery {
        sql,
        entities: validation.entities,
        definer: Definer::from(&call.creator()?),
    })
}

/// The view as clients see it.
fn shown(record: ViewRecord) -> View {
    View {
        path: Some(record.full_name()),
        name: Some(record.name),
        description: record.description,
        workspace: Some(record.workspace),
        creator_email: Some(record.created_by),
        created_by_apikey_name: Some(record.created_by_key),
        owner_email: None,
        query_sql: Some(record.query.sql),
        entities: record.query.entities,
        state: Some("CREATED".to_owned()),
        created_at: Some(ids::metadata_time(record.created_at_micros)),
        modified_at: Some(ids::metadata_time(record.modified_at_micros)),
    }
}
