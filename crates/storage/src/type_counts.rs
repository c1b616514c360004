//! How often each type occurs at each field path.
//!
//! Every chunk and every segment counts its documents once, when it is built; a snapshot adds the
//! counts up. Rows deleted later stay counted, so a count is an upper bound: a type with count zero
//! occurs in no live document, and that is what the planner relies on.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use outcrop_document::{FieldPath, ValueType};

use crate::SubColumn;

const TYPE_COUNT: usize = ValueType::ALL.len();

/// Counts of the values at one field path, by type, and the range of its ints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeCounts {
    counts: [u64; TYPE_COUNT],
    int_min: i64,
    int_max: i64,
}

impl Default for TypeCounts {
    fn default() -> Self {
        Self {
            counts: [0; TYPE_COUNT],
            int_min: i64::MAX,
            int_max: i64::MIN,
        }
    }
}

impl TypeCounts {
    /// Number of documents that have a value of `value_type` here, dead rows included.
    pub fn get(&self, value_type: ValueType) -> u64 {
        self.counts[value_type as usize]
    }

    /// The types that occur, in the order of the types; explicit null is one of them.
    pub fn types(&self) -> impl Iterator<Item = ValueType> + '_ {
        ValueType::ALL
            .into_iter()
            .filter(|value_type| self.get(*value_type) > 0)
    }

    /// The smallest and the largest int, none where no int occurs.
    pub fn int_range(&self) -> Option<(i64, i64)> {
        (self.get(ValueType::Int) > 0).then_some((self.int_min, self.int_max))
    }

    /// Counts `count` values of `value_type`; the range of ints is widened apart.
    pub(crate) fn add_many(&mut self, value_type: ValueType, count: u64) {
        self.counts[value_type as usize] += count;
    }

    /// Widens the range of ints to hold `low..=high`.
    pub(crate) fn widen_ints(&mut self, low: i64, high: i64) {
        self.int_min = self.int_min.min(low);
        self.int_max = self.int_max.max(high);
    }

    fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.widen_ints(other.int_min, other.int_max);
    }
}

/// The type counts of every field path of a chunk, a segment or a snapshot, ordered by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathTypes {
    paths: BTreeMap<Arc<FieldPath>, TypeCounts>,
}

impl PathTypes {
    /// The counts at `path`; none where no document has a value there.
    pub fn get(&self, path: &FieldPath) -> Option<&TypeCounts> {
        self.paths.get(path)
    }

    /// Number of documents with a value of the type of `column` at its path, dead rows included.
    pub fn count(&self, column: &SubColumn) -> u64 {
        self.get(&column.path)
            .map_or(0, |counts| counts.get(column.kind.value_type()))
    }

    /// All paths in order, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&FieldPath, &TypeCounts)> {
        self.paths
            .iter()
            .map(|(path, counts)| (path.as_ref(), counts))
    }

    /// Number of distinct paths.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether no path was counted.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Adds the counts of `other` to these.
    pub fn merge(&mut self, other: &Self) {
        for (path, counts) in &other.paths {
            match self.paths.entry(Arc::clone(path)) {
                btree_map::Entry::Vacant(entry) => {
                    entry.insert(counts.clone());
                }
                btree_map::Entry::Occupied(mut entry) => entry.get_mut().merge(counts),
            }
        }
    }

    /// The counts at `path`, to be added to.
    pub(crate) fn entry(&mut self, path: Arc<FieldPath>) -> &mut TypeCounts {
        self.paths.entry(path).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Arc<FieldPath> {
        Arc::new(text.parse().unwrap())
    }

    #[test]
    fn merging_adds_counts_and_widens_the_range_of_ints() {
        let mut left = PathTypes::default();
        left.entry(path("a")).add_many(ValueType::Int, 1);
        left.entry(path("a")).widen_ints(5, 5);
        left.entry(path("b")).add_many(ValueType::Null, 1);
        let mut right = PathTypes::default();
        right.entry(path("a")).add_many(ValueType::Int, 1);
        right.entry(path("a")).widen_ints(-7, -7);
        right.entry(path("a")).add_many(ValueType::String, 1);
        left.merge(&right);

        let a = left.get(&path("a")).unwrap();
        assert_eq!(
            a.types().collect::<Vec<_>>(),
            [ValueType::Int, ValueType::String]
        );
        assert_eq!((a.get(ValueType::Int), a.int_range()), (2, Some((-7, 5))));
        let b = left.get(&path("b")).unwrap();
        assert_eq!(
            (b.types().collect::<Vec<_>>(), b.int_range()),
            (vec![ValueType::Null], None)
        );
        assert!(left.get(&path("c")).is_none());
    }
}
