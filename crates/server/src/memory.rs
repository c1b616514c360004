//! The memory limit of a server: how it is shared out, and how far it is used.
//!
//! | share | for |
//! |---|---|
//! | 1/2 | what queries hold; sorts and aggregations write more than that to disk |
//! | 1/8 | recent documents of all collections; they are flushed from half of it on |
//! | 1/8 of what is beyond 512 MiB | decoded columns of segments, as long as nobody else needs it |
//! | 1/32 | bodies of writes in flight, which take a few times as much while they are worked on |
//! | 1/16 | what an ingest transformation makes of one of them |
//! | the rest | flushes, compactions, open segments, the cache of a bucket, and what nobody counts |
//!
//! Processes that decode uploaded files have 1/16 each beside it, 64 MiB at least.
//!
//! Counts are estimates. So the memory that the process has is looked at as well: close to the limit
//! queries get no more, and writes wait for a while and are refused then. Pages of files that the
//! operating system keeps in memory, those of segments among them, do not count: it takes them
//! back by itself.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use outcrop_query::{EngineOptions, MemoryGauge};
use outcrop_storage::env::Clock;
use outcrop_storage::{ColumnCache, StoreOptions};

use crate::config::Limits;
use crate::process::anonymous_bytes;

/// The smallest limit: below it there is no room for one compaction beside one query.
pub const MEMORY_BYTES_MIN: usize = 256 << 20;

/// The smallest limit of a process that decodes uploaded files.
const DECODER_BYTES_MIN: usize = 64 << 20;

/// Limits up to this leave nothing for decoded columns: flushes and compactions, which do not ask, need the room.
const COLUMN_CACHE_FROM: usize = 512 << 20;

/// How old a look at the process may be. One costs some microseconds.
const SAMPLE_AGE_MAX: Duration = Duration::from_millis(5);

/// How often free memory is given back at most: pages that are taken again cost a fault each.
const GIVE_BACK_INTERVAL: Duration = Duration::from_millis(50);

/// What is left to those that do not ask is an eighth of the limit, within these bounds.
const REST_BYTES: RangeInclusive<usize> = 64 << 20..=1 << 30;

/// Shares `bytes` of memory out.
pub(crate) fn share_out(
    bytes: usize,
    limits: &mut Limits,
    store: &mut StoreOptions,
    engine: &mut EngineOptions,
) {
    engine.memory_bytes_max = bytes / 2;
    engine.result_bytes_max = engine.result_bytes_max.min(bytes / 8);
    engine.transformation_bytes_max = engine.transformation_bytes_max.min(bytes / 16);
    let deltas = bytes as u64 / 8;
    store.deltas_bytes_max = deltas;
    store.column_cache_bytes = bytes.saturating_sub(COLUMN_CACHE_FROM) as u64 / 8;
    store.delta_bytes_max = store.delta_bytes_max.min(deltas);
    store.flush_bytes = store.flush_bytes.min(deltas / 4);
    store.compaction_bytes = store.compaction_bytes.min(bytes / 32);
    limits.write_bytes_in_flight_max = limits.write_bytes_in_flight_max.min(bytes / 32);
    let decoder = (bytes / 16).max(DECODER_BYTES_MIN);
    limits.decoder_memory_bytes_max = limits.decoder_memory_bytes_max.min(decoder);
}

/// The memory of this process beside its limit.
#[derive(Debug)]
pub(crate) struct ProcessMemory {
    bytes_max: usize,
    give_back: Option<fn()>,
    /// What goes before anyone is refused.
    columns: OnceLock<Arc<ColumnCache>>,
    clock: Arc<dyn Clock>,
    /// When it was looked at last, on the monotonic clock, and what was seen.
    sampled_at_micros: AtomicU64,
    sampled: AtomicUsize,
    /// When memory was given back last.
    gave_back_at_micros: AtomicU64,
}

impl ProcessMemory {
    pub(crate) fn new(bytes_max: usize, give_back: Option<fn()>, clock: Arc<dyn Clock>) -> Self {
        Self {
            bytes_max,
            give_back,
            columns: OnceLock::new(),
            clock,
            sampled_at_micros: AtomicU64::new(0),
            sampled: AtomicUsize::new(0),
            gave_back_at_micros: AtomicU64::new(0),
        }
    }

