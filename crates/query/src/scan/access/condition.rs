//! What a filter asks of the inverted index.

use std::fmt;

use outcrop_document::{FieldPath, ValueType};
use outcrop_storage::{IndexPath, KeyRange, Segment, SegmentError, all_rows};
use roaring::RoaringBitmap;

use super::choose::pays;

/// A condition on the rows of a segment that its index can answer.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scan) enum Condition {
    /// The value at the path lies in one of these ranges, which do not overlap.
    Values {
        path: FieldPath,
        ranges: Vec<KeyRange>,
    },
    /// The array at the path has an element in one of these ranges.
    Elements {
        path: FieldPath,
        ranges: Vec<KeyRange>,
    },
    /// There is a value of one of these types at the path.
    Present {
        path: FieldPath,
        types: Vec<ValueType>,
    },
    /// There is none of these types at the path.
    Absent {
        path: FieldPath,
        types: Vec<ValueType>,
    },
    /// All of these hold.
    All(Vec<Condition>),
    /// One of these holds, or more.
    Any(Vec<Condition>),
    /// Every row or none.
    Constant(bool),
}

/// How many rows of a segment meet a condition, and what it takes to list them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::scan) struct Estimate {
    /// At most this many rows, deleted ones included; of one path, exactly so many.
    pub(in crate::scan) rows: u64,
    /// Terms to walk and rows to read for it.
    pub(in crate::scan) terms: u64,
    pub(in crate::scan) postings: u64,
    /// Whether every row that is listed meets the condition.
    pub(in crate::scan) exact: bool,
}

impl Condition {
    /// Whether it is on the value of one path: then its rows are counted without listing them.
    pub(super) fn is_of_one_path(&self) -> bool {
        match self {
            Self::Values { .. } | Self::Present { .. } | Self::Absent { .. } => true,
            Self::Elements { .. } | Self::All(_) | Self::Any(_) | Self::Constant(_) => false,
        }
    }

    /// Counts from the dictionary, without reading any row.
    pub(super) fn estimate(&self, segment: &Segment) -> Result<Estimate, SegmentError> {
        let all_rows = u64::from(segment.row_count());
        let mut estimate = match self {
            Self::Values { path, ranges } => {
                estimate_values(segment, &IndexPath::of(path), ranges)?
            }
            Self::Elements { path, ranges } => match has_arrays_only(segment, path)? {
                true => estimate_values(segment, &IndexPath::of(path).elements(), ranges)?,
                false => Estimate {
                    rows: all_rows,
                    ..Estimate::default()
                },
            },
            Self::Present { path, types } => estimate_types(segment, path, types)?,
            Self::Absent { path, types } => {
                let present = estimate_types(segment, path, types)?;
                Estimate {
                    rows: all_rows.saturating_sub(present.rows),
                    ..present
                }
            }
            Self::All(conditions) => {
                let used = paying(conditions, segment)?;
                let estimates: Vec<Estimate> = used.iter().map(|(_, one)| *one).collect();
                let sum = sum(&estimates);
                let least = estimates.first().map(|estimate| estimate.rows);
                Estimate {
                    rows: least.unwrap_or(all_rows),
                    exact: sum.exact && used.len() == conditions.len(),
                    ..sum
                }
            }
            Self::Any(conditions) => sum(&estimates(conditions, segment)?),
            Self::Constant(holds) => Estimate {
                rows: if *holds { all_rows } else { 0 },
                exact: true,
                ..Estimate::default()
            },
        };
        estimate.rows = estimate.rows.min(all_rows);
        Ok(estimate)
    }

    /// The rows that meet it, deleted ones included; more than those where the
    /// [estimate](Self::estimate) was not exact.
    pub(super) fn rows(&self, segment: &Segment) -> Result<RoaringBitmap, SegmentError> {
        let all = || all_rows(segment.row_count());
        Ok(match self {
            Self::Values { path, ranges } => value_rows(segment, &IndexPath::of(path), ranges)?,
            Self::Elements { path, ranges } => match has_arrays_only(segment, path)? {
                true => value_rows(segment, &IndexPath::of(path).elements(), ranges)?,
                false => all(),
            },
            Self::Present { path, types } => type_rows(segment, path, types)?,
            Self::Absent { path, types } => all() - type_rows(segment, path, types)?,
            Self::All(conditions) => {
                let mut used = paying(conditions, segment)?.into_iter();
                let mut rows = match used.next() {
                    Some((first, _)) => first.rows(segment)?,
                    None => all(),
                };
                for (condition, _) in used {
                    if rows.is_empty() {
                        break;
                    }
                    rows &= condition.rows(segment)?;
                }
                rows
            }
            Self::Any(conditions) => {
                let mut rows = RoaringBitmap::new();
                for condition in conditions {
                    rows |= condition.rows(segment)?;
                }
                rows
            }
            Self::Constant(true) => all(),
            Self::Constant(false) => RoaringBitmap::new(),
        })
    }
}

