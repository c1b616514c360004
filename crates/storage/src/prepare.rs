//! The part of a write that needs no knowledge of the collection: documents become a chunk of
//! columns and the payload of a log record. It runs in the task of the request, so that the writer thread has little to
//! do and many requests are prepared at once.

use std::fmt;
use std::sync::Arc;

use outcrop_document::k::{Node, View};
use outcrop_document::{Value, k};

use crate::chunk::Chunk;
use crate::error::WriteError;
use crate::operation::{Action, DecideFunction, Operation, PatchFunction};
use crate::segment::SegmentError;
use crate::wal::{BatchBuilder, PAYLOAD_BYTES_MAX};

/// The field that names a document.
pub(crate) const ID_FIELD: &str = "_id";

/// A batch that is ready for the writer thread.
#[derive(Debug)]
pub(crate) struct PreparedBatch {
    pub(crate) operations: Vec<PreparedOperation>,
    /// The documents of all puts, in their order; none if there are none.
    pub(crate) chunk: Option<Arc<Chunk>>,
    /// The payload of the log record, if it does not depend on stored documents.
    pub(crate) payload: Option<Vec<u8>>,
    /// Encoded size of the documents.
    pub(crate) document_bytes: u64,
}

/// One operation of a batch.
#[derive(Debug)]
pub(crate) struct PreparedOperation {
    pub(crate) id: String,
    pub(crate) action: PreparedAction,
}

/// What an operation does.
pub(crate) enum PreparedAction {
    /// Stores the document in this row of the batch's chunk.
    Put {
        row: u32,
    },
    Delete,
    Patch(PatchFunction),
    Decide(DecideFunction),
}

impl fmt::Debug for PreparedAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Put { .. } => "Put",
            Self::Delete => "Delete",
            Self::Patch(_) => "Patch",
            Self::Decide(_) => "Decide",
        })
    }
}

/// Builds the columns of the documents of a batch, and what goes to the log.
///
/// # Errors
/// [`WriteError::TooLarge`], [`WriteError::IdMismatch`], and [`WriteError::Segment`] if the
/// documents cannot be turned into columns.
pub(crate) fn prepare(operations: Vec<Operation>) -> Result<PreparedBatch, WriteError> {
    let mut prepared = Vec::with_capacity(operations.len());
    let mut documents: Vec<Vec<u8>> = Vec::new();
    let mut document_bytes = 0;
    let mut depends_on_stored = false;
    for Operation { id, action } in operations {
        let action = match action {
            Action::Put(document) => {
                if !has_id(&document, &id) {
                    return Err(WriteError::IdMismatch { id });
                }
                let row = u32::try_from(documents.len()).unwrap_or(u32::MAX);
                document_bytes += document.len() as u64;
                documents.push(document);
                PreparedAction::Put { row }
            }
            Action::Delete => PreparedAction::Delete,
            Action::Patch(patch) => {
                depends_on_stored = true;
                PreparedAction::Patch(patch)
            }
            Action::Decide(decide) => {
                depends_on_stored = true;
                PreparedAction::Decide(decide)
            }
        };
        prepared.push(PreparedOperation { id, action });
    }
    if document_bytes > PAYLOAD_BYTES_MAX {
        return Err(too_large(document_bytes));
    }
    let payload = if depends_on_stored {
        None
    } else {
        Some(payload(&prepared, &documents)?)
    };
    let chunk = build(&documents)?;
    Ok(PreparedBatch {
        operations: prepared,
        chunk,
        payload,
        document_bytes,
    })
}

fn has_id(document: &[u8], id: &str) -> bool {
    let member = Node::keys_of(document).get(ID_FIELD);
    let value = member.and_then(|member| member.map(|member| member.view()).transpose());
    matches!(value, Ok(Some(View::String(found))) if found == id)
}

/// The columns of the documents, if there are any.
///
/// # Errors
/// Those of [`Chunk::build`].
pub(crate) fn build(documents: &[Vec<u8>]) -> Result<Option<Arc<Chunk>>, SegmentError> {
    if documents.is_empty() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Chunk::build(documents)?)))
}

/// K of an `_id`.
pub(crate) fn encode_id(id: &str) -> Vec<u8> {
    k::encode(&Value::String(id.to_owned()))
}

/// The error for a batch whose payload has this size.
pub(crate) fn too_large(bytes: u64) -> WriteError {
    WriteError::TooLarge {
        bytes,
        bytes_max: PAYLOAD_BYTES_MAX,
    }
}

fn payload(operations: &[PreparedOperation], documents: &[Vec<u8>]) -> Result<Vec<u8>, WriteError> {
    let mut builder = BatchBuilder::default();
    let mut documents = documents.iter();
    for operation in operations {
        match operation.action {
            PreparedAction::Put { .. } => {
                builder.put(documents.next().expect("every put has a document"));
            }
            PreparedAction::Delete => builder.delete(&encode_id(&operation.id)),
            PreparedAction::Patch(_) | PreparedAction::Decide(_) => {}
        }
    }
    builder.finish().map_err(too_large)
}
