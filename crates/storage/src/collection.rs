//! One collection: takes batches of writes and hands out snapshots. Start reading here.
//!
//! A write is prepared in the task of its caller (`prepare.rs`), carried out by the store's writer
//! thread (`writer.rs`), and later flushed to a segment (`flush.rs`). Reading takes the snapshot
//! that was published last and needs no lock.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::collection_options::CollectionOptions;
use crate::context::Context;
use crate::error::{StoreError, WriteError};
use crate::manifest::{Manifest, ManifestLog, SegmentEntry};
use crate::operation::{Action, Operation, WriteReceipt};
use crate::part::PartData;
use crate::prepare::{PreparedBatch, prepare};
use crate::segment::SegmentError;
use crate::snapshot::Snapshot;
use crate::state::{Purged, SegmentPart, State};
use crate::stats::CollectionStats;
use crate::writer::Request;
use crate::{CollectionId, compaction, flush, fold, retention};

/// A batch with more documents than this is prepared on a thread for blocking work: it would keep
/// an async thread busy for too long.
const INLINE_DOCUMENTS_MAX: usize = 16;

/// Writes wait while more segments than this wait to be put together: each is one more to look for
/// the older version of every document in, and one more for every query. Compaction that keeps up
/// has less than a third of it.
const BACKLOG_MAX: usize = 96;

/// The documents of one collection. See the crate's documentation.
#[derive(Debug)]
pub struct Collection {
    id: CollectionId,
    this: Weak<Self>,
    pub(crate) context: Arc<Context>,
    snapshot: ArcSwap<Snapshot>,
    pub(crate) state: Mutex<State>,
    /// Held for as long as a flush takes, so that there is one at a time.
    pub(crate) manifest: Mutex<ManifestLog>,
    /// Held for as long as a compaction takes; taken before `manifest` and `state`.
    pub(crate) compacting: Mutex<()>,
    /// As in the newest manifest.
    options: ArcSwap<CollectionOptions>,
    dropped: AtomicBool,
    flushing_stopped: AtomicBool,
    pub(crate) counters: Counters,
    /// Whether the last compaction failed: writes do not wait for the next one then.
    compaction_fails: AtomicBool,
    /// Why the last flush failed; none if it did not.
    flush_error: Mutex<Option<Arc<StoreError>>>,
}

/// Figures that are cheaper to keep than to work out. They are read without any lock.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    delta_rows: AtomicU64,
    delta_bytes: AtomicU64,
    /// Segments that wait to be put together.
    compaction_backlog: AtomicUsize,
    /// Documents that retention has removed, and the size of their rows.
    purged_count: AtomicU64,
    purged_bytes: AtomicU64,
    pub(crate) bytes_inserted: AtomicU64,
    pub(crate) replaced_count: AtomicU64,
    /// 0 before the first write.
    pub(crate) last_write_micros: AtomicI64,
}

impl Counters {
    /// Counts what retention has removed.
    pub(crate) fn add_purged(&self, purged: &Purged) {
        self.purged_count.fetch_add(purged.rows, Ordering::Relaxed);
        self.purged_bytes.fetch_add(purged.bytes, Ordering::Relaxed);
    }
}

impl Collection {
    pub(crate) fn new(
        id: CollectionId,
        context: Arc<Context>,
        manifest: ManifestLog,
        state: State,
    ) -> Arc<Self> {
        let empty = Snapshot::new(0, Vec::new());
        let collection = Arc::new_cyclic(|this| Self {
            id,
            this: Weak::clone(this),
            context,
            snapshot: ArcSwap::from_pointee(empty),
            state: Mutex::new(state),
            options: ArcSwap::from_pointee(manifest.newest().options.clone()),
            manifest: Mutex::new(manifest),
            compacting: Mutex::new(()),
            dropped: AtomicBool::new(false),
            flushing_stopped: AtomicBool::new(false),
            counters: Counters::default(),
            compaction_fails: AtomicBool::new(false),
            flush_error: Mutex::new(None),
        });
        collection.publish(&collection.state.lock());
        collection
    }

    /// The collection's id.
    #[must_use]
    pub fn id(&self) -> CollectionId {
        self.id
    }

    /// What was chosen when it was made, or since.
    #[must_use]
    pub fn options(&self) -> Arc<CollectionOptions> {
        self.options.load_full()
    }

    /// Changes the options, durably. Blocks, for as long as a flush that is under way. Segments
    /// that exist keep their order until a compaction rewrites them.
    ///
    /// # Errors
    /// Those of the disk, and [`StoreError::CollectionMissing`] after it was dropped.
    pub fn set_options_blocking(&self, options: CollectionOptions) -> Result<(), StoreError> {
        let mut log = self.manifest.lock();
        if self.is_dropped() {
            return Err(StoreError::CollectionMissing { id: self.id });
        }
        self.check_flushing()?;
        let newest = log.newest();
        let mut manifest = self.next_manifest(&log, newest.seqno, newest.segments.clone());
        manifest.options = options.clone();
        log.append(manifest)
            .map_err(|error| self.context.note_fence(error))?;
        self.options.store(Arc::new(options));
        Ok(())
    }

