//! Scans a row group over columns that are kept in memory, a piece at a time.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{BatchCoalescer, FilterBuilder, FilterPredicate, prep_null_mask_filter};
use arrow::error::ArrowError;

use super::error::SegmentError;
use super::layout::Layout;
use super::reader::Segment;
use crate::column_cache::{CachedColumn, PIECE_ROWS};
use crate::compact::compact_array;
use crate::scan::{ByValue, Evaluate};

/// Of how many rows one has to be wanted for a scan to count as one of the whole column.
const DENSE_FACTOR: u64 = 8;

/// Of how many rows one has to be selected for a filter to be evaluated on all of a piece, where it may be: comparing
/// is cheaper than taking the selected rows out.
const UNFILTERED_FACTOR: usize = 8;

/// The columns of a layout in one row group.
pub(super) struct CachedColumns(Vec<Arc<CachedColumn>>);

impl CachedColumns {
    /// The columns that `layout` reads in a row group, if each of them is kept, or is to be, which its place in `kept`
    /// says: then it is decoded.
    ///
    /// # Errors
    /// Those of the Parquet reader.
    pub(super) fn of(
        segment: &Segment,
        group: usize,
        layout: &Layout,
        kept: &[usize],
    ) -> Result<Option<Self>, SegmentError> {
        let Some(cache) = segment.cached() else {
            return Ok(None);
        };
        let places = layout.read();
        let found = places.iter().map(|place| cache.get(group, *place));
        let mut columns: Vec<Option<Arc<CachedColumn>>> = found.collect();
        let missing = places.iter().zip(&columns);
        let missing = missing.filter(|(_, column)| column.is_none());
        let missing: Vec<usize> = missing.map(|(place, _)| *place).collect();
        if !missing.iter().all(|place| kept.contains(place)) {
            return Ok(None);
        }
        if !missing.is_empty() {
            let mut decoded = decode(segment, group, &missing)?.into_iter();
            for (place, column) in places.iter().zip(&mut columns) {
                if column.is_none() {
                    let new = decoded.next().map(Arc::new);
                    if let Some(new) = &new {
                        cache.insert(group, *place, Arc::clone(new));
                    }
                    *column = new;
                }
            }
        }
        Ok(columns.into_iter().collect::<Option<Vec<_>>>().map(Self))
    }

    fn piece(&self, piece: usize) -> Result<Vec<ArrayRef>, ArrowError> {
        self.0.iter().map(|column| column.piece(piece)).collect()
    }

    fn filtered(
        &self,
        piece: usize,
        filter: &FilterPredicate,
    ) -> Result<Vec<ArrayRef>, ArrowError> {
        let columns = self.0.iter();
        columns
            .map(|column| column.filtered(piece, filter))
            .collect()
    }
}

/// Notes that a scan wants `wanted` of the `total` rows of a row group of what the layouts read, and tells which of the
/// columns that are not kept yet are to be.
pub(super) fn want<'a>(
    segment: &Segment,
    group: usize,
    layouts: impl Iterator<Item = &'a Layout>,
    (wanted, total): (u64, u64),
) -> Vec<usize> {
    let Some(cache) = segment.cached() else {
        return Vec::new();
    };
    if wanted * DENSE_FACTOR < total {
        return Vec::new();
    }
    let mut places: Vec<usize> = layouts.flat_map(Layout::read).copied().collect();
    places.sort_unstable();
    places.dedup();
    // Documents are the larger part of a file, and seldom read as a whole.
    places.retain(|place| {
        *place != segment.document_column()
            && cache.get(group, *place).is_none()
            && cache.want(group, *place, segment.decoded_bytes(group, *place))
    });
    places
}

/// Decodes columns of a row group.
fn decode(
    segment: &Segment,
    group: usize,
    places: &[usize],
) -> Result<Vec<CachedColumn>, SegmentError> {
    let reader = segment
        .reader(group)
        .with_projection(segment.mask(places.iter().copied()))
        .with_batch_size(PIECE_ROWS)
        .build()
        .map_err(|error| segment.parquet_error(error))?;
    let mut columns = vec![Vec::new(); places.len()];
    for batch in reader {
        let batch = batch.map_err(|error| segment.arrow_error(error))?;
        for (pieces, array) in columns.iter_mut().zip(batch.columns()) {
            pieces.push(compact_array(array).unwrap_or_else(|| Arc::clone(array)));
        }
    }
    Ok(columns.into_iter().map(CachedColumn::new).collect())
}

