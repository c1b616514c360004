//! A chunk: documents in memory, taken apart into typed sub-columns.
//!
//! The delta is a list of chunks. A write makes a small one, and small ones are joined into larger
//! ones, without the rows that are dead by then, until a flush writes them as a segment.
//!
//! A chunk keeps the documents' bytes once; string and K columns are views into them. Nothing in it
//! changes after it was built: which rows are deleted stands beside it, in the
//! [`Part`](crate::Part).

mod column;
mod concat;
mod gather;
mod ids;
mod row_set;
mod scan;

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use outcrop_document::FieldPath;

pub(crate) use column::{
    ChunkColumn, ColumnBuilder, DOCUMENTS, Values, ViewBuffers, ints, view, view_aside,
};
pub use concat::Remap;
pub(crate) use gather::PartRow;
pub(crate) use row_set::RowSet;

use crate::deletion_vector::DeletionVector;
use crate::scan::{BatchIterator, ScanRequest, live_rows};
use crate::segment::SegmentError;
use crate::shred::Shredder;
use crate::sub_column::{SubColumn, SubColumnKind};
use crate::type_counts::PathTypes;
use ids::IdTable;

/// Name of the field that identifies a document.
const ID: &str = "_id";
/// Name of the field that says when a document's event happened.
pub(crate) const EVENT_TIME: &str = "_event_time";

/// Memory of a column besides its values, about: its name, its array, two allocations' overhead.
const COLUMN_BYTES: usize = 400;
/// Memory of the type counts of a path, about.
const PATH_BYTES: usize = 250;

/// Documents with their sub-columns, immutable. Row ids are `0..row_count()`.
#[derive(Debug)]
pub struct Chunk {
    buffers: ViewBuffers,
    /// Where each document starts in the documents' bytes, and where the last one ends.
    offsets: Vec<u32>,
    /// Ordered by name.
    columns: Vec<(SubColumn, ChunkColumn)>,
    /// Rows that have an object, by path.
    objects: Vec<(Arc<FieldPath>, RowSet)>,
    types: PathTypes,
    /// Place of the column of `_id`s, which every row has.
    id_column: usize,
    bytes: u64,
    id_table: OnceLock<IdTable>,
}

impl Chunk {
    /// Takes apart `documents`, each the K of an object with a string `_id`. Rows follow the slice.
    ///
    /// # Errors
    /// [`SegmentError::Document`] if bytes are not K, [`SegmentError::MissingId`],
    /// [`SegmentError::TooLarge`] from 2 GiB on.
    pub fn build(documents: &[Vec<u8>]) -> Result<Self, SegmentError> {
        let bytes_len = documents.iter().map(Vec::len).sum();
        check_size(documents.len(), bytes_len)?;
        let mut bytes = Vec::with_capacity(bytes_len);
        let mut offsets = Vec::with_capacity(documents.len() + 1);
        for document in documents {
            offsets.push(offset(bytes.len()));
            bytes.extend_from_slice(document);
        }
        offsets.push(offset(bytes.len()));
        Self::from_encoded(bytes, offsets)
    }

    /// As [`build`](Self::build), for documents that stand in `bytes` one after the other:
    /// `offsets` says where each starts, and where the last one ends.
    ///
    /// # Errors
    /// Those of [`build`](Self::build).
    pub(crate) fn from_encoded(bytes: Vec<u8>, offsets: Vec<u32>) -> Result<Self, SegmentError> {
        check_size(offsets.len(), bytes.len())?;
        let mut shredder = Shredder::new(&bytes);
        for (row, ends) in (0..).zip(offsets.windows(2)) {
            let document = &bytes[ends[0] as usize..ends[1] as usize];
            match shredder.add(document) {
                Ok(true) => {}
                Ok(false) => return Err(SegmentError::MissingId { row }),
                Err(source) => return Err(SegmentError::Document { row, source }),
            }
        }
        let (paths, aside) = shredder.finish();
        let buffers = ViewBuffers {
            documents: bytes.into(),
            aside: aside.into(),
        };
        let mut types = PathTypes::default();
        let mut columns = Vec::new();
        let mut objects = Vec::new();
        for shredded in paths {
            for (kind, builder) in shredded.columns {
                let name = SubColumn::new(FieldPath::clone(&shredded.path), kind);
                columns.push((name, builder.finish(&buffers)?));
            }
            if shredded.objects.len() > 0 {
                objects.push((Arc::clone(&shredded.path), shredded.objects));
            }
            *types.entry(shredded.path) = shredded.counts;
        }
        Self::new(buffers, offsets, columns, objects, types)
    }

