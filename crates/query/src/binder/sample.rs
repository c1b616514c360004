//! `TABLESAMPLE`: some of the rows, chosen at random.

use datafusion::common::Column;
use datafusion::functions::math::random;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use datafusion::sql::sqlparser::ast::{
    TableSample, TableSampleKind, TableSampleMethod, TableSampleQuantity, TableSampleUnit,
};
use outcrop_document::Value;

use super::join::Part;
use super::names::Names;
use super::query::Ctes;
use super::scope::Scope;
use super::{Binder, Result};
use crate::error::{Position, QueryError};

impl Binder<'_> {
    /// The rows of `part` that `TABLESAMPLE BERNOULLI (p)` or `SYSTEM (p)` keeps: each with a chance
    /// of `p` percent. `SYSTEM` may take whole blocks of rows, and need not.
    pub(super) fn sampled(
        &mut self,
        part: Part,
        sample: Option<&TableSampleKind>,
        place: Option<Position>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let sample = match sample {
            None => return Ok(part),
            Some(
                TableSampleKind::BeforeTableAlias(sample)
                | TableSampleKind::AfterTableAlias(sample),
            ) => sample,
        };
        let percent = self.percentage(sample, place, ctes)?;
        // A column of its own: the optimizer would move a condition that draws numbers to where there
        // are fewer rows.
        let drawn = Column::from_name(self.qualifiers.take("drawn"));
        let number = random().call(vec![]) * lit(100.0);
        let columns = part.plan.schema().columns().into_iter().map(Expr::Column);
        let columns: Vec<_> = columns.collect();
        let with_number = columns.iter().cloned();
        let plan = LogicalPlanBuilder::from(part.plan)
            .project(with_number.chain([number.alias(drawn.name.clone())]))?
            .filter(Expr::Column(drawn).lt(lit(percent)))?
            .project(columns)?
            .build()?;
        Ok(Part { plan, ..part })
    }

    fn percentage(
        &mut self,
        sample: &TableSample,
        place: Option<Position>,
        ctes: &Ctes,
    ) -> Result<f64> {
        let is_known = matches!(
            sample.name,
            Some(TableSampleMethod::Bernoulli | TableSampleMethod::System)
        );
        let quantity = match &sample.quantity {
            Some(TableSampleQuantity {
                value,
                unit: None | Some(TableSampleUnit::Percent),
                parenthesized: true,
            }) if is_known && sample.bucket.is_none() && sample.offset.is_none() => value,
            _ => {
                let message = "TABLESAMPLE takes BERNOULLI (percent) or SYSTEM (percent)";
                return Err(QueryError::semantic(message, place));
            }
        };
        if sample.seed.is_some() {
            let what = "`TABLESAMPLE` with a seed";
            return Err(QueryError::not_implemented(what, place));
        }
        let scope = Scope::default();
        let bound = self.value(quantity, &Names::fields(&scope, ctes, "TABLESAMPLE"))?;
        #[expect(clippy::cast_precision_loss, reason = "percentages are small")]
        let percent = match super::constant::evaluate(&bound) {
            Some(Value::Int(percent)) => Some(percent as f64),
            Some(Value::Float(percent)) => Some(percent),
            _ => None,
        };
        percent
            .filter(|percent| (0.0..=100.0).contains(percent))
            .ok_or_else(|| {
                let message = "TABLESAMPLE takes a constant percentage from 0 to 100";
                QueryError::semantic(message, super::position(quantity))
            })
    }
}
