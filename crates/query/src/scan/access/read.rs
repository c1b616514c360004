//! Filters read as conditions on the index.
//!
//! What cannot be read is left out where that only adds rows (one side of an AND), and makes the
//! whole filter unreadable otherwise. A condition that is [exact](Reading::exact) holds for just the
//! rows for which the filter is true; any other is checked again on the rows that it gives.

use std::ops::Bound;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column as ColumnExpr, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr,
    IsNullExpr, LikeExpr, Literal, NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use outcrop_document::{FieldPath, Value, ValueType, k};
use outcrop_storage::KeyRange;

use super::condition::Condition;
use crate::dynamic::ValueColumn;
use crate::dynamic::kernels::Comparison;
use crate::operators::{Operation, OperationFunction};
use crate::scan::column::{Column, Content};
use crate::scan::zeros::inside_one_zero;

/// Longest IN-list that is looked up term by term.
pub(crate) const LOOKUPS_MAX: usize = 4096;

/// A filter as the index sees it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scan) struct Reading {
    pub(in crate::scan) condition: Condition,
    /// Whether the filter is true for just the rows that meet the condition.
    pub(in crate::scan) exact: bool,
}

impl Reading {
    fn exact(condition: Condition) -> Self {
        Self {
            condition,
            exact: true,
        }
    }
}

/// Reads `expr`, a filter over `table`.
pub(in crate::scan) fn read(expr: &Arc<dyn PhysicalExpr>, table: &[Column]) -> Option<Reading> {
    Reader { table }.filter(expr)
}

struct Reader<'a> {
    table: &'a [Column],
}

