//! Groups, aggregates, windows and DISTINCT.
//!
//! The select list, HAVING and ORDER BY are first bound against the rows of FROM, with aggregate
//! calls inside. [`group`] then puts the aggregation into the plan and replaces, in each of them,
//! aggregate calls and grouped expressions by the columns that the aggregation gives.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ExprSchema, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::min;
use datafusion::functions_aggregate::grouping::grouping_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, Exists, InSubquery};
use datafusion::logical_expr::{
    Expr, GroupingSet, LogicalPlan, LogicalPlanBuilder, Subquery, when,
};
use datafusion::sql::sqlparser::ast::{Expr as Ast, SelectItem};

use super::names::Names;
use super::projection::item_expression;
use super::scope::{PathKey, Scope, ScopeColumn};
use super::select::ordinal;
use super::{Binder, Result};
use crate::error::{Position, QueryError};
use crate::functions::{self, AggregateCall};
use crate::operators::{self, Typed};
use crate::scan::PathUse;

/// What a query groups by.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    /// Whether there is a GROUP BY at all: `GROUP BY ()` groups by nothing.
    present: bool,
    /// The expressions, each once.
    terms: Vec<Term>,
    /// The sets of terms to group by, if it is not simply all of them.
    sets: Option<Vec<Vec<usize>>>,
}

/// One expression to group by.
#[derive(Debug)]
struct Term {
    value: Typed,
    /// How it is written, if it is.
    text: Option<Ast>,
    /// What the same text comes to in the rest of the query, where that is something else: a grouped
    /// field has the form there that it is grouped by, in which undefined is null.
    elsewhere: Option<Expr>,
    /// What it comes to where null is told from undefined, if there it has another form.
    told: Option<Expr>,
}

impl Term {
    /// The path that it is, if it is one.
    fn steps(&self) -> Option<Vec<String>> {
        match self.text.as_ref()? {
            Ast::Identifier(name) => Some(vec![name.value.clone()]),
            Ast::CompoundIdentifier(parts) => {
                Some(parts.iter().map(|part| part.value.clone()).collect())
            }
            _ => None,
        }
    }
}

impl Grouping {
    /// The terms, if the query groups by all of them.
    pub(super) fn plain_terms(self) -> Option<Vec<Typed>> {
        match self.sets {
            None => Some(self.terms.into_iter().map(|term| term.value).collect()),
            Some(_) => None,
        }
    }
}

/// How to group, for [`group`].
pub(super) struct Group<'a> {
    pub(super) grouping: Grouping,
    /// Whether there is a HAVING or a call of an aggregate, which makes a query without GROUP BY one
    /// group.
    pub(super) has_aggregates: bool,
    /// Where the expressions to rewrite stand in the text.
    pub(super) places: &'a [Option<Position>],
}

/// Most grouping sets of a query; `CUBE` doubles them with each term.
const GROUPING_SETS_MAX: usize = 4_096;

/// Most terms of a `CUBE`: 2¹² grouping sets.
const CUBE_TERMS_MAX: usize = 12;

