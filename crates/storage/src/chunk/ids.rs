//! From `_id` to rows inside one chunk.

use hashbrown::HashTable;

use crate::segment::hash::hash64;

/// Rows by the hash of their `_id`. A row keeps its 32 upper bits of hash, so that growing the
/// table and most mismatches do not touch the `_id`s.
#[derive(Debug)]
pub(super) struct IdTable {
    rows: HashTable<(u32, u32)>,
}

impl IdTable {
    /// The table of `ids`, where the `_id` at position n belongs to row n.
    pub(super) fn build<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let mut rows = HashTable::with_capacity(ids.len());
        for (row, id) in (0..).zip(ids) {
            let tag = tag(id);
            rows.insert_unique(spread(tag), (tag, row), |(tag, _)| spread(*tag));
        }
        Self { rows }
    }

    /// A row of `id` that `is_it` accepts. It is asked about rows of other `_id`s too.
    pub(super) fn find(&self, id: &str, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let wanted = tag(id);
        let entry = self
            .rows
            .find(spread(wanted), |(tag, row)| *tag == wanted && is_it(*row));
        entry.map(|(_, row)| *row)
    }
}

fn tag(id: &str) -> u32 {
    (hash64(id.as_bytes()) >> 32) as u32
}

/// The table takes its control bits from the top and its position from the bottom.
fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
