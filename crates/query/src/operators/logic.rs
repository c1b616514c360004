//! Truth: `AND`, `OR`, `NOT`, the `IS` predicates, and conditions.

use super::comparison::boolean;
use super::convert::{expect, group_key, operation_of};
use super::operation::Operation;
use super::{Result, Typed};
use crate::dynamic::kernels::Comparison;
use crate::types::{DYNAMIC, SqlType};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::{InList, InSubquery, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};

/// An operand as a native boolean; `what` names the clause in messages.
///
/// # Errors
/// [`OperatorError::Operand`](super::OperatorError::Operand) for a native type other than bool. A
/// dynamic operand is checked row by row.
pub(crate) fn truth(operand: Typed, what: &'static str) -> Result<Typed> {
    expect(operand, SqlType::Bool, what)
}

/// `left AND right`, `left OR right`, in three-valued logic.
pub(crate) fn connect(op: Operator, left: Typed, right: Typed) -> Result<Typed> {
    let what = if op == Operator::And {
        "an operand of `AND`"
    } else {
        "an operand of `OR`"
    };
    Ok(boolean(
        truth(left, what)?.expr,
        op,
        truth(right, what)?.expr,
    ))
}

/// `NOT x`.
pub(crate) fn not(operand: Typed) -> Result<Typed> {
    let expr = match truth(operand, "the operand of `NOT`")?.expr {
        // As `NOT IN` it can become a join.
        Expr::InSubquery(query) => Expr::InSubquery(InSubquery {
            negated: !query.negated,
            ..query
        }),
        other => Expr::Not(Box::new(other)),
    };
    Ok(Typed::new(expr, DataType::Boolean))
}

/// `x IS [NOT] NULL`: true for null and undefined.
///
/// # Errors
/// None in fact; the signature is that of its neighbours.
pub fn is_null(operand: Typed, negated: bool) -> Result<Typed> {
    if operand.is_null_type() {
        return Ok(Typed::new(lit(!negated), DataType::Boolean));
    }
    let expr = if operand.is_dynamic() {
        let flag = Operation::IsNull
            .call(vec![operand.expr], DataType::Boolean)
            .expr;
        if negated {
            Expr::Not(Box::new(flag))
        } else {
            flag
        }
    } else if negated {
        operand.expr.is_not_null()
    } else {
        operand.expr.is_null()
    };
    Ok(Typed::new(expr, DataType::Boolean))
}

/// `x IS [NOT] UNDEFINED`: true for undefined only, so pass the dynamic form of a path, which keeps
/// explicit nulls. The literals `NULL` and `UNDEFINED` are the caller's to tell apart.
///
/// # Errors
/// None in fact; the signature is that of its neighbours.
pub fn is_undefined(operand: Typed, negated: bool) -> Result<Typed> {
    let expr = if negated {
        operand.expr.is_not_null()
    } else {
        operand.expr.is_null()
    };
    Ok(Typed::new(expr, DataType::Boolean))
}

/// `x IS [NOT] TRUE` and `x IS [NOT] FALSE`. Never null.
///
/// # Errors
/// As [`to_condition`].
pub fn is_truth(operand: Typed, wanted: bool, negated: bool) -> Result<Typed> {
    let operand = Box::new(truth(operand, if wanted { "`IS TRUE`" } else { "`IS FALSE`" })?.expr);
    let expr = match (wanted, negated) {
        (true, false) => Expr::IsTrue(operand),
        (true, true) => Expr::IsNotTrue(operand),
        (false, false) => Expr::IsFalse(operand),
        (false, true) => Expr::IsNotFalse(operand),
    };
    Ok(Typed::new(expr, DataType::Boolean))
}

/// A native boolean for `WHERE`, `HAVING`, `ON` and `FILTER`, where null and false are one.
///
/// Dynamic equality becomes native equality of keys, so that joins on it can hash.
///
/// # Errors
/// [`OperatorError::Operand`](super::OperatorError::Operand) for a native type other than bool.
pub fn to_condition(operand: Typed) -> Result<Expr> {
    Ok(merge_null_with_false(truth(operand, "a condition")?.expr))
}

/// Rewrites what lies below `AND` and `OR` only, where null may be answered by false.
fn merge_null_with_false(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: op @ (Operator::And | Operator::Or),
            right,
        }) => {
            let left = Box::new(merge_null_with_false(*left));
            let right = Box::new(merge_null_with_false(*right));
            Expr::BinaryExpr(BinaryExpr::new(left, op, right))
        }
        Expr::ScalarFunction(call) => by_keys(call),
        other => other,
    }
}

/// Equality and membership of dynamic values by their keys. Dates, datetimes and timestamps compare
/// across types and their keys do not, so an operand known to be one keeps the slower comparison; of
/// two dynamic columns, a date in one does not find its midnight in the other.
fn by_keys(call: ScalarFunction) -> Expr {
    let expr = Expr::ScalarFunction(call.clone());
    if call.args.iter().any(may_be_calendar) {
        return expr;
    }
    let key = |expr: Expr| group_key(Typed::new(expr, DYNAMIC)).expr;
    let mut arguments = call.args.into_iter();
    match (operation_of(&expr), arguments.next()) {
        (Some(Operation::Compare(Comparison::Equal)), Some(left)) => match arguments.next() {
            Some(right) => key(left).eq(key(right)),
            None => expr,
        },
        (Some(Operation::InList), Some(operand)) => {
            let list = arguments.map(key).collect();
            Expr::InList(InList::new(Box::new(key(operand)), list, false))
        }
        _ => expr,
    }
}

/// Whether an operand is known to be a date, a datetime or a timestamp.
fn may_be_calendar(expr: &Expr) -> bool {
    if let Some(Operation::ToDynamic(from)) = operation_of(expr) {
        return from.is_calendar();
    }
    use outcrop_document::ValueType::{Date, Datetime, Timestamp};
    match expr {
        Expr::Literal(datafusion::common::ScalarValue::BinaryView(Some(bytes)), _) => {
            matches!(
                outcrop_document::k::value_type(bytes),
                Ok(Date | Datetime | Timestamp)
            )
        }
        _ => false,
    }
}
