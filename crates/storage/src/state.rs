//! What a collection consists of right now: its segments, the chunks of its delta, and the map
//! from the ids in the delta to their rows.
//!
//! The writer thread changes it for every group, the fold and flush threads when they replace
//! chunks; each holds the collection's lock meanwhile. Readers never come here: they use the
//! snapshot that was published last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use crate::chunk::Chunk;
use crate::compaction::{Input, SegmentSize};
use crate::deletion_vector::DeletionVector;
use crate::part::Part;
use crate::retention::{Expired, with_expired};
use crate::segment::{DEAD_ROW, Segment, SegmentError};
use crate::snapshot::Snapshot;
use crate::staging::Staging;

/// Names a chunk of the delta for as long as the store is open. Later chunks have higher ones.
pub(crate) type ChunkSerial = u64;

/// Where the live row of a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In a chunk of the delta.
    Chunk(ChunkRow),
    /// In the segment at this place of the list.
    Segment { index: usize, row: u32 },
}

impl Location {
    /// The row, within its chunk or segment.
    pub(crate) fn row(self) -> u32 {
        match self {
            Self::Chunk(ChunkRow { row, .. }) | Self::Segment { row, .. } => row,
        }
    }
}

/// A row of the delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkRow {
    pub(crate) chunk: ChunkSerial,
    pub(crate) row: u32,
}

/// A segment with its name in the manifest.
#[derive(Clone, Debug)]
pub(crate) struct SegmentPart {
    pub(crate) ulid: String,
    pub(crate) segment: Arc<Segment>,
    pub(crate) part: Arc<Part>,
}

impl SegmentPart {
    pub(crate) fn new(ulid: String, segment: Arc<Segment>, deletions: DeletionVector) -> Self {
        let part = Arc::new(Part::from_segment(Arc::clone(&segment), deletions));
        Self {
            ulid,
            segment,
            part,
        }
    }

    /// What a compaction has to know of it.
    pub(crate) fn size(&self) -> SegmentSize {
        SegmentSize {
            rows: self.part.row_count(),
            live_rows: self.part.live_row_count(),
            bytes: self.part.bytes(),
            expires_soon: false,
        }
    }

    /// The same segment with other dead rows.
    fn with_deletions(self, deletions: DeletionVector) -> Self {
        Self::new(self.ulid, self.segment, deletions)
    }
}

/// What retention has removed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Purged {
    pub(crate) rows: u64,
    /// The part of the files that these rows take.
    pub(crate) bytes: u64,
}

/// One chunk and which of its rows are gone.
#[derive(Clone, Debug)]
pub(crate) struct ChunkPart {
    pub(crate) chunk: Arc<Chunk>,
    pub(crate) part: Arc<Part>,
}

impl ChunkPart {
    pub(crate) fn new(chunk: Arc<Chunk>, deletions: DeletionVector) -> Self {
        let part = Arc::new(Part::from_chunk(Arc::clone(&chunk), deletions));
        Self { chunk, part }
    }
}

/// The delta as it was when a flush began.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    /// All writes up to this one are in the chunks or the deletion vectors.
    pub(crate) seqno: u64,
    pub(crate) chunks: BTreeMap<ChunkSerial, ChunkPart>,
    pub(crate) segments: Vec<SegmentPart>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) seqno: u64,
    /// Oldest first.
    segments: Vec<SegmentPart>,
    /// Chunks that a flush is writing to a segment.
    frozen: BTreeMap<ChunkSerial, ChunkPart>,
    frozen_ids: HashMap<Box<str>, ChunkRow>,
    /// Chunks that are still to be flushed.
    active: BTreeMap<ChunkSerial, ChunkPart>,
    active_ids: HashMap<Box<str>, ChunkRow>,
    next_serial: ChunkSerial,
    /// When the oldest write that is not in the manifest was made, on the monotonic clock.
    oldest_write: Option<Duration>,
}

impl State {
    /// The state that a manifest describes.
    pub(crate) fn new(seqno: u64, segments: Vec<SegmentPart>) -> Self {
        Self {
            seqno,
            segments,
            ..Self::default()
        }
    }

    /// The serial that the next chunk gets.
    pub(crate) fn next_serial(&self) -> ChunkSerial {
        self.next_serial
    }

    /// When the oldest write that is not in the manifest was made.
    pub(crate) fn oldest_write(&self) -> Option<Duration> {
        self.oldest_write
    }

    /// The segments, oldest first.
    pub(crate) fn segments(&self) -> &[SegmentPart] {
        &self.segments
    }

    /// The chunks that may be folded, oldest first.
    pub(crate) fn active(&self) -> &BTreeMap<ChunkSerial, ChunkPart> {
        &self.active
    }

