//! `IN`, `BETWEEN` and `LIKE`.

use super::comparison::{Alignment, align, boolean, compare};
use super::convert::{expect, literal_value, null_of, to_dynamic};
use super::logic::{connect, not};
use super::operation::Operation;
use super::{Result, Typed};
use crate::dynamic::kernels::Comparison;
use crate::functions;
use crate::types::SqlType;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{Expr, Operator, lit};
use outcrop_document::Value;

/// `x [NOT] IN (a, b, …)`: true when an element equals `x`; else null when a comparison was null.
///
/// # Errors
/// None in fact; the signature is that of its neighbours.
pub fn in_list(operand: Typed, list: Vec<Typed>, negated: bool) -> Result<Typed> {
    if operand.is_null_type() {
        return Ok(null_of(DataType::Boolean));
    }
    let member = if operand.is_dynamic() || list.iter().any(Typed::is_dynamic) {
        let operands = std::iter::once(operand)
            .chain(list)
            .map(|x| to_dynamic(x).expr)
            .collect();
        Operation::InList.call(operands, DataType::Boolean)
    } else {
        native_in_list(operand, list)?
    };
    if negated { not(member) } else { Ok(member) }
}

/// Elements of the operand's own type natively, numbers of the other type one by one, and a null
/// where the list has elements of unlike types. DataFusion's lists tell -0.0 from 0.0, its comparisons
/// do not, so floats that may be zero are compared.
fn native_in_list(operand: Typed, list: Vec<Typed>) -> Result<Typed> {
    let mut same = Vec::new();
    let mut answer: Option<Typed> = None;
    for element in list {
        match align(operand.clone(), element.clone()) {
            Alignment::Native(left, right) if left == operand && !may_be_zero(&right) => {
                same.push(right.expr);
            }
            _ => {
                let equal = compare(Comparison::Equal, operand.clone(), element)?;
                answer = Some(or(answer, equal)?);
            }
        }
    }
    if !same.is_empty() {
        let member = Expr::InList(InList::new(Box::new(operand.expr), same, false));
        answer = Some(or(answer, Typed::new(member, DataType::Boolean))?);
    }
    Ok(answer.unwrap_or_else(|| Typed::new(lit(false), DataType::Boolean)))
}

fn may_be_zero(operand: &Typed) -> bool {
    match literal_value(operand) {
        Some(Value::Float(value)) => value == 0.0,
        Some(_) => false,
        None => operand.sql_type() == SqlType::Float,
    }
}

fn or(left: Option<Typed>, right: Typed) -> Result<Typed> {
    match left {
        Some(left) => connect(Operator::Or, left, right),
        None => Ok(right),
    }
}

/// `x [NOT] BETWEEN low AND high`, inclusive at both ends.
///
/// # Errors
/// None in fact; the signature is that of its neighbours.
pub fn between(operand: Typed, low: Typed, high: Typed, negated: bool) -> Result<Typed> {
    let above = compare(Comparison::GreaterOrEqual, operand.clone(), low)?;
    let below = compare(Comparison::LessOrEqual, operand, high)?;
    let within = boolean(above.expr, Operator::And, below.expr);
    if negated { not(within) } else { Ok(within) }
}

/// `x [NOT] LIKE pattern [ESCAPE c]`; the escape character is `\` unless given.
///
/// # Errors
/// [`OperatorError::Operand`](super::OperatorError::Operand) for native operands that are not
/// strings. Dynamic operands are checked row by row.
pub fn like(operand: Typed, pattern: Typed, escape: Option<char>, negated: bool) -> Result<Typed> {
    let operand = expect(operand, SqlType::String, "an operand of `LIKE`")?;
    let pattern = expect(pattern, SqlType::String, "the pattern of `LIKE`")?;
    let pattern = match (escape, literal_value(&pattern)) {
        (None | Some('\\'), _) => pattern,
        (Some(escape), Some(Value::String(text))) => {
            super::literal(&Value::String(with_backslash_escapes(&text, escape)))
        }
        (Some(escape), _) => {
            let escape = super::literal(&Value::String(escape.to_string()));
            functions::call("outcrop_like_pattern", vec![pattern, escape])?
        }
    };
    let like = Like::new(
        negated,
        Box::new(operand.expr),
        Box::new(pattern.expr),
        None,
        false,
    );
    Ok(Typed::new(Expr::Like(like), DataType::Boolean))
}

/// A pattern whose escape character is `escape` as one whose escape character is the backslash.
pub(crate) fn with_backslash_escapes(pattern: &str, escape: char) -> String {
    let mut out = String::with_capacity(pattern.len() + 4);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character == escape {
            out.push('\\');
            out.extend(characters.next());
        } else if character == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(character);
        }
    }
    out
}
