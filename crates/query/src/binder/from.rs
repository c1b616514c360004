//! What stands in FROM: collections, subqueries and CTEs.
//!
//! No two relations of a plan have a column of the same name: DataFusion's physical filter pushdown
//! finds columns by name alone, and would take the `_id` of one side of a join for the other's. The
//! first collection of a statement keeps the names it has, so most plans have nothing renamed.

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    Expr as Ast, GroupByExpr, Ident, ObjectName, Query, Select, SelectItem, SetExpr, Spanned,
    TableAlias, TableFactor,
};
use outcrop_document::Value;
use std::sync::Arc;

use super::input::INPUT;
use super::join::Part;
use super::names::Names;
use super::query::{Bound, Cte, Ctes, rename};
use super::scope::{Columns, Relation, Scope, Source};
use super::{Binder, Result, chains};
use crate::error::{Position, QueryError};
use crate::scan::{AccessPath, CollectionTable, Resolved, ResolvedTable, UnknownAccessPath};

/// Most relations of one statement. A CTE that reads an earlier one twice doubles the plan.
const RELATIONS_MAX: usize = 2_000;

/// A name in FROM.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) parts: &'a [String],
    pub(super) alias: Option<&'a TableAlias>,
    pub(super) place: Option<Position>,
}

impl Binder<'_> {
    /// Binds one item of FROM but UNNEST.
    pub(super) fn factor(
        &mut self,
        factor: &TableFactor,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let place = Position::of(factor.span());
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                sample,
                ..
            } => {
                let name = chains::name_parts(name);
                let part = self.named_table(&name, alias.as_ref(), place, ctes)?;
                self.sampled(part, sample.as_ref(), place, ctes)
            }
            TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => {
                Err(QueryError::UnknownFunction {
                    name: name.to_string(),
                    position: place,
                })
            }
            TableFactor::TableFunction { expr, alias } => {
                let parts = self.table_name(expr, ctes)?;
                self.named_table(&parts, alias.as_ref(), place, ctes)
            }
            TableFactor::Derived {
                subquery,
                alias,
                sample,
                ..
            } => {
                let part = self.derived(subquery, alias.as_ref(), outer, ctes)?;
                self.sampled(part, sample.as_ref(), place, ctes)
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => self.joined(None, table_with_joins, outer, ctes),
            _ => Err(QueryError::not_implemented("this form of FROM", place)),
        }
    }

    fn derived(
        &mut self,
        query: &Query,
        alias: Option<&TableAlias>,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let name = alias.map(|alias| alias.name.value.as_str());
        if alias.is_none_or(|alias| alias.columns.is_empty())
            && let Some(part) = self.filtered_collection(query, name, outer, ctes)?
        {
            return Ok(part);
        }
        let bound = self.query(query, outer, ctes)?;
        self.aliased(bound, alias, None)
    }

    /// `SELECT * FROM collection WHERE …` as the collection with fewer rows, so that the query
    /// around it reads the columns of its fields and not whole documents. `None` for other queries.
    pub(super) fn filtered_collection(
        &mut self,
        query: &Query,
        name: Option<&str>,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Option<Part>> {
        let Some((select, table, alias)) = star_of_collection(query) else {
            return Ok(None);
        };
        let parts = chains::name_parts(table);
        if matches!(parts.as_slice(), [only] if ctes.contains_key(only)) {
            return Ok(None);
        }
        let named = Named {
            parts: &parts,
            alias,
            place: Position::of(table.span()),
        };
        let mut part = self.collection_or_view(named)?;
        if let Some(condition) = &select.selection {
            let scope = part.scope(outer);
            part.plan = self.filtered(part.plan, condition, &scope, ctes)?;
        }
        for relation in &mut part.relations {
            relation.name = name.map(str::to_owned);
            relation.full_name = vec![];
        }
        Ok(Some(part))
    }

    /// A bound query as a relation.
    pub(super) fn aliased(
        &mut self,
        mut bound: Bound,
        alias: Option<&TableAlias>,
        name: Option<&str>,
    ) -> Result<Part> {
        self.count_relation(alias.and_then(|alias| Position::of(alias.name.span)))?;
        let name = alias
            .map(|alias| alias.name.value.as_str())
            .or(name)
            .map(str::to_owned);
        let qualifier = self.qualifiers.take(name.as_deref().unwrap_or("query"));
        if let Some(alias) = alias {
            let names: Vec<&Ident> = alias.columns.iter().map(|column| &column.name).collect();
            rename(&mut bound.columns, &names)?;
        }
        let mut exprs = Vec::with_capacity(bound.columns.len());
        for (place, column) in bound.columns.iter_mut().enumerate() {
            let plan_name = format!("{qualifier}.{}#{place}", column.name);
            let renamed = Expr::Column(Column::from_name(plan_name.clone()));
            exprs.push(std::mem::replace(&mut column.value.expr, renamed).alias(plan_name));
        }
        let plan = LogicalPlanBuilder::from(bound.plan)
            .project(exprs)?
            .build()?;
        let columns = bound.columns;
        let relation = Relation {
            name,
            full_name: vec![],
            source: Source::Columns(columns),
        };
        self.note_types(&plan);
        Ok(Part::of(plan, relation))
    }

    /// A CTE, else a collection or view.
    pub(super) fn named_table(
        &mut self,
        parts: &[String],
        alias: Option<&TableAlias>,
        place: Option<Position>,
        ctes: &Ctes,
    ) -> Result<Part> {
        if let [name] = parts
            && let Some(cte) = ctes.get(name)
        {
            return self.cte(cte, name, alias, place);
        }
        self.collection_or_view(Named {
            parts,
            alias,
            place,
        })
    }

    /// One more use of a CTE. It is planned anew, so it counts as often as it is used.
    fn cte(
        &mut self,
        cte: &Cte,
        name: &str,
        alias: Option<&TableAlias>,
        place: Option<Position>,
    ) -> Result<Part> {
        if let Some((query, ctes)) = &cte.star
            && alias.is_none_or(|alias| alias.columns.is_empty())
        {
            let shown = alias.map_or(name, |alias| &alias.name.value);
            if let Some(part) = self.filtered_collection(query, Some(shown), None, ctes)? {
                return Ok(part);
            }
        }
        self.count_relations(cte.relations, place)?;
        self.aliased(cte.bound.clone(), alias, Some(name))
    }

    /// The table, read as the hint at this place says, or as all are.
    fn by_access_path(
        &mut self,
        table: Arc<CollectionTable>,
        place: Option<Position>,
    ) -> Arc<CollectionTable> {
        let hints = self.text.access_paths.iter();
        let mut path = match self.is_looked_up {
            true => AccessPath::IndexFilter,
            false => self.context.access_path,
        };
        for (_, name) in hints.filter(|(at, _)| Some(*at) == place) {
            match name.parse() {
                Ok(hinted) => path = hinted,
                Err(UnknownAccessPath) => self.warnings.push(format!(
                    "the access path `{name}` is not known: the hint has no effect"
                )),
            }
        }
        match path {
            AccessPath::Cheapest => table,
            path => Arc::new(table.with_access_path(path)),
        }
    }

    /// What has this name, which the statement reads from now on.
    pub(super) fn resolved(&mut self, parts: &[String]) -> Result<Resolved> {
        let view = self.open_views.last();
        let resolved = match (&self.text.workspace, parts) {
            (Some(workspace), [name]) => {
                let parts = [workspace.clone(), name.clone()];
                self.resolver.resolve(&parts, view)
            }
            _ => self.resolver.resolve(parts, view),
        }?;
        let entity = match &resolved {
            Resolved::Collection(table) => {
                self.collections.insert(table.full_name.clone());
                self.aliases.extend(table.alias.clone());
                table.alias.as_ref().unwrap_or(&table.full_name)
            }
            Resolved::View(view) => &view.full_name,
        };
        if self.open_views.is_empty() {
            self.entities.insert(entity.clone());
        }
        Ok(resolved)
    }

    fn collection_or_view(&mut self, named: Named<'_>) -> Result<Part> {
        if named.parts == [INPUT] {
            self.count_relation(named.place)?;
            return self.input(named.alias, named.place);
        }
        let resolved = self.resolved(named.parts);
        match resolved.map_err(|error| error.or_position(named.place))? {
            Resolved::Collection(table) => self.collection(table, named),
            Resolved::View(view) => self.view(&view, named),
        }
    }

    /// A collection with all columns that the statement may need of it.
    fn collection(&mut self, resolved: ResolvedTable, named: Named<'_>) -> Result<Part> {
        let Named {
            parts,
            alias,
            place,
        } = named;
        self.count_relation(place)?;
        if let Some(column) = alias.and_then(|alias| alias.columns.first()) {
            let message = "a collection has no columns to name";
            return Err(QueryError::semantic(
                message,
                Position::of(column.name.span),
            ));
        }
        let table = self.by_access_path(resolved.table, place);
        let name = match alias {
            Some(alias) => Some(alias.name.value.clone()),
            None => parts.last().cloned(),
        };
        let qualifier = self
            .qualifiers
            .take(name.as_deref().unwrap_or("collection"));
        let provider: Arc<dyn TableProvider> = Arc::clone(&table) as _;
        let reference = TableReference::bare(qualifier.clone());
        let mut builder =
            LogicalPlanBuilder::scan(reference.clone(), provider_as_source(provider), None)?;
        let columns = if self.relation_count == 1 {
            Columns::Qualified(reference)
        } else {
            let prefix = format!("{qualifier}.");
            let all = builder.schema().columns().into_iter().map(|column| {
                let name = format!("{prefix}{}", column.name);
                Expr::Column(column).alias(name)
            });
            builder = builder.clone().project(all.collect::<Vec<_>>())?;
            Columns::Prefixed(prefix)
        };
        let plan = builder.build()?;
        let full_name = if alias.is_none() {
            parts.to_vec()
        } else {
            vec![]
        };
        let source = Source::Collection { table, columns };
        self.note_types(&plan);
        let relation = Relation {
            name,
            full_name,
            source,
        };
        Ok(Part::of(plan, relation))
    }

    /// `TABLE('c')`, `TABLE(['ws', 'c'])`: a name from constants.
    fn table_name(&mut self, expr: &Ast, ctes: &Ctes) -> Result<Vec<String>> {
        let scope = Scope::default();
        let bound = self.value(expr, &Names::fields(&scope, ctes, "TABLE(…)"))?;
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            _ => None,
        };
        let parts = match super::constant::evaluate(&bound) {
            Some(Value::String(name)) => Some(vec![name]),
            Some(Value::Array(parts)) => parts.into_iter().map(text).collect(),
            _ => None,
        };
        parts.filter(|parts| !parts.is_empty()).ok_or_else(|| {
            let message = "TABLE takes a constant name, or an array of its parts";
            QueryError::semantic(message, super::position(expr))
        })
    }

    /// Remembers the types of a relation's columns.
    pub(super) fn note_types(&mut self, plan: &LogicalPlan) {
        let schema = plan.schema();
        let types = schema
            .fields()
            .iter()
            .map(|field| field.data_type().clone());
        self.column_types
            .extend(schema.columns().into_iter().zip(types));
    }

    pub(super) fn count_relation(&mut self, place: Option<Position>) -> Result<()> {
        self.count_relations(1, place)
    }

    fn count_relations(&mut self, count: usize, place: Option<Position>) -> Result<()> {
        self.relation_count += count;
        if self.relation_count <= RELATIONS_MAX {
            return Ok(());
        }
        let message = format!("the statement reads more than {RELATIONS_MAX} relations");
        Err(QueryError::semantic(message, place))
    }
}

/// The parts of `SELECT * FROM collection [alias] [WHERE …]`; `None` if there is anything more.
pub(super) fn star_of_collection(
    query: &Query,
) -> Option<(&Select, &ObjectName, Option<&TableAlias>)> {
    let is_plain = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let is_grouped =
        !matches!(&select.group_by, GroupByExpr::Expressions(terms, _) if terms.is_empty());
    let has_more = select.distinct.is_some() || select.having.is_some() || is_grouped;
    let ([SelectItem::Wildcard(options)], [tables]) =
        (select.projection.as_slice(), select.from.as_slice())
    else {
        return None;
    };
    if !is_plain || has_more || options.opt_except.is_some() || !tables.joins.is_empty() {
        return None;
    }
    match &tables.relation {
        TableFactor::Table {
            name,
            alias,
            args: None,
            sample: None,
            ..
        } => Some((select, name, alias.as_ref())),
        _ => None,
    }
}
