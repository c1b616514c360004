//! Why a statement failed, in terms that a caller can act on.
//!
//! Everything that goes wrong between the SQL text and the last row ends as one [`QueryError`]. Errors
//! of the text carry the place in it; errors of DataFusion are sorted into ours by
//! [`QueryError::from`]. How each variant looks over HTTP is not known here.

use std::error::Error as StdError;
use std::fmt;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::tokenizer::{Location, Span};
use outcrop_storage::WriteError;

use crate::dynamic::EvaluationError;
use crate::script::ScriptError;

/// A place in the SQL text: line and column, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

impl Position {
    /// The start of `span`, or nothing where the parser left the span empty.
    pub fn of(span: Span) -> Option<Self> {
        Self::at(span.start)
    }

    /// The position of `location`, or nothing for the parser's "unknown" (line 0).
    pub fn at(location: Location) -> Option<Self> {
        (location.line > 0).then_some(Self {
            line: location.line,
            column: location.column,
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// A failed query.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is not a statement of the dialect.
    #[error("{message}")]
    Syntax {
        /// What was expected and what was found.
        message: String,
        /// Line of the offending token, from 1.
        line: u64,
        /// Column of the offending token in characters, from 1.
        column: u64,
    },

    /// The statement parses but means nothing: an ambiguous name, a wrong argument, an ungrouped field.
    #[error("{message}")]
    Semantic {
        /// What is wrong.
        message: String,
        /// Where, if it can be said.
        position: Option<Position>,
        /// A stable snake_case word for programs, if there is one.
        error_id: Option<&'static str>,
    },

    /// A call of a function that does not exist.
    #[error("function `{name}` does not exist")]
    UnknownFunction {
        /// The name as written.
        name: String,
        /// Where the name stands.
        position: Option<Position>,
    },

    /// A collection, alias or view in FROM that does not exist.
    #[error("collection `{name}` does not exist")]
    UnknownCollection {
        /// The full name, `workspace.collection`.
        name: String,
        /// Where the name stands.
        position: Option<Position>,
    },

    /// An operator or function met values that it cannot take, while rows were being computed.
    #[error("{message}")]
    Runtime {
        /// What was wrong with which values.
        message: String,
    },

    /// The script in front of the statement, or one of its functions, failed.
    #[error(transparent)]
    Script(#[from] ScriptError),

    /// The time limit of the request ran out.
    #[error("the query ran longer than its time limit")]
    Timeout,

    /// The caller went away or cancelled the query.
    #[error("the query was cancelled")]
    Cancelled,

    /// The query needed more memory than it may take.
    #[error("the query needs more memory than its limit: {message}")]
    MemoryLimit {
        /// Which operator asked for how much.
        message: String,
    },

    /// The result is larger than one response may be.
    #[error("the result is larger than {limit_bytes} bytes: add a LIMIT or select fewer fields")]
    ResultTooLarge {
        /// The limit in bytes.
        limit_bytes: u64,
    },

    /// A statement or clause of the dialect that is understood but not built.
    #[error("{what} is not supported yet")]
    NotImplemented {
        /// The statement or clause by name.
        what: String,
        /// Where it stands, if it can be said.
        position: Option<Position>,
    },

    /// Whoever runs the statement may not read or write what it names.
    #[error("{message}")]
    Forbidden {
        /// What may not be done.
        message: String,
    },

    /// The documents of an INSERT could not be stored.
    #[error("the documents could not be stored")]
    Write(#[source] WriteError),

    /// Stored data could not be read.
    #[error("stored data could not be read")]
    Storage(#[source] Box<dyn StdError + Send + Sync>),

    /// The bucket that holds the data cannot be reached, and what the query needs is not in the
    /// cache. The same query may work later.
    #[error("the bucket that holds the data cannot be reached")]
    Unavailable,

    /// A fault of the engine itself: never the fault of the statement.
    #[error("internal error: {message}")]
    Internal {
        /// What went wrong, for the log and a bug report.
        message: String,
    },
}

impl QueryError {
    /// A [`QueryError::Syntax`] at `position`; line 1, column 1 where none is known.
    pub fn syntax(message: impl Into<String>, position: Option<Position>) -> Self {
        let Position { line, column } = position.unwrap_or(Position { line: 1, column: 1 });
        Self::Syntax {
            message: message.into(),
            line,
            column,
        }
    }

    /// A [`QueryError::Semantic`] without an error id.
    pub fn semantic(message: impl Into<String>, position: Option<Position>) -> Self {
        Self::Semantic {
            message: message.into(),
            position,
            error_id: None,
        }
    }

    /// A [`QueryError::NotImplemented`].
    pub fn not_implemented(what: impl Into<String>, position: Option<Position>) -> Self {
        Self::NotImplemented {
            what: what.into(),
            position,
        }
    }

    /// Where in the text the error lies, if it lies in the text and the place is known.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Syntax { line, column, .. } => Some(Position {
                line: *line,
                column: *column,
            }),
            Self::Semantic { position, .. }
            | Self::UnknownFunction { position, .. }
            | Self::UnknownCollection { position, .. }
            | Self::NotImplemented { position, .. } => *position,
            Self::Script(error) => error.position,
            _ => None,
        }
    }

    /// The stable word that programs may match on, where the error has one.
    pub fn error_id(&self) -> Option<&'static str> {
        match self {
            Self::Semantic { error_id, .. } => *error_id,
            Self::UnknownFunction { .. } => Some("function_not_found"),
            Self::UnknownCollection { .. } => Some("collection_not_found"),
            Self::Script(_) => Some("script_error"),
            _ => None,
        }
    }

    /// An error of the text of a view, as one of the place where the view is named.
    #[must_use]
    pub(crate) fn in_view(self, view: &str, position: Option<Position>) -> Self {
        let error_id = self.error_id();
        let within = |message: String| format!("in view `{view}`: {message}");
        match self {
            Self::NotImplemented { what, .. } => Self::NotImplemented {
                what: within(what),
                position,
            },
            Self::Syntax { .. }
            | Self::Semantic { .. }
            | Self::UnknownFunction { .. }
            | Self::UnknownCollection { .. }
            | Self::Script(_) => Self::Semantic {
                message: within(self.to_string()),
                position,
                error_id,
            },
            other => other,
        }
    }

    /// The same error with `position` filled in where it has room for one and none is set.
    #[must_use]
    pub fn or_position(mut self, place: Option<Position>) -> Self {
        if let Self::Semantic { position, .. }
        | Self::UnknownFunction { position, .. }
        | Self::UnknownCollection { position, .. }
        | Self::NotImplemented { position, .. } = &mut self
        {
            *position = position.or(place);
        }
        self
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
                Self::from(*inner)
            }
            DataFusionError::External(inner) => from_external(inner),
            DataFusionError::Shared(shared) => from_shared(&shared),
            DataFusionError::ArrowError(inner, _) => from_arrow(*inner),
            DataFusionError::Execution(message) => Self::Runtime { message },
            DataFusionError::ResourcesExhausted(message) => Self::MemoryLimit { message },
            DataFusionError::Plan(message) => Self::semantic(message, None),
            DataFusionError::SchemaError(inner, _) => Self::semantic(inner.to_string(), None),
            DataFusionError::NotImplemented(what) => from_not_implemented(&what),
            other => Self::Internal {
                message: other.to_string(),
            },
        }
    }
}

