//! `/v1/orgs/self/ws`.

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::workspace::{CreateWorkspaceRequest, Workspace};

use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;

/// `GET /v1/orgs/self/ws`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let data: Vec<Workspace> = call
        .app
        .catalog
        .workspaces()
        .into_iter()
        .map(shown)
        .collect();
    call::json(&Data { data })
}

/// `POST /v1/orgs/self/ws`.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let request: CreateWorkspaceRequest = call.json()?;
    let name = request
        .name
        .ok_or_else(|| ApiError::invalid("`name` is required"))?;
    let created_by = call.caller()?.key.owner.clone();
    let workspace = blocking::run(move || {
        call.app
            .catalog
            .create_workspace(&name, request.description, &created_by)
    })
    .await??;
    call::json(&Data {
        data: shown(workspace),
    })
}

/// `GET /v1/orgs/self/ws/{workspace}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let workspace = call.app.catalog.workspace(call.segment("workspace"))?;
    call::json(&Data {
        data: shown(workspace),
    })
}

/// `DELETE /v1/orgs/self/ws/{workspace}`: answers what it was.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let workspace =
        blocking::run(move || call.app.catalog.delete_workspace(call.segment("workspace")))
            .await??;
    call::json(&Data {
        data: shown(workspace),
    })
}

/// The workspace as clients see it.
fn shown(workspace: outcrop_catalog::Workspace) -> Workspace {
    Workspace {
        created_at: Some(ids::metadata_time(workspace.record.created_at_micros)),
        created_by: workspace.record.created_by,
        name: Some(workspace.record.name),
        description: workspace.record.description,
        collection_count: Some(workspace.collection_count),
    }
}