    /// Lets `columns` keep what the process has room for, and takes it back when others need it.
    pub(crate) fn lend_to(self: &Arc<Self>, columns: &Arc<ColumnCache>) {
        let memory = Arc::downgrade(self);
        columns.ask_before_keeping(Arc::new(move |bytes| {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            memory.upgrade().is_some_and(|memory| memory.fits(bytes))
        }));
        // Nobody sets two.
        let _ = self.columns.set(Arc::clone(columns));
    }

    /// Whether there is room for so much more, as things are.
    fn fits(&self, bytes: usize) -> bool {
        self.bytes().saturating_add(bytes) <= self.bytes_for_asking()
    }

    /// Bytes that the process may have with those that ask; the rest is for those that do not.
    fn bytes_for_asking(&self) -> usize {
        let rest = (self.bytes_max / 8).clamp(*REST_BYTES.start(), *REST_BYTES.end());
        self.bytes_max.saturating_sub(rest)
    }

    /// Bytes that the process has, a few milliseconds ago at most.
    fn bytes(&self) -> usize {
        if is_due(&self.sampled_at_micros, SAMPLE_AGE_MAX, &*self.clock) {
            self.look();
        }
        self.sampled.load(Ordering::Relaxed)
    }

    fn look(&self) -> usize {
        let bytes = anonymous_bytes().unwrap_or_default();
        self.sampled.store(bytes, Ordering::Relaxed);
        bytes
    }
}

/// Whether what happened `last` is to happen again, which it has then. Several threads may find
/// so at the same time.
fn is_due(last_micros: &AtomicU64, interval: Duration, clock: &dyn Clock) -> bool {
    let now = u64::try_from(clock.monotonic().as_micros()).unwrap_or(u64::MAX);
    let last = last_micros.load(Ordering::Relaxed);
    let is_due = last == 0 || u128::from(now.saturating_sub(last)) > interval.as_micros();
    if is_due {
        last_micros.store(now.max(1), Ordering::Relaxed);
    }
    is_due
}

impl MemoryGauge for ProcessMemory {
    fn has_room(&self, bytes: usize) -> bool {
        if self.fits(bytes) {
            return true;
        }
        if !is_due(&self.gave_back_at_micros, GIVE_BACK_INTERVAL, &*self.clock) {
            return false;
        }
        if let Some(columns) = self.columns.get() {
            columns.clear();
        }
        if let Some(give_back) = self.give_back {
            give_back();
        }
        self.look();
        self.fits(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_storage::env::ManualClock;

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_process_takes_counts() {
        let clock = Arc::new(ManualClock::new());
        let before = anonymous_bytes().unwrap();
        let memory = ProcessMemory::new(before * 2 + (64 << 20), None, Arc::clone(&clock) as _);
        assert!(memory.has_room(1 << 20));
        let taken = vec![1_u8; before + (64 << 20)];
        clock.advance(Duration::from_secs(1));
        assert!(
            !memory.has_room(1 << 20),
            "{} bytes were taken",
            taken.len()
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn free_memory_is_given_back_before_anyone_is_refused_but_not_each_time() {
        static GIVEN: AtomicUsize = AtomicUsize::new(0);
        let give_back: fn() = || {
            GIVEN.fetch_add(1, Ordering::Relaxed);
        };
        let clock = Arc::new(ManualClock::new());
        let memory = ProcessMemory::new(1, Some(give_back), Arc::clone(&clock) as _);
        for _ in 0..10 {
            clock.advance(Duration::from_millis(10));
            assert!(!memory.has_room(0));
        }
        assert_eq!(GIVEN.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn the_shares_fit_into_the_whole() {
        for bytes in [MEMORY_BYTES_MIN, 1 << 30, 64 << 30] {
            let mut limits = Limits::default();
            let (mut store, mut engine) = (StoreOptions::default(), EngineOptions::default());
            share_out(bytes, &mut limits, &mut store, &mut engine);
            let deltas = usize::try_from(store.deltas_bytes_max).unwrap();
            let columns = usize::try_from(store.column_cache_bytes).unwrap();
            let bodies = 8 * limits.write_bytes_in_flight_max;
            let sum = engine.memory_bytes_max + deltas + columns + bodies;
            assert!(sum <= bytes, "{bytes}: {sum}");
            assert!(store.flush_bytes <= store.delta_bytes_max);
            assert!(store.delta_bytes_max <= store.deltas_bytes_max);
        }
    }
}
