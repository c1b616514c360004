//! JSON patches (RFC 6902) with `INCREMENT`, on one document.
//!
//! - [`Patch::parse`] checks the form: operations, pointers, required members, protected fields;
//! - [`Patch::apply`] runs the operations in order on a copy, so a failure changes nothing.
//!
//! Operation words are read in any case. `_id`, `_event_time` and `_meta` can be read by `TEST` and
//! `COPY` but not changed.

mod apply;
mod parse;
mod pointer;

pub use pointer::Pointer;

use crate::{Object, TypedValueError, Value, ValueType};

/// The fields of a document that no patch may change.
pub const PROTECTED_FIELDS: [&str; 3] = ["_id", "_event_time", "_meta"];

/// A checked list of operations for one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    operations: Vec<Operation>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
struct Operation {
    path: Pointer,
    action: Action,
}

/// What an operation does at its path.
#[derive(Clone, Debug, PartialEq)]
enum Action {
    Add(Value),
    Replace(Value),
    Remove,
    Copy { from: Pointer },
    Move { from: Pointer },
    Test(Value),
    Increment(Value),
}

impl Action {
    /// The word of the operation, for messages.
    fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "ADD",
            Self::Replace(_) => "REPLACE",
            Self::Remove => "REMOVE",
            Self::Copy { .. } => "COPY",
            Self::Move { .. } => "MOVE",
            Self::Test(_) => "TEST",
            Self::Increment(_) => "INCREMENT",
        }
    }
}

/// Why a patch is malformed or does not fit its document. `index` counts operations from 0.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatchError {
    /// The patch is not an array.
    #[error("a patch is an array of operations, found {0}")]
    NotAnArray(ValueType),
    /// An operation is not an object.
    #[error("operation {index} must be an object, found {found}")]
    NotAnObject {
        /// The operation.
        index: usize,
        /// What it is instead.
        found: ValueType,
    },
    /// A member that the operation needs is absent or null.
    #[error("operation {index} needs the member `{member}`")]
    Missing {
        /// The operation.
        index: usize,
        /// The member.
        member: &'static str,
    },
    /// A member that must be text is something else.
    #[error("member `{member}` of operation {index} must be a string, found {found}")]
    NotText {
        /// The operation.
        index: usize,
        /// The member.
        member: &'static str,
        /// What it is instead.
        found: ValueType,
    },
    /// The word of the operation is not known.
    #[error(
        "operation {index} has the unknown op `{op}`: use ADD, REPLACE, REMOVE, COPY, MOVE, TEST \
         or INCREMENT"
    )]
    UnknownOp {
        /// The operation.
        index: usize,
        /// The word, shortened.
        op: String,
    },
    /// A path is not a JSON pointer.
    #[error("`{pointer}` in operation {index} is not a JSON pointer: {reason}")]
    Pointer {
        /// The operation.
        index: usize,
        /// The text.
        pointer: String,
        /// Why not.
        reason: &'static str,
    },
    /// A typed value that cannot be read.
    #[error("the value of operation {index} cannot be read: {reason}")]
    Value {
        /// The operation.
        index: usize,
        /// Why not; part of the message, since it is for whoever wrote the patch.
        reason: TypedValueError,
    },
    /// The operation would change a field that is fixed.
    #[error("operation {index} would change the protected field `{field}`")]
    Protected {
        /// The operation.
        index: usize,
        /// The field.
        field: String,
    },
    /// `INCREMENT` by something that is no number.
    #[error("operation {index} increments by a {found}, which is not a number")]
    IncrementBy {
        /// The operation.
        index: usize,
        /// What the value is.
        found: ValueType,
    },
    /// `INCREMENT` of something that is no number.
    #[error("operation {index} increments `{path}`, which is a {found}")]
    IncrementTarget {
        /// The operation.
        index: usize,
        /// Its path.
        path: Pointer,
        /// What is there.
        found: ValueType,
    },
    /// `INCREMENT` beyond 64 bits.
    #[error("operation {index} increments `{path}` beyond the range of an int")]
    IncrementOverflow {
        /// The operation.
        index: usize,
        /// Its path.
        path: Pointer,
    },
    /// Nothing is at a path.
    #[error("operation {index} ({op}) finds nothing at `{path}`")]
    Absent {
        /// The operation.
        index: usize,
        /// Its word.
        op: &'static str,
        /// The path, `from` included.
        path: Pointer,
    },
    /// A path goes through a value that has no members or elements.
    #[error("operation {index} ({op}) cannot add at `{path}`: there is no array or object for it")]
    NoContainer {
        /// The operation.
        index: usize,
        /// Its word.
        op: &'static str,
        /// The path.
        path: Pointer,
    },
    /// An array position that does not exist or is not a number.
    #[error(
        "operation {index} ({op}) has no array position `{path}`: the array has {len} elements"
    )]
    Position {
        /// The operation.
        index: usize,
        /// Its word.
        op: &'static str,
        /// The path.
        path: Pointer,
        /// How many elements there are.
        len: usize,
    },
    /// `MOVE` of a value into itself.
    #[error("operation {index} moves `{from}` into itself")]
    MoveIntoItself {
        /// The operation.
        index: usize,
        /// The value that would move.
        from: Pointer,
    },
    /// `TEST` found something else.
    #[error("operation {index} (TEST) finds another value at `{path}`")]
    TestFailed {
        /// The operation.
        index: usize,
        /// Its path.
        path: Pointer,
    },
    /// The patched document would nest too deep.
    #[error("the patched document is nested deeper than {max} levels")]
    TooDeep {
        /// The most levels there may be.
        max: usize,
    },
    /// Copies would make the document too large.
    #[error("the patched document is larger than {max} bytes")]
    TooLarge {
        /// The most bytes there may be.
        max: usize,
    },
}

impl PatchError {
    /// Whether the patch itself is wrong, whatever the document.
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::NotAnArray(_)
            | Self::NotAnObject { .. }
            | Self::Missing { .. }
            | Self::NotText { .. }
            | Self::UnknownOp { .. }
            | Self::Pointer { .. }
            | Self::Value { .. }
            | Self::Protected { .. }
            | Self::IncrementBy { .. }
            | Self::MoveIntoItself { .. } => true,
            Self::IncrementTarget { .. }
            | Self::IncrementOverflow { .. }
            | Self::Absent { .. }
            | Self::NoContainer { .. }
            | Self::Position { .. }
            | Self::TestFailed { .. }
            | Self::TooDeep { .. }
            | Self::TooLarge { .. } => false,
        }
    }
}

impl Patch {
    /// Reads a patch: an array of `{op, path, value?, from?}`.
    ///
    /// Clients that fill absent members with null are understood: a null `op`, `path` or `from`
    /// counts as absent. A null `value` is the value null. Values are extended JSON.
    ///
    /// # Errors
    /// An error for which [`PatchError::is_malformed`] holds.
    pub fn parse(patch: &Value) -> Result<Self, PatchError> {
        parse::parse(patch)
    }

    /// The document after all operations.
    ///
    /// # Errors
    /// The first operation that does not fit the document; the document itself is never changed.
    pub fn apply(&self, document: &Object) -> Result<Object, PatchError> {
        apply::apply(self, document)
    }
}

#[cfg(test)]
mod tests;
