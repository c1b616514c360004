//! Conversions between native and dynamic expressions, and the types that columns share.

use super::comparison::widen;
use super::operation::Operation;
use super::{OperatorError, Result, Typed};
use crate::dynamic::{kernels, order, scalar_value, to_scalar};
use crate::types::{DYNAMIC, SqlType, type_name};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr_fn::cast as native_cast;
use datafusion::logical_expr::{Case, Expr, lit, when};
use outcrop_document::{Value, k};

/// A constant. Arrays, objects and geographies become dynamic.
pub fn literal(value: &Value) -> Typed {
    let scalar = to_scalar(value);
    let data_type = scalar.data_type();
    Typed::new(Expr::Literal(scalar, None), data_type)
}

/// The value of a constant expression; `None` when it is none.
pub fn literal_value(operand: &Typed) -> Option<Value> {
    match &operand.expr {
        Expr::Literal(scalar, _) => scalar_value(scalar).ok(),
        _ => None,
    }
}

/// The literal null of a type.
pub(crate) fn null_of(data_type: DataType) -> Typed {
    let scalar = ScalarValue::try_from(&data_type).unwrap_or(ScalarValue::Null);
    Typed::new(Expr::Literal(scalar, None), data_type)
}

/// The same value as a dynamic expression; a no-op when it is one. Constants are encoded here.
pub fn to_dynamic(operand: Typed) -> Typed {
    if operand.is_dynamic() {
        return operand;
    }
    if operand.is_null_type() {
        return null_of(DYNAMIC);
    }
    if let Some(value) = literal_value(&operand) {
        let bytes = (value != Value::Null).then(|| k::encode(&value));
        return Typed::new(Expr::Literal(ScalarValue::BinaryView(bytes), None), DYNAMIC);
    }
    Operation::ToDynamic(operand.sql_type()).call(vec![operand.expr], DYNAMIC)
}

/// The type of a column fed from all of `types`: the one type they share, nulls aside, else dynamic.
/// Ints and floats together are dynamic, so that every value keeps its type.
pub fn common_type(types: &[DataType]) -> DataType {
    let mut known = types
        .iter()
        .filter(|data_type| **data_type != DataType::Null);
    match known.next() {
        None => DataType::Null,
        Some(first) if known.all(|data_type| data_type == first) => first.clone(),
        Some(_) => DYNAMIC,
    }
}

/// `operand` as `target`, which must be its own type or dynamic, or anything for a null.
///
/// # Errors
/// [`OperatorError::Cast`] for any other target.
pub fn coerce(operand: Typed, target: &DataType) -> Result<Typed> {
    if operand.data_type == *target {
        return Ok(operand);
    }
    if *target == DYNAMIC {
        return Ok(to_dynamic(operand));
    }
    if operand.is_null_type() {
        return Ok(null_as(operand, target));
    }
    Err(OperatorError::Cast {
        from: type_name(&operand.data_type),
        to: type_name(target),
    })
}

/// A null of type null as a null of another type.
fn null_as(operand: Typed, target: &DataType) -> Typed {
    match operand.expr {
        Expr::Literal(..) => null_of(target.clone()),
        expr => Typed::new(native_cast(expr, target.clone()), target.clone()),
    }
}

/// All operands in their [`common_type`]: rows of `VALUES`, branches of `UNION`.
///
/// # Errors
/// None in fact; the signature is that of its neighbours.
pub fn unify(operands: Vec<Typed>) -> Result<Vec<Typed>> {
    let types: Vec<DataType> = operands
        .iter()
        .map(|operand| operand.data_type.clone())
        .collect();
    let target = common_type(&types);
    operands
        .into_iter()
        .map(|operand| coerce(operand, &target))
        .collect()
}

/// What to group, deduplicate or partition by: equal values give equal keys (1 and 1.0, null and
/// undefined).
///
/// The key of a dynamic value is itself a dynamic value in which integral floats have become ints.
/// To show a representative with its own type, aggregate the operand with `ARBITRARY` instead.
pub fn group_key(operand: Typed) -> Typed {
    if !operand.is_dynamic() {
        return operand;
    }
    if let Expr::Literal(ScalarValue::BinaryView(bytes), _) = &operand.expr {
        let present = bytes
            .as_deref()
            .filter(|bytes| !kernels::is_null_value(bytes).unwrap_or(false));
        let key = present
            .and_then(|bytes| k::key(bytes).ok())
            .map(<[u8]>::to_vec);
        return Typed::new(Expr::Literal(ScalarValue::BinaryView(key), None), DYNAMIC);
    }
    if matches!(operation_of(&operand.expr), Some(Operation::Key)) {
        return operand;
    }
    Operation::Key.call(vec![operand.expr], DYNAMIC)
}

