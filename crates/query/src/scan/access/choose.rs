//! Which filters of a segment the index answers: a decision from counts, without any I/O.

use super::AccessPath;
use super::condition::Estimate;

/// Below one row in so many, rows are fetched one by one.
const FETCH_DIVISOR: u64 = 100;

/// Up to one row in so many, a bitmap of rows saves decoding the filter's column, though most pages
/// of the others are read. Listing the rows must not mean walking many terms then.
const BITMAP_DIVISOR: u64 = 10;
const BITMAP_TERMS_MAX: u64 = 1024;

/// Relative costs, in nanoseconds, measured on one core: a term, a row of a posting list, a row that
/// is fetched, one that is taken out of a page, and one whose value in a column is decoded and compared.
const TERM_COST: u64 = 60;
const POSTING_COST: u64 = 5;
const FETCH_COST: u64 = 2_000;
const BITMAP_ROW_COST: u64 = 50;
const SCAN_COST: u64 = 3;

/// Rows of a bitmap that are read and joined with another one in a nanosecond.
const BITMAP_ROWS_PER_NANOSECOND: u64 = 8;

/// What is known of a segment and a scan of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    pub(super) row_count: u64,
    /// In how many pieces the segment is read, each of which lists the rows of all of it.
    pub(super) pieces: u64,
    /// Whether rows are only counted: no column of theirs is read.
    pub(super) counts_only: bool,
    pub(super) path: AccessPath,
}

/// A filter of the scan, if the index can answer it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) estimate: Estimate,
    /// Whether it need not be evaluated on the rows that the index gives.
    pub(super) exact: bool,
}

/// How a segment is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scan) enum Choice {
    /// No row can pass.
    Nothing,
    /// Its columns, all rows of them.
    ColumnScan(Reason),
    /// The rows that the index gives for these filters, which are places in the list of them.
    Index { filters: Vec<usize>, kind: Kind },
}

/// What becomes of the rows that the index gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scan) enum Kind {
    /// They are few, and fetched one by one.
    Fetch,
    /// They are many, and select among the rows of each page.
    Bitmap,
    /// They are all that is needed: nothing else is read.
    IndexOnly,
}

/// Why the index is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scan) enum Reason {
    /// `HINT(access_path=column_scan)`.
    Forced,
    /// There is no filter.
    NoFilter,
    /// No filter is of a form that the index answers.
    NotIndexable,
    /// The most selective one keeps too many rows for that.
    TooManyRows {
        /// How many.
        rows: u64,
    },
    /// Listing its rows takes longer than reading the column.
    TooManyTerms {
        /// How many.
        terms: u64,
    },
}

/// Decides how to read a segment with these filters, of which the index can answer the `Some`.
pub(super) fn choose(scan: Scan, filters: &[Option<Candidate>]) -> Choice {
    if scan.path == AccessPath::ColumnScan {
        return Choice::ColumnScan(Reason::Forced);
    }
    let mut candidates: Vec<(usize, Candidate)> = filters
        .iter()
        .enumerate()
        .filter_map(|(place, candidate)| Some((place, (*candidate)?)))
        .collect();
    if filters.is_empty() {
        return Choice::ColumnScan(Reason::NoFilter);
    }
    candidates.sort_by_key(|(_, candidate)| candidate.estimate.rows);
    let Some((_, best)) = candidates.first().copied() else {
        return Choice::ColumnScan(Reason::NotIndexable);
    };
    if best.estimate.rows == 0 {
        return Choice::Nothing;
    }
    let all_exact = candidates.len() == filters.len()
        && candidates.iter().all(|(_, candidate)| candidate.exact);
    if all_exact && scan.counts_only && is_cheaper_than_columns(scan, &candidates) {
        return Choice::Index {
            filters: candidates.iter().map(|(place, _)| *place).collect(),
            kind: Kind::IndexOnly,
        };
    }
    let kind = match is_few(best.estimate.rows, scan.row_count) {
        true => Kind::Fetch,
        false => Kind::Bitmap,
    };
    if scan.path == AccessPath::Cheapest
        && let Some(reason) = column_scan_reason(scan, best, kind)
    {
        return Choice::ColumnScan(reason);
    }
    let is_forced = scan.path != AccessPath::Cheapest;
    let is_used = |candidate: &Candidate| {
        is_forced
            || pays(
                candidate.estimate,
                best.estimate,
                scan.row_count,
                scan.pieces,
            )
    };
    let others = candidates[1..]
        .iter()
        .filter(|(_, candidate)| is_used(candidate));
    let filters = candidates[..1].iter().chain(others);
    Choice::Index {
        filters: filters.map(|(place, _)| *place).collect(),
        kind,
    }
}

