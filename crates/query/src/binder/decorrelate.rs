//! Queries in expressions that use the rows around them in ways that DataFusion makes no join of: over
//! UNNEST, with LIMIT, windows or set operations, with outer joins. They become joins here, by
//! [`super::dependent`]; the others are left as they are.
//!
//! Of IN, DataFusion's joins tell false from null only where `x NOT IN (…)` is a term of a filter, the query
//! does not use the rows around it, and both are of one type. Wherever else it matters, counts of rows and
//! [`super::membership`] say what it is.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ExprSchema, JoinType, Result as DataFusionResult, exec_err};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, first_value};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Distinct, Expr, ExprFunctionExt, FetchType, Limit, LogicalPlan,
    LogicalPlanBuilder, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    SkipType, Volatility, lit, when,
};

use super::Result;
use super::dependent;
use super::membership;
use super::select::UniqueNames;
use super::subquery::subquery;

/// The plan without queries in expressions that DataFusion could not make joins of.
pub(super) fn decorrelated(names: &mut UniqueNames, plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        rebuilt(names, node).map_err(|error| DataFusionError::External(Box::new(error)))
    });
    Ok(plan.data()?)
}

fn rebuilt(names: &mut UniqueNames, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let (input, exprs) = match &node {
        LogicalPlan::Projection(projection) => (&projection.input, projection.expr.clone()),
        LogicalPlan::Filter(filter) => (&filter.input, vec![filter.predicate.clone()]),
        LogicalPlan::Aggregate(aggregate) => {
            let groups = aggregate.group_expr.iter();
            let exprs = groups.chain(&aggregate.aggr_expr).cloned();
            (&aggregate.input, exprs.collect())
        }
        _ => return Ok(Transformed::no(node)),
    };
    let place = match node {
        LogicalPlan::Filter(_) => Place::Term,
        _ => Place::Value,
    };
    let told = exprs
        .iter()
        .map(|expr| told_apart(names, expr, place, input))
        .collect::<Result<Vec<_>>>()?;
    let mut found = Vec::new();
    for expr in &told {
        expr.apply(|expr| {
            if is_beyond(expr)? && !found.contains(expr) {
                found.push(expr.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    if found.is_empty() && told == exprs {
        return Ok(Transformed::no(node));
    }
    let mut rows = input.as_ref().clone();
    let mut values = Vec::with_capacity(found.len());
    for query in found {
        let value = Column::from_name(names.take("value"));
        let plan = as_value(&query, &rows, &value)?;
        rows = dependent::join(names, rows, &plan, JoinType::Left)?;
        values.push((query, Expr::Column(value)));
    }
    let replaced = |(expr, told): (&Expr, &Expr)| -> Result<Expr> {
        let (qualifier, name) = expr.qualified_name();
        let expr = told.clone().transform_down(|expr| {
            match values.iter().find(|(query, _)| *query == expr) {
                Some((_, value)) => Ok(Transformed::yes(value.clone())),
                None => Ok(Transformed::no(expr)),
            }
        });
        let expr = expr.data()?;
        Ok(
            match expr.qualified_name() == (qualifier.clone(), name.clone()) {
                true => expr,
                false => expr.alias_qualified(qualifier, name),
            },
        )
    };
    let builder = LogicalPlanBuilder::from(rows);
    let mut exprs = exprs.iter().zip(&told).map(replaced);
    let builder = match &node {
        LogicalPlan::Filter(filter) => {
            let own = filter.input.schema().columns().into_iter();
            let mut builder = builder;
            for condition in exprs {
                builder = builder.filter(condition?.unalias())?;
            }
            builder.project(own.map(Expr::Column).collect::<Vec<_>>())?
        }
        LogicalPlan::Aggregate(aggregate) => {
            let groups = exprs.by_ref().take(aggregate.group_expr.len());
            let groups = groups.collect::<Result<Vec<_>>>()?;
            builder.aggregate(groups, exprs.collect::<Result<Vec<_>>>()?)?
        }
        _ => builder.project(exprs.collect::<Result<Vec<_>>>()?)?,
    };
    Ok(Transformed::yes(builder.build()?))
}

/// Where an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A term of a filter, or several joined by AND.
    Term,
    /// Below AND and OR in a filter, where null is as good as false.
    Condition,
    /// Anywhere else.
    Value,
}

/// An expression over `around`, in which IN over a query is said by counts where false is not null and
/// DataFusion's joins would not tell.
fn told_apart(
    names: &mut UniqueNames,
    expr: &Expr,
    place: Place,
    around: &LogicalPlan,
) -> Result<Expr> {
    let below = match expr {
        Expr::BinaryExpr(BinaryExpr { op, .. }) => match (place, op) {
            (Place::Term, Operator::And) => Place::Term,
            (Place::Term, Operator::Or) | (Place::Condition, Operator::And | Operator::Or) => {
                Place::Condition
            }
            _ => Place::Value,
        },
        Expr::InSubquery(query) => {
            let uses_rows = !query.subquery.subquery.all_out_ref_exprs().is_empty();
            let is_told_by_join = !uses_rows && !membership::is_of_keys(query);
            let matters = match place {
                Place::Term => query.negated && !is_told_by_join,
                Place::Condition => query.negated,
                Place::Value => true,
            };
            return match matters {
                true => in_by_counts(names, query, around),
                false => Ok(expr.clone()),
            };
        }
        _ => Place::Value,
    };
    let told = expr.clone().map_children(|child| {
        let told = told_apart(names, &child, below, around);
        let told = told.map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(match told == child {
            true => Transformed::no(child),
            false => Transformed::yes(told),
        })
    });
    Ok(told.data()?)
}

/// `x [NOT] IN (plan)` by the numbers of rows that equal x, that are null, and that there are; or, of keys
/// of values of any type, by their types.
fn in_by_counts(names: &mut UniqueNames, query: &InSubquery, around: &LogicalPlan) -> Result<Expr> {
    let rows = query.subquery.subquery.as_ref();
    let own = first_column(rows);
    let mut any = |condition: Option<Expr>| -> Result<Expr> {
        let mut rows = LogicalPlanBuilder::from(rows.clone());
        if let Some(condition) = condition {
            rows = rows.filter(condition)?;
        }
        let count = count(lit(1_i64)).alias(names.take("rows"));
        let counted = rows.aggregate(Vec::<Expr>::new(), vec![count])?;
        let count = Expr::ScalarSubquery(subquery(counted.build()?));
        Ok(count.gt(lit(0_i64)))
    };
    let wanted = query.expr.as_ref().clone();
    let equal = any(Some(own.clone().eq(outer(wanted.clone(), around)?)))?;
    let is_unknown = match membership::is_of_keys(query) {
        true => membership::is_unknown(names, &wanted, rows, own)?,
        false => any(Some(own.is_null()))?.or(wanted.is_null().and(any(None)?)),
    };
    let unknown = Expr::Literal(datafusion::common::ScalarValue::Boolean(None), None);
    let found = when(equal, lit(!query.negated))
        .when(is_unknown, unknown)
        .otherwise(lit(query.negated))?;
    Ok(found)
}

/// Whether an expression is a query that DataFusion could not make a join of.
fn is_beyond(expr: &Expr) -> DataFusionResult<bool> {
    Ok(match expr {
        Expr::ScalarSubquery(query) => {
            let plan = &query.subquery;
            let uses_rows = !plan.all_out_ref_exprs().is_empty();
            uses_rows && !(has_one_row(plan) && is_within(plan, Use::Value)?)
        }
        Expr::InSubquery(query) => !is_within(&query.subquery.subquery, Use::Value)?,
        Expr::Exists(exists) => !is_within(&exists.subquery.subquery, Use::Exists)?,
        _ => false,
    })
}

/// Whether a query gives no more than a row by how it is made, which DataFusion asks of those that use the
/// rows around them.
fn has_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => has_one_row(&projection.input),
        LogicalPlan::Filter(filter) => has_one_row(&filter.input),
        LogicalPlan::SubqueryAlias(alias) => has_one_row(&alias.input),
        _ => false,
    }
}

/// What of a query is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Its values.
    Value,
    /// An aggregation of its values.
    Aggregated,
    /// Whether there are any.
    Exists,
}

/// Whether DataFusion makes a join of a query, and the right one: its conditions on the rows around
/// can be moved out of it.
fn is_within(plan: &LogicalPlan, used: Use) -> DataFusionResult<bool> {
    if plan.all_out_ref_exprs().is_empty() {
        return Ok(true);
    }
    let has_own = plan.contains_outer_reference();
    match plan {
        LogicalPlan::Filter(filter) => {
            let terms = split_conjunction(&filter.predicate);
            let outer = terms.into_iter().filter(|term| term.contains_outer());
            let mut moved = outer.map(|term| used != Use::Aggregated || is_equation(term));
            Ok(moved.all(|can| can) && is_within(&filter.input, used)?)
        }
        LogicalPlan::Projection(projection) if !has_own => is_within(&projection.input, used),
        LogicalPlan::Distinct(Distinct::All(input)) => is_within(input, Use::Aggregated),
        LogicalPlan::Aggregate(aggregate) if !has_own => {
            is_within(&aggregate.input, Use::Aggregated)
        }
        LogicalPlan::Limit(limit) if used == Use::Exists && keeps_first(limit)? => {
            is_within(&limit.input, used)
        }
        LogicalPlan::Join(join) if !has_own && join.join_type == JoinType::Inner => {
            Ok(is_within(&join.left, used)? && is_within(&join.right, used)?)
        }
        LogicalPlan::SubqueryAlias(alias) => is_within(&alias.input, used),
        _ => Ok(false),
    }
}

fn is_equation(term: &Expr) -> bool {
    matches!(
        term,
        Expr::BinaryExpr(BinaryExpr {
            op: Operator::Eq,
            ..
        })
    )
}

/// Whether a limit leaves a row where there are any.
fn keeps_first(limit: &Limit) -> DataFusionResult<bool> {
    let skips = !matches!(limit.get_skip_type()?, SkipType::Literal(0));
    let is_none = matches!(limit.get_fetch_type()?, FetchType::Literal(Some(0)));
    Ok(!skips && !is_none)
}

/// A query in an expression as a plan of one row with one column, `value`.
fn as_value(query: &Expr, around: &LogicalPlan, value: &Column) -> Result<LogicalPlan> {
    let name = value.name.as_str();
    let all = Vec::<Expr>::new();
    let column = |name: &str| Expr::Column(Column::from_name(name));
    match query {
        Expr::Exists(exists) => {
            let rows = exists.subquery.subquery.as_ref().clone();
            let counted = LogicalPlanBuilder::from(rows)
                .aggregate(all, vec![count(lit(1_i64)).alias("rows")])?;
            let any = match exists.negated {
                true => column("rows").eq(lit(0_i64)),
                false => column("rows").gt(lit(0_i64)),
            };
            Ok(counted.project([any.alias(name)])?.build()?)
        }
        Expr::InSubquery(query) => {
            let rows = query.subquery.subquery.as_ref().clone();
            let wanted = outer(query.expr.as_ref().clone(), around)?;
            let own = first_column(&rows);
            let is_unlike = match membership::is_of_keys(query) {
                true => membership::is_unlike(wanted.clone(), own.clone())?,
                false => own.clone().is_null().or(wanted.clone().is_null()),
            };
            let counted = |condition: Expr| count(lit(1_i64)).filter(condition).build();
            let calls = vec![
                counted(own.eq(wanted))?.alias("equal"),
                counted(is_unlike)?.alias("unlike"),
            ];
            let is_unknown = column("unlike").gt(lit(0_i64));
            let unknown = Expr::Literal(datafusion::common::ScalarValue::Boolean(None), None);
            let found = when(column("equal").gt(lit(0_i64)), lit(!query.negated))
                .when(is_unknown, unknown)
                .otherwise(lit(query.negated))?;
            Ok(LogicalPlanBuilder::from(rows)
                .aggregate(all, calls)?
                .project([found.alias(name)])?
                .build()?)
        }
        Expr::ScalarSubquery(query) => {
            let rows = query.subquery.as_ref().clone();
            let own = first_column(&rows);
            let calls = vec![
                first_value(own, vec![]).alias("first"),
                count(lit(1_i64)).alias("rows"),
            ];
            let only = ScalarUDF::new_from_impl(OnlyValue {
                signature: Signature::any(2, Volatility::Immutable),
            });
            let only = only.call(vec![column("first"), column("rows")]);
            Ok(LogicalPlanBuilder::from(rows)
                .aggregate(all, calls)?
                .project([only.alias(name)])?
                .build()?)
        }
        other => Err(crate::error::QueryError::Internal {
            message: format!("`{other}` is no query"),
        }),
    }
}

fn first_column(plan: &LogicalPlan) -> Expr {
    Expr::Column(Column::from(plan.schema().qualified_field(0)))
}

/// An expression over `around` as a query inside sees it.
fn outer(expr: Expr, around: &LogicalPlan) -> Result<Expr> {
    let outer = expr.transform(|node| match node {
        Expr::Column(column) => {
            let field = Arc::clone(around.schema().field_from_column(&column)?);
            Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
        }
        other => Ok(Transformed::no(other)),
    });
    Ok(outer.data()?)
}

/// The first argument, as long as the second, a number of rows, is not above 1.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OnlyValue {
    signature: Signature,
}

impl ScalarUDFImpl for OnlyValue {
    fn name(&self) -> &str {
        "only_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> DataFusionResult<DataType> {
        Ok(arguments[0].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        use datafusion::arrow::array::AsArray;
        use datafusion::arrow::datatypes::Int64Type;
        let rows = args.args[1].to_array(args.number_rows)?;
        let many = rows.as_primitive::<Int64Type>().iter().flatten();
        if let Some(count) = many.max().filter(|count| *count > 1) {
            return exec_err!("a query used as a value gave {count} rows");
        }
        Ok(args.args[0].clone())
    }
}
