//! Row-wise evaluation: the path that takes arguments of any types, native and dynamic alike.

use super::{EvaluationError, ValueColumn, ValueColumnBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::ColumnarValue;
use outcrop_document::Value;

/// Reads the arguments of a call row by row. Constants are decoded once.
pub(crate) struct RowReader {
    columns: Vec<Option<ValueColumn>>,
    row: Vec<Value>,
}

impl RowReader {
    /// A reader of `arguments`.
    pub(crate) fn new(arguments: &[ColumnarValue]) -> Result<Self, DataFusionError> {
        let mut columns = Vec::with_capacity(arguments.len());
        let mut row = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match argument {
                ColumnarValue::Array(array) => {
                    columns.push(Some(ValueColumn::new(array)?));
                    row.push(Value::Null);
                }
                ColumnarValue::Scalar(scalar) => {
                    columns.push(None);
                    row.push(super::scalar_value(scalar)?);
                }
            }
        }
        Ok(Self { columns, row })
    }

    /// The arguments of row `index`.
    pub(crate) fn read(&mut self, index: usize) -> Result<&[Value], EvaluationError> {
        for (slot, column) in self.row.iter_mut().zip(&self.columns) {
            if let Some(column) = column {
                *slot = column.value(index)?;
            }
        }
        Ok(&self.row)
    }
}

/// Whether every argument is a constant, so that one evaluation serves all rows.
pub(crate) fn all_constant(arguments: &[ColumnarValue]) -> bool {
    arguments
        .iter()
        .all(|argument| matches!(argument, ColumnarValue::Scalar(_)))
}

/// `evaluate` for each row, gathered in a column of `data_type`; a constant when all arguments are.
pub(crate) fn map_rows(
    arguments: &[ColumnarValue],
    rows: usize,
    data_type: &DataType,
    evaluate: impl FnMut(&[Value]) -> Result<Value, EvaluationError>,
) -> Result<ColumnarValue, DataFusionError> {
    if all_constant(arguments) {
        let array = map_each_row(arguments, 1, data_type, evaluate)?;
        return match array {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &array, 0,
            )?)),
            scalar @ ColumnarValue::Scalar(_) => Ok(scalar),
        };
    }
    map_each_row(arguments, rows, data_type, evaluate)
}

fn map_each_row(
    arguments: &[ColumnarValue],
    rows: usize,
    data_type: &DataType,
    mut evaluate: impl FnMut(&[Value]) -> Result<Value, EvaluationError>,
) -> Result<ColumnarValue, DataFusionError> {
    let mut reader = RowReader::new(arguments)?;
    let mut builder = ValueColumnBuilder::new(data_type, rows)?;
    for row in 0..rows {
        let value = evaluate(reader.read(row)?)?;
        builder.append(&value)?;
    }
    Ok(ColumnarValue::Array(builder.finish()))
}
