//! The sizes and times that a store works with.

use std::time::Duration;

/// One mebibyte.
const MIB: u64 = 1024 * 1024;

/// When recent documents are flushed and how the write-ahead log is cut. The defaults suit a
/// server; tests make them smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// A collection is flushed when its recent documents take this much memory.
    pub flush_bytes: u64,
    /// A collection is flushed when it has this many recent documents.
    pub flush_documents: u64,
    /// A collection is flushed when its oldest recent write is this old.
    pub flush_age: Duration,
    /// Writes wait for the flush while the recent documents of a collection take more memory than
    /// this, and fail if flushing fails.
    pub delta_bytes_max: u64,
    /// A new write-ahead log file is begun when the current one is at least this long.
    pub wal_file_bytes: u64,
    /// Whether background threads fold the chunks of deltas and flush by the limits above. Without
    /// them nothing happens but what is asked for, by
    /// [`Collection::fold_blocking`](crate::Collection::fold_blocking),
    /// [`Collection::flush`](crate::Collection::flush) and [`Store::close`](crate::Store::close);
    /// for tests.
    pub background_flush: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            flush_bytes: 32 * MIB,
            flush_documents: 100_000,
            flush_age: Duration::from_secs(10),
            delta_bytes_max: 256 * MIB,
            wal_file_bytes: 64 * MIB,
            background_flush: true,
        }
    }
}
