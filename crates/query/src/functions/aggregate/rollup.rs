//! Aggregates in rollups, where the state of a group is stored between writes.

use super::values::dynamic_arguments;
use super::{Aggregate, Call, Lowered, keyed, sketch};
use crate::operators::OperatorError;

/// The lowering of what exists in rollups only, anywhere else.
pub(super) fn outside(call: Call) -> Lowered {
    let message = format!(
        "{} exists in rollups only: ingest transformations with GROUP BY or aggregates",
        call.name
    );
    Err(OperatorError::Invalid { message })
}

/// Lowers a call whose state can be stored and merged.
///
/// # Errors
/// [`OperatorError::Invalid`] for other calls, and those of lowering.
pub(super) fn lower(function: &Aggregate, mut call: Call) -> Lowered {
    if let Some(why) = obstacle(&call) {
        let message = format!("a rollup has no {why}");
        return Err(OperatorError::Invalid { message });
    }
    dynamic_arguments(&mut call);
    match call.name {
        "APPROX_DISTINCT" => sketch::approx_distinct(call),
        "HMAP_AGG" => keyed::hmap_agg(call),
        "MAP_AGG" if call.arguments.len() == 3 => keyed::map_agg(call),
        _ => (function.lower)(call),
    }
}

/// What a rollup cannot keep up to date with a state of bounded size, or at all.
fn obstacle(call: &Call) -> Option<String> {
    let name = call.name;
    if call.distinct {
        let approximate = "which would have to keep every value; APPROX_DISTINCT counts values";
        return Some(format!("{name}(DISTINCT …), {approximate}"));
    }
    if !call.order_by.is_empty() {
        return Some(format!("{name}(… ORDER BY …): documents come in any order"));
    }
    match name {
        "MEDIAN" | "APPROX_PERCENTILE" => {
            Some(format!("{name}, which would have to keep every value"))
        }
        "GROUPING" => Some(format!("{name}: it has one set of terms to group by")),
        _ => None,
    }
}
