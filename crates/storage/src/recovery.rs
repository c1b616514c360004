//! Opening what an earlier process has left, however it ended.
//!
//! 1. In a bucket, where that process may still be running: its log is fenced, then each series of
//!    numbered objects is claimed. From here on it can change nothing.
//! 2. The newest manifest of each collection, whose name is synced once more, says which segments
//!    are alive; they are opened, with their deletion vectors.
//! 3. Files that no manifest names are removed: they are the rest of a flush that was cut short.
//! 4. The write-ahead log is read, and every batch that the manifest does not have is applied
//!    again (`replay.rs`).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::CollectionId;
use crate::column_cache::ColumnCache;
use crate::deletion_vector::DeletionVector;
use crate::env::{Disk, Environment};
use crate::error::StoreError;
use crate::manifest::{DeletionsEntry, Found, ManifestError, ManifestLog, SegmentEntry};
use crate::numbered::{NumberedObject, NumberedObjects};
use crate::options::StoreOptions;
use crate::paths::{self, ObjectPath};
use crate::replay::Replay;
use crate::segment::Segment;
use crate::segment_file;
use crate::state::{SegmentPart, State};
use crate::wal::{self, RecoveredRecord, Wal, WalWriter};

/// A collection as it was found.
pub(crate) struct RecoveredCollection {
    pub(crate) manifest: ManifestLog,
    pub(crate) state: State,
    replay: Replay,
}

/// Everything that is found in a data folder.
pub(crate) struct Recovered {
    pub(crate) collections: BTreeMap<CollectionId, RecoveredCollection>,
    pub(crate) wal: Wal,
    /// Goes into what this process writes; higher than that of every process before.
    pub(crate) epoch: u64,
}

/// Reads the whole data folder, and removes what is not needed.
///
/// # Errors
/// If anything that was acknowledged cannot be read; the error names the file.
/// [`WalError::Fenced`](crate::WalError::Fenced) if another process takes the bucket over meanwhile.
pub(crate) fn recover(
    environment: &Environment,
    options: &StoreOptions,
    cache: &Arc<ColumnCache>,
) -> Result<Recovered, StoreError> {
    if environment.disk.is_shared() {
        recover_bucket(environment, cache)
    } else {
        recover_folder(&environment.disk, options, cache)
    }
}

fn recover_folder(
    disk: &Arc<dyn Disk>,
    options: &StoreOptions,
    cache: &Arc<ColumnCache>,
) -> Result<Recovered, StoreError> {
    let mut collections = open_collections(disk, None, cache)?;
    let files = wal::read_log(disk, |record| replay_record(&mut collections, &record))?;
    apply_waiting(&mut collections)?;
    let epochs = collections
        .values()
        .map(|collection| collection.manifest.newest().epoch);
    Ok(Recovered {
        epoch: epochs.max().unwrap_or(0) + 1,
        collections,
        wal: Wal::Files(WalWriter::new(
            Arc::clone(disk),
            options.wal_file_bytes,
            files,
        )),
    })
}

fn recover_bucket(
    environment: &Environment,
    cache: &Arc<ColumnCache>,
) -> Result<Recovered, StoreError> {
    let disk = &environment.disk;
    let mut id = [0; 16];
    environment.random.fill(&mut id);
    let claim = wal::claim(disk, id)?;
    let epoch = claim.epoch();
    for prefix in [paths::catalog(), paths::schedule()] {
        let series = NumberedObjects::new(Arc::clone(disk), prefix, epoch);
        let same = |newest: &NumberedObject| Ok::<_, StoreError>(Some(newest.payload.to_vec()));
        drop(series.claim(same)?);
    }
    let mut collections = open_collections(disk, Some(epoch), cache)?;
    let log = claim.read(|record| replay_record(&mut collections, &record))?;
    apply_waiting(&mut collections)?;
    tracing::info!(epoch, location = disk.location(), "took over the bucket");
    Ok(Recovered {
        collections,
        wal: Wal::Objects(log),
        epoch,
    })
}

type Collections = BTreeMap<CollectionId, RecoveredCollection>;

/// Opens every collection; `epoch` is that of the new owner of a bucket.
fn open_collections(
    disk: &Arc<dyn Disk>,
    epoch: Option<u64>,
    cache: &Arc<ColumnCache>,
) -> Result<Collections, StoreError> {
    let mut collections = BTreeMap::new();
    for id in collection_ids(disk)? {
        if let Some(collection) = open_collection(disk, id, epoch, cache)? {
            collections.insert(id, collection);
        }
    }
    Ok(collections)
}