    fn new(
        buffers: ViewBuffers,
        offsets: Vec<u32>,
        mut columns: Vec<(SubColumn, ChunkColumn)>,
        objects: Vec<(Arc<FieldPath>, RowSet)>,
        types: PathTypes,
    ) -> Result<Self, SegmentError> {
        columns.sort_by(|(left, _), (right, _)| left.cmp(right));
        let row_count = offsets.len().saturating_sub(1);
        let id = SubColumn::new(FieldPath::from_steps([ID]), SubColumnKind::String);
        let id_column = match columns.binary_search_by(|(name, _)| name.cmp(&id)) {
            Ok(place) => place,
            Err(place) => {
                let none = ColumnBuilder::new(SubColumnKind::String).finish(&buffers)?;
                columns.insert(place, (id, none));
                place
            }
        };
        let rows = &columns[id_column].1.rows;
        if rows.len() < row_count {
            let gap = (0..).zip(rows.iter()).find(|(row, other)| row != other);
            let row = gap.map_or(offset(rows.len()), |(row, _)| row);
            return Err(SegmentError::MissingId { row });
        }
        let values: usize = columns.iter().map(|(_, column)| column.bytes()).sum();
        let fixed = columns.len() * COLUMN_BYTES + types.len() * PATH_BYTES;
        let bytes = buffers.documents.len() + buffers.aside.len() + values + fixed;
        let bytes = (bytes + offsets.len() * size_of::<u32>()) as u64;
        let id_table = OnceLock::new();
        Ok(Self {
            buffers,
            offsets,
            columns,
            objects,
            types,
            id_column,
            bytes,
            id_table,
        })
    }

    /// Joins chunks into one, without dead rows.
    ///
    /// Rows keep their order: those of the first part, then those of the second. Also says for
    /// each part where each of its rows went.
    ///
    /// # Errors
    /// [`SegmentError::TooLarge`] from 2 GiB on.
    pub fn concat(
        parts: &[(Arc<Self>, DeletionVector)],
    ) -> Result<(Self, Vec<Remap>), SegmentError> {
        concat::concat(parts)
    }

    /// The rows `order` of `parts` as one chunk, in that order; no row twice.
    ///
    /// # Errors
    /// [`SegmentError::TooLarge`] from 2 GiB on.
    pub(crate) fn gather(parts: &[Arc<Self>], order: &[PartRow]) -> Result<Self, SegmentError> {
        gather::gather(parts, order)
    }

    /// Number of documents, deleted ones included.
    pub fn row_count(&self) -> u32 {
        offset(self.offsets.len() - 1)
    }

    /// Bytes of memory, about: of a chunk of few documents, most go to its columns' headers.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that the values of `columns` take, and those of the documents if `document`. A column of
    /// strings or bytes is as large as the documents that it lies in, at most.
    pub(crate) fn value_bytes(&self, columns: &[SubColumn], document: bool) -> u64 {
        let documents = self.buffers.documents.len() as u64;
        let rows = u64::from(self.row_count());
        let of_column = |column: &SubColumn| match column.kind.data_type() {
            DataType::Boolean => rows.div_ceil(8),
            data_type => match data_type.primitive_width() {
                Some(width) => rows * width as u64,
                None => documents,
            },
        };
        let columns: u64 = columns.iter().map(of_column).sum();
        columns + if document { documents } else { 0 }
    }

    /// Type counts of every path.
    pub fn types(&self) -> &PathTypes {
        &self.types
    }

    /// The K bytes of the document in `row`.
    ///
    /// # Errors
    /// [`SegmentError::NoSuchRow`].
    pub fn document(&self, row: u32) -> Result<Vec<u8>, SegmentError> {
        let range = self
            .document_range(row)
            .ok_or(SegmentError::NoSuchRow { row })?;
        Ok(self.buffers.documents[range].to_vec())
    }

