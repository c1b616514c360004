//! One process's way to a bucket in memory, on which requests and answers get lost.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use outcrop_storage::env::{Random, SeededRandom};
use parking_lot::Mutex;

/// Fails as told, and counts.
pub(super) struct FaultyStore {
    bucket: Arc<InMemory>,
    state: Mutex<State>,
}

struct State {
    random: SeededRandom,
    /// Out of 256 requests so many fail before they have an effect, and so many after.
    faults: u8,
    down: bool,
    requests: u64,
    gets: u64,
    hook: Option<Hook>,
    removed: Vec<Path>,
}

struct Hook {
    at_request: u64,
    /// Whether it runs after the request had its effect and before its answer arrives.
    after: bool,
    run: Box<dyn FnOnce() + Send>,
}

impl FaultyStore {
    pub(super) fn new(bucket: Arc<InMemory>, seed: u64) -> Self {
        let state = State {
            random: SeededRandom::new(seed),
            faults: 0,
            down: false,
            requests: 0,
            gets: 0,
            hook: None,
            removed: Vec::new(),
        };
        Self {
            bucket,
            state: Mutex::new(state),
        }
    }

    /// Makes so many of 256 requests fail before their effect, and as many after it.
    pub(super) fn set_faults(&self, faults: u8) {
        self.state.lock().faults = faults;
    }

    /// Makes every request fail, or none.
    pub(super) fn set_down(&self, down: bool) {
        self.state.lock().down = down;
    }

    /// Runs `hook` in the middle of the request that comes after `n` others.
    pub(super) fn hook(&self, n: u64, after: bool, run: impl FnOnce() + Send + 'static) {
        let mut state = self.state.lock();
        state.hook = Some(Hook {
            at_request: state.requests + n,
            after,
            run: Box::new(run),
        });
    }

    /// Takes the hook back, and says whether it was still to run.
    pub(super) fn clear_hook(&self) -> bool {
        self.state.lock().hook.take().is_some()
    }

    /// Requests for the contents of objects so far.
    pub(super) fn gets(&self) -> u64 {
        self.state.lock().gets
    }

    /// The objects that this process has removed.
    pub(super) fn removed(&self) -> Vec<Path> {
        self.state.lock().removed.clone()
    }

    /// Lets a request through, in whole or in part.
    async fn request<T>(&self, effect: impl Future<Output = Result<T>>) -> Result<T> {
        let (lost_before, lost_after, hook) = {
            let mut state = self.state.lock();
            let mut byte = [0];
            state.random.fill(&mut byte);
            let request = state.requests;
            state.requests += 1;
            let faults = u16::from(state.faults);
            let before = state.down || u16::from(byte[0]) < faults;
            let after = u16::from(byte[0]) >= 256 - faults;
            let hook = state.hook.take_if(|hook| hook.at_request <= request);
            (before, after, hook)
        };
        let (first, second) = match hook {
            Some(hook) if hook.after => (None, Some(hook.run)),
            Some(hook) => (Some(hook.run), None),
            None => (None, None),
        };
        run(first).await;
        let answer = if lost_before {
            Err(lost("the request"))
        } else {
            effect.await
        };
        run(second).await;
        if lost_after {
            Err(lost("the answer"))
        } else {
            answer
        }
    }
}

async fn run(hook: Option<Box<dyn FnOnce() + Send>>) {
    if let Some(hook) = hook {
        tokio::task::spawn_blocking(hook).await.unwrap();
    }
}

fn lost(what: &str) -> Error {
    Error::Generic {
        store: "faulty",
        source: format!("{what} was lost").into(),
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FaultyStore")
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("memory")
    }
}

#[async_trait::async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.request(self.bucket.put_opts(location, payload, options))
            .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.request(self.bucket.put_multipart_opts(location, options))
            .await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.state.lock().gets += 1;
        self.request(self.bucket.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.state.lock().gets += 1;
        self.request(self.bucket.get_ranges(location, ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        // Collected, since the stream may not borrow the store.
        let bucket = Arc::clone(&self.bucket);
        let paths: Vec<Path> = locations
            .try_collect()
            .now_or_never()
            .expect("listings in memory are ready")
            .unwrap();
        let mut state = self.state.lock();
        if state.down {
            return stream::iter([Err(lost("the request"))]).boxed();
        }
        state.removed.extend(paths.iter().cloned());
        bucket.delete_stream(stream::iter(paths).map(Ok).boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.bucket.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.request(self.bucket.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.request(self.bucket.copy_opts(from, to, options)).await
    }
}
