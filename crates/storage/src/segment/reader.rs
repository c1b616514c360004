//! An open segment: footer and page index parsed once, everything else read where it lies.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use bytes::Bytes;
use hashbrown::HashMap;
use outcrop_document::FieldPath;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::basic::Type;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use parquet::file::statistics::Statistics;

use super::checksums::{BLOCK_BYTES, CheckedBytes, ChecksumError, READ_FAILED};
use super::error::SegmentError;
use super::footer::{FORMAT_VERSION, FooterError, ORDER_KEY, Section, Sections, metadata_value};
use super::inverted::{IndexPath, InvertedIndex, PathIndex};
use super::page_source::PageSource;
use super::scan::SegmentScan;
use super::sort_order::SortOrder;
use super::tail::Tail;
use super::type_section;
use crate::chunk::EVENT_TIME;
use crate::column_cache::{ColumnCache, SegmentColumns};
use crate::deletion_vector::DeletionVector;
use crate::env::{ObjectSource, read_error_of_text};
use crate::scan::{BatchIterator, ScanRequest, live_rows};
use crate::sub_column::{DOCUMENT_COLUMN, SubColumn, SubColumnKind};
use crate::type_counts::PathTypes;

/// Bytes of the view of a string or of bytes, beside those that it points to.
const VIEW_BYTES: i64 = size_of::<u128>() as i64;

/// An immutable file of documents, open for reading.
///
/// Row ids are `0..row_count()`. Cheap to share: all state is behind pointers.
#[derive(Debug)]
pub struct Segment {
    path: String,
    bytes: Arc<CheckedBytes>,
    metadata: ArrowReaderMetadata,
    /// First row of each row group, and the number of rows at the end.
    group_starts: Vec<u32>,
    columns: HashMap<SubColumn, usize>,
    document_column: usize,
    /// Bytes of the values of each column of the file.
    column_bytes: Vec<u64>,
    types: PathTypes,
    /// What the rows are ordered by, if by anything.
    order: Option<SortOrder>,
    inverted: InvertedIndex,
    /// Those of its columns that are kept decoded; none are if it was opened without a cache.
    cached: Option<SegmentColumns>,
}

impl Segment {
    /// Opens the file `source`; `path` names it in errors.
    ///
    /// Verifies and parses the tail of the file (0.1 to 1 ms, and one or two requests if it is far
    /// away); row groups and the terms of the index are
    /// verified block by block when they are read.
    ///
    /// # Errors
    /// [`SegmentError::Format`] if this is not a segment, [`SegmentError::Version`] if it is a
    /// newer one, [`SegmentError::Checksum`] if its tail is damaged, [`SegmentError::Read`] if it
    /// cannot be fetched.
    pub fn open(
        path: impl Into<String>,
        source: impl Into<ObjectSource>,
    ) -> Result<Self, SegmentError> {
        let (path, source) = (path.into(), source.into());
        let tail = Tail::read(&source).map_err(|error| checksum_error(&path, error))?;
        let open = OpenFile {
            path: &path,
            tail: &tail,
        };
        let metadata = open.metadata()?;
        let sections = open.sections(&metadata)?;
        let table = open.section(sections.checksums)?;
        let types = type_section::decode(&open.section(sections.types)?)
            .ok_or_else(|| open.format("the type counts are malformed"))?;
        let (columns, schema) = open.columns(&metadata)?;
        let group_starts = open.group_starts(&metadata)?;
        let order = open.order(&metadata)?;
        let column_bytes = column_bytes(&metadata);
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata =
            ArrowReaderMetadata::try_new(Arc::new(metadata), options).map_err(|source| {
                SegmentError::Parquet {
                    path: path.clone(),
                    source,
                }
            })?;
        let checked =
            CheckedBytes::new(source, tail, table).map_err(|error| checksum_error(&path, error))?;
        let Section { offset, bytes } = sections.inverted;
        let inverted = InvertedIndex::open(&checked, offset, bytes)
            .map_err(|error| checksum_error(&path, error))?;
        if group_starts.last() != Some(&inverted.row_count()) {
            return Err(SegmentError::Format {
                path,
                detail: "the inverted index has not the rows of the row groups",
            });
        }
        Ok(Self {
            path,
            bytes: Arc::new(checked),
            metadata,
            group_starts,
            document_column: columns.len(),
            column_bytes,
            columns,
            types,
            order,
            inverted,
            cached: None,
        })
    }

