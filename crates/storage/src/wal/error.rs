//! What can be wrong with the write-ahead log.

use std::io;

use crate::CollectionId;
use crate::paths::ObjectPath;

/// The write-ahead log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// Bytes that had reached the disk are not what was written.
    #[error("write-ahead log `{path}` is damaged at byte {offset}: {reason}")]
    Damaged {
        /// The file, below the data folder.
        path: ObjectPath,
        /// Where the first record that cannot be read begins.
        offset: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file between two others is gone.
    #[error("write-ahead log `{path}` is missing")]
    Missing {
        /// The file, below the data folder.
        path: ObjectPath,
    },
    /// The records of a collection leave out some writes.
    #[error(
        "write-ahead log `{path}`: the record at byte {offset} has write {found} of collection \
         `{collection}`, but the next one to come is {expected}"
    )]
    Gap {
        /// The file, below the data folder.
        path: ObjectPath,
        /// Where the record begins.
        offset: u64,
        /// Whose record it is.
        collection: CollectionId,
        /// The sequence number that should come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// Another process has taken the log over.
    #[error("another server has taken the data over")]
    Fenced,
    /// The disk refused.
    #[error("cannot {action} write-ahead log `{path}`")]
    Io {
        /// What was being done: a verb.
        action: &'static str,
        /// The file or folder, below the data folder.
        path: ObjectPath,
        /// Why.
        source: io::Error,
    },
}

impl WalError {
    pub(crate) fn io(action: &'static str, path: &ObjectPath) -> impl FnOnce(io::Error) -> Self {
        let path = path.clone();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
