//! Ingest transformations: `SELECT … FROM _input [, UNNEST(…)] [WHERE …] [GROUP BY …] [CLUSTER BY …]`.
//!
//! `_input` has one column, whole documents as dynamic values, so that names mean the same whatever
//! the documents hold. A second column, the row that a document is in, goes through the plan beside
//! it, out of reach of the text: it tells which document each row of the result came from.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    Distinct, Expr as Ast, Function, Query, Select, SetExpr, Spanned, TableAlias, TableFactor,
    Visit, Visitor,
};
use outcrop_document::{FieldPath, Timestamp};

use super::from::star_of_collection;
use super::join::Part;
use super::names::Names;
use super::query::Ctes;
use super::rollup::{self, BoundRollup};
use super::scope::{Relation, ScopeColumn, Source};
use super::select::{UniqueNames, reject_foreign_clauses};
use super::unnest::as_unnest;
use super::{BindContext, Binder, OutputColumn, OutputKind, Result, chains, decorrelate};
use crate::dialect::Statement;
use crate::error::{Position, QueryError};
use crate::functions;
use crate::operators::Typed;
use crate::scan::{AccessPath, PathUse, Resolved, ResolvedView, Resolver};
use crate::types::DYNAMIC;

/// The name of the documents that come in.
pub(super) const INPUT: &str = "_input";

/// The column of `_input` that holds documents.
pub(crate) const INPUT_DOCUMENT: &str = "_doc";

/// The column of `_input` that counts them. No text can name it: relations do not offer it.
pub(crate) const INPUT_ROW: &str = "input row";

/// A bound transformation.
#[derive(Clone, Debug)]
pub(crate) struct BoundTransformation {
    /// Its columns are those of `output`, in order, then the row of `_input`. Those of a rollup are
    /// told by [`BoundRollup`].
    pub(crate) plan: LogicalPlan,
    /// How each column, or each item of a rollup, becomes a part of a document.
    pub(crate) output: Vec<OutputColumn>,
    /// Whether it is `SELECT * FROM _input`.
    pub(crate) is_identity: bool,
    /// Whether it has an UNNEST.
    pub(crate) unnests: bool,
    /// The fields of CLUSTER BY.
    pub(crate) clustering_key: Vec<FieldPath>,
    /// Whether it uses the current time, which is a constant in the plan.
    pub(crate) depends_on_time: bool,
    /// How the rows of the plan are put together, if it is a rollup.
    pub(crate) rollup: Option<BoundRollup>,
}

/// Binds an ingest transformation that reads `input`.
///
/// # Errors
/// [`QueryError::Semantic`] for what a transformation cannot have.
pub(crate) fn bind_transformation(
    statement: &Statement,
    input: Arc<dyn TableProvider>,
    now: Timestamp,
) -> Result<BoundTransformation> {
    check_statement(statement)?;
    let query = statement.query.as_ref();
    let select = select_of(query)?;
    let context = BindContext {
        parameters: &[],
        default_workspace: "",
        query_time: now,
        default_row_limit: None,
        access_path: AccessPath::Cheapest,
        cancellation: None,
    };
    let mut binder = Binder::new(statement, &NoCollections, &context)?;
    binder.input = Some(input);
    let (plan, output, rollup) = match rollup::is_rollup(&select) {
        true => {
            let (plan, output, rollup) = binder.rollup(&select)?;
            (plan, output, Some(rollup))
        }
        false => {
            let (plan, output) = binder.transformation(&select)?;
            (plan, output, None)
        }
    };
    let plan = decorrelate::decorrelated(&mut binder.qualifiers, plan)?;
    let is_star = star_of_collection(query).is_some();
    Ok(BoundTransformation {
        plan,
        output,
        is_identity: is_star && select.selection.is_none(),
        unnests: select.from.len() > 1 || select.from.iter().any(|from| !from.joins.is_empty()),
        clustering_key: clustering_key(query)?,
        depends_on_time: depends_on_time(query),
        rollup,
    })
}

impl Binder<'_> {
    fn transformation(&mut self, select: &Select) -> Result<(LogicalPlan, Vec<OutputColumn>)> {
        let ctes = Ctes::new();
        let (mut plan, scope) = self.from(&select.from, None, &ctes)?;
        if let Some(condition) = &select.selection {
            plan = self.filtered(plan, condition, &scope, &ctes)?;
        }
        let names = Names {
            wanted: PathUse::Dynamic,
            ..Names::fields(&scope, &ctes, "the select list of an ingest transformation")
        };
        let items = self.projection(&select.projection, &names)?;
        let mut unique = UniqueNames::default();
        unique.take(INPUT_ROW);
        let mut exprs = Vec::with_capacity(items.len() + 1);
        let mut output = Vec::with_capacity(items.len());
        for item in items {
            exprs.push(item.value.expr.alias(unique.take(&item.name)));
            output.push(OutputColumn {
                name: item.name,
                kind: item.kind,
            });
        }
        exprs.push(row_column().alias(INPUT_ROW));
        let plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
        Ok((plan, output))
    }

    /// `_input` in FROM.
    pub(super) fn input(
        &mut self,
        alias: Option<&TableAlias>,
        place: Option<Position>,
    ) -> Result<Part> {
        let Some(input) = &self.input else {
            let message = "`_input` exists in ingest transformations only";
            return Err(QueryError::semantic(message, place));
        };
        let source = provider_as_source(Arc::clone(input));
        let plan = LogicalPlanBuilder::scan(TableReference::bare(INPUT), source, None)?.build()?;
        if let Some(column) = alias.and_then(|alias| alias.columns.first()) {
            let message = "`_input` has no columns to name";
            return Err(QueryError::semantic(
                message,
                Position::of(column.name.span),
            ));
        }
        let column = Column::new(Some(TableReference::bare(INPUT)), INPUT_DOCUMENT);
        let documents = ScopeColumn {
            name: String::new(),
            kind: OutputKind::Star,
            value: Typed::new(Expr::Column(column), DYNAMIC),
        };
        let name = alias.map_or(INPUT, |alias| &alias.name.value);
        let relation = Relation {
            name: Some(name.to_owned()),
            full_name: vec![],
            source: Source::Columns(vec![documents]),
        };
        self.note_types(&plan);
        Ok(Part::of(plan, relation))
    }
}

