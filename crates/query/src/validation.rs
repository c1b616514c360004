//! Checking a statement without running it.

use outcrop_document::{Timestamp, Value};

use crate::binder::{self, BindContext};
use crate::dialect::{self, Statement};
use crate::error::{Position, QueryError};
use crate::insert;
use crate::parameters::Parameter;
use crate::resolver::{self, Collections, StatementResolver};
use crate::scan::AccessPath;

/// What a statement reads and needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validation {
    /// Full names of the collections that it reads, each once.
    pub collections: Vec<String>,
    /// Full names of the aliases that it goes through, each once.
    pub aliases: Vec<String>,
    /// Full names of the views that it goes through, each once.
    pub views: Vec<String>,
    /// Full names of what its own text names: collections, aliases and views.
    pub entities: Vec<String>,
    /// Names of its parameters, each once.
    pub parameters: Vec<String>,
}

/// What a statement is checked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be run.
    Query,
    /// To be kept as a view.
    View,
}

/// Parses and binds `sql`, with every parameter left open.
///
/// # Errors
/// What running it would raise before the first row.
pub(crate) fn validate(
    collections: &dyn Collections,
    sql: &str,
    default_workspace: &str,
    purpose: Purpose,
) -> Result<Validation, QueryError> {
    let statement = dialect::parse(sql)?;
    if purpose == Purpose::View {
        check_view(&statement)?;
    }
    let workspace = statement
        .default_workspace
        .as_deref()
        .unwrap_or(default_workspace);
    let resolver = StatementResolver::new(collections, workspace, binder::chains(&statement));
    let open = |name: &String| Parameter {
        name: name.clone(),
        value: Value::Null,
    };
    let parameters = statement.parameters.iter().map(open).collect::<Vec<_>>();
    let context = BindContext {
        parameters: &parameters,
        default_workspace: workspace,
        query_time: Timestamp(0),
        default_row_limit: None,
        access_path: AccessPath::Cheapest,
        cancellation: None,
    };
    let bound = binder::bind(&statement, &resolver, &context)?;
    if let Some(insert) = &statement.insert {
        let (workspace, name) = insert::target(insert, workspace);
        if !resolver::is_collection(collections, &workspace, &name)? {
            return Err(QueryError::UnknownCollection {
                name: format!("{workspace}.{name}"),
                position: insert.position,
            });
        }
        insert::fields(&statement, insert, bound.output)?;
    }
    Ok(Validation {
        collections: bound.collections,
        aliases: bound.aliases,
        views: bound.views,
        entities: bound.entities,
        parameters: bound.parameters,
    })
}

/// Whether a statement can be that of a view.
fn check_view(statement: &Statement) -> Result<(), QueryError> {
    let start = Some(Position { line: 1, column: 1 });
    if !statement.is_query() {
        return Err(QueryError::semantic("a view is a query", start));
    }
    if let Some(parameter) = statement.parameters.first() {
        let message = format!("a view takes no parameters, such as `:{parameter}`");
        return Err(QueryError::semantic(message, start));
    }
    Ok(())
}
