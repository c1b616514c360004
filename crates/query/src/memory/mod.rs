//! Memory of queries: what operators ask for is counted, and what the process really has is looked at.
//!
//! Counting alone does not hold a limit. Operators count what they keep, not what they work with,
//! and writes, flushes and the allocator take memory that no query knows of. So there is to be room
//! for what is held a second and a third time: an aggregation that goes over the disk turns its
//! groups into batches first, a join puts its batches together, a sort merges copies. And the
//! batches between operators, which nobody counts, are kept small: [`batch_rows`].
//! `docs/decisions/0012-memory-by-looking.md` has the measurements.

mod windows;

pub(crate) use windows::CountWindows;

use std::fmt::{self, Debug, Display, Formatter};
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, resources_datafusion_err};
use datafusion::datasource::source_as_provider;
use datafusion::execution::memory_pool::{
    GreedyMemoryPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
    TrackConsumersPool,
};
use datafusion::logical_expr::LogicalPlan;
use outcrop_storage::BATCH_ROWS;

use crate::scan::CollectionTable;

/// Largest consumers of memory that an error names.
const CONSUMERS_SHOWN: NonZeroUsize = NonZeroUsize::new(3).expect("3 > 0");

/// Batches of a query with this much memory: a plan has some ten between its operators in each
/// partition, and there may be several plans.
const BATCHES: usize = 256;

/// Batches that each operator may hold however the process stands. With less, those that go over the
/// disk would write so many small files that they get nowhere.
const BATCHES_UNASKED: usize = 4;

/// How many times as much as they hold operators may take for a while without asking.
const WORKED_WITH: usize = 2;

/// The merge at the end of a sort. What it asks for is there already, reserved by the sort itself,
/// which asks for twice of what it keeps.
const SORT_MERGE: &str = "ExternalSorterMerge";

/// Sorted files that are merged at a time. DataFusion reserves memory for as many as there is room
/// for, and leaves the operators around the merge none.
pub(crate) const MERGED_FILES_MAX: usize = 8;

/// Most bytes of a batch: more costs memory and is not faster.
const BATCH_BYTES_MAX: usize = 32 << 20;

/// Fewest rows of the batches between operators, however large they are: the work per batch would
/// outweigh that per row, and not every operator need have the wide columns in its rows.
const BATCH_ROWS_MIN: usize = 64;

/// Bytes that a batch should have at most, where all queries together may have `bytes_max`.
pub(crate) fn batch_bytes(bytes_max: usize) -> u64 {
    (bytes_max / BATCHES).min(BATCH_BYTES_MAX) as u64
}

/// Rows of about `row_bytes` each that have `batch_bytes`, perhaps none.
pub(crate) fn rows_of_a_batch(row_bytes: u64, batch_bytes: u64) -> usize {
    let rows = batch_bytes / row_bytes.max(1);
    usize::try_from(rows).unwrap_or(usize::MAX).min(BATCH_ROWS)
}

/// Rows of the batches that operators make, so that each has about `batch_bytes` when it has the columns of all
/// tables, which have `row_bytes` together.
pub(crate) fn batch_rows(row_bytes: u64, batch_bytes: u64) -> usize {
    rows_of_a_batch(row_bytes, batch_bytes).max(BATCH_ROWS_MIN)
}

/// Bytes of a row of all tables of `plan` together, on average.
pub(crate) fn row_bytes(plan: &LogicalPlan) -> Result<u64> {
    let mut row_bytes = 0;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(table) = source_as_provider(&scan.source)?.downcast_ref::<CollectionTable>()
        {
            row_bytes += table.row_bytes(scan.projection.as_deref());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(row_bytes)
}

/// Tells how the memory of the process stands.
pub trait MemoryGauge: Debug + Send + Sync {
    /// Whether the process may take `bytes` more.
    fn has_room(&self, bytes: usize) -> bool;
}

/// The pool of an engine: `bytes_max` for all its queries, less if `gauge` says so.
///
/// Who is refused writes to disk what it holds, if it is an operator that can, or fails.
pub(crate) fn pool(bytes_max: usize, gauge: Option<Arc<dyn MemoryGauge>>) -> Arc<dyn MemoryPool> {
    let pool = GaugedPool {
        counted: GreedyMemoryPool::new(bytes_max),
        gauge,
        bytes_unasked: bytes_max / BATCHES * BATCHES_UNASKED,
    };
    Arc::new(TrackConsumersPool::new(pool, CONSUMERS_SHOWN))
}

#[derive(Debug)]
struct GaugedPool {
    counted: GreedyMemoryPool,
    gauge: Option<Arc<dyn MemoryGauge>>,
    /// What each consumer gets without the gauge being asked.
    bytes_unasked: usize,
}

impl Display for GaugedPool {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.counted, formatter)
    }
}

impl MemoryPool for GaugedPool {
    fn name(&self) -> &str {
        "queries"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.counted.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.counted.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.counted.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.counted.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if additional == 0 {
            return Ok(());
        }
        let is_small = reservation.size() + additional <= self.bytes_unasked;
        if let Some(gauge) = &self.gauge
            && !is_small
            && !reservation.consumer().name().starts_with(SORT_MERGE)
            && !gauge.has_room(additional + WORKED_WITH * self.counted.reserved())
        {
            return Err(resources_datafusion_err!(
                "the server as a whole has no {additional} bytes left for {}",
                reservation.consumer().name()
            ));
        }
        self.counted.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.counted.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.counted.memory_limit()
    }
}
