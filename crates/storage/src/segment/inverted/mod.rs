//! The inverted index of a segment: from field path and value to the rows that hold it.
//!
//! Conceptually one sorted keyspace `path ‖ K(value) → rows`, as Rockset's search index had it. As
//! values are keyed by K, whose bytes order as values do, the same keys answer equality, ranges,
//! prefixes and types; as each term carries the number of its rows, a count needs no row at all.
//! The elements of arrays have paths of their own, so that membership is a lookup too. `_id` is a
//! path like any other, with a Bloom filter in front: the primary key.
//!
//! - [`IndexPath`]: a path as the index spells it; [`KeyRange`]: the values that are looked for;
//! - `term`: how a value's key becomes a term; `postings`: lists of rows; `block`: front-coded terms;
//! - `writer`: terms to bytes, in order; `build`: from a chunk; `merge`: from other segments;
//! - `directory`: what is known of each path; [`PathIndex`]: lookups.
//!
//! Nothing here knows which rows are deleted. Drawn in `docs/formats/segment.md`.

mod block;
mod build;
mod collect;
mod directory;
mod elements;
mod index_path;
mod key_range;
mod merge;
mod path_index;
mod postings;
mod reader;
mod row_sorter;
mod term;
mod writer;

pub(crate) use build::build;
pub use index_path::IndexPath;
pub use key_range::KeyRange;
pub(crate) use merge::{DEAD_ROW, MergeInput, merge};
pub use path_index::{Direction, Matches, PathIndex, Terms};
pub use postings::Postings;
pub(crate) use reader::InvertedIndex;