/// What to look a value up by among others: two values have the same key where `=` is true of them. Where
/// it is null, [`is_unlike`] says so.
pub(crate) fn equality_key(operand: Typed) -> Typed {
    if operand.is_dynamic() && !matches!(operand.expr, Expr::Literal(..)) {
        return Operation::EqualityKey.call(vec![operand.expr], DYNAMIC);
    }
    let operand = match literal_value(&operand) {
        Some(value) => literal(&order::as_timestamp(value)),
        None if operand.sql_type().is_calendar() => widen(operand, SqlType::Timestamp),
        None => operand,
    };
    group_key(to_dynamic(operand))
}

/// Whether comparing a value with one of some rows is null: whether they are of unlike types, or null.
/// Both are given by their [`equality_key`], that of a row with [`null_if_undefined`]; null stands for no
/// rows, of which this is false.
pub(crate) fn is_unlike(value: Expr, row: Expr) -> Expr {
    let call = Operation::IsUnlike.call(vec![value, row], DataType::Boolean);
    call.expr
}

/// What to order by: floats with one zero, other native types as they are, dynamic values by their
/// key, nulls as Arrow NULL.
pub fn sort_key(operand: Typed) -> Typed {
    if operand.sql_type() == SqlType::Float {
        one_zero(operand)
    } else {
        group_key(operand)
    }
}

/// A float with `0.0` for `-0.0`: arrow orders the two, the dialect takes them for equal.
fn one_zero(operand: Typed) -> Typed {
    let is_zero = operand.expr.clone().between(lit(-0.0_f64), lit(0.0_f64));
    let zero = Box::new(lit(0.0_f64));
    let case = Case::new(
        None,
        vec![(Box::new(is_zero), zero)],
        Some(Box::new(operand.expr)),
    );
    Typed::new(Expr::Case(case), DataType::Float64)
}

/// A dynamic operand with a K-encoded null for Arrow NULL: whatever it is, it is not undefined.
///
/// # Errors
/// None in fact; DataFusion's builder of CASE has the signature.
pub(crate) fn null_if_undefined(operand: Typed) -> datafusion::common::Result<Typed> {
    let is_undefined = operand.expr.clone().is_null();
    let expr = when(is_undefined, explicit_null()).otherwise(operand.expr)?;
    Ok(Typed::new(expr, DYNAMIC))
}

/// A dynamic null that is not undefined.
pub(super) fn explicit_null() -> Expr {
    let null = ScalarValue::BinaryView(Some(k::encode(&Value::Null)));
    Expr::Literal(null, None)
}

/// A dynamic operand with K-encoded nulls as Arrow NULL; native operands have none.
pub(crate) fn without_null_values(operand: Typed) -> Typed {
    if operand.is_dynamic() {
        Operation::WithoutNullValues.call(vec![operand.expr], DYNAMIC)
    } else {
        operand
    }
}

/// A dynamic operand as a native one of `sql_type`, checked row by row; `what` names the place in
/// the message. Native operands must have the type already (an int may be wanted as a float).
pub(crate) fn expect(operand: Typed, sql_type: SqlType, what: &'static str) -> Result<Typed> {
    let target = sql_type.arrow();
    match operand.sql_type() {
        found if found == sql_type => Ok(operand),
        SqlType::Null => Ok(null_as(operand, &target)),
        SqlType::Dynamic => Ok(Operation::Expect(sql_type, what).call(vec![operand.expr], target)),
        SqlType::Int if sql_type == SqlType::Float => Ok(int_to_float(operand)),
        found => Err(OperatorError::Invalid {
            message: format!("{what} must be {}, found {}", sql_type.name(), found.name()),
        }),
    }
}

/// An int as a float; constants are converted here.
pub(crate) fn int_to_float(operand: Typed) -> Typed {
    if let Some(Value::Int(value)) = literal_value(&operand) {
        #[expect(clippy::cast_precision_loss, reason = "the operation is one on floats")]
        return literal(&Value::Float(value as f64));
    }
    Typed::new(
        native_cast(operand.expr, DataType::Float64),
        DataType::Float64,
    )
}

/// The operation that an expression calls, if it calls one.
pub(crate) fn operation_of(expr: &Expr) -> Option<&Operation> {
    match expr {
        Expr::ScalarFunction(call) => super::OperationFunction::of(&call.func),
        _ => None,
    }
}
