//! Compaction: fewer, larger segments out of many, without their dead rows.
//!
//! - `choose` decides which segments are to become one, from their sizes alone;
//! - `cursor` reads one of them in order, `merge` all of them, and gives chunks in the order of the
//!   collection's clustering key;
//! - `run` writes these to a new segment beside writes and flushes, and puts it in the place of the
//!   old ones.
//!
//! Memory hardly depends on the size of the segments: it holds one chunk with its columns, one batch
//! of each input, and of each row its new number and the hash of its `_id`.

mod choose;
mod cursor;
mod merge;
mod run;

pub(crate) use choose::{SegmentSize, backlog};
pub(crate) use merge::Input;
pub(crate) use run::run;
