//! The rows of one partition of a scan.
//!
//! Decoding happens inside `poll_next`: queries have a runtime of their own, and the plan yields to
//! it between batches. What a query no longer needs is not decoded: a dropped stream reads nothing
//! more, and [`Cancellation`] stops even the filters of a batch in progress.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use datafusion::arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{RecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder,
};
use futures::Stream;
use outcrop_storage::{
    BATCH_ROWS, BatchIterator, ByValue, Evaluate, Part, ScanPredicate, ScanRequest, SegmentError,
    SubColumn, is_bucket_unavailable,
};
use roaring::RoaringBitmap;

use super::access::{PartAccess, Reading};
use super::compact;
use super::exec::Source;
use super::index_only::Top;
use super::native::Specialised;
use super::part::PartColumns;
use super::predicate::Predicate;
use super::work::Piece;
use crate::error::QueryError;
use crate::memory;

/// Bytes that the batches of a query should have at most. It travels in the session's configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchBytes(pub(crate) u64);

/// Tells the scans and joins of one query to stop. It travels in the session's configuration.
#[derive(Debug, Default)]
pub(crate) struct Cancellation(AtomicBool);

impl Cancellation {
    /// Stops every scan of the query at its next batch or filter.
    pub(crate) fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the query was stopped.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`QueryError::Cancelled`], if the query was stopped.
    pub(crate) fn check(&self) -> Result<(), ArrowError> {
        match self.is_cancelled() {
            false => Ok(()),
            true => Err(ArrowError::ExternalError(Box::new(QueryError::Cancelled))),
        }
    }
}

/// What the partitions of one scan have in common.
pub(super) struct ScanPlan {
    pub(super) source: Source,
    pub(super) projection: Vec<usize>,
    pub(super) schema: SchemaRef,
    pub(super) predicates: Arc<[Predicate]>,
    pub(super) ids: Option<Arc<BTreeSet<String>>>,
    pub(super) accesses: Arc<[PartAccess]>,
    pub(super) top: Option<Top>,
}

/// Reads the pieces of one partition, one after the other.
pub(super) struct ScanStream {
    plan: ScanPlan,
    pieces: std::vec::IntoIter<Piece>,
    current: Option<(BatchIterator, PartColumns)>,
    remaining: Option<usize>,
    batch_bytes: u64,
    cancellation: Arc<Cancellation>,
    /// For the batch that was read last.
    memory: MemoryReservation,
    baseline: BaselineMetrics,
    counts: Counts,
}

/// What EXPLAIN ANALYZE shows of a scan.
#[derive(Clone)]
struct Counts {
    parts_read: Count,
    parts_ruled_out: Count,
    /// Live rows that the index gave.
    rows_by_index: Count,
    rows_filtered: Count,
    /// Rows that each filter kept of those it was asked about.
    kept: Vec<Count>,
}

impl Counts {
    fn new(metrics: &ExecutionPlanMetricsSet, partition: usize, filters: usize) -> Self {
        let count = |name| MetricBuilder::new(metrics).counter(name, partition);
        let kept = (0..filters).map(|place| {
            MetricBuilder::new(metrics).counter(format!("filter_{place}_kept"), partition)
        });
        Self {
            parts_read: count("parts_read"),
            parts_ruled_out: count("parts_ruled_out"),
            rows_by_index: count("rows_by_index"),
            rows_filtered: count("rows_filtered"),
            kept: kept.collect(),
        }
    }
}

