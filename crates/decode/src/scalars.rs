//! Numbers and times of binary formats as values.
//!
//! Dates and times are of the years 1 to 9999, as everywhere; nanoseconds are cut to microseconds.

use outcrop_document::{Date, Datetime, Time, Timestamp, Value};

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// How often a second is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl Unit {
    /// `None` for what 64 bits cannot count in microseconds.
    fn micros(self, count: i64) -> Option<i64> {
        match self {
            Self::Millisecond => count.checked_mul(1_000),
            Self::Microsecond => Some(count),
            Self::Nanosecond => Some(count.div_euclid(1_000)),
        }
    }
}

/// The date so many days after 1970-01-01.
pub(crate) fn date(days: i32) -> Result<Value, String> {
    let date = Date(days);
    match (Date::MIN..=Date::MAX).contains(&date) {
        true => Ok(Value::Date(date)),
        false => Err(far("date")),
    }
}

/// The time of day so long after midnight.
pub(crate) fn time(count: i64, unit: Unit) -> Result<Value, String> {
    let micros = unit.micros(count);
    let micros = micros.filter(|micros| (0..DAY_MICROS).contains(micros));
    micros
        .map(|micros| Value::Time(Time(micros)))
        .ok_or_else(|| "there is no such time of day".to_owned())
}

/// The instant so long after 1970-01-01 in UTC.
pub(crate) fn timestamp(count: i64, unit: Unit) -> Result<Value, String> {
    let timestamp = unit.micros(count).and_then(Timestamp::from_micros);
    timestamp
        .map(Value::Timestamp)
        .ok_or_else(|| far("timestamp"))
}

/// The civil time so long after 1970-01-01.
pub(crate) fn datetime(count: i64, unit: Unit) -> Result<Value, String> {
    let datetime = unit.micros(count).and_then(Datetime::from_micros);
    datetime.map(Value::Datetime).ok_or_else(|| far("datetime"))
}

fn far(what: &str) -> String {
    format!("the {what} is not within the years 1 to 9999")
}

/// A decimal number of these digits, of which `scale` are behind the point.
///
/// It is an int if its type has no digits behind the point and it fits, else the nearest float.
pub(crate) fn decimal(digits: &str, scale: i64) -> Value {
    if scale == 0
        && let Ok(int) = digits.parse()
    {
        return Value::Int(int);
    }
    let float = format!("{digits}e{}", scale.saturating_neg()).parse();
    Value::Float(float.expect("digits with an exponent are a float"))
}

/// An unsigned number: an int if it fits, else the nearest float, as in JSON.
pub(crate) fn unsigned(value: u64) -> Value {
    i64::try_from(value).map_or(Value::Float(value as f64), Value::Int)
}

/// The text of a UUID.
pub(crate) fn uuid(bytes: [u8; 16]) -> Value {
    Value::String(uuid::Uuid::from_bytes(bytes).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_ints_or_nearest_floats() {
        let huge = "123456789012345678901234567890";
        for (digits, scale, expected) in [
            ("-12", 0, Value::Int(-12)),
            ("9223372036854775808", 0, Value::Float(9.223372036854776e18)),
            (huge, 0, Value::Float(1.2345678901234568e29)),
            ("100", 2, Value::Float(1.0)),
            ("-1", 1, Value::Float(-0.1)),
            ("12", -3, Value::Float(12_000.0)),
        ] {
            assert_eq!(decimal(digits, scale), expected, "{digits} {scale}");
        }
    }

    #[test]
    fn what_no_calendar_has_is_refused() {
        assert!(date(i32::MAX).is_err());
        assert!(time(DAY_MICROS, Unit::Microsecond).is_err());
        assert!(time(-1, Unit::Nanosecond).is_err());
        assert!(timestamp(i64::MAX, Unit::Millisecond).is_err());
        assert!(datetime(i64::MIN, Unit::Microsecond).is_err());
        let before = timestamp(-1, Unit::Nanosecond).unwrap();
        assert_eq!(before, Value::Timestamp(Timestamp(-1)));
    }
}
