//! Dates and times as text and back, by strftime patterns and in ISO 8601.
//!
//! Patterns are those of strftime as `jiff` reads them, with BigQuery's `%E` forms translated.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::text;
use super::zone::{ZONE, civil_datetime, to_civil, to_instant, zone};
use crate::dynamic::EvaluationError;
use crate::dynamic::order::instant;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use jiff::fmt::strtime::BrokenDownTime;
use outcrop_document::{Date, Datetime, Time, Timestamp, Value};

const S: Kinds = Kinds::STRING;
const STRING: Returns = Returns::Type(SqlType::String);
const DATE: Returns = Returns::Type(SqlType::Date);
const TIME: Returns = Returns::Type(SqlType::Time);
const DATETIME: Returns = Returns::Type(SqlType::Datetime);
const TIMESTAMP: Returns = Returns::Type(SqlType::Timestamp);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["FORMAT_DATE"],
        &[S, Kinds::CALENDAR],
        STRING,
        |x| format("FORMAT_DATE", x),
        "A date by a pattern.",
    ),
    ScalarFunction::new(
        &["FORMAT_TIME"],
        &[S, Kinds::TEMPORAL],
        STRING,
        |x| format("FORMAT_TIME", x),
        "A time by a pattern.",
    ),
    ScalarFunction::new(
        &["FORMAT_DATETIME"],
        &[S, Kinds::CALENDAR],
        STRING,
        |x| format("FORMAT_DATETIME", x),
        "A datetime, or a timestamp in UTC, by a pattern.",
    ),
    ScalarFunction::new(
        &["FORMAT_TIMESTAMP"],
        &[S, Kinds::CALENDAR, ZONE],
        STRING,
        |x| format("FORMAT_TIMESTAMP", x),
        "A timestamp in a zone, UTC by default, by a pattern.",
    )
    .requires(2),
    ScalarFunction::new(
        &["FORMAT_ISO8601"],
        &[Kinds::TEMPORAL, ZONE],
        STRING,
        format_iso,
        "A date or time in the extended form of ISO 8601, a timestamp in a \
             zone if one is given.",
    )
    .requires(1),
    ScalarFunction::new(
        &["PARSE_DATE"],
        &[S, S],
        DATE,
        |x| parse("PARSE_DATE", SqlType::Date, x),
        "A date out of text by a pattern.",
    ),
    ScalarFunction::new(
        &["PARSE_TIME"],
        &[S, S],
        TIME,
        |x| parse("PARSE_TIME", SqlType::Time, x),
        "A time out of text by a pattern.",
    ),
    ScalarFunction::new(
        &["PARSE_DATETIME"],
        &[S, S],
        DATETIME,
        |x| parse("PARSE_DATETIME", SqlType::Datetime, x),
        "A datetime out of text by a pattern.",
    ),
    ScalarFunction::new(
        &["PARSE_TIMESTAMP"],
        &[S, S, ZONE],
        TIMESTAMP,
        |x| parse("PARSE_TIMESTAMP", SqlType::Timestamp, x),
        "A timestamp out of text by a pattern; a zone in the text wins over \
             the third argument.",
    )
    .requires(2),
    ScalarFunction::new(
        &["PARSE_DATE_ISO8601"],
        &[S],
        DATE,
        |x| parse_iso("PARSE_DATE_ISO8601", SqlType::Date, x),
        "A date out of ISO 8601 text.",
    ),
    ScalarFunction::new(
        &["PARSE_TIME_ISO8601"],
        &[S],
        TIME,
        |x| parse_iso("PARSE_TIME_ISO8601", SqlType::Time, x),
        "A time out of ISO 8601 text.",
    ),
    ScalarFunction::new(
        &["PARSE_DATETIME_ISO8601"],
        &[S],
        DATETIME,
        |x| parse_iso("PARSE_DATETIME_ISO8601", SqlType::Datetime, x),
        "A datetime out of ISO 8601 text without a zone; a final `Z` is \
             tolerated.",
    ),
    ScalarFunction::new(
        &["PARSE_TIMESTAMP_ISO8601"],
        &[S],
        TIMESTAMP,
        |x| parse_iso("PARSE_TIMESTAMP_ISO8601", SqlType::Timestamp, x),
        "A timestamp out of ISO 8601 text, which must say its zone.",
    ),
];

/// BigQuery's extensions in the words of jiff: `%E4Y`, `%Ez`, `%E*S`, `%E3S`.
fn pattern(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let directive = &rest[at..];
        let (translated, length) = match directive.as_bytes() {
            [b'%', b'E', b'4', b'Y', ..] => ("%Y".to_owned(), 4),
            [b'%', b'E', b'z', ..] => ("%:z".to_owned(), 3),
            [b'%', b'E', b'*', b'S', ..] => ("%S%.f".to_owned(), 4),
            [b'%', b'E', digit @ b'1'..=b'9', b'S', ..] => {
                (format!("%S%.{}f", char::from(*digit)), 4)
            }
            [b'%', b'E', b'0', b'S', ..] => ("%S".to_owned(), 4),
            _ => {
                let length = directive.chars().take(2).map(char::len_utf8).sum();
                (directive[..length].to_owned(), length)
            }
        };
        out.push_str(&translated);
        rest = &directive[length..];
    }
    out + rest
}

