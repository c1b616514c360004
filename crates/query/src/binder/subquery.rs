//! Queries inside expressions: scalar, EXISTS and IN. ANY and ALL are in [`super::quantified`].

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Spans};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
};
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr as Ast, Query, UnaryOperator};
use outcrop_document::Value;

use super::expression::unsupported;
use super::names::Names;
use super::per_row::Question;
use super::query::Bound;
use super::{Binder, OutputKind, Result, elements, membership};
use crate::error::{Position, QueryError};
use crate::functions::{self, AggregateCall};
use crate::operators::{self, Typed};

impl Binder<'_> {
    /// `(SELECT …)` as a value.
    pub(super) fn scalar_subquery(
        &mut self,
        query: &Query,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<Typed> {
        if let Some(value) = self.per_row(query, Question::Value, names)? {
            return Ok(value);
        }
        let bound = self.query(query, Some(names.scope), names.ctes)?;
        let column = only_column(&bound, expr)?;
        Ok(Typed::new(
            Expr::ScalarSubquery(subquery(bound.plan)),
            column.data_type,
        ))
    }

    /// `[NOT] EXISTS (SELECT …)`.
    pub(super) fn exists(
        &mut self,
        query: &Query,
        negated: bool,
        names: &Names<'_>,
    ) -> Result<Typed> {
        if let Some(exists) = self.per_row(query, Question::Exists, names)? {
            if negated {
                return operators::unary(&UnaryOperator::Not, exists)
                    .map_err(|error| super::operator_error(error, None));
            }
            return Ok(exists);
        }
        let bound = self.query(query, Some(names.scope), names.ctes)?;
        if !names.is_filter() {
            return self.any_row(bound.plan, negated);
        }
        let exists = Expr::Exists(Exists::new(subquery(bound.plan), negated));
        Ok(Typed::new(exists, DataType::Boolean))
    }

    /// `x [NOT] IN (SELECT …)`.
    pub(super) fn in_subquery(
        &mut self,
        operand: &Ast,
        query: &Query,
        negated: bool,
        names: &Names<'_>,
    ) -> Result<Typed> {
        if let Some(found) = self.in_unnest(operand, query, negated, names)? {
            return Ok(found);
        }
        if let Some(values) = self.per_row(query, Question::Values, names)? {
            let value = operators::to_dynamic(self.value(operand, names)?);
            let found = elements::in_elements(value, values);
            return match negated {
                true => operators::unary(&UnaryOperator::Not, found).map_err(super::at(operand)),
                false => Ok(found),
            };
        }
        let bound = self.query(query, Some(names.scope), names.ctes)?;
        let column = only_column(&bound, operand)?;
        let value = self.value(operand, names)?;
        // DataFusion's joins forget about nulls when the value is the same for all rows.
        if !names.is_filter() || value.expr.column_refs().is_empty() {
            return self.membership_by_count(bound.plan, column, value, negated, operand);
        }
        if value.data_type == column.data_type && !value.is_dynamic() && !value.is_null_type() {
            return Ok(in_plan(value, bound.plan, negated));
        }
        // Unlike types never match, equal numbers of unlike types do: their keys say both.
        let key = operators::equality_key(column);
        let plan = LogicalPlanBuilder::from(bound.plan)
            .project(vec![key.expr.alias(self.qualifiers.take("key"))])
            .and_then(LogicalPlanBuilder::build)?;
        let value = operators::equality_key(value);
        Ok(in_plan(value, plan, negated))
    }
}

