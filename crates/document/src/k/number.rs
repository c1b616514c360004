//! The payload of a number: a double in an order-preserving form, and what it rounded away.
//!
//! Every `i64` is stored as the double nearest to it. From 2⁵³ on doubles are sparser than ints, so
//! there (up to 2⁶³) two more bytes hold the int minus the double, in excess 2¹⁵.

use super::marks::{Mark, Marks};
use super::{DecodeError, class};
use crate::Value;

const SIGN: u64 = 1 << 63;
/// 2⁵³: from here on not every int is a double.
const RESIDUAL_MIN: f64 = 9_007_199_254_740_992.0;
/// 2⁶³: the double nearest to `i64::MAX`.
const RESIDUAL_MAX: f64 = 9_223_372_036_854_775_808.0;
/// What is added to a residual so that it sorts as an unsigned number.
const EXCESS: i32 = 1 << 15;

/// A number as its key tells it.
#[derive(Copy, Clone, Debug)]
pub(super) struct Number {
    /// The double nearest to it.
    pub(super) float: f64,
    /// The number itself where it is integral and fits; exactly then it has a mark.
    pub(super) int: Option<i64>,
}

/// The double whose big-endian bytes sort like the number; `-0.0` becomes zero, NaN one NaN.
pub(super) fn to_ordered(float: f64) -> u64 {
    let float = if float.is_nan() {
        f64::NAN
    } else {
        float + 0.0
    };
    let bits = float.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The inverse of [`to_ordered`].
pub(super) fn from_ordered(ordered: u64) -> f64 {
    f64::from_bits(if ordered & SIGN == 0 {
        !ordered
    } else {
        ordered & !SIGN
    })
}

fn has_residual(float: f64) -> bool {
    (RESIDUAL_MIN..=RESIDUAL_MAX).contains(&float.abs())
}

/// Appends class and payload of an int.
pub(super) fn write_int(int: i64, out: &mut Vec<u8>) -> Mark {
    let float = int as f64;
    out.push(class::NUMBER);
    out.extend_from_slice(&to_ordered(float).to_be_bytes());
    if has_residual(float) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a double up to 2⁶³ fits an i128"
        )]
        let residual = i128::from(int) - float as i128;
        let excess = u16::try_from(residual + i128::from(EXCESS));
        let excess = excess.expect("doubles below 2⁶³ are at most 1024 apart");
        out.extend_from_slice(&excess.to_be_bytes());
    }
    Mark::Int
}

/// Appends class and payload of a float; the mark is `None` if no int equals it.
pub(super) fn write_float(float: f64, out: &mut Vec<u8>) -> Option<Mark> {
    out.push(class::NUMBER);
    out.extend_from_slice(&to_ordered(float).to_be_bytes());
    if has_residual(float) {
        out.extend_from_slice(&[0x80, 0x00]);
    }
    match integral(float) {
        Some(0) if float.is_sign_negative() => Some(Mark::NegativeZero),
        Some(_) => Some(Mark::Float),
        None => None,
    }
}

/// The int that equals `float`, if there is one.
fn integral(float: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and is compared below"
    )]
    let int = float as i64;
    let equal = int as f64 == float;
    (equal && float < RESIDUAL_MAX).then_some(int)
}

/// How many bytes follow the class byte of a number that starts with this ordered double.
pub(super) fn residual_len(ordered: u64) -> usize {
    if has_residual(from_ordered(ordered)) {
        2
    } else {
        0
    }
}

/// Whether a number is integral, if it is small enough to have no residual.
pub(super) fn is_small_int(ordered: u64) -> Option<bool> {
    let float = from_ordered(ordered);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates; only small ones are compared"
    )]
    let is_int = float as i64 as f64 == float;
    (float.abs() < RESIDUAL_MIN).then_some(is_int)
}

/// The number of a payload: `residual` is there where [`residual_len`] says so.
pub(super) fn read(
    ordered: u64,
    residual: Option<u16>,
    offset: usize,
) -> Result<Number, DecodeError> {
    let not_canonical = |what| DecodeError::NotCanonical { offset, what };
    let float = from_ordered(ordered);
    if to_ordered(float) != ordered {
        return Err(not_canonical(
            "negative zero or a NaN of another form in a key",
        ));
    }
    let residual = residual.map_or(0, |excess| i32::from(excess) - EXCESS);
    if residual == 0 {
        return Ok(Number {
            float,
            int: integral(float),
        });
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a residual means at most 2⁶³"
    )]
    let exact = float as i128 + i128::from(residual);
    let int = i64::try_from(exact).map_err(|_| not_canonical("int beyond 64 bits"))?;
    let nearest = int as f64 == float;
    match nearest {
        true => Ok(Number {
            float,
            int: Some(int),
        }),
        false => Err(not_canonical("residual of another double")),
    }
}

impl Number {
    /// The int or float that it is, by its mark at `index`; `offset` is for the error.
    pub(super) fn value(
        self,
        marks: Marks<'_>,
        index: usize,
        offset: usize,
    ) -> Result<Value, DecodeError> {
        let Some(int) = self.int else {
            return Ok(Value::Float(self.float));
        };
        match marks.bits(index) {
            0 => Ok(Value::Int(int)),
            1 if integral(self.float) == Some(int) => Ok(Value::Float(self.float)),
            2 if int == 0 => Ok(Value::Float(-0.0)),
            _ => Err(DecodeError::NotCanonical {
                offset,
                what: "mark that the number cannot have",
            }),
        }
    }
}
