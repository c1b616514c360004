//! Writes a segment, one chunk of rows after the other.
//!
//! 1. The sub-columns to store are chosen before the first row, from type counts.
//! 2. Each chunk becomes row groups, column by column, so that only one column at a time is spread
//!    out. What is held in memory between chunks are the type counts.
//! 3. The inverted index follows, then the tail: block checksums, type counts, and what Parquet
//!    itself writes at the end (page index and footer).

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::checksums::ChecksumSink;
use super::error::SegmentError;
use super::footer::{ORDER_KEY, Section, Sections};
use super::sort_order::SortOrder;
use super::tail::{CHECK_KEY, check_value};
use super::{inverted, properties, type_section};
use crate::chunk::Chunk;
use crate::deletion_vector::DeletionVector;
use crate::sub_column::{DOCUMENT_COLUMN, SubColumn, SubColumnKind};
use crate::type_counts::PathTypes;

/// Sub-columns that a segment stores. Parquet's footer grows with each one, and a document's
/// values are in `_doc` all the same: a scan reads rarer sub-columns from there.
pub const SUB_COLUMNS_MAX: usize = 1000;

/// Rows of a row group: bounds what a reader decodes at once and what the writer holds.
pub(crate) const ROW_GROUP_ROWS: usize = 128 * 1024;

/// How large the pieces of a segment may get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentLimits {
    /// Most sub-columns to store.
    pub(crate) columns: usize,
    /// Most rows of one row group.
    pub(crate) row_group_rows: usize,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self {
            columns: SUB_COLUMNS_MAX,
            row_group_rows: ROW_GROUP_ROWS,
        }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentSummary {
    /// Number of documents.
    pub rows: u32,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Type counts of every path.
    pub types: PathTypes,
    /// Earliest `_event_time` in microseconds since the epoch, none if no document has one.
    pub event_time_min: Option<i64>,
    /// Latest `_event_time` in microseconds since the epoch, none if no document has one.
    pub event_time_max: Option<i64>,
}

/// Writes the live documents of `sources` to `sink` as one segment.
///
/// Rows are numbered in the order of the sources, dead ones left out, just as
/// [`Chunk::concat`] numbers them. The sink gets every byte once, in order; it is not flushed.
///
/// # Errors
/// [`SegmentError::Write`] if the sink fails, [`SegmentError::DuplicateId`] if two live documents
/// have the same `_id`.
pub fn write(
    sources: &[(Arc<Chunk>, DeletionVector)],
    sink: &mut (dyn Write + Send),
) -> Result<SegmentSummary, SegmentError> {
    match sources {
        [(chunk, deletions)] if deletions.is_empty() => {
            write_chunk(chunk, None, sink, SegmentLimits::default())
        }
        _ => write_chunk(
            &Chunk::concat(sources)?.0,
            None,
            sink,
            SegmentLimits::default(),
        ),
    }
}

/// Writes all rows of `chunk`, which are in `order` if one is given; the file then says so.
///
/// # Errors
/// Those of [`write()`].
pub(crate) fn write_chunk(
    chunk: &Chunk,
    order: Option<&SortOrder>,
    sink: &mut (dyn Write + Send),
    limits: SegmentLimits,
) -> Result<SegmentSummary, SegmentError> {
    let mut writer = SegmentWriter::new(chunk.types(), order.cloned(), sink, limits);
    writer.write(chunk)?;
    writer.finish(|sink| inverted::build(chunk, sink))
}

/// A segment that is being written.
pub(crate) struct SegmentWriter<'a> {
    /// In the order of their names' paths.
    columns: Vec<SubColumn>,
    order: Option<SortOrder>,
    limits: SegmentLimits,
    /// Where the file goes. How each column is encoded is decided by the first rows, so the file is
    /// begun with them; then this is empty.
    sink: Option<&'a mut (dyn Write + Send)>,
    file: Option<File<'a>>,
    rows: u32,
    types: PathTypes,
    event_times: Option<(i64, i64)>,
}

