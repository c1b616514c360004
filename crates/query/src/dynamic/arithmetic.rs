//! Arithmetic on two values.

use super::EvaluationError;
use super::order::{DAY_MICROS, instant};
use crate::functions::calendar;
use outcrop_document::{Date, Datetime, Time, Timestamp, Value};

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArithmeticOperator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

impl ArithmeticOperator {
    /// The operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

type Result<T> = std::result::Result<T, EvaluationError>;

/// `left op right`; null when either is null.
///
/// # Errors
/// Overflow of ints and intervals, division of ints by zero, and operand types that the operator
/// has no meaning for.
pub(crate) fn arithmetic(op: ArithmeticOperator, left: &Value, right: &Value) -> Result<Value> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::Int(a), Value::Int(b)) => int(op, *a, *b).map(Value::Int),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            Ok(Value::Float(float(op, as_float(left), as_float(right))))
        }
        _ => temporal(op, left, right)?.ok_or_else(|| operands(op, left, right)),
    }
}

/// Int arithmetic: `/` truncates, `%` keeps the sign of the dividend.
pub(crate) fn int(op: ArithmeticOperator, a: i64, b: i64) -> Result<i64> {
    if b == 0 && matches!(op, ArithmeticOperator::Divide | ArithmeticOperator::Modulo) {
        return Err(EvaluationError::DivisionByZero);
    }
    match op {
        ArithmeticOperator::Add => a.checked_add(b),
        ArithmeticOperator::Subtract => a.checked_sub(b),
        ArithmeticOperator::Multiply => a.checked_mul(b),
        ArithmeticOperator::Divide => a.checked_div(b),
        ArithmeticOperator::Modulo => Some(a.wrapping_rem(b)),
    }
    .ok_or(overflow(op))
}

/// Float arithmetic, IEEE throughout.
pub(crate) fn float(op: ArithmeticOperator, a: f64, b: f64) -> f64 {
    match op {
        ArithmeticOperator::Add => a + b,
        ArithmeticOperator::Subtract => a - b,
        ArithmeticOperator::Multiply => a * b,
        ArithmeticOperator::Divide => a / b,
        ArithmeticOperator::Modulo => a % b,
    }
}

/// `-value`.
pub(crate) fn negate(value: &Value) -> Result<Value> {
    let failed = || EvaluationError::Overflow { operation: "-" };
    Ok(match value {
        Value::Null => Value::Null,
        Value::Int(value) => Value::Int(value.checked_neg().ok_or_else(failed)?),
        Value::Float(value) => Value::Float(-value),
        Value::MonthInterval(value) => {
            Value::MonthInterval(value.checked_neg().ok_or_else(failed)?)
        }
        Value::MicrosecondInterval(value) => {
            Value::MicrosecondInterval(value.checked_neg().ok_or_else(failed)?)
        }
        other => {
            return Err(EvaluationError::Type {
                what: "the operand of `-`".to_owned(),
                expected: "a number or an interval".to_owned(),
                found: other.value_type().name(),
            });
        }
    })
}

/// The number as a float; 0 for anything else, which callers rule out.
#[expect(
    clippy::cast_precision_loss,
    reason = "mixed arithmetic is float arithmetic"
)]
pub(crate) fn as_float(value: &Value) -> f64 {
    match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        _ => 0.0,
    }
}

fn overflow(op: ArithmeticOperator) -> EvaluationError {
    EvaluationError::Overflow {
        operation: op.symbol(),
    }
}

fn operands(op: ArithmeticOperator, left: &Value, right: &Value) -> EvaluationError {
    EvaluationError::Operands {
        operator: op.symbol(),
        left: left.value_type().name(),
        right: right.value_type().name(),
    }
}

/// Dates, times and intervals; `None` where the operator has no meaning.
fn temporal(op: ArithmeticOperator, left: &Value, right: &Value) -> Result<Option<Value>> {
    use ArithmeticOperator::{Add, Divide, Multiply, Subtract};
    match (op, left, right) {
        (Add, Value::MonthInterval(_) | Value::MicrosecondInterval(_), _)
            if !matches!(
                right,
                Value::MonthInterval(_) | Value::MicrosecondInterval(_)
            ) =>
        {
            shift(op, right, left)
        }
        (Add | Subtract, Value::MonthInterval(a), Value::MonthInterval(b)) => {
            int(op, *a, *b).map(|months| Some(Value::MonthInterval(months)))
        }
        (Add | Subtract, Value::MicrosecondInterval(a), Value::MicrosecondInterval(b)) => {
            int(op, *a, *b).map(|micros| Some(Value::MicrosecondInterval(micros)))
        }
        (Add | Subtract, _, Value::MonthInterval(_) | Value::MicrosecondInterval(_)) => {
            shift(op, left, right)
        }
        (Multiply | Divide, Value::MonthInterval(_) | Value::MicrosecondInterval(_), _) => {
            scale(op, left, right)
        }
        (Multiply, _, Value::MonthInterval(_) | Value::MicrosecondInterval(_)) => {
            scale(op, right, left)
        }
        (Subtract, Value::Time(a), Value::Time(b)) => {
            Ok(Some(Value::MicrosecondInterval(a.0 - b.0)))
        }
        (Subtract, _, _) => difference(op, left, right),
        _ => Ok(None),
    }
}

/// `a - b` of dates, datetimes and timestamps.
fn difference(op: ArithmeticOperator, left: &Value, right: &Value) -> Result<Option<Value>> {
    let (Some(a), Some(b)) = (instant(left), instant(right)) else {
        return Ok(None);
    };
    let micros = a.checked_sub(b).ok_or(overflow(op))?;
    Ok(Some(Value::MicrosecondInterval(micros)))
}

