//! Functions of a statement's own: `script {{{ … }}} SELECT _script.f(x)`, in JavaScript.
//!
//! The engine is QuickJS, which has no access to anything but what is put in. A [`Program`] is the text,
//! checked; every batch of rows gets a fresh [`machine`] that has run the text, so that no state is
//! carried between threads, and each call has a bound on its steps, the machine one on its memory and
//! stack. [`convert`] takes values over and back, [`function`] is a function as plans call it.

mod convert;
mod function;
mod machine;
mod program;

#[cfg(test)]
mod tests;

pub(crate) use function::call;
pub(crate) use program::Program;

use crate::error::Position;

/// Why a script, or one of its functions, gave nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ScriptError {
    /// What JavaScript says, or which limit was reached.
    pub message: String,
    /// Where in the text of the statement, if it is known.
    pub position: Option<Position>,
}
