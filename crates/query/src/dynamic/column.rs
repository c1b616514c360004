//! Columns read and written as values.

use super::EvaluationError;
use crate::types::SqlType;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BinaryViewArray, BinaryViewBuilder,
    BooleanArray, BooleanBuilder, NullArray, PrimitiveArray, PrimitiveBuilder, StringArray,
    StringViewArray, StringViewBuilder, new_null_array,
};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Float64Type, Int64Type, IntervalYearMonthType,
    Time64MicrosecondType, TimestampMicrosecondType,
};
use datafusion::common::{DataFusionError, ScalarValue, exec_err};
use outcrop_document::{Date, Datetime, Time, Timestamp, Value, k};
use std::sync::Arc;

/// A column whose rows can be read as values.
///
/// Arrow nulls and K-encoded nulls both read as [`Value::Null`].
#[derive(Debug)]
pub(crate) enum ValueColumn {
    Null,
    Bool(BooleanArray),
    Int(PrimitiveArray<Int64Type>),
    Float(PrimitiveArray<Float64Type>),
    String(StringViewArray),
    PlainString(StringArray),
    Bytes(BinaryArray),
    Date(PrimitiveArray<Date32Type>),
    Datetime(PrimitiveArray<TimestampMicrosecondType>),
    Time(PrimitiveArray<Time64MicrosecondType>),
    Timestamp(PrimitiveArray<TimestampMicrosecondType>),
    MonthInterval(PrimitiveArray<IntervalYearMonthType>),
    MicrosecondInterval(PrimitiveArray<DurationMicrosecondType>),
    Dynamic(BinaryViewArray),
}

impl ValueColumn {
    /// A reader of `array`, whose type must be one that plans carry (`Utf8` is tolerated).
    pub(crate) fn new(array: &ArrayRef) -> Result<Self, DataFusionError> {
        if array.data_type() == &DataType::Utf8 {
            return Ok(Self::PlainString(array.as_string::<i32>().clone()));
        }
        let Some(sql_type) = SqlType::from_arrow(array.data_type()) else {
            return exec_err!(
                "a column of {} is outside the type mapping",
                array.data_type()
            );
        };
        Ok(match sql_type {
            SqlType::Null => Self::Null,
            SqlType::Bool => Self::Bool(array.as_boolean().clone()),
            SqlType::Int => Self::Int(array.as_primitive().clone()),
            SqlType::Float => Self::Float(array.as_primitive().clone()),
            SqlType::String => Self::String(array.as_string_view().clone()),
            SqlType::Bytes => Self::Bytes(array.as_binary::<i32>().clone()),
            SqlType::Date => Self::Date(array.as_primitive().clone()),
            SqlType::Datetime => Self::Datetime(array.as_primitive().clone()),
            SqlType::Time => Self::Time(array.as_primitive().clone()),
            SqlType::Timestamp => Self::Timestamp(array.as_primitive().clone()),
            SqlType::MonthInterval => Self::MonthInterval(array.as_primitive().clone()),
            SqlType::MicrosecondInterval => Self::MicrosecondInterval(array.as_primitive().clone()),
            SqlType::Array | SqlType::Object | SqlType::Geography | SqlType::Dynamic => {
                Self::Dynamic(array.as_binary_view().clone())
            }
        })
    }

