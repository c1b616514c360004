//! Queries that use the rows around them, for all those rows at once.
//!
//! DataFusion makes joins of some such queries; this makes joins of any. What a query uses of the rows
//! around it are some columns of them. Their distinct values are a relation of its own, the *domain*, and
//! the query is evaluated for all of the domain together: its plan is rebuilt from the leaves with
//! the domain's columns beside its own, grouping by them where it groups, counting per value where it
//! limits, and so on. The result is joined back to the rows around by those columns. This is the
//! method of Neumann and Kemper, "Unnesting Arbitrary Queries" (2015).

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::error::DataFusionError;
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::expr::{AggregateFunction, Exists, InSubquery, WindowFunction};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprFunctionExt, FetchType, GroupingSet, Join, Limit, LogicalPlan,
    LogicalPlanBuilder, Operator, SkipType, SortExpr, Subquery, Union, Values, Window, binary_expr,
    lit,
};

use super::select::UniqueNames;
use super::{Binder, Result};
use crate::error::QueryError;

impl Binder<'_> {
    /// `left` joined to the rows that `right` has for each of its rows.
    ///
    /// Columns of `right` must be unlike those of `left`. The join is an inner or a left one.
    pub(super) fn dependent_join(
        &mut self,
        left: LogicalPlan,
        right: &LogicalPlan,
        join_type: JoinType,
    ) -> Result<LogicalPlan> {
        join(&mut self.qualifiers, left, right, join_type)
    }
}

/// See [`Binder::dependent_join`].
pub(super) fn join(
    names: &mut UniqueNames,
    left: LogicalPlan,
    right: &LogicalPlan,
    join_type: JoinType,
) -> Result<LogicalPlan> {
    let used = used_columns(right, &left)?;
    if used.is_empty() {
        let joined =
            LogicalPlanBuilder::from(left).join_on(right.clone(), join_type, [lit(true)])?;
        return Ok(joined.build()?);
    }
    let own: Vec<_> = left.schema().columns();
    let output: Vec<_> = right.schema().columns();
    let columns: Vec<_> = used
        .into_iter()
        .map(|column| {
            let name = names.take("around");
            (column, Column::from_name(name))
        })
        .collect();
    let exprs = columns
        .iter()
        .map(|(column, inside)| Expr::Column(column.clone()).alias(inside.name.clone()));
    let domain = LogicalPlanBuilder::from(left.clone())
        .project(exprs.collect::<Vec<_>>())?
        .distinct()?
        .build()?;
    let (around, inside): (Vec<_>, Vec<_>) = columns.iter().cloned().unzip();
    let mut domain = Domain {
        names,
        plan: domain,
        columns: columns.into_iter().collect(),
    };
    let right = domain.pushed(right)?;
    let kept = own.into_iter().chain(output).map(Expr::Column);
    let joined = LogicalPlanBuilder::from(left).join_detailed(
        right,
        join_type,
        (around, inside),
        None,
        NullEquality::NullEqualsNull,
    )?;
    Ok(joined.project(kept.collect::<Vec<_>>())?.build()?)
}

