//! Scans a chunk: predicates first, then the columns of the rows that are left.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, GenericByteViewArray, RecordBatch, RecordBatchOptions, new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{ByteViewType, SchemaRef};
use arrow::error::ArrowError;
use roaring::RoaringBitmap;
use roaring::bitmap::IntoIter;

use super::Chunk;
use super::column::INLINE_BYTES_MAX;
use crate::scan::{ScanPredicate, ScanRequest};
use crate::segment::SegmentError;
use crate::sub_column::SubColumn;

/// A view column is copied if its buffers are larger than twice its values and this many bytes.
const COMPACT_BYTES: usize = 16 * 1024;

/// Iterator over the batches of one scan.
pub(super) struct ChunkScan {
    chunk: Arc<Chunk>,
    request: ScanRequest,
    schema: SchemaRef,
    predicates: Vec<(ScanPredicate, SchemaRef)>,
    rows: IntoIter,
    /// Rows that passed the predicates and were not handed out yet.
    passed: Vec<u32>,
}

impl ChunkScan {
    /// Reads what `request` asks for of `rows`.
    pub(super) fn new(chunk: Arc<Chunk>, request: ScanRequest, rows: RoaringBitmap) -> Self {
        let schema = request.schema();
        let predicates = request
            .predicates
            .iter()
            .map(|predicate| (predicate.clone(), predicate.schema()))
            .collect();
        Self {
            chunk,
            request,
            schema,
            predicates,
            rows: rows.into_iter(),
            passed: Vec::new(),
        }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let batch_rows = self.request.rows_per_batch();
        while self.passed.len() < batch_rows {
            let rows: Vec<u32> = self.rows.by_ref().take(batch_rows).collect();
            if rows.is_empty() {
                break;
            }
            let rows = self.passing(rows)?;
            self.passed.extend(rows);
        }
        if self.passed.is_empty() {
            return Ok(None);
        }
        let rest = self.passed.split_off(batch_rows.min(self.passed.len()));
        let rows = std::mem::replace(&mut self.passed, rest);
        let ScanRequest {
            columns, document, ..
        } = &self.request;
        let batch = self.read(columns, *document, &self.schema, &rows)?;
        let columns = batch.columns().iter().map(compact).collect();
        assemble(&self.schema, columns, rows.len()).map(Some)
    }

    /// The rows that pass every predicate.
    fn passing(&self, mut rows: Vec<u32>) -> Result<Vec<u32>, ArrowError> {
        for (predicate, schema) in &self.predicates {
            if rows.is_empty() {
                break;
            }
            let batch = self.read(&predicate.columns, predicate.document, schema, &rows)?;
            let passes = (predicate.evaluate)(&batch)?;
            if passes.len() != rows.len() {
                let message = format!("predicate gave {} of {} rows", passes.len(), rows.len());
                return Err(ArrowError::ComputeError(message));
            }
            let passes: BooleanBuffer = match passes.nulls() {
                Some(nulls) => passes.values() & nulls.inner(),
                None => passes.values().clone(),
            };
            rows = passes.set_indices().map(|index| rows[index]).collect();
        }
        Ok(rows)
    }

    fn read(
        &self,
        columns: &[SubColumn],
        document: bool,
        schema: &SchemaRef,
        rows: &[u32],
    ) -> Result<RecordBatch, ArrowError> {
        let columns = columns.iter().map(|name| match self.chunk.column(name) {
            Some(column) => column.project(rows),
            None => Ok(new_null_array(&name.kind.data_type(), rows.len())),
        });
        let document = document.then(|| self.chunk.project_documents(rows));
        assemble(
            schema,
            columns.chain(document).collect::<Result<_, _>>()?,
            rows.len(),
        )
    }
}

impl Iterator for ChunkScan {
    type Item = Result<RecordBatch, SegmentError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.next_batch();
        if batch.is_err() {
            // Nothing after an error: the caller must not take the rest for the whole.
            (self.rows, self.passed) = (RoaringBitmap::new().into_iter(), Vec::new());
        }
        batch.map_err(SegmentError::from).transpose()
    }
}

fn assemble(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

/// The same column without buffers that are much larger than what it shows of them.
///
/// A batch would else hold the whole chunk in memory and be counted as that large.
fn compact(column: &ArrayRef) -> ArrayRef {
    if let Some(strings) = column.as_string_view_opt() {
        compact_views(strings).unwrap_or_else(|| Arc::clone(column))
    } else if let Some(bytes) = column.as_binary_view_opt() {
        compact_views(bytes).unwrap_or_else(|| Arc::clone(column))
    } else {
        Arc::clone(column)
    }
}

fn compact_views<T: ByteViewType>(array: &GenericByteViewArray<T>) -> Option<ArrayRef> {
    let held: usize = array.data_buffers().iter().map(|buffer| buffer.len()).sum();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the length is the lowest 32 bits"
    )]
    let lengths = array.views().iter().map(|view| *view as u32);
    let shown: usize = lengths
        .filter(|length| *length > INLINE_BYTES_MAX)
        .map(|length| length as usize)
        .sum();
    (held > 2 * shown + COMPACT_BYTES).then(|| Arc::new(array.gc()) as ArrayRef)
}
