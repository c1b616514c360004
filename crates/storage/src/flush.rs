//! Flushing: the delta of a collection becomes a segment.
//!
//! 1. *Freeze*: the chunks are set aside; writes go on in new ones.
//! 2. Write the live rows to a segment, and the deletion vectors that have changed to objects.
//! 3. Write the next manifest: from here on a restart begins after these writes.
//! 4. *Install*: the segment takes the place of the chunks. Rows that were deleted since step 1 are
//!    deleted in the segment; the next flush writes that down, a restart finds it in the log.
//! 5. Remove what no manifest names any more, and log files that everybody has passed.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use crate::chunk::Chunk;
use crate::collection::Collection;
use crate::context::Context;
use crate::deletion_vector::DeletionVector;
use crate::env::new_ulid;
use crate::error::StoreError;
use crate::manifest::{DeletionsEntry, Manifest, ManifestLog, SegmentEntry};
use crate::paths::{self, ObjectPath};
use crate::segment::{self, Segment, SegmentError};
use crate::state::{Frozen, SegmentPart};

/// Writes everything that the collection has in memory to a segment and a new manifest. Does
/// nothing if there is nothing new, or if the collection was dropped.
///
/// # Errors
/// Those of the disk; the collection is then as it was and the writes stay in the log.
pub(crate) fn run(collection: &Collection) -> Result<(), StoreError> {
    let mut log = collection.manifest.lock();
    if collection.is_dropped() {
        return Ok(());
    }
    if collection.has_stopped_flushing() {
        return Err(StoreError::FlushStopped {
            id: collection.id(),
        });
    }
    let frozen = {
        let mut state = collection.state.lock();
        if state.seqno == log.newest().seqno {
            return Ok(());
        }
        state.freeze()
    };
    let flushed = match write(collection, &mut log, &frozen) {
        Ok(flushed) => flushed,
        Err(error) => {
            collection.state.lock().unfreeze(collection.context.now());
            return Err(error);
        }
    };
    let mut state = collection.state.lock();
    if let Err(error) = state.install(&frozen, flushed.segment, &flushed.gone) {
        // The manifest names a segment that cannot be read. Flushing the same rows into another
        // one would double them, so there are no more flushes before a restart has a look.
        state.unfreeze(collection.context.now());
        collection.stop_flushing();
        return Err(error.into());
    }
    collection.publish(&state);
    drop(state);
    collection
        .context
        .flushed
        .lock()
        .insert(collection.id(), frozen.seqno);
    drop(log);
    remove_obsolete(&collection.context, &flushed.obsolete);
    Ok(())
}

/// What a flush has put on disk.
struct Flushed {
    /// The new segment, if any row was alive.
    segment: Option<SegmentPart>,
    /// Segments without a live row, which the new manifest leaves out.
    gone: Vec<String>,
    /// Files that the new manifest does not name any more.
    obsolete: Vec<ObjectPath>,
}

fn write(
    collection: &Collection,
    log: &mut ManifestLog,
    frozen: &Frozen,
) -> Result<Flushed, StoreError> {
    let mut created = Vec::new();
    let written = write_objects(collection, log, frozen, &mut created);
    let (manifest, flushed) = match written {
        Ok(written) => written,
        Err(error) => {
            created
                .iter()
                .for_each(|path| remove(&collection.context, path));
            return Err(error);
        }
    };
    if let Err(error) = log.append(manifest).map_err(StoreError::from) {
        // With a full disk the manifest is certainly not there, and the space is needed. After
        // other errors that is not certain: its objects stay until the next open finds out.
        if error.is_disk_full() {
            created
                .iter()
                .for_each(|path| remove(&collection.context, path));
        }
        return Err(error);
    }
    Ok(flushed)
}

