//! What the collections of one store and its threads share.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, mpsc};

use crate::CollectionId;
use crate::background::Signal;
use crate::column_cache::ColumnCache;
use crate::delta_memory::DeltaMemory;
use crate::env::Environment;
use crate::error::StoreError;
use crate::gc::Garbage;
use crate::numbered::NumberedError;
use crate::options::StoreOptions;
use crate::stats::StoreCounters;
use crate::wal::Wal;
use crate::writer::Request;

/// See the module.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) environment: Environment,
    pub(crate) options: StoreOptions,
    /// Goes into every manifest written while the store is open.
    pub(crate) epoch: u64,
    /// Whether it was noticed that another process owns the bucket now.
    pub(crate) fenced: AtomicBool,
    /// Up to which write each collection is in segments. Collections that are not here do not
    /// exist.
    pub(crate) flushed: Mutex<HashMap<CollectionId, u64>>,
    pub(crate) wal: Mutex<Wal>,
    /// Where batches go; none once the store is being closed.
    pub(crate) queue: RwLock<Option<mpsc::Sender<Request>>>,
    /// Wakes the thread that folds chunks.
    pub(crate) fold_signal: Signal,
    /// Wakes the thread that flushes.
    pub(crate) flush_signal: Signal,
    /// Wakes the thread that compacts.
    pub(crate) maintenance_signal: Signal,
    /// Files that are to be removed.
    pub(crate) garbage: Garbage,
    /// Decoded columns of all segments.
    pub(crate) column_cache: Arc<ColumnCache>,
    /// The deltas of all collections.
    pub(crate) deltas: DeltaMemory,
    /// What was done since the store was opened.
    pub(crate) counters: StoreCounters,
    /// Tells writes that wait for room, in any collection, to look again.
    pub(crate) room_changed: Notify,
}

impl Context {
    /// Time on the monotonic clock.
    pub(crate) fn now(&self) -> Duration {
        self.environment.clock.monotonic()
    }

    /// Time of day in microseconds since 1970.
    pub(crate) fn now_micros(&self) -> i64 {
        self.environment.clock.now_micros()
    }

    /// Removes files that no manifest names and nobody reads.
    pub(crate) fn collect_garbage(&self) {
        if self.is_fenced() {
            // They are the business of the new owner now.
            return;
        }
        self.garbage.sweep(&*self.environment.disk);
    }

    /// Whether another process owns the bucket now, as far as is known. Then nothing is written or
    /// removed any more, and reads go on.
    pub(crate) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }

    /// Notes that another process owns the bucket now.
    pub(crate) fn fence(&self) {
        if !self.fenced.swap(true, Ordering::AcqRel) {
            tracing::error!(
                epoch = self.epoch,
                "another server has taken the bucket over; this one takes no writes any more"
            );
        }
    }

    /// What a failure to write a numbered object means for the store.
    pub(crate) fn note_fence(&self, error: NumberedError) -> StoreError {
        if self.environment.disk.is_shared() && matches!(error, NumberedError::Taken { .. }) {
            self.fence();
            self.wal.lock().fence();
            return StoreError::Fenced;
        }
        error.into()
    }

    /// Removes the files of the write-ahead log that nobody needs any more.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn remove_flushed_wal(&self) -> io::Result<()> {
        let flushed = self.flushed.lock().clone();
        self.wal
            .lock()
            .remove_flushed(|id| flushed.get(&id).copied())
    }
}
