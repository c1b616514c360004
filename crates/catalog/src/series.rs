//! A series of numbered objects, of which each replaces the one before.

use outcrop_storage::{NumberedError, NumberedObject, NumberedObjects, Store};

/// Writes the objects of one prefix, one after the other.
#[derive(Debug)]
pub(crate) struct Series {
    objects: NumberedObjects,
    /// The number that the next object gets.
    next: u64,
}

impl Series {
    /// The series of `store` below `prefix`, and its newest object unless there is none yet.
    ///
    /// # Errors
    /// Those of storage.
    pub(crate) fn open(
        store: &Store,
        prefix: &str,
    ) -> Result<(Self, Option<NumberedObject>), NumberedError> {
        let objects = store.numbered(prefix);
        let newest = objects.newest()?;
        let next = newest.as_ref().map_or(1, |object| object.number + 1);
        Ok((Self { objects, next }, newest))
    }

    /// Makes `payload` the newest object, durably.
    ///
    /// When this fails it is unknown whether it reached the disk; the next one takes the next free
    /// number, so that it counts in either case.
    ///
    /// # Errors
    /// Those of storage.
    pub(crate) fn append(&mut self, payload: &[u8]) -> Result<(), NumberedError> {
        let number = self.objects.append(self.next, payload)?;
        self.next = number + 1;
        if let Err(error) = self.objects.remove_old(number) {
            tracing::warn!(%error, "old objects of the catalog stay on disk");
        }
        Ok(())
    }
}
