//! Casts of single values.

use crate::dynamic::EvaluationError;
use crate::dynamic::arithmetic::{as_float, truncate};
use crate::dynamic::order::{DAY_MICROS, instant};
use crate::operators::CastKind;
use crate::types::SqlType;
use outcrop_document::{Date, Datetime, Time, Timestamp, Value, json};

type Result<T> = std::result::Result<T, EvaluationError>;

/// Longest part of a value that an error message repeats, in characters.
const MESSAGE_VALUE_MAX: usize = 64;

/// Casts one value. Null stays null, except that `STATIC_CAST(null AS bool)` is false.
///
/// # Errors
/// [`EvaluationError::NoCast`] for a pair of types without a cast and [`EvaluationError::Cast`] for a
/// value that does not fit; the `TRY` forms give null instead of both.
pub(crate) fn cast_value(kind: CastKind, value: &Value, target: SqlType) -> Result<Value> {
    let cast = match kind {
        CastKind::Cast | CastKind::TryCast => wide(value, target),
        CastKind::StaticCast | CastKind::TryStaticCast => static_cast(value, target),
    };
    match cast {
        Err(EvaluationError::Cast { .. } | EvaluationError::NoCast { .. }) if kind.is_try() => {
            Ok(Value::Null)
        }
        other => other,
    }
}

fn wide(value: &Value, target: SqlType) -> Result<Value> {
    if matches!(value, Value::Null) || value.value_type().name() == target.name() {
        return Ok(value.clone());
    }
    match target {
        SqlType::Bool => to_bool(value),
        SqlType::Int => to_int(value),
        SqlType::Float => to_float(value),
        SqlType::String => to_text(value).map(Value::String),
        SqlType::Bytes => match value {
            Value::String(text) => Ok(Value::Bytes(text.clone().into_bytes())),
            _ => Err(no_cast(value, target)),
        },
        SqlType::Date | SqlType::Datetime | SqlType::Time | SqlType::Timestamp => {
            to_temporal(value, target)
        }
        SqlType::MonthInterval => to_count(value, target).map(Value::MonthInterval),
        SqlType::MicrosecondInterval => to_count(value, target).map(Value::MicrosecondInterval),
        SqlType::Dynamic => Ok(value.clone()),
        SqlType::Null | SqlType::Array | SqlType::Object | SqlType::Geography => {
            Err(no_cast(value, target))
        }
    }
}

fn static_cast(value: &Value, target: SqlType) -> Result<Value> {
    if target == SqlType::Bool {
        return Ok(Value::Bool(is_truthy(value)));
    }
    match (value, target) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Bool(_) | Value::Int(_) | Value::Float(_), SqlType::Int) => to_int(value),
        (Value::Bool(_) | Value::Int(_) | Value::Float(_), SqlType::Float) => to_float(value),
        _ if value.value_type().name() == target.name() => Ok(value.clone()),
        _ => Err(no_cast(value, target)),
    }
}

/// Truth as Python sees it: zero, null, empty text and empty containers are false.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Int(value) | Value::MonthInterval(value) | Value::MicrosecondInterval(value) => {
            *value != 0
        }
        Value::Float(value) => *value != 0.0,
        Value::String(text) => !text.is_empty(),
        Value::Bytes(bytes) => !bytes.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    }
}

fn to_bool(value: &Value) -> Result<Value> {
    match value {
        Value::Int(_) | Value::Float(_) => Ok(Value::Bool(as_float(value) != 0.0)),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        Value::String(_) => Err(bad_value(value, SqlType::Bool)),
        _ => Err(no_cast(value, SqlType::Bool)),
    }
}

fn to_int(value: &Value) -> Result<Value> {
    match value {
        Value::Int(_) => Some(value.clone()),
        Value::Bool(value) => Some(Value::Int(i64::from(*value))),
        Value::Float(float) => truncate(*float).map(Value::Int),
        Value::String(text) => text.parse().ok().map(Value::Int),
        _ => return Err(no_cast(value, SqlType::Int)),
    }
    .ok_or_else(|| bad_value(value, SqlType::Int))
}

