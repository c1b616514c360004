//! Figures of a store and of its collections, for people and for the API.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a store has done since it was opened, and what it has in memory. Sizes are in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Groups of batches that became durable together, by one sync or one request to a bucket each.
    pub wal_groups: u64,
    /// Size of these.
    pub wal_bytes: u64,
    /// Deltas that became segments.
    pub flushes: Work,
    /// Segments that were put together to one.
    pub compactions: Work,
    /// Memory of recent documents of all collections.
    pub delta_bytes: u64,
    /// Memory of columns that are kept decoded.
    pub column_cache_bytes: u64,
}

/// Work in the background.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// How often it was done.
    pub count: u64,
    /// How long it took in all.
    pub time: Duration,
    /// Size of the segments that it made.
    pub bytes: u64,
}

/// What is counted of a store.
#[derive(Debug, Default)]
pub(crate) struct StoreCounters {
    wal_groups: AtomicU64,
    wal_bytes: AtomicU64,
    pub(crate) flushes: WorkCounter,
    pub(crate) compactions: WorkCounter,
}

impl StoreCounters {
    /// Counts a group that is in the write-ahead log.
    pub(crate) fn add_group(&self, bytes: u64) {
        self.wal_groups.fetch_add(1, Ordering::Relaxed);
        self.wal_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The counts; what is in memory is left to the caller.
    pub(crate) fn stats(&self) -> StoreStats {
        StoreStats {
            wal_groups: self.wal_groups.load(Ordering::Relaxed),
            wal_bytes: self.wal_bytes.load(Ordering::Relaxed),
            flushes: self.flushes.work(),
            compactions: self.compactions.work(),
            ..StoreStats::default()
        }
    }
}

/// What is counted of work in the background.
#[derive(Debug, Default)]
pub(crate) struct WorkCounter {
    count: AtomicU64,
    micros: AtomicU64,
    bytes: AtomicU64,
}

impl WorkCounter {
    pub(crate) fn add(&self, time: Duration, bytes: u64) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn work(&self) -> Work {
        Work {
            count: self.count.load(Ordering::Relaxed),
            time: Duration::from_micros(self.micros.load(Ordering::Relaxed)),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

/// How much a collection holds. Sizes are in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionStats {
    /// Documents that a query sees.
    pub doc_count: u64,
    /// Older versions and deleted documents that still take space.
    pub dead_count: u64,
    /// Size of all segments on disk.
    pub segment_bytes: u64,
    /// Number of segments.
    pub segment_count: u64,
    /// Documents that are in memory and the write-ahead log, not in a segment yet.
    pub delta_count: u64,
    /// Memory that these take.
    pub delta_bytes: u64,
    /// Encoded size of all documents written since the store was opened.
    pub bytes_inserted: u64,
    /// Number of documents that replaced an older version since the store was opened.
    pub replaced_count: u64,
    /// Documents that retention has removed since the store was opened.
    pub purged_count: u64,
    /// Size of the rows of these, about.
    pub purged_bytes: u64,
    /// The sequence number of the newest write.
    pub seqno: u64,
    /// When the newest write of this process became visible, in microseconds since 1970; `None`
    /// if there was none since the store was opened.
    pub last_write_micros: Option<i64>,
}
