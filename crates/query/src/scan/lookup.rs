//! Filters that name documents by `_id`, which are answered by looking rows up.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, Literal};

/// Name of the column that holds document ids.
const ID_COLUMN: &str = "_id";

/// The ids that a document must have one of for `filter` to hold, if the filter says just that:
/// `_id = 'a'`, `_id IN ('a', 'b')`, and the same joined by OR.
pub(super) fn ids(filter: &Arc<dyn PhysicalExpr>) -> Option<BTreeSet<String>> {
    if let Some(binary) = filter.downcast_ref::<BinaryExpr>() {
        return match binary.op() {
            Operator::Eq => equality(binary.left(), binary.right())
                .or_else(|| equality(binary.right(), binary.left())),
            Operator::Or => {
                let mut left = ids(binary.left())?;
                left.extend(ids(binary.right())?);
                Some(left)
            }
            _ => None,
        };
    }
    let list = filter.downcast_ref::<InListExpr>()?;
    if list.negated() || !is_id(list.expr()) {
        return None;
    }
    let items = list
        .list()
        .iter()
        .map(literal)
        .collect::<Option<Vec<_>>>()?;
    Some(items.into_iter().flatten().collect())
}

fn equality(
    column: &Arc<dyn PhysicalExpr>,
    value: &Arc<dyn PhysicalExpr>,
) -> Option<BTreeSet<String>> {
    if !is_id(column) {
        return None;
    }
    Some(literal(value)?.into_iter().collect())
}

fn is_id(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.downcast_ref::<Column>()
        .is_some_and(|column| column.name() == ID_COLUMN)
}

/// The text of a string literal; `Some(None)` for a null one, which equals nothing.
fn literal(expr: &Arc<dyn PhysicalExpr>) -> Option<Option<String>> {
    match expr.downcast_ref::<Literal>()?.value() {
        ScalarValue::Utf8View(text) | ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) => {
            Some(text.clone())
        }
        _ => None,
    }
}