fn to_float(value: &Value) -> Result<Value> {
    match value {
        Value::Float(_) => Some(value.clone()),
        Value::Int(_) => Some(Value::Float(as_float(value))),
        Value::Bool(value) => Some(Value::Float(if *value { 1.0 } else { 0.0 })),
        Value::String(text) => text.parse().ok().map(Value::Float),
        _ => return Err(no_cast(value, SqlType::Float)),
    }
    .ok_or_else(|| bad_value(value, SqlType::Float))
}

/// The count of an interval out of a number, its fraction dropped.
fn to_count(value: &Value, target: SqlType) -> Result<i64> {
    match value {
        Value::Int(count) => Ok(*count),
        Value::Float(count) => truncate(*count).ok_or_else(|| bad_value(value, target)),
        _ => Err(no_cast(value, target)),
    }
}

/// The text of a value as `CAST(… AS string)` gives it.
pub(crate) fn to_text(value: &Value) -> Result<String> {
    Ok(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => float_text(*value),
        Value::String(text) => text.clone(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return Err(bad_value(value, SqlType::String)),
        },
        Value::Date(date) => date.to_string(),
        Value::Datetime(datetime) => datetime.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Timestamp(timestamp) => timestamp.to_string(),
        Value::MonthInterval(count) | Value::MicrosecondInterval(count) => count.to_string(),
        Value::Array(_) | Value::Object(_) => json_text(value),
        Value::Null | Value::Geography(_) => return Err(no_cast(value, SqlType::String)),
    })
}

/// The compact JSON text of a value, as results carry it.
pub(crate) fn json_text(value: &Value) -> String {
    let mut out = Vec::new();
    json::write_json(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The shortest text that reads back as the same float; integral values keep their point.
pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        format!("{value:?}")
    }
}

fn to_temporal(value: &Value, target: SqlType) -> Result<Value> {
    if let Value::String(text) = value {
        return parse_temporal(text, target).ok_or_else(|| bad_value(value, target));
    }
    let Some(micros) = instant(value) else {
        return Err(no_cast(value, target));
    };
    match (value, target) {
        (_, SqlType::Datetime) => Ok(Value::Datetime(Datetime(micros))),
        (_, SqlType::Timestamp) => Ok(Value::Timestamp(Timestamp(micros))),
        (_, SqlType::Date) => i32::try_from(micros.div_euclid(DAY_MICROS))
            .map(|days| Value::Date(Date(days)))
            .map_err(|_| bad_value(value, target)),
        (Value::Datetime(_) | Value::Timestamp(_), SqlType::Time) => {
            Ok(Value::Time(Time(micros.rem_euclid(DAY_MICROS))))
        }
        _ => Err(no_cast(value, target)),
    }
}

fn parse_temporal(text: &str, target: SqlType) -> Option<Value> {
    match target {
        SqlType::Date => Date::parse(text).ok().map(Value::Date),
        SqlType::Datetime => Datetime::parse(text).ok().map(Value::Datetime),
        SqlType::Time => Time::parse(text).ok().map(Value::Time),
        SqlType::Timestamp => Timestamp::parse(text).ok().map(Value::Timestamp),
        _ => None,
    }
}

fn no_cast(value: &Value, target: SqlType) -> EvaluationError {
    EvaluationError::NoCast {
        from: value.value_type().name(),
        to: target.name(),
    }
}

fn bad_value(value: &Value, target: SqlType) -> EvaluationError {
    let text = to_text_lossy(value);
    let value_text = text.chars().take(MESSAGE_VALUE_MAX).collect();
    EvaluationError::Cast {
        from: value.value_type().name(),
        value: value_text,
        to: target.name(),
    }
}

fn to_text_lossy(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Null => "null".to_owned(),
        other => to_text(other).unwrap_or_default(),
    }
}
