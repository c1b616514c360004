//! Answers out of the inverted index alone, where that is cheaper than reading columns.
//!
//! An optimizer rule looks for two shapes above a scan without filters, before DataFusion's own rules:
//!
//! - a partial aggregation that asks for no more than groups of one field and their counts, or the
//!   extremes and counts of fields ([`question`]). Segments whose dictionaries know the answer give it
//!   ([`exec`]); the delta and other segments are aggregated as before, and the final aggregation,
//!   which stays as it is, puts both together;
//! - a top-N by one field ([`top`]): the scan gives just the rows that can be among the N.
//!
//! Deleted rows never count: where a segment has some, the rows of each term are read.

mod exec;
mod question;
mod top;

pub(super) use exec::IndexAggregateExec;
pub(super) use top::Top;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::union::UnionExec;

use super::access::AccessPath;
use super::exec::CollectionScan;
use question::Question;

/// The rule. It must come before those that spread work over partitions.
#[derive(Debug)]
pub(crate) struct AnswerFromIndex;

impl PhysicalOptimizerRule for AnswerFromIndex {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let replaced = match aggregate(&node)? {
                Some(answer) => Some(answer),
                None => top::apply(&node)?,
            };
            Ok(match replaced {
                Some(plan) => Transformed::yes(plan),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "answer_from_index"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A scan of all rows of a collection: without filters, lookups and limits.
fn plain_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&CollectionScan> {
    let scan = plan.downcast_ref::<CollectionScan>()?;
    let is_plain = scan.reads_all_rows() && scan.source().path != AccessPath::ColumnScan;
    is_plain.then_some(scan)
}

/// A partial aggregation, with its segments answered from their indexes where they can be.
fn aggregate(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(aggregate) = plan.downcast_ref::<AggregateExec>() else {
        return Ok(None);
    };
    let Some(scan) = plain_scan(aggregate.input()) else {
        return Ok(None);
    };
    if *aggregate.mode() != AggregateMode::Partial {
        return Ok(None);
    }
    let Some(question) = Question::of(aggregate, scan)? else {
        return Ok(None);
    };
    let (answered, rest) = question.split(scan)?;
    if answered.is_empty() {
        return Ok(None);
    }
    let source = scan.source().clone();
    let answer = IndexAggregateExec::new(source, question, answered, aggregate.schema());
    let answer: Arc<dyn ExecutionPlan> = Arc::new(answer);
    if rest.is_empty() {
        return Ok(Some(answer));
    }
    let rest = Arc::new(scan.of_parts(rest)?);
    let rest = AggregateExec::try_new(
        AggregateMode::Partial,
        aggregate.group_expr().clone(),
        aggregate.aggr_expr().to_vec(),
        aggregate.filter_expr().to_vec(),
        rest,
        aggregate.input_schema(),
    )?;
    UnionExec::try_new(vec![answer, Arc::new(rest)]).map(Some)
}
