//! Dates and times made of parts, and parts of them.

use super::columns::{constant, ints_of_moments};
use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::int;
use super::zone::{ZONE, to_civil, to_instant};
use crate::dynamic::EvaluationError;
use crate::dynamic::order::{DAY_MICROS, instant};
use crate::functions::calendar;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::{Date, Datetime, Time, Timestamp, Value};

const I: Kinds = Kinds::INT;
const INT: Returns = Returns::Type(SqlType::Int);
const FIRST_OF_DATE: Kinds = I.or(Kinds::CALENDAR).or(Kinds::STRING);
const TS: &[Kinds] = &[Kinds::TIMESTAMP];

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["DATE"],
        &[FIRST_OF_DATE, I.or(ZONE), I],
        Returns::Type(SqlType::Date),
        date,
        "A date of year, month and day, or the date of a datetime or of a \
             timestamp in a zone.",
    )
    .requires(1),
    ScalarFunction::new(
        &["TIME"],
        &[I.or(Kinds::TEMPORAL).or(Kinds::STRING), I.or(ZONE), I, I],
        Returns::Type(SqlType::Time),
        time,
        "A time of hour, minute, second and microsecond, or the time of day \
             of a datetime or timestamp.",
    )
    .requires(1),
    ScalarFunction::new(
        &["DATETIME"],
        &[FIRST_OF_DATE, I.or(ZONE).or(Kinds::TIME), I, I, I, I, I],
        Returns::Type(SqlType::Datetime),
        datetime,
        "A datetime of six or seven numbers, of a date and a time, or of a \
             timestamp in a zone.",
    )
    .requires(1),
    ScalarFunction::new(
        &["TIMESTAMP"],
        &[Kinds::CALENDAR.or(Kinds::STRING), ZONE],
        Returns::Type(SqlType::Timestamp),
        timestamp,
        "The instant of a date or datetime in a zone, UTC by default.",
    )
    .requires(1),
    ScalarFunction::new(
        &["TIMESTAMP_SECONDS"],
        &[I],
        Returns::Type(SqlType::Timestamp),
        |x| from_epoch(x, 1_000_000),
        "The instant so many seconds after the epoch.",
    ),
    ScalarFunction::new(
        &["TIMESTAMP_MILLIS"],
        &[I],
        Returns::Type(SqlType::Timestamp),
        |x| from_epoch(x, 1_000),
        "The instant so many milliseconds after the epoch.",
    ),
    ScalarFunction::new(
        &["TIMESTAMP_MICROS"],
        &[I],
        Returns::Type(SqlType::Timestamp),
        |x| from_epoch(x, 1),
        "The instant so many microseconds after the epoch.",
    ),
    ScalarFunction::new(
        &["UNIX_SECONDS"],
        TS,
        INT,
        |x| Ok(to_epoch(x, 1_000_000)),
        "Whole seconds since the epoch, rounded down.",
    )
    .columns(|x| ints_of_moments(x.first()?, |micros| Some(micros.div_euclid(1_000_000)))),
    ScalarFunction::new(
        &["UNIX_MILLIS"],
        TS,
        INT,
        |x| Ok(to_epoch(x, 1_000)),
        "Whole milliseconds since the epoch, rounded down.",
    )
    .columns(|x| ints_of_moments(x.first()?, |micros| Some(micros.div_euclid(1_000)))),
    ScalarFunction::new(
        &["UNIX_MICROS"],
        TS,
        INT,
        |x| Ok(to_epoch(x, 1)),
        "Microseconds since the epoch.",
    )
    .columns(|x| ints_of_moments(x.first()?, |micros| Some(micros.div_euclid(1)))),
    ScalarFunction::new(
        &["EXTRACT", "DATE_PART"],
        &[Kinds::STRING, Kinds::TEMPORAL],
        Returns::Type(SqlType::Dynamic),
        extract,
        "A part of a date or time; timestamps are taken in UTC.",
    ),
    ScalarFunction::new(
        &["OUTCROP_EXTRACT_INT"],
        &[Kinds::STRING, Kinds::TEMPORAL],
        INT,
        extract,
        "As `EXTRACT`, for the parts that are ints.",
    )
    .columns(|x| {
        let part = constant(x.first()?)?.as_str()?.to_ascii_uppercase();
        ints_of_moments(x.get(1)?, |micros| match extract_any(&part, micros) {
            Some(Value::Int(value)) => Some(value),
            _ => None,
        })
    }),
    ScalarFunction::new(
        &["LAST_DATE_OF_MONTH", "LAST_DAY_OF_MONTH"],
        &[Kinds::CALENDAR],
        Returns::Type(SqlType::Date),
        last_date,
        "The last date of the month.",
    ),
];

fn fail<T>(function: &'static str, message: &str) -> Result<T, EvaluationError> {
    Err(EvaluationError::argument(function, message))
}

fn small(x: &[Value], index: usize) -> Option<u32> {
    int(x, index).and_then(|value| u32::try_from(value).ok())
}