    /// The same segment, whose columns are kept in `cache` when they are wanted often.
    #[must_use]
    pub fn with_cache(self, cache: &Arc<ColumnCache>) -> Self {
        let columns = self.column_bytes.len();
        let cached = SegmentColumns::new(cache, self.row_groups().len(), columns);
        Self {
            cached: Some(cached),
            ..self
        }
    }

    /// The file's name, as errors show it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Number of documents, deleted ones included.
    pub fn row_count(&self) -> u32 {
        self.group_starts.last().copied().unwrap_or(0)
    }

    /// Size of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.len()
    }

    /// Bytes that the values of `columns` take once they are decoded, and those of the documents if
    /// `document`; the footer tells. A column that is not stored comes out of the documents.
    pub(crate) fn value_bytes(&self, columns: &[SubColumn], document: bool) -> u64 {
        let is_rare =
            |column: &SubColumn| self.column(column).is_none() && self.types.count(column) > 0;
        let stored = columns.iter().filter_map(|column| self.column(column));
        let documents = document || columns.iter().any(is_rare);
        let read = stored.chain(documents.then_some(self.document_column));
        read.map(|place| self.column_bytes[place]).sum()
    }

    /// Where the blocks begin that fail their checksums; reads the whole file.
    pub(crate) fn damaged_blocks(&self) -> Vec<u64> {
        (0..self.bytes.len())
            .step_by(BLOCK_BYTES)
            .filter(|offset| self.bytes.slice(*offset, 1).is_err())
            .collect()
    }

    /// Type counts of every path, of paths without a stored sub-column too.
    pub fn types(&self) -> &PathTypes {
        &self.types
    }

    /// What the rows are ordered by; none if they are not, or if that is not known.
    pub(crate) fn order(&self) -> Option<&SortOrder> {
        self.order.as_ref()
    }

    /// Bounds of `_event_time` in microseconds since the epoch, dead rows included, from the
    /// file's statistics. None if no row has one, or if they are not known.
    pub(crate) fn event_times(&self) -> Option<(i64, i64)> {
        let path = FieldPath::from_steps([EVENT_TIME]);
        let place = self.column(&SubColumn::new(path, SubColumnKind::Timestamp))?;
        let mut range: Option<(i64, i64)> = None;
        for group in self.metadata.metadata().row_groups() {
            let Statistics::Int64(statistics) = group.column(place).statistics()? else {
                return None;
            };
            let Some((&low, &high)) = statistics.min_opt().zip(statistics.max_opt()) else {
                if statistics.null_count_opt() == u64::try_from(group.num_rows()).ok() {
                    continue;
                }
                return None;
            };
            let (min, max) = range.unwrap_or((low, high));
            range = Some((min.min(low), max.max(high)));
        }
        range
    }

    /// The sub-columns that the file stores, in no order.
    pub(crate) fn stored_columns(&self) -> impl Iterator<Item = &SubColumn> {
        self.columns.keys()
    }

    /// The rows of each row group: scans of disjoint groups share no work.
    pub fn row_groups(&self) -> impl ExactSizeIterator<Item = Range<u32>> + '_ {
        self.group_starts.windows(2).map(|pair| pair[0]..pair[1])
    }

    /// The row of the document `id`, deleted or not.
    ///
    /// # Errors
    /// [`SegmentError::Checksum`] if the index is damaged.
    pub fn row_of(&self, id: &str) -> Result<Option<u32>, SegmentError> {
        self.inverted.row_of(&self.path, &self.bytes, id)
    }

    /// The inverted index of one path; none if no document has a value there.
    ///
    /// # Errors
    /// [`SegmentError::Checksum`] if the index is damaged.
    pub fn index(&self, path: &IndexPath) -> Result<Option<PathIndex<'_>>, SegmentError> {
        self.inverted.path(&self.path, &self.bytes, path)
    }

    /// The paths that the inverted index has, in order.
    pub fn index_paths(&self) -> impl Iterator<Item = &IndexPath> {
        self.inverted.paths()
    }

    /// The K bytes of the document in `row`, deleted or not. Decompresses one page of 32 KiB.
    ///
    /// # Errors
    /// [`SegmentError::NoSuchRow`], or [`SegmentError::Checksum`] if the page is damaged.
    pub fn document(&self, row: u32) -> Result<Vec<u8>, SegmentError> {
        let missing = || SegmentError::NoSuchRow { row };
        let group = self.group_starts.partition_point(|start| *start <= row);
        let group = group.checked_sub(1).ok_or_else(missing)?;
        if row >= self.row_count() {
            return Err(missing());
        }
        let skipped = (row - self.group_starts[group]) as usize;
        let selection = vec![RowSelector::skip(skipped), RowSelector::select(1)];
        let mut reader = self
            .reader(group)
            .with_projection(self.mask([self.document_column]))
            .with_row_selection(RowSelection::from(selection))
            .with_batch_size(1)
            .build()
            .map_err(|error| self.parquet_error(error))?;
        let batch = reader
            .next()
            .ok_or_else(missing)?
            .map_err(|error| self.arrow_error(error))?;
        Ok(batch.column(0).as_binary_view().value(0).to_vec())
    }

    /// Reads the rows that are not in `deletions` and pass every predicate, in row order.
    ///
    /// # Errors
    /// [`SegmentError`] here or from the iterator if bytes are damaged or a predicate fails.
    pub fn scan(
        self: &Arc<Self>,
        deletions: &DeletionVector,
        request: &ScanRequest,
    ) -> Result<BatchIterator, SegmentError> {
        let rows = live_rows(self.row_count(), deletions, request.rows.as_ref());
        Ok(Box::new(SegmentScan::new(Arc::clone(self), request, rows)))
    }

    /// Place of a sub-column among the columns of the file, if it is stored.
    pub(super) fn column(&self, column: &SubColumn) -> Option<usize> {
        self.columns.get(column).copied()
    }

    /// Place of the documents among the columns of the file.
    pub(super) fn document_column(&self) -> usize {
        self.document_column
    }

    /// The mask that reads these columns, in the order of the file.
    pub(super) fn mask(&self, columns: impl IntoIterator<Item = usize>) -> ProjectionMask {
        ProjectionMask::leaves(self.metadata.parquet_schema(), columns)
    }

    /// Those of its columns that are kept decoded.
    pub(super) fn cached(&self) -> Option<&SegmentColumns> {
        self.cached.as_ref()
    }

    /// Bytes of the values of a column in one row group, once they are decoded.
    pub(super) fn decoded_bytes(&self, group: usize, column: usize) -> u64 {
        decoded_bytes(self.metadata.metadata().row_group(group).column(column))
    }

    /// A reader of one row group.
    pub(super) fn reader(&self, group: usize) -> ParquetRecordBatchReaderBuilder<PageSource> {
        let source = PageSource(Arc::clone(&self.bytes));
        ParquetRecordBatchReaderBuilder::new_with_metadata(source, self.metadata.clone())
            .with_row_groups(vec![group])
    }

    /// What a failure of the Parquet reader means.
    pub(super) fn parquet_error(&self, error: ParquetError) -> SegmentError {
        let path = self.path.clone();
        let source = match error {
            ParquetError::External(source) => source,
            source => return SegmentError::Parquet { path, source },
        };
        match source.downcast::<ArrowError>() {
            Ok(error) => self.arrow_error(*error),
            Err(source) => match source.downcast::<ChecksumError>() {
                Ok(error) => checksum_error(&path, *error),
                Err(source) => SegmentError::Parquet {
                    path,
                    source: ParquetError::External(source),
                },
            },
        }
    }

    /// What a failure of a batch iterator, or of a predicate, means.
    ///
    /// Parquet's iterator turns its own errors into text: whether it met damage, the bytes know.
    pub(super) fn arrow_error(&self, error: ArrowError) -> SegmentError {
        match (error, self.bytes.damage()) {
            (ArrowError::ParquetError(message), _) if message.contains(READ_FAILED) => {
                let source = Arc::new(read_error_of_text(message));
                SegmentError::Read {
                    path: self.path.clone(),
                    source,
                }
            }
            (ArrowError::ParquetError(_), Some(damage)) => checksum_error(&self.path, damage),
            (ArrowError::ParquetError(message), None) => SegmentError::Parquet {
                path: self.path.clone(),
                source: ParquetError::General(message),
            },
            (error, _) => error.into(),
        }
    }
}