impl ScanStream {
    /// A stream over `pieces` that gives at most `limit` rows.
    pub(super) fn new(
        plan: ScanPlan,
        pieces: Vec<Piece>,
        limit: Option<usize>,
        context: &TaskContext,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> Self {
        let config = context.session_config();
        let counts = Counts::new(metrics, partition, plan.predicates.len());
        Self {
            plan,
            pieces: pieces.into_iter(),
            current: None,
            remaining: limit,
            batch_bytes: config
                .get_extension::<BatchBytes>()
                .map_or(u64::MAX, |bytes| bytes.0),
            cancellation: config.get_extension::<Cancellation>().unwrap_or_default(),
            memory: MemoryConsumer::new("the scan of a collection").register(context.memory_pool()),
            baseline: BaselineMetrics::new(metrics, partition),
            counts,
        }
    }

    /// The next batch that has rows.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while self.remaining != Some(0) {
            self.cancellation.check()?;
            let Some((batches, columns)) = &mut self.current else {
                match self.pieces.next() {
                    Some(piece) => self.current = self.open(&piece)?,
                    None => return Ok(None),
                }
                continue;
            };
            let Some(stored) = batches.next() else {
                self.current = None;
                continue;
            };
            let stored = stored.map_err(storage_error)?;
            // A batch is small. It is for the operators above, which keep many, to be refused or to
            // go over the disk.
            self.memory.resize(stored.get_array_memory_size());
            let stored = match self.remaining {
                Some(remaining) => stored.slice(0, remaining.min(stored.num_rows())),
                None => stored,
            };
            if stored.num_rows() == 0 {
                continue;
            }
            if let Some(remaining) = &mut self.remaining {
                *remaining -= stored.num_rows();
            }
            return Ok(Some(compact::compact(columns.assemble(&stored)?)?));
        }
        Ok(None)
    }

    /// Starts to read a piece; `None` if no row of it can pass.
    fn open(&self, piece: &Piece) -> Result<Option<(BatchIterator, PartColumns)>> {
        let parts = self.plan.source.snapshot.parts();
        let part = &parts[piece.part];
        let found = match &self.plan.ids {
            Some(ids) => Rows::just(self.rows_of(part, ids)?),
            None => self.rows_by_index(piece, part)?,
        };
        if let Some(count) = found.count {
            self.counts.parts_read.add(1);
            let columns = self.output_columns(part);
            return Ok(Some((
                Box::new(std::iter::once(Ok(rows_alone(count)?))),
                columns,
            )));
        }
        let Some(predicates) = self.predicates(part, &found.answered) else {
            self.counts.parts_ruled_out.add(1);
            return Ok(None);
        };
        let rows = match (found.rows, self.top_rows(part)?) {
            (Some(rows), Some(top)) => Some(rows & top),
            (rows, top) => rows.or(top),
        };
        if rows.as_ref().is_some_and(RoaringBitmap::is_empty) {
            self.counts.parts_ruled_out.add(1);
            return Ok(None);
        }
        self.counts.parts_read.add(1);
        let columns = self.output_columns(part);
        let mut request = ScanRequest {
            columns: columns.stored().to_vec(),
            document: columns.document(),
            predicates,
            rows,
            batch_rows: BATCH_ROWS,
        };
        request.batch_rows = self.rows_of_a_batch(part, &request);
        let batches = part.scan(&request).map_err(storage_error)?;
        Ok(Some((batches, columns)))
    }

    /// Rows of `part` that have about as many bytes as a batch should, whether their filters are
    /// evaluated or they come out.
    fn rows_of_a_batch(&self, part: &Part, request: &ScanRequest) -> usize {
        let of_filters = request.predicates.iter();
        let of_filters =
            of_filters.map(|filter| part.value_bytes(&filter.columns, filter.document));
        let bytes = of_filters
            .chain([part.value_bytes(&request.columns, request.document)])
            .max();
        let row_bytes = bytes.unwrap_or(0) / u64::from(part.row_count()).max(1);
        memory::rows_of_a_batch(row_bytes, self.batch_bytes).max(1)
    }

    /// The rows of `part` that the top-N above may want, if the index tells.
    fn top_rows(&self, part: &Part) -> Result<Option<RoaringBitmap>> {
        let rows = match &self.plan.top {
            Some(top) => top.rows(part).map_err(storage_error)?,
            None => None,
        };
        if let Some(rows) = &rows {
            let live = usize::try_from(rows.len()).unwrap_or(usize::MAX);
            self.counts.rows_by_index.add(live);
        }
        Ok(rows)
    }

    /// The rows that the inverted index gives of a piece, and which filters they pass for certain.
    fn rows_by_index(&self, piece: &Piece, part: &Part) -> Result<Rows> {
        let table = &self.plan.source.columns;
        let predicates = &self.plan.predicates;
        let readings: Vec<Option<Cow<'_, Reading>>> = predicates
            .iter()
            .map(|predicate| predicate.reading(table))
            .collect();
        let readings: Vec<Option<&Reading>> = readings.iter().map(Option::as_deref).collect();
        let learned = |(predicate, reading): (&Predicate, &Option<&Reading>)| {
            predicate.is_changing() && reading.is_some()
        };
        let access = if predicates.iter().zip(&readings).any(learned) {
            // What a join or a top-N has learned by now may be worth a lookup.
            let counts_only = self.plan.projection.is_empty();
            let path = self.plan.source.path;
            let pieces = match &piece.rows {
                Some(rows) => part
                    .row_count()
                    .div_ceil(rows.end.saturating_sub(rows.start).max(1)),
                None => 1,
            };
            let decided = PartAccess::decide(part, &readings, counts_only, path, u64::from(pieces));
            &decided.map_err(storage_error)?
        } else {
            &self.plan.accesses[piece.part]
        };
        if let Some(count) = access.count(part, &readings) {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            self.counts.rows_by_index.add(count);
            self.counts.kept.iter().for_each(|kept| kept.add(count));
            return Ok(Rows {
                count: Some(count),
                ..Rows::default()
            });
        }
        let rows = access.rows(part, &readings).map_err(storage_error)?;
        let piece_rows = piece.rows.clone().map(range);
        let Some(mut rows) = rows else {
            return Ok(Rows {
                rows: piece_rows,
                ..Rows::default()
            });
        };
        if let Some(piece_rows) = piece_rows {
            rows &= piece_rows;
        }
        rows -= part.deletions().rows();
        let live = usize::try_from(rows.len()).unwrap_or(usize::MAX);
        self.counts.rows_by_index.add(live);
        let answered: Vec<usize> = (0..predicates.len())
            .filter(|place| access.answers(*place))
            .collect();
        for place in &answered {
            self.counts.kept[*place].add(live);
        }
        Ok(Rows {
            rows: Some(rows),
            answered,
            count: None,
        })
    }

    /// The filters but those at the places `answered` as `part` can run them; `None` if one rules
    /// the whole part out.
    fn predicates(&self, part: &Part, answered: &[usize]) -> Option<Vec<ScanPredicate>> {
        let mut runnable = Vec::with_capacity(self.plan.predicates.len());
        let table = &self.plan.source.columns;
        let predicates = self.plan.predicates.iter().enumerate();
        for (place, predicate) in predicates.filter(|(place, _)| !answered.contains(place)) {
            match predicate.specialise(part, table) {
                Some(Specialised::RulesOut) => return None,
                Some(Specialised::Terms(terms)) => {
                    let columns = terms.columns.clone();
                    let evaluate = move |stored: &RecordBatch| terms.evaluate(stored);
                    runnable.push(self.scan_predicate(place, columns, false, true, evaluate));
                    continue;
                }
                None => {}
            }
            let columns = predicate.part_columns(part, table);
            if columns.is_constant() {
                match predicate.constant() {
                    Some(true) => continue,
                    Some(false) => return None,
                    None => {}
                }
            }
            let (stored, document) = (columns.stored().to_vec(), columns.document());
            let (by_value, predicate) = (predicate.goes_by_value(), predicate.clone());
            let evaluate =
                move |stored: &RecordBatch| predicate.evaluate(&columns.assemble(stored)?);
            runnable.push(self.scan_predicate(place, stored, document, by_value, evaluate));
        }
        Some(runnable)
    }

    /// The filter at `place` for the reader. It counts what it drops and stops when the query does.
    fn scan_predicate(
        &self,
        place: usize,
        columns: Vec<SubColumn>,
        document: bool,
        by_value: bool,
        evaluate: impl Fn(&RecordBatch) -> Result<BooleanArray, ArrowError> + Send + Sync + 'static,
    ) -> ScanPredicate {
        let filtered = self.counts.rows_filtered.clone();
        let kept = self.counts.kept[place].clone();
        let note = Arc::new(move |asked: usize, passing: usize| {
            filtered.add(asked - passing);
            kept.add(passing);
        });
        let evaluate: Evaluate = Arc::new(evaluate);
        let by_value = by_value.then(|| ByValue {
            evaluate: Arc::clone(&evaluate),
            note: Arc::clone(&note) as _,
        });
        let cancellation = Arc::clone(&self.cancellation);
        let counted = move |stored: &RecordBatch| {
            cancellation.check()?;
            let passes = evaluate(stored)?;
            note(passes.len(), passes.true_count());
            Ok(passes)
        };
        ScanPredicate {
            columns,
            document,
            evaluate: Arc::new(counted),
            by_value,
        }
    }

    fn output_columns(&self, part: &Part) -> PartColumns {
        let table = &self.plan.source.columns;
        let columns = self
            .plan
            .projection
            .iter()
            .map(|index| &table[*index])
            .collect::<Vec<_>>();
        PartColumns::new(part, &columns, Arc::clone(&self.plan.schema))
    }

    fn rows_of(&self, part: &Part, ids: &BTreeSet<String>) -> Result<RoaringBitmap> {
        let rows = ids.iter().filter_map(|id| part.row_of(id).transpose());
        rows.collect::<Result<_, _>>().map_err(storage_error)
    }
}

