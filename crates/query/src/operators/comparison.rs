//! Comparisons.
//!
//! Like types compare natively. Ints and floats compare as floats unless one side is a constant
//! that the other type holds exactly. Unlike types compare to null.

use super::convert::{int_to_float, literal, literal_value, null_of, to_dynamic};
use super::operation::Operation;
use super::{Result, Typed};
use crate::dynamic::kernels::Comparison;
use crate::types::SqlType;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};
use outcrop_document::Value;

impl Comparison {
    pub(crate) fn native(self) -> Operator {
        match self {
            Self::Equal => Operator::Eq,
            Self::NotEqual => Operator::NotEq,
            Self::Less => Operator::Lt,
            Self::LessOrEqual => Operator::LtEq,
            Self::Greater => Operator::Gt,
            Self::GreaterOrEqual => Operator::GtEq,
        }
    }
}

/// A native binary expression that yields a boolean.
pub(crate) fn boolean(left: Expr, op: Operator, right: Expr) -> Typed {
    let expr = Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)));
    Typed::new(expr, DataType::Boolean)
}

/// `left op right`.
pub(crate) fn compare(op: Comparison, left: Typed, right: Typed) -> Result<Typed> {
    let (left, right) = match align(left, right) {
        Alignment::Native(left, right) => (left, right),
        Alignment::Dynamic(left, right) => {
            let call = Operation::Compare(op).call(vec![left.expr, right.expr], DataType::Boolean);
            return Ok(call);
        }
        Alignment::Unlike => return Ok(null_of(DataType::Boolean)),
    };
    if is_float_zero(&right) {
        return Ok(compare_with_zero(op, left));
    }
    if is_float_zero(&left) {
        return Ok(compare_with_zero(op.swap(), right));
    }
    Ok(boolean(left.expr, op.native(), right.expr))
}

/// `left IS [NOT] DISTINCT FROM right`; `negated` is the form with `NOT`. Never null.
///
/// # Errors
/// None in fact; the signature is that of its neighbours.
pub fn is_distinct(left: Typed, right: Typed, negated: bool) -> Result<Typed> {
    if left.is_null_type() {
        return super::is_null(right, !negated);
    }
    if right.is_null_type() {
        return super::is_null(left, !negated);
    }
    let op = if negated {
        Operator::IsNotDistinctFrom
    } else {
        Operator::IsDistinctFrom
    };
    Ok(match align(left.clone(), right.clone()) {
        Alignment::Native(left, right) => boolean(left.expr, op, right.expr),
        Alignment::Dynamic(left, right) => {
            Operation::Distinct(negated).call(vec![left.expr, right.expr], DataType::Boolean)
        }
        // Values of unlike types differ, so only two nulls are not distinct.
        Alignment::Unlike => {
            let both_null = left.expr.is_null().and(right.expr.is_null());
            let expr = if negated {
                both_null
            } else {
                Expr::Not(Box::new(both_null))
            };
            Typed::new(expr, DataType::Boolean)
        }
    })
}

/// Two operands made comparable.
pub(crate) enum Alignment {
    /// Both of one native type.
    Native(Typed, Typed),
    /// Both dynamic.
    Dynamic(Typed, Typed),
    /// Of unlike types, or one is the literal null: every comparison is null.
    Unlike,
}

/// Brings two operands to one type where the dialect compares them.
pub(crate) fn align(left: Typed, right: Typed) -> Alignment {
    let (a, b) = (left.sql_type(), right.sql_type());
    if a == SqlType::Null || b == SqlType::Null {
        return Alignment::Unlike;
    }
    if a == SqlType::Dynamic || b == SqlType::Dynamic {
        return Alignment::Dynamic(to_dynamic(left), to_dynamic(right));
    }
    if a == b {
        return Alignment::Native(left, right);
    }
    if a.is_numeric() && b.is_numeric() {
        return align_numbers(left, right);
    }
    if a.is_calendar() && b.is_calendar() {
        let target = if a == SqlType::Timestamp || b == SqlType::Timestamp {
            SqlType::Timestamp
        } else {
            SqlType::Datetime
        };
        return Alignment::Native(widen(left, target), widen(right, target));
    }
    Alignment::Unlike
}

/// A float constant that is an int stays on the int's side, so that an int column is read as it is.
fn align_numbers(left: Typed, right: Typed) -> Alignment {
    let exact = |constant: &Typed| match literal_value(constant) {
        Some(Value::Float(value)) => exact_int(value).map(|int| literal(&Value::Int(int))),
        _ => None,
    };
    if is_beyond_floats(&left) || is_beyond_floats(&right) {
        return Alignment::Dynamic(to_dynamic(left), to_dynamic(right));
    }
    match (left.sql_type(), exact(&left), exact(&right)) {
        (SqlType::Int, _, Some(right)) => Alignment::Native(left, right),
        (SqlType::Float, Some(left), _) => Alignment::Native(left, right),
        (SqlType::Int, ..) => Alignment::Native(int_to_float(left), right),
        _ => Alignment::Native(left, int_to_float(right)),
    }
}

/// Whether this is a constant int that no float equals, so that comparing as floats would be wrong.
fn is_beyond_floats(operand: &Typed) -> bool {
    /// 2⁵³.
    const EXACT: u64 = 1 << 53;
    matches!(literal_value(operand), Some(Value::Int(value)) if value.unsigned_abs() > EXACT)
}

/// The int of the same value, within the ±2⁵³ where floats and ints correspond one to one.
fn exact_int(value: f64) -> Option<i64> {
    /// 2⁵³.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "integral and within 2⁵³")]
    (value.trunc() == value && value.abs() <= EXACT).then_some(value as i64)
}

/// A date, datetime or timestamp as one of the wider two.
pub(crate) fn widen(operand: Typed, target: SqlType) -> Typed {
    if operand.sql_type() == target {
        return operand;
    }
    if let Some(value) = literal_value(&operand)
        && let Ok(wide) = crate::cast::cast_value(super::CastKind::Cast, &value, target)
        && wide != Value::Null
    {
        return literal(&wide);
    }
    Operation::Widen(target).call(vec![operand.expr], target.arrow())
}

fn is_float_zero(operand: &Typed) -> bool {
    matches!(literal_value(operand), Some(Value::Float(value)) if value == 0.0)
}

/// A float against zero. Arrow orders `-0.0` before `0.0`, the dialect takes them for equal.
fn compare_with_zero(op: Comparison, operand: Typed) -> Typed {
    let x = operand.expr;
    let expr = match op {
        Comparison::Equal => x.clone().gt_eq(lit(-0.0)).and(x.lt_eq(lit(0.0))),
        Comparison::NotEqual => x.clone().lt(lit(-0.0)).or(x.gt(lit(0.0))),
        Comparison::Less => x.lt(lit(-0.0)),
        Comparison::LessOrEqual => x.lt_eq(lit(0.0)),
        Comparison::Greater => x.gt(lit(0.0)),
        Comparison::GreaterOrEqual => x.gt_eq(lit(-0.0)),
    };
    Typed::new(expr, DataType::Boolean)
}