fn replay_record(
    collections: &mut Collections,
    record: &RecoveredRecord,
) -> Result<(), StoreError> {
    match collections.get_mut(&record.collection) {
        Some(collection) => collection
            .replay
            .add(&mut collection.state, record, Duration::ZERO),
        // It was dropped; its last records go with the file that they are in.
        None => Ok(()),
    }
}

fn apply_waiting(collections: &mut Collections) -> Result<(), StoreError> {
    collections.values_mut().try_for_each(|collection| {
        collection
            .replay
            .finish(&mut collection.state, Duration::ZERO)
    })
}

fn collection_ids(disk: &Arc<dyn Disk>) -> Result<Vec<CollectionId>, StoreError> {
    let folder = paths::collections();
    let names = disk
        .list(&folder)
        .map_err(StoreError::io("list", &folder))?;
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        match name.parse() {
            Ok(id) => ids.push(id),
            Err(_not_an_id) => {
                tracing::warn!(path = %folder.child(&name), "passing over a folder that is not ours");
            }
        }
    }
    Ok(ids)
}

/// Opens the segments of a collection. None if it has no manifest, or one that says that it was
/// dropped: its making or its removal was cut short, and what is left is removed.
fn open_collection(
    disk: &Arc<dyn Disk>,
    id: CollectionId,
    epoch: Option<u64>,
    cache: &Arc<ColumnCache>,
) -> Result<Option<RecoveredCollection>, StoreError> {
    // Before the claim: what a later owner of a bucket adds must not be taken for a leftover.
    let objects = Objects::list(disk, id)?;
    let found = match epoch {
        Some(epoch) => ManifestLog::claim(disk, id, epoch)?,
        None => ManifestLog::open(disk, id)?,
    };
    let manifest = match found {
        Found::Alive(manifest) => manifest,
        Found::Dropped | Found::Missing => {
            segment_file::remove_dropped(disk, id)?;
            return Ok(None);
        }
    };
    let mut segments = Vec::with_capacity(manifest.newest().segments.len());
    for entry in &manifest.newest().segments {
        segments.push(open_segment(disk, id, &manifest, entry, cache)?);
    }
    objects.remove_orphans(disk, id, &manifest.newest().segments);
    let seqno = manifest.newest().seqno;
    Ok(Some(RecoveredCollection {
        manifest,
        state: State::new(seqno, segments),
        replay: Replay::new(seqno),
    }))
}

fn open_segment(
    disk: &Arc<dyn Disk>,
    id: CollectionId,
    manifest: &ManifestLog,
    entry: &SegmentEntry,
    cache: &Arc<ColumnCache>,
) -> Result<SegmentPart, StoreError> {
    let path = paths::segment(id, &entry.ulid);
    let source = disk
        .open(&path, entry.bytes)
        .map_err(StoreError::io("read", &path))?;
    let segment = Segment::open(path.to_string(), source)?;
    if segment.row_count() != entry.rows {
        let (expected, found) = (entry.rows, segment.row_count());
        let (path, ulid) = (manifest.path(), entry.ulid.clone());
        return Err(ManifestError::Rows {
            path,
            ulid,
            expected,
            found,
        }
        .into());
    }
    let deletions = match &entry.deletions {
        Some(deletions) => read_deletions(disk, id, entry, deletions)?,
        None => DeletionVector::default(),
    };
    Ok(SegmentPart::new(
        entry.ulid.clone(),
        Arc::new(segment.with_cache(cache)),
        deletions,
    ))
}

fn read_deletions(
    disk: &Arc<dyn Disk>,
    id: CollectionId,
    segment: &SegmentEntry,
    entry: &DeletionsEntry,
) -> Result<DeletionVector, StoreError> {
    let path = paths::deletion_vector(id, &segment.ulid, entry.number);
    let bytes = disk.read(&path).map_err(StoreError::io("read", &path))?;
    let damaged = |reason: String| StoreError::DeletionVector {
        path: path.clone(),
        reason,
    };
    let deletions = DeletionVector::decode(&bytes).map_err(|error| damaged(error.to_string()))?;
    if deletions.len() != entry.rows || deletions.max().is_some_and(|row| row >= segment.rows) {
        return Err(damaged(
            "its rows are not those that the manifest counts".to_owned(),
        ));
    }
    Ok(deletions)
}

/// The segments and deletion vectors that were found.
struct Objects(Vec<ObjectPath>);