/// Whether rows are fetched one by one.
fn is_few(rows: u64, row_count: u64) -> bool {
    rows <= (row_count / FETCH_DIVISOR).max(1)
}

fn column_scan_reason(scan: Scan, best: Candidate, kind: Kind) -> Option<Reason> {
    let Estimate { rows, terms, .. } = best.estimate;
    match kind {
        Kind::Bitmap if rows > scan.row_count / BITMAP_DIVISOR => {
            Some(Reason::TooManyRows { rows })
        }
        Kind::Bitmap if terms > BITMAP_TERMS_MAX => Some(Reason::TooManyTerms { terms }),
        _ if index_cost(best.estimate, scan.row_count) * scan.pieces
            > scan.row_count * SCAN_COST + FETCH_COST =>
        {
            Some(Reason::TooManyTerms { terms })
        }
        _ => None,
    }
}

/// Whether reading the lists of a filter, once for each of the pieces, costs less than reading those of the best one's
/// rows that it drops, which is taken for the share that it drops of all rows.
pub(super) fn pays(filter: Estimate, best: Estimate, row_count: u64, pieces: u64) -> bool {
    let dropped = row_count.saturating_sub(filter.rows);
    let row_cost = match is_few(best.rows, row_count) {
        true => FETCH_COST,
        false => BITMAP_ROW_COST,
    };
    let saved = u128::from(best.rows * row_cost) * u128::from(dropped);
    u128::from(index_cost(filter, row_count) * pieces) * u128::from(row_count) < saved
}

fn is_cheaper_than_columns(scan: Scan, candidates: &[(usize, Candidate)]) -> bool {
    let cost: u64 = candidates
        .iter()
        .map(|(_, candidate)| index_cost(candidate.estimate, scan.row_count))
        .sum();
    scan.path != AccessPath::Cheapest
        || cost <= scan.row_count * SCAN_COST * candidates.len() as u64 + FETCH_COST
}

