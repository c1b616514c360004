//! `LATERAL (query)`: a query in FROM that may use the relations left of it.
//!
//! A query that does not is a relation like any other. One that makes no groups becomes part of the
//! plan on its left: its FROM is joined to the rows there, its WHERE filters the pairs, its select
//! list is more columns, and its LIMIT counts the rows of each row on the left. Of an aggregation
//! without GROUP BY every column is a scalar subquery. All others go through [`super::dependent`].

use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::sql::sqlparser::ast::{
    GroupByExpr, Query, Select, SetExpr, TableAlias, TableFactor,
};

use super::aggregate;
use super::join::{Part, cross};
use super::names::Names;
use super::projection::Item;
use super::query::{Bound, Ctes, Limits, order_terms};
use super::scope::{Relation, Scope, ScopeColumn, Source};
use super::subquery::subquery;
use super::{Binder, Result};
use crate::functions::{self, AggregateCall, WindowSpec};
use crate::operators::{SortKey, Typed};

/// A `LATERAL (query)` in FROM.
#[derive(Clone, Copy)]
pub(super) struct Lateral<'a> {
    query: &'a Query,
    alias: Option<&'a TableAlias>,
}

pub(super) fn as_lateral(factor: &TableFactor) -> Option<Lateral<'_>> {
    match factor {
        TableFactor::Derived {
            lateral: true,
            subquery,
            alias,
            sample: None,
        } => Some(Lateral {
            query: subquery,
            alias: alias.as_ref(),
        }),
        _ => None,
    }
}

impl Binder<'_> {
    /// Joins the rows of a LATERAL query to the rows of `left` that it may refer to. With
    /// `keeps_left`, a row without any stays.
    pub(super) fn lateral(
        &mut self,
        left: Part,
        lateral: Lateral<'_>,
        keeps_left: bool,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let scope = left.scope(outer);
        let bound = self.query(lateral.query, Some(&scope), ctes)?;
        if bound.plan.all_out_ref_exprs().is_empty() && !keeps_left {
            let right = self.aliased(bound, lateral.alias, None)?;
            return cross(left, right);
        }
        if is_one_row(&bound.plan) {
            return self.lateral_row(left, bound, lateral.alias);
        }
        match plain_select(lateral.query) {
            Some(select) if !keeps_left => self.lateral_rows(left, lateral, select, outer, ctes),
            _ => self.lateral_any(left, bound, lateral.alias, keeps_left),
        }
    }

    /// Any other query: evaluated for the distinct values that it uses of the rows on the left.
    fn lateral_any(
        &mut self,
        left: Part,
        bound: Bound,
        alias: Option<&TableAlias>,
        keeps_left: bool,
    ) -> Result<Part> {
        let join_type = match keeps_left {
            true => JoinType::Left,
            false => JoinType::Inner,
        };
        let right = self.aliased(bound, alias, None)?;
        let plan = self.dependent_join(left.plan, &right.plan, join_type)?;
        self.note_types(&plan);
        let mut relations = left.relations;
        relations.extend(right.relations);
        let merged = left.merged;
        Ok(Part {
            plan,
            relations,
            merged,
        })
    }

    /// A query that gives one row: its columns as values of the rows on the left.
    fn lateral_row(
        &mut self,
        left: Part,
        bound: Bound,
        alias: Option<&TableAlias>,
    ) -> Result<Part> {
        let mut items = Vec::with_capacity(bound.columns.len());
        for column in bound.columns {
            let plan = LogicalPlanBuilder::from(bound.plan.clone())
                .project([column.value.expr])?
                .build()?;
            let value = Typed::new(Expr::ScalarSubquery(subquery(plan)), column.value.data_type);
            items.push(ScopeColumn { value, ..column });
        }
        self.with_columns(left, items, alias)
    }

    /// A query without groups, as part of the plan on its left.
    fn lateral_rows(
        &mut self,
        left: Part,
        lateral: Lateral<'_>,
        select: &Select,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let order = order_terms(lateral.query.order_by.as_ref())?;
        let limits = self.limits(lateral.query.limit_clause.as_ref(), ctes)?;
        let (left, id) = match limits == Limits::default() {
            true => (left, None),
            false => {
                let number = row_number(vec![], vec![])?;
                let (plan, id) = self.with_number(left.plan, number)?;
                (Part { plan, ..left }, Some(id))
            }
        };
        let known = (left.relations.clone(), left.merged.clone());
        let left_columns = left.plan.schema().columns();
        let mut all = left;
        for tables in &select.from {
            all = self.joined(Some(all), tables, outer, ctes)?;
        }
        let around = Scope {
            relations: known.0.clone(),
            merged: known.1.clone(),
            parent: outer,
            shares_plan: false,
        };
        let scope = Scope {
            relations: all.relations.split_off(known.0.len()),
            merged: all.merged.split_off(known.1.len()),
            parent: Some(&around),
            shares_plan: true,
        };
        let mut plan = all.plan;
        if let Some(condition) = &select.selection {
            plan = self.filtered(plan, condition, &scope, ctes)?;
        }
        let what = "a `LATERAL` query that refers to the rows left of it";
        let names = Names::fields(&scope, ctes, what);
        let items = self.projection(&select.projection, &names)?;
        if let Some(id) = id {
            let outputs: Vec<_> = items.iter().filter_map(Item::output).collect();
            let names = Names {
                aliases: &outputs,
                ..names
            };
            let values: Vec<_> = items.iter().map(|item| item.value.clone()).collect();
            let keys = self.order_keys(order, &values, &names)?;
            let number = row_number(vec![id], keys)?;
            let number_column;
            (plan, number_column) = self.with_number(plan, number)?;
            plan = limited(plan, &number_column, limits)?;
        }
        let items = items.into_iter().map(|item| ScopeColumn {
            name: item.name,
            kind: item.kind,
            value: item.value,
        });
        let left = Part {
            plan,
            relations: known.0,
            merged: known.1,
        };
        let part = self.with_columns(left, items.collect(), lateral.alias)?;
        self.only_columns(part, left_columns)
    }

    /// `left` with computed columns that are one more relation.
    fn with_columns(
        &mut self,
        left: Part,
        mut items: Vec<ScopeColumn>,
        alias: Option<&TableAlias>,
    ) -> Result<Part> {
        self.count_relation(None)?;
        let name = alias.map(|alias| alias.name.value.clone());
        let qualifier = self.qualifiers.take(name.as_deref().unwrap_or("lateral"));
        if let Some(alias) = alias {
            let names: Vec<_> = alias.columns.iter().map(|column| &column.name).collect();
            super::query::rename(&mut items, &names)?;
        }
        let columns = left.plan.schema().columns();
        let mut exprs: Vec<_> = columns.into_iter().map(Expr::Column).collect();
        for (place, item) in items.iter_mut().enumerate() {
            let column = Column::from_name(format!("{qualifier}.{}#{place}", item.name));
            let value = std::mem::replace(&mut item.value.expr, Expr::Column(column.clone()));
            exprs.push(value.alias(column.name));
        }
        let plan = LogicalPlanBuilder::from(left.plan.clone())
            .project(exprs)?
            .build()?;
        self.note_types(&plan);
        let relation = Relation {
            name,
            full_name: vec![],
            source: Source::Columns(items),
        };
        Ok(left.with_relation(plan, relation))
    }

    /// The part with these columns of its plan and those of its last relation: what the query inside
    /// read is out of sight.
    fn only_columns(&self, part: Part, kept: Vec<Column>) -> Result<Part> {
        let own = part.relations.last().map(|relation| &relation.source);
        let mut exprs: Vec<_> = kept.into_iter().map(Expr::Column).collect();
        if let Some(Source::Columns(columns)) = own {
            exprs.extend(columns.iter().map(|column| column.value.expr.clone()));
        }
        let plan = LogicalPlanBuilder::from(part.plan)
            .project(exprs)?
            .build()?;
        Ok(Part { plan, ..part })
    }

    /// The plan with one more column, a window function.
    fn with_number(
        &mut self,
        plan: LogicalPlan,
        mut number: Typed,
    ) -> Result<(LogicalPlan, Typed)> {
        let columns = plan.schema().columns();
        let mut exprs: Vec<_> = columns.into_iter().map(Expr::Column).collect();
        let plan = aggregate::windows(plan, &mut [&mut number])?;
        let column = Column::from_name(self.qualifiers.take("number"));
        exprs.push(number.expr.alias(column.name.clone()));
        let plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
        self.note_types(&plan);
        Ok((plan, Typed::new(Expr::Column(column), number.data_type)))
    }
}