    /// Carries `operations` out in their order, and all of them at once for whoever reads.
    ///
    /// When it returns they are on disk and in every snapshot that is taken from then on. A call
    /// that is dropped halfway may still come into effect.
    ///
    /// # Errors
    /// See [`WriteError`]. Nothing of the batch has happened then.
    pub async fn write(&self, operations: Vec<Operation>) -> Result<WriteReceipt, WriteError> {
        self.wait_for_room().await?;
        let batch = prepare_off_thread(operations).await?;
        let queue = self
            .context
            .queue
            .read()
            .clone()
            .ok_or(WriteError::Closed)?;
        let collection = self.this.upgrade().ok_or(WriteError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let request = Request {
            collection,
            batch,
            reply,
        };
        queue
            .send(request)
            .await
            .map_err(|_unsent| WriteError::Closed)?;
        drop(queue);
        answer.await.unwrap_or(Err(WriteError::Closed))
    }

    /// The collection as it is now. Costs nothing and never waits.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Writes all documents that are in memory only to a segment.
    ///
    /// # Errors
    /// See [`StoreError`]. The documents are as safe as before, in the write-ahead log.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let collection = self.this.upgrade().ok_or(StoreError::Closed)?;
        match Handle::try_current() {
            Ok(runtime) => runtime
                .spawn_blocking(move || collection.flush_blocking())
                .await
                .unwrap_or(Err(StoreError::Closed)),
            Err(_no_runtime) => collection.flush_blocking(),
        }
    }

