//! Merges the documents of ordered segments into chunks.

use super::cursor::Cursor;
use crate::chunk::Chunk;
use crate::options::StoreOptions;
use crate::retention::event_time;
use crate::segment::{DEAD_ROW, SegmentError, SortOrder};
use crate::state::SegmentPart;

/// One segment that is put together with others, as it was when that began.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) segment: SegmentPart,
    /// For each of its rows the one in the new segment, or [`DEAD_ROW`].
    pub(crate) new_rows: Vec<u32>,
}

/// Documents of several segments on their way into a new one.
pub(super) struct Merge {
    cursors: Vec<Cursor>,
    /// The cursors that stand at a document, the one with the lowest key last; of equal keys that
    /// of the older segment.
    queue: Vec<usize>,
    new_rows: Vec<Vec<u32>>,
    next_row: u32,
    /// Documents whose `_event_time` is below this are left out.
    retention_start: Option<i64>,
    /// Most rows of a chunk, and bytes of its documents.
    chunk_rows: usize,
    chunk_bytes: usize,
}

impl Merge {
    /// Stands before the first document of `segments` by `order`.
    ///
    /// # Errors
    /// Those of reading the segments.
    pub(super) fn new(
        segments: &[SegmentPart],
        order: &SortOrder,
        retention_start: Option<i64>,
        options: &StoreOptions,
    ) -> Result<Self, SegmentError> {
        let mut merge = Self {
            cursors: Vec::with_capacity(segments.len()),
            queue: Vec::with_capacity(segments.len()),
            new_rows: Vec::with_capacity(segments.len()),
            next_row: 0,
            retention_start,
            chunk_rows: options.row_group_rows.max(1),
            chunk_bytes: options.compaction_bytes,
        };
        for (index, segment) in segments.iter().enumerate() {
            let mut cursor = Cursor::open(segment, order)?;
            let has_row = cursor.advance()?;
            merge.cursors.push(cursor);
            let row_count = segment.part.row_count() as usize;
            merge.new_rows.push(vec![DEAD_ROW; row_count]);
            if has_row {
                merge.enqueue(index);
            }
        }
        Ok(merge)
    }

    /// The next documents in order; none after the last.
    ///
    /// # Errors
    /// Those of reading the segments.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Chunk>, SegmentError> {
        let mut documents = Vec::new();
        let mut offsets = vec![0];
        while let Some(index) = self.queue.pop() {
            let cursor = &mut self.cursors[index];
            let document = cursor.document();
            if !is_expired(document, cursor.row(), self.retention_start)? {
                documents.extend_from_slice(document);
                let end = u32::try_from(documents.len()).map_err(|_| SegmentError::TooLarge {
                    rows: offsets.len(),
                    bytes: documents.len(),
                })?;
                offsets.push(end);
                self.new_rows[index][cursor.row() as usize] = self.next_row;
                self.next_row += 1;
            }
            if cursor.advance()? {
                self.enqueue(index);
            }
            if offsets.len() > self.chunk_rows || documents.len() >= self.chunk_bytes {
                break;
            }
        }
        if documents.is_empty() {
            return Ok(None);
        }
        Chunk::from_encoded(documents, offsets).map(Some)
    }

    /// Number of documents so far.
    pub(super) fn row_count(&self) -> u32 {
        self.next_row
    }

    /// For each segment and each of its rows the new one, or [`DEAD_ROW`].
    pub(super) fn into_new_rows(self) -> Vec<Vec<u32>> {
        self.new_rows
    }

    /// Puts a cursor that has moved in its place of the queue.
    fn enqueue(&mut self, index: usize) {
        let key = |index: usize| (self.cursors[index].key(), index);
        let own = key(index);
        // Mostly the next document of the same segment is the next of all.
        let place = match self.queue.last() {
            Some(next) if own > key(*next) => self.queue.partition_point(|other| key(*other) > own),
            Some(_) | None => self.queue.len(),
        };
        self.queue.insert(place, index);
    }
}

fn is_expired(
    document: &[u8],
    row: u32,
    retention_start: Option<i64>,
) -> Result<bool, SegmentError> {
    let Some(start) = retention_start else {
        return Ok(false);
    };
    let time = event_time(document).map_err(|source| SegmentError::Document { row, source })?;
    Ok(time.is_some_and(|time| time < start))
}
