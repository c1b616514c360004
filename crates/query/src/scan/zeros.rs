//! Both zeros as one key of a join.
//!
//! DataFusion's hash join takes `-0.0` and `0.0` for equal, but the list of values that it hands to the scan
//! of its other side (an `InListExpr`) tells them apart by their bits, and the scan would drop rows that
//! the join wants. So every key that is a float is joined by `key + 0.0`, which is `0.0` for both zeros and
//! the key itself for all else, NaN included: the list then has `0.0` alone, and so does what it is compared
//! with. Keys of other types stay as they are.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Literal, lit};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;

/// The rule. It must come before those that hand filters from joins to scans.
#[derive(Debug)]
pub(crate) struct JoinZeros;

impl PhysicalOptimizerRule for JoinZeros {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            Ok(match node.downcast_ref::<HashJoinExec>() {
                Some(join) => match with_one_zero(join)? {
                    Some(join) => Transformed::yes(join),
                    None => Transformed::no(node),
                },
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "join_zeros"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The join with one zero in its keys; none if it has no keys with two.
fn with_one_zero(join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let (left, right) = (join.left().schema(), join.right().schema());
    let mut has_floats = false;
    let mut on = Vec::with_capacity(join.on().len());
    for (left_key, right_key) in join.on() {
        let has_two = [
            has_two_zeros(left_key, &left)?,
            has_two_zeros(right_key, &right)?,
        ];
        has_floats |= has_two.contains(&true);
        let side = |key: &Arc<dyn PhysicalExpr>, has_two| match has_two {
            true => one_zero(Arc::clone(key)),
            false => Arc::clone(key),
        };
        on.push((side(left_key, has_two[0]), side(right_key, has_two[1])));
    }
    match has_floats {
        true => join.builder().with_on(on).build_exec().map(Some),
        false => Ok(None),
    }
}

/// Whether a key may be `-0.0`: it is a float, and none that was an int.
fn has_two_zeros(key: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<bool> {
    if key.data_type(schema)? != DataType::Float64 || inside_one_zero(key).is_some() {
        return Ok(false);
    }
    Ok(match key.downcast_ref::<CastExpr>() {
        Some(cast) => cast.expr().data_type(schema)? != DataType::Int64,
        None => true,
    })
}

fn one_zero(key: Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
    Arc::new(BinaryExpr::new(key, Operator::Plus, lit(0.0_f64)))
}

/// The float `x` of `x + 0.0`, which equals it and cannot fail.
pub(super) fn inside_one_zero(expr: &Arc<dyn PhysicalExpr>) -> Option<&Arc<dyn PhysicalExpr>> {
    let sum = expr.downcast_ref::<BinaryExpr>()?;
    let added = sum.right().downcast_ref::<Literal>()?;
    // Not -0.0, which leaves both zeros as they are.
    let zero = 0.0_f64.to_bits();
    let is_zero =
        matches!(added.value(), ScalarValue::Float64(Some(value)) if value.to_bits() == zero);
    (*sum.op() == Operator::Plus && is_zero).then(|| sum.left())
}
