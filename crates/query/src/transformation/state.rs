//! What is stored of the aggregates of a group: the bytes of its hidden member.
//!
//! They are K of an array: the version, then one array per aggregate, in the order of the rollup, with
//! the values of its state. What these are is up to each aggregate; a test beside them holds on to the
//! bytes, since a rollup goes on from what an earlier release stored.

use datafusion::arrow::array::{ArrayRef, UInt64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use outcrop_document::{Value, k};
use std::sync::Arc;

use crate::dynamic::{ValueColumnBuilder, scalar_value};
use crate::error::QueryError;
use crate::types::SqlType;

/// Version of the form described above.
const VERSION: i64 = 1;

/// Whether a part of a state of this type can be stored.
pub(super) fn is_storable(data_type: &DataType) -> bool {
    *data_type == DataType::UInt64 || SqlType::from_arrow(data_type).is_some()
}

/// The bytes of the states of all aggregates.
///
/// # Errors
/// [`QueryError::Internal`] for a state that is not storable.
pub(super) fn encode(states: &[Vec<ScalarValue>]) -> Result<Vec<u8>, QueryError> {
    let mut parts = vec![Value::Int(VERSION)];
    for state in states {
        let values = state.iter().map(value).collect::<Result<_, _>>()?;
        parts.push(Value::Array(values));
    }
    Ok(k::encode(&Value::Array(parts)))
}

/// The states of all aggregates out of their bytes. `types` are those of the states of each.
///
/// # Errors
/// [`QueryError::Storage`] if the bytes are damaged, [`QueryError::Internal`] if they are not the
/// states of these aggregates.
pub(super) fn decode(
    bytes: &[u8],
    types: &[Vec<DataType>],
) -> Result<Vec<Vec<ArrayRef>>, QueryError> {
    let damaged = |error| QueryError::Storage(Box::new(error));
    let foreign = || QueryError::Internal {
        message: "the stored state of a group is not of this rollup".to_owned(),
    };
    let Value::Array(parts) = k::decode(bytes).map_err(damaged)? else {
        return Err(foreign());
    };
    let mut parts = parts.into_iter();
    if parts.next() != Some(Value::Int(VERSION)) || parts.len() != types.len() {
        return Err(foreign());
    }
    let state = |(part, types): (Value, &Vec<DataType>)| match part {
        Value::Array(values) if values.len() == types.len() => {
            let columns = values.iter().zip(types);
            let columns = columns.map(|(value, data_type)| column(value, data_type));
            Ok(columns.collect::<Result<_, DataFusionError>>()?)
        }
        _ => Err(foreign()),
    };
    parts.zip(types).map(state).collect()
}

fn value(scalar: &ScalarValue) -> Result<Value, QueryError> {
    Ok(match scalar {
        // Counts, which do not come near the sign bit.
        ScalarValue::UInt64(count) => {
            count.map_or(Value::Null, |count| Value::Int(count.cast_signed()))
        }
        other => scalar_value(other)?,
    })
}

/// A column of one row.
fn column(value: &Value, data_type: &DataType) -> Result<ArrayRef, DataFusionError> {
    if let (DataType::UInt64, Value::Int(count)) = (data_type, value) {
        return Ok(Arc::new(UInt64Array::from(vec![count.cast_unsigned()])));
    }
    if *data_type == DataType::UInt64 {
        return Ok(Arc::new(UInt64Array::from(vec![None])));
    }
    let mut builder = ValueColumnBuilder::new(data_type, 1)?;
    builder.append(value)?;
    Ok(builder.finish())
}
