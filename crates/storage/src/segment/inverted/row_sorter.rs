//! Puts row ids in order.

/// From one row in this many on, setting bits and reading them back is faster than comparing.
const SPARSE: usize = 64;

/// Sorts row ids below a bound, with memory that is kept between calls.
pub(super) struct RowSorter {
    row_count: usize,
    /// A bit for each row, all of them zero between calls.
    words: Vec<u64>,
}

impl RowSorter {
    /// A sorter of rows below `row_count`.
    pub(super) fn new(row_count: u32) -> Self {
        Self {
            row_count: row_count as usize,
            words: Vec::new(),
        }
    }

    /// Sorts `rows` and drops repeated ones.
    pub(super) fn sort(&mut self, rows: &mut Vec<u32>) {
        if rows.is_sorted_by(|left, right| left < right) {
            return;
        }
        if rows.len() * SPARSE < self.row_count {
            rows.sort_unstable();
            rows.dedup();
            return;
        }
        self.words.resize(self.row_count.div_ceil(64), 0);
        for row in rows.drain(..) {
            self.words[row as usize / 64] |= 1 << (row % 64);
        }
        for (base, word) in (0..).step_by(64).zip(&mut self.words) {
            let mut left = std::mem::take(word);
            while left != 0 {
                rows.push(base + left.trailing_zeros());
                left &= left - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_out_in_order_and_once(
            lists in prop::collection::vec(prop::collection::vec(0_u32..1000, 0..100), 1..4),
        ) {
            let mut sorter = RowSorter::new(1000);
            for mut rows in lists {
                let expected: BTreeSet<u32> = rows.iter().copied().collect();
                sorter.sort(&mut rows);
                prop_assert_eq!(rows, expected.into_iter().collect::<Vec<_>>());
            }
        }
    }
}
