//! Rollups: ingest transformations with GROUP BY or aggregates.
//!
//! The plan of a rollup does not aggregate. It gives, for each row that came in, the terms of GROUP BY
//! and the arguments of all aggregates; whoever runs it keeps a state of each aggregate for each
//! group. The items of the select list are expressions over what the aggregates come to. A term of
//! GROUP BY is such an aggregate too: any of the equal values of the group.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    Expr as Ast, Function, GroupByExpr, Select, Spanned, Visit, Visitor,
};

use super::input::{INPUT_ROW, row_column};
use super::names::Names;
use super::projection::Item;
use super::query::Ctes;
use super::{Binder, OutputColumn, OutputKind, Result, aggregate};
use crate::error::{Position, QueryError};
use crate::functions;
use crate::operators::{self, Typed};
use crate::types::DYNAMIC;

/// How the rows of the plan of a rollup are put together.
///
/// The columns of that plan are the keys of the terms of GROUP BY, which are dynamic, the arguments
/// and conditions of the aggregates, and the row of `_input`.
#[derive(Clone, Debug)]
pub(crate) struct BoundRollup {
    /// The first columns of the plan: equal rows of them are of one group.
    pub(crate) key_count: usize,
    /// What is kept up to date for each group.
    pub(crate) aggregates: Vec<BoundAggregate>,
    /// The members of the document of a group, over one column per aggregate:
    /// see [`aggregate_column`].
    pub(crate) items: Vec<Expr>,
}

/// One aggregate of a rollup.
#[derive(Clone, Debug)]
pub(crate) struct BoundAggregate {
    pub(crate) function: Arc<AggregateUDF>,
    /// The columns of its arguments.
    pub(crate) arguments: Range<usize>,
    /// The column that says which rows count, if not all do.
    pub(crate) filter: Option<usize>,
}

/// The name of the column of an aggregate in the items.
pub(crate) fn aggregate_column(place: usize) -> String {
    format!("aggregate{place}")
}

/// Whether a transformation is a rollup.
pub(super) fn is_rollup(select: &Select) -> bool {
    let GroupByExpr::Expressions(terms, _) = &select.group_by else {
        return true;
    };
    let has_aggregates = select.projection.visit(&mut Aggregates).is_break();
    !terms.is_empty() || select.having.is_some() || has_aggregates
}

struct Aggregates;