/// The SELECT of a query that has nothing but it, an order and a limit, and makes no groups.
fn plain_select(query: &Query) -> Option<&Select> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let is_grouped =
        !matches!(&select.group_by, GroupByExpr::Expressions(terms, _) if terms.is_empty());
    let has_more =
        is_grouped || select.having.is_some() || select.distinct.is_some() || query.with.is_some();
    (!has_more).then_some(select)
}

/// Whether a plan gives one row whatever its input: an aggregation of all rows.
fn is_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => is_one_row(&projection.input),
        LogicalPlan::Sort(sort) => sort.fetch.is_none() && is_one_row(&sort.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        _ => false,
    }
}

/// `ROW_NUMBER() OVER (PARTITION BY … ORDER BY …)`.
pub(super) fn row_number(partition_by: Vec<Typed>, order_by: Vec<SortKey>) -> Result<Typed> {
    let call = AggregateCall {
        arguments: vec![],
        distinct: false,
        filter: None,
        order_by: vec![],
    };
    let spec = WindowSpec {
        partition_by,
        order_by,
        frame: None,
    };
    functions::window_call("ROW_NUMBER", call, spec)
        .map_err(|error| super::operator_error(error, None))
}

/// The rows whose number LIMIT and OFFSET leave.
fn limited(plan: LogicalPlan, number: &Typed, limits: Limits) -> Result<LogicalPlan> {
    let count = |rows: usize| lit(i64::try_from(rows).unwrap_or(i64::MAX));
    let mut condition = number.expr.clone().gt(count(limits.skip));
    if let Some(fetch) = limits.fetch {
        let last = limits.skip.saturating_add(fetch);
        condition = condition.and(number.expr.clone().lt_eq(count(last)));
    }
    Ok(LogicalPlanBuilder::from(plan).filter(condition)?.build()?)
}
