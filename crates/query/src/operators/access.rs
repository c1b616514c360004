//! Parts of dynamic values, and values out of parts.

use super::convert::{explicit_null, literal_value, null_of, operation_of, to_dynamic};
use super::operation::Operation;
use super::{OperatorError, Result, Typed};
use crate::types::{DYNAMIC, SqlType};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use outcrop_document::Value;

/// `x.step`: undefined when `x` is no object or lacks the key. A chain of steps is one call.
///
/// # Errors
/// None in fact; the signature is that of its neighbours.
pub fn field(operand: Typed, step: &str) -> Result<Typed> {
    if !operand.is_dynamic() {
        return Ok(null_of(DataType::Null));
    }
    let earlier = match operation_of(&operand.expr) {
        Some(Operation::Field(steps)) => Some(steps.clone()),
        _ => None,
    };
    match (earlier, operand.expr) {
        (Some(mut steps), Expr::ScalarFunction(call)) => {
            steps.push(step.to_owned());
            Ok(Operation::Field(steps).call(call.args, DYNAMIC))
        }
        (_, expr) => Ok(Operation::Field(vec![step.to_owned()]).call(vec![expr], DYNAMIC)),
    }
}

/// `x[index]`: 1-based on arrays, by key on objects; undefined when out of range or missing.
///
/// # Errors
/// [`OperatorError::Operands`] when `x` is known to be neither array nor object, or the index
/// neither int nor string.
pub fn subscript(operand: Typed, index: Typed) -> Result<Typed> {
    let (container, key) = (operand.sql_type(), index.sql_type());
    if container == SqlType::Null || key == SqlType::Null {
        return Ok(null_of(DataType::Null));
    }
    let fits = matches!(key, SqlType::Int | SqlType::String | SqlType::Dynamic);
    if container != SqlType::Dynamic || !fits {
        return Err(OperatorError::Operands {
            operator: "[]".to_owned(),
            left: container.name().to_owned(),
            right: key.name().to_owned(),
        });
    }
    Ok(Operation::Subscript.call(vec![operand.expr, index.expr], DYNAMIC))
}

/// `[a, b, …]`. Explicit nulls stay, undefined elements become null.
///
/// # Errors
/// None in fact; the signature is that of its neighbours.
pub fn array(elements: Vec<Typed>) -> Result<Typed> {
    let elements = elements.into_iter().map(|element| element.expr).collect();
    Ok(Operation::Array.call(elements, DYNAMIC))
}

/// `{'k': v, …}`. Undefined members are left out, explicit nulls stay.
///
/// # Errors
/// [`OperatorError::Operand`] for a key that is known not to be a string.
pub fn object(members: Vec<(Typed, Typed)>) -> Result<Typed> {
    let mut arguments = Vec::with_capacity(members.len() * 2);
    for (key, value) in members {
        if !matches!(key.sql_type(), SqlType::String | SqlType::Dynamic) {
            return Err(OperatorError::Operand {
                what: "the key of an object".to_owned(),
                found: key.sql_type().name().to_owned(),
            });
        }
        arguments.push(key.expr);
        // A written null is a member, what is undefined is none.
        let is_null = !value.is_dynamic() && literal_value(&value) == Some(Value::Null);
        arguments.push(match is_null || value.is_null_type() {
            true => explicit_null(),
            false => to_dynamic(value).expr,
        });
    }
    Ok(Operation::Object.call(arguments, DYNAMIC))
}
