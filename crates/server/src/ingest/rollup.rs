//! Rollups: collections of one document per group, which every write adds to.
//!
//! The parts that a write adds are merged into the stored documents by the writer thread, so that
//! writes at the same time cannot miss each other. Each document has the state of its aggregates as
//! hidden member.

use outcrop_catalog::CollectionEntry;
use outcrop_document::{Object, Value};
use outcrop_query::GroupPart;
use outcrop_storage::{Decision, HIDDEN_FIELD, Operation};

use super::settle::{EVENT_TIME, Settling};
use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// Refuses what would change documents of a rollup in another way than by adding to its groups.
///
/// # Errors
/// `INVALIDINPUT` if the collection is a rollup, and those of compiling its transformation.
pub(crate) async fn refuse(app: &App, entry: &CollectionEntry, what: &str) -> ApiResult<()> {
    let transformation = app.transformations.of(app.engine(), entry).await?;
    if !transformation.is_some_and(|transformation| transformation.is_rollup()) {
        return Ok(());
    }
    let record = entry.record();
    Err(ApiError::invalid(format!(
        "`{}.{}` is a rollup: {what}; it takes documents through its transformation and nothing else",
        record.workspace, record.name
    )))
}

/// Adds a part to its group. The write fails as a whole if it cannot be added.
pub(crate) fn operation(part: GroupPart, settling: Settling) -> Operation {
    let id = part.id().to_owned();
    Operation::decide(id, move |stored| {
        merged(&part, stored, settling).map_or_else(Decision::Refuse, Decision::Put)
    })
}

/// The next version of the document of a group, or why there is none.
fn merged(part: &GroupPart, stored: Option<Object>, settling: Settling) -> Result<Object, String> {
    let mut stored = stored.unwrap_or_default();
    let state = match stored.remove(HIDDEN_FIELD) {
        Some(Value::Bytes(state)) => Some(state),
        _ => None,
    };
    let merged = part.merge(state.as_deref());
    let (mut document, state) =
        merged.map_err(|error| format!("the rollup cannot take the documents in: {error}"))?;
    // A group without a time of its own has that of its first document.
    if matches!(document.get(EVENT_TIME), None | Some(Value::Null))
        && let Some(time) = stored.remove(EVENT_TIME)
    {
        document.insert(EVENT_TIME.to_owned(), time);
    }
    if state.len() > settling.document_bytes_max {
        return Err(format!(
            "the rollup cannot take the documents in: its group `{}` would have a state of {} bytes, \
             more than the limit of {} for a document",
            part.id(),
            state.len(),
            settling.document_bytes_max
        ));
    }
    let settled = settling.settle(document, part.id());
    let mut document = settled.map_err(|error| {
        let message = error.model.message;
        format!("the rollup cannot take the documents in: {message}")
    })?;
    document.insert(HIDDEN_FIELD.to_owned(), Value::Bytes(state));
    Ok(document)
}
