//! One process's way to a bucket in memory, on which requests and answers get lost.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use outcrop_storage::env::{Random, SeededRandom};
use parking_lot::Mutex;

/// Fails as told, and counts.
pub(crate) struct FaultyStore {
    bucket: Arc<InMemory>,
    state: Arc<Mutex<State>>,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not arrive.
    RequestLost,
    /// It has its effect, and the answer does not arrive.
    AnswerLost,
    /// No connection comes about.
    NotConnected,
    /// The server answers with this status and does nothing.
    Status(u16),
    /// The server answers with this status and has done it all the same.
    StatusAfter(u16),
}

impl Fault {
    /// Every kind of failure.
    pub(crate) const ALL: [Self; 12] = [
        Self::RequestLost,
        Self::AnswerLost,
        Self::NotConnected,
        Self::Status(400),
        Self::Status(403),
        Self::Status(408),
        Self::Status(409),
        Self::Status(412),
        Self::Status(429),
        Self::Status(503),
        Self::StatusAfter(500),
        Self::StatusAfter(504),
    ];

    fn has_effect(self) -> bool {
        matches!(self, Self::AnswerLost | Self::StatusAfter(_))
    }

    /// What the client library makes of it.
    fn error(self, is_put: bool, path: &str) -> Error {
        let path = path.to_owned();
        match self {
            Self::RequestLost => lost("the request"),
            Self::AnswerLost => lost("the answer"),
            Self::NotConnected => {
                let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
                generic(HttpError::new(HttpErrorKind::Connect, refused))
            }
            Self::Status(403) => Error::PermissionDenied {
                path,
                source: "forbidden".into(),
            },
            Self::Status(409 | 412) if is_put => Error::AlreadyExists {
                path,
                source: "the name is being taken".into(),
            },
            Self::Status(412) => Error::Precondition {
                path,
                source: "precondition failed".into(),
            },
            Self::Status(status) | Self::StatusAfter(status) => {
                generic(format!("Server returned non-2xx status code: {status} x"))
            }
        }
    }
}

/// A request to make an object that arrives later than its sender waits.
pub(crate) type LateRequests = Arc<Mutex<Vec<(Path, PutPayload, PutOptions)>>>;

/// Sees each request, with what becomes of it.
type Observer = Arc<dyn Fn(&str) + Send + Sync>;

struct State {
    random: SeededRandom,
    /// Out of 256 requests so many fail before they have an effect, and so many after.
    faults: u8,
    /// Where requests go that arrive late. They are as frequent as the others that fail.
    late: Option<LateRequests>,
    down: bool,
    /// The process that sends them is gone.
    dead: bool,
    /// Nothing fails, and nothing counts.
    calm: bool,
    /// Only requests for new objects fail.
    reads_work: bool,
    requests: u64,
    gets: u64,
    /// The request that fails, and how.
    fault: Option<(u64, Fault)>,
    hook: Option<Hook>,
    observer: Option<Observer>,
    removed: Vec<Path>,
}

/// How a request begins.
enum Begun {
    /// Its process is gone.
    Gone,
    /// It does not count.
    Calm,
    Counted {
        fault: Option<Fault>,
        hook: Option<Hook>,
        observer: Option<Observer>,
    },
}

struct Hook {
    at_request: u64,
    /// Whether it runs after the request had its effect and before its answer arrives.
    after: bool,
    run: Box<dyn FnOnce() + Send>,
}

