//! `DESCRIBE` and `SHOW COLUMNS`: the types of a collection's fields, from the counts that it keeps.
//!
//! Only arrays are looked into, if there are any; nothing else is read, so the counts are those of the
//! type counts: a value of a document that has been replaced or deleted counts until compaction drops
//! it.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::sql::sqlparser::ast::{BinaryOperator, Query, Spanned};
use outcrop_document::{FieldPath, Value, ValueType};
use outcrop_storage::{PathTypes, Snapshot};

use super::elements::{self, ListOf};
use super::from::star_of_collection;
use super::query::Bound;
use super::scope::ScopeColumn;
use super::{Binder, OutputKind, Result, chains};
use crate::dialect::Describe;
use crate::error::{Position, QueryError};
use crate::functions::aggregate;
use crate::operators::{self, SortKey, Typed};
use crate::scan::{CollectionTable, Resolved};
use crate::types::{DYNAMIC, SqlType};

/// Names of the columns, in order.
const COLUMNS: [&str; 4] = ["field", "type", "occurrences", "total"];

impl Binder<'_> {
    /// Binds a `DESCRIBE`, of which `query` is `SELECT *` of the collection.
    pub(super) fn describe(&mut self, query: &Query, describe: &Describe) -> Result<Bound> {
        let place = Position::of(query.span());
        let name = match star_of_collection(query) {
            Some((select, name, None)) if select.selection.is_none() => name,
            _ => return Err(QueryError::semantic("DESCRIBE takes a collection", place)),
        };
        let parts = chains::name_parts(name);
        let place = Position::of(name.span());
        let resolved = self
            .resolved(&parts)
            .map_err(|error| error.or_position(place))?;
        let table = match resolved {
            Resolved::Collection(resolved) => resolved.table,
            Resolved::View(view) => {
                let message = format!(
                    "DESCRIBE takes a collection: `{}` is a view",
                    view.full_name
                );
                return Err(QueryError::semantic(message, place));
            }
        };
        let rows = rows(table.snapshot(), describe.depth_max);
        let builder = match rows.is_empty() {
            false => LogicalPlanBuilder::values(rows)?,
            true => {
                let row = row(
                    &FieldPath::from_steps(Vec::<String>::new()),
                    ValueType::Null,
                    0,
                    0,
                );
                LogicalPlanBuilder::values(vec![row])?.filter(lit(false))?
            }
        };
        let mut builder = builder;
        let snapshot = table.snapshot();
        let mut types = snapshot.types().iter();
        if types.any(|(_, counts)| counts.get(ValueType::Array) > 0) {
            let inside = inside_arrays(&table, describe.depth_max)?;
            let columns = builder.schema().columns();
            let [field, .., rank] = columns.as_slice() else {
                return Err(QueryError::Internal {
                    message: "a description has columns".to_owned(),
                });
            };
            let key = |column: &Column, data_type: DataType| SortKey {
                operand: Typed::new(Expr::Column(column.clone()), data_type),
                ascending: true,
                nulls_first: false,
            };
            let keys = [key(field, DYNAMIC), key(rank, DataType::Int64)];
            builder = builder
                .union(inside)?
                .sort(keys.into_iter().map(SortKey::lower))?;
        }
        let shown = builder.schema().columns().into_iter().take(COLUMNS.len());
        let plan = builder
            .project(shown.map(Expr::Column).collect::<Vec<_>>())?
            .build()?;
        let fields = plan.schema().fields().iter();
        let columns = fields.zip(COLUMNS).map(|(field, name)| ScopeColumn {
            name: name.to_owned(),
            kind: OutputKind::Value,
            value: Typed::new(
                Expr::Column(Column::from_name(field.name())),
                field.data_type().clone(),
            ),
        });
        let columns = columns.collect();
        Ok(Bound { plan, columns })
    }
}

/// The rows of what is inside of arrays, by reading the documents.
fn inside_arrays(table: &Arc<CollectionTable>, depth_max: Option<usize>) -> Result<LogicalPlan> {
    let wrap = |error| super::operator_error(error, None);
    let provider: Arc<dyn TableProvider> = Arc::clone(table) as _;
    let source = provider_as_source(provider);
    let document = Column::new(Some("described"), table.document_column());
    let document = Typed::new(Expr::Column(document), DYNAMIC);
    let described = aggregate::describe(document).map_err(wrap)?;
    let name = described.expr.qualified_name().1;
    let all = elements::list(ListOf::Elements, Expr::Column(Column::from_name(name)));
    let element = || Typed::new(Expr::Column(Column::from_name("element")), DYNAMIC);
    let part = |place: i64, sql_type: SqlType| {
        let part = operators::subscript(element(), operators::literal(&Value::Int(place)))?;
        match sql_type {
            SqlType::Dynamic => Ok(part),
            _ => operators::expect(part, sql_type, "a part of a description"),
        }
    };
    let types = [
        SqlType::Dynamic,
        SqlType::String,
        SqlType::Int,
        SqlType::Int,
        SqlType::Int,
    ];
    let mut parts = Vec::with_capacity(types.len());
    for (place, sql_type) in (1..).zip(types) {
        let part = part(place, sql_type).map_err(wrap)?;
        parts.push(part.expr.alias(format!("column{place}")));
    }
    let mut builder = LogicalPlanBuilder::scan("described", source, None)?
        .aggregate(Vec::<Expr>::new(), vec![described.expr])?
        .project([all.alias("element")])?
        .unnest_column("element")?;
    if let Some(depth) = depth_max {
        let steps = part(1, SqlType::Dynamic).map_err(wrap)?;
        let length = crate::functions::call("LENGTH", vec![steps]).map_err(wrap)?;
        let most = operators::literal(&Value::Int(i64::try_from(depth).unwrap_or(i64::MAX)));
        let short = operators::binary(&BinaryOperator::LtEq, length, most).map_err(wrap)?;
        builder = builder.filter(operators::to_condition(short).map_err(wrap)?)?;
    }
    Ok(builder.project(parts)?.build()?)
}

/// One row for each type of each path that has at most so many steps.
fn rows(snapshot: &Snapshot, depth_max: Option<usize>) -> Vec<Vec<Expr>> {
    let types = snapshot.types();
    let shown = types
        .iter()
        .filter(|(path, _)| depth_max.is_none_or(|most| path.steps().len() <= most));
    let mut rows = Vec::new();
    for (path, counts) in shown {
        let total = parent_count(types, path).unwrap_or_else(|| snapshot.row_count());
        for value_type in counts.types() {
            let occurrences = counts.get(value_type).min(total);
            if occurrences > 0 {
                rows.push(row(path, value_type, occurrences, total));
            }
        }
    }
    rows
}

/// How many documents have the object that holds the field at `path`; `None` at the top level.
fn parent_count(types: &PathTypes, path: &FieldPath) -> Option<u64> {
    let (_, parent) = path.steps().split_last()?;
    if parent.is_empty() {
        return None;
    }
    let counts = types.get(&FieldPath::from_steps(parent.to_vec()));
    Some(counts.map_or(0, |counts| counts.get(ValueType::Object)))
}

fn row(path: &FieldPath, value_type: ValueType, occurrences: u64, total: u64) -> Vec<Expr> {
    let steps = path.steps().iter().cloned().map(Value::String);
    let number = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    let values = [
        Value::Array(steps.collect()),
        Value::from(value_type.name()),
        number(occurrences),
        number(total),
        number(u64::from(value_type as u8)),
    ];
    values
        .iter()
        .map(|value| operators::literal(value).expr)
        .collect()
}