/// Rows to read of a piece.
#[derive(Default)]
struct Rows {
    /// All of the piece's if none.
    rows: Option<RoaringBitmap>,
    /// Places of the filters that they pass for certain.
    answered: Vec<usize>,
    /// Set where nothing is to be read, because the number of rows is all that is asked for.
    count: Option<usize>,
}

impl Rows {
    fn just(rows: RoaringBitmap) -> Self {
        Self {
            rows: Some(rows),
            ..Self::default()
        }
    }
}

/// So many rows, of which no column is read.
fn rows_alone(count: usize) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
}

fn range(rows: Range<u32>) -> RoaringBitmap {
    let mut bitmap = RoaringBitmap::new();
    bitmap.insert_range(rows);
    bitmap
}

/// What a filter or an assembled column raised passes through; the rest is the fault of storage.
pub(super) fn storage_error(error: SegmentError) -> DataFusionError {
    match error {
        SegmentError::Scan { source } => source.into(),
        other if is_bucket_unavailable(&other) => {
            DataFusionError::External(Box::new(QueryError::Unavailable))
        }
        other => DataFusionError::External(Box::new(QueryError::Storage(Box::new(other)))),
    }
}

impl Stream for ScanStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let timer = self.baseline.elapsed_compute().clone();
        let timer = timer.timer();
        let batch = self.next_batch().transpose();
        if batch.is_none() {
            self.memory.free();
        }
        timer.done();
        self.baseline.record_poll(Poll::Ready(batch))
    }
}

impl RecordBatchStream for ScanStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.plan.schema)
    }
}
