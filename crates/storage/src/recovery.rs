//! Opening what an earlier process has left, however it ended.
//!
//! 1. The newest manifest of each collection says which segments are alive; they are opened, with
//!    their deletion vectors.
//! 2. Files that no manifest names are removed: they are the rest of a flush that was cut short.
//! 3. The write-ahead log is read, and every batch that the manifest does not have is applied
//!    again. A batch in the log already says what its patches came to, so doing it again gives the
//!    same documents.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use outcrop_document::{Value, k};

use crate::CollectionId;
use crate::deletion_vector::DeletionVector;
use crate::env::Disk;
use crate::error::StoreError;
use crate::manifest::{DeletionsEntry, ManifestError, ManifestLog, SegmentEntry};
use crate::paths::{self, ObjectPath};
use crate::prepare::{self, ID_FIELD, PreparedAction, PreparedBatch, PreparedOperation};
use crate::resolve::resolve;
use crate::segment::Segment;
use crate::staging::Staging;
use crate::state::{SegmentPart, State};
use crate::wal::{self, BatchEntry, RecoveredRecord, SealedFile, WalError};

/// Batches of the log are put together until they have this many documents: one large chunk costs
/// less than many small ones.
const REPLAY_DOCUMENTS: usize = 8192;

/// ... or this many bytes.
const REPLAY_BYTES: usize = 16 * 1024 * 1024;

/// A collection as it was found.
pub(crate) struct RecoveredCollection {
    pub(crate) manifest: ManifestLog,
    pub(crate) state: State,
    waiting: Waiting,
}

/// Operations of the log that are not applied yet.
#[derive(Default)]
struct Waiting {
    operations: Vec<PreparedOperation>,
    documents: Vec<Vec<u8>>,
    bytes: usize,
    /// The sequence number of the newest record read; that of the manifest before the first.
    seqno: u64,
}

/// Everything that is found in a data folder.
pub(crate) struct Recovered {
    pub(crate) collections: BTreeMap<CollectionId, RecoveredCollection>,
    pub(crate) wal_files: Vec<SealedFile>,
}

