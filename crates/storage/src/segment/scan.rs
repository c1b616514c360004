//! Scans a segment one row group at a time.
//!
//! Columns that are kept decoded are used where they are there; everything else is read from the file. Both ways give
//! the same rows: each predicate is evaluated on those that passed the ones before it.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowFilter, RowSelection,
};
use roaring::RoaringBitmap;

use super::cached::{self, CachedColumns, CachedGroup, CachedPredicate, FilePredicate, Selection};
use super::error::SegmentError;
use super::layout::Layout;
use super::page_source::PageSource;
use super::reader::Segment;
use crate::column_cache::PIECE_ROWS;
use crate::scan::ScanRequest;

/// Below one selected row in this many, a selection is kept as ranges, so that pages without a
/// selected row are skipped; above, as a bitmap.
const SPARSE_FACTOR: u64 = 32;

/// Iterator over the batches of one scan.
pub(super) struct SegmentScan {
    segment: Arc<Segment>,
    output: Layout,
    predicates: Vec<FilePredicate>,
    rows: RoaringBitmap,
    batch_rows: usize,
    /// Whether batches may have as many rows as the pieces of kept columns.
    takes_pieces: bool,
    next_group: usize,
    reader: Option<GroupReader>,
}

/// Reads one row group.
enum GroupReader {
    File(ParquetRecordBatchReader),
    Cached(Box<CachedGroup>),
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
            FilePredicate {
                layout: Arc::new(layout),
                evaluate: Arc::clone(&predicate.evaluate),
                by_value: predicate.by_value.clone(),
            }
        });
        Self {
            output,
            predicates: predicates.collect(),
            rows,
            batch_rows: request.rows_per_batch(),
            takes_pieces: request.batch_rows >= PIECE_ROWS,
            next_group: 0,
            reader: None,
            segment,
        }
    }

    /// A reader of the next row group that has rows to look at. Evaluates the predicates on it.
    fn next_reader(&mut self) -> Result<Option<GroupReader>, SegmentError> {
        while let Some(range) = self.segment.row_groups().nth(self.next_group) {
            let group = self.next_group;
            self.next_group += 1;
            let count = self.rows.range_cardinality(range.clone());
            if count == 0 {
                continue;
            }
            if let Some(reader) = self.cached_reader(group, &range, count)? {
                return Ok(Some(reader));
            }
            let mut builder = self
                .builder(group)
                .with_row_filter(RowFilter::new(self.filters()));
            if count < u64::from(range.end - range.start) {
                builder = builder.with_row_selection(selection(&self.rows, range, count));
            }
            return self.build(builder).map(Some);
        }
        Ok(None)
    }

    /// A reader that evaluates the predicates on kept columns; none if one of those is not there.
    fn cached_reader(
        &self,
        group: usize,
        range: &Range<u32>,
        count: u64,
    ) -> Result<Option<GroupReader>, SegmentError> {
        let total = u64::from(range.end - range.start);
        if !self.takes_pieces {
            return Ok(None);
        }
        let layouts = self.predicates.iter().map(|predicate| &*predicate.layout);
        let layouts = layouts.chain([&self.output]);
        let kept = cached::want(&self.segment, group, layouts, (count, total));
        let columns_of = |layout: &Layout| CachedColumns::of(&self.segment, group, layout, &kept);
        let mut predicates = Vec::with_capacity(self.predicates.len());
        for predicate in &self.predicates {
            let Some(columns) = columns_of(&predicate.layout)? else {
                return Ok(None);
            };
            let predicate = CachedPredicate::new(predicate.clone(), columns);
            predicates.push(predicate.map_err(|error| self.segment.arrow_error(error))?);
        }
        predicates.sort_by_key(|predicate| !predicate.is_cheap());
        let has_predicates = !predicates.is_empty();
        let selected = (count < total).then(|| selected_bits(&self.rows, range.clone(), count));
        let rows = (range.end - range.start) as usize;
        let selection = Selection::new(rows, selected, predicates);
        if let Some(columns) = columns_of(&self.output)? {
            let group = CachedGroup::new(selection, columns, &self.output);
            return Ok(Some(GroupReader::Cached(Box::new(group))));
        }
        if !has_predicates {
            return Ok(None);
        }
        let passes = selection.evaluate();
        let passes = passes.map_err(|error| self.segment.arrow_error(error))?;
        let builder = self
            .builder(group)
            .with_row_selection(row_selection(&passes));
        self.build(builder).map(Some)
    }

    /// A reader of the columns of the result.
    fn builder(&self, group: usize) -> ParquetRecordBatchReaderBuilder<PageSource> {
        self.segment
            .reader(group)
            .with_batch_size(self.batch_rows)
            .with_projection(self.output.mask.clone())
    }

    fn build(
        &self,
        builder: ParquetRecordBatchReaderBuilder<PageSource>,
    ) -> Result<GroupReader, SegmentError> {
        let reader = builder.build();
        reader
            .map(GroupReader::File)
            .map_err(|error| self.segment.parquet_error(error))
    }

    fn filters(&self) -> Vec<Box<dyn ArrowPredicate>> {
        let filters = self.predicates.iter().map(|predicate| {
            let FilePredicate {
                layout, evaluate, ..
            } = predicate.clone();
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
            let batch = match &mut reader {
                GroupReader::File(reader) => {
                    let assemble = |batch: RecordBatch| self.output.assemble(&batch);
                    reader.next().map(|batch| batch.and_then(assemble))
                }
                GroupReader::Cached(group) => group.next_batch(&self.output).transpose(),
            };
            if let Some(batch) = batch {
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

/// Selects the rows whose bits are set.
fn row_selection(bits: &BooleanBuffer) -> RowSelection {
    let count = bits.count_set_bits() as u64;
    if count < bits.len() as u64 / SPARSE_FACTOR {
        let ranges = bits.set_slices().map(|(start, end)| start..end);
        return RowSelection::from_consecutive_ranges(ranges, bits.len());
    }
    RowSelection::from_boolean_buffer(bits.clone())
}

/// Selects `count` of `rows` that lie in `range`, relative to its start.
fn selection(rows: &RoaringBitmap, range: Range<u32>, count: u64) -> RowSelection {
    let total = (range.end - range.start) as usize;
    if count < total as u64 / SPARSE_FACTOR {
        let start = range.start;
        let selected = rows.range(range).map(|row| (row - start) as usize);
        return RowSelection::from_consecutive_ranges(selected.map(|row| row..row + 1), total);
    }
    RowSelection::from_boolean_buffer(selected_bits(rows, range, count))
}

/// A bit for each row of `range`, set for the `count` of them that are in `rows`.
fn selected_bits(rows: &RoaringBitmap, range: Range<u32>, count: u64) -> BooleanBuffer {
    let total = (range.end - range.start) as usize;
    let relative = |row: u32| (row - range.start) as usize;
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
    bits.finish()
}
