//! A script that has been checked: it can be read, and its functions are known.

use std::sync::Arc;

use super::ScriptError;
use super::machine::Machine;
use crate::dialect::Script;
use crate::scan::Cancellation;

/// A checked script.
#[derive(Debug)]
pub(crate) struct Program {
    pub(super) script: Script,
    /// Names of its exported functions.
    functions: Vec<String>,
    pub(super) cancellation: Option<Arc<Cancellation>>,
}

impl Program {
    /// Runs the text of the module once. Calls of its functions stop when `cancellation` says so.
    ///
    /// # Errors
    /// [`ScriptError`] for text that is no JavaScript module, or that fails by itself.
    pub(crate) fn new(
        script: Script,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<Self, ScriptError> {
        let mut program = Self {
            script,
            functions: Vec::new(),
            cancellation,
        };
        program.functions = Machine::new(&program)?.functions()?;
        Ok(program)
    }

    /// Whether it exports a function of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.functions.iter().any(|function| function == name)
    }
}
