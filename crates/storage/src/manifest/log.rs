//! The manifests of one collection as a series: the newest, and how the next one is written.

use std::sync::Arc;

use super::Manifest;
use crate::CollectionId;
use crate::env::Disk;
use crate::error::StoreError;
use crate::numbered::{NumberedError, NumberedObjects};
use crate::paths::{self, ObjectPath};

/// The number of the first manifest of a collection.
const FIRST: u64 = 1;

/// The newest manifest of a collection, held by whoever writes the next one.
#[derive(Debug)]
pub(crate) struct ManifestLog {
    objects: NumberedObjects,
    number: u64,
    manifest: Manifest,
}

impl ManifestLog {
    /// Makes the collection of `manifest` by writing its first one.
    ///
    /// # Errors
    /// [`StoreError::CollectionExists`], or those of the disk.
    pub(crate) fn create(disk: &Arc<dyn Disk>, manifest: Manifest) -> Result<Self, StoreError> {
        let id = manifest.collection;
        let objects = NumberedObjects::new(Arc::clone(disk), paths::manifests(id));
        match objects.create(FIRST, &manifest.encode()) {
            Ok(()) => Ok(Self {
                objects,
                number: FIRST,
                manifest,
            }),
            Err(NumberedError::Taken { .. }) => Err(StoreError::CollectionExists { id }),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the newest manifest; none if the collection has none, that is, does not exist.
    ///
    /// # Errors
    /// If it is damaged, or cannot be read or understood.
    pub(crate) fn open(disk: &Arc<dyn Disk>, id: CollectionId) -> Result<Option<Self>, StoreError> {
        let objects = NumberedObjects::new(Arc::clone(disk), paths::manifests(id));
        let Some(newest) = objects.newest()? else {
            return Ok(None);
        };
        let manifest = Manifest::decode(&newest.payload, &objects.path(newest.number), id)?;
        Ok(Some(Self {
            objects,
            number: newest.number,
            manifest,
        }))
    }

    /// The newest manifest.
    pub(crate) fn newest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the newest manifest is.
    pub(crate) fn path(&self) -> ObjectPath {
        self.objects.path(self.number)
    }

    /// The number that the next manifest will have.
    fn next_number(&self) -> u64 {
        self.number + 1
    }

    /// Writes the next manifest, durably.
    ///
    /// # Errors
    /// [`NumberedError::Taken`] if another process owns the collection now; those of the disk.
    pub(crate) fn append(&mut self, manifest: Manifest) -> Result<(), NumberedError> {
        let number = self.next_number();
        self.objects.create(number, &manifest.encode())?;
        self.number = number;
        self.manifest = manifest;
        if let Err(error) = self.objects.remove_old(number) {
            // They only take space, and the next manifest tries again.
            tracing::warn!(error = %error, "cannot remove old manifests");
        }
        Ok(())
    }

    /// Removes all manifests: the collection has then ceased to exist.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn remove_all(&self) -> Result<(), NumberedError> {
        self.objects.remove_all()
    }
}