/// What listing the rows of a filter costs. Lists of many rows are bitmaps, whose size has a bound.
fn index_cost(filter: Estimate, row_count: u64) -> u64 {
    let Estimate {
        terms, postings, ..
    } = filter;
    let as_bitmaps = terms.saturating_mul(row_count / BITMAP_ROWS_PER_NANOSECOND);
    terms * TERM_COST + (postings * POSTING_COST).min(as_bitmaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Filters as `rows`, `rows/terms`, `~rows` where not exact, `?` where the index has no answer.
    #[track_caller]
    fn check(row_count: u64, path: AccessPath, filters: &str, expected: &str) {
        check_in_pieces(row_count, 1, path, filters, expected);
    }

    #[track_caller]
    fn check_in_pieces(
        row_count: u64,
        pieces: u64,
        path: AccessPath,
        filters: &str,
        expected: &str,
    ) {
        let candidate = |text: &str| {
            let exact = !text.starts_with('~');
            let text = text.trim_start_matches('~');
            let (rows, terms) = text.split_once('/').unwrap_or((text, "1"));
            let rows = rows.parse().unwrap();
            let estimate = Estimate {
                rows,
                terms: terms.parse().unwrap(),
                postings: rows,
                exact,
            };
            Candidate { estimate, exact }
        };
        let filters: Vec<Option<Candidate>> = filters
            .split_whitespace()
            .map(|text| (text != "?").then(|| candidate(text)))
            .collect();
        let choices = [false, true].map(|counts_only| {
            let scan = Scan {
                row_count,
                pieces,
                counts_only,
                path,
            };
            match choose(scan, &filters) {
                Choice::Nothing => "nothing".to_owned(),
                Choice::ColumnScan(reason) => format!("{reason:?}"),
                Choice::Index { filters, kind } => format!("{kind:?} {filters:?}"),
            }
        });
        assert_eq!(choices.join(" | "), expected);
    }

    #[test]
    fn few_rows_are_fetched_and_many_are_scanned() {
        use AccessPath::Cheapest;
        check(1_000_000, Cheapest, "", "NoFilter | NoFilter");
        check(1_000_000, Cheapest, "?", "NotIndexable | NotIndexable");
        check(1_000_000, Cheapest, "10", "Fetch [0] | IndexOnly [0]");
        check(1_000_000, Cheapest, "~10", "Fetch [0] | Fetch [0]");
        check(1_000_000, Cheapest, "50000", "Bitmap [0] | IndexOnly [0]");
        check(
            1_000_000,
            Cheapest,
            "500000",
            "TooManyRows { rows: 500000 } | IndexOnly [0]",
        );
        check(
            1_000_000,
            Cheapest,
            "500000/500000",
            "TooManyRows { rows: 500000 } | TooManyRows { rows: 500000 }",
        );
        check(
            1_000_000,
            Cheapest,
            "50000/50000",
            "TooManyTerms { terms: 50000 } | TooManyTerms { terms: 50000 }",
        );
        check(1_000_000, Cheapest, "? 0", "nothing | nothing");
    }

    #[test]
    fn more_filters_are_looked_up_where_that_saves_rows() {
        use AccessPath::{Cheapest, IndexFilter};
        check(
            1_000_000,
            Cheapest,
            "9000 100 ?",
            "Fetch [1, 0] | Fetch [1, 0]",
        );
        // A long list is a bitmap, and costs little, but more than to fetch the few rows that it drops.
        check(
            1_000_000,
            Cheapest,
            "900000 9000",
            "Fetch [1, 0] | IndexOnly [1, 0]",
        );
        check(
            1_000_000,
            Cheapest,
            "900000 100",
            "Fetch [1] | IndexOnly [1, 0]",
        );
        // As it does where each of twenty pieces would read it.
        check_in_pieces(
            1_000_000,
            20,
            Cheapest,
            "900000 9000",
            "Fetch [1] | IndexOnly [1, 0]",
        );
        check(
            1_000_000,
            Cheapest,
            "1000000 9000",
            "Fetch [1] | IndexOnly [1, 0]",
        );
        // Where rows are taken out of pages, one less saves little.
        check(
            1_000_000,
            Cheapest,
            "300000/10 20000",
            "Bitmap [1] | IndexOnly [1, 0]",
        );
        check(
            1_000_000,
            Cheapest,
            "30000 20000",
            "Bitmap [1, 0] | IndexOnly [1, 0]",
        );
        // Many lists do not pay for a hundred rows.
        check(
            1_000_000,
            Cheapest,
            "900000/900 100",
            "Fetch [1] | IndexOnly [1, 0]",
        );
        check(
            1_000_000,
            IndexFilter,
            "900000 100",
            "Fetch [1, 0] | IndexOnly [1, 0]",
        );
    }

    #[test]
    fn a_hint_forces_the_path() {
        use AccessPath::{ColumnScan, IndexFilter};
        check(1_000_000, ColumnScan, "10", "Forced | Forced");
        check(
            1_000_000,
            IndexFilter,
            "500000/500000",
            "Bitmap [0] | IndexOnly [0]",
        );
        check(
            3,
            AccessPath::Cheapest,
            "1 2",
            "Fetch [0, 1] | IndexOnly [0, 1]",
        );
    }
}
