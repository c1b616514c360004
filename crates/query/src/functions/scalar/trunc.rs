//! Rounding times down to units and buckets, and counting units between them.

use super::columns::{constant, map_moments};
use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::{int, text};
use crate::dynamic::EvaluationError;
use crate::dynamic::order::{DAY_MICROS, instant};
use crate::functions::calendar::{self, Unit};
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::{Date, Datetime, Time, Timestamp, Value};

const S: Kinds = Kinds::STRING;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["DATE_TRUNC"],
        &[S, Kinds::TEMPORAL],
        Returns::Rule(second),
        date_trunc,
        "The start of the unit that holds a time, of the same type; weeks \
             start on Monday.",
    )
    .columns(|x| {
        let unit = Unit::parse(constant(x.first()?)?.as_str()?)?;
        map_moments(x.get(1)?, |micros| unit.floor(micros))
    }),
    ScalarFunction::new(
        &["DATE_DIFF"],
        &[S, Kinds::CALENDAR, Kinds::CALENDAR],
        Returns::Type(SqlType::Int),
        date_diff,
        "`DATE_DIFF(unit, a, b)`: whole units elapsed from `a` to `b`, \
             truncated toward zero.",
    ),
    ScalarFunction::new(
        &["DATE_ADD"],
        &[S, Kinds::INT, Kinds::CALENDAR],
        Returns::Rule(third),
        |x| shift(x, 1),
        "`DATE_ADD(unit, n, v)`: `v` moved by `n` units.",
    ),
    ScalarFunction::new(
        &["DATE_SUB"],
        &[S, Kinds::INT, Kinds::CALENDAR],
        Returns::Rule(third),
        |x| shift(x, -1),
        "`DATE_SUB(unit, n, v)`: `v` moved back by `n` units.",
    ),
    ScalarFunction::new(
        &["TIME_BUCKET"],
        &[Kinds::INTERVAL, Kinds::CALENDAR, Kinds::CALENDAR],
        Returns::Rule(second),
        time_bucket,
        "The start of the bucket of an interval's length that holds a \
             time, counted from an origin.",
    )
    .requires(2)
    .columns(|x| match (constant(x.first()?)?, x) {
        (Value::MicrosecondInterval(size), [_, moments]) if size > 0 => {
            map_moments(moments, |micros| calendar::floor_to(micros, size, 0))
        }
        (Value::MonthInterval(size), [_, moments]) if size > 0 => {
            map_moments(moments, |micros| calendar::floor_to_months(micros, size, 0))
        }
        _ => None,
    }),
];

fn second(types: &[SqlType]) -> SqlType {
    types.get(1).copied().unwrap_or(SqlType::Dynamic)
}

fn third(types: &[SqlType]) -> SqlType {
    match types.get(2) {
        // A date moved by hours is a datetime, and the unit may be known per row only.
        Some(SqlType::Date) | None => SqlType::Dynamic,
        Some(other) => *other,
    }
}

fn unit(function: &'static str, name: &Value) -> Result<Unit, EvaluationError> {
    Unit::parse(text(name)).ok_or_else(|| {
        EvaluationError::argument(function, format!("unit `{}` is not known", text(name)))
    })
}

/// `micros` in the type of `like`.
fn same_type(function: &'static str, like: &Value, micros: Option<i64>) -> Evaluated {
    let Some(micros) = micros else {
        return Err(EvaluationError::Overflow {
            operation: function,
        });
    };
    Ok(match like {
        Value::Date(_) => match i32::try_from(micros.div_euclid(DAY_MICROS)) {
            Ok(days) => Value::Date(Date(days)),
            Err(_) => {
                return Err(EvaluationError::Overflow {
                    operation: function,
                });
            }
        },
        Value::Timestamp(_) => Value::Timestamp(Timestamp(micros)),
        Value::Time(_) => Value::Time(Time(micros.rem_euclid(DAY_MICROS))),
        _ => Value::Datetime(Datetime(micros)),
    })
}

fn date_trunc(x: &[Value]) -> Evaluated {
    let unit = unit("DATE_TRUNC", &x[0])?;
    let micros = match &x[1] {
        Value::Time(time) if matches!(unit, Unit::Micros(size) if size < DAY_MICROS) => time.0,
        Value::Time(_) => {
            let message = format!("a time has no {}", text(&x[0]));
            return Err(EvaluationError::argument("DATE_TRUNC", message));
        }
        other => instant(other).unwrap_or(0),
    };
    same_type("DATE_TRUNC", &x[1], unit.floor(micros))
}

fn date_diff(x: &[Value]) -> Evaluated {
    let unit = unit("DATE_DIFF", &x[0])?;
    let (a, b) = (instant(&x[1]).unwrap_or(0), instant(&x[2]).unwrap_or(0));
    unit.between(a, b)
        .map(Value::Int)
        .ok_or(EvaluationError::Overflow {
            operation: "DATE_DIFF",
        })
}

fn shift(x: &[Value], sign: i64) -> Evaluated {
    let overflow = EvaluationError::Overflow {
        operation: "DATE_ADD",
    };
    let Some(count) = int(x, 1).and_then(|count| count.checked_mul(sign)) else {
        return Err(overflow);
    };
    let interval = match unit("DATE_ADD", &x[0])? {
        Unit::Micros(size) => count.checked_mul(size).map(Value::MicrosecondInterval),
        Unit::Week => count
            .checked_mul(7 * DAY_MICROS)
            .map(Value::MicrosecondInterval),
        Unit::Months(size) => count.checked_mul(size).map(Value::MonthInterval),
    };
    let Some(interval) = interval else {
        return Err(overflow);
    };
    crate::dynamic::arithmetic::arithmetic(
        crate::operators::ArithmeticOperator::Add,
        &x[2],
        &interval,
    )
}

fn time_bucket(x: &[Value]) -> Evaluated {
    let micros = instant(&x[1]).unwrap_or(0);
    let origin = x.get(2).and_then(instant).unwrap_or(0);
    let start = match &x[0] {
        Value::MonthInterval(months) if *months > 0 => {
            calendar::floor_to_months(micros, *months, origin)
        }
        Value::MicrosecondInterval(size) if *size > 0 => calendar::floor_to(micros, *size, origin),
        _ => {
            return Err(EvaluationError::argument(
                "TIME_BUCKET",
                "the interval must be positive",
            ));
        }
    };
    same_type("TIME_BUCKET", &x[1], start)
}
