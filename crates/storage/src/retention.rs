//! Retention: documents whose `_event_time` is too old go.
//!
//! From time to time each collection that has a retention is looked through. A segment of which
//! every live row is too old is dropped whole; in others the rows are marked dead. Both is written
//! down in a manifest before readers see it, so that a restart does not bring them back: the
//! write-ahead log is replayed from the manifest's position, and those documents are before it.
//! Documents in memory wait for the flush. Compaction leaves out what has become too old since.

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use outcrop_document::FieldPath;
use outcrop_document::k::{DecodeError, Node, View};
use roaring::RoaringBitmap;

use crate::chunk::EVENT_TIME;
use crate::collection::Collection;
use crate::deletion_vector::DeletionVector;
use crate::error::StoreError;
use crate::gc::Doomed;
use crate::manifest::{Manifest, ManifestLog};
use crate::paths;
use crate::scan::{ScanRequest, live_rows};
use crate::segment::SegmentError;
use crate::segment_file::NewObjects;
use crate::state::SegmentPart;
use crate::sub_column::{SubColumn, SubColumnKind};

/// The `_event_time` of `document`, K of an object, in microseconds since 1970; none if it is not
/// a timestamp.
///
/// # Errors
/// If the bytes are not K.
pub(crate) fn event_time(document: &[u8]) -> Result<Option<i64>, DecodeError> {
    let Some(node) = Node::root(document)?.get(EVENT_TIME)? else {
        return Ok(None);
    };
    match node.view()? {
        View::Timestamp(time) => Ok(Some(time.0)),
        _ => Ok(None),
    }
}

/// Rows of a segment that are too old and not dead yet.
#[derive(Debug)]
pub(crate) struct Expired {
    pub(crate) ulid: String,
    pub(crate) rows: RoaringBitmap,
}

/// Removes the documents in segments that are past the collection's retention, and returns how
/// many there were. Reads and writes go on meanwhile; flushes wait for the manifest.
///
/// # Errors
/// Those of the disk; the collection is then as it was.
pub(crate) fn run(collection: &Collection) -> Result<u64, StoreError> {
    let context = &*collection.context;
    let Some(start) = collection.options().retention_start(context.now_micros()) else {
        return Ok(0);
    };
    let expired = find_all(collection, start)?;
    if expired.is_empty() {
        return Ok(0);
    }
    let mut log = collection.manifest.lock();
    if collection.is_dropped() {
        return Ok(0);
    }
    collection.check_flushing()?;
    let mut objects = NewObjects::default();
    let (manifest, obsolete) = match write(collection, &log, &expired, &mut objects) {
        Ok(written) => written,
        Err(error) => {
            objects.remove(context);
            return Err(error);
        }
    };
    objects.commit(context, &mut log, manifest)?;
    let mut state = collection.state.lock();
    let removed = state.remove_expired(&expired);
    collection.publish(&state);
    drop((state, log));
    collection.counters.add_purged(&removed);
    context.garbage.add(obsolete);
    context.collect_garbage();
    Ok(removed.rows)
}

/// The rows of all segments that are older than `start`.
fn find_all(collection: &Collection, start: i64) -> Result<Vec<Expired>, SegmentError> {
    let segments = collection.state.lock().segments().to_vec();
    let mut expired = Vec::new();
    for segment in segments {
        let rows = find(&segment, start)?;
        if !rows.is_empty() {
            let ulid = segment.ulid;
            expired.push(Expired { ulid, rows });
        }
    }
    Ok(expired)
}

/// The live rows of a segment that are older than `start`. Reads nothing if the file's statistics
/// say that all of them are, or none.
fn find(segment: &SegmentPart, start: i64) -> Result<RoaringBitmap, SegmentError> {
    let path = FieldPath::from_steps([EVENT_TIME]);
    let column = SubColumn::new(path, SubColumnKind::Timestamp);
    let part = &segment.part;
    let timed_rows = part.types().count(&column);
    let (min, max) = segment
        .segment
        .event_times()
        .unwrap_or((i64::MIN, i64::MAX));
    if timed_rows == 0 || min >= start {
        return Ok(RoaringBitmap::new());
    }
    let live = live_rows(part.row_count(), part.deletions(), None);
    if timed_rows == u64::from(part.row_count()) && max < start {
        return Ok(live);
    }
    let request = ScanRequest {
        columns: vec![column],
        ..ScanRequest::default()
    };
    let mut rows = live.iter();
    let mut expired = RoaringBitmap::new();
    for batch in part.scan(&request)? {
        let batch = batch?;
        let times = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        for (time, row) in times.iter().zip(rows.by_ref().take(times.len())) {
            if time.is_some_and(|time| time < start) {
                expired.insert(row);
            }
        }
    }
    Ok(expired)
}

/// Writes the deletion vectors of the next manifest. Returns it, and the files that it leaves out.
fn write(
    collection: &Collection,
    log: &ManifestLog,
    expired: &[Expired],
    objects: &mut NewObjects,
) -> Result<(Manifest, Vec<Doomed>), StoreError> {
    let id = collection.id();
    let parts = collection.state.lock().segments().to_vec();
    let mut obsolete = Vec::new();
    let mut kept = Vec::with_capacity(parts.len());
    for entry in &log.newest().segments {
        let mut entry = entry.clone();
        let expired = expired.iter().find(|expired| expired.ulid == entry.ulid);
        let part = parts.iter().find(|part| part.ulid == entry.ulid);
        if let Some((expired, part)) = expired.zip(part) {
            let deletions = with_expired(part, expired);
            obsolete.extend(entry.deletions_path(id).map(Doomed::unread));
            if deletions.len() == u64::from(entry.rows) {
                let file = paths::segment(id, &entry.ulid);
                obsolete.push(Doomed::segment(file, &part.segment));
                continue;
            }
            let context = &collection.context;
            let deletions = objects.create_deletions(context, id, &entry.ulid, &deletions)?;
            entry.deletions = Some(deletions);
        }
        kept.push(entry);
    }
    let manifest = collection.next_manifest(log, log.newest().seqno, kept);
    Ok((manifest, obsolete))
}

/// The dead rows of `segment` and those that are too old.
pub(crate) fn with_expired(segment: &SegmentPart, expired: &Expired) -> DeletionVector {
    (segment.part.deletions().rows() | &expired.rows).into()
}