impl Binder<'_> {
    /// Binds the terms of GROUP BY. A name is a select item first, then a field; a whole number is
    /// the place of a select item.
    pub(super) fn grouping_terms(
        &mut self,
        terms: &[Ast],
        list: &[SelectItem],
        names: &Names<'_>,
    ) -> Result<Grouping> {
        let mut grouping = Grouping {
            present: !terms.is_empty(),
            ..Grouping::default()
        };
        let mut sets: Vec<Vec<usize>> = vec![vec![]];
        let mut is_plain = true;
        for term in terms {
            let choices = self.grouping_choices(term, list, names, &mut grouping)?;
            is_plain &= !matches!(term, Ast::Rollup(_) | Ast::Cube(_) | Ast::GroupingSets(_));
            sets = sets
                .iter()
                .flat_map(|set| {
                    choices
                        .iter()
                        .map(move |choice| [set.as_slice(), choice].concat())
                })
                .collect();
            if sets.len() > GROUPING_SETS_MAX {
                let message = format!("GROUP BY makes more than {GROUPING_SETS_MAX} groupings");
                return Err(QueryError::semantic(message, super::position(term)));
            }
        }
        if !is_plain {
            grouping.sets = Some(sets);
        }
        self.bind_elsewhere(&mut grouping, names)?;
        Ok(grouping)
    }

    /// Binds the terms again as the rest of the query does, which knows what is grouped by.
    fn bind_elsewhere(&mut self, grouping: &mut Grouping, names: &Names<'_>) -> Result<()> {
        let keys = path_keys(grouping, names.scope);
        let names = Names {
            grouped: &keys,
            ..*names
        };
        for term in &mut grouping.terms {
            let Some(text) = term.text.as_ref().filter(|_| !keys.is_empty()) else {
                continue;
            };
            if term.steps().is_some() {
                let told = self.expr(text, &names, PathUse::Dynamic)?;
                let has_own_form = told.is_dynamic() && told.expr != term.value.expr;
                term.told = has_own_form.then_some(told.expr);
            }
            let other = self.value(text, &names)?;
            let is_other = other.expr != term.value.expr && !other.expr.column_refs().is_empty();
            if is_other && other.data_type == term.value.data_type {
                term.elsewhere = Some(other.expr);
            }
        }
        Ok(())
    }

    /// The sets of terms that one element of GROUP BY gives a choice of.
    fn grouping_choices(
        &mut self,
        term: &Ast,
        list: &[SelectItem],
        names: &Names<'_>,
        grouping: &mut Grouping,
    ) -> Result<Vec<Vec<usize>>> {
        let groups = match term {
            Ast::Tuple(group) => std::slice::from_ref(group),
            Ast::Rollup(groups) | Ast::Cube(groups) | Ast::GroupingSets(groups) => groups,
            single => {
                return Ok(vec![vec![
                    self.grouping_term(single, list, names, grouping)?,
                ]]);
            }
        };
        let mut sets = Vec::with_capacity(groups.len());
        for group in groups {
            let mut set = Vec::with_capacity(group.len());
            for expr in group {
                set.push(self.grouping_term(expr, list, names, grouping)?);
            }
            sets.push(set);
        }
        match term {
            Ast::Rollup(_) => Ok((0..=sets.len()).rev().map(|n| sets[..n].concat()).collect()),
            Ast::Cube(_) if sets.len() > CUBE_TERMS_MAX => {
                let message = format!("CUBE takes at most {CUBE_TERMS_MAX} terms");
                Err(QueryError::semantic(message, super::position(term)))
            }
            Ast::Cube(_) => {
                let chosen = |mask: usize| {
                    let members = sets
                        .iter()
                        .enumerate()
                        .filter(|(at, _)| mask >> at & 1 == 1);
                    members.flat_map(|(_, set)| set.iter().copied()).collect()
                };
                Ok((0..1_usize << sets.len()).rev().map(chosen).collect())
            }
            _ => Ok(sets),
        }
    }

    fn grouping_term(
        &mut self,
        term: &Ast,
        list: &[SelectItem],
        names: &Names<'_>,
        grouping: &mut Grouping,
    ) -> Result<usize> {
        let expr = match (ordinal(term), term) {
            (Some(place), _) => match list.get(place) {
                Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => {
                    expr
                }
                _ => {
                    let message = format!("GROUP BY {}: there is no such column", place + 1);
                    return Err(QueryError::semantic(message, super::position(term)));
                }
            },
            (None, Ast::Identifier(name)) => item_expression(list, &name.value).unwrap_or(term),
            (None, _) => term,
        };
        let value = self.value(expr, names)?;
        if let Some(known) = grouping
            .terms
            .iter()
            .position(|other| other.value.expr == value.expr)
        {
            return Ok(known);
        }
        grouping.terms.push(Term {
            value,
            text: Some(expr.clone()),
            elsewhere: None,
            told: None,
        });
        Ok(grouping.terms.len() - 1)
    }
}

