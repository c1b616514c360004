//! The description of one scalar function: one row of a family's table.

use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::operators::{OperatorError, Typed};
use crate::types::SqlType;
use datafusion::arrow::array::ArrayRef;
use datafusion::logical_expr::ColumnarValue;
use outcrop_document::Value;

/// What an evaluation gives.
pub(crate) type Evaluated = Result<Value, EvaluationError>;

/// An expression over whole columns; `None` for argument types that have none.
pub(crate) type NativeForm = fn(&[Typed]) -> Option<Typed>;

/// The function over whole columns; `None` where the row-wise evaluation must answer, be it with an
/// error.
pub(crate) type ColumnForm = fn(&[ColumnarValue]) -> Option<ArrayRef>;

/// The type of a call's result.
#[derive(Clone, Copy)]
pub(crate) enum Returns {
    /// Always this type.
    Type(SqlType),
    /// The type of the first argument.
    First,
    /// A function of the argument types.
    Rule(fn(&[SqlType]) -> SqlType),
}

/// One scalar function.
pub(crate) struct ScalarFunction {
    /// The names, in upper case; the first is the one that messages use.
    pub(crate) names: &'static [&'static str],
    /// What each positional parameter takes.
    pub(crate) parameters: &'static [Kinds],
    /// How many of the parameters must be given.
    pub(crate) required: usize,
    /// What arguments after the positional ones take; `None` if there may be none.
    pub(crate) rest: Option<Kinds>,
    /// Whether a null argument makes the result null, without an evaluation.
    pub(crate) null_if_any_null: bool,
    /// The result type.
    pub(crate) returns: Returns,
    /// The function for one row. The arguments have the types of the parameters.
    pub(crate) evaluate: fn(&[Value]) -> Evaluated,
    /// An expression of the same meaning that runs on whole columns, for argument types that have one.
    pub(crate) native: Option<NativeForm>,
    /// The function of one float that this is, for native columns of numbers.
    pub(crate) float: Option<fn(f64) -> f64>,
    /// The function over whole columns, for argument types that profit.
    pub(crate) columns: Option<ColumnForm>,
    /// One sentence for the manual.
    pub(crate) doc: &'static str,
}

impl ScalarFunction {
    /// A function that requires all its parameters, answers null to null, and is immutable.
    pub(crate) const fn new(
        names: &'static [&'static str],
        parameters: &'static [Kinds],
        returns: Returns,
        evaluate: fn(&[Value]) -> Evaluated,
        doc: &'static str,
    ) -> Self {
        Self {
            names,
            parameters,
            required: parameters.len(),
            rest: None,
            null_if_any_null: true,
            returns,
            evaluate,
            native: None,
            float: None,
            columns: None,
            doc,
        }
    }

    /// The same function with only the first `required` parameters required.
    pub(crate) const fn requires(mut self, required: usize) -> Self {
        self.required = required;
        self
    }

    /// The same function with any number of further arguments.
    pub(crate) const fn rest(mut self, kinds: Kinds) -> Self {
        self.rest = Some(kinds);
        self
    }

    /// The same function, evaluated on nulls too.
    pub(crate) const fn takes_nulls(mut self) -> Self {
        self.null_if_any_null = false;
        self
    }

    /// The same function with a form for native columns.
    pub(crate) const fn native(mut self, native: NativeForm) -> Self {
        self.native = Some(native);
        self
    }

    /// The same function, known to be this function of one float.
    pub(crate) const fn of_floats(mut self, float: fn(f64) -> f64) -> Self {
        self.float = Some(float);
        self
    }

    /// The same function with a form over whole columns.
    pub(crate) const fn columns(mut self, columns: ColumnForm) -> Self {
        self.columns = Some(columns);
        self
    }

    /// The name that messages use.
    pub(crate) fn name(&self) -> &'static str {
        self.names[0]
    }

    fn kinds(&self, index: usize) -> Kinds {
        self.parameters
            .get(index)
            .copied()
            .or(self.rest)
            .unwrap_or(Kinds::ANY)
    }

    /// Checks the number of arguments and those types that are known.
    pub(crate) fn check(&self, arguments: &[Typed]) -> Result<(), OperatorError> {
        let most = if self.rest.is_some() {
            usize::MAX
        } else {
            self.parameters.len()
        };
        check_arity(self.name(), self.required, most, arguments.len())?;
        for (index, argument) in arguments.iter().enumerate() {
            let kinds = self.kinds(index);
            if !kinds.may_hold(argument.sql_type()) {
                return Err(OperatorError::ArgumentType {
                    function: self.name().to_owned(),
                    position: index + 1,
                    expected: kinds.describe(),
                    found: argument.sql_type().name().to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The result type for these argument types.
    pub(crate) fn result_type(&self, arguments: &[SqlType]) -> SqlType {
        match self.returns {
            Returns::Type(sql_type) => sql_type,
            Returns::First => arguments.first().copied().unwrap_or(SqlType::Null),
            Returns::Rule(rule) => rule(arguments),
        }
    }

    /// Evaluates one row: nulls and types first, then the function.
    pub(crate) fn call(&self, arguments: &[Value]) -> Evaluated {
        if self.null_if_any_null && arguments.contains(&Value::Null) {
            return Ok(Value::Null);
        }
        for (index, argument) in arguments.iter().enumerate() {
            let kinds = self.kinds(index);
            if !matches!(argument, Value::Null) && !kinds.has(argument.value_type()) {
                return Err(EvaluationError::Type {
                    what: format!("function `{}`: argument {}", self.name(), index + 1),
                    expected: kinds.describe(),
                    found: argument.value_type().name(),
                });
            }
        }
        (self.evaluate)(arguments)
    }
}

/// Checks a number of arguments against bounds, both inclusive.
pub(crate) fn check_arity(
    name: &str,
    least: usize,
    most: usize,
    found: usize,
) -> Result<(), OperatorError> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
    let expected = if least == most {
        format!("{least} {}", plural(least))
    } else if most == usize::MAX {
        format!("at least {least} {}", plural(least))
    } else {
        format!("{least} to {most} arguments")
    };
    Err(OperatorError::Arity {
        name: name.to_owned(),
        expected,
        found,
    })
}
