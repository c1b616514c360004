//! Arithmetic: the result type of every pair of operand types, and the fastest way to compute it.

use super::convert::{int_to_float, literal_value, null_of};
use super::operation::Operation;
use super::{OperatorError, Result, Typed};
use crate::dynamic::arithmetic::ArithmeticOperator;
use crate::dynamic::order::DAY_MICROS;
use crate::types::{DYNAMIC, SqlType};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use outcrop_document::Value;

/// `left op right`.
pub(crate) fn arithmetic(op: ArithmeticOperator, left: Typed, right: Typed) -> Result<Typed> {
    let (a, b) = (left.sql_type(), right.sql_type());
    if a == SqlType::Null || b == SqlType::Null {
        return Ok(null_of(DataType::Null));
    }
    if a == SqlType::Dynamic || b == SqlType::Dynamic {
        return Ok(Operation::Arithmetic(op).call(vec![left.expr, right.expr], DYNAMIC));
    }
    if a == SqlType::Float && b.is_numeric() || b == SqlType::Float && a.is_numeric() {
        return Ok(float(op, as_float(left), as_float(right)));
    }
    let result = match (a, b) {
        (SqlType::Int, SqlType::Int) => Some(SqlType::Int),
        _ => temporal_type(op, &left, &right),
    };
    let Some(result) = result else {
        return Err(OperatorError::Operands {
            operator: op.symbol().to_owned(),
            left: a.name().to_owned(),
            right: b.name().to_owned(),
        });
    };
    Ok(Operation::Arithmetic(op).call(vec![left.expr, right.expr], result.arrow()))
}

/// `-x`.
pub(crate) fn negate(operand: Typed) -> Result<Typed> {
    match operand.sql_type() {
        SqlType::Null => Ok(operand),
        SqlType::Int | SqlType::MonthInterval | SqlType::MicrosecondInterval => {
            if let Some(value) = literal_value(&operand)
                && let Ok(negative) = crate::dynamic::arithmetic::negate(&value)
            {
                return Ok(super::literal(&negative));
            }
            let returns = operand.data_type;
            Ok(Operation::Negate.call(vec![operand.expr], returns))
        }
        SqlType::Float => match literal_value(&operand) {
            Some(Value::Float(value)) => Ok(super::literal(&Value::Float(-value))),
            _ => Ok(Typed::new(
                Expr::Negative(Box::new(operand.expr)),
                DataType::Float64,
            )),
        },
        SqlType::Dynamic => Ok(Operation::Negate.call(vec![operand.expr], DYNAMIC)),
        found => Err(OperatorError::Operand {
            what: "operator `-`".to_owned(),
            found: found.name().to_owned(),
        }),
    }
}

/// `x || y` of strings, bytes or arrays.
pub(crate) fn concatenate(left: Typed, right: Typed) -> Result<Typed> {
    let (a, b) = (left.sql_type(), right.sql_type());
    match (a, b) {
        (SqlType::Null, _) | (_, SqlType::Null) => Ok(null_of(DataType::Null)),
        (SqlType::String, SqlType::String) => {
            let expr = BinaryExpr::new(
                Box::new(left.expr),
                Operator::StringConcat,
                Box::new(right.expr),
            );
            Ok(Typed::new(Expr::BinaryExpr(expr), DataType::Utf8View))
        }
        (SqlType::Bytes, SqlType::Bytes) => {
            Ok(Operation::Concatenate.call(vec![left.expr, right.expr], DataType::Binary))
        }
        (SqlType::Dynamic, SqlType::Dynamic | SqlType::String | SqlType::Bytes)
        | (SqlType::String | SqlType::Bytes, SqlType::Dynamic) => {
            Ok(Operation::Concatenate.call(vec![left.expr, right.expr], DYNAMIC))
        }
        _ => Err(OperatorError::Operands {
            operator: "||".to_owned(),
            left: a.name().to_owned(),
            right: b.name().to_owned(),
        }),
    }
}

fn as_float(operand: Typed) -> Typed {
    if operand.sql_type() == SqlType::Int {
        int_to_float(operand)
    } else {
        operand
    }
}

fn float(op: ArithmeticOperator, left: Typed, right: Typed) -> Typed {
    let op = match op {
        ArithmeticOperator::Add => Operator::Plus,
        ArithmeticOperator::Subtract => Operator::Minus,
        ArithmeticOperator::Multiply => Operator::Multiply,
        ArithmeticOperator::Divide => Operator::Divide,
        ArithmeticOperator::Modulo => Operator::Modulo,
    };
    let expr = BinaryExpr::new(Box::new(left.expr), op, Box::new(right.expr));
    Typed::new(Expr::BinaryExpr(expr), DataType::Float64)
}

/// The result type where dates, times and intervals are involved; `None` where the operator has no
/// meaning.
fn temporal_type(op: ArithmeticOperator, left: &Typed, right: &Typed) -> Option<SqlType> {
    use ArithmeticOperator::{Add, Divide, Multiply, Subtract};
    use SqlType::{MicrosecondInterval, MonthInterval, Time};
    let (a, b) = (left.sql_type(), right.sql_type());
    let is_interval = |sql_type| matches!(sql_type, MonthInterval | MicrosecondInterval);
    match op {
        Add | Subtract if is_interval(a) && is_interval(b) => (a == b).then_some(a),
        Add | Subtract if is_interval(b) => shifted_type(a, right),
        Add if is_interval(a) => shifted_type(b, left),
        Subtract if a.is_calendar() && b.is_calendar() => Some(MicrosecondInterval),
        Subtract if a == Time && b == Time => Some(MicrosecondInterval),
        Multiply | Divide if is_interval(a) && b.is_numeric() => Some(a),
        Multiply if is_interval(b) && a.is_numeric() => Some(b),
        _ => None,
    }
}

/// A date moved by a whole number of days, known from the text, stays a date; moved by any other
/// microsecond interval its type depends on the row, so that the result is dynamic.
fn shifted_type(moment: SqlType, interval: &Typed) -> Option<SqlType> {
    match (moment, interval.sql_type()) {
        (SqlType::Date, SqlType::MicrosecondInterval) => match literal_value(interval) {
            Some(Value::MicrosecondInterval(micros)) if micros % DAY_MICROS == 0 => {
                Some(SqlType::Date)
            }
            Some(_) => Some(SqlType::Datetime),
            None => Some(SqlType::Dynamic),
        },
        (SqlType::Date | SqlType::Datetime | SqlType::Timestamp, _) => Some(moment),
        (SqlType::Time, SqlType::MicrosecondInterval) => Some(moment),
        _ => None,
    }
}