impl Reader<'_> {
    fn filter(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<Reading> {
        if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
            return self.binary(binary);
        }
        if let Some(not) = expr.downcast_ref::<NotExpr>() {
            return self.negated(not.arg());
        }
        if let Some(column) = self.column(expr) {
            return self.is_true(column, true);
        }
        if let Some(is_null) = expr.downcast_ref::<IsNullExpr>() {
            let (path, types) = presence(self.column(is_null.arg())?)?;
            return Some(Reading::exact(Condition::Absent { path, types }));
        }
        if let Some(is_not_null) = expr.downcast_ref::<IsNotNullExpr>() {
            let (path, types) = presence(self.column(is_not_null.arg())?)?;
            return Some(Reading::exact(Condition::Present { path, types }));
        }
        if let Some(list) = expr.downcast_ref::<InListExpr>() {
            return match list.negated() {
                true => None,
                false => self.in_list(list.expr(), list.list()),
            };
        }
        if let Some(like) = expr.downcast_ref::<LikeExpr>() {
            return self.like(like);
        }
        if let Some(literal) = expr.downcast_ref::<Literal>() {
            let holds = matches!(literal.value(), ScalarValue::Boolean(Some(true)));
            return Some(Reading::exact(Condition::Constant(holds)));
        }
        if let Some(changing) = expr.downcast_ref::<DynamicFilterPhysicalExpr>() {
            // It may narrow later, so it is not done with what it says now.
            let reading = self.filter(&changing.current().ok()?)?;
            return Some(Reading {
                exact: false,
                ..reading
            });
        }
        self.operation(expr)
    }

    fn binary(&self, binary: &BinaryExpr) -> Option<Reading> {
        let (left, right) = (binary.left(), binary.right());
        match binary.op() {
            Operator::And => match (self.filter(left), self.filter(right)) {
                (Some(left), Some(right)) => Some(Reading {
                    exact: left.exact && right.exact,
                    condition: Condition::All(vec![left.condition, right.condition]),
                }),
                (Some(one), None) | (None, Some(one)) => Some(Reading {
                    exact: false,
                    ..one
                }),
                (None, None) => None,
            },
            Operator::Or => {
                let (left, right) = (self.filter(left)?, self.filter(right)?);
                Some(Reading {
                    exact: left.exact && right.exact,
                    condition: Condition::Any(vec![left.condition, right.condition]),
                })
            }
            Operator::IsNotDistinctFrom => self.sameness(left, right),
            op => self.native_comparison(comparison(*op)?, left, right),
        }
    }

    /// `left IS NOT DISTINCT FROM right`: equality, but that null is the same as null.
    fn sameness(
        &self,
        left: &Arc<dyn PhysicalExpr>,
        right: &Arc<dyn PhysicalExpr>,
    ) -> Option<Reading> {
        for (operand, other) in [(left, right), (right, left)] {
            if matches!(other.downcast_ref::<Literal>(), Some(literal) if literal.value().is_null())
            {
                let (path, types) = presence(self.column(operand)?)?;
                return Some(Reading::exact(Condition::Absent { path, types }));
            }
        }
        self.native_comparison(Comparison::Equal, left, right)
    }

    /// Operators that DataFusion has no expression for.
    fn operation(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<Reading> {
        let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
        let Some(operation) = OperationFunction::of(call.fun()) else {
            return self.holds_element(call);
        };
        match (operation, call.args()) {
            (Operation::Compare(op), [left, right]) => self.comparison(*op, left, right),
            (Operation::InList, [operand, list @ ..]) => self.in_list(operand, list),
            (Operation::IsNull, [operand]) => {
                let path = self.column(operand)?.path.clone();
                let types = values();
                Some(Reading::exact(Condition::Absent { path, types }))
            }
            _ => None,
        }
    }

    /// `NOT expr`.
    fn negated(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<Reading> {
        if let Some(column) = self.column(expr) {
            return self.is_true(column, false);
        }
        if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
            let op = comparison(*binary.op())?.negate();
            return self.native_comparison(op, binary.left(), binary.right());
        }
        let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
        match (OperationFunction::of(call.fun())?, call.args()) {
            (Operation::Compare(op), [left, right]) => self.comparison(op.negate(), left, right),
            (Operation::IsNull, [operand]) => {
                let path = self.column(operand)?.path.clone();
                let types = values();
                Some(Reading::exact(Condition::Present { path, types }))
            }
            _ => None,
        }
    }

    /// A column of bools, or its negation.
    fn is_true(&self, column: &Column, wanted: bool) -> Option<Reading> {
        let path = column.path.clone();
        let nulls = vec![ValueType::Null];
        Some(Reading::exact(match (column.content, wanted) {
            (Content::NullMark, true) => Condition::Present { path, types: nulls },
            (Content::NullMark, false) => Condition::Absent { path, types: nulls },
            (Content::Native(_), _) => {
                let ranges = vec![KeyRange::equal(key(&Value::Bool(wanted)))];
                Condition::Values { path, ranges }
            }
            _ => return None,
        }))
    }

    /// A comparison by DataFusion's own operator. Of dynamic values, equality alone is the dialect's:
    /// a top-N and the bounds of a join's keys compare their bytes, which orders values of all types. A
    /// native column that is made dynamic is compared so too.
    fn native_comparison(
        &self,
        op: Comparison,
        left: &Arc<dyn PhysicalExpr>,
        right: &Arc<dyn PhysicalExpr>,
    ) -> Option<Reading> {
        let bare = self.bare(left).or_else(|| self.bare(right));
        match op == Comparison::Equal || bare.is_some_and(is_native) {
            true => self.comparison(op, left, right),
            false => None,
        }
    }

    fn comparison(
        &self,
        op: Comparison,
        left: &Arc<dyn PhysicalExpr>,
        right: &Arc<dyn PhysicalExpr>,
    ) -> Option<Reading> {
        let (column, op, value) = match (self.operand(left), self.operand(right)) {
            (Some(column), None) => (column, op, constant(right)?),
            (None, Some(column)) => (column, op.swap(), constant(left)?),
            _ => return None,
        };
        if value == Value::Null {
            return Some(Reading::exact(Condition::Constant(false)));
        }
        let ranges = ranges(op, &value, is_native(column))?;
        let path = column.path.clone();
        Some(Reading {
            condition: Condition::Values { path, ranges },
            // Floats that equal an int have its key, but are not in a column of ints alone.
            exact: column.content != Content::Int,
        })
    }

    fn in_list(
        &self,
        operand: &Arc<dyn PhysicalExpr>,
        list: &[Arc<dyn PhysicalExpr>],
    ) -> Option<Reading> {
        let column = self.operand(operand)?;
        if list.len() > LOOKUPS_MAX {
            return None;
        }
        let mut keys = Vec::with_capacity(list.len());
        for element in list {
            match constant(element)? {
                Value::Null => {}
                value => keys.push(equal_key(&value, is_native(column))?),
            }
        }
        keys.sort_unstable();
        keys.dedup();
        let path = column.path.clone();
        let ranges = keys.into_iter().map(KeyRange::equal).collect();
        Some(Reading {
            condition: Condition::Values { path, ranges },
            exact: column.content != Content::Int,
        })
    }

    /// A function that is true for arrays with one of the elements that it names.
    fn holds_element(&self, call: &ScalarFunctionExpr) -> Option<Reading> {
        let (array, rest) = call.args().split_first()?;
        let column = self.operand(array)?;
        let mut elements = rest.iter().map(constant).collect::<Option<Vec<_>>>()?;
        match (call.fun().name(), elements.as_mut_slice()) {
            ("array_contains", [_]) => {}
            ("array_contains_any" | "arrays_overlap", [Value::Array(inner)]) => {
                elements = std::mem::take(inner);
            }
            ("array_contains_any", _) => {}
            _ => return None,
        }
        let keys = elements.iter().map(|element| match element {
            Value::Null | Value::Array(_) | Value::Object(_) => None,
            scalar => equal_key(scalar, false),
        });
        let mut keys = keys.collect::<Option<Vec<_>>>()?;
        if keys.len() > LOOKUPS_MAX {
            return None;
        }
        keys.sort_unstable();
        keys.dedup();
        Some(Reading {
            condition: Condition::Elements {
                path: column.path.clone(),
                ranges: keys.into_iter().map(KeyRange::equal).collect(),
            },
            exact: false,
        })
    }

    /// `x LIKE 'prefix%'`, or any pattern that starts with text.
    fn like(&self, like: &LikeExpr) -> Option<Reading> {
        if like.negated() || like.case_insensitive() {
            return None;
        }
        let column = self.operand(like.expr())?;
        let Value::String(pattern) = constant(like.pattern())? else {
            return None;
        };
        let end = pattern.find(['%', '_', '\\'])?;
        let (prefix, rest) = pattern.split_at(end);
        if prefix.is_empty() {
            return None;
        }
        let path = column.path.clone();
        let ranges = vec![KeyRange::string_prefix(prefix)];
        Some(Reading {
            condition: Condition::Values { path, ranges },
            exact: rest == "%",
        })
    }

    /// The column behind an operand of a comparison: bare, or passed through what keeps its values.
    fn operand(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<&Column> {
        if let Some(column) = self.column(expr) {
            return (!matches!(column.content, Content::Document | Content::NullMark))
                .then_some(column);
        }
        if let Some(inner) = inside_one_zero(expr) {
            return self.operand(inner);
        }
        let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
        match (OperationFunction::of(call.fun())?, call.args()) {
            (Operation::Key | Operation::WithoutNullValues | Operation::ToDynamic(_), [inner]) => {
                self.operand(inner)
            }
            // Of dynamic values, those of calendar types are not looked up anyway.
            (Operation::EqualityKey, [inner]) => {
                self.operand(inner).filter(|column| !is_native(column))
            }
            _ => None,
        }
    }

    /// A column as it is, or as the key of a join: with one zero.
    fn bare(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<&Column> {
        self.column(inside_one_zero(expr).unwrap_or(expr))
    }

    fn column(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<&Column> {
        let name = expr.downcast_ref::<ColumnExpr>()?.name();
        self.table.iter().find(|column| column.name == name)
    }
}

/// The path of a column and the types that make it other than Arrow NULL.
fn presence(column: &Column) -> Option<(FieldPath, Vec<ValueType>)> {
    let types = match column.content {
        Content::Native(_) | Content::Number | Content::Dynamic { nulls: false } => values(),
        Content::Dynamic { nulls: true } => ValueType::ALL.to_vec(),
        Content::Int => vec![ValueType::Int],
        // Never null, or no path.
        Content::NullMark | Content::Document => return None,
    };
    Some((column.path.clone(), types))
}

/// Every type but null.
fn values() -> Vec<ValueType> {
    ValueType::ALL
        .into_iter()
        .filter(|value_type| *value_type != ValueType::Null)
        .collect()
}

fn comparison(op: Operator) -> Option<Comparison> {
    Some(match op {
        Operator::Eq => Comparison::Equal,
        Operator::NotEq => Comparison::NotEqual,
        Operator::Lt => Comparison::Less,
        Operator::LtEq => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn constant(expr: &Arc<dyn PhysicalExpr>) -> Option<Value> {
    let literal = expr.downcast_ref::<Literal>()?;
    let array = literal.value().to_array().ok()?;
    ValueColumn::new(&array).ok()?.value(0).ok()
}

fn key(value: &Value) -> Vec<u8> {
    let mut bytes = k::encode(value);
    let length = k::key_length(&bytes).expect("the encoder writes keys");
    bytes.truncate(length);
    bytes
}

/// Whether a column holds values of one type, which compare as Arrow compares them.
fn is_native(column: &Column) -> bool {
    matches!(
        column.content,
        Content::Native(_) | Content::Number | Content::Int
    )
}

/// Whether values compare as their keys do. In dynamic columns, dates compare with times of other
/// types too, whose keys are of other classes.
fn compares_as_key(value: &Value, is_native: bool) -> bool {
    match value {
        Value::Int(_) | Value::String(_) | Value::Bool(_) => true,
        Value::Float(float) => !float.is_nan(),
        Value::Bytes(_)
        | Value::Date(_)
        | Value::Datetime(_)
        | Value::Time(_)
        | Value::Timestamp(_) => is_native,
        _ => false,
    }
}

fn equal_key(value: &Value, is_native: bool) -> Option<Vec<u8>> {
    compares_as_key(value, is_native).then(|| key(value))
}

/// The values of the class of `value` for which `x op value` is true.
fn ranges(op: Comparison, value: &Value, is_native: bool) -> Option<Vec<KeyRange>> {
    let disagrees = matches!(value, Value::Float(float) if is_native && !zero_agrees(op, *float));
    if disagrees || !compares_as_key(value, is_native) {
        return None;
    }
    let class = KeyRange::of_class(value.value_type());
    let key = key(value);
    let below = |high| KeyRange {
        low: class.low.clone(),
        high,
    };
    let above = |low| KeyRange {
        low,
        high: class.high.clone(),
    };
    Some(match op {
        Comparison::Equal => vec![KeyRange::equal(key)],
        Comparison::NotEqual => vec![
            below(Bound::Excluded(key.clone())),
            above(Bound::Excluded(key)),
        ],
        Comparison::Less => vec![below(Bound::Excluded(key))],
        Comparison::LessOrEqual => vec![below(Bound::Included(key))],
        Comparison::Greater => vec![above(Bound::Excluded(key))],
        Comparison::GreaterOrEqual => vec![above(Bound::Included(key))],
    })
}

/// Whether a native comparison of floats with `float` takes both zeros as one, as the index does.
/// Arrow orders `-0.0` before `0.0`; the binder writes the one of the two that includes both.
fn zero_agrees(op: Comparison, float: f64) -> bool {
    if float != 0.0 {
        return true;
    }
    match op {
        Comparison::Less | Comparison::GreaterOrEqual => float.is_sign_negative(),
        Comparison::LessOrEqual | Comparison::Greater => float.is_sign_positive(),
        Comparison::Equal | Comparison::NotEqual => false,
    }
}
