//! One data folder: what is in it, and the threads that work on it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, mpsc};

use crate::background::{self, Signal};
use crate::collection::Collection;
use crate::collection_options::CollectionOptions;
use crate::column_cache::ColumnCache;
use crate::context::Context;
use crate::delta_memory::DeltaMemory;
use crate::env::{DiskLock, Environment};
use crate::error::{StoreError, report};
use crate::gc::Garbage;
use crate::manifest::{Manifest, ManifestLog};
use crate::numbered::NumberedObjects;
use crate::options::StoreOptions;
use crate::paths::{self, ObjectPath};
use crate::recovery::{self, Recovered};
use crate::segment_file;
use crate::state::State;
use crate::stats::{StoreCounters, StoreStats};
use crate::wal::AppendError;
use crate::writer::{self, QUEUE_BATCHES_MAX};
use crate::{CollectionId, fold, maintenance};

/// How often the flush thread looks whether a collection is old enough.
const FLUSH_INTERVAL: Duration = Duration::from_millis(250);

/// How long the flush thread rests after a flush that failed.
const FLUSH_RETRY: Duration = Duration::from_secs(2);

/// How often the fold thread looks without being woken.
const FOLD_INTERVAL: Duration = Duration::from_secs(1);

type Collections = Arc<RwLock<BTreeMap<CollectionId, Arc<Collection>>>>;

/// One data folder, open. It is closed by [`close`](Self::close), or without a last flush when
/// dropped; nothing acknowledged is lost either way.
#[derive(Debug)]
pub struct Store {
    context: Arc<Context>,
    collections: Collections,
    /// Held while a collection is made or dropped.
    changing: Mutex<()>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Given back last.
    _lock: Box<dyn DiskLock>,
}

impl Store {
    /// Opens a data folder, and makes it if it is not there. Blocks until every acknowledged write
    /// is in memory or in an open segment.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it; otherwise the error names the file that
    /// could not be read.
    pub fn open(environment: Environment, options: StoreOptions) -> Result<Arc<Self>, StoreError> {
        let lock = lock(&environment)?;
        let disk = &environment.disk;
        let temporary = paths::temporary();
        disk.remove_folder(&temporary)
            .map_err(StoreError::io("remove", &temporary))?;
        let column_cache = ColumnCache::new(options.column_cache_bytes, options.column_cache_after);
        let Recovered {
            collections,
            wal,
            epoch,
        } = recovery::recover(&environment, &options, &column_cache)?;
        let newest = collections
            .values()
            .map(|collection| collection.manifest.newest());
        let flushed = newest
            .map(|manifest| (manifest.collection, manifest.seqno))
            .collect();
        let (sender, receiver) = mpsc::channel(QUEUE_BATCHES_MAX);
        let deltas = DeltaMemory::new(options.deltas_bytes_max);
        let context = Arc::new(Context {
            environment,
            options,
            epoch,
            fenced: AtomicBool::new(false),
            flushed: Mutex::new(flushed),
            wal: Mutex::new(wal),
            queue: RwLock::new(Some(sender)),
            fold_signal: Signal::default(),
            flush_signal: Signal::default(),
            maintenance_signal: Signal::default(),
            garbage: Garbage::default(),
            column_cache,
            deltas,
            counters: StoreCounters::default(),
            room_changed: Notify::new(),
        });
        let collections = collections.into_iter().map(|(id, recovered)| {
            let context = Arc::clone(&context);
            (
                id,
                Collection::new(id, context, recovered.manifest, recovered.state),
            )
        });
        let store = Arc::new(Self {
            collections: Arc::new(RwLock::new(collections.collect())),
            context,
            changing: Mutex::new(()),
            threads: Mutex::new(Vec::new()),
            _lock: lock,
        });
        store
            .start_threads(receiver)
            .map_err(|source| StoreError::Thread { source })?;
        Ok(store)
    }

    fn start_threads(&self, queue: mpsc::Receiver<writer::Request>) -> io::Result<()> {
        let mut threads = self.threads.lock();
        let context = Arc::clone(&self.context);
        threads.push(background::spawn("outcrop-writer", move || {
            writer::run(&context, queue)
        })?);
        if self.context.options.background_flush {
            let (context, collections) = (Arc::clone(&self.context), Arc::clone(&self.collections));
            let fold = move || fold_all(&context, &collections);
            threads.push(background::spawn("outcrop-fold", fold)?);
            let (context, collections) = (Arc::clone(&self.context), Arc::clone(&self.collections));
            let flush = move || flush_all(&context, &collections);
            threads.push(background::spawn("outcrop-flush", flush)?);
            let (context, collections) = (Arc::clone(&self.context), Arc::clone(&self.collections));
            let maintain = move || maintenance::run(&context, &collections);
            threads.push(background::spawn("outcrop-compaction", maintain)?);
        }
        Ok(())
    }