    /// The value of one row; panics when `row` is out of range.
    pub(crate) fn value(&self, row: usize) -> Result<Value, EvaluationError> {
        if self.is_arrow_null(row) {
            return Ok(Value::Null);
        }
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(array) => Value::Bool(array.value(row)),
            Self::Int(array) => Value::Int(array.value(row)),
            Self::Float(array) => Value::Float(array.value(row)),
            Self::String(array) => Value::String(array.value(row).to_owned()),
            Self::PlainString(array) => Value::String(array.value(row).to_owned()),
            Self::Bytes(array) => Value::Bytes(array.value(row).to_vec()),
            Self::Date(array) => Value::Date(Date(array.value(row))),
            Self::Datetime(array) => Value::Datetime(Datetime(array.value(row))),
            Self::Time(array) => Value::Time(Time(array.value(row))),
            Self::Timestamp(array) => Value::Timestamp(Timestamp(array.value(row))),
            Self::MonthInterval(array) => Value::MonthInterval(i64::from(array.value(row))),
            Self::MicrosecondInterval(array) => Value::MicrosecondInterval(array.value(row)),
            Self::Dynamic(array) => k::decode(array.value(row))?,
        })
    }

    /// Appends the K bytes of one row, or appends nothing and says so when it is Arrow NULL.
    pub(crate) fn encode(&self, row: usize, out: &mut Vec<u8>) -> bool {
        if self.is_arrow_null(row) {
            return false;
        }
        match self {
            Self::Null => return false,
            Self::Bool(array) => k::encode_bool(array.value(row), out),
            Self::Int(array) => k::encode_int(array.value(row), out),
            Self::Float(array) => k::encode_float(array.value(row), out),
            Self::String(array) => k::encode_str(array.value(row), out),
            Self::PlainString(array) => k::encode_str(array.value(row), out),
            Self::Bytes(array) => k::encode_bytes(array.value(row), out),
            Self::Date(array) => k::encode_date(Date(array.value(row)), out),
            Self::Datetime(array) => k::encode_datetime(Datetime(array.value(row)), out),
            Self::Time(array) => k::encode_time(Time(array.value(row)), out),
            Self::Timestamp(array) => k::encode_timestamp(Timestamp(array.value(row)), out),
            Self::MonthInterval(array) => {
                k::encode_month_interval(i64::from(array.value(row)), out);
            }
            Self::MicrosecondInterval(array) => {
                k::encode_microsecond_interval(array.value(row), out);
            }
            Self::Dynamic(array) => out.extend_from_slice(array.value(row)),
        }
        true
    }

    /// Whether the row is Arrow NULL; a K-encoded null is not.
    pub(crate) fn is_arrow_null(&self, row: usize) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(array) => array.is_null(row),
            Self::Int(array) => array.is_null(row),
            Self::Float(array) => array.is_null(row),
            Self::String(array) => array.is_null(row),
            Self::PlainString(array) => array.is_null(row),
            Self::Bytes(array) => array.is_null(row),
            Self::Date(array) => array.is_null(row),
            Self::Datetime(array) | Self::Timestamp(array) => array.is_null(row),
            Self::Time(array) => array.is_null(row),
            Self::MonthInterval(array) => array.is_null(row),
            Self::MicrosecondInterval(array) => array.is_null(row),
            Self::Dynamic(array) => array.is_null(row),
        }
    }
}

/// Most bytes of text, bytes and dynamic values in one column of one batch. Arrow's offsets end at 2
/// GiB, and a batch of thousands of generated strings must not exhaust the memory before that. Low in
/// tests, so that they can reach it.
const COLUMN_BYTES_MAX: usize = if cfg!(test) { 4 << 20 } else { 512 << 20 };

/// A column under construction, fed with values.
pub(crate) struct ValueColumnBuilder {
    sql_type: SqlType,
    bytes: usize,
    builder: Builder,
    scratch: Vec<u8>,
}

enum Builder {
    Null(usize),
    Bool(BooleanBuilder),
    Int(PrimitiveBuilder<Int64Type>),
    Float(PrimitiveBuilder<Float64Type>),
    String(StringViewBuilder),
    Bytes(BinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Datetime(PrimitiveBuilder<TimestampMicrosecondType>),
    Time(PrimitiveBuilder<Time64MicrosecondType>),
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>),
    MonthInterval(PrimitiveBuilder<IntervalYearMonthType>),
    MicrosecondInterval(PrimitiveBuilder<DurationMicrosecondType>),
    Dynamic(BinaryViewBuilder),
}

