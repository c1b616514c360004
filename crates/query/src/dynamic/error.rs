//! Errors of values: a row for which an operator or a function has no answer.

use crate::script::ScriptError;
use crate::types::SqlType;
use datafusion::common::DataFusionError;
use outcrop_document::k::DecodeError;
use thiserror::Error;

/// Why an expression has no value for some row. It ends the query unless it is caught by `TRY`.
///
/// It travels through DataFusion as [`DataFusionError::External`]; see [`EvaluationError::find`].
#[derive(Debug, Error)]
pub enum EvaluationError {
    /// An int was divided by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// An int, an interval or a date left its range.
    #[error("overflow in `{operation}`")]
    Overflow {
        /// The operator or function.
        operation: &'static str,
    },
    /// A binary operator met operand types that it has no meaning for.
    #[error("operator `{operator}` does not take {left} and {right}")]
    Operands {
        /// The operator as it is written.
        operator: &'static str,
        /// Type of the left operand.
        left: &'static str,
        /// Type of the right operand.
        right: &'static str,
    },
    /// A value has the wrong type for its place.
    #[error("{what} must be {expected}, found {found}")]
    Type {
        /// The place: a clause, or a function and the position of its argument.
        what: String,
        /// The types that it takes.
        expected: String,
        /// The type of the value.
        found: &'static str,
    },
    /// A value cannot become a value of the target type.
    #[error("cannot cast {from} `{value}` to {to}")]
    Cast {
        /// Type of the value.
        from: &'static str,
        /// The value as text, shortened.
        value: String,
        /// The target type.
        to: &'static str,
    },
    /// There is no cast between these types.
    #[error("cannot cast {from} to {to}")]
    NoCast {
        /// Type of the value.
        from: &'static str,
        /// The target type.
        to: &'static str,
    },
    /// An argument is of the right type and still makes no sense.
    #[error("function `{function}`: {message}")]
    Argument {
        /// The function.
        function: &'static str,
        /// The complaint.
        message: String,
    },
    /// The statement asked for this error.
    #[error("{message}")]
    Raised {
        /// What it wants to be said.
        message: String,
    },
    /// A function of the statement's script failed.
    #[error(transparent)]
    Script(ScriptError),
    /// The results of one batch of rows take too much memory.
    #[error("the results of a function for one batch of rows take more than {bytes_max} bytes")]
    TooLarge {
        /// The limit in bytes.
        bytes_max: usize,
    },
    /// The K bytes of a dynamic value are damaged.
    #[error("cannot decode a dynamic value")]
    Decode(#[from] DecodeError),
    /// A value of one type was offered to a column of another: a fault of the engine.
    #[error("a column of {column} cannot hold {found}")]
    Column {
        /// Type of the column.
        column: &'static str,
        /// Type of the value.
        found: &'static str,
    },
}

impl EvaluationError {
    /// The evaluation error inside `error`, however deep DataFusion has wrapped it.
    pub fn find(error: &DataFusionError) -> Option<&Self> {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(current) = source {
            if let Some(found) = current.downcast_ref::<Self>() {
                return Some(found);
            }
            source = match current.downcast_ref::<DataFusionError>() {
                Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
                Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
                Some(DataFusionError::ArrowError(inner, _)) => Some(inner.as_ref()),
                _ => current.source(),
            };
        }
        None
    }

    pub(crate) fn argument(function: &'static str, message: impl Into<String>) -> Self {
        Self::Argument {
            function,
            message: message.into(),
        }
    }

    pub(crate) fn column(column: SqlType, found: &'static str) -> Self {
        Self::Column {
            column: column.name(),
            found,
        }
    }
}

impl From<EvaluationError> for DataFusionError {
    fn from(error: EvaluationError) -> Self {
        Self::External(Box::new(error))
    }
}
