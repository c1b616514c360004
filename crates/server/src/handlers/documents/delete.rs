//! `DELETE …/docs`: deletes documents by their ids. One that is not there counts as deleted.

use axum::response::Response;
use outcrop_document::Value;
use outcrop_storage::Operation;

use super::Entry;
use crate::call::Call;
use crate::error::{ApiError, ApiResult};
use crate::ingest::{id, rollup};

/// `DELETE …/docs`.
pub(crate) async fn handle(call: Call) -> ApiResult<Response> {
    let collection = super::collection(&call)?;
    rollup::refuse(&call.app, &collection, "its documents cannot be deleted").await?;
    super::write(call, |_, value| entry(&value)).await
}

fn entry(value: &Value) -> Entry {
    let Value::Object(members) = value else {
        return Entry::failed(
            None,
            ApiError::invalid("an entry has to be an object with `_id`"),
        );
    };
    match id::required(members) {
        Ok(id) => Entry::of(Some(id.clone()), Operation::delete(id)),
        Err(error) => Entry::failed(None, error),
    }
}
