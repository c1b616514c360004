//! Native forms: calls of DataFusion's own functions where types and meaning agree.

use crate::operators::Typed;
use crate::types::SqlType;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{ScalarUDF, cast};
use std::sync::Arc;

/// `ABS` of a native number.
pub(super) fn abs(arguments: &[Typed]) -> Option<Typed> {
    let argument = arguments.first()?;
    argument.sql_type().is_numeric().then(|| {
        let call = datafusion::functions::math::abs().call(vec![argument.expr.clone()]);
        Typed::new(call, argument.data_type.clone())
    })
}

/// Whether all arguments are native strings.
pub(super) fn all_strings(arguments: &[Typed]) -> bool {
    arguments
        .iter()
        .all(|argument| argument.sql_type() == SqlType::String)
}

/// A function of strings on native strings, whose result DataFusion gives as any string type.
pub(super) fn string_call(function: Arc<ScalarUDF>, arguments: &[Typed]) -> Option<Typed> {
    typed_call(function, arguments, DataType::Utf8View)
}

/// A function of strings that tells a truth, on native strings.
pub(super) fn predicate_call(function: Arc<ScalarUDF>, arguments: &[Typed]) -> Option<Typed> {
    let arguments_expr = expressions(arguments)?;
    Some(Typed::new(function.call(arguments_expr), DataType::Boolean))
}

/// A function of strings that counts, on native strings.
pub(super) fn count_call(function: Arc<ScalarUDF>, arguments: &[Typed]) -> Option<Typed> {
    typed_call(function, arguments, DataType::Int64)
}

fn typed_call(function: Arc<ScalarUDF>, arguments: &[Typed], returns: DataType) -> Option<Typed> {
    let call = function.call(expressions(arguments)?);
    Some(Typed::new(cast(call, returns.clone()), returns))
}

fn expressions(arguments: &[Typed]) -> Option<Vec<datafusion::logical_expr::Expr>> {
    all_strings(arguments).then(|| arguments.iter().map(|x| x.expr.clone()).collect())
}
