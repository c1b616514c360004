//! Bitwise functions of ints, in two's complement.

use super::definition::{Evaluated, Returns, ScalarFunction};
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::Value;

const ONE: &[Kinds] = &[Kinds::INT];
const TWO: &[Kinds] = &[Kinds::INT, Kinds::INT];
const INT: Returns = Returns::Type(SqlType::Int);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["BIT_COUNT"],
        TWO,
        INT,
        bit_count,
        "`BIT_COUNT(x, bits)`: the set bits of `x` as a signed int of that \
             width.",
    ),
    ScalarFunction::new(
        &["BITWISE_NOT"],
        ONE,
        INT,
        |x| ints(x, |a, _| Some(!a)),
        "Every bit inverted.",
    ),
    ScalarFunction::new(
        &["BITWISE_AND"],
        TWO,
        INT,
        |x| ints(x, |a, b| Some(a & b)),
        "Bits set in both.",
    ),
    ScalarFunction::new(
        &["BITWISE_OR"],
        TWO,
        INT,
        |x| ints(x, |a, b| Some(a | b)),
        "Bits set in either.",
    ),
    ScalarFunction::new(
        &["BITWISE_XOR"],
        TWO,
        INT,
        |x| ints(x, |a, b| Some(a ^ b)),
        "Bits set in one only.",
    ),
    ScalarFunction::new(
        &["BITWISE_LEFT_SHIFT"],
        TWO,
        INT,
        |x| ints(x, shift_left),
        "Bits moved up; 0 from 64 on.",
    ),
    ScalarFunction::new(
        &["BITWISE_RIGHT_SHIFT"],
        TWO,
        INT,
        |x| ints(x, shift_right),
        "Bits moved down, zeros coming in; 0 from 64 on.",
    ),
    ScalarFunction::new(
        &["BITWISE_RIGHT_SHIFT_ARITHMETIC"],
        TWO,
        INT,
        |x| ints(x, shift_signed),
        "Bits moved down, the sign coming in.",
    ),
];

fn ints(x: &[Value], compute: fn(i64, i64) -> Option<i64>) -> Evaluated {
    let int = |index: usize| match x.get(index) {
        Some(Value::Int(value)) => *value,
        _ => 0,
    };
    compute(int(0), int(1)).map(Value::Int).ok_or_else(|| {
        EvaluationError::argument("BITWISE_SHIFT", "the distance must not be negative")
    })
}

fn shift_left(value: i64, distance: i64) -> Option<i64> {
    let distance = u64::try_from(distance).ok()?;
    Some(
        u32::try_from(distance)
            .ok()
            .and_then(|d| value.checked_shl(d))
            .unwrap_or(0),
    )
}

fn shift_right(value: i64, distance: i64) -> Option<i64> {
    let distance = u64::try_from(distance).ok()?;
    let shifted = u32::try_from(distance)
        .ok()
        .and_then(|d| value.cast_unsigned().checked_shr(d))
        .unwrap_or(0);
    Some(shifted.cast_signed())
}

fn shift_signed(value: i64, distance: i64) -> Option<i64> {
    let distance = u32::try_from(u64::try_from(distance).ok()?.min(63)).ok()?;
    Some(value >> distance)
}

fn bit_count(x: &[Value]) -> Evaluated {
    let (Value::Int(value), Value::Int(bits)) = (&x[0], &x[1]) else {
        return Ok(Value::Null);
    };
    if !(2..=64).contains(bits) {
        return Err(EvaluationError::argument(
            "BIT_COUNT",
            "the width must be 2 to 64 bits",
        ));
    }
    let spare = 64 - bits;
    if (value << spare) >> spare != *value {
        let message = format!("{value} does not fit in {bits} bits");
        return Err(EvaluationError::argument("BIT_COUNT", message));
    }
    let kept = value.cast_unsigned() << spare;
    Ok(Value::Int(i64::from(kept.count_ones())))
}
