//! What an aggregation asks, in terms of the index, and which segments can say it.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{Column as ColumnExpr, Literal};
use datafusion::physical_plan::aggregates::AggregateExec;
use outcrop_document::{FieldPath, Value, k};
use outcrop_storage::{
    DeletionVector, Direction, IndexPath, KeyRange, Part, PartData, PathIndex, Segment,
    SegmentError, SubColumnKind,
};

use crate::dynamic::ValueColumnBuilder;
use crate::scan::column::{Column, Content};
use crate::scan::exec::CollectionScan;
use crate::scan::stream::storage_error;

/// Groups are taken from the dictionary where a term has this many rows on average. With fewer,
/// decoding terms costs as much as the column.
const ROWS_PER_TERM_MIN: u64 = 8;

/// What a partial aggregation asks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Question {
    /// The values of a field, each once, with the number of their rows if `counted`.
    Groups { field: Field, counted: bool },
    /// One figure each.
    Figures(Vec<Figure>),
}

/// A field whose column holds values of one type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) path: FieldPath,
    kind: SubColumnKind,
}

/// An aggregate without groups.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Figure {
    /// `COUNT(*)`.
    Rows,
    /// `COUNT(f)`.
    Values(Field),
    /// `MIN(f)` and `MAX(f)`.
    Extreme(Field, Direction),
}

impl Question {
    /// What `aggregate` over `scan` asks; none if the index has no answer to it.
    pub(super) fn of(aggregate: &AggregateExec, scan: &CollectionScan) -> Result<Option<Self>> {
        if aggregate.filter_expr().iter().any(Option::is_some) {
            return Ok(None);
        }
        let groups = aggregate.group_expr();
        let aggregates = aggregate.aggr_expr();
        if groups.is_empty() {
            let mut figures = Vec::with_capacity(aggregates.len());
            for aggregate in aggregates {
                match figure(aggregate, scan)? {
                    Some(figure) => figures.push(figure),
                    None => return Ok(None),
                }
            }
            // Numbers of rows alone are known without the index.
            let is_new = figures.iter().any(|figure| *figure != Figure::Rows);
            return Ok(is_new.then_some(Self::Figures(figures)));
        }
        let [(group, _)] = groups.expr() else {
            return Ok(None);
        };
        if !groups.is_single() {
            return Ok(None);
        }
        let counted = match aggregates {
            [] => false,
            [only] if figure(only, scan)? == Some(Figure::Rows) => true,
            _ => return Ok(None),
        };
        Ok(field(group, scan).map(|field| Self::Groups { field, counted }))
    }

    /// The parts that can answer, and the others.
    pub(super) fn split(&self, scan: &CollectionScan) -> Result<(Vec<usize>, Vec<usize>)> {
        let mut answered = Vec::new();
        let mut rest = Vec::new();
        for index in scan.parts() {
            let can = self.can_answer(&scan.source().snapshot.parts()[index]);
            match can.map_err(storage_error)? {
                true => answered.push(index),
                false => rest.push(index),
            }
        }
        Ok((answered, rest))
    }

    fn can_answer(&self, part: &Part) -> Result<bool, SegmentError> {
        let PartData::Segment(segment) = part.data() else {
            return Ok(false);
        };
        match self {
            Self::Groups { field, .. } => {
                let index = segment.index(&field.index_path())?;
                let few = |index: PathIndex<'_>| {
                    index.has_whole_terms()
                        && index.term_count() * ROWS_PER_TERM_MIN <= segment.row_count().into()
                };
                Ok(index.is_none_or(few))
            }
            Self::Figures(figures) => {
                for figure in figures {
                    if let Figure::Extreme(field, _) = figure {
                        let index = segment.index(&field.index_path())?;
                        if !index.is_none_or(|index| index.has_whole_terms()) {
                            return Ok(false);
                        }
                    }
                }
                Ok(true)
            }
        }
    }

    /// The answer of one segment: the columns of a partial aggregation.
    pub(super) fn answer(
        &self,
        segment: &Segment,
        part: &Part,
        types: &[&DataType],
    ) -> Result<Vec<ArrayRef>> {
        match self {
            Self::Groups { field, counted } => {
                let groups = groups(field, segment, part).map_err(storage_error)?;
                let mut values = ValueColumnBuilder::new(types[0], groups.len())?;
                for (value, _) in &groups {
                    match value {
                        Some(value) => values.append(value)?,
                        None => values.append_null(),
                    }
                }
                let counts: Int64Array = groups.iter().map(|(_, count)| signed(*count)).collect();
                let counts = counted.then(|| Arc::new(counts) as ArrayRef);
                Ok(std::iter::once(values.finish()).chain(counts).collect())
            }
            Self::Figures(figures) => figures
                .iter()
                .zip(types)
                .map(|(figure, data_type)| figure.answer(segment, part, data_type))
                .collect(),
        }
    }

    /// The paths that are looked at, for display.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Groups { field, counted } => {
                let what = if *counted {
                    "groups with counts"
                } else {
                    "distinct values"
                };
                format!("{what} of {}", field.path)
            }
            Self::Figures(figures) => {
                let figures = figures.iter().map(|figure| match figure {
                    Figure::Rows => "count".to_owned(),
                    Figure::Values(field) => format!("count of {}", field.path),
                    Figure::Extreme(field, Direction::Ascending) => {
                        format!("min of {}", field.path)
                    }
                    Figure::Extreme(field, Direction::Descending) => {
                        format!("max of {}", field.path)
                    }
                });
                figures.collect::<Vec<_>>().join(", ")
            }
        }
    }
}