/// Year, month and day at the start of the arguments.
fn ymd(function: &'static str, x: &[Value]) -> Result<Date, EvaluationError> {
    let year = int(x, 0).and_then(|year| i32::try_from(year).ok());
    year.zip(small(x, 1))
        .zip(small(x, 2))
        .and_then(|((year, month), day)| Date::from_ymd(year, month, day))
        .ok_or_else(|| EvaluationError::argument(function, "there is no such date"))
}

/// Hour, minute, second and an optional microsecond from `first` on.
fn hms(function: &'static str, x: &[Value], first: usize) -> Result<Time, EvaluationError> {
    let micro = if x.len() > first + 3 {
        small(x, first + 3)
    } else {
        Some(0)
    };
    small(x, first)
        .zip(small(x, first + 1))
        .zip(small(x, first + 2))
        .zip(micro)
        .and_then(|(((hour, minute), second), micro)| Time::from_hms(hour, minute, second, micro))
        .ok_or_else(|| EvaluationError::argument(function, "there is no such time"))
}

/// The civil time of a calendar value, a timestamp being read in the zone of the second argument.
fn civil(function: &'static str, x: &[Value]) -> Result<Option<Datetime>, EvaluationError> {
    match (&x[0], x.get(1)) {
        (Value::Timestamp(at), Some(zone)) => to_civil(function, *at, zone).map(Some),
        (value, None) => Ok(instant(value).map(Datetime)),
        _ => fail(function, "these arguments do not go together"),
    }
}

fn date(x: &[Value]) -> Evaluated {
    match (&x[0], x.len()) {
        (Value::Int(_), 3) => ymd("DATE", x).map(Value::Date),
        (Value::String(text), 1) => match Date::parse(text) {
            Ok(date) => Ok(Value::Date(date)),
            Err(error) => fail("DATE", &error.to_string()),
        },
        _ => match civil("DATE", x)? {
            Some(civil) => Ok(Value::Date(civil.date())),
            None => fail(
                "DATE",
                "takes year, month and day, or a datetime or timestamp",
            ),
        },
    }
}

fn time(x: &[Value]) -> Evaluated {
    match (&x[0], x.len()) {
        (Value::Int(_), 3 | 4) => hms("TIME", x, 0).map(Value::Time),
        (Value::Time(time), 1) => Ok(Value::Time(*time)),
        (Value::String(text), 1) => match Time::parse(text) {
            Ok(time) => Ok(Value::Time(time)),
            Err(error) => fail("TIME", &error.to_string()),
        },
        _ => match civil("TIME", x)? {
            Some(civil) => Ok(Value::Time(civil.time())),
            None => fail(
                "TIME",
                "takes hour, minute and second, or a datetime or timestamp",
            ),
        },
    }
}

fn datetime(x: &[Value]) -> Evaluated {
    let parts = match (&x[0], x.get(1), x.len()) {
        (Value::Int(_), _, 6 | 7) => (ymd("DATETIME", x)?, hms("DATETIME", x, 3)?),
        (Value::Date(date), Some(Value::Time(time)), 2) => (*date, *time),
        (Value::String(text), _, 1) => match Datetime::parse(text) {
            Ok(datetime) => return Ok(Value::Datetime(datetime)),
            Err(error) => return fail("DATETIME", &error.to_string()),
        },
        _ => match civil("DATETIME", x)? {
            Some(civil) => return Ok(Value::Datetime(civil)),
            None => {
                return fail(
                    "DATETIME",
                    "takes six or seven numbers, a date and a time, or a timestamp",
                );
            }
        },
    };
    match Datetime::from_parts(parts.0, parts.1) {
        Some(datetime) => Ok(Value::Datetime(datetime)),
        None => fail("DATETIME", "out of range"),
    }
}

fn timestamp(x: &[Value]) -> Evaluated {
    if let Value::String(text) = &x[0] {
        return match Timestamp::parse(text) {
            Ok(timestamp) => Ok(Value::Timestamp(timestamp)),
            Err(error) => fail("TIMESTAMP", &error.to_string()),
        };
    }
    let civil = Datetime(instant(&x[0]).unwrap_or(0));
    match x.get(1) {
        None => Ok(Value::Timestamp(Timestamp(civil.0))),
        Some(_) if matches!(x[0], Value::Timestamp(_)) => {
            fail("TIMESTAMP", "a timestamp has no zone")
        }
        Some(zone) => to_instant("TIMESTAMP", civil, zone).map(Value::Timestamp),
    }
}

fn from_epoch(x: &[Value], unit: i64) -> Evaluated {
    let micros = int(x, 0).and_then(|count| count.checked_mul(unit));
    match micros.and_then(Timestamp::from_micros) {
        Some(timestamp) => Ok(Value::Timestamp(timestamp)),
        None => Err(EvaluationError::Overflow {
            operation: "TIMESTAMP",
        }),
    }
}