/// The most selective of the conditions, and those others that are worth a look, in this order.
fn paying<'a>(
    conditions: &'a [Condition],
    segment: &Segment,
) -> Result<Vec<(&'a Condition, Estimate)>, SegmentError> {
    let estimates = estimates(conditions, segment)?;
    let mut used: Vec<(&Condition, Estimate)> = conditions.iter().zip(estimates).collect();
    used.sort_by_key(|(_, estimate)| estimate.rows);
    if let Some((_, best)) = used.first().copied() {
        let row_count = u64::from(segment.row_count());
        let mut place = 0;
        used.retain(|(_, estimate)| {
            place += 1;
            place == 1 || pays(*estimate, best, row_count, 1)
        });
    }
    Ok(used)
}

fn estimates(conditions: &[Condition], segment: &Segment) -> Result<Vec<Estimate>, SegmentError> {
    conditions
        .iter()
        .map(|condition| condition.estimate(segment))
        .collect()
}

fn sum(estimates: &[Estimate]) -> Estimate {
    let none = Estimate {
        exact: true,
        ..Estimate::default()
    };
    estimates.iter().fold(none, |sum, one| Estimate {
        rows: sum.rows.saturating_add(one.rows),
        terms: sum.terms + one.terms,
        postings: sum.postings + one.postings,
        exact: sum.exact && one.exact,
    })
}

fn estimate_values(
    segment: &Segment,
    path: &IndexPath,
    ranges: &[KeyRange],
) -> Result<Estimate, SegmentError> {
    let Some(index) = segment.index(path)? else {
        return Ok(sum(&[]));
    };
    let matches = index.matches(ranges)?;
    Ok(Estimate {
        rows: matches.rows,
        terms: matches.terms,
        postings: matches.rows,
        exact: matches.exact,
    })
}

fn value_rows(
    segment: &Segment,
    path: &IndexPath,
    ranges: &[KeyRange],
) -> Result<RoaringBitmap, SegmentError> {
    let mut rows = RoaringBitmap::new();
    if let Some(index) = segment.index(path)? {
        index.add_rows(ranges, &mut rows)?;
    }
    Ok(rows)
}

/// Whether no value at the path is of another type: a function of arrays complains of those, so it
/// has to see them.
fn has_arrays_only(segment: &Segment, path: &FieldPath) -> Result<bool, SegmentError> {
    let Some(index) = segment.index(&IndexPath::of(path))? else {
        return Ok(true);
    };
    let mut types = index.types().map(|(value_type, _)| value_type);
    Ok(types.all(|value_type| matches!(value_type, ValueType::Array | ValueType::Null)))
}

fn estimate_types(
    segment: &Segment,
    path: &FieldPath,
    types: &[ValueType],
) -> Result<Estimate, SegmentError> {
    let Some(index) = segment.index(&IndexPath::of(path))? else {
        return Ok(sum(&[]));
    };
    let counts = types.iter().map(|one| u64::from(index.type_count(*one)));
    let rows = counts.sum();
    Ok(Estimate {
        rows,
        terms: types.len() as u64,
        postings: rows,
        exact: true,
    })
}

fn type_rows(
    segment: &Segment,
    path: &FieldPath,
    types: &[ValueType],
) -> Result<RoaringBitmap, SegmentError> {
    let mut rows = RoaringBitmap::new();
    if let Some(index) = segment.index(&IndexPath::of(path))? {
        for value_type in types {
            rows |= index.type_rows(*value_type)?;
        }
    }
    Ok(rows)
}

impl fmt::Display for Condition {
    /// The paths that it looks at, each once.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut paths = Vec::new();
        self.collect_paths(&mut paths);
        paths.sort_unstable();
        paths.dedup();
        let paths: Vec<String> = paths.into_iter().map(ToString::to_string).collect();
        f.write_str(&paths.join(", "))
    }
}

impl Condition {
    fn collect_paths<'a>(&'a self, paths: &mut Vec<&'a FieldPath>) {
        match self {
            Self::Values { path, .. }
            | Self::Elements { path, .. }
            | Self::Present { path, .. }
            | Self::Absent { path, .. } => paths.push(path),
            Self::All(conditions) | Self::Any(conditions) => {
                conditions.iter().for_each(|one| one.collect_paths(paths));
            }
            Self::Constant(_) => {}
        }
    }
}