fn fail(function: &'static str, error: &dyn std::fmt::Display) -> EvaluationError {
    EvaluationError::argument(function, error.to_string())
}

fn format(function: &'static str, x: &[Value]) -> Evaluated {
    let broken_down = match (&x[1], x.get(2)) {
        (Value::Timestamp(at), zone_argument) => {
            let utc = Value::from("UTC");
            let zone = zone(function, zone_argument.unwrap_or(&utc))?;
            let instant =
                jiff::Timestamp::from_microsecond(at.0).map_err(|e| fail(function, &e))?;
            BrokenDownTime::from(&instant.to_zoned_datetime(zone))
        }
        (Value::Time(time), _) => {
            BrokenDownTime::from(civil_datetime(function, Datetime(time.0))?.time())
        }
        (value, _) => {
            let civil = Datetime(instant(value).unwrap_or(0));
            let utc = jiff::tz::TimeZone::UTC;
            let instant =
                jiff::Timestamp::from_microsecond(civil.0).map_err(|e| fail(function, &e))?;
            BrokenDownTime::from(&instant.to_zoned_datetime(utc))
        }
    };
    let formatted = broken_down.to_string(pattern(text(&x[0])));
    formatted
        .map(Value::String)
        .map_err(|error| fail(function, &error))
}

fn format_iso(x: &[Value]) -> Evaluated {
    const NAME: &str = "FORMAT_ISO8601";
    let formatted = match (&x[0], x.get(1)) {
        (Value::Timestamp(at), Some(zone_argument)) => {
            let civil = to_civil(NAME, *at, zone_argument)?;
            let instant = jiff::Timestamp::from_microsecond(at.0).map_err(|e| fail(NAME, &e))?;
            let offset = zone(NAME, zone_argument)?.to_offset(instant).seconds();
            let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
            format!("{civil}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
        (value, _) => crate::cast::to_text(value)?,
    };
    Ok(Value::String(formatted))
}

fn parse(function: &'static str, target: SqlType, x: &[Value]) -> Evaluated {
    let parsed = BrokenDownTime::parse(pattern(text(&x[0])), text(&x[1]))
        .map_err(|error| fail(function, &error))?;
    let missing = |error: jiff::Error| fail(function, &error);
    match target {
        SqlType::Date => parsed
            .to_date()
            .map_err(missing)
            .and_then(|date| from_date(function, date)),
        SqlType::Time => parsed.to_time().map_err(missing).map(from_time),
        _ => {
            if let Ok(instant) = parsed.to_timestamp()
                && (parsed.offset().is_some() || parsed.timestamp().is_some())
            {
                return Ok(at(target, instant.as_microsecond()));
            }
            let civil = civil_parts(function, &parsed)?;
            match (target, x.get(2)) {
                (SqlType::Timestamp, Some(zone)) => {
                    to_instant(function, civil, zone).map(Value::Timestamp)
                }
                _ => Ok(at(target, civil.0)),
            }
        }
    }
}

fn at(target: SqlType, micros: i64) -> Value {
    if target == SqlType::Timestamp {
        Value::Timestamp(Timestamp(micros))
    } else {
        Value::Datetime(Datetime(micros))
    }
}

/// Date and time of a parsed text; a missing time is midnight.
fn civil_parts(
    function: &'static str,
    parsed: &BrokenDownTime,
) -> Result<Datetime, EvaluationError> {
    let date = parsed.to_date().map_err(|error| fail(function, &error))?;
    let time = match parsed.to_time() {
        Ok(time) => time,
        Err(_) if parsed.hour().is_none() => jiff::civil::Time::midnight(),
        Err(error) => return Err(fail(function, &error)),
    };
    let (Value::Date(date), Value::Time(time)) = (from_date(function, date)?, from_time(time))
    else {
        return Err(fail(function, &"out of range"));
    };
    Datetime::from_parts(date, time).ok_or_else(|| fail(function, &"out of range"))
}

fn from_date(function: &'static str, date: jiff::civil::Date) -> Evaluated {
    let part = |part: i8| u32::try_from(part).unwrap_or(0);
    Date::from_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
        .map(Value::Date)
        .ok_or_else(|| fail(function, &"the year must be 1 to 9999"))
}

fn from_time(time: jiff::civil::Time) -> Value {
    let seconds =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Value::Time(Time(
        seconds * 1_000_000 + i64::from(time.subsec_nanosecond()) / 1_000,
    ))
}

fn parse_iso(function: &'static str, target: SqlType, x: &[Value]) -> Evaluated {
    let source = text(&x[0]).trim();
    let parsed = match target {
        SqlType::Date => Date::parse(source).map(Value::Date),
        SqlType::Time => Time::parse(source).map(Value::Time),
        SqlType::Timestamp if !names_zone(source) => {
            return Err(fail(function, &format!("`{source}` does not say its zone")));
        }
        SqlType::Timestamp => Timestamp::parse(source).map(Value::Timestamp),
        _ => Datetime::parse(source.trim_end_matches(['Z', 'z'])).map(Value::Datetime),
    };
    parsed.map_err(|error| fail(function, &error))
}

/// Whether the text ends in `Z` or has an offset after its time of day.
fn names_zone(source: &str) -> bool {
    let time = source
        .split_once(['T', 't', ' '])
        .map_or("", |(_, time)| time);
    source.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}
