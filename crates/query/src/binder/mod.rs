//! From the syntax tree to a DataFusion logical plan: names, types and clauses.

use datafusion::logical_expr::LogicalPlan;
use outcrop_document::Timestamp;

use crate::parameters::Parameter;

pub use crate::dialect::{Explain, Statement};

mod chains;

pub use chains::chains;

/// What a statement is bound against, besides the collections.
#[derive(Clone, Copy, Debug)]
pub struct BindContext<'a> {
    /// Values of the parameters.
    pub parameters: &'a [Parameter],
    /// The workspace of collections named without one, unless the statement sets its own.
    pub default_workspace: &'a str,
    /// What `CURRENT_TIMESTAMP()` and its like mean.
    pub query_time: Timestamp,
    /// The limit of the outermost query, if the text gives none.
    pub default_row_limit: Option<u64>,
}

/// A bound statement.
#[derive(Clone, Debug)]
pub struct BoundQuery {
    /// The plan. Its columns are those of `output`, in order.
    pub plan: LogicalPlan,
    /// How each column of the plan becomes a part of a row.
    pub output: Vec<OutputColumn>,
    /// Full names of the collections that it reads, each once.
    pub collections: Vec<String>,
    /// Names of its parameters, each once.
    pub parameters: Vec<String>,
    /// Whether the plan is wanted instead of rows.
    pub explain: Option<Explain>,
    /// What was understood but has no effect.
    pub warnings: Vec<String>,
}

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputColumn {
    /// The name; empty for a star.
    pub name: String,
    /// How it becomes a part of the row.
    pub kind: OutputKind,
}

/// How a column of the plan becomes a part of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// A document whose fields are spread into the row.
    Star,
    /// One member of the row.
    Value,
}

/// Binds `statement` against the tables that `resolver` finds.
///
/// # Errors
/// [`QueryError`](crate::QueryError) for names, types and clauses that mean nothing.
pub fn bind(
    statement: &Statement,
    resolver: &dyn crate::scan::Resolver,
    context: &BindContext<'_>,
) -> Result<BoundQuery, crate::QueryError> {
    let _ = (statement, resolver, context);
    Err(crate::QueryError::not_implemented(
        "binding a statement",
        None,
    ))
}
