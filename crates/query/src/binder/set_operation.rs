//! UNION, INTERSECT and EXCEPT.
//!
//! Columns go by position and take the names of the first branch. Where the branches differ in type
//! the column is dynamic, so every value keeps the type it has.

use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{SetOperator, SetQuantifier};

use super::query::Bound;
use super::scope::ScopeColumn;
use super::{Binder, Result, aggregate};
use crate::error::{Position, QueryError};
use crate::operators::{self, Typed};

impl Binder<'_> {
    /// Combines two bound queries.
    pub(super) fn set_operation(
        &mut self,
        left: Bound,
        op: SetOperator,
        quantifier: SetQuantifier,
        right: Bound,
        position: Option<Position>,
    ) -> Result<Bound> {
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::Distinct | SetQuantifier::None => false,
            other => {
                return Err(QueryError::not_implemented(
                    format!("`{op} {other}`"),
                    position,
                ));
            }
        };
        let (left, right) = unify(left, right, op, position)?;
        match op {
            SetOperator::Union => {
                let plan = LogicalPlanBuilder::from(left.plan)
                    .union(right.plan)?
                    .build()?;
                let plan = if all {
                    plan
                } else {
                    aggregate::distinct(plan, &left.columns)?
                };
                Ok(Bound { plan, ..left })
            }
            SetOperator::Intersect | SetOperator::Except | SetOperator::Minus if all => {
                Err(QueryError::not_implemented(format!("`{op} ALL`"), position))
            }
            SetOperator::Intersect => self.matched(left, right, JoinType::LeftSemi),
            SetOperator::Except | SetOperator::Minus => {
                self.matched(left, right, JoinType::LeftAnti)
            }
        }
    }

    /// The distinct rows of `left` that are, or are not, among those of `right`.
    fn matched(&mut self, left: Bound, right: Bound, join_type: JoinType) -> Result<Bound> {
        let rows = aggregate::distinct(left.plan, &left.columns)?;
        let (rows, left_keys) = with_keys(rows, &left.columns, &self.qualifiers.take("left"))?;
        let (others, right_keys) =
            with_keys(right.plan, &right.columns, &self.qualifiers.take("right"))?;
        let shown = left.columns.iter().map(|column| column.value.expr.clone());
        let plan = LogicalPlanBuilder::from(rows)
            .join_detailed(
                others,
                join_type,
                (left_keys, right_keys),
                None,
                NullEquality::NullEqualsNull,
            )?
            .project(shown)?
            .build()?;
        Ok(Bound {
            plan,
            columns: left.columns,
        })
    }
}

/// Both branches with the same columns: names of the left one, types that hold both.
fn unify(
    left: Bound,
    right: Bound,
    op: SetOperator,
    position: Option<Position>,
) -> Result<(Bound, Bound)> {
    if left.columns.len() != right.columns.len() {
        let message = format!(
            "the branches of {op} have {} and {} columns",
            left.columns.len(),
            right.columns.len()
        );
        return Err(QueryError::semantic(message, position));
    }
    if left
        .columns
        .iter()
        .zip(&right.columns)
        .any(|(l, r)| l.kind != r.kind)
    {
        let message = format!("a branch of {op} has `*` where the other has a column");
        return Err(QueryError::semantic(message, position));
    }
    let pairs = left.columns.iter().zip(&right.columns);
    let types: Vec<_> = pairs
        .map(|(l, r)| {
            operators::common_type(&[l.value.data_type.clone(), r.value.data_type.clone()])
        })
        .collect();
    let cast = |bound: Bound| -> Result<Bound> {
        let mut exprs = Vec::with_capacity(types.len());
        let mut columns = Vec::with_capacity(types.len());
        for (place, (column, data_type)) in bound.columns.into_iter().zip(&types).enumerate() {
            let value = operators::coerce(column.value, data_type)
                .map_err(|error| super::operator_error(error, position))?;
            let name = format!("column{}", place + 1);
            exprs.push(value.expr.alias(name.clone()));
            let value = Typed::new(Expr::Column(Column::from_name(name)), data_type.clone());
            columns.push(ScopeColumn { value, ..column });
        }
        let plan = LogicalPlanBuilder::from(bound.plan)
            .project(exprs)?
            .build()?;
        Ok(Bound { plan, columns })
    };
    Ok((cast(left)?, cast(right)?))
}

/// The plan with one more column for each of `columns`: what it is compared by.
fn with_keys(
    plan: LogicalPlan,
    columns: &[ScopeColumn],
    prefix: &str,
) -> Result<(LogicalPlan, Vec<Column>)> {
    let mut exprs: Vec<_> = plan
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let mut keys = Vec::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        let name = format!("{prefix}.key{place}");
        exprs.push(
            operators::group_key(column.value.clone())
                .expr
                .alias(name.clone()),
        );
        keys.push(Column::from_name(name));
    }
    let plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
    Ok((plan, keys))
}
