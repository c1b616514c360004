//! What a caller asks of a collection, and what it is told afterwards.

use std::fmt;

use outcrop_document::{Object, PatchError, Value, k};

/// Computes the new version of a document from the stored one.
///
/// It runs on the writer thread, after every earlier operation of the same batch, so it has to be
/// quick and must not block.
pub type PatchFunction = Box<dyn FnOnce(&Object) -> Result<Object, PatchError> + Send>;

/// Decides what becomes of a document, given the stored one if there is one. It runs where a
/// [`PatchFunction`] does.
pub type DecideFunction = Box<dyn FnOnce(Option<Object>) -> Decision + Send>;

/// What a [`DecideFunction`] decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// All stays as it is.
    Keep,
    /// This is the document from now on. Its `_id` is that of the operation.
    Put(Object),
    /// It cannot be: the whole batch fails with [`WriteError::Refused`](crate::WriteError::Refused).
    Refuse(String),
}

/// One change of one document.
#[derive(Debug)]
pub struct Operation {
    /// The `_id` of the document.
    pub id: String,
    /// What happens to it.
    pub action: Action,
}

impl Operation {
    /// Adds `document`, or replaces the one that has the same id.
    #[must_use]
    pub fn put(id: impl Into<String>, document: Object) -> Self {
        Self::put_encoded(id, k::encode(&Value::Object(document)))
    }

    /// As [`put`](Self::put), for a document that is K already.
    #[must_use]
    pub fn put_encoded(id: impl Into<String>, document: Vec<u8>) -> Self {
        Self {
            id: id.into(),
            action: Action::Put(document),
        }
    }

    /// Deletes the document, if it is there.
    #[must_use]
    pub fn delete(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            action: Action::Delete,
        }
    }

    /// Replaces the document by what `patch` makes of it, if it is there.
    #[must_use]
    pub fn patch(
        id: impl Into<String>,
        patch: impl FnOnce(&Object) -> Result<Object, PatchError> + Send + 'static,
    ) -> Self {
        Self {
            id: id.into(),
            action: Action::Patch(Box::new(patch)),
        }
    }

    /// Does what `decide` says, given the stored document.
    #[must_use]
    pub fn decide(
        id: impl Into<String>,
        decide: impl FnOnce(Option<Object>) -> Decision + Send + 'static,
    ) -> Self {
        Self {
            id: id.into(),
            action: Action::Decide(Box::new(decide)),
        }
    }
}

/// The kinds of change.
pub enum Action {
    /// Adds or replaces the document. It is the K of an object that holds `_id` (a string equal to
    /// [`Operation::id`]) and `_event_time`.
    Put(Vec<u8>),
    /// Deletes the document.
    Delete,
    /// Replaces the document by a function of itself. The result keeps its `_id`.
    Patch(PatchFunction),
    /// Adds or replaces the document, or leaves it as it is, by a function of what is stored.
    Decide(DecideFunction),
}

impl fmt::Debug for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(_) => formatter.write_str("Put(..)"),
            Self::Delete => formatter.write_str("Delete"),
            Self::Patch(_) => formatter.write_str("Patch(..)"),
            Self::Decide(_) => formatter.write_str("Decide(..)"),
        }
    }
}

/// What a batch came to. It is on disk and visible to every snapshot taken from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteReceipt {
    /// The collection's sequence number after this batch: a snapshot whose
    /// [`seqno`](crate::Snapshot::seqno) is at least this one contains the batch.
    pub seqno: u64,
    /// One outcome per operation, in their order.
    pub outcomes: Vec<Outcome>,
}

/// What one operation came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// No document had the id; now one has.
    Added,
    /// The document of this id was replaced by the given one.
    Replaced,
    /// The document was deleted.
    Deleted,
    /// There was no document of this id to delete or patch.
    Absent,
    /// The document was patched.
    Patched,
    /// The patch did not apply; the document is as it was, and so are the others of the batch.
    Failed(PatchError),
    /// It was decided to leave everything as it was.
    Kept,
}