    /// As [`flush`](Self::flush), for threads that may block.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn flush_blocking(&self) -> Result<(), StoreError> {
        let result = flush::run(self);
        *self.flush_error.lock() = None;
        self.context.room_changed.notify_waiters();
        result
    }

    /// As [`flush_blocking`](Self::flush_blocking), for the flush thread: writes that wait for
    /// room are told why there is none.
    pub(crate) fn flush_in_background(&self) -> Result<(), Arc<StoreError>> {
        let result = flush::run(self).map_err(Arc::new);
        *self.flush_error.lock() = result.as_ref().err().map(Arc::clone);
        self.context.room_changed.notify_waiters();
        result
    }

    /// Puts small chunks of the delta together, as a background thread does by itself. Blocks;
    /// writes and reads go on.
    ///
    /// # Errors
    /// [`SegmentError`] if chunks cannot be put together; they stay as they are.
    pub fn fold_blocking(&self) -> Result<(), SegmentError> {
        fold::run(self)
    }

    /// Puts segments together, and leaves dead rows behind, until there is nothing to gain. It also
    /// happens by itself in the background. Blocks; writes, reads and flushes go on.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn compact_blocking(&self) -> Result<(), StoreError> {
        while compaction::run(self)? {}
        self.context.collect_garbage();
        Ok(())
    }

    /// One compaction, for the thread that does them. Returns false if there was nothing to do.
    pub(crate) fn compact_in_background(&self) -> Result<bool, StoreError> {
        let result = compaction::run(self);
        self.compaction_fails
            .store(result.is_err(), Ordering::Relaxed);
        self.context.room_changed.notify_waiters();
        result
    }

    /// Removes the documents that are past the collection's retention, except those that are only
    /// in memory so far, and returns how many there were. It also happens by itself in the
    /// background. Blocks; writes and reads go on.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn expire_blocking(&self) -> Result<u64, StoreError> {
        retention::run(self)
    }

    /// Figures for people and for the API.
    #[must_use]
    pub fn stats(&self) -> CollectionStats {
        let snapshot = self.snapshot();
        let mut stats = CollectionStats {
            doc_count: snapshot.row_count(),
            bytes_inserted: self.counters.bytes_inserted.load(Ordering::Relaxed),
            replaced_count: self.counters.replaced_count.load(Ordering::Relaxed),
            purged_count: self.counters.purged_count.load(Ordering::Relaxed),
            purged_bytes: self.counters.purged_bytes.load(Ordering::Relaxed),
            seqno: snapshot.seqno(),
            last_write_micros: Some(self.counters.last_write_micros.load(Ordering::Relaxed))
                .filter(|micros| *micros != 0),
            ..CollectionStats::default()
        };
        for part in snapshot.parts() {
            stats.dead_count += u64::from(part.row_count() - part.live_row_count());
            match part.data() {
                PartData::Segment(_) => {
                    stats.segment_count += 1;
                    stats.segment_bytes += part.bytes();
                }
                PartData::Chunk(_) => {
                    stats.delta_count += u64::from(part.live_row_count());
                    stats.delta_bytes += part.bytes();
                }
            }
        }
        stats
    }

    /// Shows `state` to readers.
    pub(crate) fn publish(&self, state: &State) {
        let snapshot = state.snapshot(&self.snapshot.load());
        self.snapshot.store(Arc::new(snapshot));
        let (rows, bytes) = state.delta_size();
        self.counters.delta_rows.store(rows, Ordering::Relaxed);
        self.count_delta(if self.is_dropped() { 0 } else { bytes });
        let sizes = state.segments().iter().map(SegmentPart::size);
        let backlog = compaction::backlog(sizes, self.context.options.segment_bytes_max);
        self.counters
            .compaction_backlog
            .store(backlog, Ordering::Relaxed);
        self.context.room_changed.notify_waiters();
    }

    /// Notes the size of the delta; `state` is locked.
    fn count_delta(&self, bytes: u64) {
        let old = self.counters.delta_bytes.swap(bytes, Ordering::Relaxed);
        self.context.deltas.replace(old, bytes);
    }

    /// Memory of the documents that are in no segment yet.
    pub(crate) fn delta_bytes(&self) -> u64 {
        self.counters.delta_bytes.load(Ordering::Relaxed)
    }

    /// Whether the delta has reached the size at which it is flushed, or at which writes wait.
    pub(crate) fn flush_is_due(&self) -> bool {
        let options = &self.context.options;
        let bytes_max = options.flush_bytes.min(options.delta_bytes_max);
        self.delta_bytes() >= bytes_max
            || self.counters.delta_rows.load(Ordering::Relaxed) >= options.flush_documents
    }

    /// Whether the oldest write that is only in memory has reached the age at which it is flushed.
    pub(crate) fn flush_is_due_by_age(&self) -> bool {
        let oldest = self.state.lock().oldest_write();
        let age = oldest.map(|oldest| self.context.now().saturating_sub(oldest));
        age.is_some_and(|age| age >= self.context.options.flush_age)
    }

    /// Whether [`drop_it`](Self::drop_it) was called.
    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }

    /// Refuses writes and flushes from now on.
    pub(crate) fn drop_it(&self) {
        self.dropped.store(true, Ordering::Release);
        let state = self.state.lock();
        self.count_delta(0);
        drop(state);
        self.context.room_changed.notify_waiters();
    }

    /// The manifest after the newest: everything up to `seqno` is in `segments`.
    pub(crate) fn next_manifest(
        &self,
        log: &ManifestLog,
        seqno: u64,
        segments: Vec<SegmentEntry>,
    ) -> Manifest {
        let mut manifest = log.newest().clone();
        manifest.epoch = self.context.epoch;
        manifest.written_at_micros = self.context.environment.clock.now_micros();
        manifest.seqno = seqno;
        manifest.segments = segments;
        manifest
    }

    /// Whether manifests may be written.
    ///
    /// # Errors
    /// [`StoreError::FlushStopped`] after [`stop_flushing`](Self::stop_flushing),
    /// [`StoreError::Fenced`] if another process owns the bucket.
    pub(crate) fn check_flushing(&self) -> Result<(), StoreError> {
        if self.context.is_fenced() {
            return Err(StoreError::Fenced);
        }
        if self.flushing_stopped.load(Ordering::Acquire) {
            return Err(StoreError::FlushStopped { id: self.id });
        }
        Ok(())
    }

    /// Refuses flushes from now on: memory and manifest have come apart.
    pub(crate) fn stop_flushing(&self) {
        self.flushing_stopped.store(true, Ordering::Release);
    }

    async fn wait_for_room(&self) -> Result<(), WriteError> {
        loop {
            let changed = self.context.room_changed.notified();
            if self.is_dropped() {
                return Err(WriteError::Dropped { id: self.id });
            }
            let options = &self.context.options;
            let deltas = &self.context.deltas;
            let has_room = self.delta_bytes() <= options.delta_bytes_max && !deltas.is_full();
            let waits_for_compaction = self.compaction_is_behind();
            if has_room && !waits_for_compaction || !options.background_flush {
                return Ok(());
            }
            if self.context.queue.read().is_none() {
                return Err(WriteError::Closed);
            }
            if has_room {
                self.context.maintenance_signal.wake();
                changed.await;
                continue;
            }
            let failed = self.flush_error.lock().clone();
            if let Some(source) = failed.or_else(|| deltas.error()) {
                return Err(WriteError::FlushFails { source });
            }
            self.context.flush_signal.wake();
            changed.await;
        }
    }

    /// Whether there are so many segments that writes should wait. If compaction cannot help they
    /// need not: slow reads are better than no writes.
    fn compaction_is_behind(&self) -> bool {
        let backlog = self.counters.compaction_backlog.load(Ordering::Relaxed);
        backlog > BACKLOG_MAX && !self.compaction_fails.load(Ordering::Relaxed)
    }
}

async fn prepare_off_thread(operations: Vec<Operation>) -> Result<PreparedBatch, WriteError> {
    let puts = operations
        .iter()
        .filter(|operation| matches!(operation.action, Action::Put(_)));
    match Handle::try_current() {
        Ok(runtime) if puts.count() > INLINE_DOCUMENTS_MAX => runtime
            .spawn_blocking(move || prepare(operations))
            .await
            .unwrap_or(Err(WriteError::Closed)),
        _ => prepare(operations),
    }
}
