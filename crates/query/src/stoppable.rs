//! Joins that stop when their query does.
//!
//! For one batch that it reads a join may find millions of pairs. Meanwhile it asks no scan for more, which would notice
//! that the query has ended, and what reads the join may ask on and on, so that the thread is never given back. So
//! what a join compares pairs with looks whether the query goes on, and so does a node above it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::ReplaceChildrenOptions;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, replace_children_if_necessary,
};
use futures::StreamExt;

use crate::scan::Cancellation;

/// The plan, whose joins end with an error once the query is cancelled.
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
        } else if node.downcast_ref::<CrossJoinExec>().is_some() {
            node
        } else {
            return Ok(Transformed::no(node));
        };
        Ok(Transformed::yes(Arc::new(StoppableExec {
            input,
            cancellation: Arc::clone(cancellation),
        })))
    })
    .data()
}

/// Hands rows on as they are, until the query is cancelled.
#[derive(Debug)]
struct StoppableExec {
    input: Arc<dyn ExecutionPlan>,
    cancellation: Arc<Cancellation>,
}

impl DisplayAs for StoppableExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoppableExec")
    }
}

impl ExecutionPlan for StoppableExec {
    fn name(&self) -> &'static str {
        "StoppableExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), true) = (children.pop(), children.is_empty()) else {
            return internal_err!("a join that can be stopped is one input");
        };
        let cancellation = Arc::clone(&self.cancellation);
        Ok(Arc::new(Self {
            input,
            cancellation,
        }))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        replace_children_if_necessary(self, children)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let cancellation = Arc::clone(&self.cancellation);
        let batches = self.input.execute(partition, context)?.map(move |batch| {
            cancellation.check()?;
            batch
        });
        let batches = RecordBatchStreamAdapter::new(self.schema(), batches);
        Ok(make_cooperative(Box::pin(batches)))
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
