//! Scalar functions.
//!
//! A function is one row in the table of its family: names, parameters, result type, evaluation of
//! one row, one sentence. The row-wise evaluation serves native and dynamic arguments alike; a
//! function may add a `native` form, an expression over whole columns for types that have one.
//! Functions that are other expressions in disguise (`COALESCE`, `IF`, `TYPEOF`) are in
//! [`special`]; all functions of the tables are immutable. To add a function, add a row; to add a family, add its table to [`FAMILIES`].

mod apply;
mod array;
mod bitwise;
mod columns;
mod conversion;
mod date;
mod definition;
mod format;
mod geography;
mod hash;
mod interval;
mod json;
mod math;
mod native;
mod object;
mod regexp;
mod search;
mod sha1;
pub(crate) mod special;
mod string;
mod text;
mod trunc;
mod try_call;
mod udf;
mod url;
mod vector;
mod zone;

pub(crate) use definition::{ScalarFunction, check_arity};

use crate::operators::{OperatorError, Typed, literal, null_of};
use crate::types::SqlType;
use datafusion::logical_expr::{Expr, ScalarUDF};
use outcrop_document::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use udf::FunctionUdf;

/// Every table of functions.
const FAMILIES: &[&[ScalarFunction]] = &[
    apply::FUNCTIONS,
    array::FUNCTIONS,
    bitwise::FUNCTIONS,
    conversion::FUNCTIONS,
    date::FUNCTIONS,
    format::FUNCTIONS,
    geography::FUNCTIONS,
    hash::FUNCTIONS,
    interval::FUNCTIONS,
    json::FUNCTIONS,
    math::FUNCTIONS,
    object::FUNCTIONS,
    regexp::FUNCTIONS,
    search::FUNCTIONS,
    string::FUNCTIONS,
    text::FUNCTIONS,
    trunc::FUNCTIONS,
    url::FUNCTIONS,
    vector::FUNCTIONS,
    zone::FUNCTIONS,
];

struct Entry {
    definition: &'static ScalarFunction,
    udf: Arc<ScalarUDF>,
}

/// Functions by upper-case name.
static FUNCTIONS: LazyLock<HashMap<&'static str, Entry>> = LazyLock::new(|| {
    let mut functions = HashMap::new();
    for definition in FAMILIES.iter().copied().flatten() {
        let udf = Arc::new(ScalarUDF::from(FunctionUdf::new(definition)));
        for name in definition.names {
            let entry = Entry {
                definition,
                udf: Arc::clone(&udf),
            };
            let earlier = functions.insert(*name, entry);
            debug_assert!(earlier.is_none(), "two functions are called {name}");
        }
    }
    functions
});

/// The DataFusion form of the function of this name, in any letter case.
pub(crate) fn udf(name: &str) -> Option<Arc<ScalarUDF>> {
    FUNCTIONS
        .get(name.to_ascii_uppercase().as_str())
        .map(|entry| Arc::clone(&entry.udf))
}

/// The row of the tables for this name, in any letter case.
fn definition(name: &str) -> Option<&'static ScalarFunction> {
    let entry = FUNCTIONS.get(name.to_ascii_uppercase().as_str())?;
    Some(entry.definition)
}

/// All names, for the manual and for suggestions, each with its sentence.
pub(crate) fn catalogue() -> impl Iterator<Item = (&'static str, &'static str)> {
    FUNCTIONS
        .iter()
        .map(|(name, entry)| (*name, entry.definition.doc))
}

/// A call of a function of the tables; `None` if there is none of this name.
pub(crate) fn call(name: &str, arguments: &[Typed]) -> Option<Result<Typed, OperatorError>> {
    let entry = FUNCTIONS.get(name.to_ascii_uppercase().as_str())?;
    Some(lower(entry, arguments))
}

fn lower(entry: &Entry, arguments: &[Typed]) -> Result<Typed, OperatorError> {
    let definition = entry.definition;
    definition.check(arguments)?;
    let types: Vec<SqlType> = arguments.iter().map(Typed::sql_type).collect();
    let returns = definition.result_type(&types).arrow();
    if definition.null_if_any_null && types.contains(&SqlType::Null) {
        return Ok(null_of(returns));
    }
    if let Some(constant) = fold(definition, arguments) {
        return Ok(if constant.is_null_type() {
            null_of(returns)
        } else {
            constant
        });
    }
    if let Some(native) = definition.native.and_then(|native| native(arguments)) {
        return Ok(native);
    }
    let arguments: Vec<Expr> = arguments
        .iter()
        .map(|argument| argument.expr.clone())
        .collect();
    Ok(Typed::new(entry.udf.call(arguments), returns))
}

/// The value of a call on constants. A failing call is left to fail when rows ask for it.
fn fold(definition: &ScalarFunction, arguments: &[Typed]) -> Option<Typed> {
    let values: Vec<Value> = arguments
        .iter()
        .map(crate::operators::literal_value)
        .collect::<Option<_>>()?;
    let value = definition.call(&values).ok()?;
    let types: Vec<SqlType> = arguments.iter().map(Typed::sql_type).collect();
    Some(match (definition.result_type(&types), &value) {
        // The plan promised these types; a constant must not be narrower.
        (SqlType::Dynamic, _) => crate::operators::to_dynamic(literal(&value)),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a float column rounds large ints"
        )]
        (SqlType::Float, Value::Int(value)) => literal(&Value::Float(*value as f64)),
        _ => literal(&value),
    })
}

/// `EXTRACT(part FROM x)`: a call whose result type the part tells.
pub(crate) fn extract(part: &str, operand: Typed) -> Result<Typed, OperatorError> {
    let Some(returns) = date::part_type(part) else {
        let message = format!("`{part}` is no part of a date or time");
        return Err(OperatorError::Invalid { message });
    };
    let name = literal(&Value::from(part));
    if returns == SqlType::Int
        && let Some(extracted) = call("OUTCROP_EXTRACT_INT", &[name.clone(), operand.clone()])
    {
        return extracted;
    }
    match call("EXTRACT", &[name, operand]) {
        Some(extracted) => crate::operators::expect(extracted?, returns, "EXTRACT"),
        None => Err(OperatorError::UnknownFunction {
            name: "EXTRACT".to_owned(),
        }),
    }
}
