//! `TRY(x)`: null for the rows where evaluating `x` fails.
//!
//! DataFusion evaluates arguments before the call sees them, so the failing expression must not be
//! an argument. `TRY` keeps the expression to itself and takes what it reads as arguments: columns,
//! aggregates, subqueries. A batch that fails is halved until the failing rows stand alone.

use crate::dynamic::EvaluationError;
use crate::operators::{OperatorError, Typed};
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, DataFusionError, Result};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use std::sync::Arc;

/// Lowers `TRY(operand)`.
pub(super) fn try_call(operand: Typed) -> std::result::Result<Typed, OperatorError> {
    if matches!(operand.expr, Expr::Literal(..) | Expr::Column(_)) {
        return Ok(operand);
    }
    let (body, inputs) = separate(operand.expr).map_err(|error| OperatorError::Invalid {
        message: format!("`TRY` cannot take this expression: {error}"),
    })?;
    let returns = operand.data_type;
    let function = TryFunction::new(body, returns.clone());
    Ok(Typed::new(
        Arc::new(ScalarUDF::from(function)).call(inputs),
        returns,
    ))
}

/// Replaces what an expression reads by columns `0`, `1`, … and gives the readings.
fn separate(expr: Expr) -> Result<(Expr, Vec<Expr>)> {
    let mut inputs: Vec<Expr> = Vec::new();
    let body = expr
        .transform_down(|node| {
            let reads = matches!(
                node,
                Expr::Column(_)
                    | Expr::AggregateFunction(_)
                    | Expr::WindowFunction(_)
                    | Expr::ScalarSubquery(_)
                    | Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::OuterReferenceColumn(..)
                    | Expr::Placeholder(_)
            );
            if !reads {
                return Ok(Transformed::no(node));
            }
            let index = inputs
                .iter()
                .position(|input| *input == node)
                .unwrap_or(inputs.len());
            if index == inputs.len() {
                inputs.push(node);
            }
            let column = Expr::Column(Column::new_unqualified(index.to_string()));
            Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
        })
        .data()?;
    Ok((body, inputs))
}

/// The function behind one `TRY`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TryFunction {
    body: Expr,
    returns: DataType,
    name: String,
    signature: Signature,
}

impl TryFunction {
    fn new(body: Expr, returns: DataType) -> Self {
        let name = format!("try[{body}]");
        Self {
            body,
            returns,
            name,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    fn compile(&self, schema: &Arc<Schema>) -> Result<Arc<dyn PhysicalExpr>> {
        let schema = DFSchema::try_from(Arc::clone(schema))?;
        create_physical_expr(
            &self.body,
            &schema,
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )
    }
}

impl ScalarUDFImpl for TryFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _argument_types: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn coerce_types(&self, argument_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument_types.to_vec())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = call.number_rows;
        let fields = call
            .args
            .iter()
            .enumerate()
            .map(|(index, argument)| Field::new(index.to_string(), argument.data_type(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays: Vec<ArrayRef> = call
            .args
            .iter()
            .map(|argument| argument.to_array(rows))
            .collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)?;
        let body = self.compile(&schema)?;
        Ok(ColumnarValue::Array(evaluate(
            body.as_ref(),
            &batch,
            &self.returns,
        )?))
    }
}

/// Evaluates a batch, halving it where it fails. The depth is the logarithm of the row count.
fn evaluate(body: &dyn PhysicalExpr, batch: &RecordBatch, returns: &DataType) -> Result<ArrayRef> {
    let rows = batch.num_rows();
    match body
        .evaluate(batch)
        .and_then(|value| value.into_array(rows))
    {
        Ok(array) => Ok(array),
        Err(error) if !is_caught(&error) => Err(error),
        Err(_) if rows <= 1 => Ok(new_null_array(returns, rows)),
        Err(_) => {
            let half = rows / 2;
            let first = evaluate(body, &batch.slice(0, half), returns)?;
            let second = evaluate(body, &batch.slice(half, rows - half), returns)?;
            Ok(concat(&[&first as &dyn Array, &second])?)
        }
    }
}

/// Errors of values are caught; running out of memory and faults of the engine are not.
fn is_caught(error: &DataFusionError) -> bool {
    EvaluationError::find(error).is_some()
        || matches!(
            error.find_root(),
            DataFusionError::ArrowError(..) | DataFusionError::Execution(_)
        )
}
