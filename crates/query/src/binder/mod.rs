//! From the syntax tree to a DataFusion logical plan: names, types and clauses.
//!
//! A query is bound clause by clause, inside out: [`from`] gives rows and the names of their fields
//! ([`scope`]), [`select`] filters, groups ([`aggregate`]), projects ([`projection`]) and orders them,
//! [`query`] adds WITH, LIMIT and set operations ([`set_operation`]). Expressions are typed bottom-up
//! ([`expression`], [`call`], [`subquery`]) by [`crate::operators`] and [`crate::functions`], which
//! know the rules of the dialect; nothing is left for DataFusion to coerce.
//!
//! Every relation has a qualifier of its own in the plan, whatever the statement calls it, so no two
//! columns of a plan can be mistaken for each other.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{Expr as Ast, LimitClause, Query, SetExpr, Spanned};
use indexmap::IndexSet;
use outcrop_document::Timestamp;

use crate::error::{Position, QueryError};
use crate::operators::OperatorError;
use crate::parameters::Parameter;
use crate::scan::{AccessPath, Cancellation, ResolvedView, Resolver};
use crate::script::Program;

pub use crate::dialect::{Explain, Statement};

mod aggregate;
mod call;
mod chains;
mod constant;
mod decorrelate;
mod dependent;
mod describe;
mod elements;
mod expression;
mod frame;
mod from;
mod input;
mod join;
mod lateral;
mod literal;
mod membership;
mod names;
mod naming;
mod per_row;
mod projection;
mod quantified;
mod query;
mod rollup;
mod sample;
mod scope;
mod search;
mod select;
mod set_operation;
mod subquery;
mod sum;
mod unnest;
mod values;
mod view;

pub use chains::chains;
pub(crate) use input::{BoundTransformation, INPUT_DOCUMENT, INPUT_ROW, bind_transformation};
pub(crate) use rollup::{BoundRollup, aggregate_column};

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
    /// How collections are read that have no `HINT(access_path=…)`.
    pub access_path: AccessPath,
    /// Stops the functions of a script.
    pub(crate) cancellation: Option<&'a Arc<Cancellation>>,
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
    /// Full names of the aliases that it goes through, each once.
    pub aliases: Vec<String>,
    /// Full names of the views that it goes through, each once.
    pub views: Vec<String>,
    /// Full names of what its own text names: collections, aliases and views.
    pub entities: Vec<String>,
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

/// What every function of the binder returns.
type Result<T, E = QueryError> = std::result::Result<T, E>;

/// Binds a statement.
///
/// # Errors
/// [`QueryError::Semantic`] and its relatives, with the place in the text where there is one.
pub fn bind(
    statement: &Statement,
    resolver: &dyn Resolver,
    context: &BindContext<'_>,
) -> Result<BoundQuery> {
    let mut binder = Binder::new(statement, resolver, context)?;
    binder.tells_undefined = statement.insert.is_some();
    let bound = match &statement.describe {
        Some(describe) => binder.describe(&statement.query, describe)?,
        None => binder.query(&statement.query, None, &query::Ctes::new())?,
    };
    let mut plan = decorrelate::decorrelated(&mut binder.qualifiers, bound.plan)?;
    if let Some(rows) = context.default_row_limit
        && statement.insert.is_none()
        && !has_limit(&statement.query)
    {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        plan = LogicalPlanBuilder::from(plan)
            .limit(0, Some(rows))?
            .build()?;
    }
    let mut warnings = binder.warnings;
    warnings.extend(duplicates(&bound.columns));
    let output = bound
        .columns
        .into_iter()
        .map(|column| OutputColumn {
            name: column.name,
            kind: column.kind,
        })
        .collect();
    Ok(BoundQuery {
        plan,
        output,
        collections: binder.collections.into_iter().collect(),
        aliases: binder.aliases.into_iter().collect(),
        views: binder.views.into_iter().collect(),
        entities: binder.entities.into_iter().collect(),
        parameters: statement.parameters.clone(),
        explain: statement.explain,
        warnings,
    })
}

/// Whether the outermost query limits its rows itself, perhaps in brackets.
fn has_limit(query: &Query) -> bool {
    match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit: None, .. }) | None => {
            matches!(query.body.as_ref(), SetExpr::Query(inner) if has_limit(inner))
        }
        Some(_) => true,
    }
}

