//! What can go wrong with a store and with a write.

use std::io;
use std::sync::Arc;

use crate::CollectionId;
use crate::manifest::ManifestError;
use crate::numbered::NumberedError;
use crate::paths::ObjectPath;
use crate::segment::SegmentError;
use crate::wal::WalError;

/// Opening, changing or closing a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the folder open.
    #[error("cannot open the data folder `{location}`: {source}")]
    Locked {
        /// The data folder.
        location: String,
        /// Says who has it, as far as known.
        source: io::Error,
    },
    /// The disk refused.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was being done: a verb.
        action: &'static str,
        /// Below the data folder.
        path: ObjectPath,
        /// Why.
        source: io::Error,
    },
    /// A manifest or another numbered object could not be read or written.
    #[error(transparent)]
    Numbered(#[from] NumberedError),
    /// A manifest does not make sense.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The write-ahead log could not be read.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// A segment could not be read or written.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A deletion vector does not fit its segment.
    #[error("deletion vector `{path}` is damaged: {reason}")]
    DeletionVector {
        /// Below the data folder.
        path: ObjectPath,
        /// What is wrong with it.
        reason: String,
    },
    /// A batch of the write-ahead log could not be applied again.
    #[error("cannot apply the write-ahead log")]
    Replay {
        /// Why.
        source: WriteError,
    },
    /// A flush of the collection failed between its manifest and its snapshot.
    #[error("collection `{id}` is not flushed any more until the next start")]
    FlushStopped {
        /// The collection.
        id: CollectionId,
    },
    /// The operating system gave no thread.
    #[error("a background thread of the store cannot be started")]
    Thread {
        /// Why.
        source: io::Error,
    },
    /// There is a collection of this id.
    #[error("collection `{id}` exists")]
    CollectionExists {
        /// The id that was to be new.
        id: CollectionId,
    },
    /// There is no collection of this id.
    #[error("collection `{id}` does not exist")]
    CollectionMissing {
        /// The id that was asked for.
        id: CollectionId,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &ObjectPath) -> impl FnOnce(io::Error) -> Self {
        let path = path.clone();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Whether the disk is full, so that the same call may work later.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if error.downcast_ref::<io::Error>().is_some_and(is_disk_full) {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

/// Whether the error says that there is no space, or no more space for this user.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A batch was not written. Nothing of it is visible, and nothing of it will appear later, except
/// after [`Poisoned`](Self::Poisoned), where that is unknown until the next start.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk is full. Writes work again, without a restart, once there is space.
    #[error("the disk is full")]
    DiskFull {
        /// What the disk said.
        source: Arc<io::Error>,
    },
    /// The write-ahead log could not be written; a later write may work.
    #[error("cannot write to the write-ahead log")]
    Io {
        /// What the disk said.
        source: Arc<io::Error>,
    },
    /// The disk failed to keep what was written to it. Until the server is started again no write
    /// is taken, since what is on the disk is unknown; reads go on.
    #[error("writes have stopped until the next start: the disk failed while syncing")]
    Poisoned,
    /// The store is closed or being closed.
    #[error("the store is closed")]
    Closed,
    /// The collection was dropped.
    #[error("collection `{id}` was dropped")]
    Dropped {
        /// The collection.
        id: CollectionId,
    },
    /// The batch is too large for one record of the write-ahead log.
    #[error("a batch of {bytes} bytes is larger than {bytes_max}")]
    TooLarge {
        /// Encoded size of the batch.
        bytes: u64,
        /// The largest size that is taken.
        bytes_max: u64,
    },
    /// A document to be put does not have the id of its operation as its `_id`.
    #[error("the document of the operation on `{id}` has another `_id`, or none")]
    IdMismatch {
        /// The id of the operation.
        id: String,
    },
    /// A segment could not be read to find the older versions, or the documents could not be
    /// turned into columns.
    #[error("cannot apply the batch")]
    Segment {
        /// Why.
        source: Arc<SegmentError>,
    },
    /// Recent documents fill the memory set aside for them, because flushing them to segments
    /// fails.
    #[error("too many documents wait to be flushed, and flushing fails")]
    FlushFails {
        /// Why the last flush failed.
        source: Arc<StoreError>,
    },
}

impl WriteError {
    /// Whether the cause is a full disk, so that the same write may work later.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::DiskFull { .. } => true,
            Self::FlushFails { source } => source.is_disk_full(),
            Self::Io { .. }
            | Self::Poisoned
            | Self::Closed
            | Self::Dropped { .. }
            | Self::TooLarge { .. }
            | Self::IdMismatch { .. }
            | Self::Segment { .. } => false,
        }
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        let full = is_disk_full(&error);
        let source = Arc::new(error);
        if full {
            Self::DiskFull { source }
        } else {
            Self::Io { source }
        }
    }
}

impl From<SegmentError> for WriteError {
    fn from(error: SegmentError) -> Self {
        Self::Segment {
            source: Arc::new(error),
        }
    }
}

/// An error with its causes, for the log.
pub(crate) fn report(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
