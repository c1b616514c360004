//! Compaction: fewer, larger segments out of many, without their dead rows.
//!
//! `choose` decides which segments are to become one, from their sizes alone; `run` does it beside
//! the writes. Only segments that fit in memory together are taken; larger ones stay as they are.

mod choose;
mod run;

pub(crate) use run::run;
