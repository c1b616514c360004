//! Time zones: names of the tz database, or offsets from UTC given as intervals.

use super::definition::{Evaluated, Returns, ScalarFunction};
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use jiff::tz::{Offset, TimeZone};
use outcrop_document::{Datetime, Timestamp, Value};

/// What a zone argument takes.
pub(super) const ZONE: Kinds = Kinds::STRING.or(Kinds::MICROS);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[ScalarFunction::new(
    &["AT_TIME_ZONE", "AT_TIMEZONE"],
    &[Kinds::CALENDAR, ZONE],
    Returns::Rule(|types| match types.first() {
        Some(SqlType::Timestamp) => SqlType::Datetime,
        Some(SqlType::Dynamic) => SqlType::Dynamic,
        _ => SqlType::Timestamp,
    }),
    at_time_zone,
    "The instant of a civil time in a zone, or the civil time of an instant there.",
)];

type Result<T> = std::result::Result<T, EvaluationError>;

/// The zone that an argument names.
pub(super) fn zone(function: &'static str, argument: &Value) -> Result<TimeZone> {
    let unknown = |text: String| {
        EvaluationError::argument(function, format!("time zone `{text}` is not known"))
    };
    match argument {
        Value::String(name) => {
            TimeZone::get(name).or_else(|_| offset_zone(name).ok_or_else(|| unknown(name.clone())))
        }
        Value::MicrosecondInterval(micros) => i32::try_from(micros / 1_000_000)
            .ok()
            .and_then(|seconds| Offset::from_seconds(seconds).ok())
            .map(TimeZone::fixed)
            .ok_or_else(|| unknown(format!("{micros} microseconds"))),
        other => Err(unknown(other.value_type().name().to_owned())),
    }
}

/// `+02:00` or `-0330` as a zone.
fn offset_zone(text: &str) -> Option<TimeZone> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits[..2].parse().ok()?;
    let minutes: i32 = if digits.len() == 4 {
        digits[2..].parse().ok()?
    } else {
        0
    };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60))
        .ok()
        .map(TimeZone::fixed)
}

fn out_of_range(function: &'static str) -> EvaluationError {
    EvaluationError::argument(function, "the time is out of range")
}

/// What a clock in the zone shows at an instant.
pub(super) fn to_civil(
    function: &'static str,
    at: Timestamp,
    argument: &Value,
) -> Result<Datetime> {
    let zone = zone(function, argument)?;
    let instant = jiff::Timestamp::from_microsecond(at.0).map_err(|_| out_of_range(function))?;
    let offset = zone.to_offset(instant).seconds();
    Ok(Datetime(at.0 + i64::from(offset) * 1_000_000))
}

/// The instant at which a clock in the zone shows a civil time. In a gap the clock is read as before
/// it, in a fold the earlier instant is taken.
pub(super) fn to_instant(
    function: &'static str,
    civil: Datetime,
    argument: &Value,
) -> Result<Timestamp> {
    let zone = zone(function, argument)?;
    let instant = zone
        .to_timestamp(civil_datetime(function, civil)?)
        .map_err(|_| out_of_range(function))?;
    Ok(Timestamp(instant.as_microsecond()))
}

/// A civil time as jiff has it.
pub(super) fn civil_datetime(
    function: &'static str,
    civil: Datetime,
) -> Result<jiff::civil::DateTime> {
    let instant = jiff::Timestamp::from_microsecond(civil.0).map_err(|_| out_of_range(function))?;
    Ok(Offset::UTC.to_datetime(instant))
}

fn at_time_zone(x: &[Value]) -> Evaluated {
    const NAME: &str = "AT TIME ZONE";
    match &x[0] {
        Value::Timestamp(at) => to_civil(NAME, *at, &x[1]).map(Value::Datetime),
        Value::Datetime(civil) => to_instant(NAME, *civil, &x[1]).map(Value::Timestamp),
        Value::Date(date) => {
            let midnight = date.midnight().ok_or_else(|| out_of_range(NAME))?;
            to_instant(NAME, midnight, &x[1]).map(Value::Timestamp)
        }
        _ => Ok(Value::Null),
    }
}
