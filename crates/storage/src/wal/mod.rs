//! The write-ahead log: every batch is here, synced, before anybody sees it.
//!
//! One log serves all collections of a store. It is a row of files `wal/<n>`, each a header and
//! then records; a record is one batch of one collection. The writer thread appends all batches
//! that wait (a *group*) with one write and one sync. A file is removed when the manifests of all
//! collections have passed its records.
//!
//! - `record` builds and parses the bytes, which `docs/formats/wal.md` draws;
//! - `batch` is the payload of a record;
//! - `group` puts records together;
//! - `writer` appends groups, begins new files and removes old ones;
//! - `reader` checks a file, and tells a tail that was never acknowledged from damage;
//! - `objects` does the work of both in a bucket, where each group is an object of its own and
//!   several processes may want to write; `owner` is the record that tells them apart.

mod batch;
mod error;
mod group;
mod log;
mod objects;
mod owner;
mod reader;
mod record;
mod writer;

pub(crate) use batch::{BatchBuilder, BatchEntry, entries};
pub use error::WalError;
pub(crate) use group::Group;
pub(crate) use log::Wal;
pub(crate) use objects::claim;
pub(crate) use reader::{RecoveredRecord, read_file, read_log};
pub(crate) use record::PAYLOAD_BYTES_MAX;
#[cfg(test)]
pub(crate) use writer::SealedFile;
pub(crate) use writer::{AppendError, WalWriter};

#[cfg(test)]
mod tests;