    /// The live row of the document `id`.
    ///
    /// # Errors
    /// Those of reading the index of a segment.
    pub(crate) fn find(&self, id: &str) -> Result<Option<Location>, SegmentError> {
        if let Some(row) = self.active_ids.get(id).or_else(|| self.frozen_ids.get(id)) {
            return Ok(Some(Location::Chunk(*row)));
        }
        for (index, segment) in self.segments.iter().enumerate().rev() {
            if let Some(row) = segment.part.row_of(id)? {
                return Ok(Some(Location::Segment { index, row }));
            }
        }
        Ok(None)
    }

    /// K of the document at `location`.
    ///
    /// # Errors
    /// Those of reading a segment.
    pub(crate) fn document(&self, location: Location) -> Result<Option<Vec<u8>>, SegmentError> {
        match location {
            Location::Chunk(ChunkRow { chunk, row }) => self
                .chunk(chunk)
                .map(|found| found.chunk.document(row))
                .transpose(),
            Location::Segment { index, row } => self
                .segments
                .get(index)
                .map(|segment| segment.part.document(row))
                .transpose(),
        }
    }

    fn chunk(&self, serial: ChunkSerial) -> Option<&ChunkPart> {
        self.active
            .get(&serial)
            .or_else(|| self.frozen.get(&serial))
    }

    /// Takes over what a group has staged, after it has reached the disk. Cannot fail.
    pub(crate) fn apply(&mut self, staging: Staging, now: Duration) {
        if staging.seqno() != self.seqno {
            self.oldest_write.get_or_insert(now);
        }
        self.seqno = staging.seqno();
        self.next_serial = staging.next_serial();
        let changes = staging.into_changes();
        for (serial, chunk, deletions) in changes.chunks {
            if deletions.len() < u64::from(chunk.row_count()) {
                self.active.insert(serial, ChunkPart::new(chunk, deletions));
            }
        }
        for (serial, rows) in changes.dead_in_chunks {
            let found = self
                .active
                .get_mut(&serial)
                .or_else(|| self.frozen.get_mut(&serial));
            if let Some(chunk) = found {
                let deletions = with_rows(chunk.part.deletions(), &rows);
                *chunk = ChunkPart::new(Arc::clone(&chunk.chunk), deletions);
            }
        }
        for (index, rows) in changes.dead_in_segments {
            if let Some(segment) = self.segments.get_mut(index) {
                let deletions = with_rows(segment.part.deletions(), &rows);
                *segment = segment.clone().with_deletions(deletions);
            }
        }
        for (id, row) in changes.ids {
            self.frozen_ids.remove(&id);
            match row {
                Some(row) => drop(self.active_ids.insert(id, row)),
                None => drop(self.active_ids.remove(&id)),
            }
        }
    }

    /// The version to publish after a change.
    pub(crate) fn snapshot(&self, previous: &Snapshot) -> Snapshot {
        let segments = self.segments.iter().map(|segment| &segment.part);
        let chunks = self
            .frozen
            .values()
            .chain(self.active.values())
            .map(|chunk| &chunk.part);
        previous.next(self.seqno, segments.chain(chunks).map(Arc::clone).collect())
    }

    /// Number of rows (dead ones included) and bytes of the delta.
    pub(crate) fn delta_size(&self) -> (u64, u64) {
        let chunks = self.frozen.values().chain(self.active.values());
        chunks.fold((0, 0), |(rows, bytes), chunk| {
            (
                rows + u64::from(chunk.chunk.row_count()),
                bytes + chunk.chunk.bytes(),
            )
        })
    }

    /// Sets the delta aside for a flush. Writes go on in new chunks; they may still delete rows of
    /// the frozen ones.
    pub(crate) fn freeze(&mut self) -> Frozen {
        debug_assert!(
            self.frozen.is_empty(),
            "flushes of one collection do not overlap"
        );
        self.frozen = std::mem::take(&mut self.active);
        self.frozen_ids = std::mem::take(&mut self.active_ids);
        self.oldest_write = None;
        Frozen {
            seqno: self.seqno,
            chunks: self.frozen.clone(),
            segments: self.segments.clone(),
        }
    }

    /// Takes the frozen chunks back after a flush that failed.
    pub(crate) fn unfreeze(&mut self, now: Duration) {
        self.active.append(&mut self.frozen);
        self.active_ids.extend(self.frozen_ids.drain());
        self.oldest_write.get_or_insert(now);
    }

    /// Puts `segment` in the place of the frozen chunks, and forgets the segments `gone`, which
    /// have no live row. Rows that were deleted while the flush ran are deleted in the segment.
    ///
    /// # Errors
    /// Those of reading the index of the new segment; nothing has changed then.
    pub(crate) fn install(
        &mut self,
        frozen: &Frozen,
        segment: Option<SegmentPart>,
        gone: &[String],
    ) -> Result<(), SegmentError> {
        let segment = match segment {
            Some(segment) => Some(self.carry_deletions(frozen, segment)?),
            None => None,
        };
        self.frozen.clear();
        self.frozen_ids.clear();
        self.segments
            .retain(|segment| !gone.contains(&segment.ulid));
        self.segments.extend(segment);
        Ok(())
    }