    /// Makes an empty collection that keeps all documents, in the order of their `_event_time`. It
    /// is on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError::CollectionExists`], [`StoreError::Closed`], those of the disk.
    pub fn create_collection(&self, id: CollectionId) -> Result<Arc<Collection>, StoreError> {
        self.create_collection_with(id, CollectionOptions::default())
    }

    /// The columns of segments that are kept decoded.
    pub fn column_cache(&self) -> &Arc<ColumnCache> {
        &self.context.column_cache
    }

    /// As [`create_collection`](Self::create_collection), with other options.
    ///
    /// # Errors
    /// Those of [`create_collection`](Self::create_collection).
    pub fn create_collection_with(
        &self,
        id: CollectionId,
        options: CollectionOptions,
    ) -> Result<Arc<Collection>, StoreError> {
        let _changing = self.changing.lock();
        self.check_open()?;
        if self.context.is_fenced() {
            return Err(StoreError::Fenced);
        }
        if self.collection(id).is_some() {
            return Err(StoreError::CollectionExists { id });
        }
        let environment = &self.context.environment;
        let mut manifest = Manifest::empty(id, self.context.epoch, environment.clock.now_micros());
        manifest.options = options;
        let manifest = ManifestLog::create(&environment.disk, manifest)?;
        // A later owner that does not know of the collection would not keep its writes.
        self.check_owner()?;
        self.context.flushed.lock().insert(id, 0);
        let context = Arc::clone(&self.context);
        let collection = Collection::new(id, context, manifest, State::default());
        self.collections.write().insert(id, Arc::clone(&collection));
        Ok(collection)
    }

    /// The collection, if there is one of this id.
    #[must_use]
    pub fn collection(&self, id: CollectionId) -> Option<Arc<Collection>> {
        self.collections.read().get(&id).map(Arc::clone)
    }

    /// The ids of all collections, ascending.
    #[must_use]
    pub fn collection_ids(&self) -> Vec<CollectionId> {
        self.collections.read().keys().copied().collect()
    }

    /// Removes a collection and its files. Snapshots that were taken before go on to work.
    ///
    /// # Errors
    /// [`StoreError::CollectionMissing`], [`StoreError::Closed`]; those of the disk, after which
    /// the collection takes no writes, and is either as it was or gone at the next open.
    pub fn drop_collection(&self, id: CollectionId) -> Result<(), StoreError> {
        let _changing = self.changing.lock();
        self.check_open()?;
        let collection = self
            .collection(id)
            .ok_or(StoreError::CollectionMissing { id })?;
        collection.drop_it();
        // Waits for a flush that is under way, and keeps others out.
        let mut manifest = collection.manifest.lock();
        let context = &self.context;
        manifest
            .drop_collection(context.epoch)
            .map_err(|error| context.note_fence(error))?;
        self.collections.write().remove(&id);
        context.flushed.lock().remove(&id);
        // It is not a collection any more; the next open removes what this cannot.
        let disk = &context.environment.disk;
        if let Err(error) = segment_file::remove_dropped(disk, id) {
            tracing::warn!(error = report(&error), "cannot remove a dropped collection");
        }
        if let Err(error) = self.context.remove_flushed_wal() {
            tracing::warn!(%error, "cannot remove old files of the write-ahead log");
        }
        Ok(())
    }

    /// The numbered objects below `prefix`, a folder that is not one of storage's own.
    #[must_use]
    pub fn numbered(&self, prefix: &str) -> NumberedObjects {
        let disk = Arc::clone(&self.context.environment.disk);
        NumberedObjects::new(disk, ObjectPath::new(prefix), self.context.epoch)
    }

