//! FROM: collections, subqueries, CTEs, VALUES and the joins between them.
//!
//! No two relations of a plan have a column of the same name: DataFusion's physical filter pushdown
//! finds columns by name alone, and would take the `_id` of one side of a join for the other's. The
//! first collection of a statement keeps the names it has, so most plans have nothing renamed.

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, JoinType, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as Ast, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query,
    Spanned, TableAlias, TableFactor, TableWithJoins, Values,
};
use outcrop_document::Value;
use std::sync::Arc;

use super::names::Names;
use super::query::{Bound, Ctes, rename};
use super::scope::{Columns, Relation, Scope, ScopeColumn, Source};
use super::{Binder, OutputKind, Result, chains};
use crate::error::{Position, QueryError};
use crate::operators::{self, Typed};
use crate::scan::PathUse;

/// Most relations of one statement. A CTE that reads an earlier one twice doubles the plan.
const RELATIONS_MAX: usize = 2_000;

/// A part of FROM: a plan and the relations in it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) plan: LogicalPlan,
    pub(super) relations: Vec<Relation>,
    /// Columns that `USING` made one.
    pub(super) merged: Vec<(String, Typed)>,
}

impl Part {
    /// A part with one relation.
    fn of(plan: LogicalPlan, relation: Relation) -> Self {
        Self {
            plan,
            relations: vec![relation],
            merged: vec![],
        }
    }

    /// One row without columns.
    pub(super) fn unit() -> Result<Self> {
        let plan = LogicalPlanBuilder::empty(true).build()?;
        Ok(Self {
            plan,
            relations: vec![],
            merged: vec![],
        })
    }

    /// The names that an expression over this part may use.
    pub(super) fn scope<'p>(&self, outer: Option<&'p Scope<'p>>) -> Scope<'p> {
        Scope {
            relations: self.relations.clone(),
            merged: self.merged.clone(),
            parent: outer,
        }
    }
}

