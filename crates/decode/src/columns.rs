//! Cells of Arrow columns as values, as far as Parquet has such columns.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Field, Fields, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use outcrop_document::{Object, Value, json};

use crate::error::DecodeError;
use crate::scalars::{self, Unit};

/// Where a field says that it is more than its type.
const EXTENSION: &str = "ARROW:extension:name";

/// Checks that a document can hold all of the fields.
pub(crate) fn check(fields: &Fields) -> Result<(), DecodeError> {
    for field in fields {
        check_field(field, field.name(), 1)?;
    }
    Ok(())
}

fn check_field(field: &Field, path: &str, depth: usize) -> Result<(), DecodeError> {
    if depth >= json::NESTING_MAX {
        let depth_max = json::NESTING_MAX;
        return Err(DecodeError::File(format!(
            "the column `{path}` is nested deeper than {depth_max} levels"
        )));
    }
    match field.data_type() {
        DataType::Struct(fields) => fields.iter().try_for_each(|member| {
            let path = format!("{path}.{}", member.name());
            check_field(member, &path, depth + 1)
        }),
        DataType::List(element) => check_field(element, path, depth + 1),
        DataType::Map(entry, _) => match entry.data_type() {
            DataType::Struct(members) => match members.as_ref() {
                [key, value] if is_name(key.data_type()) => check_field(value, path, depth + 1),
                _ => Err(DecodeError::File(format!(
                    "the keys of the map `{path}` are neither strings nor integers"
                ))),
            },
            _ => Err(DecodeError::File(format!(
                "the map `{path}` has no entries"
            ))),
        },
        scalar if is_scalar(scalar) => Ok(()),
        other => Err(DecodeError::File(format!(
            "the column `{path}` has the type `{other}`, which documents have nothing for"
        ))),
    }
}

/// Whether a key of this type can name a member.
fn is_name(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8) || data_type.is_integer()
}

fn is_scalar(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null
        | DataType::Boolean
        | DataType::Utf8
        | DataType::Binary
        | DataType::FixedSizeBinary(_)
        | DataType::Date32
        | DataType::Decimal128(..)
        | DataType::Decimal256(..)
        | DataType::Time32(TimeUnit::Millisecond)
        | DataType::Time64(_) => true,
        DataType::Timestamp(unit, _) => *unit != TimeUnit::Second,
        other => other.is_integer() || other.is_floating(),
    }
}

/// The document of one row.
///
/// # Errors
/// Which value cannot be, and why.
pub(crate) fn document(fields: &Fields, columns: &[ArrayRef], row: usize) -> Result<Value, String> {
    let mut members = Object::new();
    for (field, column) in fields.iter().zip(columns) {
        let value = value(field, column, row);
        let value = value.map_err(|reason| format!("`{}`: {reason}", field.name()))?;
        members.insert(field.name().clone(), value);
    }
    Ok(Value::Object(members))
}

fn value(field: &Field, array: &dyn Array, row: usize) -> Result<Value, String> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    macro_rules! cell {
        ($type:ty) => {
            array.as_primitive::<$type>().value(row)
        };
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => Value::Int(cell!(Int8Type).into()),
        DataType::Int16 => Value::Int(cell!(Int16Type).into()),
        DataType::Int32 => Value::Int(cell!(Int32Type).into()),
        DataType::Int64 => Value::Int(cell!(Int64Type)),
        DataType::UInt8 => Value::Int(cell!(UInt8Type).into()),
        DataType::UInt16 => Value::Int(cell!(UInt16Type).into()),
        DataType::UInt32 => Value::Int(cell!(UInt32Type).into()),
        DataType::UInt64 => scalars::unsigned(cell!(UInt64Type)),
        DataType::Float16 => Value::Float(cell!(Float16Type).into()),
        DataType::Float32 => Value::Float(cell!(Float32Type).into()),
        DataType::Float64 => Value::Float(cell!(Float64Type)),
        DataType::Decimal128(_, scale) => {
            scalars::decimal(&cell!(Decimal128Type).to_string(), (*scale).into())
        }
        DataType::Decimal256(_, scale) => {
            scalars::decimal(&cell!(Decimal256Type).to_string(), (*scale).into())
        }
        DataType::Utf8 => Value::String(array.as_string::<i32>().value(row).to_owned()),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::FixedSizeBinary(_) => {
            let bytes = array.as_fixed_size_binary().value(row);
            let is_uuid = field.metadata().get(EXTENSION).map(String::as_str) == Some("arrow.uuid");
            match bytes.try_into() {
                Ok(uuid) if is_uuid => scalars::uuid(uuid),
                _ => Value::Bytes(bytes.to_vec()),
            }
        }
        DataType::Date32 => scalars::date(cell!(Date32Type))?,
        DataType::Time32(_) => {
            scalars::time(cell!(Time32MillisecondType).into(), Unit::Millisecond)?
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            scalars::time(cell!(Time64NanosecondType), Unit::Nanosecond)?
        }
        DataType::Time64(_) => scalars::time(cell!(Time64MicrosecondType), Unit::Microsecond)?,
        DataType::Timestamp(unit, zone) => {
            let (count, unit) = match unit {
                TimeUnit::Nanosecond => (cell!(TimestampNanosecondType), Unit::Nanosecond),
                TimeUnit::Millisecond => (cell!(TimestampMillisecondType), Unit::Millisecond),
                _ => (cell!(TimestampMicrosecondType), Unit::Microsecond),
            };
            match zone {
                Some(_) => scalars::timestamp(count, unit)?,
                None => scalars::datetime(count, unit)?,
            }
        }
        DataType::Struct(fields) => document(fields, array.as_struct().columns(), row)?,
        DataType::List(element) => {
            let elements = array.as_list::<i32>().value(row);
            let values = (0..elements.len()).map(|index| {
                let value = value(element, &elements, index);
                value.map_err(|reason| format!("element {}: {reason}", index + 1))
            });
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        DataType::Map(entry, _) => map(entry, array, row)?,
        other => return Err(format!("documents have nothing for the type `{other}`")),
    })
}

/// An object with a member for each entry; of equal keys the last wins.
fn map(entry: &Field, array: &dyn Array, row: usize) -> Result<Value, String> {
    let entries = array.as_map().value(row);
    let (DataType::Struct(fields), [keys, values]) = (entry.data_type(), entries.columns()) else {
        return Err("the map has no entries".to_owned());
    };
    let [key_field, value_field] = fields.as_ref() else {
        return Err("the map has no entries".to_owned());
    };
    let mut members = Object::new();
    for index in 0..entries.len() {
        let name = match value(key_field, keys, index)? {
            Value::String(name) => name,
            other => json::to_string(&other),
        };
        let value = value(value_field, values, index);
        let value = value.map_err(|reason| format!("`{name}`: {reason}"))?;
        members.insert(name, value);
    }
    Ok(Value::Object(members))
}
