//! How the parts of a snapshot are spread over the partitions of a plan.

use std::ops::Range;

/// Rows below which a partition is not worth its overhead.
const PARTITION_ROWS_MIN: u64 = 16 * 1024;

/// Rows of the largest piece that is read in one go: a larger part is split, so that the partitions
/// share it. A multiple of the row group, so that a group is decoded by one partition only.
const PIECE_ROWS_MAX: u32 = 512 * 1024;

/// One piece of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Index of the part in the snapshot.
    pub(super) part: usize,
    /// The rows to read; all if `None`.
    pub(super) rows: Option<Range<u32>>,
}

/// Spreads parts with these numbers of rows over at most `partitions_max` partitions: largest piece
/// first, each to the partition that has least to do. There is always one partition.
pub(super) fn assign(part_rows: &[u32], partitions_max: usize) -> Vec<Vec<Piece>> {
    let total: u64 = part_rows.iter().map(|rows| u64::from(*rows)).sum();
    let useful = usize::try_from(total / PARTITION_ROWS_MIN).unwrap_or(usize::MAX);
    let count = useful.clamp(1, partitions_max.max(1));
    let mut pieces = part_rows
        .iter()
        .enumerate()
        .filter(|(_, rows)| **rows > 0)
        .flat_map(|(part, rows)| split(part, *rows, count))
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

/// Cuts one part into pieces, with the rows of each, if several partitions can share it.
fn split(part: usize, rows: u32, partitions: usize) -> Vec<(Piece, u32)> {
    if partitions == 1 || rows <= PIECE_ROWS_MAX {
        return vec![(Piece { part, rows: None }, rows)];
    }
    let pieces = rows.div_ceil(PIECE_ROWS_MAX);
    let cut = |piece: u32| {
        let start = piece * PIECE_ROWS_MAX;
        let end = start.saturating_add(PIECE_ROWS_MAX).min(rows);
        (Piece { part, rows: Some(start..end) }, end - start)
    };
    (0..pieces).map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_snapshot_is_one_partition() {
        let assigned = assign(&[10, 0, 500], 8);
        assert_eq!(assigned.len(), 1);
        assert_eq!(assigned[0].iter().map(|piece| piece.part).collect::<Vec<_>>(), [2, 0]);
        assert_eq!(assign(&[], 8), vec![Vec::new()]);
    }

    #[test]
    fn large_parts_go_first_and_loads_are_even() {
        let assigned = assign(&[100_000, 60_000, 50_000], 2);
        let parts = |pieces: &[Piece]| pieces.iter().map(|piece| piece.part).collect::<Vec<_>>();
        assert_eq!(parts(&assigned[0]), [0]);
        assert_eq!(parts(&assigned[1]), [1, 2]);
    }

    #[test]
    fn the_pieces_of_a_split_part_cover_it_once() {
        let rows = 3 * PIECE_ROWS_MAX + 17;
        let mut ranges = assign(&[rows], 4)
            .into_iter()
            .flatten()
            .map(|piece| piece.rows.expect("a split part has ranges"))
            .collect::<Vec<_>>();
        ranges.sort_by_key(|range| range.start);
        assert_eq!((ranges[0].start, ranges.last().unwrap().end), (0, rows));
        assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
    }
}
