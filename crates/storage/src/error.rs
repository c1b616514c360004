//! What can go wrong with a store and with a write.

use std::io;
use std::sync::Arc;

use crate::CollectionId;
use crate::env::is_unavailable;
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
    /// Another process has taken the bucket over, and this one may write nothing any more.
    #[error("another server has taken the data over: this one takes no writes any more")]
    Fenced,
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
        has_io_cause(self, is_disk_full)
    }
}

/// Whether any cause of `error`, or itself, is one of the disk that passes the test.
fn has_io_cause(
    error: &(dyn std::error::Error + 'static),
    test: impl Fn(&io::Error) -> bool,
) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| {
        let shared = error.downcast_ref::<Arc<io::Error>>().map(AsRef::as_ref);
        error
            .downcast_ref::<io::Error>()
            .or(shared)
            .is_some_and(&test)
    })
}

/// Whether the error, or any cause of it, is that a bucket cannot be reached, so that the same call
/// may work later.
#[must_use]
pub fn is_bucket_unavailable(error: &(dyn std::error::Error + 'static)) -> bool {
    has_io_cause(error, is_unavailable)
}

/// Whether the error says that there is no space, or no more space for this user.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A batch was not written. Nothing of it is visible, and nothing of it will appear later, except
/// after [`Poisoned`](Self::Poisoned), where that is unknown until the next start, and
/// [`Unavailable`](Self::Unavailable).
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
    /// The bucket cannot be reached. Writes work again, without a restart, once it can. Whether this
    /// one has reached it may be unknown: it may appear later.
    #[error("the bucket cannot be reached")]
    Unavailable {
        /// What happened.
        source: Arc<io::Error>,
    },
    /// Another process has taken the bucket over. This one takes no writes any more; reads go on,
    /// of what it knows.
    #[error("another server has taken the data over: this one takes no writes any more")]
    Fenced,
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
    /// An operation that depends on the stored document cannot be done with what is stored.
    #[error("{message}")]
    Refused {
        /// What is in the way.
        message: String,
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
            | Self::Unavailable { .. }
            | Self::Fenced
            | Self::Closed
            | Self::Dropped { .. }
            | Self::TooLarge { .. }
            | Self::IdMismatch { .. }
            | Self::Refused { .. }
            | Self::Segment { .. } => false,
        }
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        let (full, unavailable) = (is_disk_full(&error), is_unavailable(&error));
        let source = Arc::new(error);
        if full {
            Self::DiskFull { source }
        } else if unavailable {
            Self::Unavailable { source }
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
