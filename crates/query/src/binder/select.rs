//! SELECT: FROM and WHERE to rows, GROUP BY to groups, the select list, DISTINCT and ORDER BY.

use datafusion::common::Column;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    Distinct, Expr as Ast, GroupByExpr, OrderByExpr, Select, SelectFlavor, Spanned,
    Value as AstValue,
};

use super::aggregate::{self, Grouping};
use super::names::Names;
use super::projection::Item;
use super::query::{Bound, Ctes};
use super::scope::{Scope, ScopeColumn};
use super::{Binder, OutputKind, Result};
use crate::error::{Position, QueryError};
use crate::operators::{self, SortKey, Typed};
use crate::scan::PathUse;

impl Binder<'_> {
    /// Binds a SELECT with the ORDER BY of its query.
    pub(super) fn select(
        &mut self,
        select: &Select,
        order: &[OrderByExpr],
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Bound> {
        reject_foreign_clauses(select)?;
        let wanted = match std::mem::take(&mut self.tells_undefined) {
            true => PathUse::Dynamic,
            false => PathUse::Value,
        };
        let (mut plan, scope) = self.from(&select.from, outer, ctes)?;
        if let Some(condition) = &select.selection {
            plan = self.filtered(plan, condition, &scope, ctes)?;
        }
        let score = match &select.selection {
            Some(condition) => self.search_score(condition, &scope, ctes)?,
            None => None,
        };
        let grouping = self.grouping(select, &scope, ctes)?;
        let keys = aggregate::path_keys(&grouping, &scope);
        let names = Names {
            grouped: &keys,
            windows: &select.named_window,
            aggregates: true,
            window_functions: true,
            score: score.as_ref(),
            wanted,
            ..Names::fields(&scope, ctes, "the select list")
        };
        let calls_outside = std::mem::take(&mut self.aggregate_calls);
        let mut items = self.projection(&select.projection, &names)?;
        let aliases: Vec<_> = items.iter().filter_map(Item::alias).collect();

        let late = Names {
            aliases: &aliases,
            clause: "HAVING",
            window_functions: false,
            ..names
        };
        let mut having = match &select.having {
            Some(condition) => Some(self.value(condition, &late)?),
            None => None,
        };
        let outputs: Vec<_> = items.iter().filter_map(Item::output).collect();
        let late = Names {
            aliases: &outputs,
            clause: "ORDER BY",
            ..names
        };
        let values: Vec<_> = items.iter().map(|item| item.value.clone()).collect();
        let mut sort = self.order_keys(order, &values, &late)?;
        // A call may have come to a constant: SUM of a field that no document has is null.
        let calls = std::mem::replace(&mut self.aggregate_calls, calls_outside);
        let has_aggregates = calls > 0 || select.having.is_some();

        let mut places: Vec<_> = items.iter().map(|item| item.place).collect();
        places.extend(order.iter().map(|term| super::position(&term.expr)));
        places.extend(select.having.iter().map(super::position));
        let mut exprs: Vec<&mut Typed> = items.iter_mut().map(|item| &mut item.value).collect();
        exprs.extend(sort.iter_mut().map(|key| &mut key.operand));
        exprs.extend(having.iter_mut());
        let group = aggregate::Group {
            grouping,
            has_aggregates,
            places: &places,
        };
        plan = aggregate::group(plan, group, &mut exprs)?;
        if let Some(having) = having {
            let place = select.having.as_ref().and_then(super::position);
            let condition = operators::to_condition(having)
                .map_err(|error| super::operator_error(error, place))?;
            plan = LogicalPlanBuilder::from(plan).filter(condition)?.build()?;
        }
        let mut exprs: Vec<&mut Typed> = items.iter_mut().map(|item| &mut item.value).collect();
        exprs.extend(sort.iter_mut().map(|key| &mut key.operand));
        plan = aggregate::windows(plan, &mut exprs)?;

        let distinct = is_distinct(select)?;
        finish(plan, items, sort, distinct, order)
    }

    /// The rows of `plan` for which a WHERE holds.
    pub(super) fn filtered(
        &mut self,
        plan: LogicalPlan,
        condition: &Ast,
        scope: &Scope<'_>,
        ctes: &Ctes,
    ) -> Result<LogicalPlan> {
        let condition = self.condition(condition, &Names::fields(scope, ctes, "WHERE"))?;
        let (plan, condition) = self.drawn_first(plan, condition)?;
        match scope.parent {
            Some(_) => self.correlated_filter(plan, condition),
            None => Ok(LogicalPlanBuilder::from(plan).filter(condition)?.build()?),
        }
    }

    /// Makes columns of the terms of a condition that draw numbers, such as `RANDOM() < 0.5`.
    ///
    /// The optimizer would move such a term to where there are fewer rows, below UNNEST for one, and it
    /// has to hold for each row by itself.
    fn drawn_first(&mut self, plan: LogicalPlan, condition: Expr) -> Result<(LogicalPlan, Expr)> {
        if !condition.is_volatile() {
            return Ok((plan, condition));
        }
        let columns = plan.schema().columns().into_iter().map(Expr::Column);
        let mut exprs: Vec<_> = columns.collect();
        let mut terms = Vec::new();
        for term in split_conjunction_owned(condition) {
            if !term.is_volatile() || term.contains_outer() {
                terms.push(term);
                continue;
            }
            let name = self.qualifiers.take("drawn");
            exprs.push(term.alias(name.clone()));
            terms.push(Expr::Column(Column::from_name(name)));
        }
        let plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
        let condition = conjunction(terms).expect("a condition has a term");
        Ok((plan, condition))
    }

    /// A condition as a native boolean in which null is false.
    pub(super) fn condition(&mut self, condition: &Ast, names: &Names<'_>) -> Result<Expr> {
        let bound = self.value(condition, names)?;
        operators::to_condition(bound).map_err(super::at(condition))
    }

    /// The terms of ORDER BY: the place of a select item, or an expression in which the names of
    /// select items come first.
    pub(super) fn order_keys(
        &mut self,
        order: &[OrderByExpr],
        items: &[Typed],
        names: &Names<'_>,
    ) -> Result<Vec<SortKey>> {
        let mut keys = Vec::with_capacity(order.len());
        for term in order {
            let operand = match ordinal(&term.expr) {
                Some(place) => items.get(place).cloned().ok_or_else(|| {
                    let message = format!("ORDER BY {}: there is no such column", place + 1);
                    QueryError::semantic(message, super::position(&term.expr))
                })?,
                None => self.number(&term.expr, names)?,
            };
            keys.push(SortKey {
                operand,
                ascending: term.options.asc.unwrap_or(true),
                nulls_first: term.options.nulls_first.unwrap_or(false),
            });
        }
        Ok(keys)
    }

    /// The terms of GROUP BY.
    pub(super) fn grouping(
        &mut self,
        select: &Select,
        scope: &Scope<'_>,
        ctes: &Ctes,
    ) -> Result<Grouping> {
        let terms = match &select.group_by {
            GroupByExpr::Expressions(terms, modifiers) if modifiers.is_empty() => terms,
            _ => {
                let position = Position::of(select.group_by.span());
                return Err(QueryError::not_implemented(
                    "this form of `GROUP BY`",
                    position,
                ));
            }
        };
        let names = Names::fields(scope, ctes, "GROUP BY");
        self.grouping_terms(terms, &select.projection, &names)
    }
}