    /// The world that the store was opened in.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.context.environment
    }

    /// What was done since the store was opened, and what is in memory.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        StoreStats {
            delta_bytes: self.context.deltas.bytes(),
            column_cache_bytes: self.context.column_cache.bytes(),
            ..self.context.counters.stats()
        }
    }

    /// Finishes the writes under way, flushes all collections and stops. Later writes are refused
    /// with [`WriteError::Closed`](crate::WriteError::Closed); snapshots go on to work. Closing
    /// again does nothing.
    ///
    /// # Errors
    /// The first failure of a flush. What could not be flushed is in the write-ahead log.
    pub fn close(&self) -> Result<(), StoreError> {
        let _changing = self.changing.lock();
        if self.check_open().is_err() {
            return Ok(());
        }
        self.stop();
        if self.context.is_fenced() {
            return Ok(());
        }
        let collections: Vec<_> = self.collections.read().values().map(Arc::clone).collect();
        let mut flushed = Ok(());
        for collection in collections {
            flushed = flushed.and(collection.flush_blocking());
        }
        self.context.wal.lock().seal();
        let folder = paths::wal();
        let removed = self
            .context
            .remove_flushed_wal()
            .map_err(StoreError::io("clear", &folder));
        flushed.and(removed)
    }

    /// Makes sure that no other process has taken over up to now.
    fn check_owner(&self) -> Result<(), StoreError> {
        let checked = self.context.wal.lock().check_owner();
        checked.map_err(|error| match error {
            AppendError::Fenced => {
                self.context.fence();
                StoreError::Fenced
            }
            AppendError::Undone(error)
            | AppendError::Unsettled(error)
            | AppendError::Poisoned(error) => StoreError::io("read", &paths::wal())(error),
        })
    }

    fn check_open(&self) -> Result<(), StoreError> {
        if self.context.queue.read().is_none() {
            Err(StoreError::Closed)
        } else {
            Ok(())
        }
    }

    /// Lets no new write in, and waits until the threads have ended.
    fn stop(&self) {
        drop(self.context.queue.write().take());
        self.context.room_changed.notify_waiters();
        self.context.fold_signal.stop();
        self.context.flush_signal.stop();
        self.context.maintenance_signal.stop();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn lock(environment: &Environment) -> Result<Box<dyn DiskLock>, StoreError> {
    let path = paths::lock();
    environment.disk.lock(&path).map_err(|source| {
        if source.kind() == io::ErrorKind::WouldBlock {
            StoreError::Locked {
                location: environment.disk.location(),
                source,
            }
        } else {
            StoreError::io("lock", &path)(source)
        }
    })
}

fn all(collections: &Collections) -> Vec<Arc<Collection>> {
    collections.read().values().map(Arc::clone).collect()
}

/// The fold thread.
fn fold_all(context: &Context, collections: &Collections) {
    while context.fold_signal.wait(FOLD_INTERVAL) {
        for collection in all(collections) {
            if let Err(error) = fold::run(&collection) {
                let id = collection.id();
                tracing::warn!(%error, collection.id = %id, "cannot fold the chunks of a delta");
            }
        }
    }
}

/// The flush thread.
fn flush_all(context: &Context, collections: &Collections) {
    let mut interval = FLUSH_INTERVAL;
    while context.flush_signal.wait(interval) {
        interval = FLUSH_INTERVAL;
        for collection in all(collections) {
            if context.flush_signal.is_stopped() || context.is_fenced() {
                return;
            }
            if !collection.flush_is_due() && !collection.flush_is_due_by_age() {
                continue;
            }
            if let Err(error) = collection.flush_in_background() {
                let (error, id) = (report(&*error), collection.id());
                tracing::warn!(error, collection.id = %id, "cannot flush a collection");
                interval = FLUSH_RETRY;
            }
        }
        if !make_room(context, collections) {
            interval = FLUSH_RETRY;
        }
    }
}

/// Flushes the largest deltas until all of them together are well below their limit; false if that
/// fails.
fn make_room(context: &Context, collections: &Collections) -> bool {
    let mut error = None;
    while context.deltas.is_tight() && error.is_none() {
        if context.flush_signal.is_stopped() || context.is_fenced() {
            return true;
        }
        let largest = all(collections)
            .into_iter()
            .max_by_key(|collection| collection.delta_bytes())
            .filter(|collection| collection.delta_bytes() > 0);
        let Some(collection) = largest else { break };
        if let Err(failure) = collection.flush_in_background() {
            let id = collection.id();
            tracing::warn!(error = report(&*failure), collection.id = %id, "cannot make room in memory");
            error = Some(failure);
        }
    }
    let made = error.is_none();
    context.deltas.note(error);
    context.room_changed.notify_waiters();
    made
}
