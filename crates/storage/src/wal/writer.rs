//! The log as files: appends groups of records, begins new files and removes old ones.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::group::Group;
use super::record::{FILE_HEADER_BYTES, file_header};
use crate::CollectionId;
use crate::env::{AppendFile, Disk};
use crate::paths;

/// A group could not be written.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// Nothing of it is in the log; the next one may work.
    Undone(io::Error),
    /// What is in the log is unknown; nothing may be written any more.
    Poisoned(io::Error),
    /// It is unknown whether the group is in the log. [`settle`](super::Wal::settle) finds out.
    Unsettled(io::Error),
    /// Another process owns the data; nothing may be written any more.
    Fenced,
}

/// A file that is not written to any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SealedFile {
    pub(crate) number: u64,
    /// The highest sequence number that the file has of each collection.
    pub(crate) newest: HashMap<CollectionId, u64>,
}

/// The end of a log of files.
#[derive(Debug)]
pub(crate) struct WalWriter {
    disk: Arc<dyn Disk>,
    file_bytes_max: u64,
    sealed: Vec<SealedFile>,
    /// Begun with the first group, so that a store can be opened while the disk is full.
    current: Option<CurrentFile>,
    next_number: u64,
    poisoned: bool,
}

#[derive(Debug)]
struct CurrentFile {
    handle: Box<dyn AppendFile>,
    contents: SealedFile,
}

impl WalWriter {
    /// Goes on after the files that were found at open, with a new file.
    pub(crate) fn new(disk: Arc<dyn Disk>, file_bytes_max: u64, sealed: Vec<SealedFile>) -> Self {
        let next_number = sealed.last().map_or(1, |file| file.number + 1);
        Self {
            disk,
            file_bytes_max,
            sealed,
            current: None,
            next_number,
            poisoned: false,
        }
    }

    /// Whether a sync failed.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Writes and syncs the group.
    ///
    /// # Errors
    /// See [`AppendError`]. After `Poisoned` every call fails.
    pub(crate) fn append(&mut self, mut group: Group) -> Result<(), AppendError> {
        if self.poisoned {
            let reason = "an earlier sync of the write-ahead log failed";
            return Err(AppendError::Poisoned(io::Error::other(reason)));
        }
        self.begin_file_if_due()?;
        let current = self.current.as_mut().expect("a file was just begun");
        let start = current.handle.bytes();
        let bytes = group.fill_headers(current.contents.number, start);
        if let Err(error) = current.handle.append(bytes) {
            return Err(self.cut_back(start, error));
        }
        if let Err(error) = current.handle.sync() {
            self.poisoned = true;
            // The system may show bytes from now on that are not on the disk. The next process had
            // better not find them; if they cannot be cut off either, it will.
            drop(current.handle.truncate(start));
            return Err(AppendError::Poisoned(error));
        }
        current.contents.newest.extend(group.newest());
        Ok(())
    }

    /// Removes what a failed append left behind, durably: a write that was refused must not come
    /// back after a crash.
    fn cut_back(&mut self, start: u64, error: io::Error) -> AppendError {
        let current = self
            .current
            .as_mut()
            .expect("the append was to the current file");
        match current
            .handle
            .truncate(start)
            .and_then(|()| current.handle.sync())
        {
            Ok(()) => AppendError::Undone(error),
            Err(cut_error) => {
                tracing::error!(
                    wal.file = current.contents.number,
                    error = %cut_error,
                    "cannot cut the write-ahead log back after a failed write"
                );
                self.poisoned = true;
                AppendError::Poisoned(error)
            }
        }
    }

    /// Begins a new file if there is none or the current one is long enough. A full disk is no
    /// reason to fail while the current file can still take a group.
    fn begin_file_if_due(&mut self) -> Result<(), AppendError> {
        let due = self
            .current
            .as_ref()
            .is_none_or(|file| file.handle.bytes() >= self.file_bytes_max);
        if !due {
            return Ok(());
        }
        match self.begin_file() {
            Ok(handle) => {
                self.seal();
                let contents = SealedFile {
                    number: self.next_number,
                    newest: HashMap::new(),
                };
                self.next_number += 1;
                self.current = Some(CurrentFile { handle, contents });
                Ok(())
            }
            Err(error) if self.current.is_some() && self.remove_half_begun() => {
                tracing::warn!(%error, "cannot begin a new file of the write-ahead log");
                Ok(())
            }
            Err(error) => Err(AppendError::Undone(error)),
        }
    }

    /// Removes what a failed [`begin_file`](Self::begin_file) has left; false if it may still be
    /// there. The current file must not be written to then: with a later file beside it, a write
    /// that a crash tears would look like damage, and the log would not open.
    fn remove_half_begun(&self) -> bool {
        match self.disk.remove(&paths::wal().numbered(self.next_number)) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// A file with a synced header. One that an earlier attempt left is taken up.
    fn begin_file(&self) -> io::Result<Box<dyn AppendFile>> {
        let mut handle = self.disk.append(&paths::wal().numbered(self.next_number))?;
        if handle.bytes() != 0 {
            handle.truncate(0)?;
        }
        handle.append(&file_header(self.next_number))?;
        handle.sync()?;
        debug_assert_eq!(handle.bytes(), FILE_HEADER_BYTES as u64);
        Ok(handle)
    }

    /// Ends the current file; the next group begins a new one.
    pub(crate) fn seal(&mut self) {
        self.sealed
            .extend(self.current.take().map(|file| file.contents));
    }

    /// Removes the files whose records are all in segments. `flushed` says up to which sequence
    /// number a collection is; `None` for one that was dropped.
    ///
    /// # Errors
    /// Those of the disk; a later call tries again.
    pub(crate) fn remove_flushed(
        &mut self,
        flushed: impl Fn(CollectionId) -> Option<u64>,
    ) -> io::Result<()> {
        let passed =
            |(id, newest): (&CollectionId, &u64)| flushed(*id).is_none_or(|upto| upto >= *newest);
        // From the oldest on and without holes, since a hole means that a file was lost.
        while let Some(file) = self.sealed.first() {
            if !file.newest.iter().all(passed) {
                break;
            }
            match self.disk.remove(&paths::wal().numbered(file.number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => self.sealed.remove(0),
            };
        }
        Ok(())
    }
}
