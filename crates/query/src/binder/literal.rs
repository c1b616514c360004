//! Constants: numbers, text, typed literals, intervals and parameters.

use datafusion::sql::sqlparser::ast::{DateTimeField, Expr as Ast, Interval, Value as AstValue};
use outcrop_document::{Date, Datetime, Time, Timestamp, Value};

use super::BindContext;
use crate::dialect::marker;
use crate::types::SqlType;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// What is wrong with a constant, in words.
pub(super) type Complaint = String;

/// The value of a literal or parameter.
pub(super) fn value(literal: &AstValue, context: &BindContext<'_>) -> Result<Value, Complaint> {
    match literal {
        AstValue::Null => Ok(Value::Null),
        AstValue::Boolean(truth) => Ok(Value::Bool(*truth)),
        AstValue::Number(digits, _) => number(digits),
        AstValue::SingleQuotedString(text)
        | AstValue::UnicodeStringLiteral(text)
        | AstValue::NationalStringLiteral(text) => Ok(Value::String(text.clone())),
        AstValue::HexStringLiteral(digits) => hex(digits).map(Value::Bytes),
        AstValue::Placeholder(text) => match marker::parameter_name(text) {
            Some(name) => parameter(name, context),
            None => Ok(Value::Null),
        },
        other => Err(format!("`{other}` is not a literal of this dialect")),
    }
}

fn parameter(name: &str, context: &BindContext<'_>) -> Result<Value, Complaint> {
    let found = context
        .parameters
        .iter()
        .find(|parameter| parameter.name == name);
    found
        .map(|parameter| parameter.value.clone())
        .ok_or_else(|| format!("parameter `{name}` is used but has no value"))
}

/// A number as written, with its sign if it has one.
pub(super) fn number(digits: &str) -> Result<Value, Complaint> {
    if digits.contains(['.', 'e', 'E']) {
        return digits
            .parse()
            .map(Value::Float)
            .map_err(|_| format!("`{digits}` is no number"));
    }
    digits
        .parse()
        .map(Value::Int)
        .map_err(|_| format!("`{digits}` does not fit into a 64-bit integer"))
}

fn hex(digits: &str) -> Result<Vec<u8>, Complaint> {
    let complaint = || format!("`X'{digits}'` is not an even number of hexadecimal digits");
    let nibbles = digits
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(complaint)?;
    if nibbles.len() % 2 == 1 {
        return Err(complaint());
    }
    Ok(nibbles
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect())
}

/// `DATE '2020-01-01'` and its like; `None` for types whose text is read by a cast.
pub(super) fn typed(sql_type: SqlType, text: &str) -> Option<Result<Value, Complaint>> {
    let read = match sql_type {
        SqlType::Date => Date::parse(text).map(Value::Date),
        SqlType::Time => Time::parse(text).map(Value::Time),
        SqlType::Datetime => Datetime::parse(text).map(Value::Datetime),
        SqlType::Timestamp => Timestamp::parse(text).map(Value::Timestamp),
        SqlType::String => Ok(Value::String(text.to_owned())),
        SqlType::Bytes => Ok(Value::Bytes(text.as_bytes().to_vec())),
        _ => return None,
    };
    Some(read.map_err(|error| error.to_string()))
}

/// An interval of either family.
///
/// The size may be a number (`1.5`), a text with a number (`'3'`), a text with fields for a range of
/// units (`'1-2' YEAR TO MONTH`, `'1 02:30:00' DAY TO SECOND`), or a text that names its own units
/// (`'3 days 2 hours'`).
pub(super) fn interval(interval: &Interval, context: &BindContext<'_>) -> Result<Value, Complaint> {
    let Ast::Value(size) = interval.value.as_ref() else {
        return Err("the size of an interval must be a literal".to_owned());
    };
    let text = match &size.value {
        AstValue::Number(digits, _) => digits.clone(),
        other => match value(other, context)? {
            Value::String(text) => text,
            Value::Int(count) => count.to_string(),
            Value::Float(count) => count.to_string(),
            Value::Null => return Ok(Value::Null),
            _ => return Err("the size of an interval must be a number".to_owned()),
        },
    };
    match (&interval.leading_field, &interval.last_field) {
        (Some(unit), None) => sized(text.trim(), unit),
        (Some(first), Some(last)) => ranged(text.trim(), first, last),
        (None, _) => worded(text.trim()),
    }
}