/// Bytes of the values of each column in all row groups.
fn column_bytes(metadata: &ParquetMetaData) -> Vec<u64> {
    let mut bytes = vec![0; metadata.file_metadata().schema_descr().num_columns()];
    for group in metadata.row_groups() {
        for (bytes, column) in bytes.iter_mut().zip(group.columns()) {
            *bytes += decoded_bytes(column);
        }
    }
    bytes
}

/// Bytes of the values of a column in one row group, without dictionary and compression.
fn decoded_bytes(column: &ColumnChunkMetaData) -> u64 {
    let bytes = match column.column_type() {
        Type::BOOLEAN => column.num_values() / 8,
        Type::INT32 | Type::FLOAT => column.num_values() * 4,
        Type::INT64 | Type::DOUBLE => column.num_values() * 8,
        _ => {
            let views = column.num_values() * VIEW_BYTES;
            let values = column.unencoded_byte_array_data_bytes();
            views + values.unwrap_or_else(|| column.uncompressed_size())
        }
    };
    u64::try_from(bytes).unwrap_or(0)
}

pub(super) fn checksum_error(path: &str, error: ChecksumError) -> SegmentError {
    let path = path.to_owned();
    match error {
        ChecksumError::Damaged { offset } => SegmentError::Checksum { path, offset },
        ChecksumError::Format { detail } => SegmentError::Format { path, detail },
        ChecksumError::Read { source } => SegmentError::Read { path, source },
    }
}

