//! What makes many rows of few stops when its query does.
//!
//! For one batch that it reads a join may find millions of pairs, and UNNEST may give as many elements. Meanwhile nobody
//! asks a scan for more, which would notice that the query has ended, and whoever reads the rows asks on and on, so that
//! the thread is never given back. So what a join compares pairs with looks whether the query goes on, and so does a
//! node above each join and UNNEST.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::unnest::UnnestExec;
use futures::StreamExt;

use crate::scan::Cancellation;
use crate::watched::{Watch, WatchedExec};

/// The plan, which ends with an error once the query is cancelled, also where it makes many rows of few.
///
/// # Errors
/// Those of making a plan.
pub(crate) fn stoppable(
    plan: Arc<dyn ExecutionPlan>,
    cancellation: &Arc<Cancellation>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let asking = |filter: &JoinFilter| {
        let expression = Arc::new(Asking {
            expression: Arc::clone(filter.expression()),
            cancellation: Arc::clone(cancellation),
        });
        let columns = filter.column_indices().to_vec();
        Some(JoinFilter::new(
            expression,
            columns,
            Arc::clone(filter.schema()),
        ))
    };
    plan.transform_up(|node| {
        let input: Arc<dyn ExecutionPlan> = if let Some(join) = node.downcast_ref::<HashJoinExec>()
        {
            match join.filter() {
                None => node,
                Some(filter) => join.builder().with_filter(asking(filter)).build_exec()?,
            }
        } else if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
            match join.filter() {
                None => node,
                Some(filter) => {
                    let join = NestedLoopJoinExecBuilder::from(join);
                    Arc::new(join.with_filter(asking(filter)).build()?)
                }
            }
        } else if node.downcast_ref::<CrossJoinExec>().is_some()
            || node.downcast_ref::<UnnestExec>().is_some()
        {
            node
        } else {
            return Ok(Transformed::no(node));
        };
        let stop = Stop(Arc::clone(cancellation));
        Ok(Transformed::yes(WatchedExec::new(input, stop)))
    })
    .data()
}

/// Lets rows pass until the query is cancelled.
#[derive(Debug)]
struct Stop(Arc<Cancellation>);

impl Watch for Stop {
    fn name(&self) -> &'static str {
        "until the query is cancelled"
    }

    fn watch(
        &self,
        batches: SendableRecordBatchStream,
        _partition: usize,
        _context: &TaskContext,
    ) -> SendableRecordBatchStream {
        let cancellation = Arc::clone(&self.0);
        let schema = batches.schema();
        let batches = batches.map(move |batch| {
            cancellation.check()?;
            batch
        });
        make_cooperative(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// An expression whose evaluation fails once the query is cancelled.
#[derive(Debug)]
struct Asking {
    expression: Arc<dyn PhysicalExpr>,
    cancellation: Arc<Cancellation>,
}

impl PartialEq for Asking {
    fn eq(&self, other: &Self) -> bool {
        self.expression.eq(&other.expression)
    }
}

impl Eq for Asking {}

impl Hash for Asking {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expression.hash(state);
    }
}

impl fmt::Display for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

impl PhysicalExpr for Asking {
    fn data_type(&self, input_schema: &Schema) -> Result<DataType> {
        self.expression.data_type(input_schema)
    }

    fn nullable(&self, input_schema: &Schema) -> Result<bool> {
        self.expression.nullable(input_schema)
    }

    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.expression.return_field(input_schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.cancellation.check()?;
        self.expression.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.expression]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let (Some(expression), true) = (children.pop(), children.is_empty()) else {
            return internal_err!("an expression that can be stopped is one");
        };
        let cancellation = Arc::clone(&self.cancellation);
        Ok(Arc::new(Self {
            expression,
            cancellation,
        }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt_sql(f)
    }
}
