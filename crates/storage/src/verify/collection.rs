//! The manifests of each collection, and the segments and deletion vectors that they name.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::{Verification, segment};
use crate::CollectionId;
use crate::deletion_vector::DeletionVector;
use crate::env::Disk;
use crate::error::StoreError;
use crate::manifest::{DeletionsEntry, Manifest, SegmentEntry};
use crate::numbered::NumberedObjects;
use crate::paths::{self, ObjectPath};

/// Checks every collection, and says up to which write each of them is in segments.
pub(super) fn verify_all(
    disk: &Arc<dyn Disk>,
    found: &mut Verification,
    flushed: &mut BTreeMap<CollectionId, u64>,
) -> Result<(), StoreError> {
    let folder = paths::collections();
    let names = disk.list(&folder);
    for name in names.map_err(StoreError::io("list", &folder))? {
        let Ok(id) = name.parse() else {
            found.remark(&folder.child(&name), None, "it is not a collection");
            continue;
        };
        if let Some(seqno) = verify(disk, id, found)? {
            flushed.insert(id, seqno);
        }
    }
    Ok(())
}

fn verify(
    disk: &Arc<dyn Disk>,
    id: CollectionId,
    found: &mut Verification,
) -> Result<Option<u64>, StoreError> {
    let objects = NumberedObjects::new(Arc::clone(disk), paths::manifests(id), 0);
    found.read_series(&objects)?;
    let Some(newest) = objects.numbers()?.pop() else {
        let reason = "it has no manifest: its making or its removal was cut short";
        found.remark(&paths::collection(id), None, reason);
        return Ok(None);
    };
    // Damage of the object was told already.
    let Ok(payload) = objects.read(newest) else {
        return Ok(None);
    };
    let path = objects.path(newest);
    let manifest = match Manifest::decode(&payload, &path, id) {
        Ok(manifest) => manifest,
        Err(error) => {
            found.failed(&path, &error);
            return Ok(None);
        }
    };
    if manifest.dropped {
        let reason = "it was dropped, and its removal was cut short";
        found.remark(&paths::collection(id), None, reason);
        return Ok(None);
    }
    let mut ids = HashSet::new();
    for entry in &manifest.segments {
        verify_segment(disk, id, entry, &mut ids, found);
    }
    remark_orphans(disk, id, &manifest, found)?;
    Ok(Some(manifest.seqno))
}

fn verify_segment(
    disk: &Arc<dyn Disk>,
    id: CollectionId,
    entry: &SegmentEntry,
    ids: &mut HashSet<String>,
    found: &mut Verification,
) {
    let deletions = match entry.deletions {
        Some(deletions) => read_deletions(disk, id, entry, deletions, found),
        None => Some(DeletionVector::default()),
    };
    let path = paths::segment(id, &entry.ulid);
    let bytes = match disk.read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return found.failed(&path, &error),
    };
    found.count(bytes.len());
    if bytes.len() as u64 != entry.bytes {
        let (expected, length) = (entry.bytes, bytes.len());
        let reason = format!("it has {length} bytes, the manifest says {expected}");
        let end = entry.bytes.min(length as u64);
        found.problem(&path, Some(end), reason);
    }
    let Some(rows) = segment::verify(&path, bytes, found) else {
        return;
    };
    if rows.len() != entry.rows as usize {
        let reason = format!(
            "it has {} rows, the manifest says {}",
            rows.len(),
            entry.rows
        );
        found.problem(&path, None, reason);
    }
    let Some(deletions) = deletions else { return };
    for (row, name) in (0..).zip(rows) {
        if deletions.contains(row) {
            continue;
        }
        found.documents += 1;
        if let Some(name) = ids.replace(name) {
            let reason = format!("`{name}` in row {row} is alive in an older segment too");
            found.problem(&path, None, reason);
        }
    }
}

fn read_deletions(
    disk: &Arc<dyn Disk>,
    id: CollectionId,
    segment: &SegmentEntry,
    entry: DeletionsEntry,
    found: &mut Verification,
) -> Option<DeletionVector> {
    let path = paths::deletion_vector(id, &segment.ulid, entry.number);
    let bytes = match disk.read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            found.failed(&path, &error);
            return None;
        }
    };
    found.count(bytes.len());
    let deletions = match DeletionVector::decode(&bytes) {
        Ok(deletions) => deletions,
        Err(error) => {
            found.problem(&path, Some(0), error.to_string());
            return None;
        }
    };
    if deletions.len() != entry.rows || deletions.max().is_some_and(|row| row >= segment.rows) {
        let reason = "its rows are not those that the manifest counts";
        found.problem(&path, Some(0), reason);
        return None;
    }
    Some(deletions)
}

/// Files that the manifest does not name are no damage: a flush was cut short.
fn remark_orphans(
    disk: &Arc<dyn Disk>,
    id: CollectionId,
    manifest: &Manifest,
    found: &mut Verification,
) -> Result<(), StoreError> {
    let segments = manifest.segments.iter();
    let segments = segments.map(|entry| paths::segment(id, &entry.ulid));
    let deletions = manifest.segments.iter();
    let deletions = deletions.filter_map(|entry| entry.deletions_path(id));
    let named: HashSet<ObjectPath> = segments.chain(deletions).collect();
    for folder in [paths::segments(id), paths::deletions(id)] {
        let names = disk.list(&folder);
        for name in names.map_err(StoreError::io("list", &folder))? {
            let path = folder.child(&name);
            if !named.contains(&path) {
                found.remark(&path, None, "no manifest names it");
            }
        }
    }
    Ok(())
}
