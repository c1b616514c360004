//! The bucket as a disk.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use tokio::runtime::{Builder, Runtime};

use super::cache::BlockCache;
use super::connect::{BucketUrlError, Clients, connect};
use super::error::to_io;
use super::ranged::BucketObject;
use super::retry::{Failed, Retry, RetryOptions};
use super::upload::{Upload, Uploaded};
use crate::env::disk::{AppendFile, Disk, DiskLock, WriteContents};
use crate::env::object_source::ObjectSource;
use crate::env::{OsRandom, Random};
use crate::paths::{self, ObjectPath};

/// Threads for requests: they wait for the network and checksum what comes.
const THREADS: usize = 2;

/// One mebibyte.
const MIB: u64 = 1024 * 1024;

/// How a bucket is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketOptions {
    /// How failed requests are repeated.
    pub retry: RetryOptions,
    /// Memory for blocks of segments.
    pub memory_cache_bytes: u64,
    /// A folder for blocks of segments. None keeps them in memory only.
    pub cache_folder: Option<PathBuf>,
    /// Bytes in that folder.
    pub disk_cache_bytes: u64,
}

impl Default for BucketOptions {
    fn default() -> Self {
        Self {
            retry: RetryOptions::default(),
            memory_cache_bytes: 256 * MIB,
            cache_folder: None,
            disk_cache_bytes: 10 * 1024 * MIB,
        }
    }
}

/// A bucket, or a prefix within it.
#[derive(Debug)]
pub struct BucketDisk {
    requests: Arc<Requests>,
    prefix: Path,
    location: String,
    cache: Arc<BlockCache>,
}

impl BucketDisk {
    /// The bucket that `url` names; see [`Environment::bucket`](crate::Environment::bucket).
    ///
    /// # Errors
    /// [`BucketUrlError`] if the URL or the environment variables make no sense, or the cache
    /// folder cannot be used.
    pub fn connect(url: &str, options: BucketOptions) -> Result<Self, BucketUrlError> {
        let Clients {
            single,
            repeating,
            prefix,
        } = connect(url)?;
        let random: Arc<dyn Random> = Arc::new(OsRandom);
        let requests = Requests::new(single, repeating, options.retry, random)
            .map_err(BucketUrlError::Threads)?;
        let location = url.trim_end_matches('/').to_owned();
        let cache = BlockCache::open(&location, &options).map_err(|source| {
            let folder = options.cache_folder.clone().unwrap_or_default();
            BucketUrlError::Cache {
                folder: folder.display().to_string(),
                source,
            }
        })?;
        Ok(Self {
            requests: Arc::new(requests),
            prefix,
            location,
            cache: Arc::new(cache),
        })
    }

    /// The objects of `store`, which may be one in memory.
    ///
    /// # Errors
    /// If there are no threads, or the cache folder cannot be used.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        random: Arc<dyn Random>,
        options: &BucketOptions,
    ) -> io::Result<Self> {
        let location = store.to_string();
        let requests = Requests::new(Arc::clone(&store), store, options.retry, random)?;
        Ok(Self {
            cache: Arc::new(BlockCache::open(&location, options)?),
            requests: Arc::new(requests),
            prefix: Path::default(),
            location,
        })
    }

    fn place(&self, path: &ObjectPath) -> Path {
        let steps = path.as_str().split('/').filter(|step| !step.is_empty());
        steps.fold(self.prefix.clone(), |place, step| place.join(step))
    }
}

/// Sends requests, from any thread.
#[derive(Debug)]
pub(super) struct Requests {
    single: Arc<dyn ObjectStore>,
    repeating: Arc<dyn ObjectStore>,
    retry: Retry,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

impl Requests {
    fn new(
        single: Arc<dyn ObjectStore>,
        repeating: Arc<dyn ObjectStore>,
        options: RetryOptions,
        random: Arc<dyn Random>,
    ) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("outcrop-bucket")
            .enable_all()
            .build()?;
        Ok(Self {
            single,
            repeating,
            retry: Retry { options, random },
            runtime: Some(runtime),
        })
    }

