//! `CASE`, and the functions that are `CASE` in other words.

use super::convert::{coerce, common_type, null_of};
use super::logic::{is_null, truth};
use super::{Result, Typed};
use crate::dynamic::kernels::Comparison;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Case;

/// `CASE [operand] WHEN a THEN b … [ELSE c] END`. Branches of unlike types make it dynamic.
///
/// # Errors
/// A condition of a native type other than bool.
pub fn case(
    operand: Option<Typed>,
    branches: Vec<(Typed, Typed)>,
    otherwise: Option<Typed>,
) -> Result<Typed> {
    let results = branches.iter().map(|(_, result)| result).chain(&otherwise);
    let types: Vec<DataType> = results.map(|result| result.data_type.clone()).collect();
    let target = common_type(&types);
    if target == DataType::Null {
        return Ok(null_of(DataType::Null));
    }
    let mut when_then = Vec::with_capacity(branches.len());
    for (when, then) in branches {
        let condition = match &operand {
            Some(operand) => super::comparison::compare(Comparison::Equal, operand.clone(), when)?,
            None => truth(when, "`WHEN`")?,
        };
        when_then.push((
            Box::new(condition.expr),
            Box::new(coerce(then, &target)?.expr),
        ));
    }
    let otherwise = match otherwise {
        Some(result) => Some(Box::new(coerce(result, &target)?.expr)),
        None => None,
    };
    Ok(Typed::new(
        Expr::Case(Case::new(None, when_then, otherwise)),
        target,
    ))
}

/// `COALESCE(a, b, …)`: the first operand that is neither null nor undefined.
pub(crate) fn coalesce(operands: Vec<Typed>) -> Result<Typed> {
    let mut operands: Vec<Typed> = operands
        .into_iter()
        .filter(|operand| !operand.is_null_type())
        .collect();
    let Some(last) = operands.pop() else {
        return Ok(null_of(DataType::Null));
    };
    if operands.is_empty() {
        return Ok(last);
    }
    let branches = operands
        .into_iter()
        .map(|operand| Ok((is_null(operand.clone(), true)?, operand)))
        .collect::<Result<Vec<_>>>()?;
    case(None, branches, Some(last))
}

/// `NULLIF(a, b)`: null when they are equal, else `a`.
pub(crate) fn null_if(operand: Typed, other: Typed) -> Result<Typed> {
    let equal = super::comparison::compare(Comparison::Equal, operand.clone(), other)?;
    case(None, vec![(equal, null_of(DataType::Null))], Some(operand))
}