fn to_epoch(x: &[Value], unit: i64) -> Value {
    Value::Int(instant(&x[0]).unwrap_or(0).div_euclid(unit))
}

fn last_date(x: &[Value]) -> Evaluated {
    let micros = instant(&x[0]).unwrap_or(0);
    let next = calendar::floor_to_months(micros, 1, 0)
        .and_then(|first| calendar::add_months_micros(first, 1));
    match next {
        Some(next) => Ok(Value::Date(Datetime(next - DAY_MICROS).date())),
        None => fail("LAST_DATE_OF_MONTH", "out of range"),
    }
}

/// The type that extracting a part gives; `None` for an unknown part.
pub(super) fn part_type(part: &str) -> Option<SqlType> {
    Some(match part.to_ascii_uppercase().as_str() {
        "DATE" => SqlType::Date,
        "TIME" => SqlType::Time,
        "MICROSECOND" | "MILLISECOND" | "SECOND" | "MINUTE" | "HOUR" | "DAY" | "DAYOFWEEK"
        | "DOW" | "DAYOFYEAR" | "DOY" | "MONTH" | "QUARTER" | "YEAR" | "WEEK" | "ISOWEEK"
        | "ISOYEAR" | "EPOCH" | "DAY_OF_WEEK" | "DAY_OF_YEAR" => SqlType::Int,
        _ => return None,
    })
}

fn extract(x: &[Value]) -> Evaluated {
    let part = super::string::text(&x[0]).to_ascii_uppercase();
    let (micros, has_date, has_time) = match &x[1] {
        Value::Time(time) => (time.0, false, true),
        Value::Date(date) => (i64::from(date.0).saturating_mul(DAY_MICROS), true, false),
        other => (instant(other).unwrap_or(0), true, true),
    };
    let found = extract_time(&part, micros)
        .filter(|_| has_time || part == "TIME")
        .or_else(|| {
            if has_date {
                extract_date(&part, micros)
            } else {
                None
            }
        });
    found.ok_or_else(|| {
        let message = format!("cannot take {part} of a {}", x[1].value_type());
        EvaluationError::argument("EXTRACT", message)
    })
}

/// Any part of a moment that has both a date and a time, or a date, whose time is midnight.
fn extract_any(part: &str, micros: i64) -> Option<Value> {
    extract_time(part, micros).or_else(|| extract_date(part, micros))
}

/// Parts of the time of day. Those below a second are the fraction in that unit.
fn extract_time(part: &str, micros: i64) -> Option<Value> {
    let of_day = micros.rem_euclid(DAY_MICROS);
    Some(Value::Int(match part {
        "MICROSECOND" => of_day % 1_000_000,
        "MILLISECOND" => of_day % 1_000_000 / 1_000,
        "SECOND" => of_day / 1_000_000 % 60,
        "MINUTE" => of_day / 60_000_000 % 60,
        "HOUR" => of_day / 3_600_000_000,
        "TIME" => return Some(Value::Time(Time(of_day))),
        _ => return None,
    }))
}

fn extract_date(part: &str, micros: i64) -> Option<Value> {
    let date = Datetime(micros).date();
    let (year, month, day) = date.ymd();
    let days = i64::from(date.0);
    let january_first = || Date::from_ymd(year, 1, 1).map(|first| i64::from(first.0));
    Some(Value::Int(match part {
        "DAY" => i64::from(day),
        "MONTH" => i64::from(month),
        "QUARTER" => i64::from(month.div_ceil(3)),
        "YEAR" => i64::from(year),
        // 1970-01-01 was a Thursday, the fifth day of a week that starts on Sunday.
        "DAYOFWEEK" | "DOW" | "DAY_OF_WEEK" => (days + 4).rem_euclid(7) + 1,
        "DAYOFYEAR" | "DOY" | "DAY_OF_YEAR" => days - january_first()? + 1,
        // Weeks from Sunday; the days before the first Sunday are in week 0.
        "WEEK" => {
            let first = january_first()?;
            let first_weekday = (first + 4).rem_euclid(7);
            (days - first + first_weekday) / 7 + i64::from(first_weekday == 0)
        }
        "ISOWEEK" => iso_week(days)?.1,
        "ISOYEAR" => iso_week(days)?.0,
        "EPOCH" => micros.div_euclid(1_000_000),
        "DATE" => return Some(Value::Date(date)),
        "HOUR" | "MINUTE" | "SECOND" | "MILLISECOND" | "MICROSECOND" => 0,
        _ => return None,
    }))
}

/// ISO 8601 year and week: weeks start on Monday and belong to the year of their Thursday.
fn iso_week(days: i64) -> Option<(i64, i64)> {
    let thursday = days - (days + 3).rem_euclid(7) + 3;
    let (year, ..) = Date(i32::try_from(thursday).ok()?).ymd();
    let first = i64::from(Date::from_ymd(year, 1, 1)?.0);
    Some((i64::from(year), (thursday - first) / 7 + 1))
}
