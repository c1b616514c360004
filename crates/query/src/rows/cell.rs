//! One column of a batch, ready to be written cell by cell as JSON.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Date32Array,
    DurationMicrosecondArray, Float64Array, Int64Array, IntervalYearMonthArray, StringViewArray,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::arrow::error::ArrowError;
use outcrop_document::{Date, Datetime, Time, Timestamp, Value, json, k};

/// A column whose type has been looked at once.
pub(super) enum Cells {
    Null,
    Bool(BooleanArray),
    Int(Int64Array),
    Float(Float64Array),
    String(StringViewArray),
    Bytes(BinaryArray),
    Date(Date32Array),
    Time(Time64MicrosecondArray),
    Datetime(TimestampMicrosecondArray),
    Timestamp(TimestampMicrosecondArray),
    Microseconds(DurationMicrosecondArray),
    Months(IntervalYearMonthArray),
    Dynamic(BinaryViewArray),
}

impl Cells {
    /// Reads the type of `column`. Types that plans do not use by themselves but that DataFusion's
    /// own operators give (the unsigned counts of window functions, say) are converted.
    ///
    /// # Errors
    /// If the column's type has no JSON form.
    pub(super) fn new(column: &ArrayRef) -> Result<Self, ArrowError> {
        let canonical = canonical(column.data_type());
        let column = match &canonical {
            Some(data_type) => &cast(column, data_type)?,
            None => column,
        };
        Ok(match column.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(column.as_boolean().clone()),
            DataType::Int64 => Self::Int(column.as_primitive().clone()),
            DataType::Float64 => Self::Float(column.as_primitive().clone()),
            DataType::Utf8View => Self::String(column.as_string_view().clone()),
            DataType::Binary => Self::Bytes(column.as_binary().clone()),
            DataType::Date32 => Self::Date(column.as_primitive().clone()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(column.as_primitive().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Self::Datetime(column.as_primitive().clone())
            }
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                Self::Timestamp(column.as_primitive().clone())
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                Self::Microseconds(column.as_primitive().clone())
            }
            DataType::Interval(IntervalUnit::YearMonth) => {
                Self::Months(column.as_primitive().clone())
            }
            DataType::BinaryView => Self::Dynamic(column.as_binary_view().clone()),
            other => {
                let message = format!("a column of type `{other}` has no JSON form");
                return Err(ArrowError::NotYetImplemented(message));
            }
        })
    }

    /// Appends the JSON of one cell: `null` where there is no value.
    ///
    /// # Errors
    /// If a dynamic value is damaged.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), k::DecodeError> {
        macro_rules! scalar {
            ($array:expr, $value:ident => $json:expr) => {
                if $array.is_valid(row) {
                    let $value = $array.value(row);
                    json::write_json(&$json, out);
                } else {
                    out.extend_from_slice(b"null");
                }
            };
        }
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(array) => scalar!(array, value => Value::Bool(value)),
            Self::Int(array) => scalar!(array, value => Value::Int(value)),
            Self::Float(array) => scalar!(array, value => Value::Float(value)),
            Self::Bytes(array) => scalar!(array, value => Value::Bytes(value.to_vec())),
            Self::Date(array) => scalar!(array, value => Value::Date(Date(value))),
            Self::Time(array) => scalar!(array, value => Value::Time(Time(value))),
            Self::Datetime(array) => scalar!(array, value => Value::Datetime(Datetime(value))),
            Self::Timestamp(array) => scalar!(array, value => Value::Timestamp(Timestamp(value))),
            Self::Microseconds(array) => {
                scalar!(array, value => Value::MicrosecondInterval(value));
            }
            Self::Months(array) => scalar!(array, value => Value::MonthInterval(value.into())),
            Self::String(array) if array.is_valid(row) => write_string(array.value(row), out),
            Self::Dynamic(array) if array.is_valid(row) => k::write_json(array.value(row), out)?,
            Self::String(_) | Self::Dynamic(_) => out.extend_from_slice(b"null"),
        }
        Ok(())
    }
}

/// The type to convert to first, if plans do not use `data_type` by themselves.
pub(super) fn canonical(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => Some(DataType::Int64),
        DataType::Float16 | DataType::Float32 => Some(DataType::Float64),
        DataType::Utf8 | DataType::LargeUtf8 => Some(DataType::Utf8View),
        DataType::LargeBinary => Some(DataType::Binary),
        DataType::Date64 => Some(DataType::Date32),
        DataType::Time32(_) | DataType::Time64(TimeUnit::Nanosecond) => {
            Some(DataType::Time64(TimeUnit::Microsecond))
        }
        DataType::Timestamp(unit, zone) if *unit != TimeUnit::Microsecond => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        DataType::Duration(unit) if *unit != TimeUnit::Microsecond => {
            Some(DataType::Duration(TimeUnit::Microsecond))
        }
        DataType::Dictionary(_, value) => {
            Some(canonical(value).unwrap_or_else(|| (**value).clone()))
        }
        _ => None,
    }
}

/// Appends `text` as a JSON string.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing a string to memory cannot fail");
}
