//! The function behind a subquery over the elements of an array.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result as DataFusionResult};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::super::Result;
use super::evaluate;
use crate::operators::Typed;

/// The name of the column of elements inside the function.
pub(super) const ELEMENT: &str = "element";
/// The name of the column of their places.
pub(super) const ORDINAL: &str = "ordinal";

/// How the rows of the elements become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    /// Whether there is one.
    Exists,
    /// The item of the only one; null without any, an error for more.
    Only,
    /// The items of all, as an array.
    All,
    /// The item is an expression over aggregates of all.
    Aggregate,
}

/// A subquery as a function of an array and of whatever else it reads of the row.
///
/// What it evaluates is no argument, as in `TRY`: its columns are the elements, their places, and the
/// arguments behind the first by number.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PerRow {
    pub(super) answer: Answer,
    pub(super) filter: Option<Expr>,
    pub(super) item: Expr,
    pub(super) returns: DataType,
    name: String,
    signature: Signature,
}

impl PerRow {
    /// The call for `array`, whose elements and places are `columns` in `filter` and `item`.
    pub(super) fn lower(
        answer: Answer,
        array: Typed,
        columns: [Column; 2],
        filter: Option<Expr>,
        item: Typed,
    ) -> Result<Typed> {
        let returns = match answer {
            Answer::Exists => DataType::Boolean,
            Answer::Only | Answer::All | Answer::Aggregate => item.data_type,
        };
        let mut arguments = vec![array.expr];
        let filter = filter
            .map(|filter| separate(filter, &columns, &mut arguments))
            .transpose()?;
        let item = separate(item.expr, &columns, &mut arguments)?;
        let is_volatile = filter.iter().chain([&item]).any(Expr::is_volatile);
        let volatility = match is_volatile {
            true => Volatility::Volatile,
            false => Volatility::Immutable,
        };
        let condition = filter.as_ref().map(|filter| format!(" where {filter}"));
        let function = Self {
            answer,
            name: format!(
                "per_row[{answer:?} {item}{}]",
                condition.unwrap_or_default()
            ),
            filter,
            item,
            returns: returns.clone(),
            signature: Signature::user_defined(volatility),
        };
        let call = ScalarUDF::new_from_impl(function).call(arguments);
        Ok(Typed::new(call, returns))
    }
}

/// Replaces what `expr` reads of the row by columns `0`, `1`, … and adds the readings to `arguments`.
fn separate(expr: Expr, columns: &[Column; 2], arguments: &mut Vec<Expr>) -> Result<Expr> {
    let replaced = |name: String| {
        let column = Expr::Column(Column::new_unqualified(name));
        Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
    };
    let separated = expr.transform_down(|node| match &node {
        Expr::Column(column) if *column == columns[0] => replaced(ELEMENT.to_owned()),
        Expr::Column(column) if *column == columns[1] => replaced(ORDINAL.to_owned()),
        Expr::Column(_) | Expr::OuterReferenceColumn(..) => {
            let known = arguments[1..].iter().position(|known| *known == node);
            let index = known.unwrap_or(arguments.len() - 1);
            if known.is_none() {
                arguments.push(node);
            }
            replaced(index.to_string())
        }
        _ => Ok(Transformed::no(node)),
    });
    Ok(separated.data()?)
}

impl ScalarUDFImpl for PerRow {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(self.returns.clone())
    }

    fn coerce_types(&self, argument_types: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        Ok(argument_types.to_vec())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let arrays = arrays
            .into_iter()
            .map(|array| match array.len() {
                1 if rows != 1 => datafusion::common::ScalarValue::try_from_array(&array, 0)?
                    .to_array_of_size(rows),
                _ => Ok(array),
            })
            .collect::<DataFusionResult<Vec<_>>>()?;
        evaluate::evaluate(self, &arrays, rows).map(ColumnarValue::Array)
    }
}