/// The open Parquet file.
struct File<'a> {
    schema: SchemaRef,
    writer: SerializedFileWriter<ChecksumSink<'a>>,
    factory: ArrowRowGroupWriterFactory,
    group_count: usize,
}

impl<'a> SegmentWriter<'a> {
    /// A writer of documents that have the types `expected`, about: the most frequent of these are
    /// stored as sub-columns. `order` is what the rows will be ordered by, if by anything.
    pub(crate) fn new(
        expected: &PathTypes,
        order: Option<SortOrder>,
        sink: &'a mut (dyn Write + Send),
        limits: SegmentLimits,
    ) -> Self {
        Self {
            columns: choose_columns(expected, limits.columns),
            order,
            limits,
            sink: Some(sink),
            file: None,
            rows: 0,
            types: PathTypes::default(),
            event_times: None,
        }
    }

    /// Appends all rows of `chunk`, as row groups of their own.
    ///
    /// # Errors
    /// [`SegmentError::Write`], after which the writer must not be used, and
    /// [`SegmentError::TooLarge`] if there are more rows than row ids.
    pub(crate) fn write(&mut self, chunk: &Chunk) -> Result<(), SegmentError> {
        let rows = self.rows.checked_add(chunk.row_count());
        self.rows = rows.ok_or_else(|| SegmentError::TooLarge {
            rows: self.rows as usize + chunk.row_count() as usize,
            bytes: 0,
        })?;
        self.types.merge(chunk.types());
        self.event_times = match (self.event_times, chunk.event_time_range()) {
            (Some((low, high)), Some((min, max))) => Some((low.min(min), high.max(max))),
            (before, now) => before.or(now),
        };
        let mut file = self.file(chunk)?;
        let rows: Vec<u32> = (0..chunk.row_count()).collect();
        for rows in rows.chunks(self.limits.row_group_rows) {
            file.write_group(&self.columns, chunk, rows)?;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Writes what follows the rows; `index` writes the inverted index and says how long it is.
    ///
    /// # Errors
    /// Those of `index`; [`SegmentError::Write`].
    pub(crate) fn finish(
        mut self,
        index: impl FnOnce(&mut dyn Write) -> Result<u64, SegmentError>,
    ) -> Result<SegmentSummary, SegmentError> {
        let mut file = self.file(&Chunk::build(&[])?)?;
        let inverted = file.write_index(index)?;
        let bytes = file.finish(inverted, &self.types, self.order.as_ref())?;
        Ok(SegmentSummary {
            rows: self.rows,
            bytes,
            types: self.types,
            event_time_min: self.event_times.map(|(min, _)| min),
            event_time_max: self.event_times.map(|(_, max)| max),
        })
    }

    /// Takes the file out of the writer; it is begun with `sample` if it is not yet.
    fn file(&mut self, sample: &Chunk) -> Result<File<'a>, ParquetError> {
        if let Some(file) = self.file.take() {
            return Ok(file);
        }
        let closed = || ParquetError::General("the file failed to be written before".to_owned());
        let sink = self.sink.take().ok_or_else(closed)?;
        File::begin(&self.columns, sample, sink)
    }
}

/// The sub-columns to store: the most frequent ones, in order of their names' paths.
///
/// `_id` and `_event_time` are in every document and so are never left out.
fn choose_columns(types: &PathTypes, columns_max: usize) -> Vec<SubColumn> {
    let mut columns: Vec<(u64, SubColumn)> = types
        .iter()
        .flat_map(|(path, counts)| {
            let kinds = counts.types().filter_map(|value_type| {
                Some((counts.get(value_type), SubColumnKind::of(value_type)?))
            });
            kinds.map(|(count, kind)| (count, SubColumn::new(path.clone(), kind)))
        })
        .collect();
    if columns.len() > columns_max {
        columns.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        columns.truncate(columns_max);
    }
    let mut columns: Vec<SubColumn> = columns.into_iter().map(|(_, name)| name).collect();
    columns.sort();
    columns
}

impl<'a> File<'a> {
    fn begin(
        columns: &[SubColumn],
        sample: &Chunk,
        sink: &'a mut (dyn Write + Send),
    ) -> Result<Self, ParquetError> {
        let fields = columns.iter().map(SubColumn::field);
        let document = Field::new(DOCUMENT_COLUMN, DataType::BinaryView, false);
        let schema = Arc::new(Schema::new(fields.chain([document]).collect::<Vec<_>>()));
        let options = ArrowWriterOptions::new()
            .with_properties(properties::of_columns(columns, sample))
            .with_skip_arrow_metadata(true);
        let sink = ChecksumSink::new(sink);
        let writer = ArrowWriter::try_new_with_options(sink, Arc::clone(&schema), options)?;
        let (writer, factory) = writer.into_serialized_writer()?;
        Ok(Self {
            schema,
            writer,
            factory,
            group_count: 0,
        })
    }

