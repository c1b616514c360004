//! Kernels that build a plan's columns from stored ones.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BinaryViewBuilder, BooleanArray,
    Date32Array, Float64Array, Float64Builder, Int64Array, StringViewArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use datafusion::arrow::error::ArrowError;
use outcrop_document::{Date, Datetime, FieldPath, Time, Timestamp, Value, ValueType, k};

use crate::error::QueryError;

/// Ints and floats of one path as floats: at most one of `columns` has a value in each row.
///
/// # Errors
/// If a column is neither Int64 nor Float64.
pub(super) fn number(columns: &[&ArrayRef], rows: usize) -> Result<Float64Array, ArrowError> {
    let readers = columns
        .iter()
        .map(|column| match column.data_type() {
            DataType::Int64 => Ok(NumberReader::Int(column.as_primitive())),
            DataType::Float64 => Ok(NumberReader::Float(column.as_primitive())),
            other => Err(unexpected(other)),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut builder = Float64Builder::with_capacity(rows);
    for row in 0..rows {
        builder.append_option(readers.iter().find_map(|reader| reader.get(row)));
    }
    Ok(builder.finish())
}

enum NumberReader<'a> {
    Int(&'a Int64Array),
    Float(&'a Float64Array),
}

impl NumberReader<'_> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "planned only where every int is exact"
    )]
    fn get(&self, row: usize) -> Option<f64> {
        match self {
            Self::Int(array) => array.is_valid(row).then(|| array.value(row) as f64),
            Self::Float(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// Values of several types as dynamic ones: at most one of `columns` has a value in each row.
/// Rows that `nulls` marks become explicit nulls.
///
/// # Errors
/// If a column is of a type that storage never writes.
pub(super) fn dynamic(
    columns: &[&ArrayRef],
    nulls: Option<&ArrayRef>,
    rows: usize,
) -> Result<BinaryViewArray, ArrowError> {
    let encoders = columns
        .iter()
        .map(|column| Encoder::new(column))
        .collect::<Result<Vec<_>, _>>()?;
    let explicit_null = k::encode(&Value::Null);
    let mut builder = BinaryViewBuilder::with_capacity(rows);
    let mut bytes = Vec::new();
    for row in 0..rows {
        bytes.clear();
        if encoders
            .iter()
            .any(|encoder| encoder.encode(row, &mut bytes))
        {
            builder.append_value(&bytes);
        } else if nulls.is_some_and(|nulls| nulls.is_valid(row)) {
            builder.append_value(&explicit_null);
        } else {
            builder.append_null();
        }
    }
    Ok(builder.finish())
}

/// Writes values of one stored column in the K encoding.
enum Encoder<'a> {
    Bool(&'a BooleanArray),
    Int(&'a Int64Array),
    Float(&'a Float64Array),
    String(&'a StringViewArray),
    Bytes(&'a BinaryArray),
    Date(&'a Date32Array),
    Time(&'a Time64MicrosecondArray),
    Datetime(&'a TimestampMicrosecondArray),
    Timestamp(&'a TimestampMicrosecondArray),
    Encoded(&'a BinaryViewArray),
}

impl<'a> Encoder<'a> {
    fn new(column: &'a ArrayRef) -> Result<Self, ArrowError> {
        Ok(match column.data_type() {
            DataType::Boolean => Self::Bool(column.as_boolean()),
            DataType::Int64 => Self::Int(column.as_primitive::<Int64Type>()),
            DataType::Float64 => Self::Float(column.as_primitive::<Float64Type>()),
            DataType::Utf8View => Self::String(column.as_string_view()),
            DataType::Binary => Self::Bytes(column.as_binary()),
            DataType::Date32 => Self::Date(column.as_primitive::<Date32Type>()),
            DataType::Time64(_) => Self::Time(column.as_primitive::<Time64MicrosecondType>()),
            DataType::Timestamp(_, None) => {
                Self::Datetime(column.as_primitive::<TimestampMicrosecondType>())
            }
            DataType::Timestamp(_, Some(_)) => {
                Self::Timestamp(column.as_primitive::<TimestampMicrosecondType>())
            }
            DataType::BinaryView => Self::Encoded(column.as_binary_view()),
            other => return Err(unexpected(other)),
        })
    }

    /// Appends the value of `row`, if it has one.
    fn encode(&self, row: usize, out: &mut Vec<u8>) -> bool {
        macro_rules! value {
            ($array:expr, $encode:path $(, $wrap:path)?) => {{
                let valid = $array.is_valid(row);
                if valid {
                    $encode($($wrap)?($array.value(row)), out);
                }
                valid
            }};
        }
        match self {
            Self::Bool(array) => value!(array, k::encode_bool),
            Self::Int(array) => value!(array, k::encode_int),
            Self::Float(array) => value!(array, k::encode_float),
            Self::String(array) => value!(array, k::encode_str),
            Self::Bytes(array) => value!(array, k::encode_bytes),
            Self::Date(array) => value!(array, k::encode_date, Date),
            Self::Time(array) => value!(array, k::encode_time, Time),
            Self::Datetime(array) => value!(array, k::encode_datetime, Datetime),
            Self::Timestamp(array) => value!(array, k::encode_timestamp, Timestamp),
            Self::Encoded(array) => {
                let valid = array.is_valid(row);
                if valid {
                    out.extend_from_slice(array.value(row));
                }
                valid
            }
        }
    }
}

/// The values of one path taken out of whole documents; explicit nulls are kept if `nulls`.
///
/// # Errors
/// If a document is damaged.
pub(super) fn from_document(
    documents: &BinaryViewArray,
    path: &FieldPath,
    nulls: bool,
) -> Result<BinaryViewArray, ArrowError> {
    let mut builder = BinaryViewBuilder::with_capacity(documents.len());
    for document in documents {
        let value = match document {
            Some(document) => k::get(document, path.steps()).map_err(damaged)?,
            None => None,
        };
        match value {
            Some(value) if nulls || value_type(&value)? != ValueType::Null => {
                builder.append_value(value);
            }
            _ => builder.append_null(),
        }
    }
    Ok(builder.finish())
}

/// Whole documents without their hidden members.
///
/// # Errors
/// If a document is damaged.
pub(super) fn without_hidden(documents: ArrayRef) -> Result<ArrayRef, ArrowError> {
    let column = documents.as_binary_view();
    let shown = |document| outcrop_storage::without_hidden(document).map_err(damaged);
    let mut is_hidden = false;
    for document in column.iter().flatten() {
        is_hidden |= matches!(shown(document)?, Cow::Owned(_));
        if is_hidden {
            break;
        }
    }
    if !is_hidden {
        return Ok(documents);
    }
    let mut builder = BinaryViewBuilder::with_capacity(column.len());
    for document in column {
        match document {
            Some(document) => builder.append_value(shown(document)?),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn value_type(value: &[u8]) -> Result<ValueType, ArrowError> {
    k::value_type(value).map_err(damaged)
}

fn damaged(error: k::DecodeError) -> ArrowError {
    ArrowError::ExternalError(Box::new(QueryError::Storage(Box::new(error))))
}

fn unexpected(data_type: &DataType) -> ArrowError {
    ArrowError::ComputeError(format!("storage gave a column of type `{data_type}`"))
}