/// The fields among the terms, so that the rest of the query uses them in the same form.
pub(super) fn path_keys(grouping: &Grouping, scope: &Scope<'_>) -> Vec<PathKey> {
    let steps = grouping.terms.iter().filter_map(Term::steps);
    steps.filter_map(|steps| scope.key(&steps)).collect()
}

/// Puts the aggregation that `grouping` and the aggregates in `exprs` ask for into the plan, if they
/// do, and rewrites `exprs` to its columns.
///
/// # Errors
/// [`QueryError::Semantic`] if an expression uses a field that is neither grouped nor aggregated.
pub(super) fn group(
    plan: LogicalPlan,
    group: Group<'_>,
    exprs: &mut [&mut Typed],
) -> Result<LogicalPlan> {
    let Group {
        grouping,
        has_aggregates,
        places,
    } = group;
    let mut aggregates = Vec::new();
    for expr in exprs.iter() {
        collect(&expr.expr, is_aggregate, &mut aggregates)?;
    }
    if !grouping.present && aggregates.is_empty() && !has_aggregates {
        return Ok(plan);
    }
    let is_sets = grouping.sets.is_some();
    let mut terms = Vec::with_capacity(grouping.terms.len());
    let mut elsewhere = Vec::with_capacity(grouping.terms.len());
    let mut told = Vec::with_capacity(grouping.terms.len());
    for term in grouping.terms {
        let is_asked = |told: &Expr| exprs.iter().any(|expr| contains(&expr.expr, told));
        told.push(term.told.filter(is_asked));
        terms.push(term.value);
        elsewhere.push(term.elsewhere);
    }
    let (plan, keys) = project_keys(plan, &terms, is_sets)?;
    let mut replacements = Vec::with_capacity(terms.len());
    for (((term, key), elsewhere), told) in terms.iter().zip(&keys).zip(&elsewhere).zip(told) {
        if let Some(told) = told {
            // A group of nulls shows null if any of its rows does, and undefined otherwise.
            let shown = min(told.clone());
            collect(&shown, is_aggregate, &mut aggregates)?;
            replacements.push((told, key.expr.clone(), shown));
        }
        if term.is_null_type() {
            // Null in every group. As a literal it needs no replacement.
            if !matches!(term.expr, Expr::Literal(..)) {
                let null = Expr::Literal(ScalarValue::Null, None);
                replacements.push((term.expr.clone(), null.clone(), null));
            }
            continue;
        }
        let shown = if term.is_dynamic() {
            representative(term)?
        } else {
            key.clone()
        };
        collect(&shown.expr, is_aggregate, &mut aggregates)?;
        for expr in std::iter::once(&term.expr).chain(elsewhere) {
            replacements.push((expr.clone(), key.expr.clone(), shown.expr.clone()));
        }
    }
    if aggregates.is_empty() && keys.is_empty() {
        // All rows are one group, of which nothing is asked that is not a constant.
        aggregates.push(row_count()?);
    }
    let place_of = |aggregate: &Expr| {
        let at = exprs
            .iter()
            .position(|expr| contains(&expr.expr, aggregate))?;
        places.get(at).copied().flatten()
    };
    let mut lowered_aggregates = Vec::with_capacity(aggregates.len());
    for aggregate in aggregates {
        let lowered = grouping_arguments(aggregate.clone(), &terms, &elsewhere, &keys);
        let lowered = lowered.map_err(|error| error.or_position(place_of(&aggregate)))?;
        lowered_aggregates.push((aggregate, lowered));
    }
    let aggregates = lowered_aggregates;
    let group_exprs: Vec<Expr> = match &grouping.sets {
        None => keys.iter().map(|key| key.expr.clone()).collect(),
        Some(sets) => {
            let set = |set: &Vec<usize>| set.iter().map(|at| keys[*at].expr.clone()).collect();
            let sets = sets.iter().map(set).collect();
            vec![Expr::GroupingSet(GroupingSet::GroupingSets(sets))]
        }
    };
    let lowered: Vec<_> = aggregates
        .iter()
        .map(|(_, lowered)| lowered.clone())
        .collect();
    let rows = Arc::clone(plan.schema());
    let plan = LogicalPlanBuilder::from(plan)
        .aggregate(group_exprs, lowered)?
        .build()?;
    let rebase = Rebase {
        replacements: &replacements,
        aggregates: &aggregates,
        is_sets,
        rows: &rows,
        groups: plan.schema(),
    };
    for (at, expr) in exprs.iter_mut().enumerate() {
        let place = places.get(at).copied().flatten();
        expr.expr = rebase
            .expr(&expr.expr)
            .map_err(|error| error.or_position(place))?;
    }
    Ok(plan)
}

