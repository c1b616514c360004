//! Where `x IN (rows)` is null: no row equals `x`, and the comparison with one is null, because one of the
//! two is null or they are of unlike types.
//!
//! Values of any type are found by their [keys](operators::equality_key), which sort by type first. So
//! all rows are of the type of `x` if the least of their keys and the greatest are, null being a type of
//! its own: two aggregates tell, whatever the number of rows.

use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::Result;
use super::select::UniqueNames;
use super::subquery::subquery;
use crate::operators::{self, Typed};
use crate::types::DYNAMIC;

/// Whether a query in IN gives keys of values of any type, rather than values of the one type that `x` has.
pub(super) fn is_of_keys(query: &InSubquery) -> bool {
    *query.subquery.subquery.schema().field(0).data_type() == DYNAMIC
}

/// Whether the comparison of the value of the key `wanted` with that of any row of `keys` is null, as a
/// value. `key` is the column of `keys`.
pub(super) fn is_unknown(
    names: &mut UniqueNames,
    wanted: &Expr,
    keys: &LogicalPlan,
    key: Expr,
) -> Result<Expr> {
    let key = with_nulls(key)?;
    let mut is_unlike = |extreme: Expr| -> Result<Expr> {
        let extreme = extreme.alias(names.take("extreme"));
        let plan = LogicalPlanBuilder::from(keys.clone())
            .aggregate(Vec::<Expr>::new(), vec![extreme])?
            .build()?;
        let extreme = Expr::ScalarSubquery(subquery(plan));
        Ok(operators::is_unlike(wanted.clone(), extreme))
    };
    Ok(is_unlike(min(key.clone()))?.or(is_unlike(max(key))?))
}

/// Whether the comparison of the values of these keys is null.
pub(super) fn is_unlike(wanted: Expr, key: Expr) -> Result<Expr> {
    Ok(operators::is_unlike(wanted, with_nulls(key)?))
}

/// The key of a row, that of null where it is null.
fn with_nulls(key: Expr) -> Result<Expr> {
    Ok(operators::null_if_undefined(Typed::new(key, DYNAMIC))?.expr)
}