    fn carry_deletions(
        &self,
        frozen: &Frozen,
        segment: SegmentPart,
    ) -> Result<SegmentPart, SegmentError> {
        let mut deletions = segment.part.deletions().clone();
        for (serial, before) in &frozen.chunks {
            let Some(now) = self.frozen.get(serial) else {
                continue;
            };
            if Arc::ptr_eq(&now.part, &before.part) {
                continue;
            }
            for row in now.part.deletions().iter() {
                if before.part.deletions().contains(row) {
                    continue;
                }
                if let Some(row) = segment.part.row_of(id_of(&before.chunk, row)?)? {
                    deletions.insert(row);
                }
            }
        }
        Ok(segment.with_deletions(deletions))
    }

    /// The rows of the segment that `inputs` were put together into which have been deleted since
    /// these were read. An input that is not there any more has lost all of its rows.
    pub(crate) fn carried_deletions(&self, inputs: &[Input]) -> DeletionVector {
        let mut deletions = RoaringBitmap::new();
        let mut delete = |new_row: u32| {
            if new_row != DEAD_ROW {
                deletions.insert(new_row);
            }
        };
        for Input { segment, new_rows } in inputs {
            let mut segments = self.segments.iter();
            let Some(now) = segments.find(|now| now.ulid == segment.ulid) else {
                new_rows.iter().for_each(|new_row| delete(*new_row));
                continue;
            };
            let since = now.part.deletions().rows() - segment.part.deletions().rows();
            let new_rows = since.iter().filter_map(|row| new_rows.get(row as usize));
            new_rows.for_each(|new_row| delete(*new_row));
        }
        deletions.into()
    }

    /// Puts `merged` in the place of the segments `inputs`, without what has been deleted since
    /// these were read.
    pub(crate) fn replace_segments(&mut self, inputs: &[Input], merged: Option<SegmentPart>) {
        let deletions = self.carried_deletions(inputs);
        let is_input = |segment: &SegmentPart| {
            let mut inputs = inputs.iter();
            inputs.any(|input| input.segment.ulid == segment.ulid)
        };
        let place = self.segments.iter().position(is_input);
        self.segments.retain(|segment| !is_input(segment));
        let merged = merged.map(|merged| merged.with_deletions(deletions));
        let place = place.unwrap_or(self.segments.len());
        self.segments.splice(place..place, merged);
    }

    /// Marks rows dead that are past their retention, and forgets segments that have no other.
    /// Returns what that was.
    pub(crate) fn remove_expired(&mut self, expired: &[Expired]) -> Purged {
        let mut purged = Purged::default();
        for expired in expired {
            let mut segments = self.segments.iter();
            let Some(place) = segments.position(|segment| segment.ulid == expired.ulid) else {
                continue;
            };
            let segment = self.segments[place].clone();
            let deletions = with_expired(&segment, expired);
            let rows = deletions.len() - segment.part.deletions().len();
            let row_count = u64::from(segment.part.row_count());
            purged.rows += rows;
            purged.bytes += segment.part.bytes() * rows / row_count.max(1);
            if deletions.len() == row_count {
                self.segments.remove(place);
            } else {
                self.segments[place] = segment.with_deletions(deletions);
            }
        }
        purged
    }

    /// Puts `folded` in the place of the chunks `inputs`; `moves` says where each of its rows came
    /// from. Returns false, and changes nothing, if a flush has taken one of the inputs meanwhile.
    pub(crate) fn replace_chunks(
        &mut self,
        inputs: &[ChunkSerial],
        folded: Arc<Chunk>,
        moves: impl Iterator<Item = (ChunkRow, u32)>,
    ) -> Result<bool, SegmentError> {
        if !inputs.iter().all(|serial| self.active.contains_key(serial)) {
            return Ok(false);
        }
        // The chunk takes the place of its newest input, so that the order of ages stays.
        let Some(&serial) = inputs.last() else {
            return Ok(false);
        };
        let mut deletions = DeletionVector::default();
        for (from, row) in moves {
            match self.active_ids.get_mut(id_of(&folded, row)?) {
                Some(place) if *place == from => *place = ChunkRow { chunk: serial, row },
                // Deleted or replaced since the inputs were read.
                Some(_) | None => drop(deletions.insert(row)),
            }
        }
        for input in inputs {
            self.active.remove(input);
        }
        if deletions.len() < u64::from(folded.row_count()) {
            self.active
                .insert(serial, ChunkPart::new(folded, deletions));
        }
        Ok(true)
    }
}

fn id_of(chunk: &Chunk, row: u32) -> Result<&str, SegmentError> {
    chunk.id(row).ok_or(SegmentError::MissingId { row })
}

fn with_rows(deletions: &DeletionVector, rows: &[u32]) -> DeletionVector {
    let mut deletions = deletions.clone();
    for row in rows {
        deletions.insert(*row);
    }
    deletions
}
