//! Comparisons of a dynamic column with a constant, done natively where a part's types allow.
//!
//! A plan compares `x = 5` dynamically when `x` has several types anywhere in the snapshot. A part
//! stores those types apart, so there the same filter is an int comparison on its ints and a float
//! comparison on its floats; values of other types compare to null, which fails, and are not read.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, Scalar, StringViewArray,
};
use datafusion::arrow::compute::kernels::cmp;
use datafusion::arrow::compute::or_kleene;
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column as ColumnExpr, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use outcrop_document::{FieldPath, Value, ValueType, k};
use outcrop_storage::{Part, SubColumn, SubColumnKind};

use crate::dynamic::kernels::Comparison;
use crate::operators::{Operation, OperationFunction};

/// Largest magnitude up to which ints and floats correspond one to one.
const EXACT_MAX: i64 = 1 << 53;

/// `path op value` over dynamic values.
#[derive(Clone, Debug)]
pub(super) struct DynamicComparison {
    /// Name of the dynamic column.
    pub(super) column: String,
    op: Comparison,
    value: Value,
}

/// What a [`DynamicComparison`] comes to in one part.
pub(super) enum Specialised {
    /// Nothing in the part is of the constant's type: no row passes.
    RulesOut,
    /// A comparison per stored column, at most one of which has a value in each row.
    Terms(Terms),
}

/// Native comparisons of stored columns with constants of their types.
pub(super) struct Terms {
    op: Comparison,
    /// The stored columns, in the order of `constants`.
    pub(super) columns: Vec<SubColumn>,
    constants: Vec<Scalar<ArrayRef>>,
}

impl DynamicComparison {
    /// Reads `expr` as the comparison of a dynamic column with a constant, if it is one.
    pub(super) fn of(expr: &Arc<dyn PhysicalExpr>) -> Option<Self> {
        let (left, op, right) = sides(expr)?;
        let read = |column: &Arc<dyn PhysicalExpr>, op, constant| {
            Some(Self {
                column: dynamic_column(column)?,
                op,
                value: dynamic_constant(constant)?,
            })
        };
        read(left, op, right).or_else(|| read(right, op.swap(), left))
    }

    /// The same comparison on what `part` stores at `path`; `None` where it cannot be native.
    pub(super) fn specialise(&self, part: &Part, path: &FieldPath) -> Option<Specialised> {
        let mut terms = Terms {
            op: self.op,
            columns: Vec::new(),
            constants: Vec::new(),
        };
        for value_type in comparable(&self.value)? {
            let kind = SubColumnKind::of(*value_type)?;
            let column = SubColumn::new(path.clone(), kind);
            if part.has(&column) {
                terms.constants.push(constant(&self.value, *value_type)?);
                terms.columns.push(column);
            }
        }
        Some(match terms.columns.is_empty() {
            true => Specialised::RulesOut,
            false => Specialised::Terms(terms),
        })
    }
}

impl Terms {
    /// Whether each row of a batch of [`Self::columns`] passes.
    ///
    /// # Errors
    /// If a column is not of its type.
    pub(super) fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let mut passes: Option<BooleanArray> = None;
        for (column, constant) in batch.columns().iter().zip(&self.constants) {
            let one = compare(self.op, column, constant)?;
            passes = Some(match passes {
                Some(others) => or_kleene(&others, &one)?,
                None => one,
            });
        }
        Ok(passes.unwrap_or_else(|| BooleanArray::new_null(batch.num_rows())))
    }
}

fn compare(
    op: Comparison,
    column: &ArrayRef,
    constant: &Scalar<ArrayRef>,
) -> Result<BooleanArray, ArrowError> {
    match op {
        Comparison::Equal => cmp::eq(column, constant),
        Comparison::NotEqual => cmp::neq(column, constant),
        Comparison::Less => cmp::lt(column, constant),
        Comparison::LessOrEqual => cmp::lt_eq(column, constant),
        Comparison::Greater => cmp::gt(column, constant),
        Comparison::GreaterOrEqual => cmp::gt_eq(column, constant),
    }
}

type Sides<'a> = (
    &'a Arc<dyn PhysicalExpr>,
    Comparison,
    &'a Arc<dyn PhysicalExpr>,
);

