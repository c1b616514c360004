//! Functions of one moment over whole columns of dates, datetimes and timestamps.

use crate::dynamic::order::DAY_MICROS;
use crate::dynamic::scalar_value;
use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use datafusion::logical_expr::ColumnarValue;
use outcrop_document::Value;
use std::sync::Arc;

/// What a conversion gives when a row leaves the range: the row-wise path then says which.
#[derive(Debug)]
struct OutOfRange;

/// The value of a constant argument that is not null.
pub(super) fn constant(argument: &ColumnarValue) -> Option<Value> {
    match argument {
        ColumnarValue::Scalar(scalar) => scalar_value(scalar).ok().filter(|x| *x != Value::Null),
        ColumnarValue::Array(_) => None,
    }
}

/// `convert` for each moment of a column, as a column of the same type; `None` when the argument is
/// no such column or a row fails.
pub(super) fn map_moments(
    argument: &ColumnarValue,
    convert: impl Fn(i64) -> Option<i64>,
) -> Option<ArrayRef> {
    let ColumnarValue::Array(array) = argument else {
        return None;
    };
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let moments = array.as_primitive::<TimestampMicrosecondType>();
            let mapped = moments
                .try_unary::<_, TimestampMicrosecondType, _>(|x| convert(x).ok_or(OutOfRange))
                .ok()?;
            Some(Arc::new(mapped.with_data_type(array.data_type().clone())))
        }
        DataType::Date32 => {
            let days = |micros: i64| i32::try_from(micros.div_euclid(DAY_MICROS)).ok();
            let mapped = array
                .as_primitive::<Date32Type>()
                .try_unary::<_, Date32Type, _>(|day| {
                    convert(i64::from(day).saturating_mul(DAY_MICROS))
                        .and_then(days)
                        .ok_or(OutOfRange)
                })
                .ok()?;
            Some(Arc::new(mapped))
        }
        _ => None,
    }
}

/// An int for each moment of a column; `None` as for [`map_moments`].
pub(super) fn ints_of_moments(
    argument: &ColumnarValue,
    convert: impl Fn(i64) -> Option<i64>,
) -> Option<ArrayRef> {
    let ColumnarValue::Array(array) = argument else {
        return None;
    };
    let ints: Int64Array = match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => array
            .as_primitive::<TimestampMicrosecondType>()
            .try_unary(|moment| convert(moment).ok_or(OutOfRange))
            .ok()?,
        DataType::Date32 => array
            .as_primitive::<Date32Type>()
            .try_unary(|day| convert(i64::from(day).saturating_mul(DAY_MICROS)).ok_or(OutOfRange))
            .ok()?,
        _ => return None,
    };
    Some(Arc::new(ints))
}
