//! What names mean: the relations of one FROM, and of the queries around it.
//!
//! A chain `a.b.c` is looked up in this order, first within its own query, then outwards:
//!
//! 1. `a` as the name of a relation, `b.c` as a path in it;
//! 2. `a` as a field that some relation is known to have: a column of a subquery, or a path that
//!    the snapshot of a collection has seen. Two such relations make it ambiguous.
//!
//! If neither finds it anywhere, it is a field that no document has, which is undefined and no
//! error, as long as there is any relation that could have had it.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::logical_expr::Expr;

use super::OutputKind;
use crate::error::{Position, QueryError};
use crate::operators::{self, OperatorError, Typed};
use crate::scan::{CollectionTable, PathUse};

/// One column that a relation offers.
#[derive(Clone, Debug)]
pub(super) struct ScopeColumn {
    /// Its name; for a star, empty or the name of values in it that are no objects.
    pub(super) name: String,
    /// A star is a document whose fields count as columns.
    pub(super) kind: OutputKind,
    /// The column of the plan.
    pub(super) value: Typed,
}

/// Where the fields of a relation come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A collection: fields are paths of its documents.
    Collection {
        /// The table.
        table: Arc<CollectionTable>,
        /// What its columns are called in the plan.
        columns: Columns,
    },
    /// A subquery, VALUES or UNNEST.
    Columns(Vec<ScopeColumn>),
}

/// What the columns of a collection are called in the plan.
#[derive(Clone, Debug)]
pub(super) enum Columns {
    /// As in the table, with a qualifier.
    Qualified(TableReference),
    /// With a prefix that makes them unlike all others.
    Prefixed(String),
}

impl Columns {
    fn column(&self, name: &str) -> Column {
        match self {
            Self::Qualified(qualifier) => Column::new(Some(qualifier.clone()), name),
            Self::Prefixed(prefix) => Column::from_name(format!("{prefix}{name}")),
        }
    }
}

/// One item of FROM.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    /// What the statement may call it.
    pub(super) name: Option<String>,
    /// The parts of the name of a collection without an alias: `ws.c.field` is a path as well.
    pub(super) full_name: Vec<String>,
    /// Its fields.
    pub(super) source: Source,
}

/// A field of a relation of the innermost query, to see whether two expressions mean the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathKey {
    relation: usize,
    steps: Vec<String>,
}

/// The relations that the names of one query may mean.
#[derive(Debug, Default)]
pub(super) struct Scope<'p> {
    /// The items of FROM, left to right.
    pub(super) relations: Vec<Relation>,
    /// Columns that `USING` made one.
    pub(super) merged: Vec<(String, Typed)>,
    /// The query around this one.
    pub(super) parent: Option<&'p Scope<'p>>,
    /// Whether the relations of `parent` are in the same plan, so that their columns are at hand.
    pub(super) shares_plan: bool,
}

/// The literal undefined: in its dynamic form it is told apart from an explicit null.
pub(super) fn undefined(wanted: PathUse) -> Typed {
    match wanted {
        PathUse::Dynamic => {
            let literal = Expr::Literal(ScalarValue::BinaryView(None), None);
            Typed::new(literal, DataType::BinaryView)
        }
        _ => Typed::new(Expr::Literal(ScalarValue::Null, None), DataType::Null),
    }
}

impl Relation {
    /// The path `steps` in this relation; undefined where there is none.
    fn path(&self, steps: &[String], wanted: PathUse) -> Result<Typed, OperatorError> {
        match &self.source {
            Source::Collection { table, columns } => {
                Ok(collection_path(table, columns, steps, wanted))
            }
            Source::Columns(columns) => column_path(columns, steps),
        }
    }

    /// The whole document of a collection, or the row of another relation.
    pub(super) fn document(&self) -> Result<Typed, OperatorError> {
        self.path(&[], PathUse::Value)
    }

    /// What tells a row from the others: `_id` of a document, else the whole row.
    pub(super) fn identity(&self) -> Result<Typed, OperatorError> {
        match &self.source {
            Source::Collection { .. } => self.path(&["_id".to_owned()], PathUse::Value),
            Source::Columns(_) => self.document(),
        }
    }

