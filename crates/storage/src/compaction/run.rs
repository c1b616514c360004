//! Puts the chosen segments together.
//!
//! 1. *Choose*, and pin the segments as they are.
//! 2. *Write* the new segment. Writes, flushes and retention go on meanwhile: they may delete rows
//!    of the old segments, and drop one that has no live row left.
//! 3. *Commit*, with the collection's manifest locked: what was deleted since step 1 becomes the
//!    deletion vector of the new segment, and a manifest names it in the place of the old ones.
//! 4. *Swap*: readers get the new segment; rows that were deleted during step 3 are deleted in it.
//!
//! The manifest keeps the sequence number of the one before, since the delta is not part of this.
//! Its deletion vectors may be ahead of that: a restart replays the writes that deleted those rows,
//! and finding nothing to delete does no harm.

use super::choose::{SegmentSize, choose};
use super::merge::{Input, Merge};
use crate::collection::Collection;
use crate::collection_options::CollectionOptions;
use crate::error::StoreError;
use crate::gc::Doomed;
use crate::manifest::{ManifestLog, SegmentEntry};
use crate::paths;
use crate::segment::{
    MergeInput, SegmentLimits, SegmentSummary, SegmentWriter, SortOrder, merge_indexes,
};
use crate::segment_file::{NewObjects, Sink};
use crate::state::SegmentPart;
use crate::type_counts::PathTypes;

/// A segment whose last row expires within this part of the retention is not rewritten any more.
const EXPIRES_SOON: i64 = 8;

/// Puts segments of the collection together, once. Returns false if there was nothing to do.
/// Writes, reads and flushes go on meanwhile.
///
/// # Errors
/// Those of the disk; the collection is then as it was. [`StoreError::Closed`] if the store was
/// closed or the collection dropped meanwhile.
pub(crate) fn run(collection: &Collection) -> Result<bool, StoreError> {
    let _one_at_a_time = collection.compacting.lock();
    if collection.is_dropped() {
        return Ok(false);
    }
    collection.check_flushing()?;
    let options = collection.options();
    let retention_start = options.retention_start(collection.context.now_micros());
    let segments = choose_inputs(collection, &options, retention_start);
    if segments.is_empty() {
        return Ok(false);
    }
    let mut objects = NewObjects::default();
    let job = Job {
        collection,
        order: SortOrder::new(&options.clustering_key),
        retention_start,
    };
    let context = &*collection.context;
    let started = context.now();
    let committed = job.write(segments, &mut objects).and_then(|merged| {
        let bytes = merged.created.as_ref().map_or(0, |(entry, _)| entry.bytes);
        job.commit(merged, &mut objects).map(|()| bytes)
    });
    match committed {
        Ok(bytes) => {
            let time = context.now().saturating_sub(started);
            context.counters.compactions.add(time, bytes);
            context.collect_garbage();
            Ok(true)
        }
        Err(error) => {
            objects.remove(context);
            Err(error)
        }
    }
}

fn choose_inputs(
    collection: &Collection,
    options: &CollectionOptions,
    retention_start: Option<i64>,
) -> Vec<SegmentPart> {
    let state = collection.state.lock();
    let sizes: Vec<SegmentSize> = state
        .segments()
        .iter()
        .map(|segment| SegmentSize {
            expires_soon: expires_soon(segment, options, retention_start),
            ..segment.size()
        })
        .collect();
    choose(&sizes, collection.context.options.segment_bytes_max)
        .into_iter()
        .map(|place| state.segments()[place].clone())
        .collect()
}

fn expires_soon(
    segment: &SegmentPart,
    options: &CollectionOptions,
    retention_start: Option<i64>,
) -> bool {
    let Some(((min, max), start)) = segment.segment.event_times().zip(retention_start) else {
        return false;
    };
    let retention = options.retention_secs.unwrap_or_default();
    let retention_micros =
        i64::try_from(retention).map_or(i64::MAX, |secs| secs.saturating_mul(1_000_000));
    min < start && max < start.saturating_add(retention_micros / EXPIRES_SOON)
}

struct Job<'a> {
    collection: &'a Collection,
    order: SortOrder,
    retention_start: Option<i64>,
}

/// What step 2 has made.
struct Merged {
    inputs: Vec<Input>,
    /// The new segment, if it has a row.
    created: Option<(SegmentEntry, SegmentPart)>,
}

