//! `PATCH …/docs`: changes parts of documents. All operations of one document apply, or none.

use std::sync::Arc;

use axum::response::Response;
use outcrop_document::{Object, Patch, Value, json};
use outcrop_storage::Operation;

use super::Entry;
use crate::app::App;
use crate::call::Call;
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::ingest::{id, rollup};

/// `PATCH …/docs`.
pub(crate) async fn handle(call: Call) -> ApiResult<Response> {
    let app = Arc::clone(&call.app);
    let collection = super::collection(&call)?;
    rollup::refuse(&app, &collection, "its documents cannot be patched").await?;
    super::write(call, move |_, value| entry(&app, value)).await
}

fn entry(app: &App, value: Value) -> Entry {
    let Value::Object(mut members) = value else {
        return Entry::failed(
            None,
            ApiError::invalid("an entry has to be an object with `_id` and `patch`"),
        );
    };
    let id = match id::required(&members) {
        Ok(id) => id,
        Err(error) => return Entry::failed(None, error),
    };
    let patch_id = ids::uuid(app.environment().random.as_ref())
        .hyphenated()
        .to_string();
    let operation = patch(&mut members)
        .map(|patch| Operation::patch(id.clone(), move |document: &Object| patch.apply(document)));
    Entry {
        id: Some(id),
        operations: operation.map(|operation| vec![operation]),
        patch_id: Some(patch_id),
    }
}

/// The operations of one entry, with typed values resolved.
fn patch(members: &mut Object) -> ApiResult<Patch> {
    let operations = members.remove("patch").unwrap_or(Value::Null);
    let Value::Array(_) = operations else {
        return Err(ApiError::invalid("`patch` has to be a list of operations"));
    };
    Ok(Patch::parse(&json::resolve_typed(operations)?)?)
}
