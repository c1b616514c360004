//! Writes chunks as one segment.
//!
//! 1. Sources are joined, dead rows left out: one chunk holds the rows of the segment, in order.
//! 2. Row groups are written column by column, so that only one column at a time is spread out.
//! 3. The inverted index follows, then the tail: block checksums, type counts, and what Parquet
//!    itself writes at the end (page index and footer).

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::checksums::{CHECK_KEY, ChecksumSink, check_value};
use super::error::SegmentError;
use super::footer::{Section, Sections};
use super::{inverted, properties, type_section};
use crate::chunk::{Chunk, ChunkColumn};
use crate::deletion_vector::DeletionVector;
use crate::sub_column::{DOCUMENT_COLUMN, SubColumn};
use crate::type_counts::PathTypes;

/// Sub-columns that a segment stores. Parquet's footer grows with each one, and a document's
/// values are in `_doc` all the same: a scan reads rarer sub-columns from there.
pub const SUB_COLUMNS_MAX: usize = 1000;

/// Rows of a row group: bounds what a reader decodes at once and what the writer holds.
const ROW_GROUP_ROWS: usize = 128 * 1024;

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
    let limits = SegmentLimits::default();
    match sources {
        [(chunk, deletions)] if deletions.is_empty() => write_chunk(chunk, sink, limits),
        _ => write_chunk(&Chunk::concat(sources)?.0, sink, limits),
    }
}

/// Writes all rows of `chunk`.
pub(crate) fn write_chunk(
    chunk: &Chunk,
    sink: &mut (dyn Write + Send),
    limits: SegmentLimits,
) -> Result<SegmentSummary, SegmentError> {
    let columns = choose_columns(chunk, limits.columns);
    let bytes = write_file(chunk, &columns, limits.row_group_rows, sink)?;
    let event_times = chunk.event_time_range();
    Ok(SegmentSummary {
        rows: chunk.row_count(),
        bytes,
        types: chunk.types().clone(),
        event_time_min: event_times.map(|(min, _)| min),
        event_time_max: event_times.map(|(_, max)| max),
    })
}

/// The sub-columns to store: the most frequent ones, in order of their names' paths.
///
/// `_id` and `_event_time` are in every document and so are never left out.
fn choose_columns(chunk: &Chunk, columns_max: usize) -> Vec<(&SubColumn, &ChunkColumn)> {
    let mut columns: Vec<_> = chunk.columns().collect();
    if columns.len() > columns_max {
        columns.sort_by_key(|(_, column)| std::cmp::Reverse(column.rows.len()));
        columns.truncate(columns_max);
        columns.sort_by_key(|(name, _)| *name);
    }
    columns
}

fn file_schema(columns: &[(&SubColumn, &ChunkColumn)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, _)| name.field());
    let document = Field::new(DOCUMENT_COLUMN, DataType::BinaryView, false);
    Arc::new(Schema::new(fields.chain([document]).collect::<Vec<_>>()))
}

fn write_file(
    chunk: &Chunk,
    columns: &[(&SubColumn, &ChunkColumn)],
    row_group_rows: usize,
    sink: &mut (dyn Write + Send),
) -> Result<u64, SegmentError> {
    let schema = file_schema(columns);
    let options = ArrowWriterOptions::new()
        .with_properties(properties::of_columns(columns))
        .with_skip_arrow_metadata(true);
    let writer =
        ArrowWriter::try_new_with_options(ChecksumSink::new(sink), Arc::clone(&schema), options)?;
    let (mut writer, factory) = writer.into_serialized_writer()?;
    let rows: Vec<u32> = (0..chunk.row_count()).collect();
    for (index, rows) in rows.chunks(row_group_rows).enumerate() {
        let arrays = columns.iter().map(|(_, column)| column.project(rows));
        let document = std::iter::once_with(|| chunk.project_documents(rows));
        let arrays = arrays.chain(document).map(|array| Ok(array?));
        write_row_group(&mut writer, &factory, index, &schema, arrays)?;
    }
    write_sections(&mut writer, chunk)?;
    Ok(writer.into_inner()?.finish()?)
}

fn write_row_group(
    writer: &mut SerializedFileWriter<ChecksumSink<'_>>,
    factory: &ArrowRowGroupWriterFactory,
    index: usize,
    schema: &Schema,
    arrays: impl Iterator<Item = Result<ArrayRef, ParquetError>>,
) -> Result<(), ParquetError> {
    let column_writers = factory.create_column_writers(index)?;
    let mut group = writer.next_row_group()?;
    for ((field, mut column_writer), array) in
        schema.fields().iter().zip(column_writers).zip(arrays)
    {
        for leaf in compute_leaves(field, &array?)? {
            column_writer.write(&leaf)?;
        }
        column_writer.close()?.append_to_row_group(&mut group)?;
    }
    group.close()?;
    Ok(())
}

/// Writes what stands between the row groups and Parquet's own end of the file.
fn write_sections(
    writer: &mut SerializedFileWriter<ChecksumSink<'_>>,
    chunk: &Chunk,
) -> Result<(), SegmentError> {
    let inverted = Section {
        offset: writer.bytes_written() as u64,
        bytes: inverted::build(chunk, &mut SectionSink(writer))?,
    };
    writer.flush()?;
    let checksums = writer.inner_mut().begin_tail();
    let checksums = write_section(writer, &checksums)?;
    let types = write_section(writer, &type_section::encode(chunk.types()))?;
    let sections = Sections {
        inverted,
        checksums,
        types,
    };
    for entry in sections.to_metadata() {
        writer.append_key_value_metadata(entry);
    }
    // Last, so that a reader finds it from the end.
    let check = check_value(sections.checksums.offset);
    writer.append_key_value_metadata(KeyValue::new(CHECK_KEY.to_owned(), check));
    Ok(())
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
