//! A [`ScalarFunction`] as DataFusion sees it.

use super::definition::ScalarFunction;
use crate::dynamic::rows;
use crate::types::SqlType;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use outcrop_document::Value;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A function of one of the tables. Equal when its name is.
pub(crate) struct FunctionUdf {
    definition: &'static ScalarFunction,
    name: String,
    signature: Signature,
}

impl FunctionUdf {
    pub(crate) fn new(definition: &'static ScalarFunction) -> Self {
        let signature = Signature::user_defined(definition.volatility);
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
        let evaluate = |row: &[Value]| self.definition.call(row);
        let (rows, returns) = (call.number_rows, call.return_type());
        if self.definition.volatility == Volatility::Volatile {
            rows::map_each_row(&call.args, rows, returns, evaluate)
        } else {
            rows::map_rows(&call.args, rows, returns, evaluate)
        }
    }
}