/// The columns of `left` that `right` uses, the queries inside it included.
fn used_columns(right: &LogicalPlan, left: &LogicalPlan) -> Result<Vec<Column>> {
    let mut used: Vec<Column> = Vec::new();
    right.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::OuterReferenceColumn(_, column) = expr
                    && left.schema().has_column(column)
                    && !used.contains(column)
                {
                    used.push(column.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(used)
}

/// The distinct values of what a query uses of the rows around it.
struct Domain<'n> {
    names: &'n mut UniqueNames,
    /// The values.
    plan: LogicalPlan,
    /// For each column of the rows around, that of the values.
    columns: BTreeMap<Column, Column>,
}

impl Domain<'_> {
    /// The rows of `plan` for each value of the domain, beside which its columns stand.
    #[recursive::recursive]
    fn pushed(&mut self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        if !self.is_used_in(plan)? {
            return Ok(LogicalPlanBuilder::from(plan.clone())
                .cross_join(self.plan.clone())?
                .build()?);
        }
        match plan {
            LogicalPlan::Projection(projection) => {
                let input = self.pushed(&projection.input)?;
                let mut exprs = self.named_all(&projection.expr)?;
                exprs.extend(self.exprs());
                Ok(LogicalPlanBuilder::from(input).project(exprs)?.build()?)
            }
            LogicalPlan::Filter(filter) => {
                let input = self.pushed(&filter.input)?;
                let condition = self.inside(filter.predicate.clone())?;
                Ok(LogicalPlanBuilder::from(input).filter(condition)?.build()?)
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Sort(sort) => match sort.fetch {
                // Rows that are joined have no order.
                None => self.pushed(&sort.input),
                Some(fetch) => {
                    let order = self.order(&sort.expr)?;
                    let input = self.pushed(&sort.input)?;
                    self.limited(input, order, 0, Some(fetch))
                }
            },
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let input = self.pushed(input)?;
                Ok(LogicalPlanBuilder::from(input).distinct()?.build()?)
            }
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Union(union) => self.union(union, plan),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Unnest(unnest) => {
                let input = self.pushed(&unnest.input)?;
                let columns = unnest.exec_columns.clone();
                Ok(LogicalPlanBuilder::from(input)
                    .unnest_columns_with_options(columns, unnest.options.clone())?
                    .build()?)
            }
            LogicalPlan::Values(values) => self.values(values),
            other => Err(QueryError::not_implemented(
                format!(
                    "a query that uses the rows around it in `{}`",
                    other.display()
                ),
                None,
            )),
        }
    }

    /// Whether a plan uses the rows around it, so that it has to know for which of them it is.
    fn is_used_in(&self, plan: &LogicalPlan) -> Result<bool> {
        let mut found = false;
        plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                found |= expr.exists(|expr| {
                    Ok(matches!(expr, Expr::OuterReferenceColumn(_, column)
                        if self.columns.contains_key(column)))
                })?;
                Ok(TreeNodeRecursion::Continue)
            })?;
            Ok(match found {
                true => TreeNodeRecursion::Stop,
                false => TreeNodeRecursion::Continue,
            })
        })?;
        Ok(found)
    }

    fn exprs(&self) -> Vec<Expr> {
        self.columns.values().cloned().map(Expr::Column).collect()
    }

    /// An expression with the domain's columns for those of the rows around.
    fn inside(&self, expr: Expr) -> Result<Expr> {
        let replaced = expr.transform_up(|node| self.replaced(node, Depth::Here));
        Ok(replaced.data()?)
    }

    fn replaced(&self, node: Expr, depth: Depth) -> Result<Transformed<Expr>, DataFusionError> {
        match node {
            Expr::OuterReferenceColumn(field, column) => match self.columns.get(&column) {
                Some(inside) if depth == Depth::Here => {
                    Ok(Transformed::yes(Expr::Column(inside.clone())))
                }
                Some(inside) => Ok(Transformed::yes(Expr::OuterReferenceColumn(
                    field,
                    inside.clone(),
                ))),
                None => Ok(Transformed::no(Expr::OuterReferenceColumn(field, column))),
            },
            Expr::ScalarSubquery(query) => {
                Ok(Transformed::yes(Expr::ScalarSubquery(self.below(query)?)))
            }
            Expr::Exists(exists) => Ok(Transformed::yes(Expr::Exists(Exists::new(
                self.below(exists.subquery)?,
                exists.negated,
            )))),
            Expr::InSubquery(query) => Ok(Transformed::yes(Expr::InSubquery(InSubquery::new(
                query.expr,
                self.below(query.subquery)?,
                query.negated,
            )))),
            other => Ok(Transformed::no(other)),
        }
    }

    /// A query inside the query: it sees the domain's columns around it.
    fn below(&self, query: Subquery) -> Result<Subquery, DataFusionError> {
        let plan = Arc::unwrap_or_clone(query.subquery);
        let plan = plan.transform_up_with_subqueries(|node| {
            node.map_expressions(|expr| {
                expr.transform_up(|expr| match expr {
                    Expr::OuterReferenceColumn(..) => self.replaced(expr, Depth::Below),
                    // The queries inside are walked as plans.
                    other => Ok(Transformed::no(other)),
                })
            })
        });
        let plan = plan.data()?;
        Ok(Subquery {
            outer_ref_columns: plan.all_out_ref_exprs(),
            subquery: Arc::new(plan),
            spans: query.spans,
        })
    }

    /// An expression of a projection or the like, under the name that it had.
    fn named(&self, expr: &Expr) -> Result<Expr> {
        let (qualifier, name) = expr.qualified_name();
        let inside = self.inside(expr.clone())?;
        Ok(
            match inside.qualified_name() == (qualifier.clone(), name.clone()) {
                true => inside,
                false => inside.alias_qualified(qualifier, name),
            },
        )
    }

    fn named_all(&self, exprs: &[Expr]) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.named(expr)).collect()
    }

    fn order(&self, order: &[SortExpr]) -> Result<Vec<SortExpr>> {
        let inside = |key: &SortExpr| {
            Ok(SortExpr {
                expr: self.inside(key.expr.clone())?,
                ..key.clone()
            })
        };
        order.iter().map(inside).collect()
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<LogicalPlan> {
        let mut input = self.pushed(&aggregate.input)?;
        let mut calls = self.named_all(&aggregate.aggr_expr)?;
        if aggregate.group_expr.is_empty() {
            (input, calls) = self.with_empty_groups(input, calls)?;
        }
        let mut terms = self.named_all(&aggregate.group_expr)?;
        let own = self.exprs();
        match terms.as_mut_slice() {
            [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] => {
                sets.iter_mut().for_each(|set| set.extend(own.clone()));
            }
            _ => terms.extend(own),
        }
        let output = aggregate.schema.columns().into_iter().map(Expr::Column);
        let output: Vec<_> = output.chain(self.exprs()).collect();
        Ok(LogicalPlanBuilder::from(input)
            .aggregate(terms, calls)?
            .project(output)?
            .build()?)
    }

    /// An aggregation of all rows gives a row where there are none: a row that does not count stands for
    /// each value of the domain without others.
    fn with_empty_groups(
        &mut self,
        input: LogicalPlan,
        calls: Vec<Expr>,
    ) -> Result<(LogicalPlan, Vec<Expr>)> {
        let present = Column::from_name(self.names.take("present"));
        let columns: Vec<_> = self.columns.values().cloned().collect();
        let renamed: Vec<_> = columns
            .iter()
            .map(|_| Column::from_name(self.names.take("around")))
            .collect();
        let own = input.schema().columns().into_iter();
        let own = own.filter(|column| !columns.contains(column));
        let own: Vec<_> = own.map(Expr::Column).collect();
        let mut exprs = own.clone();
        let pairs = columns.iter().zip(&renamed);
        exprs.extend(
            pairs.map(|(column, name)| Expr::Column(column.clone()).alias(name.name.clone())),
        );
        exprs.push(lit(true).alias(present.name.clone()));
        let rows = LogicalPlanBuilder::from(input).project(exprs)?.build()?;
        let mut kept = own;
        kept.push(Expr::Column(present.clone()));
        kept.extend(self.exprs());
        let plan = LogicalPlanBuilder::from(self.plan.clone())
            .join_detailed(
                rows,
                JoinType::Left,
                (columns, renamed),
                None,
                NullEquality::NullEqualsNull,
            )?
            .project(kept)?
            .build()?;
        let calls = calls.into_iter().map(|call| {
            let (qualifier, name) = call.qualified_name();
            let counting = call.transform_up(|node| match node {
                Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
                    let is_present = Expr::Column(present.clone());
                    let filter = match params.filter.take() {
                        Some(filter) => filter.and(is_present),
                        None => is_present,
                    };
                    params.filter = Some(Box::new(filter));
                    let call = AggregateFunction { func, params };
                    Ok(Transformed::yes(Expr::AggregateFunction(call)))
                }
                other => Ok(Transformed::no(other)),
            });
            Ok(counting.data()?.alias_qualified(qualifier, name))
        });
        Ok((plan, calls.collect::<Result<Vec<_>>>()?))
    }

    fn limit(&mut self, limit: &Limit) -> Result<LogicalPlan> {
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) =
            (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return Err(QueryError::not_implemented(
                "a LIMIT that is not known",
                None,
            ));
        };
        // A projection of what is ordered only takes the terms of the order away.
        match limit.input.as_ref() {
            LogicalPlan::Projection(projection)
                if matches!(projection.input.as_ref(), LogicalPlan::Sort(_)) =>
            {
                let LogicalPlan::Sort(sort) = projection.input.as_ref() else {
                    return self.pushed(&limit.input);
                };
                let order = self.order(&sort.expr)?;
                let rows = self.pushed(&sort.input)?;
                let rows = self.limited(rows, order, skip, fetch)?;
                let mut exprs = self.named_all(&projection.expr)?;
                exprs.extend(self.exprs());
                Ok(LogicalPlanBuilder::from(rows).project(exprs)?.build()?)
            }
            LogicalPlan::Sort(sort) => {
                let order = self.order(&sort.expr)?;
                let rows = self.pushed(&sort.input)?;
                self.limited(rows, order, skip, fetch)
            }
            input => {
                let rows = self.pushed(input)?;
                self.limited(rows, vec![], skip, fetch)
            }
        }
    }

    /// So many rows for each value of the domain.
    fn limited(
        &mut self,
        rows: LogicalPlan,
        order: Vec<SortExpr>,
        skip: usize,
        fetch: Option<usize>,
    ) -> Result<LogicalPlan> {
        let columns: Vec<_> = rows.schema().columns();
        let columns: Vec<_> = columns.into_iter().map(Expr::Column).collect();
        let number = row_number().partition_by(self.exprs());
        let number = number.order_by(order).build()?;
        let name = self.names.take("number");
        let counted = LogicalPlanBuilder::from(rows).window(vec![number.clone()])?;
        let (qualifier, column) = number.qualified_name();
        let number = Expr::Column(Column::new(qualifier, column)).alias(name.clone());
        let mut with_number = columns.clone();
        with_number.push(number);
        let number = Expr::Column(Column::from_name(name));
        let count = |rows: usize| lit(u64::try_from(rows).unwrap_or(u64::MAX));
        let mut condition = number.clone().gt(count(skip));
        if let Some(fetch) = fetch {
            condition = condition.and(number.lt_eq(count(skip.saturating_add(fetch))));
        }
        Ok(counted
            .project(with_number)?
            .filter(condition)?
            .project(columns)?
            .build()?)
    }

    fn window(&mut self, window: &Window) -> Result<LogicalPlan> {
        let input = self.pushed(&window.input)?;
        let mut output: Vec<_> = input.schema().columns();
        output.retain(|column| !self.columns.values().any(|own| own == column));
        let mut output: Vec<_> = output.into_iter().map(Expr::Column).collect();
        let mut calls = Vec::with_capacity(window.window_expr.len());
        for call in &window.window_expr {
            let (qualifier, name) = call.qualified_name();
            let own = self.exprs();
            let call = self.inside(call.clone())?.transform_up(|node| match node {
                Expr::WindowFunction(call) => {
                    let WindowFunction { fun, mut params } = *call;
                    params.partition_by.extend(own.clone());
                    let call = WindowFunction { fun, params };
                    Ok(Transformed::yes(Expr::WindowFunction(Box::new(call))))
                }
                other => Ok(Transformed::no(other)),
            });
            let call = call.data()?;
            let (new_qualifier, new_name) = call.qualified_name();
            let column = Expr::Column(Column::new(new_qualifier, new_name));
            output.push(column.alias_qualified(qualifier, name));
            calls.push(call);
        }
        output.extend(self.exprs());
        let plan = LogicalPlanBuilder::window_plan(input, calls)?;
        Ok(LogicalPlanBuilder::from(plan).project(output)?.build()?)
    }

    fn union(&mut self, union: &Union, plan: &LogicalPlan) -> Result<LogicalPlan> {
        let output = plan.schema().columns();
        let mut inputs = Vec::with_capacity(union.inputs.len());
        for input in &union.inputs {
            let own = input.schema().columns().into_iter().zip(&output);
            let mut exprs: Vec<_> = own
                .map(|(column, shown)| {
                    let qualifier = shown.relation.clone();
                    Expr::Column(column).alias_qualified(qualifier, shown.name.clone())
                })
                .collect();
            exprs.extend(self.exprs());
            let rows = self.pushed(input)?;
            let rows = LogicalPlanBuilder::from(rows).project(exprs)?.build()?;
            inputs.push(Arc::new(rows));
        }
        Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?))
    }

    /// A join. The side whose rows it keeps has to be known for each value of the domain; where both
    /// sides are, they meet for equal ones.
    fn join(&mut self, join: &Join) -> Result<LogicalPlan> {
        let in_left = self.is_used_in(&join.left)?;
        let in_right = self.is_used_in(&join.right)?;
        let (push_left, push_right) = match join.join_type {
            JoinType::Inner => (in_left || !in_right, in_right),
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => (true, in_right),
            JoinType::Right => (in_left, true),
            other => {
                let what = format!("a {other} JOIN in a query that uses the rows around it");
                return Err(QueryError::not_implemented(what, None));
            }
        };
        let output = join.schema.columns().into_iter().map(Expr::Column);
        let output: Vec<_> = output.chain(self.exprs()).collect();
        let mut condition = match &join.filter {
            Some(condition) => Some(self.inside(condition.clone())?),
            None => None,
        };
        for (left, right) in &join.on {
            let (left, right) = (self.inside(left.clone())?, self.inside(right.clone())?);
            let equal = match join.null_equality {
                NullEquality::NullEqualsNothing => left.eq(right),
                NullEquality::NullEqualsNull => same(left, right),
            };
            condition = Some(match condition {
                Some(condition) => condition.and(equal),
                None => equal,
            });
        }
        let pushed = |domain: &mut Self, side: &LogicalPlan, push: bool| match push {
            true => domain.pushed(side),
            false => Ok(side.clone()),
        };
        let mut left = pushed(self, &join.left, push_left)?;
        let mut right = pushed(self, &join.right, push_right)?;
        if push_left && push_right {
            // The columns of the side whose rows stay keep their names.
            let other = match join.join_type {
                JoinType::Right => &mut left,
                _ => &mut right,
            };
            let renamed: BTreeMap<_, _> = self
                .columns
                .values()
                .map(|column| (column.clone(), self.names.take("around")))
                .collect();
            let exprs = other.schema().columns().into_iter();
            let exprs = exprs.map(|column| match renamed.get(&column) {
                Some(name) => Expr::Column(column).alias(name.clone()),
                None => Expr::Column(column),
            });
            *other = LogicalPlanBuilder::from(other.clone())
                .project(exprs.collect::<Vec<_>>())?
                .build()?;
            for (column, name) in renamed {
                let same = same(Expr::Column(column), Expr::Column(Column::from_name(name)));
                condition = Some(match condition {
                    Some(condition) => condition.and(same),
                    None => same,
                });
            }
        }
        let builder = LogicalPlanBuilder::from(left);
        let joined = match condition {
            Some(condition) => builder.join_on(right, join.join_type, [condition])?,
            None if join.join_type == JoinType::Inner => builder.cross_join(right)?,
            None => builder.join_on(right, join.join_type, [lit(true)])?,
        };
        Ok(joined.project(output)?.build()?)
    }

    /// Rows that are written out: a projection of the domain for each.
    fn values(&mut self, values: &Values) -> Result<LogicalPlan> {
        let output = values.schema.columns();
        let mut inputs = Vec::with_capacity(values.values.len());
        for row in &values.values {
            let mut exprs = Vec::with_capacity(row.len());
            for (value, column) in row.iter().zip(&output) {
                exprs.push(self.inside(value.clone())?.alias(column.name.clone()));
            }
            exprs.extend(self.exprs());
            let rows = LogicalPlanBuilder::from(self.plan.clone()).project(exprs)?;
            inputs.push(Arc::new(rows.build()?));
        }
        match inputs.len() {
            1 => Ok(Arc::unwrap_or_clone(inputs.swap_remove(0))),
            _ => Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)),
        }
    }
}

/// Whether two values are equal or both null.
fn same(left: Expr, right: Expr) -> Expr {
    binary_expr(left, Operator::IsNotDistinctFrom, right)
}

/// Where an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// In the query whose plan has the domain's columns.
    Here,
    /// In a query inside it, around which they are.
    Below,
}
