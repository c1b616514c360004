//! Every name in a data folder, built and parsed in one place.
//!
//! ```text
//! LOCK                                         held while a process has the folder open
//! temporary/<anything>                         half-written objects, and what queries have no room
//!                                              for in memory; removed at open
//! catalog/<n>                                  numbered objects of the catalog
//! wal/<n>                                      write-ahead log files
//! collections/<id>/manifest/<n>                numbered objects: the live segments
//! collections/<id>/segments/<ulid>.parquet     segments
//! collections/<id>/deletions/<ulid>-<n>        deletion vectors: segment and a drawn number
//! ```
//!
//! Numbers are written with twenty decimal digits, so that listings sort by number.

use std::fmt;

use crate::CollectionId;

/// Digits of a number in a name: enough for every `u64`.
const NUMBER_DIGITS: usize = 20;

/// The suffix of a segment file.
const SEGMENT_SUFFIX: &str = ".parquet";

/// The place of an object below the root of the data folder: steps joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectPath(String);

impl ObjectPath {
    /// The path with these steps, relative to the root; `/` separates them.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The object called `name` in the folder that this path names.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0))
    }

    /// The object with this number in the folder that this path names.
    #[must_use]
    pub fn numbered(&self, number: u64) -> Self {
        self.child(&number_name(number))
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The file that is locked while a process has the folder open.
pub(crate) fn lock() -> ObjectPath {
    ObjectPath::new("LOCK")
}

/// Where a [`Disk`](crate::env::Disk) may keep objects that are not complete yet, and whoever has
/// the store open files that need not outlive it.
pub(crate) fn temporary() -> ObjectPath {
    ObjectPath::new("temporary")
}

/// The numbered objects of the catalog.
pub(crate) fn catalog() -> ObjectPath {
    ObjectPath::new("catalog")
}

/// The numbered objects of the schedule, which change more often than the catalog.
pub(crate) fn schedule() -> ObjectPath {
    ObjectPath::new("schedule")
}

/// The folder of write-ahead log files.
pub(crate) fn wal() -> ObjectPath {
    ObjectPath::new("wal")
}

/// The folder of all collections.
pub(crate) fn collections() -> ObjectPath {
    ObjectPath::new("collections")
}

/// Everything of one collection.
pub(crate) fn collection(id: CollectionId) -> ObjectPath {
    collections().child(&id.to_string())
}

/// The manifests of one collection.
pub(crate) fn manifests(id: CollectionId) -> ObjectPath {
    collection(id).child("manifest")
}

/// The segments of one collection.
pub(crate) fn segments(id: CollectionId) -> ObjectPath {
    collection(id).child("segments")
}

/// One segment; `ulid` is its name in the manifest.
pub(crate) fn segment(id: CollectionId, ulid: &str) -> ObjectPath {
    segments(id).child(&segment_name(ulid))
}

/// The file name of a segment.
pub(crate) fn segment_name(ulid: &str) -> String {
    format!("{ulid}{SEGMENT_SUFFIX}")
}

/// Whether the path is that of a segment, whose name is random and nobody else's.
pub(crate) fn is_segment(path: &ObjectPath) -> bool {
    path.as_str().ends_with(SEGMENT_SUFFIX)
}

/// The deletion vectors of one collection.
pub(crate) fn deletions(id: CollectionId) -> ObjectPath {
    collection(id).child("deletions")
}

/// The deletion vector `number` of the segment `ulid`.
pub(crate) fn deletion_vector(id: CollectionId, ulid: &str, number: u64) -> ObjectPath {
    deletions(id).child(&deletion_vector_name(ulid, number))
}

/// The file name of a deletion vector.
pub(crate) fn deletion_vector_name(ulid: &str, number: u64) -> String {
    format!("{ulid}-{}", number_name(number))
}

/// How `number` is written in a name.
pub(crate) fn number_name(number: u64) -> String {
    format!("{number:0NUMBER_DIGITS$}")
}

/// The number that `name` was built from, or `None` for any other name.
pub(crate) fn parse_number(name: &str) -> Option<u64> {
    let digits = name.len() == NUMBER_DIGITS && name.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| name.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip_and_sort_as_text() {
        for number in [0, 1, 9, 10, u64::MAX] {
            assert_eq!(parse_number(&number_name(number)), Some(number));
        }
        assert!(number_name(9) < number_name(10));
        for name in ["", "1", "+0000000000000000001", "99999999999999999999"] {
            assert_eq!(parse_number(name), None, "{name}");
        }
    }

    #[test]
    fn names_of_a_collection() {
        let id = CollectionId::from_bytes([1; 16]);
        let folder = "collections/01010101-0101-0101-0101-010101010101";
        assert_eq!(
            segment(id, "S").as_str(),
            format!("{folder}/segments/S.parquet")
        );
        assert_eq!(
            deletion_vector(id, "S", 3).as_str(),
            format!("{folder}/deletions/S-00000000000000000003")
        );
        assert_eq!(
            manifests(id).numbered(12).as_str(),
            format!("{folder}/manifest/00000000000000000012")
        );
    }
}