/// Months or microseconds of one `unit`: exactly one of the two is not zero.
fn unit_size(unit: &DateTimeField) -> Option<(i64, i64)> {
    Some(match unit {
        DateTimeField::Year | DateTimeField::Years => (12, 0),
        DateTimeField::Month | DateTimeField::Months => (1, 0),
        DateTimeField::Week(_) | DateTimeField::Weeks => (0, 7 * 86_400 * SECOND),
        DateTimeField::Day | DateTimeField::Days => (0, 86_400 * SECOND),
        DateTimeField::Hour | DateTimeField::Hours => (0, 3_600 * SECOND),
        DateTimeField::Minute | DateTimeField::Minutes => (0, 60 * SECOND),
        DateTimeField::Second | DateTimeField::Seconds => (0, SECOND),
        DateTimeField::Millisecond | DateTimeField::Milliseconds => (0, 1_000),
        DateTimeField::Microsecond | DateTimeField::Microseconds => (0, 1),
        _ => return None,
    })
}

fn sized(count: &str, unit: &DateTimeField) -> Result<Value, Complaint> {
    let (months, micros) =
        unit_size(unit).ok_or_else(|| format!("`{unit}` is not a unit of intervals"))?;
    let too_large = || format!("the interval `{count} {unit}` is too large");
    if months > 0 {
        let count: i64 = count
            .parse()
            .map_err(|_| format!("`{count}` is not a whole number of {unit}"))?;
        return count
            .checked_mul(months)
            .map(Value::MonthInterval)
            .ok_or_else(too_large);
    }
    if let Ok(count) = count.parse::<i64>() {
        return count
            .checked_mul(micros)
            .map(Value::MicrosecondInterval)
            .ok_or_else(too_large);
    }
    let count: f64 = count
        .parse()
        .map_err(|_| format!("`{count}` is not a number of {unit}"))?;
    #[expect(clippy::cast_precision_loss, reason = "unit sizes are far below 2^53")]
    let total = (count * micros as f64).round();
    if !total.is_finite() || total.abs() >= 9.2e18 {
        return Err(too_large());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked above"
    )]
    Ok(Value::MicrosecondInterval(total as i64))
}

