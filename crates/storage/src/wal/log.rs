//! The log of a store: files of a folder, or objects of a bucket.

use std::io;

use super::group::Group;
use super::objects::ObjectLog;
use super::reader::RecoveredRecord;
use super::writer::{AppendError, WalWriter};
use crate::CollectionId;

/// See the module.
#[derive(Debug)]
pub(crate) enum Wal {
    Files(WalWriter),
    Objects(ObjectLog),
}

impl Wal {
    /// Writes the group, durably.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub(crate) fn append(&mut self, group: Group) -> Result<(), AppendError> {
        match self {
            Self::Files(log) => log.append(group),
            Self::Objects(log) => log.append(group),
        }
    }

    /// Whether the log takes groups, as far as is known.
    ///
    /// # Errors
    /// [`AppendError::Poisoned`] or [`AppendError::Fenced`] if it never will again.
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        match self {
            Self::Files(log) if log.is_poisoned() => Err(AppendError::Poisoned(io::Error::other(
                "an earlier sync of the write-ahead log failed",
            ))),
            Self::Objects(log) if log.is_fenced() => Err(AppendError::Fenced),
            Self::Files(_) | Self::Objects(_) => Ok(()),
        }
    }

    /// Finds out what became of a group of unknown outcome, and returns its records if it is in
    /// the log.
    ///
    /// # Errors
    /// [`AppendError::Unsettled`] if that is still unknown, [`AppendError::Fenced`].
    pub(crate) fn settle(&mut self) -> Result<Vec<RecoveredRecord>, AppendError> {
        match self {
            Self::Files(_) => Ok(Vec::new()),
            Self::Objects(log) => log.settle(),
        }
    }

    /// Makes sure that no other process has taken over up to now.
    ///
    /// # Errors
    /// [`AppendError::Fenced`] if one has; those of the disk.
    pub(crate) fn check_owner(&mut self) -> Result<(), AppendError> {
        match self {
            Self::Files(_) => Ok(()),
            Self::Objects(log) => log.check_owner(),
        }
    }

    /// Notes that another process has taken over.
    pub(crate) fn fence(&mut self) {
        if let Self::Objects(log) = self {
            log.fence();
        }
    }

    /// Ends the current file, if the log has files.
    pub(crate) fn seal(&mut self) {
        if let Self::Files(log) = self {
            log.seal();
        }
    }

    /// Removes files or objects whose records are all in segments. `flushed` says up to which
    /// sequence number a collection is; `None` for one that was dropped.
    ///
    /// # Errors
    /// Those of the disk; a later call tries again.
    pub(crate) fn remove_flushed(
        &mut self,
        flushed: impl Fn(CollectionId) -> Option<u64>,
    ) -> io::Result<()> {
        match self {
            Self::Files(log) => log.remove_flushed(flushed),
            Self::Objects(log) => log.remove_flushed(flushed),
        }
    }
}