/// A predicate of a scan, for the columns of one file.
#[derive(Clone)]
pub(super) struct FilePredicate {
    pub(super) layout: Arc<Layout>,
    pub(super) evaluate: Evaluate,
    pub(super) by_value: Option<ByValue>,
}

/// A predicate with its columns in one row group.
pub(super) struct CachedPredicate {
    predicate: FilePredicate,
    columns: CachedColumns,
    /// Whether each value of the one column passes, if it has few.
    passing: Option<Vec<bool>>,
}

/// The rows of a row group that a scan has come to.
pub(super) struct Selection {
    total: usize,
    /// None if every row is selected.
    selected: Option<BooleanBuffer>,
    predicates: Vec<CachedPredicate>,
}

impl Selection {
    pub(super) fn new(
        total: usize,
        selected: Option<BooleanBuffer>,
        predicates: Vec<CachedPredicate>,
    ) -> Self {
        Self {
            total,
            selected,
            predicates,
        }
    }

    fn pieces(&self) -> usize {
        self.total.div_ceil(PIECE_ROWS)
    }

    fn rows(&self, piece: usize) -> usize {
        PIECE_ROWS.min(self.total - piece * PIECE_ROWS)
    }

    /// The rows of a piece that pass every predicate, each asked about those that passed the ones before; `None` if
    /// all do.
    fn of_piece(&self, piece: usize) -> Result<Option<BooleanArray>, ArrowError> {
        let rows = self.rows(piece);
        let selected = self.selected.as_ref();
        let selected = selected.map(|bits| bits.slice(piece * PIECE_ROWS, rows));
        let mut selected = selected.filter(|bits| bits.count_set_bits() < rows);
        for predicate in &self.predicates {
            let passes = match (&selected, &predicate.passing) {
                (Some(bits), _) if bits.count_set_bits() == 0 => break,
                (selected, Some(passing)) => {
                    predicate.look_up(piece, rows, passing, selected.as_ref())
                }
                (None, None) => predicate.evaluate(&predicate.columns.piece(piece)?, rows)?,
                (Some(bits), None)
                    if predicate.goes_by_value()
                        && bits.count_set_bits() * UNFILTERED_FACTOR >= rows =>
                {
                    predicate.evaluate_all(piece, rows, bits)?
                }
                (Some(bits), None) => {
                    let filter = BooleanArray::new(bits.clone(), None);
                    let filter = FilterBuilder::new(&filter).optimize().build();
                    let columns = predicate.columns.filtered(piece, &filter)?;
                    let passes = predicate.evaluate(&columns, filter.count())?;
                    among(bits, &passes)
                }
            };
            selected = Some(passes).filter(|bits| bits.count_set_bits() < rows);
        }
        Ok(selected.map(|bits| BooleanArray::new(bits, None)))
    }

    /// All rows that pass, for a reader of other columns.
    pub(super) fn evaluate(&self) -> Result<BooleanBuffer, ArrowError> {
        let mut bits = BooleanBufferBuilder::new(self.total);
        for piece in 0..self.pieces() {
            match self.of_piece(piece)? {
                Some(passes) => bits.append_buffer(passes.values()),
                None => bits.append_n(self.rows(piece), true),
            }
        }
        Ok(bits.finish())
    }
}

impl CachedPredicate {
    /// # Errors
    /// Those of the predicate.
    pub(super) fn new(
        predicate: FilePredicate,
        columns: CachedColumns,
    ) -> Result<Self, ArrowError> {
        let passing = match (&predicate.by_value, columns.0.as_slice()) {
            (Some(by_value), [column]) => {
                let values = column.values().map(std::slice::from_ref);
                let passing = values.map(|values| {
                    passing(
                        &predicate.layout,
                        &by_value.evaluate,
                        values,
                        values[0].len(),
                    )
                });
                passing.transpose()?
            }
            _ => None,
        };
        Ok(Self {
            passing: passing.map(|passing| passing.iter().collect()),
            predicate,
            columns,
        })
    }

    /// Whether it costs next to nothing, and cannot fail.
    pub(super) fn is_cheap(&self) -> bool {
        self.passing.is_some()
    }

    fn goes_by_value(&self) -> bool {
        self.predicate.by_value.is_some()
    }

    /// Which of the selected rows pass, by looking at all rows of a piece.
    fn evaluate_all(
        &self,
        piece: usize,
        rows: usize,
        selected: &BooleanBuffer,
    ) -> Result<BooleanBuffer, ArrowError> {
        let FilePredicate {
            layout,
            evaluate,
            by_value,
        } = &self.predicate;
        let evaluate = by_value.as_ref().map_or(evaluate, |by| &by.evaluate);
        let passes = passing(layout, evaluate, &self.columns.piece(piece)?, rows)?;
        Ok(self.among_selected(passes, rows, Some(selected)))
    }