/// A remark for each name that more than one column has: a row is an object and keeps the last.
fn duplicates(columns: &[scope::ScopeColumn]) -> Vec<String> {
    let mut seen = IndexSet::new();
    let mut twice = IndexSet::new();
    for column in columns
        .iter()
        .filter(|column| column.kind == OutputKind::Value)
    {
        if !seen.insert(&column.name) {
            twice.insert(&column.name);
        }
    }
    let remark = |name: &String| format!("several columns are named `{name}`: the last is kept");
    twice.into_iter().map(remark).collect()
}

fn workspace_of(statement: &Statement, context: &BindContext<'_>) -> Option<String> {
    let given = statement.default_workspace.clone();
    given.or_else(|| Some(context.default_workspace.to_owned()).filter(|name| !name.is_empty()))
}

/// The script in front of a statement, checked.
fn program(statement: &Statement, context: &BindContext<'_>) -> Result<Option<Arc<Program>>> {
    let Some(script) = &statement.script else {
        return Ok(None);
    };
    let program = Program::new(script.clone(), context.cancellation.map(Arc::clone))?;
    Ok(Some(Arc::new(program)))
}

/// What belongs to the text that is being bound: the statement's, or a view's.
struct Text {
    /// The workspace of collections named without one.
    workspace: Option<String>,
    /// The hints: where the name of a collection starts, the path.
    access_paths: Vec<(Position, String)>,
    /// The functions `_script.…`.
    script: Option<Arc<Program>>,
}

/// The state of binding one statement.
struct Binder<'a> {
    resolver: &'a dyn Resolver,
    context: &'a BindContext<'a>,
    text: Text,
    /// Full names of the collections read so far.
    collections: IndexSet<String>,
    /// Full names of the aliases met so far.
    aliases: IndexSet<String>,
    /// Full names of the views met so far.
    views: IndexSet<String>,
    /// Full names that the statement's own text names.
    entities: IndexSet<String>,
    /// The views that the relation being bound is inside of, outermost first.
    open_views: Vec<ResolvedView>,
    /// Qualifiers of relations in the plan.
    qualifiers: select::UniqueNames,
    /// Types of the columns of all relations bound so far.
    column_types: HashMap<Column, DataType>,
    relation_count: usize,
    /// Calls of aggregates in the SELECT that is being bound.
    aggregate_calls: usize,
    lookup_joins: bool,
    /// Whether the collection that is being bound is the right side of a lookup join.
    is_looked_up: bool,
    /// What `_input` is, in an ingest transformation.
    input: Option<Arc<dyn TableProvider>>,
    /// Whether aggregates are those of a rollup.
    is_rollup: bool,
    /// Whether the next SELECT gives documents to store, of which undefined fields are no part while
    /// nulls are. Taken by the outermost one.
    tells_undefined: bool,
    warnings: Vec<String>,
}

impl<'a> Binder<'a> {
    fn new(
        statement: &Statement,
        resolver: &'a dyn Resolver,
        context: &'a BindContext<'a>,
    ) -> Result<Self> {
        Ok(Self {
            resolver,
            context,
            text: Text {
                workspace: workspace_of(statement, context),
                access_paths: statement.access_paths.clone(),
                script: program(statement, context)?,
            },
            collections: IndexSet::new(),
            aliases: IndexSet::new(),
            views: IndexSet::new(),
            entities: IndexSet::new(),
            open_views: Vec::new(),
            qualifiers: select::UniqueNames::default(),
            column_types: HashMap::new(),
            relation_count: 0,
            aggregate_calls: 0,
            lookup_joins: statement.lookup_joins,
            is_looked_up: false,
            input: None,
            is_rollup: false,
            tells_undefined: false,
            warnings: statement.warnings.clone(),
        })
    }
}

/// The place of an expression in the text.
fn position(expr: &Ast) -> Option<Position> {
    Position::of(expr.span())
}

/// Turns a complaint of an operator into an error at `expr`.
fn at(expr: &Ast) -> impl Fn(OperatorError) -> QueryError + '_ {
    move |error| operator_error(error, position(expr))
}

fn operator_error(error: OperatorError, position: Option<Position>) -> QueryError {
    match error {
        OperatorError::UnknownFunction { name } => QueryError::UnknownFunction { name, position },
        OperatorError::NotSupported { what } => QueryError::NotImplemented { what, position },
        other => QueryError::semantic(other.to_string(), position),
    }
}