impl Field {
    fn index_path(&self) -> IndexPath {
        IndexPath::of(&self.path)
    }
}

impl Figure {
    fn answer(&self, segment: &Segment, part: &Part, data_type: &DataType) -> Result<ArrayRef> {
        let count = |rows: u64| Arc::new(Int64Array::from_iter([signed(rows)])) as ArrayRef;
        match self {
            Self::Rows => Ok(count(part.live_row_count().into())),
            Self::Values(field) => {
                let rows = live_values(field, segment, part.deletions());
                Ok(count(rows.map_err(storage_error)?))
            }
            Self::Extreme(field, direction) => {
                let value = extreme(field, *direction, segment, part.deletions());
                let mut column = ValueColumnBuilder::new(data_type, 1)?;
                match value.map_err(storage_error)? {
                    Some(value) => column.append(&value)?,
                    None => column.append_null(),
                }
                Ok(column.finish())
            }
        }
    }
}

fn signed(count: u64) -> Option<i64> {
    i64::try_from(count).ok()
}

/// The values at a field with the number of their live rows; none stands for rows without a value.
fn groups(
    field: &Field,
    segment: &Segment,
    part: &Part,
) -> Result<Vec<(Option<Value>, u64)>, SegmentError> {
    let mut groups = Vec::new();
    let mut left = u64::from(part.live_row_count());
    if let Some(index) = segment.index(&field.index_path())? {
        let mut terms = index.terms(&KeyRange::all(), Direction::Ascending)?;
        while let Some(postings) = terms.advance()? {
            let live = match part.deletions().is_empty() {
                true => u64::from(postings.count()),
                false => (index.rows(&postings)? - part.deletions().rows()).len(),
            };
            if live > 0 {
                groups.push((Some(value_of(terms.term())?), live));
                left = left.saturating_sub(live);
            }
        }
    }
    if left > 0 {
        groups.push((None, left));
    }
    Ok(groups)
}

/// Number of live rows with a value at the field.
fn live_values(
    field: &Field,
    segment: &Segment,
    deletions: &DeletionVector,
) -> Result<u64, SegmentError> {
    let Some(index) = segment.index(&field.index_path())? else {
        return Ok(0);
    };
    let value_type = field.kind.value_type();
    match deletions.is_empty() {
        true => Ok(index.type_count(value_type).into()),
        false => Ok((index.type_rows(value_type)? - deletions.rows()).len()),
    }
}

/// The first value in this direction that a live row has.
fn extreme(
    field: &Field,
    direction: Direction,
    segment: &Segment,
    deletions: &DeletionVector,
) -> Result<Option<Value>, SegmentError> {
    let Some(index) = segment.index(&field.index_path())? else {
        return Ok(None);
    };
    let mut terms = index.terms(&KeyRange::all(), direction)?;
    while let Some(postings) = terms.advance()? {
        if deletions.is_empty() || !index.rows(&postings)?.is_subset(deletions.rows()) {
            return value_of(terms.term()).map(Some);
        }
    }
    Ok(None)
}

fn value_of(term: &[u8]) -> Result<Value, SegmentError> {
    k::decode(term).map_err(|source| SegmentError::Term { source })
}

fn figure(aggregate: &Arc<AggregateFunctionExpr>, scan: &CollectionScan) -> Result<Option<Figure>> {
    let arguments = aggregate.expressions();
    let [argument] = arguments.as_slice() else {
        return Ok(None);
    };
    if aggregate.is_distinct() {
        return Ok(None);
    }
    let states = aggregate.state_fields()?;
    let [state] = states.as_slice() else {
        return Ok(None);
    };
    let extreme = |direction| {
        let field = field(argument, scan)?;
        (*state.data_type() == field.kind.data_type()).then_some(Figure::Extreme(field, direction))
    };
    Ok(match aggregate.fun().name() {
        "count" if is_count_state(state) => match argument.downcast_ref::<Literal>() {
            Some(literal) if !literal.value().is_null() => Some(Figure::Rows),
            Some(_) => None,
            None => field(argument, scan).map(Figure::Values),
        },
        "min" => extreme(Direction::Ascending),
        "max" => extreme(Direction::Descending),
        _ => None,
    })
}

fn is_count_state(state: &FieldRef) -> bool {
    *state.data_type() == DataType::Int64
}

/// The field behind a bare column whose values the index orders and tells apart as the column does.
///
/// Floats are left out: two zeros share a term.
pub(super) fn field(expr: &Arc<dyn PhysicalExpr>, scan: &CollectionScan) -> Option<Field> {
    let name = expr.downcast_ref::<ColumnExpr>()?.name();
    let column = scan.source().columns.iter().find(|one| one.name == name)?;
    field_of(column)
}

fn field_of(column: &Column) -> Option<Field> {
    let Content::Native(kind) = column.content else {
        return None;
    };
    let is_ordered = matches!(
        kind,
        SubColumnKind::Bool
            | SubColumnKind::Int
            | SubColumnKind::String
            | SubColumnKind::Bytes
            | SubColumnKind::Date
            | SubColumnKind::Datetime
            | SubColumnKind::Time
            | SubColumnKind::Timestamp
    );
    is_ordered.then(|| Field {
        path: column.path.clone(),
        kind,
    })
}
