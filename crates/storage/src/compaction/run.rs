//! Puts the chosen segments together.
//!
//! The manifest that is written keeps the sequence number of the one before: the delta is not part
//! of this. Rows that were deleted after that number are left out all the same. A restart replays
//! those deletions, and finding nothing to delete does no harm.

use std::sync::Arc;

use arrow::array::{Array, AsArray};

use super::choose::{SegmentSize, choose};
use crate::chunk::Chunk;
use crate::collection::Collection;
use crate::deletion_vector::DeletionVector;
use crate::error::StoreError;
use crate::manifest::{ManifestLog, SegmentEntry};
use crate::paths::{self, ObjectPath};
use crate::scan::ScanRequest;
use crate::segment::SegmentError;
use crate::segment_file::{self, NewObjects};
use crate::state::{SegmentPart, State};

/// Puts segments of the collection together, once. Returns false if there was nothing to do.
/// Writes and reads go on meanwhile; flushes wait.
///
/// # Errors
/// Those of the disk; the collection is then as it was.
pub(crate) fn run(collection: &Collection) -> Result<bool, StoreError> {
    let mut log = collection.manifest.lock();
    if collection.is_dropped() {
        return Ok(false);
    }
    collection.check_flushing()?;
    let inputs = choose_inputs(&collection.state.lock());
    if inputs.is_empty() {
        return Ok(false);
    }
    let merged = write(collection, &mut log, &inputs)?;
    let mut state = collection.state.lock();
    if let Err(error) = state.replace_segments(&inputs, merged.segment) {
        // As with a flush: memory and manifest have come apart.
        collection.stop_flushing();
        return Err(error.into());
    }
    collection.publish(&state);
    drop((state, log));
    segment_file::remove_objects(&collection.context, &merged.obsolete);
    Ok(true)
}

fn choose_inputs(state: &State) -> Vec<SegmentPart> {
    let size = |segment: &SegmentPart| SegmentSize {
        rows: segment.part.row_count(),
        live_rows: segment.part.live_row_count(),
        bytes: segment.part.bytes(),
    };
    let sizes: Vec<SegmentSize> = state.segments().iter().map(size).collect();
    choose(&sizes)
        .into_iter()
        .map(|place| state.segments()[place].clone())
        .collect()
}

/// What a compaction has put on disk.
struct Merged {
    /// The new segment, if any row was alive.
    segment: Option<SegmentPart>,
    /// Files that the new manifest does not name any more.
    obsolete: Vec<ObjectPath>,
}

fn write(
    collection: &Collection,
    log: &mut ManifestLog,
    inputs: &[SegmentPart],
) -> Result<Merged, StoreError> {
    let context = &*collection.context;
    let id = collection.id();
    let mut objects = NewObjects::default();
    let created = match read_documents(inputs)? {
        documents if documents.is_empty() => None,
        documents => {
            let source = (
                Arc::new(Chunk::build(&documents)?),
                DeletionVector::default(),
            );
            drop(documents);
            match objects.create_segment(context, id, &[source]) {
                Ok(created) => Some(created),
                Err(error) => {
                    objects.remove(context);
                    return Err(error);
                }
            }
        }
    };
    let (entry, segment) = created.unzip();
    let is_input = |entry: &SegmentEntry| inputs.iter().any(|segment| segment.ulid == entry.ulid);
    let (gone, mut kept): (Vec<_>, Vec<_>) =
        log.newest().segments.iter().cloned().partition(is_input);
    let place = log
        .newest()
        .segments
        .iter()
        .position(is_input)
        .unwrap_or(kept.len());
    kept.splice(place..place, entry);
    let manifest = collection.next_manifest(log, log.newest().seqno, kept);
    objects.commit(context, log, manifest)?;
    let obsolete = gone
        .iter()
        .flat_map(|entry| {
            [
                Some(paths::segment(id, &entry.ulid)),
                entry.deletions_path(id),
            ]
            .into_iter()
            .flatten()
        })
        .collect();
    Ok(Merged { segment, obsolete })
}

/// K of all live documents, in the order of the segments and their rows.
fn read_documents(inputs: &[SegmentPart]) -> Result<Vec<Vec<u8>>, SegmentError> {
    let request = ScanRequest {
        document: true,
        ..ScanRequest::default()
    };
    let mut documents = Vec::new();
    for input in inputs {
        for batch in input.part.scan(&request)? {
            let batch = batch?;
            let column = batch.column(0).as_binary_view();
            documents.extend((0..column.len()).map(|row| column.value(row).to_vec()));
        }
    }
    Ok(documents)
}
