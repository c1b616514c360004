//! Errors found while an operator or a function call is typed, before anything runs.

use thiserror::Error;

/// Why an expression cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OperatorError {
    /// No function has this name.
    #[error("function `{name}` not found")]
    UnknownFunction {
        /// The name as it was written.
        name: String,
    },
    /// The number of arguments is wrong.
    #[error("function `{name}` takes {expected}, found {found}")]
    Arity {
        /// The function.
        name: String,
        /// What it takes, as words: `2 arguments`.
        expected: String,
        /// The number of arguments of the call.
        found: usize,
    },
    /// An argument has a type that the function never takes.
    #[error("function `{function}`: argument {position} must be {expected}, found {found}")]
    ArgumentType {
        /// The function.
        function: String,
        /// Position of the argument, from 1.
        position: usize,
        /// The types that it takes.
        expected: String,
        /// The type of the argument.
        found: String,
    },
    /// A binary operator has no meaning for these operand types.
    #[error("operator `{operator}` does not take {left} and {right}")]
    Operands {
        /// The operator as it is written.
        operator: String,
        /// Type of the left operand.
        left: String,
        /// Type of the right operand.
        right: String,
    },
    /// A unary operator or a clause has no meaning for this operand type.
    #[error("{what} does not take {found}")]
    Operand {
        /// The operator or clause.
        what: String,
        /// Type of the operand.
        found: String,
    },
    /// There is no cast between these types.
    #[error("cannot cast {from} to {to}")]
    Cast {
        /// The type of the operand.
        from: String,
        /// The target type.
        to: String,
    },
    /// An argument that must be a constant of a certain form is not.
    #[error("{message}")]
    Invalid {
        /// The complaint.
        message: String,
    },
    /// The dialect knows it and this engine does not.
    #[error("{what} is not supported")]
    NotSupported {
        /// The operator, clause or function.
        what: String,
    },
}