fn is_distinct(select: &Select) -> Result<bool> {
    match &select.distinct {
        None | Some(Distinct::All) => Ok(false),
        Some(Distinct::Distinct) => Ok(true),
        Some(Distinct::On(_)) => {
            let position = Position::of(select.span());
            Err(QueryError::not_implemented("`DISTINCT ON`", position))
        }
    }
}

/// The place (from 0) that an integer literal in ORDER BY or GROUP BY means.
pub(super) fn ordinal(expr: &Ast) -> Option<usize> {
    let Ast::Value(value) = expr else { return None };
    let AstValue::Number(digits, _) = &value.value else {
        return None;
    };
    digits.parse::<usize>().ok()?.checked_sub(1)
}

/// The select list as the last projection, with the rows in order.
fn finish(
    plan: LogicalPlan,
    items: Vec<Item>,
    sort: Vec<SortKey>,
    distinct: bool,
    order: &[OrderByExpr],
) -> Result<Bound> {
    let mut unique = UniqueNames::default();
    let mut exprs = Vec::with_capacity(items.len());
    let mut columns = Vec::with_capacity(items.len());
    let mut originals = Vec::with_capacity(items.len());
    for item in items {
        let name = unique.take(if item.kind == OutputKind::Star {
            "_doc"
        } else {
            &item.name
        });
        originals.push(item.value.expr.clone());
        exprs.push(item.value.expr.alias(name.clone()));
        let value = Typed::new(Expr::Column(Column::from_name(name)), item.value.data_type);
        columns.push(ScopeColumn {
            name: item.name,
            kind: item.kind,
            value,
        });
    }
    let mut keys = Vec::with_capacity(sort.len());
    let mut hidden = Vec::new();
    for (place, mut key) in sort.into_iter().enumerate() {
        key.operand.expr = match originals.iter().position(|expr| *expr == key.operand.expr) {
            Some(item) => columns[item].value.expr.clone(),
            None if distinct => {
                let message = "ORDER BY of a DISTINCT query must be in its select list";
                let position = order
                    .get(place)
                    .and_then(|term| super::position(&term.expr));
                return Err(QueryError::semantic(message, position));
            }
            None => {
                let name = unique.take("order");
                hidden.push(key.operand.expr.alias(name.clone()));
                Expr::Column(Column::from_name(name))
            }
        };
        keys.push(key.lower());
    }
    let has_hidden = !hidden.is_empty();
    exprs.extend(hidden);
    let mut plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
    if distinct {
        plan = aggregate::distinct(plan, &columns)?;
    }
    let mut builder = LogicalPlanBuilder::from(plan);
    if !keys.is_empty() {
        builder = builder.sort(keys)?;
    }
    if has_hidden {
        builder = builder.project(columns.iter().map(|column| column.value.expr.clone()))?;
    }
    Ok(Bound {
        plan: builder.build()?,
        columns,
    })
}

