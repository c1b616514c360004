//! The leaf that answers a partial aggregation from the indexes of segments.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures::stream;
use outcrop_storage::PartData;

use super::question::Question;
use crate::scan::exec::Source;

/// Gives the partial aggregates of some segments, one batch each.
#[derive(Debug)]
pub(in crate::scan) struct IndexAggregateExec {
    source: Source,
    question: Question,
    /// Indices of the parts that are answered, all of them segments.
    parts: Vec<usize>,
    properties: Arc<PlanProperties>,
}

impl IndexAggregateExec {
    pub(super) fn new(
        source: Source,
        question: Question,
        parts: Vec<usize>,
        schema: SchemaRef,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            source,
            question,
            parts,
            properties: Arc::new(properties),
        }
    }
}

/// What one run needs.
struct Run {
    source: Source,
    question: Question,
    schema: SchemaRef,
}

impl Run {
    fn batch(&self, part: usize) -> Result<RecordBatch> {
        let part = &self.source.snapshot.parts()[part];
        let PartData::Segment(segment) = part.data() else {
            return internal_err!("only segments have an index");
        };
        let fields = self.schema.fields();
        let types: Vec<&DataType> = fields.iter().map(|field| field.data_type()).collect();
        let columns = self.question.answer(segment, part, &types)?;
        let rows = columns.first().map_or(0, |column| column.len());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }
}

impl DisplayAs for IndexAggregateExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "IndexAggregateExec: {}, access=index_only, {}, segments={}",
            self.source.full_name,
            self.question.describe(),
            self.parts.len()
        )
    }
}

impl ExecutionPlan for IndexAggregateExec {
    fn name(&self) -> &'static str {
        "IndexAggregateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !children.is_empty() {
            return internal_err!("an answer from the index has no inputs");
        }
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !children.is_empty() {
            return internal_err!("an answer from the index has no inputs");
        }
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("an answer from the index has one partition");
        }
        let schema = self.schema();
        let run = Run {
            source: self.source.clone(),
            question: self.question.clone(),
            schema: Arc::clone(&schema),
        };
        let parts = self.parts.clone().into_iter();
        let batches = stream::iter(parts.map(move |part| run.batch(part)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}
