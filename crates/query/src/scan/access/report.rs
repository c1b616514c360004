//! The access paths of a scan in words, for EXPLAIN.

use std::collections::BTreeMap;
use std::sync::Arc;

use outcrop_storage::{Part, PartData};

use super::choose::{Choice, Kind, Reason};
use super::part::PartAccess;

/// Segments that are read in the same way.
#[derive(Default)]
struct Group {
    segments: usize,
    /// Rows that the index gives.
    rows: u64,
    /// Rows of these segments.
    of: u64,
}

/// How `filter`, at `place` among the filters, is answered in `parts`: `x = 5: index_filter in 3
/// segments (17 of 3000 rows), column_scan in 1 segment (60 of 100 rows pass, too many to fetch)`.
pub(in crate::scan) fn report(
    place: usize,
    filter: &str,
    parts: &[Arc<Part>],
    accesses: &[PartAccess],
) -> String {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (part, access) in parts.iter().zip(accesses) {
        let (name, rows) = answer(place, part, access);
        let group = groups.entry(name).or_default();
        group.segments += 1;
        group.rows += rows.unwrap_or(0);
        group.of += u64::from(part.row_count());
    }
    let groups = groups.iter().map(|(name, group)| {
        let plural = if group.segments == 1 { "" } else { "s" };
        let noun = if name.starts_with("delta") {
            "part"
        } else {
            "segment"
        };
        let Group { segments, rows, of } = group;
        let (name, why) = name.split_once(": ").unwrap_or((name, ""));
        let counts = match why {
            "" => format!("{rows} of {of} rows"),
            why => why.replace("{rows}", &format!("{rows} of {of} rows")),
        };
        format!("{name} in {segments} {noun}{plural} ({counts})")
    });
    format!("{filter}: {}", groups.collect::<Vec<_>>().join(", "))
}

/// The path of the filter in one part, with the reason after a colon, and the rows it selects.
fn answer(place: usize, part: &Part, access: &PartAccess) -> (String, Option<u64>) {
    if matches!(part.data(), PartData::Chunk(_)) {
        return ("delta scan: in memory".to_owned(), None);
    }
    let rows = access
        .estimates
        .get(place)
        .copied()
        .flatten()
        .map(|estimate| estimate.rows);
    let name = match &access.choice {
        None => "column_scan: no index",
        Some(Choice::Nothing) => match rows {
            Some(0) => "index_filter: no row has such a value",
            _ => "not read: another filter leaves no row",
        },
        Some(Choice::Index { filters, kind }) if filters.contains(&place) => match kind {
            Kind::Fetch => "index_filter: {rows}, fetched",
            Kind::Bitmap => "index_filter: {rows}, by bitmap",
            Kind::IndexOnly => "index_only: {rows}",
        },
        Some(Choice::Index { .. }) if rows.is_some() => {
            "on rows of the index: {rows}, more than other filters leave"
        }
        Some(Choice::Index { .. }) => "on rows of the index: not of a form that the index answers",
        Some(Choice::ColumnScan(reason)) => match (reason, rows) {
            (Reason::Forced, _) => "column_scan: forced by the hint",
            (_, None) => "column_scan: not of a form that the index answers",
            (Reason::TooManyTerms { .. }, _) => "column_scan: {rows}, of too many values",
            (_, Some(_)) => "column_scan: {rows}, too many to fetch",
        },
    };
    (name.to_owned(), rows)
}