/// Writes everything that the next manifest needs, and returns that manifest.
fn write_objects(
    collection: &Collection,
    log: &ManifestLog,
    frozen: &Frozen,
    created: &mut Vec<ObjectPath>,
) -> Result<(Manifest, Flushed), StoreError> {
    let context = &*collection.context;
    let mut manifest = log.newest().clone();
    manifest.epoch = context.epoch;
    manifest.seqno = frozen.seqno;
    manifest.written_at_micros = context.environment.clock.now_micros();
    let number = log.next_number();
    let mut flushed = Flushed {
        segment: None,
        gone: Vec::new(),
        obsolete: Vec::new(),
    };
    let deletions: HashMap<&str, &SegmentPart> = frozen
        .segments
        .iter()
        .map(|segment| (segment.ulid.as_str(), segment))
        .collect();
    let mut entries = Vec::with_capacity(manifest.segments.len() + 1);
    for mut entry in std::mem::take(&mut manifest.segments) {
        let now = deletions
            .get(entry.ulid.as_str())
            .map(|segment| segment.part.deletions());
        let old = entry.deletions;
        if let Some(now) = now
            && now.len() != old.map_or(0, |old| old.rows)
        {
            flushed.obsolete.extend(
                old.map(|old| paths::deletion_vector(collection.id(), &entry.ulid, old.number)),
            );
            if now.len() == u64::from(entry.rows) {
                flushed
                    .obsolete
                    .push(paths::segment(collection.id(), &entry.ulid));
                flushed.gone.push(entry.ulid);
                continue;
            }
            let path = paths::deletion_vector(collection.id(), &entry.ulid, number);
            write_deletions(context, &path, now)?;
            created.push(path);
            entry.deletions = Some(DeletionsEntry {
                number,
                rows: now.len(),
            });
        }
        entries.push(entry);
    }
    if let Some((entry, segment)) = write_segment(collection, frozen, created)? {
        entries.push(entry);
        flushed.segment = Some(segment);
    }
    manifest.segments = entries;
    Ok((manifest, flushed))
}

fn write_deletions(
    context: &Context,
    path: &ObjectPath,
    deletions: &DeletionVector,
) -> Result<(), StoreError> {
    let bytes = deletions.encode();
    context
        .environment
        .disk
        .create(path, &mut |writer| writer.write_all(&bytes))
        .map_err(StoreError::io("create", path))?;
    Ok(())
}

fn write_segment(
    collection: &Collection,
    frozen: &Frozen,
    created: &mut Vec<ObjectPath>,
) -> Result<Option<(SegmentEntry, SegmentPart)>, StoreError> {
    let sources: Vec<(Arc<Chunk>, DeletionVector)> = frozen
        .chunks
        .values()
        .filter(|chunk| chunk.part.live_row_count() > 0)
        .map(|chunk| (Arc::clone(&chunk.chunk), chunk.part.deletions().clone()))
        .collect();
    if sources.is_empty() {
        return Ok(None);
    }
    let context = &*collection.context;
    let ulid = new_ulid(&context.environment);
    let path = paths::segment(collection.id(), &ulid);
    let mut failure: Option<SegmentError> = None;
    let bytes = context.environment.disk.create(&path, &mut |writer| {
        segment::write(&sources, writer).map(drop).map_err(|error| {
            let kept = io::Error::other(error.to_string());
            failure = Some(error);
            kept
        })
    });
    let bytes = match (bytes, failure) {
        (Ok(bytes), _) => bytes,
        (Err(_), Some(error)) => return Err(error.into()),
        (Err(error), None) => return Err(StoreError::io("create", &path)(error)),
    };
    created.push(path.clone());
    let segment = Arc::new(open_segment(context, &path)?);
    let entry = SegmentEntry {
        ulid: ulid.clone(),
        rows: segment.row_count(),
        bytes,
        deletions: None,
    };
    let part = SegmentPart::new(ulid, segment, DeletionVector::default());
    Ok(Some((entry, part)))
}

/// Opens the segment at `path`.
///
/// # Errors
/// Those of the disk, and of a damaged segment.
pub(crate) fn open_segment(context: &Context, path: &ObjectPath) -> Result<Segment, StoreError> {
    let bytes = context
        .environment
        .disk
        .read(path)
        .map_err(StoreError::io("read", path))?;
    Ok(Segment::open(path.to_string(), bytes)?)
}

fn remove_obsolete(context: &Context, obsolete: &[ObjectPath]) {
    for path in obsolete {
        remove(context, path);
    }
    if let Err(error) = context.remove_flushed_wal() {
        tracing::warn!(%error, "cannot remove old files of the write-ahead log");
    }
}

/// Removes a file that nothing refers to. One that cannot be removed is found at the next open.
pub(crate) fn remove(context: &Context, path: &ObjectPath) {
    match context.environment.disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path, "cannot remove an object that is not needed");
        }
        Ok(()) | Err(_) => {}
    }
}