impl ValueColumnBuilder {
    /// A builder for `rows` rows of a type that plans carry.
    pub(crate) fn new(data_type: &DataType, rows: usize) -> Result<Self, DataFusionError> {
        let Some(sql_type) = SqlType::from_arrow(data_type) else {
            return exec_err!("a column of {data_type} is outside the type mapping");
        };
        let builder = match sql_type {
            SqlType::Null => Builder::Null(0),
            SqlType::Bool => Builder::Bool(BooleanBuilder::with_capacity(rows)),
            SqlType::Int => Builder::Int(PrimitiveBuilder::with_capacity(rows)),
            SqlType::Float => Builder::Float(PrimitiveBuilder::with_capacity(rows)),
            SqlType::String => Builder::String(StringViewBuilder::with_capacity(rows)),
            SqlType::Bytes => Builder::Bytes(BinaryBuilder::with_capacity(rows, rows * 16)),
            SqlType::Date => Builder::Date(PrimitiveBuilder::with_capacity(rows)),
            SqlType::Datetime => Builder::Datetime(PrimitiveBuilder::with_capacity(rows)),
            SqlType::Time => Builder::Time(PrimitiveBuilder::with_capacity(rows)),
            SqlType::Timestamp => Builder::Timestamp(
                PrimitiveBuilder::with_capacity(rows).with_data_type(SqlType::Timestamp.arrow()),
            ),
            SqlType::MonthInterval => Builder::MonthInterval(PrimitiveBuilder::with_capacity(rows)),
            SqlType::MicrosecondInterval => {
                Builder::MicrosecondInterval(PrimitiveBuilder::with_capacity(rows))
            }
            SqlType::Array | SqlType::Object | SqlType::Geography | SqlType::Dynamic => {
                Builder::Dynamic(BinaryViewBuilder::with_capacity(rows))
            }
        };
        Ok(Self {
            sql_type,
            bytes: 0,
            builder,
            scratch: Vec::new(),
        })
    }

