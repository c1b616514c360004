//! Why a file is not read to its end.

use std::io;

/// What ends the reading of a file.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The file is damaged, or not what it is said to be.
    #[error("{0}")]
    File(String),
    /// The records cannot be handed on.
    #[error("the documents cannot be handed on")]
    Output(#[from] io::Error),
}

impl DecodeError {
    /// The file is at fault.
    pub(crate) fn file(reason: impl ToString) -> Self {
        Self::File(reason.to_string())
    }
}
