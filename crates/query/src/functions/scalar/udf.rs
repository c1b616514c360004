//! A [`ScalarFunction`] as DataFusion sees it.

use super::definition::ScalarFunction;
use crate::dynamic::rows;
use crate::types::SqlType;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use outcrop_document::Value;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A function of one of the tables. Equal when its name is.
pub(crate) struct FunctionUdf {
    definition: &'static ScalarFunction,
    name: String,
    signature: Signature,
}

impl FunctionUdf {
    pub(crate) fn new(definition: &'static ScalarFunction) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self {
            definition,
            name: definition.name().to_ascii_lowercase(),
            signature,
        }
    }
}

impl fmt::Debug for FunctionUdf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("FunctionUdf")
            .field(&self.name)
            .finish()
    }
}

impl PartialEq for FunctionUdf {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for FunctionUdf {}

impl Hash for FunctionUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for FunctionUdf {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, argument_types: &[DataType]) -> Result<DataType> {
        let types: Vec<SqlType> = argument_types
            .iter()
            .map(|data_type| SqlType::from_arrow(data_type).unwrap_or(SqlType::Dynamic))
            .collect();
        Ok(self.definition.result_type(&types).arrow())
    }

    fn coerce_types(&self, argument_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument_types.to_vec())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let (Some(function), [ColumnarValue::Array(array)]) =
            (self.definition.float, call.args.as_slice())
            && let Some(floats) = map_floats(array, function)
        {
            return Ok(ColumnarValue::Array(floats));
        }
        if let Some(columns) = self.definition.columns
            && let Some(array) = columns(&call.args)
            && array.data_type() == call.return_type()
        {
            return Ok(ColumnarValue::Array(array));
        }
        let evaluate = |row: &[Value]| self.definition.call(row);
        rows::map_rows(&call.args, call.number_rows, call.return_type(), evaluate)
    }
}

/// A function of one float over a native column of numbers; `None` for any other column.
#[expect(
    clippy::cast_precision_loss,
    reason = "functions of floats round large ints"
)]
fn map_floats(array: &ArrayRef, function: fn(f64) -> f64) -> Option<ArrayRef> {
    let floats: Float64Array = match array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().unary(function),
        DataType::Int64 => array
            .as_primitive::<Int64Type>()
            .unary(|value| function(value as f64)),
        _ => return None,
    };
    Some(Arc::new(floats))
}