    /// The `_id` of the document in `row`; none behind the last row.
    pub fn id(&self, row: u32) -> Option<&str> {
        (row < self.row_count()).then(|| {
            let ids = self.columns[self.id_column].1.values.as_string_view();
            ids.value(row as usize)
        })
    }

    /// The `_id` of every row, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        let ids = self.columns[self.id_column].1.values.as_string_view();
        (0..ids.len()).map(|row| ids.value(row))
    }

    /// The row of the document `id` that is not in `deletions`.
    pub fn live_row_of(&self, id: &str, deletions: &DeletionVector) -> Option<u32> {
        let table = self.id_table.get_or_init(|| IdTable::build(self.ids()));
        let is_it = |row| self.id(row) == Some(id) && !deletions.contains(row);
        table.find(id, is_it)
    }

    /// Reads the rows that are not in `deletions` and pass every predicate, in row order.
    pub fn scan(
        self: &Arc<Self>,
        deletions: &DeletionVector,
        request: &ScanRequest,
    ) -> BatchIterator {
        let rows = live_rows(self.row_count(), deletions, request.rows.as_ref());
        Box::new(scan::ChunkScan::new(
            Arc::clone(self),
            request.clone(),
            rows,
        ))
    }

    /// Every sub-column with its values, ordered by name.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&SubColumn, &ChunkColumn)> {
        self.columns.iter().map(|(name, column)| (name, column))
    }

    /// The rows that have an object, by path.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&FieldPath, &RowSet)> {
        self.objects
            .iter()
            .map(|(path, rows)| (path.as_ref(), rows))
    }

    /// The values of `column`, if any row has one.
    pub(crate) fn column(&self, column: &SubColumn) -> Option<&ChunkColumn> {
        let place = self
            .columns
            .binary_search_by(|(name, _)| name.cmp(column))
            .ok()?;
        Some(&self.columns[place].1)
    }

    /// The K bytes of every document, in the order of the rows.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &[u8]> {
        let places = self.offsets.windows(2);
        places.map(|ends| &self.buffers.documents[ends[0] as usize..ends[1] as usize])
    }

    /// The documents of `rows` as views of their K bytes.
    pub(crate) fn project_documents(&self, rows: &[u32]) -> Result<ArrayRef, ArrowError> {
        let views: ScalarBuffer<u128> = rows
            .iter()
            .map(|row| {
                let range = self.document_range(*row).unwrap_or_default();
                view(
                    &self.buffers.documents[range.clone()],
                    DOCUMENTS,
                    range.start,
                )
            })
            .collect();
        let buffers = [self.buffers.documents.clone()];
        Ok(Arc::new(BinaryViewArray::try_new(views, buffers, None)?))
    }

    /// Smallest and largest `_event_time`, in microseconds since the epoch.
    pub(crate) fn event_time_range(&self) -> Option<(i64, i64)> {
        let path = FieldPath::from_steps([EVENT_TIME]);
        let column = self.column(&SubColumn::new(path, SubColumnKind::Timestamp))?;
        let times = ints(column.values.as_ref()).iter().copied();
        Some((times.clone().min()?, times.max()?))
    }

    fn document_range(&self, row: u32) -> Option<std::ops::Range<usize>> {
        let start = *self.offsets.get(row as usize)?;
        let end = *self.offsets.get(row as usize + 1)?;
        Some(start as usize..end as usize)
    }
}

/// Most bytes and most documents of a chunk. Half of what offsets of 32 bits address, so that the
/// values set aside, which are not larger than the documents, stay within it as well.
const CHUNK_MAX: usize = 1 << 31;

/// Refuses what offsets and row ids of 32 bits cannot address.
fn check_size(rows: usize, bytes: usize) -> Result<(), SegmentError> {
    match rows.max(bytes) < CHUNK_MAX {
        true => Ok(()),
        false => Err(SegmentError::TooLarge { rows, bytes }),
    }
}

/// An offset or row count of a chunk that passed [`check_size`].
fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("the size of a chunk was checked")
}