    fn write_group(
        &mut self,
        columns: &[SubColumn],
        chunk: &Chunk,
        rows: &[u32],
    ) -> Result<(), ParquetError> {
        let arrays = columns.iter().map(|name| match chunk.column(name) {
            Some(column) => column.project(rows),
            None => Ok(new_null_array(&name.kind.data_type(), rows.len())),
        });
        let document = std::iter::once_with(|| chunk.project_documents(rows));
        self.write_columns(arrays.chain(document).map(|array| Ok(array?)))
    }

    fn write_columns(
        &mut self,
        arrays: impl Iterator<Item = Result<ArrayRef, ParquetError>>,
    ) -> Result<(), ParquetError> {
        let column_writers = self.factory.create_column_writers(self.group_count)?;
        self.group_count += 1;
        let mut group = self.writer.next_row_group()?;
        let fields = self.schema.fields().iter();
        for ((field, mut column_writer), array) in fields.zip(column_writers).zip(arrays) {
            for leaf in compute_leaves(field, &array?)? {
                column_writer.write(&leaf)?;
            }
            column_writer.close()?.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }

    fn write_index(
        &mut self,
        index: impl FnOnce(&mut dyn Write) -> Result<u64, SegmentError>,
    ) -> Result<Section, SegmentError> {
        let offset = self.writer.bytes_written() as u64;
        let bytes = index(&mut SectionSink(&mut self.writer))?;
        Ok(Section { offset, bytes })
    }

    /// Writes the tail and closes the file; returns its size.
    fn finish(
        mut self,
        inverted: Section,
        types: &PathTypes,
        order: Option<&SortOrder>,
    ) -> Result<u64, ParquetError> {
        let writer = &mut self.writer;
        writer.flush()?;
        let checksums = writer.inner_mut().begin_tail();
        let checksums = write_section(writer, &checksums)?;
        let types = write_section(writer, &type_section::encode(types))?;
        let sections = Sections {
            inverted,
            checksums,
            types,
        };
        for entry in sections.to_metadata() {
            writer.append_key_value_metadata(entry);
        }
        if let Some(order) = order {
            let entry = KeyValue::new(ORDER_KEY.to_owned(), order.to_json());
            writer.append_key_value_metadata(entry);
        }
        // Last, so that a reader finds it from the end.
        let check = check_value(sections.checksums.offset);
        writer.append_key_value_metadata(KeyValue::new(CHECK_KEY.to_owned(), check));
        Ok(self.writer.into_inner()?.finish()?)
    }
}

fn write_section(
    writer: &mut SerializedFileWriter<ChecksumSink<'_>>,
    bytes: &[u8],
) -> Result<Section, ParquetError> {
    let section = Section {
        offset: writer.bytes_written() as u64,
        bytes: bytes.len() as u64,
    };
    writer.write_all(bytes)?;
    Ok(section)
}

/// Writes a section whose length is not known before.
struct SectionSink<'w, 's>(&'w mut SerializedFileWriter<ChecksumSink<'s>>);

impl Write for SectionSink<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        Ok(())
    }
}
