//! Expressions that must be known before the query runs: LIMIT, OFFSET, names in `TABLE(…)`.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use outcrop_document::Value;

use crate::operators::{self, Typed};

/// The value of an expression over constants; `None` if it is none, or fails.
pub(super) fn evaluate(operand: &Typed) -> Option<Value> {
    if let Some(value) = operators::literal_value(operand) {
        return Some(value);
    }
    let context = SimplifyContext::builder()
        .with_schema(Arc::new(DFSchema::empty()))
        .build();
    let expr = ExprSimplifier::new(context)
        .simplify(operand.expr.clone())
        .ok()?;
    operators::literal_value(&Typed::new(expr, operand.data_type.clone()))
}
