//! Access paths: which filters of a scan the inverted index answers, segment by segment.
//!
//! - [`condition`]: what a filter asks of the index, and what a segment's index answers;
//! - [`mod@read`]: filters read as conditions;
//! - [`mod@choose`]: the decision, from exact counts alone;
//! - [`part`]: both put together for one part of a snapshot;
//! - [`mod@report`]: the decision in words, for EXPLAIN.
//!
//! Deleted rows are not the business of anything here: whoever reads rows leaves them out.

mod choose;
mod condition;
mod part;
mod read;
mod report;

pub(super) use part::PartAccess;
pub(crate) use read::LOOKUPS_MAX;
pub(super) use read::{Reading, read};
pub(super) use report::report;

use std::str::FromStr;

/// How a scan may come to its rows: `HINT(access_path=…)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessPath {
    /// Whatever costs least in each segment.
    #[default]
    Cheapest,
    /// Columns only; the index is not used.
    ColumnScan,
    /// The index for every filter that it can answer.
    IndexFilter,
    /// As [`IndexFilter`](Self::IndexFilter), and answers out of the index alone where it has them.
    IndexScan,
}

/// How a scan comes to the rows of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessKind {
    /// Documents are looked up by their `_id`.
    IdLookup,
    /// The index gives the rows.
    IndexFilter,
    /// The index gives the first rows by a field.
    IndexOrder,
    /// The index gives the answer.
    IndexOnly,
    /// All rows are read, by columns.
    ColumnScan,
    /// All rows are read, of recent documents in memory.
    DeltaScan,
}

impl AccessKind {
    /// The name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::IdLookup => "id_lookup",
            Self::IndexFilter => "index_filter",
            Self::IndexOrder => "index_order",
            Self::IndexOnly => "index_only",
            Self::ColumnScan => "column_scan",
            Self::DeltaScan => "delta_scan",
        }
    }
}

/// A text that names no access path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAccessPath;

impl FromStr for AccessPath {
    type Err = UnknownAccessPath;

    fn from_str(name: &str) -> Result<Self, UnknownAccessPath> {
        match name.to_ascii_lowercase().as_str() {
            "column_scan" => Ok(Self::ColumnScan),
            "index_filter" => Ok(Self::IndexFilter),
            "index_scan" => Ok(Self::IndexScan),
            _ => Err(UnknownAccessPath),
        }
    }
}
