//! Flushing: the delta of a collection becomes a segment.
//!
//! 1. *Freeze*: the chunks are set aside; writes go on in new ones.
//! 2. Write the live rows to a segment, in the order of the collection's clustering key, and the
//!    deletion vectors that have changed to objects.
//! 3. Write the next manifest: from here on a restart begins after these writes.
//! 4. *Install*: the segment takes the place of the chunks. Rows that were deleted since step 1 are
//!    deleted in the segment; the next flush writes that down, a restart finds it in the log.
//! 5. Remove what no manifest names any more, as far as nobody reads it, and log files that
//!    everybody has passed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::chunk::Chunk;
use crate::collection::Collection;
use crate::deletion_vector::DeletionVector;
use crate::error::StoreError;
use crate::gc::Doomed;
use crate::manifest::{Manifest, ManifestLog, SegmentEntry};
use crate::paths;
use crate::segment::{self, SegmentLimits, SortOrder};
use crate::segment_file::NewObjects;
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
    collection.check_flushing()?;
    let started = collection.context.now();
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
    let bytes = flushed.segment.as_ref().map(|segment| segment.size().bytes);
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
    let context = &*collection.context;
    context.flushed.lock().insert(collection.id(), frozen.seqno);
    let time = context.now().saturating_sub(started);
    context.counters.flushes.add(time, bytes.unwrap_or(0));
    drop((log, frozen));
    context.garbage.add(flushed.obsolete);
    context.collect_garbage();
    context.maintenance_signal.wake();
    if let Err(error) = context.remove_flushed_wal() {
        tracing::warn!(%error, "cannot remove old files of the write-ahead log");
    }
    Ok(())
}

/// What a flush has put on disk.
struct Flushed {
    /// The new segment, if any row was alive.
    segment: Option<SegmentPart>,
    /// Segments without a live row, which the new manifest leaves out.
    gone: Vec<String>,
    /// Files that the new manifest does not name any more.
    obsolete: Vec<Doomed>,
}

fn write(
    collection: &Collection,
    log: &mut ManifestLog,
    frozen: &Frozen,
) -> Result<Flushed, StoreError> {
    let context = &*collection.context;
    let mut objects = NewObjects::default();
    match write_objects(collection, log, frozen, &mut objects) {
        Ok((manifest, flushed)) => {
            objects.commit(context, log, manifest)?;
            Ok(flushed)
        }
        Err(error) => {
            objects.remove(context);
            Err(error)
        }
    }
}

/// Writes everything that the next manifest needs, and returns that manifest.
fn write_objects(
    collection: &Collection,
    log: &ManifestLog,
    frozen: &Frozen,
    objects: &mut NewObjects,
) -> Result<(Manifest, Flushed), StoreError> {
    let mut flushed = Flushed {
        segment: None,
        gone: Vec::new(),
        obsolete: Vec::new(),
    };
    let mut segments = write_deletions(collection, log, frozen, objects, &mut flushed)?;
    let sources = live_chunks(frozen);
    if !sources.is_empty() {
        let (entry, segment) = create_segment(collection, objects, &sources)?;
        segments.push(entry);
        flushed.segment = Some(segment);
    }
    let manifest = collection.next_manifest(log, frozen.seqno, segments);
    Ok((manifest, flushed))
}

fn create_segment(
    collection: &Collection,
    objects: &mut NewObjects,
    sources: &[(Arc<Chunk>, DeletionVector)],
) -> Result<(SegmentEntry, SegmentPart), StoreError> {
    let context = &*collection.context;
    let order = SortOrder::new(&collection.options().clustering_key);
    let limits = SegmentLimits {
        row_group_rows: context.options.row_group_rows,
        ..SegmentLimits::default()
    };
    let chunk = order.join(sources)?;
    objects.create_segment(context, collection.id(), &mut |sink| {
        Ok(segment::write_chunk(&chunk, Some(&order), sink, limits)?)
    })
}

/// Writes the deletion vectors that have changed since the last manifest, and returns the entries
/// of the segments that go on to exist.
fn write_deletions(
    collection: &Collection,
    log: &ManifestLog,
    frozen: &Frozen,
    objects: &mut NewObjects,
    flushed: &mut Flushed,
) -> Result<Vec<SegmentEntry>, StoreError> {
    let id = collection.id();
    let parts: HashMap<&str, &SegmentPart> = frozen
        .segments
        .iter()
        .map(|segment| (segment.ulid.as_str(), segment))
        .collect();
    let mut kept = Vec::with_capacity(log.newest().segments.len() + 1);
    for entry in &log.newest().segments {
        let mut entry = entry.clone();
        let Some(segment) = parts.get(entry.ulid.as_str()) else {
            debug_assert!(false, "every segment of the manifest is open");
            kept.push(entry);
            continue;
        };
        let part = &segment.part;
        let rows = part.deletions().len();
        if rows != entry.deletions.map_or(0, |old| old.rows) {
            flushed
                .obsolete
                .extend(entry.deletions_path(id).map(Doomed::unread));
            if part.live_row_count() == 0 {
                let file = paths::segment(id, &entry.ulid);
                flushed
                    .obsolete
                    .push(Doomed::segment(file, &segment.segment));
                flushed.gone.push(entry.ulid);
                continue;
            }
            let context = &collection.context;
            let deletions = objects.create_deletions(context, id, &entry.ulid, part.deletions())?;
            entry.deletions = Some(deletions);
        }
        kept.push(entry);
    }
    Ok(kept)
}

fn live_chunks(frozen: &Frozen) -> Vec<(Arc<Chunk>, DeletionVector)> {
    frozen
        .chunks
        .values()
        .filter(|chunk| chunk.part.live_row_count() > 0)
        .map(|chunk| (Arc::clone(&chunk.chunk), chunk.part.deletions().clone()))
        .collect()
}