/// A file that is being opened; its tail was verified.
struct OpenFile<'a> {
    path: &'a str,
    tail: &'a Tail,
}

impl OpenFile<'_> {
    fn format(&self, detail: &'static str) -> SegmentError {
        SegmentError::Format {
            path: self.path.to_owned(),
            detail,
        }
    }

    /// Parquet's footer and offset index. The column index is not used and not parsed.
    fn metadata(&self) -> Result<ParquetMetaData, SegmentError> {
        ParquetMetaDataReader::new()
            .with_column_index_policy(PageIndexPolicy::Skip)
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .parse_and_finish(self.tail)
            .map_err(|source| SegmentError::Parquet {
                path: self.path.to_owned(),
                source,
            })
    }

    fn sections(&self, metadata: &ParquetMetaData) -> Result<Sections, SegmentError> {
        let entries = metadata.file_metadata().key_value_metadata();
        Sections::from_metadata(entries.map_or(&[], Vec::as_slice)).map_err(|error| match error {
            FooterError::Malformed(detail) => self.format(detail),
            FooterError::Version(found) => SegmentError::Version {
                path: self.path.to_owned(),
                found,
                supported: FORMAT_VERSION,
            },
        })
    }

    /// The bytes of a section of the tail.
    fn section(&self, section: Section) -> Result<Bytes, SegmentError> {
        self.tail
            .slice(section.offset, section.bytes)
            .ok_or_else(|| self.format("a section lies outside the file's tail"))
    }

    /// The sub-columns by their place, and the schema of all columns; `_doc` is the last one.
    fn columns(
        &self,
        metadata: &ParquetMetaData,
    ) -> Result<(HashMap<SubColumn, usize>, Schema), SegmentError> {
        let leaves = metadata.file_metadata().schema_descr().columns();
        let (last, leaves) = leaves
            .split_last()
            .ok_or_else(|| self.format("the file has no columns"))?;
        if last.name() != DOCUMENT_COLUMN {
            return Err(self.format("the column of documents is missing"));
        }
        let mut columns = HashMap::with_capacity(leaves.len());
        let mut fields = Vec::with_capacity(leaves.len() + 1);
        for (place, leaf) in leaves.iter().enumerate() {
            let column: SubColumn = leaf
                .name()
                .parse()
                .map_err(|_| self.format("a column's name is not that of a sub-column"))?;
            fields.push(column.field());
            columns.insert(column, place);
        }
        if columns.len() != leaves.len() {
            return Err(self.format("two columns have the same name"));
        }
        fields.push(Field::new(DOCUMENT_COLUMN, DataType::BinaryView, false));
        Ok((columns, Schema::new(fields)))
    }

    fn order(&self, metadata: &ParquetMetaData) -> Result<Option<SortOrder>, SegmentError> {
        let entries = metadata.file_metadata().key_value_metadata();
        let Some(text) = metadata_value(entries.map_or(&[], Vec::as_slice), ORDER_KEY) else {
            return Ok(None);
        };
        let order = SortOrder::from_json(text);
        order
            .map(Some)
            .ok_or_else(|| self.format("the order of the rows is malformed"))
    }

    fn group_starts(&self, metadata: &ParquetMetaData) -> Result<Vec<u32>, SegmentError> {
        let mut starts = vec![0_u32];
        let mut end = 0_u32;
        for group in metadata.row_groups() {
            end = u32::try_from(group.num_rows())
                .ok()
                .and_then(|rows| end.checked_add(rows))
                .ok_or_else(|| self.format("there are more rows than row ids"))?;
            starts.push(end);
        }
        Ok(starts)
    }
}