    /// Whether this relation is known to have a field of this name.
    fn has(&self, name: &str) -> bool {
        match &self.source {
            Source::Collection { table, .. } => {
                table.path(&[name.to_owned()], PathUse::Dynamic).is_some()
            }
            Source::Columns(columns) => columns.iter().any(|column| column.name == name),
        }
    }

    /// Whether any document has an explicit null at this path.
    fn has_nulls(&self, steps: &[String]) -> bool {
        match &self.source {
            Source::Collection { table, .. } => table.path(steps, PathUse::NullMark).is_some(),
            Source::Columns(_) => false,
        }
    }

    fn has_star(&self) -> bool {
        matches!(&self.source, Source::Columns(columns)
            if columns.iter().any(|column| column.kind == OutputKind::Star))
    }

    /// The number of leading steps that name this relation; 0 if they do not.
    fn named_by(&self, steps: &[String]) -> usize {
        if self.name.as_ref() == steps.first() {
            return 1;
        }
        let length = self.full_name.len();
        let named = length > 1 && steps.len() > length && steps[..length] == self.full_name[..];
        if named { length } else { 0 }
    }
}

fn collection_path(
    table: &CollectionTable,
    columns: &Columns,
    steps: &[String],
    wanted: PathUse,
) -> Typed {
    let column = |name: &str, data_type| Typed::new(Expr::Column(columns.column(name)), data_type);
    if steps.is_empty() {
        return column(table.document_column(), DataType::BinaryView);
    }
    let found = table.path(steps, wanted).or_else(|| match wanted {
        PathUse::Number => table.path(steps, PathUse::Value),
        _ => None,
    });
    found.map_or_else(
        || undefined(wanted),
        |(name, data_type)| column(name, data_type),
    )
}

/// Named columns win over the fields of a star, later ones over earlier ones.
fn column_path(columns: &[ScopeColumn], steps: &[String]) -> Result<Typed, OperatorError> {
    let Some((first, rest)) = steps.split_first() else {
        return whole_row(columns);
    };
    let named = columns
        .iter()
        .rev()
        .find(|c| c.kind == OutputKind::Value && c.name == *first);
    if let Some(column) = named {
        return fields(column.value.clone(), rest);
    }
    let stars = columns
        .iter()
        .rev()
        .filter(|column| column.kind == OutputKind::Star);
    let mut found = stars
        .map(|star| fields(star.value.clone(), steps))
        .collect::<Result<Vec<_>, _>>()?;
    match found.len() {
        0 => Ok(undefined(PathUse::Value)),
        1 => Ok(found.swap_remove(0)),
        _ => crate::functions::call("COALESCE", found),
    }
}

/// A relation used as a value: its only column, or an object of its columns.
fn whole_row(columns: &[ScopeColumn]) -> Result<Typed, OperatorError> {
    if let [only] = columns {
        return Ok(only.value.clone());
    }
    let named = columns
        .iter()
        .filter(|column| column.kind == OutputKind::Value);
    let members = named.map(|column| {
        let key = operators::literal(&outcrop_document::Value::String(column.name.clone()));
        (key, column.value.clone())
    });
    operators::object(members.collect())
}

/// `value.a.b.c`.
pub(super) fn fields(value: Typed, steps: &[String]) -> Result<Typed, OperatorError> {
    steps
        .iter()
        .try_fold(value, |value, step| operators::field(value, step))
}