impl Job<'_> {
    fn write(
        &self,
        segments: Vec<SegmentPart>,
        objects: &mut NewObjects,
    ) -> Result<Merged, StoreError> {
        let context = &*self.collection.context;
        let mut new_rows = Vec::new();
        let (entry, segment) =
            objects.create_segment(context, self.collection.id(), &mut |sink| {
                let (summary, rows) = self.write_segment(&segments, sink)?;
                new_rows = rows;
                Ok(summary)
            })?;
        if entry.rows == 0 {
            std::mem::take(objects).remove(context);
        }
        let inputs = segments.into_iter().zip(new_rows);
        let inputs = inputs.map(|(segment, new_rows)| Input { segment, new_rows });
        Ok(Merged {
            inputs: inputs.collect(),
            created: (entry.rows > 0).then_some((entry, segment)),
        })
    }

    /// Writes the live rows of `segments`; also returns for each of them where its rows went.
    fn write_segment(
        &self,
        segments: &[SegmentPart],
        sink: Sink<'_>,
    ) -> Result<(SegmentSummary, Vec<Vec<u32>>), StoreError> {
        let options = &self.collection.context.options;
        let limits = SegmentLimits {
            row_group_rows: options.row_group_rows,
            ..SegmentLimits::default()
        };
        let mut expected = PathTypes::default();
        for segment in segments {
            expected.merge(segment.segment.types());
        }
        let mut writer = SegmentWriter::new(&expected, Some(self.order.clone()), sink, limits);
        drop(expected);
        let mut merge = Merge::new(segments, &self.order, self.retention_start, options)?;
        while let Some(chunk) = merge.next_chunk()? {
            self.check_wanted()?;
            writer.write(&chunk)?;
        }
        let (row_count, new_rows) = (merge.row_count(), merge.into_new_rows());
        let inputs = segments.iter().zip(&new_rows);
        let inputs: Vec<MergeInput<'_>> = inputs
            .map(|(segment, rows)| MergeInput {
                segment: &segment.segment,
                rows,
            })
            .collect();
        let summary = writer.finish(|sink| merge_indexes(&inputs, row_count, sink))?;
        Ok((summary, new_rows))
    }

    /// Ends a compaction that nobody waits for any more.
    fn check_wanted(&self) -> Result<(), StoreError> {
        let stopped = self.collection.context.maintenance_signal.is_stopped();
        match stopped || self.collection.is_dropped() {
            true => Err(StoreError::Closed),
            false => Ok(()),
        }
    }

    fn commit(&self, merged: Merged, objects: &mut NewObjects) -> Result<(), StoreError> {
        let Merged { inputs, created } = merged;
        let collection = self.collection;
        let context = &*collection.context;
        let mut log = collection.manifest.lock();
        self.check_wanted()?;
        collection.check_flushing()?;
        let (mut entry, segment) = created.unzip();
        if let Some(entry) = &mut entry {
            let deletions = collection.state.lock().carried_deletions(&inputs);
            if !deletions.is_empty() {
                let id = collection.id();
                let deletions = objects.create_deletions(context, id, &entry.ulid, &deletions)?;
                entry.deletions = Some(deletions);
            }
        }
        let (gone, segments) = replace_entries(&log, &inputs, entry);
        let manifest = collection.next_manifest(&log, log.newest().seqno, segments);
        std::mem::take(objects).commit(context, &mut log, manifest)?;
        let mut state = collection.state.lock();
        state.replace_segments(&inputs, segment);
        collection.publish(&state);
        drop((state, log));
        let id = collection.id();
        for entry in gone {
            let input = inputs.iter().find(|input| input.segment.ulid == entry.ulid);
            let file = paths::segment(id, &entry.ulid);
            let segment = input.map(|input| Doomed::segment(file, &input.segment.segment));
            let deletions = entry.deletions_path(id).map(Doomed::unread);
            context.garbage.add(segment.into_iter().chain(deletions));
        }
        Ok(())
    }
}

/// The entries of the inputs, as far as they are still in the manifest, and all entries with the
/// new one in the place of the first of these.
fn replace_entries(
    log: &ManifestLog,
    inputs: &[Input],
    entry: Option<SegmentEntry>,
) -> (Vec<SegmentEntry>, Vec<SegmentEntry>) {
    let is_input = |entry: &SegmentEntry| {
        let mut inputs = inputs.iter();
        inputs.any(|input| input.segment.ulid == entry.ulid)
    };
    let entries = &log.newest().segments;
    let place = entries.iter().position(is_input);
    let (gone, mut kept): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(is_input);
    let place = place.unwrap_or(kept.len());
    kept.splice(place..place, entry);
    (gone, kept)
}
