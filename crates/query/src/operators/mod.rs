//! Operators over typed expressions, lowered to DataFusion expressions.
//!
//! The binder types every expression bottom-up and calls one function of this module per operator.
//! Where the operand types are known the result is a native DataFusion expression; where one is
//! dynamic it is a kernel of [`crate::dynamic`]. Nothing is left for DataFusion's own coercion,
//! which would compare `'5'` with `5`.

mod error;
mod typed;

pub use error::OperatorError;
pub use typed::{CastKind, SortKey, Typed};

use crate::types::SqlType;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use datafusion::sql::sqlparser::ast::{BinaryOperator, UnaryOperator};

/// What every function of this module returns.
pub type Result<T> = std::result::Result<T, OperatorError>;

fn pending<T>(what: &str) -> Result<T> {
    Err(OperatorError::NotSupported {
        what: what.to_owned(),
    })
}

/// `left op right`: arithmetic, comparison, `AND`, `OR`, `||`.
pub fn binary(op: &BinaryOperator, left: Typed, right: Typed) -> Result<Typed> {
    let _ = (left, right);
    pending(&op.to_string())
}

/// `op operand`: `-x`, `+x`, `NOT x`.
pub fn unary(op: &UnaryOperator, operand: Typed) -> Result<Typed> {
    let _ = operand;
    pending(&op.to_string())
}

/// `x IS [NOT] NULL`: true for null and undefined.
pub fn is_null(operand: Typed, negated: bool) -> Result<Typed> {
    let _ = (operand, negated);
    pending("IS NULL")
}

/// `x IS [NOT] UNDEFINED`: true for undefined only, so pass the dynamic form of a path, which keeps
/// explicit nulls.
pub fn is_undefined(operand: Typed, negated: bool) -> Result<Typed> {
    let _ = (operand, negated);
    pending("IS UNDEFINED")
}

/// `x IS [NOT] TRUE` and `x IS [NOT] FALSE`.
pub fn is_truth(operand: Typed, truth: bool, negated: bool) -> Result<Typed> {
    let _ = (operand, truth, negated);
    pending("IS TRUE")
}

/// `left IS [NOT] DISTINCT FROM right`; `negated` is the form with `NOT`. Never null.
pub fn is_distinct(left: Typed, right: Typed, negated: bool) -> Result<Typed> {
    let _ = (left, right, negated);
    pending("IS DISTINCT FROM")
}

/// `x [NOT] IN (a, b, …)`.
pub fn in_list(operand: Typed, list: Vec<Typed>, negated: bool) -> Result<Typed> {
    let _ = (operand, list, negated);
    pending("IN")
}

/// `x [NOT] BETWEEN low AND high`, inclusive at both ends.
pub fn between(operand: Typed, low: Typed, high: Typed, negated: bool) -> Result<Typed> {
    let _ = (operand, low, high, negated);
    pending("BETWEEN")
}

/// `x [NOT] LIKE pattern [ESCAPE c]`; the escape character is `\` unless given.
pub fn like(operand: Typed, pattern: Typed, escape: Option<char>, negated: bool) -> Result<Typed> {
    let _ = (operand, pattern, escape, negated);
    pending("LIKE")
}

/// `CASE [operand] WHEN a THEN b … [ELSE c] END`. Branches of unlike types make it dynamic.
pub fn case(
    operand: Option<Typed>,
    branches: Vec<(Typed, Typed)>,
    otherwise: Option<Typed>,
) -> Result<Typed> {
    let _ = (operand, branches, otherwise);
    pending("CASE")
}

/// `CAST(x AS t)` and its three relatives.
pub fn cast(kind: CastKind, operand: Typed, target: SqlType) -> Result<Typed> {
    let _ = (kind, operand, target);
    pending("CAST")
}

/// `x.step` on a dynamic operand: undefined when `x` is no object or lacks the key.
pub fn field(operand: Typed, step: &str) -> Result<Typed> {
    let _ = (operand, step);
    pending("field access")
}

/// `x[index]`: 1-based on arrays, by key on objects; undefined when out of range or missing.
pub fn subscript(operand: Typed, index: Typed) -> Result<Typed> {
    let _ = (operand, index);
    pending("subscript")
}

/// `[a, b, …]`. Explicit nulls stay, undefined elements become null.
pub fn array(elements: Vec<Typed>) -> Result<Typed> {
    let _ = elements;
    pending("array literal")
}

/// `{'k': v, …}`; keys must be strings, undefined members are left out.
pub fn object(members: Vec<(Typed, Typed)>) -> Result<Typed> {
    let _ = members;
    pending("object literal")
}

/// `x AT TIME ZONE zone`.
pub fn at_time_zone(operand: Typed, zone: Typed) -> Result<Typed> {
    let _ = (operand, zone);
    pending("AT TIME ZONE")
}

/// The same value as a dynamic expression; a no-op when it is one.
pub fn to_dynamic(operand: Typed) -> Typed {
    operand
}

/// A native boolean for `WHERE`, `HAVING`, `ON` and `FILTER`, where null and false are one. Dynamic
/// equality becomes native equality of keys, so that joins on it can hash.
pub fn to_condition(operand: Typed) -> Result<Expr> {
    Ok(operand.expr)
}

/// The type of a column fed from all of `types`: the one type they share (nulls aside), else dynamic.
pub fn common_type(types: &[DataType]) -> DataType {
    types.first().cloned().unwrap_or(DataType::Null)
}

/// `operand` as `target`, which must be its own type, a wider one by [`common_type`], or anything
/// for a null.
pub fn coerce(operand: Typed, target: &DataType) -> Result<Typed> {
    let _ = target;
    Ok(operand)
}

/// All operands in their [`common_type`]: rows of `VALUES`, branches of `UNION`.
pub fn unify(operands: Vec<Typed>) -> Result<Vec<Typed>> {
    Ok(operands)
}

/// What to group, deduplicate or partition by: equal values give equal keys (1 and 1.0, null and
/// undefined). The key of a dynamic value is itself a dynamic value in which integral floats have
/// become ints; to show a representative with its own type, aggregate the operand with `ARBITRARY`.
pub fn group_key(operand: Typed) -> Typed {
    operand
}

/// What to order by: native types as they are, dynamic values by their key, nulls as Arrow NULL.
pub fn sort_key(operand: Typed) -> Typed {
    operand
}

/// A constant. Arrays, objects and geographies become dynamic.
pub fn literal(value: &datafusion::common::ScalarValue) -> Typed {
    Typed {
        expr: Expr::Literal(value.clone(), None),
        data_type: value.data_type(),
    }
}