    /// Appends one row. A null becomes Arrow NULL; a float column takes ints.
    ///
    /// # Errors
    /// [`EvaluationError::Column`] when the column is of another type, [`EvaluationError::TooLarge`]
    /// when the column has become too large.
    pub(crate) fn append(&mut self, value: &Value) -> Result<(), EvaluationError> {
        if matches!(value, Value::Null) {
            self.append_null();
            return Ok(());
        }
        match (&mut self.builder, value) {
            (Builder::Dynamic(builder), value) => {
                self.scratch.clear();
                k::encode_into(value, &mut self.scratch);
                self.bytes = limited(self.bytes + self.scratch.len())?;
                builder.append_value(&self.scratch);
            }
            (Builder::Bool(builder), Value::Bool(value)) => builder.append_value(*value),
            (Builder::Int(builder), Value::Int(value)) => builder.append_value(*value),
            (Builder::Float(builder), Value::Float(value)) => builder.append_value(*value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a float column rounds large ints"
            )]
            (Builder::Float(builder), Value::Int(value)) => builder.append_value(*value as f64),
            (Builder::String(builder), Value::String(value)) => {
                self.bytes = limited(self.bytes + value.len())?;
                builder.append_value(value);
            }
            (Builder::Bytes(builder), Value::Bytes(value)) => {
                self.bytes = limited(self.bytes + value.len())?;
                builder.append_value(value);
            }
            (Builder::Date(builder), Value::Date(value)) => builder.append_value(value.0),
            (Builder::Datetime(builder), Value::Datetime(value)) => builder.append_value(value.0),
            (Builder::Time(builder), Value::Time(value)) => builder.append_value(value.0),
            (Builder::Timestamp(builder), Value::Timestamp(value)) => builder.append_value(value.0),
            (Builder::MonthInterval(builder), Value::MonthInterval(value)) => {
                let months = i32::try_from(*value).map_err(|_| EvaluationError::Overflow {
                    operation: "month_interval",
                })?;
                builder.append_value(months);
            }
            (Builder::MicrosecondInterval(builder), Value::MicrosecondInterval(value)) => {
                builder.append_value(*value);
            }
            _ => {
                return Err(EvaluationError::column(
                    self.sql_type,
                    value.value_type().name(),
                ));
            }
        }
        Ok(())
    }

    /// Appends one row of Arrow NULL.
    pub(crate) fn append_null(&mut self) {
        match &mut self.builder {
            Builder::Null(rows) => *rows += 1,
            Builder::Bool(builder) => builder.append_null(),
            Builder::Int(builder) => builder.append_null(),
            Builder::Float(builder) => builder.append_null(),
            Builder::String(builder) => builder.append_null(),
            Builder::Bytes(builder) => builder.append_null(),
            Builder::Date(builder) => builder.append_null(),
            Builder::Datetime(builder) | Builder::Timestamp(builder) => builder.append_null(),
            Builder::Time(builder) => builder.append_null(),
            Builder::MonthInterval(builder) => builder.append_null(),
            Builder::MicrosecondInterval(builder) => builder.append_null(),
            Builder::Dynamic(builder) => builder.append_null(),
        }
    }

    /// The column.
    pub(crate) fn finish(self) -> ArrayRef {
        match self.builder {
            Builder::Null(rows) => Arc::new(NullArray::new(rows)),
            Builder::Bool(mut builder) => Arc::new(builder.finish()),
            Builder::Int(mut builder) => Arc::new(builder.finish()),
            Builder::Float(mut builder) => Arc::new(builder.finish()),
            Builder::String(mut builder) => Arc::new(builder.finish()),
            Builder::Bytes(mut builder) => Arc::new(builder.finish()),
            Builder::Date(mut builder) => Arc::new(builder.finish()),
            Builder::Datetime(mut builder) | Builder::Timestamp(mut builder) => {
                Arc::new(builder.finish())
            }
            Builder::Time(mut builder) => Arc::new(builder.finish()),
            Builder::MonthInterval(mut builder) => Arc::new(builder.finish()),
            Builder::MicrosecondInterval(mut builder) => Arc::new(builder.finish()),
            Builder::Dynamic(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// `bytes`, unless it is too much for a column.
fn limited(bytes: usize) -> Result<usize, EvaluationError> {
    if bytes > COLUMN_BYTES_MAX {
        return Err(EvaluationError::TooLarge {
            bytes_max: COLUMN_BYTES_MAX,
        });
    }
    Ok(bytes)
}

/// A value as a constant of its native type; arrays, objects and geographies as dynamic constants.
pub(crate) fn to_scalar(value: &Value) -> ScalarValue {
    let zone = || Some(Arc::from(crate::types::UTC));
    match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(value) => ScalarValue::Boolean(Some(*value)),
        Value::Int(value) => ScalarValue::Int64(Some(*value)),
        Value::Float(value) => ScalarValue::Float64(Some(*value)),
        Value::String(value) => ScalarValue::Utf8View(Some(value.clone())),
        Value::Bytes(value) => ScalarValue::Binary(Some(value.clone())),
        Value::Date(value) => ScalarValue::Date32(Some(value.0)),
        Value::Datetime(value) => ScalarValue::TimestampMicrosecond(Some(value.0), None),
        Value::Time(value) => ScalarValue::Time64Microsecond(Some(value.0)),
        Value::Timestamp(value) => ScalarValue::TimestampMicrosecond(Some(value.0), zone()),
        Value::MicrosecondInterval(value) => ScalarValue::DurationMicrosecond(Some(*value)),
        Value::MonthInterval(value) => match i32::try_from(*value) {
            Ok(months) => ScalarValue::IntervalYearMonth(Some(months)),
            Err(_) => ScalarValue::BinaryView(Some(k::encode(&Value::MonthInterval(*value)))),
        },
        Value::Array(_) | Value::Object(_) | Value::Geography(_) => {
            ScalarValue::BinaryView(Some(k::encode(value)))
        }
    }
}

/// The value of a constant of any type that plans carry.
pub(crate) fn scalar_value(scalar: &ScalarValue) -> Result<Value, DataFusionError> {
    let array = match scalar {
        ScalarValue::Null => new_null_array(&DataType::Null, 1),
        other => other.to_array()?,
    };
    Ok(ValueColumn::new(&array)?.value(0)?)
}
