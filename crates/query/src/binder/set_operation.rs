//! UNION, INTERSECT and EXCEPT.
//!
//! Columns go by position and take the names of the first branch. Where the branches differ in type
//! the column is dynamic, so every value keeps the type it has.

use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{SetOperator, SetQuantifier};

use super::lateral::row_number;
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
            SetOperator::Intersect => self.matched(left, right, JoinType::LeftSemi, all),
            SetOperator::Except | SetOperator::Minus => {
                self.matched(left, right, JoinType::LeftAnti, all)
            }
        }
    }

    /// The rows of `left` that are, or are not, among those of `right`: each once, or with `all` as
    /// often as there are more, or as many, of them.
    ///
    /// Equal rows are numbered for that, on both sides, and the number is one more thing to compare.
    fn matched(
        &mut self,
        left: Bound,
        right: Bound,
        join_type: JoinType,
        all: bool,
    ) -> Result<Bound> {
        let (left_prefix, right_prefix) =
            (self.qualifiers.take("left"), self.qualifiers.take("right"));
        let rows = match all {
            true => left.plan,
            false => aggregate::distinct(left.plan, &left.columns)?,
        };
        let (mut rows, mut left_keys) = with_keys(rows, &left.columns, &left_prefix)?;
        let (mut others, mut right_keys) = with_keys(right.plan, &right.columns, &right_prefix)?;
        if all {
            let (left_number, right_number);
            (rows, left_number) = numbered(rows, &left.columns, &left_prefix)?;
            (others, right_number) = numbered(others, &right.columns, &right_prefix)?;
            left_keys.push(left_number);
            right_keys.push(right_number);
        }
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

/// The plan with one more column: the number of a row among those that are equal to it.
fn numbered(
    plan: LogicalPlan,
    columns: &[ScopeColumn],
    prefix: &str,
) -> Result<(LogicalPlan, Column)> {
    let values = columns.iter().map(|column| column.value.clone());
    let values = values.filter(|value| !value.is_null_type()).collect();
    let mut number = row_number(values, vec![])?;
    let kept = plan.schema().columns().into_iter().map(Expr::Column);
    let mut exprs: Vec<_> = kept.collect();
    let plan = aggregate::windows(plan, &mut [&mut number])?;
    let name = format!("{prefix}.number");
    exprs.push(number.expr.alias(name.clone()));
    let plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
    Ok((plan, Column::from_name(name)))
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