/// `COUNT(*)`.
fn row_count() -> Result<Expr> {
    let call = AggregateCall {
        arguments: Vec::new(),
        distinct: false,
        filter: None,
        order_by: Vec::new(),
    };
    let count = functions::aggregate_call("count", call);
    Ok(count
        .map_err(|error| super::operator_error(error, None))?
        .expr)
}

/// Gives every term a column of its own to group by: its key.
fn project_keys(
    plan: LogicalPlan,
    terms: &[Typed],
    is_sets: bool,
) -> Result<(LogicalPlan, Vec<Typed>)> {
    let mut keys = Vec::with_capacity(terms.len());
    let mut computed = Vec::new();
    for (place, term) in terms.iter().enumerate() {
        let mut key = operators::group_key(term.clone());
        if key.is_null_type() {
            // There is no such thing as a column of nulls only to group by.
            let null = Expr::Literal(ScalarValue::Boolean(None), None);
            key = Typed::new(null, datafusion::arrow::datatypes::DataType::Boolean);
        }
        if is_sets || !matches!(key.expr, Expr::Column(_)) {
            let name = format!("group{place}");
            computed.push(key.expr.alias(name.clone()));
            key.expr = Expr::Column(Column::from_name(name));
        }
        keys.push(key);
    }
    if computed.is_empty() {
        return Ok((plan, keys));
    }
    let mut all: Vec<_> = plan
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    all.extend(computed);
    let plan = LogicalPlanBuilder::from(plan).project(all)?.build()?;
    Ok((plan, keys))
}

/// A value of the group to show: the key of a dynamic value does not tell 1 from 1.0.
pub(super) fn representative(term: &Typed) -> Result<Typed> {
    let call = AggregateCall {
        arguments: vec![term.clone()],
        distinct: false,
        filter: None,
        order_by: vec![],
    };
    functions::aggregate_call("ARBITRARY", call).map_err(|error| super::operator_error(error, None))
}

fn contains(expr: &Expr, wanted: &Expr) -> bool {
    expr.exists(|node| Ok(node == wanted)).unwrap_or(false)
}

pub(super) fn is_aggregate(expr: &Expr) -> bool {
    matches!(expr, Expr::AggregateFunction(_))
}

/// Appends the outermost parts of `expr` that are wanted to `found`, each once.
pub(super) fn collect(expr: &Expr, wanted: fn(&Expr) -> bool, found: &mut Vec<Expr>) -> Result<()> {
    expr.apply(|node| {
        if !wanted(node) {
            return Ok(TreeNodeRecursion::Continue);
        }
        if !found.contains(node) {
            found.push(node.clone());
        }
        Ok(TreeNodeRecursion::Jump)
    })?;
    Ok(())
}

/// `GROUPING(a)` takes the columns that are grouped by, not what they are computed from.
///
/// # Errors
/// [`QueryError::Semantic`] if an argument is not grouped by.
fn grouping_arguments(
    aggregate: Expr,
    terms: &[Typed],
    elsewhere: &[Option<Expr>],
    keys: &[Typed],
) -> Result<Expr> {
    match aggregate {
        Expr::AggregateFunction(AggregateFunction { func, mut params })
            if func.name() == grouping_udaf().name() =>
        {
            for argument in &mut params.args {
                // A field that no document has is a null, whose form depends on its use.
                let is_null = matches!(argument, Expr::Literal(value, _) if value.is_null());
                let is_term = |(term, elsewhere): (&Typed, &Option<Expr>)| {
                    term.expr == *argument
                        || elsewhere.as_ref() == Some(argument)
                        || is_null && term.is_null_type()
                };
                let Some(term) = terms.iter().zip(elsewhere).position(is_term) else {
                    let message = "GROUPING takes terms of GROUP BY";
                    return Err(QueryError::semantic(message, None));
                };
                *argument = keys[term].expr.clone();
            }
            Ok(Expr::AggregateFunction(AggregateFunction { func, params }))
        }
        other => Ok(other),
    }
}