impl Binder<'_> {
    /// Binds FROM: one row without columns if there is none.
    pub(super) fn from<'p>(
        &mut self,
        from: &[TableWithJoins],
        outer: Option<&'p Scope<'p>>,
        ctes: &Ctes,
    ) -> Result<(LogicalPlan, Scope<'p>)> {
        let mut all: Option<Part> = None;
        for tables in from {
            all = Some(self.joined(all, tables, outer, ctes)?);
        }
        let part = match all {
            Some(part) => part,
            None => Part::unit()?,
        };
        let scope = part.scope(outer);
        Ok((part.plan, scope))
    }

    /// One item between commas with its joins, joined to what stands left of the comma.
    fn joined(
        &mut self,
        left: Option<Part>,
        tables: &TableWithJoins,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let mut part = match (left, as_unnest(&tables.relation)) {
            (left, Some(unnest)) => self.unnest(left, &unnest, false, outer, ctes)?,
            (None, None) => self.factor(&tables.relation, outer, ctes)?,
            (Some(left), None) => {
                let right = self.factor(&tables.relation, outer, ctes)?;
                cross(left, right)?
            }
        };
        for join in &tables.joins {
            part = self.join(part, join, outer, ctes)?;
        }
        Ok(part)
    }

    fn join(
        &mut self,
        left: Part,
        join: &Join,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let place = Position::of(join.relation.span());
        let join_type = join_type(&join.join_operator)
            .ok_or_else(|| QueryError::not_implemented("this kind of join", place))?;
        let constraint = chains::constraint(&join.join_operator);
        if let Some(unnest) = as_unnest(&join.relation) {
            let keeps_left = join_type == JoinType::Left;
            let is_free = match constraint {
                None | Some(JoinConstraint::None) => true,
                Some(JoinConstraint::On(condition)) => is_true(condition),
                Some(_) => false,
            };
            if !is_free || !matches!(join_type, JoinType::Inner | JoinType::Left) {
                let what = "a join with UNNEST that has a condition other than TRUE";
                return Err(QueryError::not_implemented(what, place));
            }
            return self.unnest(Some(left), &unnest, keeps_left, outer, ctes);
        }
        let right = self.factor(&join.relation, outer, ctes)?;
        match constraint {
            None | Some(JoinConstraint::None) if join_type == JoinType::Inner => cross(left, right),
            None | Some(JoinConstraint::None) => Err(QueryError::semantic(
                "an outer join needs ON or USING",
                place,
            )),
            Some(JoinConstraint::On(condition)) => {
                let mut both = Part {
                    plan: left.plan.clone(),
                    ..left
                };
                both.relations.extend(right.relations);
                both.merged.extend(right.merged);
                let scope = both.scope(outer);
                let names = Names::fields(&scope, ctes, "ON");
                let condition = self.condition(condition, &names)?;
                let plan = LogicalPlanBuilder::from(both.plan)
                    .join_on(right.plan, join_type, [condition])?
                    .build()?;
                Ok(Part { plan, ..both })
            }
            Some(JoinConstraint::Using(names)) => join_using(left, right, join_type, names, place),
            Some(JoinConstraint::Natural) => {
                let message = "NATURAL joins need a schema: name the fields with USING";
                Err(QueryError::semantic(message, place))
            }
        }
    }

    fn factor(
        &mut self,
        factor: &TableFactor,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let place = Position::of(factor.span());
        match factor {
            TableFactor::Table {
                sample: Some(_), ..
            } => Err(QueryError::not_implemented("`TABLESAMPLE`", place)),
            TableFactor::Table {
                name,
                alias,
                args: None,
                ..
            } => self.named_table(&chains::name_parts(name), alias.as_ref(), place, ctes),
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
            TableFactor::Derived { lateral: true, .. } => Err(QueryError::not_implemented(
                "`LATERAL` before a query",
                place,
            )),
            TableFactor::Derived {
                subquery,
                alias,
                sample: None,
                ..
            } => self.derived(subquery, alias.as_ref(), outer, ctes),
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
        let bound = self.query(query, outer, ctes)?;
        self.aliased(bound, alias, None)
    }

    /// A bound query as a relation.
    fn aliased(
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

    /// A CTE, else a collection.
    pub(super) fn named_table(
        &mut self,
        parts: &[String],
        alias: Option<&TableAlias>,
        place: Option<Position>,
        ctes: &Ctes,
    ) -> Result<Part> {
        if let [name] = parts
            && let Some(bound) = ctes.get(name)
        {
            return self.aliased(Bound::clone(bound), alias, Some(name));
        }
        if parts == ["_input"] {
            let message = "`_input` exists in ingest transformations only";
            return Err(QueryError::semantic(message, place));
        }
        self.count_relation(place)?;
        if let Some(column) = alias.and_then(|alias| alias.columns.first()) {
            let message = "a collection has no columns to name";
            return Err(QueryError::semantic(
                message,
                Position::of(column.name.span),
            ));
        }
        let resolved = match (&self.workspace, parts) {
            (Some(workspace), [name]) => self.resolver.resolve(&[workspace.clone(), name.clone()]),
            _ => self.resolver.resolve(parts),
        }
        .map_err(|error| error.or_position(place))?;
        self.collections.insert(resolved.full_name);
        let name = match alias {
            Some(alias) => Some(alias.name.value.clone()),
            None => parts.last().cloned(),
        };
        let qualifier = self
            .qualifiers
            .take(name.as_deref().unwrap_or("collection"));
        let provider: Arc<dyn TableProvider> = Arc::clone(&resolved.table) as _;
        let table = TableReference::bare(qualifier.clone());
        let mut builder =
            LogicalPlanBuilder::scan(table.clone(), provider_as_source(provider), None)?;
        let columns = if self.relation_count == 1 {
            Columns::Qualified(table)
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
        let source = Source::Collection {
            table: resolved.table,
            columns,
        };
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

    /// Rows of VALUES.
    pub(super) fn values_rows(
        &mut self,
        values: &Values,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Bound> {
        let scope = Scope {
            parent: outer,
            ..Scope::default()
        };
        let names = Names::fields(&scope, ctes, "VALUES");
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            rows.push(self.values(&row.content, &names)?);
        }
        let width = rows.first().map_or(0, Vec::len);
        if let Some(row) = values.rows.iter().find(|row| row.content.len() != width) {
            let place = row.content.first().and_then(super::position);
            return Err(QueryError::semantic(
                "rows of VALUES differ in length",
                place,
            ));
        }
        let mut columns = Vec::with_capacity(width);
        let mut unified: Vec<Vec<_>> = vec![Vec::with_capacity(width); rows.len()];
        for place in 0..width {
            let cells = rows.iter().map(|row| row[place].clone()).collect();
            let cells =
                operators::unify(cells).map_err(|error| super::operator_error(error, None))?;
            let name = format!("column{}", place + 1);
            let column = Column::from_name(name.clone());
            let data_type = cells[0].data_type.clone();
            let value = Typed::new(Expr::Column(column), data_type);
            columns.push(ScopeColumn {
                name,
                kind: OutputKind::Value,
                value,
            });
            for (row, cell) in unified.iter_mut().zip(cells) {
                row.push(cell.expr);
            }
        }
        let plan = LogicalPlanBuilder::values(unified)?.build()?;
        Ok(Bound { plan, columns })
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
        self.relation_count += 1;
        if self.relation_count <= RELATIONS_MAX {
            return Ok(());
        }
        let message = format!("the statement reads more than {RELATIONS_MAX} relations");
        Err(QueryError::semantic(message, place))
    }
}

/// An UNNEST in FROM.
pub(super) struct Unnest<'a> {
    pub(super) arguments: &'a [datafusion::sql::sqlparser::ast::FunctionArg],
    pub(super) alias: Option<&'a TableAlias>,
    pub(super) with_ordinality: bool,
    pub(super) name: &'a ObjectName,
}

pub(super) fn as_unnest(factor: &TableFactor) -> Option<Unnest<'_>> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args: Some(args),
            with_ordinality,
            ..
        } if name.to_string().eq_ignore_ascii_case("unnest") => Some(Unnest {
            arguments: &args.args,
            alias: alias.as_ref(),
            with_ordinality: *with_ordinality,
            name,
        }),
        TableFactor::Function {
            name,
            alias,
            args,
            with_ordinality,
            ..
        } if name.to_string().eq_ignore_ascii_case("unnest") => Some(Unnest {
            arguments: args,
            alias: alias.as_ref(),
            with_ordinality: *with_ordinality,
            name,
        }),
        _ => None,
    }
}

