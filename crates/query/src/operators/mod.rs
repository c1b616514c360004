//! Operators over typed expressions, lowered to DataFusion expressions.
//!
//! The binder types every expression bottom-up and calls one function of this module per operator.
//! Where the operand types are known the result is a native DataFusion expression; where one is
//! dynamic it is an [`Operation`] over K-encoded values. Nothing is left for DataFusion's own
//! coercion, which would compare `'5'` with `5`.

mod access;
mod arithmetic;
mod comparison;
mod conditional;
mod convert;
mod error;
mod logic;
mod membership;
mod operation;
#[cfg(test)]
mod tests;
mod typed;

pub use crate::dynamic::arithmetic::ArithmeticOperator;
pub use crate::dynamic::kernels::Comparison;
pub use access::{array, field, object, subscript};
pub use comparison::is_distinct;
pub use conditional::case;
pub use convert::{
    coerce, common_type, group_key, literal, literal_value, sort_key, to_dynamic, unify,
};
pub use error::OperatorError;
pub use logic::{is_null, is_truth, is_undefined, to_condition};
pub use membership::{between, in_list, like};
pub use operation::{Operation, OperationFunction};
pub use typed::{CastKind, SortKey, Typed};

pub(crate) use conditional::{coalesce, null_if};
pub(crate) use convert::{
    equality_key, expect, is_unlike, null_if_undefined, null_of, without_null_values,
};
pub(crate) use membership::with_backslash_escapes;

use crate::types::SqlType;
use datafusion::logical_expr::Operator;
use datafusion::sql::sqlparser::ast::{BinaryOperator, UnaryOperator};

/// What every function of this module returns.
pub type Result<T> = std::result::Result<T, OperatorError>;

/// `left op right`: arithmetic, comparison, `AND`, `OR`, `||`.
///
/// # Errors
/// [`OperatorError::Operands`] for types that the operator never takes, and
/// [`OperatorError::NotSupported`] for operators outside the dialect.
pub fn binary(op: &BinaryOperator, left: Typed, right: Typed) -> Result<Typed> {
    let compare = |op| comparison::compare(op, left.clone(), right.clone());
    let compute = |op| arithmetic::arithmetic(op, left.clone(), right.clone());
    match op {
        BinaryOperator::Plus => compute(ArithmeticOperator::Add),
        BinaryOperator::Minus => compute(ArithmeticOperator::Subtract),
        BinaryOperator::Multiply => compute(ArithmeticOperator::Multiply),
        BinaryOperator::Divide => compute(ArithmeticOperator::Divide),
        BinaryOperator::Modulo => compute(ArithmeticOperator::Modulo),
        BinaryOperator::Eq => compare(Comparison::Equal),
        BinaryOperator::NotEq => compare(Comparison::NotEqual),
        BinaryOperator::Lt => compare(Comparison::Less),
        BinaryOperator::LtEq => compare(Comparison::LessOrEqual),
        BinaryOperator::Gt => compare(Comparison::Greater),
        BinaryOperator::GtEq => compare(Comparison::GreaterOrEqual),
        BinaryOperator::And => logic::connect(Operator::And, left, right),
        BinaryOperator::Or => logic::connect(Operator::Or, left, right),
        BinaryOperator::StringConcat => arithmetic::concatenate(left, right),
        other => Err(OperatorError::NotSupported {
            what: format!("operator `{other}`"),
        }),
    }
}

/// `op operand`: `-x`, `+x`, `NOT x`.
///
/// # Errors
/// As [`binary`].
pub fn unary(op: &UnaryOperator, operand: Typed) -> Result<Typed> {
    match op {
        UnaryOperator::Minus => arithmetic::negate(operand),
        UnaryOperator::Plus => match operand.sql_type() {
            SqlType::Int
            | SqlType::Float
            | SqlType::Null
            | SqlType::Dynamic
            | SqlType::MonthInterval
            | SqlType::MicrosecondInterval => Ok(operand),
            found => Err(OperatorError::Operand {
                what: "operator `+`".to_owned(),
                found: found.name().to_owned(),
            }),
        },
        UnaryOperator::Not => logic::not(operand),
        other => Err(OperatorError::NotSupported {
            what: format!("operator `{other}`"),
        }),
    }
}

/// `CAST(x AS t)` and its three relatives.
///
/// # Errors
/// [`OperatorError::Cast`] when there is no such cast and the kind is not a `TRY`.
pub fn cast(kind: CastKind, operand: Typed, target: SqlType) -> Result<Typed> {
    crate::cast::lower(kind, operand, target)
}

/// `x AT TIME ZONE zone`.
///
/// # Errors
/// As [`crate::functions::call`].
pub fn at_time_zone(operand: Typed, zone: Typed) -> Result<Typed> {
    crate::functions::call("at_time_zone", vec![operand, zone])
}