/// Names for columns of a plan, where each may occur once.
#[derive(Debug, Default)]
pub(super) struct UniqueNames {
    taken: std::collections::HashSet<String>,
}

impl UniqueNames {
    /// `name`, or a variant of it if it is taken.
    pub(super) fn take(&mut self, name: &str) -> String {
        let mut candidate = name.to_owned();
        let mut number = 1;
        while !self.taken.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{name}#{number}");
        }
        candidate
    }
}

/// Clauses that the parser knows from other dialects.
pub(super) fn reject_foreign_clauses(select: &Select) -> Result<()> {
    let foreign = [
        (select.top.is_some(), "`TOP`"),
        (select.exclude.is_some(), "`EXCLUDE`"),
        (select.into.is_some(), "`INTO`"),
        (!select.lateral_views.is_empty(), "`LATERAL VIEW`"),
        (select.prewhere.is_some(), "`PREWHERE`"),
        (!select.connect_by.is_empty(), "`CONNECT BY`"),
        (!select.cluster_by.is_empty(), "`CLUSTER BY`"),
        (!select.distribute_by.is_empty(), "`DISTRIBUTE BY`"),
        (!select.sort_by.is_empty(), "`SORT BY`"),
        (select.qualify.is_some(), "`QUALIFY`"),
        (select.value_table_mode.is_some(), "`SELECT AS`"),
        (
            select.flavor != SelectFlavor::Standard,
            "a query that begins with `FROM`",
        ),
    ];
    match foreign.iter().find(|(present, _)| *present) {
        Some((_, name)) => Err(QueryError::not_implemented(
            *name,
            Position::of(select.span()),
        )),
        None => Ok(()),
    }
}
