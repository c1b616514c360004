//! Intervals of numbers and numbers of intervals.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::text;
use crate::dynamic::EvaluationError;
use crate::dynamic::arithmetic::truncate;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::{Time, Value};

const N: &[Kinds] = &[Kinds::NUMBER];
const MICROS: Returns = Returns::Type(SqlType::MicrosecondInterval);
const MONTHS: Returns = Returns::Type(SqlType::MonthInterval);
const INT: Returns = Returns::Type(SqlType::Int);

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["MICROSECONDS"],
        N,
        MICROS,
        |x| micros(x, 1),
        "An interval of microseconds.",
    ),
    ScalarFunction::new(
        &["MILLISECONDS"],
        N,
        MICROS,
        |x| micros(x, 1_000),
        "An interval of milliseconds.",
    ),
    ScalarFunction::new(
        &["SECONDS"],
        N,
        MICROS,
        |x| micros(x, SECOND),
        "An interval of seconds.",
    ),
    ScalarFunction::new(
        &["MINUTES"],
        N,
        MICROS,
        |x| micros(x, MINUTE),
        "An interval of minutes.",
    ),
    ScalarFunction::new(
        &["HOURS"],
        N,
        MICROS,
        |x| micros(x, HOUR),
        "An interval of hours.",
    ),
    ScalarFunction::new(
        &["DAYS"],
        N,
        MICROS,
        |x| micros(x, DAY),
        "An interval of days.",
    ),
    ScalarFunction::new(
        &["WEEKS"],
        N,
        MICROS,
        |x| micros(x, 7 * DAY),
        "An interval of weeks.",
    ),
    ScalarFunction::new(
        &["MONTHS"],
        N,
        MONTHS,
        |x| months(x, 1),
        "An interval of months.",
    ),
    ScalarFunction::new(
        &["QUARTERS"],
        N,
        MONTHS,
        |x| months(x, 3),
        "An interval of quarters.",
    ),
    ScalarFunction::new(
        &["YEARS"],
        N,
        MONTHS,
        |x| months(x, 12),
        "An interval of years.",
    ),
    ScalarFunction::new(
        &["DURATION_SECONDS"],
        &[Kinds::MICROS],
        INT,
        |x| Ok(whole(x, SECOND)),
        "Whole seconds of an interval.",
    ),
    ScalarFunction::new(
        &["DURATION_MILLIS"],
        &[Kinds::MICROS],
        INT,
        |x| Ok(whole(x, 1_000)),
        "Whole milliseconds of an interval.",
    ),
    ScalarFunction::new(
        &["DURATION_MICROS"],
        &[Kinds::MICROS],
        INT,
        |x| Ok(whole(x, 1)),
        "Microseconds of an interval.",
    ),
    ScalarFunction::new(
        &["DURATION_MONTHS"],
        &[Kinds::MONTHS],
        INT,
        |x| Ok(whole(x, 1)),
        "Months of an interval.",
    ),
    ScalarFunction::new(
        &["PARSE_DURATION_SECONDS"],
        &[Kinds::STRING],
        MICROS,
        parse_seconds,
        "An interval of text: `PT1H30M` or `[days ]hours:minutes:seconds`.",
    ),
    ScalarFunction::new(
        &["PARSE_DURATION_MONTHS"],
        &[Kinds::STRING],
        MONTHS,
        parse_months,
        "An interval of text: `P1Y2M` or `years-months`.",
    ),
];

/// A number of units as a count of the smallest, its fraction dropped.
fn scaled(x: &[Value], unit: i64) -> Option<i64> {
    match &x[0] {
        Value::Int(count) => count.checked_mul(unit),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a float factor makes it float arithmetic"
        )]
        Value::Float(count) => truncate(count * unit as f64),
        _ => None,
    }
}

fn micros(x: &[Value], unit: i64) -> Evaluated {
    let overflow = EvaluationError::Overflow {
        operation: "microsecond_interval",
    };
    scaled(x, unit)
        .map(Value::MicrosecondInterval)
        .ok_or(overflow)
}

fn months(x: &[Value], unit: i64) -> Evaluated {
    let overflow = EvaluationError::Overflow {
        operation: "month_interval",
    };
    scaled(x, unit).map(Value::MonthInterval).ok_or(overflow)
}

fn whole(x: &[Value], unit: i64) -> Value {
    match &x[0] {
        Value::MicrosecondInterval(count) | Value::MonthInterval(count) => Value::Int(count / unit),
        _ => Value::Null,
    }
}

fn parse_seconds(x: &[Value]) -> Evaluated {
    let source = text(&x[0]).trim();
    let (sign, unsigned) = sign_of(source);
    let total = if let Some(rest) = unsigned.strip_prefix('P') {
        let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
        designated(date, &[('W', 7 * DAY), ('D', DAY)])
            .zip(designated(
                time,
                &[('H', HOUR), ('M', MINUTE), ('S', SECOND)],
            ))
            .and_then(|(days, rest)| days.checked_add(rest))
    } else {
        clock(unsigned)
    };
    match total.and_then(|total| total.checked_mul(sign)) {
        Some(micros) => Ok(Value::MicrosecondInterval(micros)),
        None => Err(bad("PARSE_DURATION_SECONDS", source)),
    }
}

fn parse_months(x: &[Value]) -> Evaluated {
    let source = text(&x[0]).trim();
    let (sign, unsigned) = sign_of(source);
    let total = match (unsigned.strip_prefix('P'), unsigned.split_once('-')) {
        (Some(rest), _) => designated(rest, &[('Y', 12), ('M', 1)]),
        (None, Some((years, months))) => years
            .parse::<i64>()
            .ok()
            .zip(months.parse::<i64>().ok())
            .and_then(|(years, months)| years.checked_mul(12)?.checked_add(months)),
        (None, None) => unsigned.parse().ok(),
    };
    match total.and_then(|total| total.checked_mul(sign)) {
        Some(months) => Ok(Value::MonthInterval(months)),
        None => Err(bad("PARSE_DURATION_MONTHS", source)),
    }
}

fn bad(function: &'static str, source: &str) -> EvaluationError {
    EvaluationError::argument(function, format!("`{source}` is no duration"))
}

fn sign_of(source: &str) -> (i64, &str) {
    source
        .strip_prefix('-')
        .map_or((1, source.trim_start_matches('+')), |rest| (-1, rest))
}

/// Numbers followed by designators, each unit at most once and in order, as ISO 8601 has them.
fn designated(mut source: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut total: i64 = 0;
    for (designator, unit) in units {
        if let Some((number, rest)) = source.split_once(*designator) {
            let scaled = match number.parse::<i64>() {
                Ok(count) => count.checked_mul(*unit)?,
                #[expect(clippy::cast_precision_loss, reason = "units are far below 2⁵³")]
                Err(_) => truncate((number.parse::<f64>().ok()? * *unit as f64).round())?,
            };
            total = total.checked_add(scaled)?;
            source = rest;
        }
    }
    source.is_empty().then_some(total)
}

/// `[days ]hours:minutes:seconds`, or a plain number of seconds.
fn clock(source: &str) -> Option<i64> {
    if let Ok(seconds) = source.parse::<i64>() {
        return seconds.checked_mul(SECOND);
    }
    let (days, time) = match source.split_once(' ') {
        Some((days, time)) => (days.parse::<i64>().ok()?, time),
        None => (0, source),
    };
    days.checked_mul(DAY)?
        .checked_add(Time::parse(time).ok()?.0)
}
