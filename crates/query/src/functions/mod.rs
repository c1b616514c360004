//! Functions by name: scalar, aggregate and window.
//!
//! The binder calls [`call_at`], [`aggregate_call`], [`window_call`] and [`extract`] with typed
//! arguments and gets typed expressions back; argument counts and types that are known are checked
//! there, the rest row by row.

pub(crate) mod aggregate;
pub(crate) mod calendar;
mod kinds;
mod scalar;
#[cfg(test)]
mod tests;
mod window;

pub use aggregate::AggregateCall;
pub use window::WindowSpec;

use crate::operators::{OperatorError, Typed};
use datafusion::logical_expr::ScalarUDF;
use outcrop_document::Timestamp;
use std::sync::Arc;

/// The scalar function of this name, in any letter case, as DataFusion has it. Special forms
/// (`COALESCE`, `IF`, …) are expressions and have none: see [`call`].
pub fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    scalar::udf(name)
}

/// Whether calls of `name` are aggregations.
pub fn is_aggregate(name: &str) -> bool {
    aggregate::is_known(name)
}

/// Whether `name` is a function that exists only with `OVER`.
pub fn is_window_only(name: &str) -> bool {
    window::is_known(name) && !is_aggregate(name)
}

/// All scalar functions, special forms and aggregates, each name with one sentence.
pub fn catalogue() -> Vec<(&'static str, &'static str)> {
    let mut names: Vec<_> = scalar::catalogue()
        .chain(scalar::special::catalogue())
        .chain(aggregate::catalogue())
        .collect();
    names.sort_unstable();
    names
}

/// A call of a scalar function, `COALESCE`, `IF` and their like included.
///
/// # Errors
/// [`OperatorError::UnknownFunction`], and a wrong number or a wrong type of arguments.
pub fn call(name: &str, arguments: Vec<Typed>) -> Result<Typed, OperatorError> {
    if let Some(called) = scalar::call(name, &arguments) {
        return called;
    }
    scalar::special::call(name, arguments).unwrap_or_else(|| {
        Err(OperatorError::UnknownFunction {
            name: name.to_owned(),
        })
    })
}

/// As [`call`], with `CURRENT_DATE`, `CURRENT_DATETIME`, `CURRENT_TIME` and `CURRENT_TIMESTAMP`
/// fixed at `now`, the time of the query.
///
/// # Errors
/// As [`call`].
pub fn call_at(name: &str, arguments: Vec<Typed>, now: Timestamp) -> Result<Typed, OperatorError> {
    match scalar::special::current(name, &arguments, now) {
        Some(current) => current,
        None => call(name, arguments),
    }
}

/// Whether `name` is a function whose value is the time of the statement.
pub(crate) fn is_current_time(name: &str) -> bool {
    scalar::special::is_current(name)
}

/// A call of an aggregate function. The expression holds one or more `Expr::AggregateFunction`,
/// possibly inside scalar expressions.
///
/// # Errors
/// As [`call`].
pub fn aggregate_call(name: &str, call: AggregateCall) -> Result<Typed, OperatorError> {
    aggregate::lower(name, call)
}

/// As [`aggregate_call`], in a rollup: of the aggregates whose state can be stored and merged.
///
/// # Errors
/// As [`call`], and [`OperatorError::Invalid`] for the other aggregates.
pub(crate) fn rollup_call(name: &str, call: AggregateCall) -> Result<Typed, OperatorError> {
    aggregate::lower_in_rollup(name, call)
}

/// A call with `OVER`: a window function, or an aggregate used as one. The expression holds an
/// `Expr::WindowFunction`, possibly inside scalar expressions.
///
/// # Errors
/// As [`call`].
pub fn window_call(
    name: &str,
    call: AggregateCall,
    spec: WindowSpec,
) -> Result<Typed, OperatorError> {
    window::lower(name, call, spec)
}

/// `EXTRACT(part FROM x)`.
///
/// # Errors
/// [`OperatorError::Invalid`] for an unknown part.
pub fn extract(part: &str, operand: Typed) -> Result<Typed, OperatorError> {
    scalar::extract(part, operand)
}
