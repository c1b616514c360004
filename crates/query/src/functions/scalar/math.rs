//! Mathematics.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::native;
use crate::dynamic::EvaluationError;
use crate::dynamic::arithmetic::{as_float, truncate};
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::Value;
use std::cmp::Ordering;

const NUMBER: &[Kinds] = &[Kinds::NUMBER];
const NUMBERS: &[Kinds] = &[Kinds::NUMBER, Kinds::NUMBER];
const FLOAT: Returns = Returns::Type(SqlType::Float);
const INT: Returns = Returns::Type(SqlType::Int);
const BOOL: Returns = Returns::Type(SqlType::Bool);

/// A row for a function of one float.
macro_rules! unary {
    ($names:expr, $evaluate:expr, $doc:expr) => {
        ScalarFunction::new(
            $names,
            NUMBER,
            FLOAT,
            |x| Ok(Value::Float($evaluate(as_float(&x[0])))),
            $doc,
        )
        .of_floats($evaluate)
    };
}

/// A row for a function of two floats.
macro_rules! binary {
    ($names:expr, $evaluate:expr, $doc:expr) => {
        ScalarFunction::new(
            $names,
            NUMBERS,
            FLOAT,
            |x| Ok(Value::Float($evaluate(as_float(&x[0]), as_float(&x[1])))),
            $doc,
        )
    };
}

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["ABS"],
        NUMBER,
        Returns::First,
        abs,
        "The absolute value, of the argument's type.",
    )
    .native(native::abs),
    unary!(
        &["CEIL", "CEILING"],
        f64::ceil,
        "The least whole number not below `x`, as a float."
    ),
    unary!(
        &["FLOOR"],
        f64::floor,
        "The greatest whole number not above `x`, as a float."
    ),
    ScalarFunction::new(
        &["ROUND"],
        &[Kinds::NUMBER, Kinds::INT],
        FLOAT,
        round,
        "The nearest whole number, or number of `n` decimals, halves away \
             from zero, as a float.",
    )
    .requires(1),
    ScalarFunction::new(
        &["TRUNC", "TRUNCATE"],
        &[Kinds::NUMBER, Kinds::INT],
        FLOAT,
        trunc,
        "`x` without its fraction, or without what follows `n` decimals, as \
             a float.",
    )
    .requires(1),
    ScalarFunction::new(
        &["SIGN"],
        NUMBER,
        INT,
        sign,
        "-1, 0 or 1 for a negative, zero or positive number.",
    ),
    unary!(&["EXP"], f64::exp, "e to the power `x`."),
    unary!(&["LN"], f64::ln, "The natural logarithm."),
    unary!(&["LOG2"], f64::log2, "The logarithm to base 2."),
    unary!(&["LOG10"], f64::log10, "The logarithm to base 10."),
    binary!(
        &["LOG"],
        |base: f64, x: f64| x.ln() / base.ln(),
        "`LOG(b, x)`: the logarithm of `x` to base `b`."
    ),
    unary!(
        &["SQRT"],
        f64::sqrt,
        "The square root; NaN for a negative number."
    ),
    unary!(&["CBRT"], f64::cbrt, "The cube root."),
    binary!(&["POW", "POWER"], f64::powf, "`x` to the power `y`."),
    unary!(&["ACOS"], f64::acos, "The arc cosine, in radians."),
    unary!(&["ASIN"], f64::asin, "The arc sine, in radians."),
    unary!(&["ATAN"], f64::atan, "The arc tangent, in radians."),
    binary!(
        &["ATAN2"],
        f64::atan2,
        "`ATAN2(y, x)`: the angle of the point `(x, y)`, in radians."
    ),
    unary!(&["COS"], f64::cos, "The cosine of an angle in radians."),
    unary!(&["SIN"], f64::sin, "The sine of an angle in radians."),
    unary!(&["TAN"], f64::tan, "The tangent of an angle in radians."),
    unary!(&["ACOSH"], f64::acosh, "The inverse hyperbolic cosine."),
    unary!(&["ASINH"], f64::asinh, "The inverse hyperbolic sine."),
    unary!(&["ATANH"], f64::atanh, "The inverse hyperbolic tangent."),
    unary!(&["COSH"], f64::cosh, "The hyperbolic cosine."),
    unary!(&["SINH"], f64::sinh, "The hyperbolic sine."),
    unary!(&["TANH"], f64::tanh, "The hyperbolic tangent."),
    binary!(
        &["HYPOT"],
        f64::hypot,
        "The length of the hypotenuse of a right triangle."
    ),
    unary!(&["DEGREES"], f64::to_degrees, "Radians as degrees."),
    unary!(&["RADIANS"], f64::to_radians, "Degrees as radians."),
    ScalarFunction::new(
        &["MOD"],
        NUMBERS,
        Returns::Rule(numeric),
        modulo,
        "The remainder, with the dividend's sign.",
    ),
    ScalarFunction::new(
        &["GREATEST"],
        &[Kinds::ANY],
        Returns::Rule(common),
        greatest,
        "The greatest argument, of its own type; null when any is null.",
    )
    .rest(Kinds::ANY),
    ScalarFunction::new(
        &["LEAST"],
        &[Kinds::ANY],
        Returns::Rule(common),
        least,
        "The least argument, of its own type; null when any is null.",
    )
    .rest(Kinds::ANY),
    ScalarFunction::new(
        &["IS_NAN"],
        &[Kinds::ANY],
        BOOL,
        |x| Ok(is_float(&x[0], f64::is_nan)),
        "Whether the number is NaN.",
    ),
    ScalarFunction::new(
        &["IS_FINITE"],
        NUMBER,
        BOOL,
        |x| Ok(Value::Bool(as_float(&x[0]).is_finite())),
        "Whether the number is neither infinite nor NaN.",
    ),
    ScalarFunction::new(
        &["IS_INFINITE"],
        NUMBER,
        BOOL,
        |x| Ok(is_float(&x[0], f64::is_infinite)),
        "Whether the number is infinite.",
    ),
    ScalarFunction::new(
        &["NAN"],
        &[],
        FLOAT,
        |_| Ok(Value::Float(f64::NAN)),
        "Not a number.",
    ),
    ScalarFunction::new(
        &["INFINITY"],
        &[],
        FLOAT,
        |_| Ok(Value::Float(f64::INFINITY)),
        "Positive infinity.",
    ),
    ScalarFunction::new(
        &["PI"],
        &[],
        FLOAT,
        |_| Ok(Value::Float(std::f64::consts::PI)),
        "π.",
    ),
    ScalarFunction::new(
        &["E"],
        &[],
        FLOAT,
        |_| Ok(Value::Float(std::f64::consts::E)),
        "Euler's number.",
    ),
    ScalarFunction::new(
        &["WIDTH_BUCKET"],
        &[Kinds::NUMBER, Kinds::NUMBER, Kinds::NUMBER, Kinds::INT],
        INT,
        width_bucket,
        "`WIDTH_BUCKET(x, low, high, n)`: which of `n` equal buckets \
             between the bounds holds `x`.",
    ),
];