impl Binder<'_> {
    /// `value [NOT] IN (plan)` where DataFusion has no join for it: whether any row of the plan has the
    /// key of the value. If none has, it is null where comparing the value with a row is.
    fn membership_by_count(
        &mut self,
        plan: LogicalPlan,
        column: Typed,
        value: Typed,
        negated: bool,
        operand: &Ast,
    ) -> Result<Typed> {
        let name = self.qualifiers.take("key");
        let key = operators::equality_key(column);
        let value = operators::equality_key(value);
        if value
            .expr
            .exists(|expr| Ok(matches!(expr, Expr::AggregateFunction(_))))?
        {
            return Err(unsupported("an aggregate before IN (SELECT …)", operand));
        }
        let wanted = self.outer_references(value.expr.clone())?;
        let keys = LogicalPlanBuilder::from(plan)
            .project(vec![key.expr.alias(name.clone())])?
            .build()?;
        let key = Expr::Column(Column::from_name(name));
        let same = LogicalPlanBuilder::from(keys.clone())
            .filter(key.clone().eq(wanted))?
            .build()?;
        let found = self.any_row(same, false)?;
        let is_unknown = membership::is_unknown(&mut self.qualifiers, &value.expr, &keys, key)?;
        let is_unknown = Typed::new(is_unknown, DataType::Boolean);

        let is = |value: bool| operators::literal(&Value::Bool(value));
        let branches = vec![
            (found, is(!negated)),
            (is_unknown, operators::literal(&Value::Null)),
        ];
        operators::case(None, branches, Some(is(negated))).map_err(super::at(operand))
    }

    /// An aggregate over all rows of a plan, as a value.
    pub(super) fn aggregated(
        &mut self,
        plan: LogicalPlan,
        name: &str,
        call: AggregateCall,
        position: Option<Position>,
    ) -> Result<Typed> {
        let call = functions::aggregate_call(name, call)
            .map_err(|error| super::operator_error(error, position))?;
        // By a name of its own: the query around may have the same aggregate.
        let column = call.expr.alias(self.qualifiers.take("aggregated"));
        let plan = LogicalPlanBuilder::from(plan)
            .aggregate(Vec::<Expr>::new(), vec![column])?
            .build()?;
        Ok(Typed::new(
            Expr::ScalarSubquery(subquery(plan)),
            call.data_type,
        ))
    }

    /// Whether a plan has any row, as a value.
    fn any_row(&mut self, plan: LogicalPlan, negated: bool) -> Result<Typed> {
        let call = AggregateCall {
            arguments: vec![],
            distinct: false,
            filter: None,
            order_by: vec![],
        };
        let op = if negated {
            BinaryOperator::Eq
        } else {
            BinaryOperator::Gt
        };
        let count = self.aggregated(plan, "COUNT", call, None)?;
        operators::binary(&op, count, operators::literal(&Value::Int(0)))
            .map_err(|error| super::operator_error(error, None))
    }

    /// An expression over this query's columns as a query inside sees it.
    fn outer_references(&self, expr: Expr) -> Result<Expr> {
        let outer = expr.transform(|node| match node {
            Expr::Column(column) => {
                let data_type = self.column_types.get(&column).cloned();
                let data_type = data_type.unwrap_or(DataType::BinaryView);
                let field = Arc::new(Field::new(&column.name, data_type, true));
                Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
            }
            other => Ok(Transformed::no(other)),
        });
        Ok(outer.data()?)
    }

    /// A filter inside a query that may refer to the query around it.
    ///
    /// DataFusion turns `column = outer value` into a join, but not `f(column) = outer value`, which
    /// comparisons of dynamic values are. So `f(column)` is made a column first.
    pub(super) fn correlated_filter(
        &mut self,
        plan: LogicalPlan,
        condition: Expr,
    ) -> Result<LogicalPlan> {
        let mut computed = Vec::new();
        let mut as_column = |side: Box<Expr>| {
            if matches!(*side, Expr::Column(_)) || side.column_refs().is_empty() {
                return side;
            }
            let name = self.qualifiers.take("correlated");
            computed.push(side.alias(name.clone()));
            Box::new(Expr::Column(Column::from_name(name)))
        };
        let terms = split_conjunction_owned(condition)
            .into_iter()
            .map(|term| match term {
                Expr::BinaryExpr(BinaryExpr {
                    left,
                    op: Operator::Eq,
                    right,
                }) if is_correlation(&left, &right) || is_correlation(&right, &left) => {
                    let (left, right) = (as_column(left), as_column(right));
                    Expr::BinaryExpr(BinaryExpr {
                        left,
                        op: Operator::Eq,
                        right,
                    })
                }
                other => other,
            });
        let condition = conjunction(terms.collect::<Vec<_>>());
        let mut builder = LogicalPlanBuilder::from(plan);
        if !computed.is_empty() {
            let own = builder.schema().columns().into_iter().map(Expr::Column);
            let all: Vec<_> = own.chain(computed).collect();
            builder = builder.project(all)?;
        }
        if let Some(condition) = condition {
            builder = builder.filter(condition)?;
        }
        Ok(builder.build()?)
    }
}

/// Whether `inner` is of this query alone and `outer` of the query around it alone.
fn is_correlation(inner: &Expr, outer: &Expr) -> bool {
    !inner.contains_outer() && outer.contains_outer() && outer.column_refs().is_empty()
}

fn in_plan(value: Typed, plan: LogicalPlan, negated: bool) -> Typed {
    let expr = Expr::InSubquery(InSubquery::new(
        Box::new(value.expr),
        subquery(plan),
        negated,
    ));
    Typed::new(expr, DataType::Boolean)
}

pub(super) fn subquery(plan: LogicalPlan) -> Subquery {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns,
        spans: Spans::new(),
    }
}

pub(super) fn only_column(bound: &Bound, expr: &Ast) -> Result<Typed> {
    match bound.columns.as_slice() {
        [only] if only.kind == OutputKind::Value => Ok(only.value.clone()),
        columns => {
            let message = format!(
                "a query used as a value must have one column, not {}",
                columns.len()
            );
            Err(QueryError::semantic(message, super::position(expr)))
        }
    }
}
