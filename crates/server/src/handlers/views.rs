//! `/v1/orgs/self/views` and `/v1/orgs/self/ws/{workspace}/views`.
//!
//! A view is checked when it is written: what it names has to exist, so that its `entities` are known.

use std::sync::Arc;

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::view::{View, ViewRequest};
use outcrop_catalog::{ViewQuery, ViewRecord};

use crate::app::App;
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;

/// `GET /v1/orgs/self/views`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let records = call.app.catalog.stored_views();
    let data: Vec<View> = records.into_iter().map(shown).collect();
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
    let creator = call.creator()?;
    let _permit = call.app.admission.query()?;
    let app = Arc::clone(&call.app);
    let workspace = call.segment("workspace").to_owned();
    let record = blocking::run(move || -> ApiResult<ViewRecord> {
        let query = checked(&app, sql)?;
        let catalog = &app.catalog;
        Ok(catalog.create_view(&workspace, &name, request.description, query, creator)?)
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
    let _permit = call.app.admission.query()?;
    let app = Arc::clone(&call.app);
    let (workspace, name) = (call.segment("workspace"), call.segment("view"));
    let (workspace, name) = (workspace.to_owned(), name.to_owned());
    let record = blocking::run(move || -> ApiResult<ViewRecord> {
        // A missing view is missing whatever its query would be.
        app.catalog.stored_view(&workspace, &name)?;
        let query = checked(&app, sql)?;
        let catalog = &app.catalog;
        Ok(catalog.update_view(&workspace, &name, request.description, query)?)
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
        call.app.catalog.delete_view(workspace, name)
    })
    .await??;
    let mut data = shown(record);
    data.state = Some("DELETED".to_owned());
    call::json(&Data { data })
}

/// The query with what it names. Blocks.
///
/// # Errors
/// `QUERY_ERROR` if it is no query that could be run now.
fn checked(app: &App, sql: String) -> ApiResult<ViewQuery> {
    let validation = app.engine.validate_view(&sql)?;
    Ok(ViewQuery {
        sql,
        entities: validation.entities,
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
