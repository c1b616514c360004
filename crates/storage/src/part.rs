//! One immutable piece of a collection, a chunk of the delta or a segment, with its dead rows.

use std::ops::Range;
use std::sync::Arc;

use crate::chunk::Chunk;
use crate::deletion_vector::DeletionVector;
use crate::scan::{BatchIterator, ScanRequest};
use crate::segment::{Segment, SegmentError};
use crate::sub_column::SubColumn;
use crate::type_counts::PathTypes;

/// Where the rows of a part live.
#[derive(Clone, Debug)]
pub enum PartData {
    /// In memory, written a moment ago.
    Chunk(Arc<Chunk>),
    /// In an immutable file.
    Segment(Arc<Segment>),
}

/// Rows of a collection, some of them deleted. Row ids are `0..row_count()`.
#[derive(Clone, Debug)]
pub struct Part {
    data: PartData,
    deletions: DeletionVector,
}

impl Part {
    /// A part of the delta.
    pub fn from_chunk(chunk: Arc<Chunk>, deletions: DeletionVector) -> Self {
        Self {
            data: PartData::Chunk(chunk),
            deletions,
        }
    }

    /// A part on disk.
    pub fn from_segment(segment: Arc<Segment>, deletions: DeletionVector) -> Self {
        Self {
            data: PartData::Segment(segment),
            deletions,
        }
    }

    /// The chunk or segment itself.
    pub fn data(&self) -> &PartData {
        &self.data
    }

    /// The rows that are gone.
    pub fn deletions(&self) -> &DeletionVector {
        &self.deletions
    }

    /// Number of rows, dead ones included.
    pub fn row_count(&self) -> u32 {
        match &self.data {
            PartData::Chunk(chunk) => chunk.row_count(),
            PartData::Segment(segment) => segment.row_count(),
        }
    }

    /// Number of rows that are not deleted.
    pub fn live_row_count(&self) -> u32 {
        let dead = u32::try_from(self.deletions.len()).unwrap_or(u32::MAX);
        self.row_count().saturating_sub(dead)
    }

    /// Type counts of every path, dead rows included.
    pub fn types(&self) -> &PathTypes {
        match &self.data {
            PartData::Chunk(chunk) => chunk.types(),
            PartData::Segment(segment) => segment.types(),
        }
    }

    /// Whether any row, dead or alive, has a value in `column`.
    ///
    /// True as well for a column that a segment does not store because its path is rare: a scan
    /// then reads it out of the documents.
    pub fn has(&self, column: &SubColumn) -> bool {
        self.types().count(column) > 0
    }

    /// Size in bytes: of the file, or of the memory.
    pub fn bytes(&self) -> u64 {
        match &self.data {
            PartData::Chunk(chunk) => chunk.bytes(),
            PartData::Segment(segment) => segment.bytes(),
        }
    }

    /// Bytes that the values of `columns` take in batches, and those of the documents if `document`,
    /// over all rows: about, and rather more than less.
    pub fn value_bytes(&self, columns: &[SubColumn], document: bool) -> u64 {
        match &self.data {
            PartData::Chunk(chunk) => chunk.value_bytes(columns, document),
            PartData::Segment(segment) => segment.value_bytes(columns, document),
        }
    }

    /// Reads the live rows that pass every predicate, in row order.
    ///
    /// # Errors
    /// [`SegmentError`] here or from the iterator if bytes are damaged or a predicate fails.
    pub fn scan(&self, request: &ScanRequest) -> Result<BatchIterator, SegmentError> {
        match &self.data {
            PartData::Chunk(chunk) => Ok(chunk.scan(&self.deletions, request)),
            PartData::Segment(segment) => segment.scan(&self.deletions, request),
        }
    }

    /// The rows in pieces that scans can share out among threads: the row groups of a segment, all
    /// rows of a chunk. Pass one as [`ScanRequest::rows`].
    pub fn row_groups(&self) -> Vec<Range<u32>> {
        match &self.data {
            PartData::Chunk(chunk) => std::iter::once(0..chunk.row_count()).collect(),
            PartData::Segment(segment) => segment.row_groups().collect(),
        }
    }

    /// The live row of the document `id`.
    ///
    /// # Errors
    /// [`SegmentError::Checksum`] if the index is damaged.
    pub fn row_of(&self, id: &str) -> Result<Option<u32>, SegmentError> {
        match &self.data {
            PartData::Chunk(chunk) => Ok(chunk.live_row_of(id, &self.deletions)),
            PartData::Segment(segment) => {
                let row = segment.row_of(id)?;
                Ok(row.filter(|row| !self.deletions.contains(*row)))
            }
        }
    }

    /// The K bytes of the document in `row`, dead or alive.
    ///
    /// # Errors
    /// [`SegmentError`] if the row does not exist or its bytes are damaged.
    pub fn document(&self, row: u32) -> Result<Vec<u8>, SegmentError> {
        match &self.data {
            PartData::Chunk(chunk) => chunk.document(row),
            PartData::Segment(segment) => segment.document(row),
        }
    }
}
