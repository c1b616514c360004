//! A node that hands rows on as they are, while something looks at them.

use std::fmt::{self, Debug};
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::ReplaceChildrenOptions;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, replace_children_if_necessary,
};

/// What looks at rows.
pub(crate) trait Watch: Debug + Send + Sync {
    /// What EXPLAIN shows.
    fn name(&self) -> &'static str;

    /// The batches of a partition, looked at.
    fn watch(
        &self,
        batches: SendableRecordBatchStream,
        partition: usize,
        context: &TaskContext,
    ) -> SendableRecordBatchStream;
}

/// Gives the rows of its input to whoever looks at them, then on.
#[derive(Debug)]
pub(crate) struct WatchedExec {
    input: Arc<dyn ExecutionPlan>,
    watch: Arc<dyn Watch>,
}

impl WatchedExec {
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, watch: impl Watch + 'static) -> Arc<Self> {
        let watch = Arc::new(watch);
        Arc::new(Self { input, watch })
    }
}

impl DisplayAs for WatchedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatchedExec: {}", self.watch.name())
    }
}

impl ExecutionPlan for WatchedExec {
    fn name(&self) -> &'static str {
        "WatchedExec"
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
            return internal_err!("what is watched is one input");
        };
        let watch = Arc::clone(&self.watch);
        Ok(Arc::new(Self { input, watch }))
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
        let batches = self.input.execute(partition, Arc::clone(&context))?;
        Ok(self.watch.watch(batches, partition, &context))
    }
}
