//! The rows that can be among the first N by one field.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column as ColumnExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use outcrop_document::{FieldPath, ValueType};
use outcrop_storage::{Direction, IndexPath, KeyRange, Part, PartData, SegmentError, all_rows};
use roaring::RoaringBitmap;

use super::plain_scan;
use super::question::field;

/// Largest N: beyond it, walking terms costs more than the sort saves.
const ROWS_MAX: usize = 10_000;

/// Part of a segment, as one in so many, that rows without a value may be to be taken along.
const ABSENT_DIVISOR: u64 = 10;

/// The first `count` rows in the order of a field.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scan) struct Top {
    path: FieldPath,
    direction: Direction,
    nulls_first: bool,
    count: usize,
}

impl Top {
    /// For display.
    pub(in crate::scan) fn describe(&self) -> String {
        let which = match self.direction {
            Direction::Ascending => "first",
            Direction::Descending => "last",
        };
        format!("the {which} {} by {}", self.count, self.path)
    }

    /// Rows of `part` that hold all of its first ones, ties included; none where the index does not
    /// tell. Without deleted rows.
    pub(in crate::scan) fn rows(&self, part: &Part) -> Result<Option<RoaringBitmap>, SegmentError> {
        let PartData::Segment(segment) = part.data() else {
            return Ok(None);
        };
        let wanted = self.count as u64;
        let Some(index) = segment.index(&IndexPath::of(&self.path))? else {
            return Ok(None);
        };
        if !index.has_whole_terms() {
            return Ok(None);
        }
        let mut rows = RoaringBitmap::new();
        if self.nulls_first {
            let values = index.types().filter(|(one, _)| *one != ValueType::Null);
            let present: u64 = values.map(|(_, count)| u64::from(count)).sum();
            let absent = u64::from(segment.row_count()).saturating_sub(present);
            if absent > u64::from(segment.row_count()) / ABSENT_DIVISOR {
                return Ok(None);
            }
            rows = all_rows(segment.row_count());
            for value_type in ValueType::ALL
                .into_iter()
                .filter(|one| *one != ValueType::Null)
            {
                rows -= index.type_rows(value_type)?;
            }
            rows -= part.deletions().rows();
        }
        let mut terms = index.terms(&KeyRange::all(), self.direction)?;
        while rows.len() < wanted {
            match terms.advance()? {
                Some(postings) => rows |= index.rows(&postings)? - part.deletions().rows(),
                // Rows without a value come next, or there are no others.
                None => return Ok(None),
            }
        }
        Ok(Some(rows))
    }
}

/// A top-N over a plain scan, with the scan cut to the rows that can be in it.
pub(super) fn apply(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(sort) = plan.downcast_ref::<SortExec>() else {
        return Ok(None);
    };
    let Some(count) = sort.fetch().filter(|count| (1..=ROWS_MAX).contains(count)) else {
        return Ok(None);
    };
    let first = sort.expr().first();
    let input = sort.input();
    let (scan_plan, key) = match input.downcast_ref::<ProjectionExec>() {
        Some(projection) => match behind(projection, &first.expr) {
            Some(key) => (projection.input(), key),
            None => return Ok(None),
        },
        None => (input, Arc::clone(&first.expr)),
    };
    let Some(scan) = plain_scan(scan_plan) else {
        return Ok(None);
    };
    let Some(field) = field(&key, scan) else {
        return Ok(None);
    };
    let top = Top {
        path: field.path,
        direction: match first.options.descending {
            true => Direction::Descending,
            false => Direction::Ascending,
        },
        nulls_first: first.options.nulls_first,
        count,
    };
    let scan: Arc<dyn ExecutionPlan> = Arc::new(scan.with_top(top)?);
    let input = match input.downcast_ref::<ProjectionExec>() {
        Some(_) => replace_children_if_necessary(Arc::clone(input), vec![scan])?,
        None => scan,
    };
    replace_children_if_necessary(Arc::clone(plan), vec![input]).map(Some)
}

/// The expression below a projection that `expr`, a column above it, shows.
fn behind(
    projection: &ProjectionExec,
    expr: &Arc<dyn PhysicalExpr>,
) -> Option<Arc<dyn PhysicalExpr>> {
    let column = expr.downcast_ref::<ColumnExpr>()?;
    let shown = projection.expr().get(column.index())?;
    Some(Arc::clone(&shown.expr))
}
