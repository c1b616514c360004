//! Which rows of a chunk a column has values for.

use std::ops::Range;

/// Ascending row ids, without a list where they are the rows from zero on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowSet {
    /// The rows `0..count`.
    First(u32),
    /// Any rows, ascending.
    List(Vec<u32>),
}

impl Default for RowSet {
    fn default() -> Self {
        Self::First(0)
    }
}

impl RowSet {
    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::First(count) => *count as usize,
            Self::List(rows) => rows.len(),
        }
    }

    /// Adds a row that is larger than all before.
    pub(crate) fn push(&mut self, row: u32) {
        match self {
            Self::First(count) if *count == row => *count += 1,
            Self::First(count) => {
                let mut rows: Vec<u32> = (0..*count).collect();
                rows.push(row);
                *self = Self::List(rows);
            }
            Self::List(rows) => rows.push(row),
        }
    }

    /// The rows, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let (first, list) = match self {
            Self::First(count) => (0..*count, [].as_slice()),
            Self::List(rows) => (0..0, rows.as_slice()),
        };
        first.chain(list.iter().copied())
    }

    /// For each of `rows`, which ascend, its place among these rows.
    pub(crate) fn places<'a>(&'a self, rows: &'a [u32]) -> Places<'a> {
        Places {
            set: self,
            rows,
            next: self.lower_bound(rows.first().copied().unwrap_or(0)),
        }
    }

    /// The places of all of these rows that lie in `rows`.
    pub(crate) fn places_within(&self, rows: Range<u32>) -> Range<usize> {
        self.lower_bound(rows.start)..self.lower_bound(rows.end)
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::First(_) => 0,
            Self::List(rows) => rows.len() * size_of::<u32>(),
        }
    }

    fn lower_bound(&self, row: u32) -> usize {
        match self {
            Self::First(count) => (*count).min(row) as usize,
            Self::List(rows) => rows.partition_point(|other| *other < row),
        }
    }
}

/// Iterator of [`RowSet::places`].
pub(crate) struct Places<'a> {
    set: &'a RowSet,
    rows: &'a [u32],
    next: usize,
}

impl Iterator for Places<'_> {
    type Item = Option<u32>;

    fn next(&mut self) -> Option<Self::Item> {
        let (row, rest) = self.rows.split_first()?;
        self.rows = rest;
        match self.set {
            RowSet::First(count) => Some((row < count).then_some(*row)),
            RowSet::List(list) => {
                while list.get(self.next).is_some_and(|other| other < row) {
                    self.next += 1;
                }
                let place = u32::try_from(self.next).expect("a chunk has at most 2^32 rows");
                Some((list.get(self.next) == Some(row)).then_some(place))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rows.len(), Some(self.rows.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(rows: &[u32]) -> RowSet {
        let mut set = RowSet::default();
        rows.iter().for_each(|row| set.push(*row));
        set
    }

    #[test]
    fn places_are_the_positions_of_the_rows_in_the_set() {
        assert_eq!(set(&[0, 1, 2]), RowSet::First(3));
        for rows in [&[0, 1, 2][..], &[1, 4, 5, 9], &[0, 2], &[], &[7]] {
            let set = set(rows);
            assert_eq!(set.iter().collect::<Vec<_>>(), rows);
            for wanted in [
                &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9][..],
                &[4, 9, 11],
                &[],
                &[2, 7],
            ] {
                let place = |row| {
                    rows.iter()
                        .position(|other| other == row)
                        .map(|at| u32::try_from(at).unwrap())
                };
                let expected: Vec<_> = wanted.iter().map(place).collect();
                assert_eq!(set.places(wanted).collect::<Vec<_>>(), expected);
            }
            let within = rows.iter().filter(|row| (2..7).contains(*row)).count();
            assert_eq!(set.places_within(2..7).len(), within);
        }
    }
}