/// Reads the whole data folder, and removes what is not needed.
///
/// # Errors
/// If anything that was acknowledged cannot be read; the error names the file.
pub(crate) fn recover(disk: &Arc<dyn Disk>) -> Result<Recovered, StoreError> {
    let mut collections = BTreeMap::new();
    for id in collection_ids(disk)? {
        if let Some(collection) = open_collection(disk, id)? {
            collections.insert(id, collection);
        }
    }
    let wal_files = wal::read_log(disk, |record| {
        match collections.get_mut(&record.collection) {
            Some(collection) => collection.replay(&record),
            // It was dropped; its last records go with the file that they are in.
            None => Ok(()),
        }
    })?;
    for collection in collections.values_mut() {
        collection.apply_waiting()?;
    }
    Ok(Recovered {
        collections,
        wal_files,
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

/// Opens the segments of a collection. None if it has no manifest: its making or its removal was
/// cut short, and what is left is removed.
fn open_collection(
    disk: &Arc<dyn Disk>,
    id: CollectionId,
) -> Result<Option<RecoveredCollection>, StoreError> {
    let Some(manifest) = ManifestLog::open(disk, id)? else {
        let folder = paths::collection(id);
        disk.remove_folder(&folder)
            .map_err(StoreError::io("remove", &folder))?;
        return Ok(None);
    };
    let mut segments = Vec::with_capacity(manifest.newest().segments.len());
    for entry in &manifest.newest().segments {
        segments.push(open_segment(disk, id, &manifest, entry)?);
    }
    remove_orphans(disk, id, &manifest.newest().segments)?;
    let seqno = manifest.newest().seqno;
    let state = State::new(seqno, segments);
    let waiting = Waiting {
        seqno,
        ..Waiting::default()
    };
    Ok(Some(RecoveredCollection {
        manifest,
        state,
        waiting,
    }))
}

fn open_segment(
    disk: &Arc<dyn Disk>,
    id: CollectionId,
    manifest: &ManifestLog,
    entry: &SegmentEntry,
) -> Result<SegmentPart, StoreError> {
    let path = paths::segment(id, &entry.ulid);
    let bytes = disk.read(&path).map_err(StoreError::io("read", &path))?;
    let segment = Segment::open(path.to_string(), bytes)?;
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
        Arc::new(segment),
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

/// Removes the segments and deletion vectors that the manifest does not name. One that cannot be
/// removed does no harm but take space.
fn remove_orphans(
    disk: &Arc<dyn Disk>,
    id: CollectionId,
    segments: &[SegmentEntry],
) -> Result<(), StoreError> {
    let segment_names = segments
        .iter()
        .map(|entry| paths::segment_name(&entry.ulid))
        .collect();
    let deletions_names = segments
        .iter()
        .filter_map(|entry| {
            let deletions = entry.deletions?;
            Some(paths::deletion_vector_name(&entry.ulid, deletions.number))
        })
        .collect();
    remove_others(disk, &paths::segments(id), &segment_names)?;
    remove_others(disk, &paths::deletions(id), &deletions_names)
}

fn remove_others(
    disk: &Arc<dyn Disk>,
    folder: &ObjectPath,
    needed: &HashSet<String>,
) -> Result<(), StoreError> {
    for name in disk.list(folder).map_err(StoreError::io("list", folder))? {
        if needed.contains(&name) {
            continue;
        }
        let path = folder.child(&name);
        match disk.remove(&path) {
            Ok(()) => tracing::info!(path = %path, "removed an object of an unfinished flush"),
            Err(error) => tracing::warn!(path = %path, %error, "cannot remove an object"),
        }
    }
    Ok(())
}

impl RecoveredCollection {
    /// Takes a record of the log, unless the segments have it already.
    fn replay(&mut self, record: &RecoveredRecord) -> Result<(), StoreError> {
        if record.seqno <= self.manifest.newest().seqno {
            return Ok(());
        }
        let expected = self.waiting.seqno + 1;
        if record.seqno != expected {
            return Err(StoreError::Wal(WalError::Gap {
                path: record.path.clone(),
                offset: record.offset,
                collection: record.collection,
                expected,
                found: record.seqno,
            }));
        }
        let damaged = |reason| WalError::Damaged {
            path: record.path.clone(),
            offset: record.offset,
            reason,
        };
        for entry in wal::entries(record.payload.clone()) {
            self.waiting.add(entry.map_err(damaged)?).map_err(damaged)?;
        }
        self.waiting.seqno = record.seqno;
        if self.waiting.documents.len() >= REPLAY_DOCUMENTS || self.waiting.bytes >= REPLAY_BYTES {
            self.apply_waiting()?;
        }
        Ok(())
    }

    fn apply_waiting(&mut self) -> Result<(), StoreError> {
        let seqno = self.waiting.seqno;
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting.seqno = seqno;
        let batch = PreparedBatch {
            chunk: prepare::build(&waiting.documents)?,
            operations: waiting.operations,
            payload: Some(Vec::new()),
            document_bytes: 0,
        };
        let mut staging = Staging::new(&self.state);
        resolve(&self.state, &mut staging, batch)
            .map_err(|source| StoreError::Replay { source })?;
        staging.set_seqno(seqno);
        self.state.apply(staging, Duration::ZERO);
        Ok(())
    }
}

impl Waiting {
    fn add(&mut self, entry: BatchEntry) -> Result<(), &'static str> {
        let operation = match entry {
            BatchEntry::Put(document) => {
                let id = document_id(&document)?;
                let row = u32::try_from(self.documents.len()).unwrap_or(u32::MAX);
                self.bytes += document.len();
                self.documents.push(document.to_vec());
                PreparedOperation {
                    id,
                    action: PreparedAction::Put { row },
                }
            }
            BatchEntry::Delete(id) => {
                let id = decode_string(&id).ok_or("a deletion does not name a document")?;
                PreparedOperation {
                    id,
                    action: PreparedAction::Delete,
                }
            }
        };
        self.operations.push(operation);
        Ok(())
    }
}

fn document_id(document: &[u8]) -> Result<String, &'static str> {
    k::get(document, &[ID_FIELD])
        .ok()
        .flatten()
        .and_then(|id| decode_string(&id))
        .ok_or("a document in it has no `_id`")
}

fn decode_string(bytes: &[u8]) -> Option<String> {
    match k::decode(bytes) {
        Ok(Value::String(text)) => Some(text),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use proptest::prelude::*;

    use super::*;
    use crate::env::MemoryDisk;
    use crate::manifest::Manifest;
    use crate::wal::{BatchBuilder, Group, WalWriter};

    const ID: CollectionId = CollectionId::from_bytes([5; 16]);

    /// Recovers a collection whose log has one record with this payload and a right checksum.
    fn recover_payload(payload: &[u8]) -> Result<State, StoreError> {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
        ManifestLog::create(&disk, Manifest::empty(ID, 1, 0)).unwrap();
        let mut group = Group::default();
        group.push(ID, 1, payload);
        WalWriter::new(Arc::clone(&disk), 1024, Vec::new())
            .append(group)
            .unwrap();
        let mut recovered = recover(&disk)?;
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
        let disk: Arc<dyn Disk> = disk;
        let Err(error) = recover(&disk) else {
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
