//! Comparison of two values by the rules of the dialect.

use outcrop_document::{Datetime, Timestamp, Value};
use std::cmp::Ordering;

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

/// The order of two values, or `None` where comparing them gives null: a null operand, or unlike
/// types. Ints and floats are alike; so are dates, datetimes and timestamps, a date being its
/// midnight and a civil time being taken as UTC.
pub(crate) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    if matches!(left, Value::Null) || matches!(right, Value::Null) {
        return None;
    }
    let (left_type, right_type) = (left.value_type(), right.value_type());
    if left_type == right_type || (left_type.is_number() && right_type.is_number()) {
        return Some(left.compare(right));
    }
    Some(instant(left)?.cmp(&instant(right)?))
}

/// The microseconds since the epoch, taken as UTC, of a date, a datetime or a timestamp.
pub(crate) fn instant(value: &Value) -> Option<i64> {
    match value {
        Value::Date(date) => Some(i64::from(date.0).saturating_mul(DAY_MICROS)),
        Value::Datetime(Datetime(micros)) => Some(*micros),
        Value::Timestamp(timestamp) => Some(timestamp.0),
        _ => None,
    }
}

/// A date or a datetime as the timestamp that it compares as; other values as they are.
pub(crate) fn as_timestamp(value: Value) -> Value {
    match instant(&value) {
        Some(micros) => Value::Timestamp(Timestamp(micros)),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_document::Date;

    #[test]
    fn unlike_types_do_not_compare() {
        assert_eq!(compare(&Value::Int(5), &Value::from("5")), None);
        assert_eq!(compare(&Value::Bool(true), &Value::Int(1)), None);
        assert_eq!(compare(&Value::Null, &Value::Null), None);
    }

    #[test]
    fn numbers_compare_across_types() {
        assert_eq!(
            compare(&Value::Int(1), &Value::Float(1.0)),
            Some(Ordering::Equal)
        );
        assert_eq!(
            compare(&Value::Int(1), &Value::Float(1.5)),
            Some(Ordering::Less)
        );
    }

    #[test]
    fn calendar_types_compare_in_utc_from_midnight() {
        let date = Value::Date(Date(1));
        let datetime = Value::Datetime(Datetime(DAY_MICROS));
        let timestamp = Value::Timestamp(Timestamp(DAY_MICROS + 1));
        assert_eq!(compare(&date, &datetime), Some(Ordering::Equal));
        assert_eq!(compare(&datetime, &timestamp), Some(Ordering::Less));
    }
}