impl Scope<'_> {
    /// What the chain `steps` means.
    ///
    /// # Errors
    /// [`QueryError::Semantic`] if it is ambiguous, or if there is no relation at all.
    pub(super) fn resolve(
        &self,
        steps: &[String],
        wanted: PathUse,
        grouped: &[PathKey],
        position: Option<Position>,
    ) -> Result<Typed, QueryError> {
        let mut any_relation = false;
        let mut scope = Some(self);
        let mut is_outer = false;
        let mut grouped = grouped;
        while let Some(current) = scope {
            any_relation |= !current.relations.is_empty();
            if let Some(found) = current.find(steps, wanted, grouped, position)? {
                return if is_outer { to_outer(found) } else { Ok(found) };
            }
            scope = current.parent;
            is_outer |= !current.shares_plan;
            grouped = &[];
        }
        if any_relation {
            return self.undefined_or_star(steps, wanted, position);
        }
        Err(QueryError::Semantic {
            message: format!(
                "field `{}` not found: the query has no FROM",
                steps.join(".")
            ),
            position,
            error_id: Some("field_not_found"),
        })
    }

    /// Whether `steps` are the name of a relation of this query, and a field of it.
    pub(super) fn names_field(&self, steps: &[String]) -> bool {
        let mut named = self.relations.iter().map(|item| item.named_by(steps));
        named.any(|named| named > 0 && steps.len() > named)
    }

    /// The field that `steps` mean in this query alone, for GROUP BY.
    pub(super) fn key(&self, steps: &[String]) -> Option<PathKey> {
        for (relation, item) in self.relations.iter().enumerate() {
            let named = item.named_by(steps);
            if named > 0 && steps.len() > named {
                return Some(PathKey {
                    relation,
                    steps: steps[named..].to_vec(),
                });
            }
        }
        let mut having = self
            .relations
            .iter()
            .enumerate()
            .filter(|(_, item)| item.has(&steps[0]));
        match (having.next(), having.next()) {
            (Some((relation, _)), None) => Some(PathKey {
                relation,
                steps: steps.to_vec(),
            }),
            _ => None,
        }
    }

    fn find(
        &self,
        steps: &[String],
        wanted: PathUse,
        grouped: &[PathKey],
        position: Option<Position>,
    ) -> Result<Option<Typed>, QueryError> {
        // A grouped field has one form for the whole query, the one it is grouped by; but for whoever
        // tells null from undefined, if there is a null.
        let is_grouped =
            !grouped.is_empty() && self.key(steps).is_some_and(|k| grouped.contains(&k));
        let form = |relation: &Relation, steps: &[String]| match wanted {
            _ if !is_grouped => wanted,
            PathUse::Dynamic if relation.has_nulls(steps) => wanted,
            _ => PathUse::Value,
        };
        let wrap = |error: OperatorError| super::operator_error(error, position);

        let mut named = self
            .relations
            .iter()
            .filter(|relation| relation.named_by(steps) > 0);
        if let Some(relation) = named.next() {
            if named.next().is_some() {
                return Err(ambiguous(&steps[0], "table", position));
            }
            let rest = &steps[relation.named_by(steps)..];
            let wanted = form(relation, rest);
            return relation.path(rest, wanted).map(Some).map_err(wrap);
        }
        if let Some((_, value)) = self.merged.iter().find(|(name, _)| *name == steps[0]) {
            return fields(value.clone(), &steps[1..]).map(Some).map_err(wrap);
        }
        let mut having = self
            .relations
            .iter()
            .filter(|relation| relation.has(&steps[0]));
        let Some(relation) = having.next() else {
            return Ok(None);
        };
        if having.next().is_some() {
            return Err(ambiguous(&steps[0], "field", position));
        }
        let wanted = form(relation, steps);
        relation.path(steps, wanted).map(Some).map_err(wrap)
    }

    /// A name that nothing is known to have: perhaps a field of a star, else undefined.
    fn undefined_or_star(
        &self,
        steps: &[String],
        wanted: PathUse,
        position: Option<Position>,
    ) -> Result<Typed, QueryError> {
        let mut stars = self.relations.iter().filter(|relation| relation.has_star());
        match (stars.next(), stars.next()) {
            (None, _) => Ok(undefined(wanted)),
            (Some(only), None) => only
                .path(steps, PathUse::Value)
                .map_err(|error| super::operator_error(error, position)),
            (Some(_), Some(_)) => Err(ambiguous(&steps[0], "field", position)),
        }
    }
}

fn ambiguous(name: &str, what: &str, position: Option<Position>) -> QueryError {
    QueryError::Semantic {
        message: format!("{what} `{name}` is ambiguous: write it with an alias in front"),
        position,
        error_id: Some("ambiguous_name"),
    }
}

/// The same value seen from a query inside.
fn to_outer(found: Typed) -> Result<Typed, QueryError> {
    let is_column = matches!(found.expr, Expr::Column(_));
    let data_type = if is_column {
        found.data_type.clone()
    } else {
        DataType::BinaryView
    };
    let expr = found.expr.transform(|expr| match expr {
        Expr::Column(column) => {
            let field = Arc::new(Field::new(&column.name, data_type.clone(), true));
            Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
        }
        other => Ok(Transformed::no(other)),
    });
    Ok(Typed::new(expr.data()?, found.data_type))
}
