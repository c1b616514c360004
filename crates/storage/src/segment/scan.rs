//! Scans a segment one row group at a time.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{BooleanBufferBuilder, RecordBatch};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ParquetRecordBatchReader, RowFilter, RowSelection,
};
use roaring::RoaringBitmap;

use super::error::SegmentError;
use super::layout::Layout;
use super::reader::Segment;
use crate::scan::{Evaluate, ScanRequest};

/// Below one selected row in this many, a selection is kept as ranges, so that pages without a
/// selected row are skipped; above, as a bitmap.
const SPARSE_FACTOR: u64 = 32;

/// Iterator over the batches of one scan.
pub(super) struct SegmentScan {
    segment: Arc<Segment>,
    output: Layout,
    predicates: Vec<(Arc<Layout>, Evaluate)>,
    rows: RoaringBitmap,
    batch_rows: usize,
    next_group: usize,
    reader: Option<ParquetRecordBatchReader>,
}

impl SegmentScan {
    /// Reads what `request` asks for of `rows`.
    pub(super) fn new(segment: Arc<Segment>, request: &ScanRequest, rows: RoaringBitmap) -> Self {
        let output = Layout::new(
            &segment,
            &request.columns,
            request.document,
            request.schema(),
        );
        let predicates = request.predicates.iter().map(|predicate| {
            let layout = Layout::new(
                &segment,
                &predicate.columns,
                predicate.document,
                predicate.schema(),
            );
            (Arc::new(layout), Arc::clone(&predicate.evaluate))
        });
        Self {
            output,
            predicates: predicates.collect(),
            rows,
            batch_rows: request.rows_per_batch(),
            next_group: 0,
            reader: None,
            segment,
        }
    }

    /// A reader of the next row group that has rows to look at. Evaluates the predicates on it.
    fn next_reader(&mut self) -> Result<Option<ParquetRecordBatchReader>, SegmentError> {
        while let Some(range) = self.segment.row_groups().nth(self.next_group) {
            let group = self.next_group;
            self.next_group += 1;
            let count = self.rows.range_cardinality(range.clone());
            if count == 0 {
                continue;
            }
            let mut builder = self
                .segment
                .reader(group)
                .with_batch_size(self.batch_rows)
                .with_projection(self.output.mask.clone())
                .with_row_filter(RowFilter::new(self.filters()));
            if count < u64::from(range.end - range.start) {
                builder = builder.with_row_selection(selection(&self.rows, range, count));
            }
            return builder
                .build()
                .map(Some)
                .map_err(|error| self.segment.parquet_error(error));
        }
        Ok(None)
    }

    fn filters(&self) -> Vec<Box<dyn ArrowPredicate>> {
        let filters = self.predicates.iter().map(|(layout, evaluate)| {
            let (layout, evaluate) = (Arc::clone(layout), Arc::clone(evaluate));
            let mask = layout.mask.clone();
            let filter = move |batch: RecordBatch| evaluate(&layout.assemble(&batch)?);
            Box::new(ArrowPredicateFn::new(mask, filter)) as Box<dyn ArrowPredicate>
        });
        filters.collect()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, SegmentError> {
        loop {
            let mut reader = match self.reader.take() {
                Some(reader) => reader,
                None => match self.next_reader()? {
                    Some(reader) => reader,
                    None => return Ok(None),
                },
            };
            if let Some(batch) = reader.next() {
                let assemble = |batch: RecordBatch| self.output.assemble(&batch);
                let batch: Result<RecordBatch, ArrowError> = batch.and_then(assemble);
                self.reader = Some(reader);
                return batch
                    .map(Some)
                    .map_err(|error| self.segment.arrow_error(error));
            }
        }
    }
}

impl Iterator for SegmentScan {
    type Item = Result<RecordBatch, SegmentError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.next_batch();
        if batch.is_err() {
            // Nothing after an error: the caller must not take the rest for the whole.
            self.reader = None;
            self.next_group = usize::MAX;
        }
        batch.transpose()
    }
}

/// Selects `count` of `rows` that lie in `range`, relative to its start.
fn selection(rows: &RoaringBitmap, range: Range<u32>, count: u64) -> RowSelection {
    let total = (range.end - range.start) as usize;
    let relative = |row: u32| (row - range.start) as usize;
    if count < total as u64 / SPARSE_FACTOR {
        let selected = rows.range(range.clone()).map(relative);
        return RowSelection::from_consecutive_ranges(selected.map(|row| row..row + 1), total);
    }
    // Whichever there are fewer of, selected or other rows, is set bit by bit.
    let few_selected = count < total as u64 / 2;
    let mut bits = BooleanBufferBuilder::new(total);
    bits.append_n(total, !few_selected);
    if few_selected {
        rows.range(range.clone())
            .for_each(|row| bits.set_bit(relative(row), true));
    } else {
        let mut others = RoaringBitmap::new();
        others.insert_range(range.clone());
        others -= rows;
        others
            .iter()
            .for_each(|row| bits.set_bit(relative(row), false));
    }
    RowSelection::from_boolean_buffer(bits.finish())
}