impl Visitor for Aggregates {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
        match expr {
            Ast::Function(Function {
                name, over: None, ..
            }) if functions::is_aggregate(&name.to_string()) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

impl Binder<'_> {
    /// Binds a rollup.
    pub(super) fn rollup(
        &mut self,
        select: &Select,
    ) -> Result<(LogicalPlan, Vec<OutputColumn>, BoundRollup)> {
        if let Some(having) = &select.having {
            let message = "a rollup has no HAVING, as it keeps every group: put the condition into \
                           the WHERE of queries";
            return Err(QueryError::semantic(message, super::position(having)));
        }
        self.is_rollup = true;
        let ctes = Ctes::new();
        let (mut plan, scope) = self.from(&select.from, None, &ctes)?;
        if let Some(condition) = &select.selection {
            plan = self.filtered(plan, condition, &scope, &ctes)?;
        }
        let grouping = self.grouping(select, &scope, &ctes)?;
        let keys = aggregate::path_keys(&grouping, &scope);
        let Some(terms) = grouping.plain_terms() else {
            let what = "GROUPING SETS, ROLLUP and CUBE in an ingest transformation";
            return Err(QueryError::not_implemented(
                what,
                Position::of(select.group_by.span()),
            ));
        };
        let names = Names {
            grouped: &keys,
            aggregates: true,
            ..Names::fields(&scope, &ctes, "the select list of an ingest transformation")
        };
        let items = self.projection(&select.projection, &names)?;
        items.iter().try_for_each(check_item)?;
        let rollup = Shape::of(&terms, &items)?;
        let output = items.into_iter().map(|item| OutputColumn {
            name: item.name,
            kind: item.kind,
        });
        let output = output.collect();
        let (plan, rollup) = rollup.over(plan, terms)?;
        Ok((plan, output, rollup))
    }
}

/// Refuses what the document of a group cannot have.
fn check_item(item: &Item) -> Result<()> {
    let message = match (item.kind, item.name.as_str()) {
        (OutputKind::Star, _) => "a rollup has no `*`: name the fields to group by".to_owned(),
        (_, name @ ("_id" | "_op")) => format!(
            "a rollup has no `{name}`: the `_id` of a group is made of what it is grouped by"
        ),
        (_, "") => "an item of a rollup needs a name".to_owned(),
        _ => return Ok(()),
    };
    Err(QueryError::semantic(message, item.place))
}

fn ungrouped(item: &Item) -> QueryError {
    QueryError::Semantic {
        message: format!("`{}` must be in GROUP BY or inside an aggregate", item.name),
        position: item.place,
        error_id: Some("not_grouped"),
    }
}

/// The aggregates of a rollup, and its items over them.
struct Shape {
    aggregates: Vec<Expr>,
    items: Vec<Expr>,
}

impl Shape {
    fn of(terms: &[Typed], items: &[Item]) -> Result<Self> {
        let mut aggregates = Vec::new();
        let mut shown = Vec::with_capacity(terms.len());
        for term in terms.iter().filter(|term| !term.is_null_type()) {
            let any = aggregate::representative(&operators::to_dynamic(term.clone()))?;
            aggregate::collect(&any.expr, aggregate::is_aggregate, &mut aggregates)?;
            let value = Typed::new(over_aggregates(any.expr, &aggregates)?, DYNAMIC);
            let value = operators::expect(value, term.sql_type(), "a term of GROUP BY")
                .map_err(|error| super::operator_error(error, None))?;
            shown.push((&term.expr, value.expr));
        }
        for item in items {
            aggregate::collect(&item.value.expr, aggregate::is_aggregate, &mut aggregates)?;
        }
        let items = items.iter().map(|item| {
            let expr = item.value.expr.clone().transform_down(|node| {
                let term = shown.iter().find(|(term, _)| **term == node);
                match (term, &node) {
                    (Some((_, shown)), _) => {
                        let jump = TreeNodeRecursion::Jump;
                        Ok(Transformed::new(shown.clone(), true, jump))
                    }
                    (None, Expr::Column(_)) => {
                        Err(DataFusionError::External(Box::new(ungrouped(item))))
                    }
                    (None, Expr::AggregateFunction(_)) => {
                        let column = over_aggregates(node, &aggregates)?;
                        Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
                    }
                    (None, _) => Ok(Transformed::no(node)),
                }
            });
            Ok(expr.data()?)
        });
        let items = items.collect::<Result<_>>()?;
        Ok(Self { aggregates, items })
    }

    /// The plan that gives the keys of `terms` and the arguments of the aggregates for the rows of
    /// `plan`.
    fn over(self, plan: LogicalPlan, terms: Vec<Typed>) -> Result<(LogicalPlan, BoundRollup)> {
        let key_count = terms.len();
        let keys = terms.into_iter().map(operators::to_dynamic);
        let mut columns: Vec<Expr> = keys.map(|key| operators::group_key(key).expr).collect();
        let mut aggregates = Vec::with_capacity(self.aggregates.len());
        for aggregate in self.aggregates {
            let Expr::AggregateFunction(call) = aggregate else {
                continue;
            };
            let first = columns.len();
            columns.extend(call.params.args);
            let arguments = first..columns.len();
            let filter = call.params.filter.map(|filter| {
                columns.push(*filter);
                columns.len() - 1
            });
            aggregates.push(BoundAggregate {
                function: call.func,
                arguments,
                filter,
            });
        }
        let columns = columns.into_iter().enumerate();
        let mut columns: Vec<_> = columns
            .map(|(place, expr)| expr.alias(format!("column{place}")))
            .collect();
        columns.push(row_column().alias(INPUT_ROW));
        let plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
        let rollup = BoundRollup {
            key_count,
            aggregates,
            items: self.items,
        };
        Ok((plan, rollup))
    }
}

/// `expr` with the columns of `aggregates` in their places.
fn over_aggregates(expr: Expr, aggregates: &[Expr]) -> std::result::Result<Expr, DataFusionError> {
    let replaced = expr.transform_down(|node| {
        let place = aggregates.iter().position(|aggregate| *aggregate == node);
        Ok(match place {
            Some(place) => Transformed::new(
                Expr::Column(Column::from_name(aggregate_column(place))),
                true,
                TreeNodeRecursion::Jump,
            ),
            None => Transformed::no(node),
        })
    });
    replaced.data()
}
