//! How the columns of a request come out of the columns of one file.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;

use super::extract::extract;
use super::reader::Segment;
use crate::sub_column::SubColumn;

/// Which columns of a file to read, and how to make the requested ones of them.
pub(super) struct Layout {
    pub(super) mask: ProjectionMask,
    /// Places in the file of what is read, in order.
    read: Vec<usize>,
    schema: SchemaRef,
    sources: Vec<Source>,
}

/// Where one requested column comes from. Places are those in the batch that was read.
enum Source {
    /// It is stored.
    Stored(usize),
    /// No document has a value of it.
    Absent(DataType),
    /// It is too rare to be stored: it is taken out of the documents.
    Document(usize, SubColumn),
}

impl Layout {
    /// The layout for `columns`, and `_doc` if `document`, under `schema`.
    pub(super) fn new(
        segment: &Segment,
        columns: &[SubColumn],
        document: bool,
        schema: SchemaRef,
    ) -> Self {
        let is_rare = |column: &SubColumn| {
            segment.column(column).is_none() && segment.types().count(column) > 0
        };
        let mut read: Vec<usize> = columns
            .iter()
            .filter_map(|column| segment.column(column))
            .collect();
        if document || columns.iter().any(is_rare) {
            read.push(segment.document_column());
        }
        read.sort_unstable();
        read.dedup();
        let place = |column: usize| read.partition_point(|other| *other < column);
        let document_place = place(segment.document_column());
        let mut sources: Vec<Source> = columns
            .iter()
            .map(|column| match segment.column(column) {
                Some(stored) => Source::Stored(place(stored)),
                None if is_rare(column) => Source::Document(document_place, column.clone()),
                None => Source::Absent(column.kind.data_type()),
            })
            .collect();
        if document {
            sources.push(Source::Stored(document_place));
        }
        Self {
            mask: segment.mask(read.iter().copied()),
            read,
            schema,
            sources,
        }
    }

    /// The schema of the requested columns.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Places in the file of the columns that it is made of, in their order there.
    pub(super) fn read(&self) -> &[usize] {
        &self.read
    }

    /// The requested columns of a batch that was read with the mask.
    pub(super) fn assemble(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        self.assemble_columns(batch.columns(), batch.num_rows())
    }

    /// The requested columns, made of `rows` rows of [`Self::read`].
    pub(super) fn assemble_columns(
        &self,
        read: &[ArrayRef],
        rows: usize,
    ) -> Result<RecordBatch, ArrowError> {
        let columns = self.sources.iter().map(|source| column(source, read, rows));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let columns = columns.collect::<Result<_, _>>()?;
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

fn column(source: &Source, read: &[ArrayRef], rows: usize) -> Result<ArrayRef, ArrowError> {
    match source {
        Source::Stored(place) => Ok(Arc::clone(&read[*place])),
        Source::Absent(data_type) => Ok(new_null_array(data_type, rows)),
        Source::Document(place, column) => extract(read[*place].as_binary_view(), column),
    }
}
