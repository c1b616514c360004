//! Functions by name: scalar, aggregate and window.

use crate::operators::{OperatorError, SortKey, Typed};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowFrame, WindowFunctionDefinition};
use std::sync::Arc;

fn unknown<T>(name: &str) -> Result<T, OperatorError> {
    Err(OperatorError::UnknownFunction {
        name: name.to_owned(),
    })
}

/// The scalar function of this name, in any letter case.
pub fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    let _ = name;
    None
}

/// The aggregate function of this name, in any letter case.
pub fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    let _ = name;
    None
}

/// The window function of this name, in any letter case; aggregates are window functions too.
pub fn window(name: &str) -> Option<WindowFunctionDefinition> {
    let _ = name;
    None
}

/// Whether calls of `name` are aggregations.
pub fn is_aggregate(name: &str) -> bool {
    aggregate(name).is_some()
}

/// Whether `name` is a function that exists only with `OVER`.
pub fn is_window_only(name: &str) -> bool {
    window(name).is_some() && !is_aggregate(name)
}

/// A call of a scalar function, `COALESCE`, `IF` and their like included.
///
/// # Errors
/// [`OperatorError::UnknownFunction`], and a wrong number or a wrong type of arguments.
pub fn call(name: &str, arguments: Vec<Typed>) -> Result<Typed, OperatorError> {
    let _ = arguments;
    unknown(name)
}

/// A call of an aggregate function as the binder reads it.
#[derive(Clone, Debug)]
pub struct AggregateCall {
    /// Arguments; none for `COUNT(*)`.
    pub arguments: Vec<Typed>,
    /// `f(DISTINCT x)`.
    pub distinct: bool,
    /// `FILTER (WHERE …)`.
    pub filter: Option<Typed>,
    /// `f(x ORDER BY …)`.
    pub order_by: Vec<SortKey>,
}

/// The `OVER (…)` clause of a call.
#[derive(Clone, Debug)]
pub struct WindowSpec {
    /// `PARTITION BY`.
    pub partition_by: Vec<Typed>,
    /// `ORDER BY`.
    pub order_by: Vec<SortKey>,
    /// The frame; `None` for the default of the standard.
    pub frame: Option<WindowFrame>,
}

/// A call of an aggregate function. The expression holds one or more `Expr::AggregateFunction`,
/// possibly inside scalar expressions, as DataFusion's own aggregates need.
///
/// # Errors
/// As [`call`].
pub fn aggregate_call(name: &str, call: AggregateCall) -> Result<Typed, OperatorError> {
    let _ = call;
    unknown(name)
}

/// A call with `OVER`: a window function, or an aggregate used as one.
///
/// # Errors
/// As [`call`].
pub fn window_call(
    name: &str,
    call: AggregateCall,
    spec: WindowSpec,
) -> Result<Typed, OperatorError> {
    let _ = (call, spec);
    unknown(name)
}

/// `EXTRACT(part FROM x)`.
///
/// # Errors
/// [`OperatorError::Invalid`] for an unknown part.
pub fn extract(part: &str, operand: Typed) -> Result<Typed, OperatorError> {
    let _ = (part, operand);
    unknown("extract")
}
