//! A function of a script as plans call it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use outcrop_document::Value;

use super::machine::Machine;
use super::{Program, ScriptError};
use crate::dynamic::{EvaluationError, ValueColumn, ValueColumnBuilder};
use crate::operators::{Typed, to_dynamic};
use crate::types::DYNAMIC;

/// The call `_script.name(arguments)`.
pub(crate) fn call(program: &Arc<Program>, name: &str, arguments: Vec<Typed>) -> Typed {
    let function = ScriptFunction {
        program: Arc::clone(program),
        name: format!("_script.{name}"),
        // It may draw numbers, sleep and count its calls.
        signature: Signature::user_defined(Volatility::Volatile),
    };
    let arguments = arguments.into_iter().map(to_dynamic);
    let arguments = arguments.map(|argument| argument.expr).collect();
    let expr = ScalarUDF::new_from_impl(function).call(arguments);
    Typed::new(expr, DYNAMIC)
}

#[derive(Debug)]
struct ScriptFunction {
    program: Arc<Program>,
    name: String,
    signature: Signature,
}

impl PartialEq for ScriptFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.program.script == other.program.script
    }
}

impl Eq for ScriptFunction {}

impl Hash for ScriptFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.program.script.source.hash(state);
    }
}

impl ScalarUDFImpl for ScriptFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DYNAMIC)
    }

    fn coerce_types(&self, argument_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument_types.to_vec())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let columns = args
            .args
            .iter()
            .map(|argument| {
                argument
                    .to_array(rows)
                    .and_then(|array| ValueColumn::new(&array))
            })
            .collect::<Result<Vec<_>>>()?;
        let values = self.values(&columns, rows)?;
        Ok(ColumnarValue::Array(values))
    }
}

impl ScriptFunction {
    fn values(&self, columns: &[ValueColumn], rows: usize) -> Result<ArrayRef> {
        let mut values = ValueColumnBuilder::new(&DYNAMIC, rows)?;
        if rows > 0 {
            let machine = Machine::new(&self.program).map_err(EvaluationError::from)?;
            let name = self.name.rsplit('.').next().unwrap_or_default();
            let row = |index| {
                let row = columns.iter().map(|column| column.value(index));
                row.collect::<Result<Vec<Value>, EvaluationError>>()
            };
            machine
                .call_each(name, rows, row, |value| values.append(&value))
                .map_err(DataFusionError::from)?;
        }
        Ok(values.finish())
    }
}

impl From<ScriptError> for EvaluationError {
    fn from(error: ScriptError) -> Self {
        Self::Script(error)
    }
}
