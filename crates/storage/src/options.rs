//! The sizes and times that a store works with.

use std::time::Duration;

use crate::segment::ROW_GROUP_ROWS;

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
    /// The same for the recent documents of all collections together. From half of it on, the
    /// collection that has most is flushed, whatever its own limits say.
    pub deltas_bytes_max: u64,
    /// A new write-ahead log file is begun when the current one is at least this long.
    pub wal_file_bytes: u64,
    /// In a bucket: how much time lies between two groups of the log, at least, while several
    /// writes wait. Every group is a request that costs money.
    pub wal_interval: Duration,
    /// Segments are put together until they have about this size: larger ones would make
    /// compactions long and rewriting the dead rows of one expensive.
    pub segment_bytes_max: u64,
    /// Bytes of documents that a compaction works on at a time, about: with their columns and what
    /// Parquet holds back, a few times this is its memory.
    pub compaction_bytes: usize,
    /// Bytes of decoded columns of segments that are kept in memory.
    pub column_cache_bytes: u64,
    /// How often scans have to want most of a column before it is kept.
    pub column_cache_after: u8,
    /// Rows of a row group of a segment.
    pub row_group_rows: usize,
    /// How often documents past the retention of their collection are looked for.
    pub retention_interval: Duration,
    /// Whether background threads fold the chunks of deltas, flush by the limits above, compact, and
    /// look for documents past their retention. Without them nothing happens but what is asked for,
    /// by [`Collection::fold_blocking`](crate::Collection::fold_blocking),
    /// [`Collection::flush`](crate::Collection::flush),
    /// [`Collection::compact_blocking`](crate::Collection::compact_blocking),
    /// [`Collection::expire_blocking`](crate::Collection::expire_blocking) and
    /// [`Store::close`](crate::Store::close);
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
            deltas_bytes_max: 1024 * MIB,
            wal_file_bytes: 64 * MIB,
            segment_bytes_max: 1024 * MIB,
            compaction_bytes: 64 * 1024 * 1024,
            column_cache_bytes: 256 * MIB,
            column_cache_after: 2,
            row_group_rows: ROW_GROUP_ROWS,
            retention_interval: Duration::from_secs(60),
            wal_interval: Duration::from_millis(100),
            background_flush: true,
        }
    }
}
