//! `/v1/orgs/self/ws/{workspace}/collections/{collection}/docs`.
//!
//! A document that cannot be taken gets the status `ERROR` and does not hold up the others; only
//! a body that is no list of documents fails as a whole. The rest is written as one batch.

pub(super) mod add;
pub(super) mod delete;
pub(super) mod patch;

use std::sync::Arc;

use axum::response::Response;
use outcrop_api::document::{DocumentStatus, DocumentsResponse, Status};
use outcrop_catalog::CollectionEntry;
use outcrop_document::json::{BorrowedValue, ListMember};
use outcrop_document::{Value, json};
use outcrop_storage::{Operation, Outcome};

use super::offsets;
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};

/// One entry of the request, read.
struct Entry {
    /// The document's id, as far as it is known.
    id: Option<String>,
    /// What storage shall do, one after the other, or why nothing. A transformation may have made
    /// several documents of one, or none.
    operations: Result<Vec<Operation>, ApiError>,
    /// The id of the patch, if it is one.
    patch_id: Option<String>,
}

impl Entry {
    fn of(id: Option<String>, operation: Operation) -> Self {
        Self {
            id,
            operations: Ok(vec![operation]),
            patch_id: None,
        }
    }

    fn failed(id: Option<String>, error: impl Into<ApiError>) -> Self {
        Self {
            id,
            operations: Err(error.into()),
            patch_id: None,
        }
    }
}

/// Reads the entries of the body with `read`, writes them as one batch and answers.
async fn write<F>(call: Call, read: F) -> ApiResult<Response>
where
    F: Fn(usize, Value) -> Entry + Send + 'static,
{
    let entry = collection(&call)?;
    let (body, documents_max) = (call.body.clone(), call.app.limits.write_documents_max);
    let read = move || {
        elements(&body, documents_max, |index, value| {
            read(index, value.into_value())
        })
    };
    let entries = blocking::run_for(call.body.len(), read).await??;
    call::json(&commit(&entry, entries).await?)
}

/// The collection of the path.
fn collection(call: &Call) -> ApiResult<Arc<CollectionEntry>> {
    let (workspace, name) = (call.segment("workspace"), call.segment("collection"));
    Ok(call.app.catalog.collection_to_change(workspace, name)?)
}

/// Writes what can be written and tells what became of each entry, in their order.
async fn commit(entry: &CollectionEntry, entries: Vec<Entry>) -> ApiResult<DocumentsResponse> {
    let collection = entry.handle();
    let mut operations = Vec::with_capacity(entries.len());
    let mut pending = Vec::with_capacity(entries.len());
    for Entry {
        id,
        operations: wanted,
        patch_id,
    } in entries
    {
        let count = wanted.map(|wanted| {
            let count = wanted.len();
            operations.extend(wanted);
            count
        });
        pending.push((id, patch_id, count));
    }
    let (seqno, outcomes) = if operations.is_empty() {
        (collection.snapshot().seqno(), Vec::new())
    } else {
        let receipt = collection.write(operations).await?;
        (receipt.seqno, receipt.outcomes)
    };
    let mut outcomes = outcomes.into_iter();
    let mut data = Vec::with_capacity(pending.len());
    for (id, patch_id, count) in pending {
        let result = match count {
            Err(error) => Err(error),
            Ok(count) => {
                let own: Vec<_> = outcomes.by_ref().take(count).collect();
                if own.len() < count {
                    let message = "a write has fewer outcomes than documents";
                    return Err(ApiError::internal(message));
                }
                statuses(own, patch_id.is_some(), id.as_deref())
            }
        };
        data.push(shown(entry, id, patch_id, result));
    }
    Ok(DocumentsResponse {
        data,
        last_offset: offsets::fence(seqno),
    })
}

/// The status of an entry. That of one that was to do nothing, and that of a document that an
/// `_op` had no use for, is `ADDED`: it was taken in. Of several, what was added counts most.
fn statuses(outcomes: Vec<Outcome>, is_patch: bool, id: Option<&str>) -> Result<Status, ApiError> {
    let statuses = outcomes
        .into_iter()
        .map(|outcome| status(outcome, is_patch, id))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match statuses.as_slice() {
        [] => Status::Added,
        [only] => *only,
        several if several.contains(&Status::Added) => Status::Added,
        several if several.contains(&Status::Replaced) => Status::Replaced,
        [first, ..] => *first,
    })
}

/// The status of a document that storage has dealt with.
fn status(outcome: Outcome, is_patch: bool, id: Option<&str>) -> Result<Status, ApiError> {
    match outcome {
        Outcome::Added | Outcome::Kept => Ok(Status::Added),
        Outcome::Replaced => Ok(Status::Replaced),
        Outcome::Deleted => Ok(Status::Deleted),
        Outcome::Patched => Ok(Status::Patched),
        Outcome::Absent if is_patch => Err(ApiError::new(
            outcrop_api::error::ErrorType::NotFound,
            format!("document `{}` does not exist", id.unwrap_or_default()),
        )),
        Outcome::Absent => Ok(Status::Deleted),
        Outcome::Failed(error) => Err(error.into()),
    }
}

fn shown(
    entry: &CollectionEntry,
    id: Option<String>,
    patch_id: Option<String>,
    result: Result<Status, ApiError>,
) -> DocumentStatus {
    let (status, error) = match result {
        Ok(status) => (status, None),
        Err(error) => (Status::Error, Some(*error.model)),
    };
    let collection = Some(entry.record().name.clone());
    DocumentStatus {
        collection,
        error,
        id,
        status,
        patch_id,
    }
}

/// What `read` makes of each element of `data`.
///
/// # Errors
/// `INVALIDINPUT` if the body is not a JSON object with a list `data`, or has too many elements.
fn elements<T>(
    body: &[u8],
    documents_max: usize,
    read: impl FnMut(usize, BorrowedValue<'_>) -> T,
) -> ApiResult<Vec<T>> {
    let elements = match json::parse_list(body, "data", read)? {
        ListMember::List(elements) => elements,
        ListMember::NoObject => {
            return Err(ApiError::invalid(
                "the body has to be a JSON object with the member `data`",
            ));
        }
        ListMember::NoList => {
            return Err(ApiError::invalid("`data` has to be a list of documents"));
        }
    };
    if elements.len() > documents_max {
        return Err(ApiError::invalid(format!(
            "the request has {} documents, more than the {documents_max} of one write",
            elements.len()
        )));
    }
    Ok(elements)
}