impl FaultyStore {
    pub(crate) fn new(bucket: Arc<InMemory>, seed: u64) -> Self {
        let state = State {
            random: SeededRandom::new(seed),
            faults: 0,
            late: None,
            down: false,
            dead: false,
            calm: false,
            reads_work: false,
            requests: 0,
            gets: 0,
            fault: None,
            hook: None,
            observer: None,
            removed: Vec::new(),
        };
        Self {
            bucket,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Makes so many of 256 requests fail before their effect, and as many after it.
    pub(crate) fn set_faults(&self, faults: u8) {
        self.state.lock().faults = faults;
    }

    /// Makes some of the failing requests arrive late.
    pub(crate) fn set_late(&self, late: LateRequests) {
        self.state.lock().late = Some(late);
    }

    /// Shows every request to `observer`.
    pub(crate) fn observe(&self, observer: Observer) {
        self.state.lock().observer = Some(observer);
    }

    /// Makes every request fail, or none.
    pub(crate) fn set_down(&self, down: bool) {
        self.state.lock().down = down;
    }

    /// Ends the process that sends the requests: from here on none has an effect.
    pub(crate) fn kill(&self) {
        self.state.lock().dead = true;
    }

    /// Whether something is to happen in the middle of a request.
    pub(crate) fn has_hook(&self) -> bool {
        self.state.lock().hook.is_some()
    }

    /// Lets only requests for new objects fail, or all.
    pub(crate) fn set_reads_work(&self, reads_work: bool) {
        self.state.lock().reads_work = reads_work;
    }

    /// Meanwhile requests do not count and do not fail.
    pub(crate) fn calm<T>(&self, work: impl FnOnce() -> T) -> T {
        self.state.lock().calm = true;
        let result = work();
        self.state.lock().calm = false;
        result
    }

    /// Makes the request fail that comes after `n` others.
    pub(crate) fn fail_nth(&self, n: u64, fault: Fault) {
        let mut state = self.state.lock();
        state.fault = Some((state.requests + n, fault));
    }

    /// Takes that back, and says whether it was still to come.
    pub(crate) fn clear_fault(&self) -> bool {
        self.state.lock().fault.take().is_some()
    }

    /// Runs `hook` in the middle of the request that comes after `n` others.
    pub(crate) fn hook(&self, n: u64, after: bool, run: impl FnOnce() + Send + 'static) {
        let mut state = self.state.lock();
        state.hook = Some(Hook {
            at_request: state.requests + n,
            after,
            run: Box::new(run),
        });
    }

    /// Takes the hook back, and says whether it was still to run.
    pub(crate) fn clear_hook(&self) -> bool {
        self.state.lock().hook.take().is_some()
    }

    /// Requests for the contents of objects so far.
    pub(crate) fn gets(&self) -> u64 {
        self.state.lock().gets
    }

    /// The objects that this process has removed.
    pub(crate) fn removed(&self) -> Vec<Path> {
        self.state.lock().removed.clone()
    }

    async fn request<T>(
        &self,
        name: &str,
        path: &str,
        effect: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        request(&self.state, name, path, effect).await
    }
}

/// Lets a request through, in whole or in part.
async fn request<T>(
    state: &Mutex<State>,
    name: &str,
    path: &str,
    effect: impl Future<Output = Result<T>>,
) -> Result<T> {
    let is_put = name == "put";
    let begun = state.lock().begin(is_put);
    let (mut fault, hook, observer) = match begun {
        Begun::Gone => return Err(lost("the request")),
        Begun::Calm => return effect.await,
        Begun::Counted {
            fault,
            hook,
            observer,
        } => (fault, hook, observer),
    };
    if let Some(observer) = observer {
        let fate = fault.map_or(String::new(), |fault| format!(" {fault:?}"));
        observer(&format!("{name} {path}{fate}"));
    }
    let (first, second) = match hook {
        Some(hook) if hook.after => (None, Some(hook.run)),
        Some(hook) => (Some(hook.run), None),
        None => (None, None),
    };
    run(first).await;
    if state.lock().dead {
        fault = Some(Fault::RequestLost);
    }
    let answer = match fault {
        Some(fault) if !fault.has_effect() => return fail(second, fault, is_put, path).await,
        _ => effect.await,
    };
    run(second).await;
    if state.lock().dead {
        fault = fault.or(Some(Fault::AnswerLost));
    }
    match fault {
        Some(fault) => Err(fault.error(is_put, path)),
        None => answer,
    }
}

async fn fail<T>(
    hook: Option<Box<dyn FnOnce() + Send>>,
    fault: Fault,
    is_put: bool,
    path: &str,
) -> Result<T> {
    run(hook).await;
    Err(fault.error(is_put, path))
}

impl State {
    fn begin(&mut self, is_put: bool) -> Begun {
        if self.dead {
            return Begun::Gone;
        }
        if self.calm {
            return Begun::Calm;
        }
        let drawn = self.draw_fault(is_put);
        let request = self.requests;
        self.requests += 1;
        let planned = self.fault.take_if(|(at, _)| *at <= request);
        Begun::Counted {
            fault: planned.map(|(_, fault)| fault).or(drawn),
            hook: self.hook.take_if(|hook| hook.at_request <= request),
            observer: self.observer.clone(),
        }
    }

    fn draw_fault(&mut self, is_put: bool) -> Option<Fault> {
        let mut byte = [0];
        self.random.fill(&mut byte);
        let faults = u16::from(self.faults);
        if self.down {
            return Some(Fault::RequestLost);
        }
        if self.reads_work && !is_put {
            return None;
        }
        if u16::from(byte[0]) < faults {
            Some(Fault::RequestLost)
        } else if u16::from(byte[0]) >= 256 - faults {
            Some(Fault::AnswerLost)
        } else {
            None
        }
    }

    /// Whether a request that is lost arrives later.
    fn is_late(&mut self) -> Option<LateRequests> {
        let late = Arc::clone(self.late.as_ref()?);
        if self.down || self.dead || self.calm || self.faults == 0 {
            return None;
        }
        let mut byte = [0];
        self.random.fill(&mut byte);
        (byte[0] < self.faults).then_some(late)
    }
}

async fn run(hook: Option<Box<dyn FnOnce() + Send>>) {
    if let Some(hook) = hook {
        tokio::task::spawn_blocking(hook).await.unwrap();
    }
}

fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic {
        store: "faulty",
        source: source.into(),
    }
}

fn lost(what: &str) -> Error {
    generic(format!("{what} was lost"))
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
        let late = self.state.lock().is_late();
        if let Some(late) = late {
            let request = (location.clone(), payload, options);
            late.lock().push(request);
            let nothing = async { Err(lost("the request")) };
            return self.request("late", location.as_ref(), nothing).await;
        }
        let effect = self.bucket.put_opts(location, payload, options);
        self.request("put", location.as_ref(), effect).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let effect = self.bucket.put_multipart_opts(location, options);
        self.request("put", location.as_ref(), effect).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.state.lock().gets += 1;
        let effect = self.bucket.get_opts(location, options);
        self.request("get", location.as_ref(), effect).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.state.lock().gets += 1;
        let effect = self.bucket.get_ranges(location, ranges);
        self.request("get", location.as_ref(), effect).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (bucket, state) = (Arc::clone(&self.bucket), Arc::clone(&self.state));
        let removed = stream::once(async move {
            let paths: Vec<Path> = locations.try_collect().await?;
            let first = paths.first().map(ToString::to_string);
            let effect = async {
                state.lock().removed.extend(paths.iter().cloned());
                let removed = bucket.delete_stream(stream::iter(paths).map(Ok).boxed());
                removed.try_collect::<Vec<Path>>().await
            };
            request(&state, "delete", &first.unwrap_or_default(), effect).await
        });
        removed
            .map_ok(|paths| stream::iter(paths).map(Ok))
            .try_flatten()
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let found = self.bucket.list(prefix);
        let state = Arc::clone(&self.state);
        let prefix = prefix.map(ToString::to_string).unwrap_or_default();
        let listed = stream::once(async move {
            let effect = found.try_collect::<Vec<ObjectMeta>>();
            request(&state, "list", &prefix, effect).await
        });
        listed
            .map_ok(|objects| stream::iter(objects).map(Ok))
            .try_flatten()
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let path = prefix.map(ToString::to_string).unwrap_or_default();
        let effect = self.bucket.list_with_delimiter(prefix);
        self.request("list", &path, effect).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let effect = self.bucket.copy_opts(from, to, options);
        self.request("copy", from.as_ref(), effect).await
    }
}
