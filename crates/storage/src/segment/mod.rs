//! Segments: immutable files of documents, each one valid Parquet.
//!
//! A file holds row groups of typed sub-columns and whole documents, the inverted index, the
//! type counts and checksums over all of it, drawn byte by byte in `docs/formats/segment.md`.
//! [`write()`] makes one from chunks, [`Segment`] reads it. Nothing here knows which rows are
//! deleted or which segments are live: see [`Part`](crate::Part) and the manifest.

mod bloom;
mod cached;
mod checksums;
mod error;
mod extract;
mod footer;
mod hash;
mod inverted;
mod layout;
mod page_source;
mod properties;
mod reader;
mod scan;
mod sort_order;
mod tail;
mod type_section;
mod varint;
mod writer;

#[cfg(test)]
mod tests;

pub use error::SegmentError;
pub(crate) use inverted::{DEAD_ROW, MergeInput, merge as merge_indexes};
pub use inverted::{Direction, IndexPath, KeyRange, Matches, PathIndex, Postings, Terms};
pub use reader::Segment;
pub(crate) use sort_order::{SortKeys, SortOrder};
pub(crate) use writer::{ROW_GROUP_ROWS, SegmentLimits, SegmentWriter, write_chunk};
pub use writer::{SUB_COLUMNS_MAX, SegmentSummary, write};