/// `'1-2' YEAR TO MONTH`: one number per unit from `first` on, split by anything but digits.
fn ranged(text: &str, first: &DateTimeField, last: &DateTimeField) -> Result<Value, Complaint> {
    const UNITS: [DateTimeField; 6] = [
        DateTimeField::Year,
        DateTimeField::Month,
        DateTimeField::Day,
        DateTimeField::Hour,
        DateTimeField::Minute,
        DateTimeField::Second,
    ];
    let place = |unit: &DateTimeField| UNITS.iter().position(|other| other == unit);
    let (Some(from), Some(to)) = (place(first), place(last)) else {
        return Err(format!("`{first} TO {last}` is not a range of units"));
    };
    if from > to || (from < 2) != (to < 2) {
        return Err(format!(
            "`{first} TO {last}` mixes months with smaller units"
        ));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let parts: Vec<_> = digits
        .split(['-', ':', ' '])
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() || parts.len() > to - from + 1 {
        return Err(format!("`{text}` does not fit `{first} TO {last}`"));
    }
    let sizes = parts
        .iter()
        .zip(&UNITS[from..])
        .map(|(part, unit)| sized(part, unit));
    let total = sum(sizes.collect::<Result<Vec<_>, _>>()?)?;
    Ok(match total {
        Value::MonthInterval(months) if negative => Value::MonthInterval(-months),
        Value::MicrosecondInterval(micros) if negative => Value::MicrosecondInterval(-micros),
        other => other,
    })
}

/// `'3 days 2 hours'`.
fn worded(text: &str) -> Result<Value, Complaint> {
    let words: Vec<_> = text.split_whitespace().collect();
    if words.is_empty() || words.len() % 2 == 1 {
        return Err(format!("the interval `{text}` needs a unit such as DAY"));
    }
    let sizes = words.chunks(2).map(|pair| {
        let unit = unit_named(pair[1]).ok_or_else(|| format!("`{}` is not a unit", pair[1]))?;
        sized(pair[0], &unit)
    });
    sum(sizes.collect::<Result<Vec<_>, _>>()?)
}

fn sum(sizes: Vec<Value>) -> Result<Value, Complaint> {
    let mut sizes = sizes.into_iter();
    let first = sizes.next().unwrap_or(Value::MicrosecondInterval(0));
    let too_large = || "the interval is too large".to_owned();
    sizes.try_fold(first, |total, size| match (total, size) {
        (Value::MonthInterval(a), Value::MonthInterval(b)) => a
            .checked_add(b)
            .map(Value::MonthInterval)
            .ok_or_else(too_large),
        (Value::MicrosecondInterval(a), Value::MicrosecondInterval(b)) => a
            .checked_add(b)
            .map(Value::MicrosecondInterval)
            .ok_or_else(too_large),
        _ => Err("an interval cannot mix months with smaller units".to_owned()),
    })
}

fn unit_named(name: &str) -> Option<DateTimeField> {
    let name = name.to_ascii_lowercase();
    Some(match name.strip_suffix('s').unwrap_or(&name) {
        "year" => DateTimeField::Year,
        "month" => DateTimeField::Month,
        "week" => DateTimeField::Week(None),
        "day" => DateTimeField::Day,
        "hour" => DateTimeField::Hour,
        "minute" => DateTimeField::Minute,
        "second" => DateTimeField::Second,
        "millisecond" => DateTimeField::Millisecond,
        "microsecond" => DateTimeField::Microsecond,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_exact_and_points_make_floats() {
        assert_eq!(number("9223372036854775807"), Ok(Value::Int(i64::MAX)));
        assert_eq!(number("-9223372036854775808"), Ok(Value::Int(i64::MIN)));
        assert!(number("9223372036854775808").is_err());
        assert_eq!(number("1."), Ok(Value::Float(1.0)));
        assert_eq!(number("1e3"), Ok(Value::Float(1000.0)));
    }

    #[test]
    fn intervals_are_months_or_microseconds_and_never_both() {
        let day = 86_400 * SECOND;
        assert_eq!(
            sized("1.5", &DateTimeField::Hour),
            Ok(Value::MicrosecondInterval(5_400 * SECOND))
        );
        assert_eq!(
            sized("-2", &DateTimeField::Year),
            Ok(Value::MonthInterval(-24))
        );
        let years = ranged("1-2", &DateTimeField::Year, &DateTimeField::Month);
        assert_eq!(years, Ok(Value::MonthInterval(14)));
        let days = ranged("-1 02:30:00", &DateTimeField::Day, &DateTimeField::Second);
        assert_eq!(
            days,
            Ok(Value::MicrosecondInterval(-(day + 9_000 * SECOND)))
        );
        assert_eq!(worded("3 days"), Ok(Value::MicrosecondInterval(3 * day)));
        assert!(worded("1 month 2 days").is_err());
        assert!(sized("9223372036854775807", &DateTimeField::Day).is_err());
    }

    #[test]
    fn hexadecimal_text_is_bytes() {
        assert_eq!(hex("CAfe"), Ok(vec![0xca, 0xfe]));
        assert!(hex("abc").is_err());
        assert!(hex("zz").is_err());
    }
}