/// A dynamic comparison: the kernel, or native equality of keys.
fn sides(expr: &Arc<dyn PhysicalExpr>) -> Option<Sides<'_>> {
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        let is_equality = *binary.op() == Operator::Eq;
        return is_equality.then(|| (binary.left(), Comparison::Equal, binary.right()));
    }
    let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
    match (OperationFunction::of(call.fun())?, call.args()) {
        (Operation::Compare(op), [left, right]) => Some((left, *op, right)),
        _ => None,
    }
}

/// The name of a dynamic column, bare or passed through what keeps its values.
fn dynamic_column(expr: &Arc<dyn PhysicalExpr>) -> Option<String> {
    if let Some(column) = expr.downcast_ref::<ColumnExpr>() {
        return Some(column.name().to_owned());
    }
    let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
    match (OperationFunction::of(call.fun())?, call.args()) {
        (Operation::Key | Operation::WithoutNullValues, [inner]) => dynamic_column(inner),
        _ => None,
    }
}

fn dynamic_constant(expr: &Arc<dyn PhysicalExpr>) -> Option<Value> {
    match expr.downcast_ref::<Literal>()?.value() {
        ScalarValue::BinaryView(Some(bytes)) => k::decode(bytes).ok(),
        _ => None,
    }
}

/// The types that compare with `value`; `None` for values that are left to the dynamic kernel.
fn comparable(value: &Value) -> Option<&'static [ValueType]> {
    match value {
        Value::Int(_) | Value::Float(_) => Some(&[ValueType::Int, ValueType::Float]),
        Value::String(_) => Some(&[ValueType::String]),
        Value::Bool(_) => Some(&[ValueType::Bool]),
        _ => None,
    }
}

/// `value` as a constant of a stored type, where that is exact.
///
/// Zero is no float constant: arrow orders `-0.0` before `0.0`, while values take them for equal.
#[expect(clippy::cast_possible_truncation, reason = "integral and within ±2⁵³")]
#[expect(clippy::cast_precision_loss, reason = "within ±2⁵³")]
fn constant(value: &Value, stored: ValueType) -> Option<Scalar<ArrayRef>> {
    let array: ArrayRef = match (value, stored) {
        (Value::Int(int), ValueType::Int) => Arc::new(Int64Array::from(vec![*int])),
        (Value::Float(float), ValueType::Float) if *float != 0.0 && !float.is_nan() => {
            Arc::new(Float64Array::from(vec![*float]))
        }
        (Value::Int(int), ValueType::Float)
            if *int != 0 && int.unsigned_abs() <= EXACT_MAX.unsigned_abs() =>
        {
            Arc::new(Float64Array::from(vec![*int as f64]))
        }
        (Value::Float(float), ValueType::Int)
            if float.fract() == 0.0 && float.abs() <= EXACT_MAX as f64 =>
        {
            Arc::new(Int64Array::from(vec![*float as i64]))
        }
        (Value::String(text), ValueType::String) => {
            Arc::new(StringViewArray::from(vec![text.as_str()]))
        }
        (Value::Bool(bool), ValueType::Bool) => Arc::new(BooleanArray::from(vec![*bool])),
        _ => return None,
    };
    Some(Scalar::new(array))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Value, stored: ValueType, exact: bool) {
        assert_eq!(
            constant(&value, stored).is_some(),
            exact,
            "{value:?} as {stored:?}"
        );
    }

    #[test]
    fn a_constant_is_native_only_where_it_is_exact() {
        check(Value::Int(5), ValueType::Int, true);
        check(Value::Int(5), ValueType::Float, true);
        check(Value::Int(0), ValueType::Float, false);
        check(Value::Int(EXACT_MAX + 1), ValueType::Float, false);
        check(Value::Int(i64::MAX), ValueType::Int, true);
        check(Value::Float(5.0), ValueType::Int, true);
        check(Value::Float(5.5), ValueType::Int, false);
        check(Value::Float(-0.0), ValueType::Float, false);
        check(Value::Float(f64::NAN), ValueType::Float, false);
        check(Value::Float(f64::INFINITY), ValueType::Int, false);
    }
}
