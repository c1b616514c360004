//! Writes groups as objects, and removes those that nobody needs any more.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::object;
use crate::CollectionId;
use crate::env::{Disk, outcome_is_unknown};
use crate::paths;
use crate::wal::group::Group;
use crate::wal::owner::Owner;
use crate::wal::reader::RecoveredRecord;
use crate::wal::writer::{AppendError, SealedFile};

/// The end of a log of objects.
#[derive(Debug)]
pub(crate) struct ObjectLog {
    disk: Arc<dyn Disk>,
    owner: Owner,
    /// Objects with records, ascending; those before are removed.
    sealed: VecDeque<SealedFile>,
    /// The fences of all owners, which stay.
    fences: BTreeSet<u64>,
    /// The first object with records that are not in segments. Goes into the next object.
    first_needed: u64,
    /// Where the log begins, as the newest object says. Nothing from there on may be removed: who
    /// takes over reads the log from there.
    recorded_first: u64,
    next_number: u64,
    unsettled: Option<Unsettled>,
    fenced: bool,
}

/// An object that may be there or not.
#[derive(Debug)]
struct Unsettled {
    bytes: Bytes,
    first: u64,
    contents: SealedFile,
}

impl ObjectLog {
    /// Goes on behind the fence of `owner`.
    pub(super) fn new(disk: Arc<dyn Disk>, owner: Owner, sealed: VecDeque<SealedFile>) -> Self {
        let mut fences: BTreeSet<u64> = owner.earlier_fences.iter().copied().collect();
        fences.insert(owner.fence);
        Self {
            disk,
            sealed,
            fences,
            first_needed: owner.first,
            recorded_first: owner.first,
            next_number: owner.fence + 1,
            unsettled: None,
            fenced: false,
            owner: Owner {
                earlier_fences: Vec::new(),
                ..owner
            },
        }
    }

    /// Whether another process has taken over.
    pub(crate) fn is_fenced(&self) -> bool {
        self.fenced
    }

    /// Notes that another process has taken over.
    pub(crate) fn fence(&mut self) {
        self.fenced = true;
    }

    /// Writes the group as an object.
    ///
    /// # Errors
    /// See [`AppendError`]. After `Fenced` every call fails; after `Unsettled`, until
    /// [`settle`](Self::settle) has succeeded.
    pub(crate) fn append(&mut self, group: Group) -> Result<(), AppendError> {
        if self.fenced {
            return Err(AppendError::Fenced);
        }
        if self.unsettled.is_some() {
            let reason = "it is not known yet whether an earlier write is in the log";
            return Err(AppendError::Undone(io::Error::other(reason)));
        }
        let number = self.next_number;
        let first = self.first_needed;
        let owner = Owner {
            first,
            ..self.owner.clone()
        };
        let contents = SealedFile {
            number,
            newest: group.newest().collect(),
        };
        let object = Unsettled {
            bytes: object::encode(number, &owner, group),
            first,
            contents,
        };
        match self.create(&object) {
            Ok(()) => {
                self.add(object);
                Ok(())
            }
            Err(AppendError::Unsettled(error)) => {
                self.unsettled = Some(object);
                Err(AppendError::Unsettled(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Finds out what became of a group of unknown outcome, by writing the same bytes again. If it
    /// is in the log, and until then was not known to be, its records are returned: they have to be
    /// applied before anything else is written.
    ///
    /// # Errors
    /// [`AppendError::Unsettled`] if it is still unknown, [`AppendError::Fenced`] if it is not and
    /// never will be in the log.
    pub(crate) fn settle(&mut self) -> Result<Vec<RecoveredRecord>, AppendError> {
        let Some(object) = self.unsettled.take() else {
            return Ok(Vec::new());
        };
        match self.create(&object) {
            Ok(()) => {
                let number = object.contents.number;
                let records = object::decode(number, &object.bytes).map(|object| object.records);
                self.add(object);
                Ok(records.expect("these are the bytes that were encoded"))
            }
            Err(AppendError::Fenced) => Err(AppendError::Fenced),
            Err(
                AppendError::Undone(error)
                | AppendError::Unsettled(error)
                | AppendError::Poisoned(error),
            ) => {
                // An earlier try may still have been the one that worked.
                self.unsettled = Some(object);
                Err(AppendError::Unsettled(error))
            }
        }
    }

    fn create(&mut self, object: &Unsettled) -> Result<(), AppendError> {
        let path = paths::wal().numbered(object.contents.number);
        let created = self
            .disk
            .create(&path, &mut |writer| writer.write_all(&object.bytes));
        match created {
            Ok(_bytes) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.fenced = true;
                Err(AppendError::Fenced)
            }
            Err(error) if outcome_is_unknown(&error) => Err(AppendError::Unsettled(error)),
            Err(error) => Err(AppendError::Undone(error)),
        }
    }

    fn add(&mut self, object: Unsettled) {
        self.recorded_first = object.first;
        self.next_number = object.contents.number + 1;
        self.sealed.push_back(object.contents);
    }

    /// Makes sure that no other process has taken over up to now.
    ///
    /// # Errors
    /// [`AppendError::Fenced`] if one has; those of the disk as `Undone`.
    pub(crate) fn check_owner(&mut self) -> Result<(), AppendError> {
        if self.fenced {
            return Err(AppendError::Fenced);
        }
        if let Some(object) = self.unsettled.take() {
            // What is at that number may be ours. Writing it again tells.
            let created = self.create(&object);
            self.unsettled = Some(object);
            return created;
        }
        let path = paths::wal().numbered(self.next_number);
        match self.disk.read(&path) {
            Ok(_theirs) => {
                self.fenced = true;
                Err(AppendError::Fenced)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(AppendError::Undone(error)),
        }
    }

    /// Lets go of the objects whose records are all in segments, and removes those of them that lie
    /// before the recorded beginning of the log. `flushed` says up to which sequence number a
    /// collection is; `None` for one that was dropped.
    ///
    /// # Errors
    /// Those of the disk; a later call tries again.
    pub(crate) fn remove_flushed(
        &mut self,
        flushed: impl Fn(CollectionId) -> Option<u64>,
    ) -> io::Result<()> {
        if self.fenced {
            return Ok(());
        }
        let passed =
            |(id, newest): (&CollectionId, &u64)| flushed(*id).is_none_or(|upto| upto >= *newest);
        let needed = self
            .sealed
            .iter()
            .find(|file| !file.newest.iter().all(passed));
        self.first_needed = needed.map_or(self.next_number, |file| file.number);
        let end = self.first_needed.min(self.recorded_first);
        while let Some(number) = self.sealed.front().map(|file| file.number)
            && number < end
        {
            if !self.fences.contains(&number) {
                let removed = self.disk.remove(&paths::wal().numbered(number));
                removed.or_else(|error| match error.kind() {
                    io::ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                })?;
            }
            self.sealed.pop_front();
        }
        Ok(())
    }
}