fn column_of(expr: &Expr) -> Expr {
    let (relation, name) = expr.qualified_name();
    Expr::Column(Column::new(relation, name))
}

/// How expressions over the rows become ones over the columns of the aggregation.
struct Rebase<'a> {
    /// Terms of GROUP BY, the columns that are their keys, and what is shown for them.
    replacements: &'a [(Expr, Expr, Expr)],
    /// Aggregates, as they are bound and as the plan computes them.
    aggregates: &'a [(Expr, Expr)],
    is_sets: bool,
    /// The columns of the rows.
    rows: &'a DFSchema,
    /// The columns of the aggregation.
    groups: &'a DFSchema,
}

impl Rebase<'_> {
    fn expr(&self, expr: &Expr) -> Result<Expr> {
        let rebased = expr.clone().transform_down(|node| {
            if let Some(column) = self.replacement(&node)? {
                return Ok(Transformed::new(column, true, TreeNodeRecursion::Jump));
            }
            Ok(match node {
                Expr::Column(column) => return Err(ungrouped(&column)),
                Expr::ScalarSubquery(query) => {
                    Transformed::yes(Expr::ScalarSubquery(self.query(query)?))
                }
                Expr::Exists(Exists { subquery, negated }) => {
                    let exists = Exists::new(self.query(subquery)?, negated);
                    Transformed::yes(Expr::Exists(exists))
                }
                Expr::InSubquery(InSubquery {
                    expr,
                    subquery,
                    negated,
                }) => {
                    let membership = InSubquery::new(expr, self.query(subquery)?, negated);
                    Transformed::yes(Expr::InSubquery(membership))
                }
                other => Transformed::no(other),
            })
        });
        Ok(rebased.data()?)
    }

    /// What stands for a term of GROUP BY or an aggregate.
    fn replacement(&self, node: &Expr) -> Result<Option<Expr>, DataFusionError> {
        let mut terms = self.replacements.iter();
        if let Some((_, key, shown)) = terms.find(|(term, ..)| term == node) {
            if shown == key {
                return Ok(Some(key.clone()));
            }
            let shown = aggregates_to_columns(shown.clone(), self.aggregates)?;
            // In a grouping set without the term, its key is null and it is to be shown as null.
            return Ok(Some(match self.is_sets {
                true => when(key.clone().is_not_null(), shown).end()?,
                false => shown,
            }));
        }
        let mut aggregates = self.aggregates.iter();
        let found = aggregates.find(|(aggregate, _)| aggregate == node);
        Ok(found.map(|(_, lowered)| column_of(lowered)))
    }

    /// A query that uses the rows, as one that uses the groups.
    fn query(&self, query: Subquery) -> Result<Subquery, DataFusionError> {
        let plan = Arc::unwrap_or_clone(query.subquery);
        let plan = plan.transform_up_with_subqueries(|node| {
            node.map_expressions(|expr| expr.transform_down(|node| self.inside(node)))
        });
        let plan = plan.data()?;
        Ok(Subquery {
            outer_ref_columns: plan.all_out_ref_exprs(),
            subquery: Arc::new(plan),
            spans: query.spans,
        })
    }

    /// An expression in a query that may use the rows.
    fn inside(&self, node: Expr) -> Result<Transformed<Expr>, DataFusionError> {
        if !node.contains_outer() {
            return Ok(Transformed::new(node, false, TreeNodeRecursion::Jump));
        }
        if node.column_refs().is_empty() {
            let over_rows = node.clone().transform(|expr| match expr {
                Expr::OuterReferenceColumn(_, column) if self.rows.has_column(&column) => {
                    Ok(Transformed::yes(Expr::Column(column)))
                }
                other => Ok(Transformed::no(other)),
            });
            if let Some(over_groups) = self.replacement(&over_rows.data()?)? {
                let seen = over_groups.transform(|expr| match expr {
                    Expr::Column(column) => {
                        let field = Arc::clone(self.groups.field_from_column(&column)?);
                        Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
                    }
                    other => Ok(Transformed::no(other)),
                });
                return Ok(Transformed::new(
                    seen.data()?,
                    true,
                    TreeNodeRecursion::Jump,
                ));
            }
        }
        match node {
            Expr::OuterReferenceColumn(_, column) if self.rows.has_column(&column) => {
                Err(ungrouped(&column))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn aggregates_to_columns(expr: Expr, aggregates: &[(Expr, Expr)]) -> Result<Expr, DataFusionError> {
    expr.transform_down(
        |node| match aggregates.iter().find(|(aggregate, _)| *aggregate == node) {
            Some((_, lowered)) => Ok(Transformed::new(
                column_of(lowered),
                true,
                TreeNodeRecursion::Jump,
            )),
            None => Ok(Transformed::no(node)),
        },
    )
    .data()
}

fn ungrouped(column: &Column) -> DataFusionError {
    let name = column.name.split('#').next().unwrap_or_default();
    let name = name.split_once('.').map_or(name, |(_, field)| field);
    DataFusionError::External(Box::new(QueryError::Semantic {
        message: format!("`{name}` must be in GROUP BY or inside an aggregate"),
        position: None,
        error_id: Some("not_grouped"),
    }))
}

/// Puts the window functions in `exprs` into the plan and rewrites `exprs` to their columns.
pub(super) fn windows(plan: LogicalPlan, exprs: &mut [&mut Typed]) -> Result<LogicalPlan> {
    let is_window = |expr: &Expr| matches!(expr, Expr::WindowFunction(_));
    let mut found = Vec::new();
    for expr in exprs.iter() {
        collect(&expr.expr, is_window, &mut found)?;
    }
    if found.is_empty() {
        return Ok(plan);
    }
    let plan = LogicalPlanBuilder::window_plan(plan, found.clone())?;
    for expr in exprs.iter_mut() {
        let rebased = expr
            .expr
            .clone()
            .transform_down(|node| match found.contains(&node) {
                true => Ok(Transformed::new(
                    column_of(&node),
                    true,
                    TreeNodeRecursion::Jump,
                )),
                false => Ok(Transformed::no(node)),
            });
        expr.expr = rebased.data()?;
    }
    Ok(plan)
}

/// The distinct rows of a plan whose columns are `columns`.
///
/// # Errors
/// If the plan does not have these columns.
pub(super) fn distinct(plan: LogicalPlan, columns: &[ScopeColumn]) -> Result<LogicalPlan> {
    let is_plain = columns
        .iter()
        .all(|c| !c.value.is_dynamic() && !c.value.is_null_type());
    if is_plain {
        return Ok(LogicalPlanBuilder::from(plan).distinct()?.build()?);
    }
    let terms = columns
        .iter()
        .map(|column| Term {
            value: column.value.clone(),
            text: None,
            elsewhere: None,
            told: None,
        })
        .collect();
    let grouping = Grouping {
        present: true,
        terms,
        sets: None,
    };
    let mut shown: Vec<_> = columns.iter().map(|column| column.value.clone()).collect();
    for value in shown.iter_mut().filter(|value| value.is_null_type()) {
        value.expr = Expr::Literal(ScalarValue::Null, None);
    }
    let mut exprs: Vec<_> = shown.iter_mut().collect();
    let whole = Group {
        grouping,
        has_aggregates: false,
        places: &[],
    };
    let plan = group(plan, whole, &mut exprs)?;
    let named = shown
        .into_iter()
        .zip(columns)
        .map(|(value, column)| match &column.value.expr {
            Expr::Column(Column { name, relation, .. }) => {
                value.expr.alias_qualified(relation.clone(), name.clone())
            }
            _ => value.expr,
        });
    Ok(LogicalPlanBuilder::from(plan).project(named)?.build()?)
}