    /// Those of the selected rows that pass, which are noted.
    fn among_selected(
        &self,
        passes: BooleanBuffer,
        rows: usize,
        selected: Option<&BooleanBuffer>,
    ) -> BooleanBuffer {
        let asked = selected.map_or(rows, BooleanBuffer::count_set_bits);
        let passes = match selected {
            Some(selected) => selected & &passes,
            None => passes,
        };
        if let Some(by_value) = &self.predicate.by_value {
            (by_value.note)(asked, passes.count_set_bits());
        }
        passes
    }

    /// Which of `rows` rows pass.
    fn evaluate(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanBuffer, ArrowError> {
        let FilePredicate {
            layout, evaluate, ..
        } = &self.predicate;
        passing(layout, evaluate, columns, rows)
    }

    /// Which of the selected rows have a value that passes.
    fn look_up(
        &self,
        piece: usize,
        rows: usize,
        passing: &[bool],
        selected: Option<&BooleanBuffer>,
    ) -> BooleanBuffer {
        let codes = self.columns.0[0].codes(piece);
        let passes = BooleanBuffer::collect_bool(rows, |row| passing[usize::from(codes[row])]);
        self.among_selected(passes, rows, selected)
    }
}

/// Which of `rows` rows pass; null is no.
fn passing(
    layout: &Layout,
    evaluate: &Evaluate,
    columns: &[ArrayRef],
    rows: usize,
) -> Result<BooleanBuffer, ArrowError> {
    let batch = layout.assemble_columns(columns, rows)?;
    let passes = evaluate(&batch)?;
    Ok(match passes.null_count() {
        0 => passes.values().clone(),
        _ => prep_null_mask_filter(&passes).values().clone(),
    })
}

/// Those of the `outer` rows that pass; `passes` has a bit for each of them.
fn among(outer: &BooleanBuffer, passes: &BooleanBuffer) -> BooleanBuffer {
    let mut bits = BooleanBufferBuilder::new(outer.len());
    bits.append_n(outer.len(), false);
    for (row, place) in outer.set_indices().enumerate() {
        if passes.value(row) {
            bits.set_bit(place, true);
        }
    }
    bits.finish()
}

/// The batches of one row group.
pub(super) struct CachedGroup {
    selection: Selection,
    columns: CachedColumns,
    next_piece: usize,
    /// Puts what is left of several pieces together.
    coalescer: BatchCoalescer,
}

impl CachedGroup {
    /// The rows of `selection` out of `columns`, which are those of `output`.
    pub(super) fn new(selection: Selection, columns: CachedColumns, output: &Layout) -> Self {
        let coalescer = BatchCoalescer::new(output.schema(), PIECE_ROWS)
            // Large ones go through as they are.
            .with_biggest_coalesce_batch_size(Some(PIECE_ROWS / 2));
        Self {
            selection,
            columns,
            next_piece: 0,
            coalescer,
        }
    }

    /// The next batch that has rows.
    ///
    /// # Errors
    /// Those of the predicates.
    pub(super) fn next_batch(
        &mut self,
        output: &Layout,
    ) -> Result<Option<RecordBatch>, ArrowError> {
        loop {
            if let Some(batch) = self.coalescer.next_completed_batch() {
                return Ok(Some(batch));
            }
            if self.next_piece == self.selection.pieces() {
                if self.coalescer.is_empty() {
                    return Ok(None);
                }
                self.coalescer.finish_buffered_batch()?;
                continue;
            }
            let piece = self.next_piece;
            self.next_piece += 1;
            if let Some(batch) = self.read(piece, output)? {
                self.coalescer.push_batch(batch)?;
            }
        }
    }

    fn read(&self, piece: usize, output: &Layout) -> Result<Option<RecordBatch>, ArrowError> {
        let Some(selected) = self.selection.of_piece(piece)? else {
            let rows = self.selection.rows(piece);
            let columns = self.columns.piece(piece)?;
            return output.assemble_columns(&columns, rows).map(Some);
        };
        if selected.true_count() == 0 {
            return Ok(None);
        }
        let filter = FilterBuilder::new(&selected).optimize().build();
        let columns = self.columns.filtered(piece, &filter)?;
        output.assemble_columns(&columns, filter.count()).map(Some)
    }
}
