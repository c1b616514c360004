//! `x op ANY (…)` and `x op ALL (…)`, over the elements of an array or the rows of a query.

use std::sync::Arc;

use datafusion::arrow::array::{Array, BinaryViewBuilder, BooleanArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr as Ast, Query};
use outcrop_document::{Value, k};

use super::elements::{damaged, dynamic_argument, is_array};
use super::expression::unsupported;
use super::names::Names;
use super::per_row::Question;
use super::subquery::only_column;
use super::{Binder, Result, at};
use crate::dynamic::kernels;
use crate::error::QueryError;
use crate::functions::{self, AggregateCall};
use crate::operators::{self, Comparison, Typed};

impl Binder<'_> {
    /// `left op ANY (right)`, or `ALL`.
    pub(super) fn quantified(
        &mut self,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
        all: bool,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<Typed> {
        let Some(comparison) = comparison(op) else {
            let quantifier = if all { "ALL" } else { "ANY" };
            return Err(unsupported(&format!("`{op} {quantifier} (…)`"), expr));
        };
        match (right, comparison, all) {
            (Ast::Subquery(query), Comparison::Equal, false) => {
                self.in_subquery(left, query, false, names)
            }
            (Ast::Subquery(query), Comparison::NotEqual, true) => {
                self.in_subquery(left, query, true, names)
            }
            (Ast::Subquery(query), ..) => {
                let value = self.value(left, names)?;
                let array = self.rows_as_array(query, expr, names)?;
                Ok(over_elements(value, comparison, all, array))
            }
            (array, ..) => {
                let value = self.value(left, names)?;
                let array = self.value(array, names)?;
                if !array.is_dynamic() && !array.is_null_type() {
                    let found = array.sql_type().name();
                    let message = format!("ANY and ALL take a query or an array, found {found}");
                    return Err(QueryError::semantic(message, super::position(right)));
                }
                Ok(over_elements(value, comparison, all, array))
            }
        }
    }

    /// The values of a query's only column as an array, each once; an empty one for no rows.
    fn rows_as_array(&mut self, query: &Query, expr: &Ast, names: &Names<'_>) -> Result<Typed> {
        if let Some(values) = self.per_row(query, Question::Values, names)? {
            return Ok(values);
        }
        let bound = self.query(query, Some(names.scope), names.ctes)?;
        let column = only_column(&bound, expr)?;
        let call = AggregateCall {
            arguments: vec![operators::to_dynamic(column)],
            distinct: true,
            filter: None,
            order_by: vec![],
        };
        let values = self.aggregated(bound.plan, "ARRAY_AGG", call, super::position(expr))?;
        let none = operators::literal(&Value::Array(vec![]));
        functions::call("COALESCE", vec![values, none]).map_err(at(expr))
    }
}

fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// Whether `value op element` holds for any element of `array`, or for all. Null where it holds for
/// none and is null for one (with ALL: fails for none and is null for one), and for a null array.
fn over_elements(value: Typed, op: Comparison, all: bool, array: Typed) -> Typed {
    let function = Quantified {
        op,
        all,
        signature: Signature::exact(vec![DataType::BinaryView; 2], Volatility::Immutable),
    };
    let arguments = [value, array].map(|argument| operators::to_dynamic(argument).expr);
    let expr = ScalarUDF::new_from_impl(function).call(arguments.to_vec());
    Typed::new(expr, DataType::Boolean)
}

/// A comparison with each element of an array.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Quantified {
    op: Comparison,
    all: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Quantified {
    fn name(&self) -> &str {
        match self.all {
            true => "compare_all",
            false => "compare_any",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn schema_name(&self, args: &[Expr]) -> DataFusionResult<String> {
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        Ok(format!(
            "{}[{:?}]({})",
            self.name(),
            self.op,
            args.join(", ")
        ))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let values = dynamic_argument(&args, 0)?;
        let arrays = dynamic_argument(&args, 1)?;
        let (mut lefts, mut rights) = (BinaryViewBuilder::new(), BinaryViewBuilder::new());
        let mut lengths = Vec::with_capacity(args.number_rows);
        for (value, array) in values.iter().zip(&arrays) {
            let Some(array) = array else {
                lengths.push(None);
                continue;
            };
            if !is_array(array)? {
                lengths.push(None);
                continue;
            }
            let mut length = 0;
            for element in k::elements(array).map_err(damaged)? {
                lefts.append_option(value);
                rights.append_value(element.map_err(damaged)?);
                length += 1;
            }
            lengths.push(Some(length));
        }
        let (lefts, rights) = (lefts.finish(), rights.finish());
        let compared = kernels::compare(self.op, &lefts, &rights, lefts.len())?;
        let mut compared = compared.iter();
        let folded = lengths
            .into_iter()
            .map(|length| length.and_then(|length| self.fold(compared.by_ref().take(length))));
        Ok(ColumnarValue::Array(Arc::new(
            folded.collect::<BooleanArray>(),
        )))
    }
}

impl Quantified {
    fn fold(&self, results: impl Iterator<Item = Option<bool>>) -> Option<bool> {
        let (mut decided, mut unknown) = (false, false);
        for result in results {
            match result {
                Some(result) => decided |= result != self.all,
                None => unknown = true,
            }
        }
        match (decided, unknown) {
            (true, _) => Some(!self.all),
            (false, true) => None,
            (false, false) => Some(self.all),
        }
    }
}
