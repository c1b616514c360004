//! Posting lists: the rows of one term, ascending.
//!
//! ```text
//! inline, up to INLINE_ROWS_MAX rows:   the first row, then the distance to each next one, LEB128
//! a list of its own:                    tag, then
//!   tag 0                               the same, of any number of rows
//!   tag 1                               a roaring bitmap in its portable format
//! ```
//!
//! A list takes the form that is smaller: distances where rows are rare, a bitmap where they are
//! frequent or come in runs.

use bytes::Bytes;
use roaring::RoaringBitmap;

use super::super::varint;

/// Most rows that stand beside their term. More are read only by who wants them.
pub(super) const INLINE_ROWS_MAX: usize = 4;

const TAG_DISTANCES: u8 = 0;
const TAG_BITMAP: u8 = 1;

/// Below this many rows a bitmap's headers alone are larger than distances.
const BITMAP_ROWS_MIN: usize = 64;

/// The rows of one term, found but perhaps not read.
#[derive(Clone, Debug)]
pub struct Postings {
    /// Number of rows, deleted ones included.
    count: u32,
    pub(super) place: Place,
}

/// Where the rows are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Here, encoded as distances.
    Inline(Bytes),
    /// In a list of the section: offset and bytes.
    List(ListRef),
}

/// A list of rows in the section of the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ListRef {
    /// From the start of the section.
    pub(super) offset: u64,
    pub(super) bytes: usize,
}

impl Postings {
    pub(super) fn new(count: u32, place: Place) -> Self {
        Self { count, place }
    }

    /// Number of rows, deleted ones included; at least one.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }
}

/// Appends `rows`, which ascend, as distances.
pub(super) fn write_distances(rows: &[u32], out: &mut Vec<u8>) {
    let mut before = 0;
    for row in rows {
        varint::write(u64::from(*row - before), out);
        before = *row;
    }
}

/// Takes `count` ascending rows below `row_count` off the front of `input`; none if they are not.
pub(super) fn read_distances(
    input: &mut &[u8],
    count: u32,
    row_count: u32,
    mut found: impl FnMut(u32),
) -> Option<()> {
    let mut before = 0;
    for index in 0..count {
        let distance = u32::try_from(varint::read(input)?).ok()?;
        if index > 0 && distance == 0 {
            return None;
        }
        let row = distance.checked_add(before)?;
        if row >= row_count {
            return None;
        }
        found(row);
        before = row;
    }
    Some(())
}

/// Steps over `count` distances.
pub(super) fn skip_distances(input: &mut &[u8], count: u32) -> Option<()> {
    (0..count).try_for_each(|_| varint::read(input).map(drop))
}

/// The bytes of a list of its own.
pub(super) fn encode_list(rows: &[u32]) -> Vec<u8> {
    let mut out = vec![TAG_DISTANCES];
    write_distances(rows, &mut out);
    if rows.len() < BITMAP_ROWS_MIN {
        return out;
    }
    let mut bitmap =
        RoaringBitmap::from_sorted_iter(rows.iter().copied()).expect("rows of a term ascend");
    bitmap.optimize();
    if bitmap.serialized_size() < out.len() {
        out.clear();
        out.push(TAG_BITMAP);
        bitmap
            .serialize_into(&mut out)
            .expect("writing to a vector does not fail");
    }
    out
}

/// Adds the `count` rows of a list to `rows`; none, if the bytes are not such a list.
pub(super) fn decode_list(
    bytes: &[u8],
    count: u32,
    row_count: u32,
    rows: &mut RoaringBitmap,
) -> Option<()> {
    let mut few = Vec::new();
    collect_list(bytes, count, row_count, &mut few, rows)?;
    add_sorted(few, rows);
    Some(())
}

/// Appends the `count` rows of a list to `rows`, in ascending order; none, if the bytes are not such
/// a list.
pub(super) fn push_list(
    bytes: &[u8],
    count: u32,
    row_count: u32,
    rows: &mut Vec<u32>,
) -> Option<()> {
    let mut bitmap = RoaringBitmap::new();
    collect_list(bytes, count, row_count, rows, &mut bitmap)?;
    rows.extend(bitmap);
    Some(())
}

/// Takes the `count` rows of a list as they are stored: appended to `few`, or added to `bitmap`.
/// None, if the bytes are not such a list.
pub(super) fn collect_list(
    bytes: &[u8],
    count: u32,
    row_count: u32,
    few: &mut Vec<u32>,
    bitmap: &mut RoaringBitmap,
) -> Option<()> {
    let (tag, mut rest) = bytes.split_first()?;
    match *tag {
        TAG_DISTANCES => {
            read_distances(&mut rest, count, row_count, |row| few.push(row))?;
            rest.is_empty().then_some(())
        }
        TAG_BITMAP => {
            let read = RoaringBitmap::deserialize_from(rest).ok()?;
            if read.len() != u64::from(count) || read.max().is_some_and(|row| row >= row_count) {
                return None;
            }
            *bitmap |= read;
            Some(())
        }
        _ => None,
    }
}

/// Adds `few`, which ascend, to `rows`.
pub(super) fn add_sorted(few: Vec<u32>, rows: &mut RoaringBitmap) {
    let few = RoaringBitmap::from_sorted_iter(few).expect("rows ascend");
    match rows.is_empty() {
        true => *rows = few,
        false => *rows |= few,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROWS: u32 = 200_000;

    fn check(rows: &[u32]) -> usize {
        let bytes = encode_list(rows);
        let count = u32::try_from(rows.len()).unwrap();
        let mut read = RoaringBitmap::new();
        decode_list(&bytes, count, ROWS, &mut read).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), rows);
        let mut pushed = vec![7];
        push_list(&bytes, count, ROWS, &mut pushed).unwrap();
        assert_eq!(pushed[1..], *rows);
        assert_eq!(push_list(&bytes, count + 1, ROWS, &mut pushed), None);
        let mut other = RoaringBitmap::new();
        assert_eq!(decode_list(&bytes, count + 1, ROWS, &mut other), None);
        let too_few = rows.last().copied().unwrap_or(0);
        assert_eq!(decode_list(&bytes, count, too_few, &mut other), None);
        bytes.len()
    }

    #[test]
    fn runs_and_dense_lists_are_small() {
        assert!(check(&(5..100_000).collect::<Vec<_>>()) < 100);
        let dense: Vec<u32> = (0..ROWS).filter(|row| row % 3 != 0).collect();
        assert!(check(&dense) < ROWS as usize / 4);
        let rare: Vec<u32> = (0..ROWS).step_by(100).collect();
        assert!(check(&rare) <= rare.len() + 3);
    }

    proptest! {
        #[test]
        fn lists_read_back(rows in prop::collection::btree_set(0..ROWS, 1..500)) {
            check(&rows.into_iter().collect::<Vec<_>>());
        }
    }
}
