//! How the parts of a snapshot are spread over the partitions of a plan.

use std::ops::Range;

/// Rows below which a partition is not worth its overhead.
const PARTITION_ROWS_MIN: u64 = 16 * 1024;

/// One piece of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Index of the part in the snapshot.
    pub(super) part: usize,
    /// The rows to read; all if `None`.
    pub(super) rows: Option<Range<u32>>,
}

/// What matters of a part here.
#[derive(Clone, Debug, Default)]
pub(super) struct PartShape {
    /// Number of rows.
    pub(super) rows: u32,
    /// Ranges that can be read apart from each other without doing work twice.
    pub(super) groups: Vec<Range<u32>>,
}

/// Spreads parts over at most `partitions_max` partitions: largest piece first, each to the
/// partition that has least to do. There is always one partition.
pub(super) fn assign(parts: &[PartShape], partitions_max: usize) -> Vec<Vec<Piece>> {
    let total: u64 = parts.iter().map(|part| u64::from(part.rows)).sum();
    let useful = usize::try_from(total / PARTITION_ROWS_MIN).unwrap_or(usize::MAX);
    let count = useful.clamp(1, partitions_max.max(1));
    let share = total.div_ceil(count as u64);
    let mut pieces = parts
        .iter()
        .enumerate()
        .filter(|(_, part)| part.rows > 0)
        .flat_map(|(index, part)| split(index, part, share))
        .collect::<Vec<_>>();
    pieces.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));

    let mut partitions = vec![(0_u64, Vec::new()); count];
    for (piece, rows) in pieces {
        let least = partitions.iter_mut().min_by_key(|(load, _)| *load);
        let (load, assigned) = least.expect("there is at least one partition");
        *load += u64::from(rows);
        assigned.push(piece);
    }
    partitions.into_iter().map(|(_, pieces)| pieces).collect()
}

/// Cuts a part that is more than one partition's share into its groups; the rows of each piece.
fn split(part: usize, shape: &PartShape, share: u64) -> Vec<(Piece, u32)> {
    if u64::from(shape.rows) <= share || shape.groups.len() < 2 {
        return vec![(Piece { part, rows: None }, shape.rows)];
    }
    let cut = |rows: &Range<u32>| {
        (
            Piece {
                part,
                rows: Some(rows.clone()),
            },
            rows.end - rows.start,
        )
    };
    shape.groups.iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(rows: u32) -> PartShape {
        PartShape {
            rows,
            groups: Vec::new(),
        }
    }

    fn parts(pieces: &[Piece]) -> Vec<usize> {
        pieces.iter().map(|piece| piece.part).collect()
    }

    #[test]
    fn a_small_snapshot_is_one_partition() {
        let assigned = assign(&[whole(10), whole(0), whole(500)], 8);
        assert_eq!(assigned.len(), 1);
        assert_eq!(parts(&assigned[0]), [2, 0]);
        assert_eq!(assign(&[], 8), vec![Vec::new()]);
    }

    #[test]
    fn large_parts_go_first_and_loads_are_even() {
        let assigned = assign(&[whole(100_000), whole(60_000), whole(50_000)], 2);
        assert_eq!(
            (parts(&assigned[0]), parts(&assigned[1])),
            (vec![0], vec![1, 2])
        );
    }

    #[test]
    fn a_part_beyond_its_share_is_read_by_groups() {
        let groups = vec![0..40_000, 40_000..80_000, 80_000..100_000];
        let assigned = assign(
            &[PartShape {
                rows: 100_000,
                groups: groups.clone(),
            }],
            2,
        );
        assert_eq!(assigned.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        let mut ranges = assigned
            .into_iter()
            .flatten()
            .filter_map(|piece| piece.rows)
            .collect::<Vec<_>>();
        ranges.sort_by_key(|range| range.start);
        assert_eq!(ranges, groups);
    }
}