/// Int if all arguments are ints, float if a float is among them, else dynamic.
fn numeric(types: &[SqlType]) -> SqlType {
    if types.contains(&SqlType::Dynamic) {
        SqlType::Dynamic
    } else if types.contains(&SqlType::Float) {
        SqlType::Float
    } else {
        SqlType::Int
    }
}

/// The type that all arguments share, else dynamic.
pub(super) fn common(types: &[SqlType]) -> SqlType {
    match types.first() {
        Some(first) if types.iter().all(|sql_type| sql_type == first) => *first,
        _ => SqlType::Dynamic,
    }
}

fn is_float(value: &Value, test: fn(f64) -> bool) -> Value {
    Value::Bool(matches!(value, Value::Float(value) if test(*value)))
}

fn abs(x: &[Value]) -> Evaluated {
    Ok(match &x[0] {
        Value::Int(value) => Value::Int(
            value
                .checked_abs()
                .ok_or(EvaluationError::Overflow { operation: "ABS" })?,
        ),
        other => Value::Float(as_float(other).abs()),
    })
}

fn round(x: &[Value]) -> Evaluated {
    scaled(x, f64::round)
}

fn trunc(x: &[Value]) -> Evaluated {
    scaled(x, f64::trunc)
}

/// Applies `whole` at a number of decimals, which may be negative.
fn scaled(x: &[Value], whole: fn(f64) -> f64) -> Evaluated {
    /// More decimals than a double has change nothing.
    const DECIMALS_MAX: i64 = 308;
    let number = as_float(&x[0]);
    let decimals = match x.get(1) {
        Some(Value::Int(decimals)) => (*decimals).clamp(-DECIMALS_MAX, DECIMALS_MAX),
        _ => 0,
    };
    let power = 10f64.powi(i32::try_from(decimals).unwrap_or(0));
    let shifted = number * power;
    let result = if decimals == 0 {
        whole(number)
    } else if shifted.is_finite() {
        whole(shifted) / power
    } else {
        number
    };
    Ok(Value::Float(result))
}

fn sign(x: &[Value]) -> Evaluated {
    let number = as_float(&x[0]);
    Ok(Value::Int(
        i64::from(number > 0.0) - i64::from(number < 0.0),
    ))
}

fn modulo(x: &[Value]) -> Evaluated {
    crate::dynamic::arithmetic::arithmetic(
        crate::operators::ArithmeticOperator::Modulo,
        &x[0],
        &x[1],
    )
}

fn greatest(x: &[Value]) -> Evaluated {
    extreme("GREATEST", x, Ordering::Greater)
}

fn least(x: &[Value]) -> Evaluated {
    extreme("LEAST", x, Ordering::Less)
}

fn extreme(function: &'static str, x: &[Value], wanted: Ordering) -> Evaluated {
    let mut best = &x[0];
    for candidate in &x[1..] {
        let Some(ordering) = crate::dynamic::order::compare(candidate, best) else {
            let (left, right) = (best.value_type(), candidate.value_type());
            let message = format!("cannot compare {left} with {right}");
            return Err(EvaluationError::argument(function, message));
        };
        if ordering == wanted {
            best = candidate;
        }
    }
    Ok(best.clone())
}

fn width_bucket(x: &[Value]) -> Evaluated {
    let (value, low, high) = (as_float(&x[0]), as_float(&x[1]), as_float(&x[2]));
    let Value::Int(count) = x[3] else {
        return Ok(Value::Null);
    };
    let fail = |message: &str| Err(EvaluationError::argument("WIDTH_BUCKET", message));
    if count <= 0 {
        return fail("the number of buckets must be positive");
    }
    if low == high || !low.is_finite() || !high.is_finite() || value.is_nan() {
        return fail("the bounds must be finite and differ, and `x` must be a number");
    }
    let (position, span) = if low < high {
        (value - low, high - low)
    } else {
        (low - value, low - high)
    };
    if position < 0.0 {
        return Ok(Value::Int(0));
    }
    if position >= span {
        return Ok(Value::Int(count.saturating_add(1)));
    }
    let bucket = truncate(position / span * as_float(&x[3])).unwrap_or(0);
    Ok(Value::Int(bucket + 1))
}
