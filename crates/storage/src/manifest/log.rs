//! The manifests of one collection as a series: the newest, and how the next one is written.

use std::sync::Arc;

use super::Manifest;
use crate::CollectionId;
use crate::env::Disk;
use crate::error::StoreError;
use crate::numbered::{NUMBERS_KEPT, NumberedError, NumberedObjects};
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

/// What there is of a collection.
#[derive(Debug)]
pub(crate) enum Found {
    /// Its newest manifest.
    Alive(ManifestLog),
    /// A manifest that says that it was dropped.
    Dropped,
    /// Nothing.
    Missing,
}

impl ManifestLog {
    /// Makes the collection of `manifest` by writing its first one.
    ///
    /// # Errors
    /// [`StoreError::CollectionExists`], or those of the disk.
    pub(crate) fn create(disk: &Arc<dyn Disk>, manifest: Manifest) -> Result<Self, StoreError> {
        let id = manifest.collection;
        let objects = series(disk, id, manifest.epoch);
        if objects.is_shared() && !objects.numbers()?.is_empty() {
            // Dropped ones count: their last manifest stays.
            return Err(StoreError::CollectionExists { id });
        }
        match objects.create(FIRST, &manifest.encode()) {
            Ok(()) => Ok(Self::new(objects, FIRST, manifest)),
            Err(NumberedError::Taken { .. }) => Err(StoreError::CollectionExists { id }),
            Err(error) => Err(error.into()),
        }
    }

    fn new(objects: NumberedObjects, number: u64, manifest: Manifest) -> Self {
        Self {
            objects,
            number,
            manifest,
        }
    }

    /// Reads the newest manifest.
    ///
    /// # Errors
    /// If it is damaged, or cannot be read or understood.
    pub(crate) fn open(disk: &Arc<dyn Disk>, id: CollectionId) -> Result<Found, StoreError> {
        let objects = series(disk, id, 0);
        let Some(newest) = objects.newest()? else {
            return Ok(Found::Missing);
        };
        let manifest = Manifest::decode(&newest.payload, &objects.path(newest.number), id)?;
        Ok(Self::found(objects, newest.number, manifest))
    }

    /// As [`open`](Self::open), for a new owner of a bucket: writes the manifest again under the
    /// number that is next for the owner before, which from then on can write none.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`NumberedError::Taken`] if there is a later owner.
    pub(crate) fn claim(
        disk: &Arc<dyn Disk>,
        id: CollectionId,
        epoch: u64,
    ) -> Result<Found, StoreError> {
        let objects = series(disk, id, epoch);
        let claimed = objects.claim(|newest| {
            let path = objects.path(newest.number);
            let mut manifest = Manifest::decode(&newest.payload, &path, id)?;
            manifest.epoch = epoch;
            Ok::<_, StoreError>((!manifest.dropped).then(|| manifest.encode()))
        })?;
        let Some(newest) = claimed else {
            return Ok(Found::Missing);
        };
        if newest.number.is_multiple_of(NUMBERS_KEPT) {
            // Every start writes one, flushes or not.
            objects.remove_old(newest.number)?;
        }
        let manifest = Manifest::decode(&newest.payload, &objects.path(newest.number), id)?;
        Ok(Self::found(objects, newest.number, manifest))
    }

    fn found(objects: NumberedObjects, number: u64, manifest: Manifest) -> Found {
        if manifest.dropped {
            Found::Dropped
        } else {
            Found::Alive(Self::new(objects, number, manifest))
        }
    }

    /// The newest manifest.
    pub(crate) fn newest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the newest manifest is.
    pub(crate) fn path(&self) -> ObjectPath {
        self.objects.path(self.number)
    }

    /// Writes the next manifest, durably.
    ///
    /// When this fails in a bucket, the manifest may be there all the same; the next one then takes
    /// its place.
    ///
    /// # Errors
    /// [`NumberedError::Taken`] if another process owns the collection now; those of the disk.
    pub(crate) fn append(&mut self, manifest: Manifest) -> Result<(), NumberedError> {
        let number = self.objects.append(self.number + 1, &manifest.encode())?;
        self.number = number;
        self.manifest = manifest;
        if let Err(error) = self.objects.remove_old(number) {
            // They only take space, and the next manifest tries again.
            tracing::warn!(error = %error, "cannot remove old manifests");
        }
        Ok(())
    }

    /// Makes the collection cease to exist: removes all manifests, or in a bucket all but a last
    /// one that says so.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn drop_collection(&mut self, epoch: u64) -> Result<(), NumberedError> {
        if !self.objects.is_shared() {
            return self.objects.remove_all();
        }
        let mut last = self.manifest.clone();
        last.epoch = epoch;
        last.segments = Vec::new();
        last.dropped = true;
        self.append(last)?;
        self.objects.remove_below(self.number)
    }
}

fn series(disk: &Arc<dyn Disk>, id: CollectionId, epoch: u64) -> NumberedObjects {
    NumberedObjects::new(Arc::clone(disk), paths::manifests(id), epoch)
}