/// The row of `_input` that a row of the plan came from.
pub(super) fn row_column() -> Expr {
    Expr::Column(Column::new(Some(TableReference::bare(INPUT)), INPUT_ROW))
}

/// Refuses what stands around a query elsewhere.
fn check_statement(statement: &Statement) -> Result<()> {
    let what = if statement.explain.is_some() {
        "an EXPLAIN"
    } else if statement.describe.is_some() {
        "a DESCRIBE"
    } else if !statement.parameters.is_empty() {
        "a query with parameters"
    } else if statement.insert.is_some() {
        "an INSERT"
    } else if let Some(script) = &statement.script {
        // Nothing could stop a function that sleeps while documents wait.
        let what = "a `script {{{ … }}}` in an ingest transformation";
        return Err(QueryError::not_implemented(what, Some(script.position)));
    } else {
        return Ok(());
    };
    let message = format!("an ingest transformation is a SELECT, not {what}");
    Err(QueryError::semantic(message, None))
}

/// The SELECT of a transformation, without its CLUSTER BY.
fn select_of(query: &Query) -> Result<Select> {
    let around = [
        (query.with.is_some(), "WITH"),
        (query.order_by.is_some(), "ORDER BY"),
        (query.limit_clause.is_some(), "LIMIT or OFFSET"),
    ];
    if let Some((_, clause)) = around.iter().find(|(present, _)| *present) {
        return Err(refused(clause, Position::of(query.span())));
    }
    let SetExpr::Select(select) = query.body.as_ref() else {
        let message = "an ingest transformation is one SELECT";
        return Err(QueryError::semantic(message, Position::of(query.span())));
    };
    let mut select = select.as_ref().clone();
    select.cluster_by = vec![];
    reject_foreign_clauses(&select)?;
    let place = Position::of(select.span());
    if matches!(&select.distinct, Some(Distinct::Distinct | Distinct::On(_))) {
        return Err(refused("DISTINCT", place));
    }
    if let ControlFlow::Break(place) = query.visit(&mut Subqueries { depth: 0 }) {
        return Err(refused("subqueries", place));
    }
    check_from(&select)?;
    Ok(select)
}

/// Lets `_input` pass, followed by UNNESTs of its arrays.
fn check_from(select: &Select) -> Result<()> {
    let mut factors = select.from.iter().flat_map(|tables| {
        let joined = tables.joins.iter().map(|join| &join.relation);
        std::iter::once(&tables.relation).chain(joined)
    });
    let first = factors.next();
    let is_input = first.is_some_and(|factor| {
        matches!(factor, TableFactor::Table { name, args: None, sample: None, .. }
            if chains::name_parts(name) == [INPUT])
    });
    if !is_input {
        let place = first.map_or_else(|| select.span(), Spanned::span);
        let message = "an ingest transformation reads `FROM _input`";
        return Err(QueryError::semantic(message, Position::of(place)));
    }
    match factors.find(|factor| as_unnest(factor).is_none()) {
        None => Ok(()),
        Some(other) => {
            let message = "beside `_input` there can only be UNNEST of its arrays";
            Err(QueryError::semantic(message, Position::of(other.span())))
        }
    }
}

fn refused(what: &str, place: Option<Position>) -> QueryError {
    QueryError::semantic(format!("an ingest transformation has no {what}"), place)
}

/// The fields of CLUSTER BY: paths of the documents that the transformation gives.
fn clustering_key(query: &Query) -> Result<Vec<FieldPath>> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Ok(vec![]);
    };
    let field = |expr: &Ast| {
        let steps = match expr {
            Ast::Identifier(name) => vec![name.value.clone()],
            Ast::CompoundIdentifier(parts) => parts.iter().map(|part| part.value.clone()).collect(),
            _ => {
                let message = "CLUSTER BY takes the names of fields";
                return Err(QueryError::semantic(message, super::position(expr)));
            }
        };
        let skipped = usize::from(steps.len() > 1 && steps[0] == INPUT);
        Ok(FieldPath::from_steps(steps.into_iter().skip(skipped)))
    };
    select.cluster_by.iter().map(field).collect()
}

/// Finds a query inside the query.
struct Subqueries {
    depth: usize,
}

impl Visitor for Subqueries {
    type Break = Option<Position>;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        match self.depth {
            1 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(Position::of(query.span())),
        }
    }
}

fn depends_on_time(query: &Query) -> bool {
    struct CurrentTime;
    impl Visitor for CurrentTime {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
            match expr {
                Ast::Function(Function { name, .. })
                    if functions::is_current_time(&name.to_string()) =>
                {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    query.visit(&mut CurrentTime).is_break()
}

/// A transformation reads no collections.
struct NoCollections;

impl Resolver for NoCollections {
    fn resolve(&self, parts: &[String], _view: Option<&ResolvedView>) -> Result<Resolved> {
        Err(QueryError::UnknownCollection {
            name: parts.join("."),
            position: None,
        })
    }

    fn add_chains(&self, _chains: BTreeSet<Vec<String>>) {}
}