/// Subqueries that could not be made joins are reported with their whole plan, which helps nobody.
fn from_not_implemented(what: &str) -> QueryError {
    let is_subquery = ["Subquery", "Exists(", "OuterReferenceColumn"]
        .iter()
        .any(|node| what.contains(node));
    let what = if is_subquery {
        "a subquery in this place"
    } else {
        what
    };
    QueryError::not_implemented(what, None)
}

fn from_external(inner: Box<dyn StdError + Send + Sync>) -> QueryError {
    let inner = match inner.downcast::<QueryError>() {
        Ok(error) => return *error,
        Err(other) => other,
    };
    match inner.downcast::<DataFusionError>() {
        Ok(error) => QueryError::from(*error),
        Err(other) => from_values(other.as_ref()),
    }
}

/// An error of an operator or function that met certain values.
fn from_values(error: &(dyn StdError + Send + Sync + 'static)) -> QueryError {
    match error.downcast_ref::<EvaluationError>() {
        Some(EvaluationError::Script(error)) => QueryError::Script(error.clone()),
        _ => QueryError::Runtime {
            message: error.to_string(),
        },
    }
}

fn from_arrow(error: ArrowError) -> QueryError {
    match error {
        ArrowError::ExternalError(inner) => from_external(inner),
        ArrowError::MemoryError(message) => QueryError::MemoryLimit { message },
        ArrowError::DivideByZero => QueryError::Runtime {
            message: "division by zero".into(),
        },
        ArrowError::ArithmeticOverflow(message)
        | ArrowError::ComputeError(message)
        | ArrowError::InvalidArgumentError(message)
        | ArrowError::CastError(message)
        | ArrowError::ParseError(message) => QueryError::Runtime { message },
        other => QueryError::Internal {
            message: other.to_string(),
        },
    }
}

/// A shared error cannot be taken apart, so only what callers tell apart is looked at.
fn from_shared(error: &DataFusionError) -> QueryError {
    match error.find_root() {
        DataFusionError::Execution(message) => QueryError::Runtime {
            message: message.clone(),
        },
        DataFusionError::ResourcesExhausted(message) => QueryError::MemoryLimit {
            message: message.clone(),
        },
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => from_shared_external(inner.as_ref()),
            other => QueryError::Runtime {
                message: arrow_message(other),
            },
        },
        DataFusionError::External(inner) => from_shared_external(inner.as_ref()),
        other => QueryError::Internal {
            message: other.to_string(),
        },
    }
}