    /// The client for uploads in parts.
    pub(super) fn repeating(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.repeating)
    }

    /// Waits for `work`, which runs on the threads for requests. The caller may be in an async
    /// runtime of its own, whose thread then waits.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let runtime = self.runtime.as_ref().expect("taken only when dropped");
        let (sender, receiver) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // The receiver waits below.
            drop(sender.send(work.await));
        });
        receiver.recv().expect("requests do not panic")
    }

    /// Sends a request, again if need be, and waits for its answer.
    pub(super) fn send<T, F>(&self, request: impl Fn(Arc<dyn ObjectStore>) -> F) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        self.retry
            .run(|| self.run(request(Arc::clone(&self.single))))
    }

    /// The whole object.
    pub(super) fn get(&self, path: &Path) -> io::Result<Bytes> {
        self.send(|store| get(store, path.clone()))
    }

    /// Ranges of an object, fetched at the same time.
    pub(super) fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        self.send(|store| {
            let (path, ranges) = (path.clone(), ranges.to_vec());
            async move {
                let fetches = ranges
                    .into_iter()
                    .map(|range| store.get_range(&path, range));
                try_join_all(fetches).await
            }
        })
    }

    /// Size of the object.
    pub(super) fn head(&self, path: &Path) -> io::Result<u64> {
        self.send(|store| {
            let path = path.clone();
            async move { Ok(store.head(&path).await?.size) }
        })
    }

    /// Makes an object unless there is one of this name. One with the same contents is taken for
    /// this one: whoever may compete for a name writes something into the contents that nobody else
    /// does.
    fn put_new(&self, path: &Path, contents: &Bytes) -> io::Result<()> {
        let mut sent = false;
        // S3 answers "conflict" when the name is being taken at this moment, by a request that may
        // yet fail. The client library takes that for "exists", so one has to look.
        for attempt in 1..=self.retry.options.attempts_max.max(1) {
            let put = || {
                let store = Arc::clone(&self.single);
                self.run(create(store, path.clone(), contents.clone()))
            };
            let Err(failed) = self.retry.attempt(put) else {
                return Ok(());
            };
            sent |= failed.sent;
            if !matches!(failed.error, object_store::Error::AlreadyExists { .. }) {
                return Err(to_io(failed.error, sent));
            }
            let look = || self.run(get(Arc::clone(&self.single), path.clone()));
            match self.retry.attempt(look) {
                Ok(found) if found == contents => return Ok(()),
                Ok(_other) => return Err(to_io(failed.error, false)),
                Err(Failed { error, .. }) => match error {
                    object_store::Error::NotFound { .. } => self.retry.pause(attempt),
                    error => return Err(to_io(error, true)),
                },
            }
        }
        Err(to_io(taken_in_turns(), true))
    }
}

async fn get(store: Arc<dyn ObjectStore>, path: Path) -> object_store::Result<Bytes> {
    store.get(&path).await?.bytes().await
}

async fn create(
    store: Arc<dyn ObjectStore>,
    path: Path,
    contents: Bytes,
) -> object_store::Result<()> {
    let mode = PutMode::Create.into();
    let put = store.put_opts(&path, PutPayload::from(contents), mode);
    put.await.map(drop)
}

fn taken_in_turns() -> object_store::Error {
    object_store::Error::Generic {
        store: "bucket",
        source: "the name is taken and free in turns".into(),
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting is not allowed in async code, and nothing is under way that matters.
            runtime.shutdown_background();
        }
    }
}

impl Disk for BucketDisk {
    fn read(&self, path: &ObjectPath) -> io::Result<Bytes> {
        self.requests.get(&self.place(path))
    }

    fn open(&self, path: &ObjectPath, bytes: u64) -> io::Result<ObjectSource> {
        let object = BucketObject::new(
            Arc::clone(&self.requests),
            Arc::clone(&self.cache),
            self.place(path),
            bytes,
        );
        Ok(ObjectSource::Ranged(Arc::new(object)))
    }

    fn create(&self, path: &ObjectPath, contents: WriteContents<'_>) -> io::Result<u64> {
        let place = self.place(path);
        let mut upload = Upload::new(&self.requests, &place, paths::is_segment(path));
        if let Err(error) = contents(&mut upload) {
            upload.abort();
            return Err(error);
        }
        match upload.finish()? {
            Uploaded::Complete(bytes) => Ok(bytes),
            Uploaded::Buffered(contents) => {
                self.requests.put_new(&place, &contents)?;
                if paths::is_segment(path) {
                    // Queries are about to read it.
                    self.cache.insert_object(&place, &contents);
                }
                Ok(contents.len() as u64)
            }
        }
    }

    fn append(&self, _path: &ObjectPath) -> io::Result<Box<dyn AppendFile>> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    fn list(&self, folder: &ObjectPath) -> io::Result<Vec<String>> {
        let place = self.place(folder);
        let listed = self.requests.send(|store| {
            let place = place.clone();
            async move { store.list_with_delimiter(Some(&place)).await }
        })?;
        let objects = listed.objects.iter().map(|object| &object.location);
        let mut names: Vec<String> = objects
            .chain(&listed.common_prefixes)
            .filter_map(|path| path.filename().map(str::to_owned))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn remove(&self, path: &ObjectPath) -> io::Result<()> {
        let place = self.place(path);
        self.requests.send(|store| {
            let place = place.clone();
            async move { store.delete(&place).await }
        })
    }

    /// A bucket shows what it will keep.
    fn sync_folder(&self, _folder: &ObjectPath) -> io::Result<()> {
        Ok(())
    }

    fn remove_folder(&self, folder: &ObjectPath) -> io::Result<()> {
        let place = self.place(folder);
        self.requests.send(|store| {
            let place = place.clone();
            async move {
                let found = store.list(Some(&place)).map_ok(|object| object.location);
                let removed = store.delete_stream(found.boxed());
                removed.try_for_each(|_path| async { Ok(()) }).await
            }
        })
    }

    fn lock(&self, _path: &ObjectPath) -> io::Result<Box<dyn DiskLock>> {
        Ok(Box::new(NoLock))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn location(&self) -> String {
        self.location.clone()
    }
}

/// Ownership of a bucket is claimed with objects.
#[derive(Debug)]
struct NoLock;

impl DiskLock for NoLock {}
