//! A query: WITH, its body, ORDER BY, LIMIT and OFFSET.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    Expr as Ast, LimitClause, OrderBy, OrderByKind, Query, SetExpr, Spanned, Table, With,
};
use outcrop_document::Value;

use super::names::{Alias, Names};
use super::scope::{Relation, Scope, ScopeColumn, Source};
use super::{Binder, OutputKind, Result};
use crate::error::{Position, QueryError};
use crate::operators;

/// The CTEs in sight, by name.
pub(super) type Ctes = BTreeMap<String, Arc<Cte>>;

/// A bound CTE.
#[derive(Clone, Debug)]
pub(super) struct Cte {
    pub(super) bound: Bound,
    /// Relations in its plan.
    pub(super) relations: usize,
    /// Its text and the CTEs before it, if it has no names for its columns: where it turns out to be
    /// nothing but a filtered collection it is better bound where it is used.
    pub(super) star: Option<(Query, Ctes)>,
}

/// A bound query: its plan and what its columns are.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) plan: LogicalPlan,
    /// One for each column of the plan, in order.
    pub(super) columns: Vec<ScopeColumn>,
}

/// The rows that LIMIT and OFFSET leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) skip: usize,
    pub(super) fetch: Option<usize>,
}

impl Binder<'_> {
    /// Binds a query inside another one (`outer`) or on its own.
    #[recursive::recursive]
    pub(super) fn query(
        &mut self,
        query: &Query,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Bound> {
        reject_foreign_clauses(query)?;
        let tells_undefined = std::mem::take(&mut self.tells_undefined);
        let with_own = match &query.with {
            Some(with) => &self.with(with, outer, ctes)?,
            None => ctes,
        };
        let order = order_terms(query.order_by.as_ref())?;
        let bound = match query.body.as_ref() {
            SetExpr::Select(select) => {
                self.tells_undefined = tells_undefined;
                self.select(select, order, outer, with_own)?
            }
            body => {
                let bound = self.set_expression(body, outer, with_own)?;
                self.order_output(bound, order, outer, with_own)?
            }
        };
        let limits = self.limits(query.limit_clause.as_ref(), with_own)?;
        if limits == Limits::default() {
            return Ok(bound);
        }
        let plan = LogicalPlanBuilder::from(bound.plan)
            .limit(limits.skip, limits.fetch)?
            .build()?;
        Ok(Bound { plan, ..bound })
    }

    fn with(&mut self, with: &With, outer: Option<&Scope<'_>>, ctes: &Ctes) -> Result<Ctes> {
        if with.recursive {
            let position = Position::of(with.with_token.0.span);
            return Err(QueryError::not_implemented("`WITH RECURSIVE`", position));
        }
        let mut known = ctes.clone();
        for cte in &with.cte_tables {
            let before = self.relation_count;
            let mut bound = self.query(&cte.query, outer, &known)?;
            let names: Vec<_> = cte
                .alias
                .columns
                .iter()
                .map(|column| &column.name)
                .collect();
            rename(&mut bound.columns, &names)?;
            let is_star = outer.is_none()
                && names.is_empty()
                && matches!(bound.columns.as_slice(), [only]
                if only.kind == OutputKind::Star);
            let star = is_star.then(|| (cte.query.as_ref().clone(), known.clone()));
            let relations = self.relation_count - before;
            let bound = Cte {
                bound,
                relations,
                star,
            };
            known.insert(cte.alias.name.value.clone(), Arc::new(bound));
        }
        Ok(known)
    }

    /// Anything that gives rows: SELECT, a set operation, VALUES, TABLE, a query in parentheses.
    #[recursive::recursive]
    pub(super) fn set_expression(
        &mut self,
        body: &SetExpr,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Bound> {
        match body {
            SetExpr::Select(select) => self.select(select, &[], outer, ctes),
            SetExpr::Query(query) => self.query(query, outer, ctes),
            SetExpr::SetOperation {
                left,
                op,
                set_quantifier,
                right,
            } => {
                let position = Position::of(right.span());
                let left = self.set_expression(left, outer, ctes)?;
                let right = self.set_expression(right, outer, ctes)?;
                self.set_operation(left, *op, *set_quantifier, right, position)
            }
            SetExpr::Values(values) => self.values_rows(values, outer, ctes),
            SetExpr::Table(table) => self.whole_table(table, ctes),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(QueryError::not_implemented("a statement that writes", None))
            }
        }
    }

    /// `TABLE ws.c`: as `SELECT * FROM ws.c`.
    fn whole_table(&mut self, table: &Table, ctes: &Ctes) -> Result<Bound> {
        let parts = [&table.schema_name, &table.table_name];
        let parts: Vec<_> = parts.into_iter().flatten().cloned().collect();
        let part = self.named_table(&parts, None, None, ctes)?;
        let scope = Scope {
            relations: part.relations,
            ..Scope::default()
        };
        let columns = super::projection::star_columns(&scope.relations)?;
        let exprs = columns.iter().map(|column| column.value.expr.clone());
        let plan = LogicalPlanBuilder::from(part.plan)
            .project(exprs)?
            .build()?;
        Ok(Bound { plan, columns })
    }

    /// Orders the rows of a set operation: by its columns, their places, or expressions of them.
    fn order_output(
        &mut self,
        bound: Bound,
        order: &[datafusion::sql::sqlparser::ast::OrderByExpr],
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Bound> {
        if order.is_empty() {
            return Ok(bound);
        }
        let relation = Relation {
            name: None,
            full_name: vec![],
            source: Source::Columns(bound.columns.clone()),
        };
        let scope = Scope {
            relations: vec![relation],
            merged: vec![],
            parent: outer,
            shares_plan: false,
        };
        let aliases: Vec<_> = bound
            .columns
            .iter()
            .filter(|column| column.kind == OutputKind::Value)
            .map(|column| Alias {
                name: column.name.clone(),
                value: column.value.clone(),
            })
            .collect();
        let names = Names {
            aliases: &aliases,
            ..Names::fields(&scope, ctes, "ORDER BY")
        };
        let values: Vec<_> = bound
            .columns
            .iter()
            .map(|column| column.value.clone())
            .collect();
        let keys = self.order_keys(order, &values, &names)?;
        let keys: Vec<_> = keys.into_iter().map(operators::SortKey::lower).collect();
        let plan = LogicalPlanBuilder::from(bound.plan).sort(keys)?.build()?;
        Ok(Bound { plan, ..bound })
    }

    pub(super) fn limits(&mut self, clause: Option<&LimitClause>, ctes: &Ctes) -> Result<Limits> {
        let (limit, offset) = match clause {
            None => (None, None),
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) => {
                if let Some(expr) = limit_by.first() {
                    return Err(super::expression::unsupported("`LIMIT … BY`", expr));
                }
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
        };
        let fetch = limit
            .map(|limit| self.row_count(limit, "LIMIT", ctes))
            .transpose()?
            .flatten();
        let skip = offset
            .map(|skip| self.row_count(skip, "OFFSET", ctes))
            .transpose()?
            .flatten();
        Ok(Limits {
            skip: skip.unwrap_or(0),
            fetch,
        })
    }

    /// A constant number of rows; `None` for null.
    pub(super) fn row_count(
        &mut self,
        expr: &Ast,
        clause: &'static str,
        ctes: &Ctes,
    ) -> Result<Option<usize>> {
        let scope = Scope::default();
        let bound = self.value(expr, &Names::fields(&scope, ctes, clause))?;
        let value = super::constant::evaluate(&bound);
        let complaint = || {
            let message = format!("{clause} takes a constant whole number that is not negative");
            QueryError::semantic(message, super::position(expr))
        };
        match value {
            Some(Value::Null) => Ok(None),
            Some(Value::Int(count)) => usize::try_from(count).map(Some).map_err(|_| complaint()),
            _ => Err(complaint()),
        }
    }
}

/// Gives columns the names of an alias list `t(a, b)`.
pub(super) fn rename(
    columns: &mut [ScopeColumn],
    names: &[&datafusion::sql::sqlparser::ast::Ident],
) -> Result<()> {
    if names.len() > columns.len() {
        let message = format!("{} names for {} columns", names.len(), columns.len());
        return Err(QueryError::semantic(message, Position::of(names[0].span)));
    }
    for (column, name) in columns.iter_mut().zip(names) {
        column.name = name.value.clone();
        column.kind = OutputKind::Value;
    }
    Ok(())
}

pub(super) fn order_terms(
    order: Option<&OrderBy>,
) -> Result<&[datafusion::sql::sqlparser::ast::OrderByExpr]> {
    match order.map(|order| &order.kind) {
        None => Ok(&[]),
        Some(OrderByKind::Expressions(terms)) => Ok(terms),
        Some(OrderByKind::All(_)) => Err(QueryError::not_implemented("`ORDER BY ALL`", None)),
    }
}

/// Clauses that the parser knows from other dialects.
fn reject_foreign_clauses(query: &Query) -> Result<()> {
    let foreign = [
        (query.fetch.is_some(), "`FETCH`"),
        (!query.locks.is_empty(), "`FOR UPDATE`"),
        (query.for_clause.is_some(), "`FOR`"),
        (query.settings.is_some(), "`SETTINGS`"),
        (query.format_clause.is_some(), "`FORMAT`"),
        (!query.pipe_operators.is_empty(), "`|>`"),
    ];
    match foreign.iter().find(|(present, _)| *present) {
        Some((_, name)) => Err(QueryError::not_implemented(
            *name,
            Position::of(query.span()),
        )),
        None => Ok(()),
    }
}
