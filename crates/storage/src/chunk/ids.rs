//! From `_id` to rows inside one chunk.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Rows by the hash of their `_id`. A row keeps its hash, so that growing the table and most
/// mismatches do not touch the `_id`s.
///
/// The hash has a random seed: `_id`s come from outside and must not be able to collide on purpose.
#[derive(Debug)]
pub(super) struct IdTable {
    hasher: DefaultHashBuilder,
    rows: HashTable<(u64, u32)>,
}

impl IdTable {
    /// The table of `ids`, where the `_id` at position n belongs to row n.
    pub(super) fn build<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let hasher = DefaultHashBuilder::default();
        let mut rows = HashTable::with_capacity(ids.len());
        for (row, id) in (0..).zip(ids) {
            let hash = hasher.hash_one(id);
            rows.insert_unique(hash, (hash, row), |(hash, _)| *hash);
        }
        Self { hasher, rows }
    }

    /// A row of `id` that `is_it` accepts. It is asked about rows of other `_id`s too.
    pub(super) fn find(&self, id: &str, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let wanted = self.hasher.hash_one(id);
        let is_it = |entry: &(u64, u32)| entry.0 == wanted && is_it(entry.1);
        self.rows.find(wanted, is_it).map(|(_, row)| *row)
    }
}
