//! `DELETE …/docs`: deletes documents by their ids. One that is not there counts as deleted.

use axum::response::Response;
use outcrop_document::Value;
use outcrop_storage::Operation;

use super::{Entry, id};
use crate::call::Call;
use crate::error::{ApiError, ApiResult};

/// `DELETE …/docs`.
pub(crate) async fn handle(call: Call) -> ApiResult<Response> {
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
        Ok(id) => Entry {
            operation: Ok(Operation::delete(id.clone())),
            id: Some(id),
            patch_id: None,
        },
        Err(error) => Entry::failed(None, error),
    }
}