fn join_type(operator: &JoinOperator) -> Option<JoinType> {
    Some(match operator {
        JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) => {
            JoinType::Inner
        }
        JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => JoinType::Left,
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => JoinType::Right,
        JoinOperator::FullOuter(_) => JoinType::Full,
        _ => return None,
    })
}

fn cross(left: Part, right: Part) -> Result<Part> {
    let plan = LogicalPlanBuilder::from(left.plan)
        .cross_join(right.plan)?
        .build()?;
    let mut relations = left.relations;
    relations.extend(right.relations);
    let mut merged = left.merged;
    merged.extend(right.merged);
    Ok(Part {
        plan,
        relations,
        merged,
    })
}

fn join_using(
    left: Part,
    right: Part,
    join_type: JoinType,
    names: &[ObjectName],
    place: Option<Position>,
) -> Result<Part> {
    let wrap = |error| super::operator_error(error, place);
    let mut condition: Option<Typed> = None;
    let mut merged = left.merged.clone();
    merged.extend(right.merged.iter().cloned());
    for name in names {
        let steps = chains::name_parts(name);
        let left_value = left
            .scope(None)
            .resolve(&steps, PathUse::Number, &[], place)?;
        let right_value = right
            .scope(None)
            .resolve(&steps, PathUse::Number, &[], place)?;
        let equal = operators::binary(&BinaryOperator::Eq, left_value.clone(), right_value.clone())
            .map_err(wrap)?;
        condition = Some(match condition {
            None => equal,
            Some(before) => operators::binary(&BinaryOperator::And, before, equal).map_err(wrap)?,
        });
        let value = match join_type {
            JoinType::Right => right_value,
            JoinType::Full => {
                crate::functions::call("COALESCE", vec![left_value, right_value]).map_err(wrap)?
            }
            _ => left_value,
        };
        merged.push((steps.last().cloned().unwrap_or_default(), value));
    }
    let Some(condition) = condition else {
        return Err(QueryError::semantic("USING needs a field", place));
    };
    let condition = operators::to_condition(condition).map_err(wrap)?;
    let plan = LogicalPlanBuilder::from(left.plan)
        .join_on(right.plan, join_type, [condition])?
        .build()?;
    let mut relations = left.relations;
    relations.extend(right.relations);
    Ok(Part {
        plan,
        relations,
        merged,
    })
}

fn is_true(condition: &Ast) -> bool {
    use datafusion::sql::sqlparser::ast::Value as AstValue;
    matches!(condition, Ast::Value(value) if value.value == AstValue::Boolean(true))
}
