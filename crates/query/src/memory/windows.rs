//! Counts the rows that windows keep.
//!
//! DataFusion's windows keep rows until all that a frame or a partition needs is there, and reserve
//! nothing. Each gets a node below, which reserves what goes in, and one above, which gives back what has come
//! out. Columns of views are given back at the end only: the window appends its next rows to those
//! that it has left, and the views that come of it hold the bytes of all before.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary,
};
use futures::StreamExt;
use parking_lot::Mutex;

use crate::watched::{Watch, WatchedExec};

/// Puts the two nodes around each window. It must come last: other rules look for windows.
#[derive(Debug)]
pub(crate) struct CountWindows;

impl PhysicalOptimizerRule for CountWindows {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let is_window = node.downcast_ref::<WindowAggExec>().is_some()
                || node.downcast_ref::<BoundedWindowAggExec>().is_some();
            let &[input] = node.children().as_slice() else {
                return Ok(Transformed::no(node));
            };
            if !is_window {
                return Ok(Transformed::no(node));
            }
            let partitions = input.output_partitioning().partition_count();
            let kept = Arc::new(Kept((0..partitions).map(|_| Mutex::default()).collect()));
            let below = WatchedExec::new(Arc::clone(input), Input(Arc::clone(&kept)));
            let window = replace_children_if_necessary(node, vec![below])?;
            Ok(Transformed::yes(WatchedExec::new(window, Output(kept))))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "count_windows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What one window keeps, by partition; none while the partition is not running.
#[derive(Debug)]
struct Kept(Box<[Mutex<Option<KeptRows>>]>);

#[derive(Debug)]
struct KeptRows {
    reservation: MemoryReservation,
    rows: usize,
    /// Bytes of those rows, without those that views point to.
    bytes: usize,
    /// Bytes that views of all rows so far point to.
    view_bytes: usize,
}

impl Kept {
    fn begin(&self, partition: usize, pool: &Arc<dyn MemoryPool>) {
        *self.0[partition].lock() = Some(KeptRows {
            reservation: MemoryConsumer::new("the rows of a window").register(pool),
            rows: 0,
            bytes: 0,
            view_bytes: 0,
        });
    }

    fn add(&self, partition: usize, batch: &RecordBatch) -> Result<()> {
        let mut kept = self.0[partition].lock();
        let Some(kept) = kept.as_mut() else {
            return internal_err!("a window reads partition {partition} after its end");
        };
        kept.rows += batch.num_rows();
        for column in batch.columns() {
            let (bytes, view_bytes) = column_bytes(column);
            kept.bytes += bytes;
            kept.view_bytes += view_bytes;
        }
        kept.reservation.try_resize(kept.bytes + kept.view_bytes)
    }

    fn remove(&self, partition: usize, rows: usize) -> Result<()> {
        let mut kept = self.0[partition].lock();
        let Some(kept) = kept.as_mut() else {
            return internal_err!("a window gives rows of partition {partition} after its end");
        };
        let rows = rows.min(kept.rows);
        kept.bytes -= kept.bytes * rows / kept.rows.max(1);
        kept.rows -= rows;
        kept.reservation.try_resize(kept.bytes + kept.view_bytes)
    }

    fn end(&self, partition: usize) {
        *self.0[partition].lock() = None;
    }
}

/// Bytes of a column's own, and those that its views point to.
fn column_bytes(column: &ArrayRef) -> (usize, usize) {
    let view_bytes = match column.data_type() {
        DataType::Utf8View => column.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => column.as_binary_view().total_buffer_bytes_used(),
        _ => return (column.get_array_memory_size(), 0),
    };
    (column.len() * size_of::<u128>(), view_bytes)
}

/// Counts the rows that go into a window.
#[derive(Debug)]
struct Input(Arc<Kept>);

impl Watch for Input {
    fn name(&self) -> &'static str {
        "rows into a window"
    }

    fn watch(
        &self,
        batches: SendableRecordBatchStream,
        partition: usize,
        context: &TaskContext,
    ) -> SendableRecordBatchStream {
        let kept = Arc::clone(&self.0);
        kept.begin(partition, context.memory_pool());
        let schema = batches.schema();
        let batches = batches.map(move |batch| {
            let batch = batch?;
            kept.add(partition, &batch)?;
            Ok(batch)
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

/// Counts the rows that come out of it.
#[derive(Debug)]
struct Output(Arc<Kept>);

impl Watch for Output {
    fn name(&self) -> &'static str {
        "rows out of a window"
    }

    fn watch(
        &self,
        batches: SendableRecordBatchStream,
        partition: usize,
        _context: &TaskContext,
    ) -> SendableRecordBatchStream {
        let kept = Arc::clone(&self.0);
        let running = Running { kept, partition };
        let schema = batches.schema();
        let batches = batches.map(move |batch| {
            let batch = batch?;
            running.kept.remove(partition, batch.num_rows())?;
            Ok(batch)
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

/// Gives everything back when the window's stream is dropped.
struct Running {
    kept: Arc<Kept>,
    partition: usize,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kept.end(self.partition);
    }
}