impl Objects {
    fn list(disk: &Arc<dyn Disk>, id: CollectionId) -> Result<Self, StoreError> {
        let mut objects = Vec::new();
        for folder in [paths::segments(id), paths::deletions(id)] {
            let names = disk
                .list(&folder)
                .map_err(StoreError::io("list", &folder))?;
            objects.extend(names.iter().map(|name| folder.child(name)));
        }
        Ok(Self(objects))
    }

    /// Removes those that the manifest does not name. One that cannot be removed does no harm but
    /// take space.
    fn remove_orphans(self, disk: &Arc<dyn Disk>, id: CollectionId, segments: &[SegmentEntry]) {
        let needed: HashSet<ObjectPath> = segments
            .iter()
            .flat_map(|entry| {
                let segment = paths::segment(id, &entry.ulid);
                std::iter::once(segment).chain(entry.deletions_path(id))
            })
            .collect();
        for path in self.0.iter().filter(|path| !needed.contains(path)) {
            match disk.remove(path) {
                Ok(()) => tracing::info!(path = %path, "removed an object of an unfinished flush"),
                Err(error) => tracing::warn!(path = %path, %error, "cannot remove an object"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use proptest::prelude::*;

    use outcrop_document::{Value, k};

    use super::*;
    use crate::env::MemoryDisk;
    use crate::manifest::Manifest;
    use crate::prepare::{self, ID_FIELD};
    use crate::wal::{BatchBuilder, Group};

    const ID: CollectionId = CollectionId::from_bytes([5; 16]);

    /// Recovers a collection whose log has one record with this payload and a right checksum.
    fn recover_payload(payload: &[u8]) -> Result<State, StoreError> {
        let environment = Environment::in_memory(Arc::new(MemoryDisk::new()), 1);
        let disk = &environment.disk;
        ManifestLog::create(disk, Manifest::empty(ID, 1, 0)).unwrap();
        let mut group = Group::default();
        group.push(ID, 1, payload);
        WalWriter::new(Arc::clone(disk), 1024, Vec::new())
            .append(group)
            .unwrap();
        let mut recovered = recover(
            &environment,
            &StoreOptions::default(),
            &ColumnCache::new(0, 1),
        )?;
        Ok(recovered.collections.remove(&ID).unwrap().state)
    }

    fn document(id: &str) -> Vec<u8> {
        let id = (ID_FIELD.to_owned(), Value::String(id.to_owned()));
        k::encode(&Value::Object([id].into()))
    }

    #[test]
    fn a_batch_of_the_log_is_applied() {
        let mut batch = BatchBuilder::default();
        batch.put(&document("a"));
        batch.put(&document("b"));
        batch.delete(&prepare::encode_id("a"));
        let state = recover_payload(&batch.finish().unwrap()).unwrap();
        assert_eq!(state.seqno, 1);
        assert_eq!(state.find("a").unwrap(), None);
        assert!(state.find("b").unwrap().is_some());
    }

    #[test]
    fn a_document_without_an_id_is_damage_with_its_place() {
        for value in [
            Value::Null,
            Value::Object([].into()),
            Value::String("a".into()),
        ] {
            let mut batch = BatchBuilder::default();
            batch.put(&k::encode(&value));
            let error = recover_payload(&batch.finish().unwrap()).unwrap_err();
            let message = error.to_string();
            assert!(
                message.contains("is damaged at byte 24: a document in it"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_folder_that_cannot_be_listed_is_an_error() {
        let disk = Arc::new(MemoryDisk::new());
        disk.fail_nth(0, ErrorKind::PermissionDenied);
        let environment = Environment::in_memory(disk, 1);
        let Err(error) = recover(
            &environment,
            &StoreOptions::default(),
            &ColumnCache::new(0, 1),
        ) else {
            panic!("it was listed")
        };
        assert_eq!(error.to_string(), "cannot list `collections`");
    }

    proptest! {
        /// A right checksum does not make bytes sensible: they may be those of another version.
        #[test]
        fn any_bytes_in_a_record_give_documents_or_an_error(
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4),
            tail in prop::collection::vec(any::<u8>(), 0..6),
        ) {
            let mut batch = BatchBuilder::default();
            for value in &values {
                batch.put(value);
                batch.delete(value);
                // A document up to its last bytes.
                batch.put(&[&document("a")[..], value].concat());
            }
            let mut payload = batch.finish().unwrap();
            payload.extend(tail);
            drop(recover_payload(&payload));
        }
    }
}