fn from_shared_external(error: &(dyn StdError + Send + Sync + 'static)) -> QueryError {
    match error.downcast_ref::<QueryError>() {
        Some(QueryError::Cancelled) => QueryError::Cancelled,
        Some(QueryError::Unavailable) => QueryError::Unavailable,
        Some(QueryError::Storage(source)) => QueryError::Storage(source.to_string().into()),
        _ => from_values(error),
    }
}

fn arrow_message(error: &ArrowError) -> String {
    match error {
        ArrowError::DivideByZero => "division by zero".into(),
        ArrowError::ArithmeticOverflow(message) | ArrowError::ComputeError(message) => {
            message.clone()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrow_faults_of_values_are_runtime_errors() {
        let error = DataFusionError::from(ArrowError::DivideByZero);
        let QueryError::Runtime { message } = QueryError::from(error) else {
            panic!("kind")
        };
        assert_eq!(message, "division by zero");
    }

    #[test]
    fn own_errors_survive_the_way_through_datafusion() {
        let inner = QueryError::UnknownFunction {
            name: "f".into(),
            position: None,
        };
        let wrapped = DataFusionError::External(Box::new(inner)).context("while planning");
        assert!(matches!(
            QueryError::from(wrapped),
            QueryError::UnknownFunction { .. }
        ));
    }

    #[test]
    fn a_shared_error_keeps_its_kind() {
        let storage = QueryError::Storage("the block at byte 7 fails its checksum".into());
        let inner = ArrowError::ExternalError(Box::new(storage));
        let shared = DataFusionError::Shared(std::sync::Arc::new(inner.into()));
        let error = QueryError::from(shared);
        let QueryError::Storage(source) = error else {
            panic!("kind: {error:?}")
        };
        assert!(source.to_string().contains("byte 7"));
    }

    #[test]
    fn a_known_position_is_not_overwritten() {
        let first = Position { line: 1, column: 2 };
        let second = Position { line: 3, column: 4 };
        let error = QueryError::semantic("x", Some(first)).or_position(Some(second));
        assert_eq!(error.position(), Some(first));
    }
}
