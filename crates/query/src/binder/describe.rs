//! `DESCRIBE` and `SHOW COLUMNS`: the types of a collection's fields, from the counts that it keeps.
//!
//! Nothing is read, so the counts are those of the type counts: a value of a document that has been
//! replaced or deleted counts until compaction drops it.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use datafusion::sql::sqlparser::ast::{Query, Spanned};
use outcrop_document::{FieldPath, Value, ValueType};
use outcrop_storage::{PathTypes, Snapshot};

use super::from::star_of_collection;
use super::query::Bound;
use super::scope::ScopeColumn;
use super::{Binder, OutputKind, Result, chains};
use crate::dialect::Describe;
use crate::error::{Position, QueryError};
use crate::operators::{self, Typed};
use crate::scan::Resolved;

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
        let plan = builder.build()?;
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
    ];
    values
        .iter()
        .map(|value| operators::literal(value).expr)
        .collect()
}