/// A calendar value moved by an interval.
fn shift(op: ArithmeticOperator, moment: &Value, interval: &Value) -> Result<Option<Value>> {
    let failed = || overflow(op);
    let sign = if op == ArithmeticOperator::Subtract {
        -1
    } else {
        1
    };
    match interval {
        Value::MonthInterval(months) => {
            let months = months.checked_mul(sign).ok_or_else(failed)?;
            let moved = match moment {
                Value::Date(date) => calendar::add_months(*date, months).map(Value::Date),
                Value::Datetime(Datetime(micros)) => calendar::add_months_micros(*micros, months)
                    .map(|m| Value::Datetime(Datetime(m))),
                Value::Timestamp(Timestamp(micros)) => calendar::add_months_micros(*micros, months)
                    .map(|m| Value::Timestamp(Timestamp(m))),
                _ => return Ok(None),
            };
            moved.ok_or_else(failed).map(Some)
        }
        Value::MicrosecondInterval(micros) => {
            let micros = micros.checked_mul(sign).ok_or_else(failed)?;
            shift_micros(moment, micros)
                .map_or(Ok(None), |moved| moved.ok_or_else(failed).map(Some))
        }
        _ => Ok(None),
    }
}

/// The outer `None` means that `moment` is no calendar value, the inner one an overflow.
fn shift_micros(moment: &Value, micros: i64) -> Option<Option<Value>> {
    Some(match moment {
        Value::Date(date) => shift_date(*date, micros),
        Value::Datetime(Datetime(at)) => at
            .checked_add(micros)
            .map(|at| Value::Datetime(Datetime(at))),
        Value::Timestamp(Timestamp(at)) => at
            .checked_add(micros)
            .map(|at| Value::Timestamp(Timestamp(at))),
        Value::Time(Time(at)) => at
            .checked_add(micros)
            .map(|at| Value::Time(Time(at.rem_euclid(DAY_MICROS)))),
        _ => return None,
    })
}

/// A date moved by whole days stays a date; by anything else it becomes a datetime.
fn shift_date(date: Date, micros: i64) -> Option<Value> {
    let at = i64::from(date.0)
        .saturating_mul(DAY_MICROS)
        .checked_add(micros)?;
    if micros % DAY_MICROS == 0 {
        i32::try_from(at / DAY_MICROS)
            .ok()
            .map(|days| Value::Date(Date(days)))
    } else {
        Some(Value::Datetime(Datetime(at)))
    }
}

/// An interval times or divided by a number; fractions of a unit are dropped.
fn scale(op: ArithmeticOperator, interval: &Value, number: &Value) -> Result<Option<Value>> {
    let (Value::MonthInterval(count) | Value::MicrosecondInterval(count)) = interval else {
        return Ok(None);
    };
    let scaled = match number {
        Value::Int(number) => int(op, *count, *number)?,
        #[expect(
            clippy::cast_precision_loss,
            reason = "a float factor makes it float arithmetic"
        )]
        Value::Float(number) => truncate(float(op, *count as f64, *number)).ok_or(overflow(op))?,
        _ => return Ok(None),
    };
    Ok(Some(match interval {
        Value::MonthInterval(_) => Value::MonthInterval(scaled),
        _ => Value::MicrosecondInterval(scaled),
    }))
}

/// A float as an int, its fraction dropped; `None` outside the range of ints.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(crate) fn truncate(value: f64) -> Option<i64> {
    /// 2⁶³, exact as a float.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (-LIMIT..LIMIT).contains(&value).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::ArithmeticOperator::*;
    use super::*;

    fn check(op: ArithmeticOperator, left: Value, right: Value, expected: Value) {
        assert_eq!(arithmetic(op, &left, &right).unwrap(), expected);
    }

    #[test]
    fn ints_stay_ints_and_division_truncates() {
        check(Divide, Value::Int(7), Value::Int(2), Value::Int(3));
        check(Divide, Value::Int(-7), Value::Int(2), Value::Int(-3));
        check(Modulo, Value::Int(-7), Value::Int(2), Value::Int(-1));
        check(Modulo, Value::Int(i64::MIN), Value::Int(-1), Value::Int(0));
        check(
            Multiply,
            Value::Int(3),
            Value::Float(0.5),
            Value::Float(1.5),
        );
    }

    #[test]
    fn int_overflow_and_division_by_zero_are_errors() {
        assert!(arithmetic(Add, &Value::Int(i64::MAX), &Value::Int(1)).is_err());
        let error = arithmetic(Divide, &Value::Int(1), &Value::Int(0)).unwrap_err();
        assert_eq!(error.to_string(), "division by zero");
        check(
            Divide,
            Value::Float(1.0),
            Value::Int(0),
            Value::Float(f64::INFINITY),
        );
    }

    #[test]
    fn dates_move_by_intervals() {
        let jan_31 = Value::Date(Date(30));
        check(
            Add,
            jan_31.clone(),
            Value::MonthInterval(1),
            Value::Date(Date(58)),
        );
        check(
            Add,
            Value::MicrosecondInterval(DAY_MICROS),
            jan_31.clone(),
            Value::Date(Date(31)),
        );
        let hour = Value::MicrosecondInterval(3_600_000_000);
        check(
            Subtract,
            jan_31,
            hour,
            Value::Datetime(Datetime(30 * DAY_MICROS - 3_600_000_000)),
        );
    }

    #[test]
    fn unlike_operands_are_errors() {
        let error = arithmetic(Add, &Value::from("a"), &Value::Int(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "operator `+` does not take string and int"
        );
        check(Add, Value::Null, Value::from("a"), Value::Null);
    }
}
