//! Virtual instances as pools of resources: each has threads, memory and a queue of its own.
//!
//! The catalog says which there are to be; [`Instances::follow`] makes it so. A pool that is given up, because its
//! instance was suspended, deleted or changed, finishes the queries that it has and goes with the last of them.
//!
//! | size | of the threads and memory that queries may have in all |
//! |---|---|
//! | `main` | everything |
//! | `LARGE` and above | everything |
//! | `MEDIUM` | 1/2 |
//! | `SMALL` | 1/4 |
//! | `XSMALL` | 1/8 |
//! | below | 1/16 |
//!
//! Shares are upper bounds, a thread at least, and may come to more than there is: what the process really has
//! is looked at as well (`memory.rs`).

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use outcrop_api::error::ErrorType;
use outcrop_catalog::{Catalog, CatalogError, InstanceSize, VirtualInstanceRecord};
use outcrop_query::{Collections, Engine, EngineOptions};
use outcrop_storage::env::Clock;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::blocking;
use crate::config::Limits;
use crate::error::{ApiError, ApiResult};
use crate::listener;

/// How often it is looked whether an instance is to suspend itself.
const INTERVAL: Duration = Duration::from_secs(1);

/// Parts that shares are counted in.
const PARTS: usize = 16;

/// The parts of an instance of this size.
fn parts(size: InstanceSize) -> usize {
    match size {
        InstanceSize::Free | InstanceSize::Nano | InstanceSize::Shared | InstanceSize::Milli => 1,
        InstanceSize::XSmall => 2,
        InstanceSize::Small => 4,
        InstanceSize::Medium => 8,
        InstanceSize::Large
        | InstanceSize::XLarge
        | InstanceSize::XLarge2
        | InstanceSize::XLarge4
        | InstanceSize::XLarge8
        | InstanceSize::XLarge16 => PARTS,
    }
}

/// The pools of all virtual instances.
pub(crate) struct Instances {
    catalog: Arc<Catalog>,
    plan: Plan,
    main: Arc<Pool>,
    /// By id.
    others: Mutex<HashMap<String, Pools>>,
}

/// What pools are made of.
struct Plan {
    collections: Arc<dyn Collections>,
    options: EngineOptions,
    running_max: usize,
    waiting_max: usize,
    clock: Arc<dyn Clock>,
}

/// The pools of one virtual instance.
#[derive(Default)]
struct Pools {
    current: Option<Arc<Pool>>,
    /// Those that were given up and may still have queries.
    old: Vec<Weak<Pool>>,
}

impl Pools {
    fn give_up(&mut self) {
        self.old.retain(|pool| pool.strong_count() > 0);
        self.old
            .extend(self.current.take().map(|pool| Arc::downgrade(&pool)));
    }

    fn is_ending(&self) -> bool {
        self.old.iter().any(|pool| pool.strong_count() > 0)
    }
}

impl Instances {
    /// The pools of all instances that are not suspended. Those of `options` are for the main one, others
    /// have a share of it.
    ///
    /// # Errors
    /// If the system refuses the threads or the spill directory of the main one.
    pub(crate) fn new(
        catalog: Arc<Catalog>,
        collections: Arc<dyn Collections>,
        options: EngineOptions,
        limits: &Limits,
    ) -> io::Result<Self> {
        let plan = Plan {
            collections,
            options,
            running_max: limits.queries_max,
            waiting_max: limits.queries_waiting_max,
            clock: Arc::clone(&catalog.store().environment().clock),
        };
        let main = Arc::new(plan.pool(InstanceSize::Shared, PARTS)?);
        let instances = Self {
            main,
            plan,
            others: Mutex::default(),
            catalog,
        };
        for record in instances.catalog.virtual_instances() {
            instances.follow(&record.id);
        }
        Ok(instances)
    }

    /// The pool of the main instance.
    pub(crate) fn main(&self) -> &Arc<Pool> {
        &self.main
    }

    /// The pool of an instance.
    ///
    /// # Errors
    /// `NOTREADY` while it has none.
    pub(crate) fn pool(&self, record: &VirtualInstanceRecord) -> ApiResult<Arc<Pool>> {
        if record.is_main {
            return Ok(Arc::clone(&self.main));
        }
        let current = self.current(&record.id).filter(|_| !record.is_suspended);
        current.ok_or_else(|| {
            let what = match record.is_suspended {
                true => "is suspended: resume it first",
                false => "is being started",
            };
            let name = &record.name;
            let message = format!("Virtual instance {name} {what}");
            ApiError::new(ErrorType::NotReady, message)
        })
    }

    fn current(&self, id: &str) -> Option<Arc<Pool>> {
        let others = self.others.lock();
        others.get(id).and_then(|pools| pools.current.clone())
    }

    /// The state of an instance, in the API's words.
    pub(crate) fn state(&self, record: &VirtualInstanceRecord) -> &'static str {
        if record.is_main {
            return "ACTIVE";
        }
        let others = self.others.lock();
        let pools = others.get(&record.id);
        let has_pool = pools.is_some_and(|pools| pools.current.is_some());
        let is_ending = pools.is_some_and(Pools::is_ending);
        match (record.is_suspended, record.resumed_at_micros) {
            (true, _) if has_pool || is_ending => "SUSPENDING",
            (true, _) => "SUSPENDED",
            (false, _) if has_pool => "ACTIVE",
            (false, None) => "INITIALIZING",
            (false, Some(_)) => "RESUMING",
        }
    }

    /// The size that an instance has; another than it is to have while it changes.
    pub(crate) fn size(&self, record: &VirtualInstanceRecord) -> InstanceSize {
        let current = self.current(&record.id);
        current.map_or(record.settings.size, |pool| pool.size)
    }

    /// Makes the pool of an instance what the catalog says. Blocks.
    pub(crate) fn follow(&self, id: &str) {
        // The lock is held while a pool is made, so that the last to come has seen the newest record.
        let mut others = self.others.lock();
        let Ok(record) = self.catalog.virtual_instance(id) else {
            others.remove(id);
            return;
        };
        if record.is_main {
            return;
        }
        let pools = others.entry(record.id).or_default();
        let size = record.settings.size;
        if record.is_suspended {
            pools.give_up();
        } else if pools.current.as_ref().is_none_or(|pool| pool.size != size) {
            match self.plan.pool(size, parts(size)) {
                Ok(pool) => {
                    pools.give_up();
                    pools.current = Some(Arc::new(pool));
                }
                Err(error) => tracing::error!(
                    instance.name = record.name,
                    error = &error as &dyn std::error::Error,
                    "a virtual instance cannot be started"
                ),
            }
        }
    }

    /// Suspends what has been without queries for as long as it is to be, and starts what could not be started, until
    /// told to stop.
    pub(crate) async fn keep(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = listener::stopped(&mut stop) => return,
            }
            let instances = Arc::clone(&self);
            let looked = blocking::run(move || instances.look()).await;
            if let Ok(Err(error)) = looked {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a virtual instance cannot suspend itself"
                );
            }
        }
    }

    fn look(&self) -> Result<(), CatalogError> {
        for record in self.catalog.virtual_instances() {
            if record.is_main || record.is_suspended {
                continue;
            }
            let seconds = record.settings.auto_suspend_seconds.unwrap_or(u32::MAX);
            let most = Duration::from_secs(seconds.into());
            match self.current(&record.id) {
                Some(pool) if pool.idle_time() >= most => {
                    self.catalog.suspend_virtual_instance(&record.id, true)?;
                }
                Some(_) => continue,
                None => {}
            }
            self.follow(&record.id);
        }
        Ok(())
    }
}

impl Plan {
    /// A pool of `parts` of what the main one gets.
    fn pool(&self, size: InstanceSize, parts: usize) -> io::Result<Pool> {
        let share = |whole: usize| whole.saturating_mul(parts).div_ceil(PARTS);
        let options = EngineOptions {
            memory_bytes_max: share(self.options.memory_bytes_max),
            partitions: share(self.options.partitions),
            ..self.options.clone()
        };
        let running_max = share(self.running_max).min(Semaphore::MAX_PERMITS);
        Ok(Pool {
            engine: Engine::new(Arc::clone(&self.collections), options)?,
            size,
            running: Arc::new(Semaphore::new(running_max)),
            running_max,
            queue: Mutex::default(),
            waiting_max: self.waiting_max,
            used_at_micros: AtomicI64::new(self.clock.now_micros()),
            clock: Arc::clone(&self.clock),
        })
    }
}

/// The resources of one virtual instance.
pub(crate) struct Pool {
    engine: Engine,
    size: InstanceSize,
    running: Arc<Semaphore>,
    running_max: usize,
    queue: Mutex<Queue>,
    waiting_max: usize,
    /// When a query came or ended last.
    used_at_micros: AtomicI64,
    clock: Arc<dyn Clock>,
}

/// The queries that wait for others to end.
#[derive(Default)]
struct Queue {
    next: u64,
    waiting: BTreeSet<u64>,
}

/// The place of a query in a pool; it is left when this is dropped.
pub(crate) struct Place {
    pool: Arc<Pool>,
    /// None if it need not wait.
    ticket: Option<u64>,
    slot: Mutex<Option<OwnedSemaphorePermit>>,
}

/// Held while a query runs.
pub(crate) struct Slot {
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// What runs the queries.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A place for a query.
    ///
    /// # Errors
    /// `RATELIMITEXCEEDED` if as many wait as may.
    pub(crate) fn enter(self: &Arc<Self>) -> ApiResult<Place> {
        self.use_now();
        let mut queue = self.queue.lock();
        // Nobody is overtaken.
        let is_free = queue.waiting.is_empty();
        let running = || Arc::clone(&self.running).try_acquire_owned().ok();
        let slot = is_free.then(running).flatten();
        if slot.is_none() && queue.waiting.len() >= self.waiting_max {
            return Err(ApiError::new(
                ErrorType::RateLimitExceeded,
                "too many queries are running; try again later",
            ));
        }
        let ticket = slot.is_none().then(|| {
            queue.next += 1;
            queue.next
        });
        queue.waiting.extend(ticket);
        Ok(Place {
            pool: Arc::clone(self),
            ticket,
            slot: Mutex::new(slot),
        })
    }

    /// A place, and the turn to run.
    ///
    /// # Errors
    /// As [`Self::enter`].
    pub(crate) async fn admit(self: &Arc<Self>) -> ApiResult<Slot> {
        self.enter()?.turn().await
    }

    fn use_now(&self) {
        let now = self.clock.now_micros();
        self.used_at_micros.store(now, Ordering::Relaxed);
    }

    /// For how long it has had no queries.
    fn idle_time(&self) -> Duration {
        let is_used = self.running.available_permits() < self.running_max;
        if is_used || !self.queue.lock().waiting.is_empty() {
            return Duration::ZERO;
        }
        let used_at = self.used_at_micros.load(Ordering::Relaxed);
        let idle = self.clock.now_micros().saturating_sub(used_at);
        Duration::from_micros(u64::try_from(idle).unwrap_or_default())
    }
}

impl Place {
    /// How many have to end or give up before it is the turn of this one; 0 when it is or has been.
    pub(crate) fn position(&self) -> usize {
        let queue = self.pool.queue.lock();
        match self.ticket {
            Some(ticket) if queue.waiting.contains(&ticket) => {
                queue.waiting.range(..=ticket).count()
            }
            _ => 0,
        }
    }

    /// Returns when it is its turn.
    ///
    /// # Errors
    /// None as long as the server runs.
    pub(crate) async fn turn(&self) -> ApiResult<Slot> {
        let slot = self.slot.lock().take();
        let permit = match slot {
            Some(permit) => permit,
            None => {
                let running = Arc::clone(&self.pool.running);
                running.acquire_owned().await.map_err(ApiError::internal)?
            }
        };
        self.leave();
        Ok(Slot {
            pool: Arc::clone(&self.pool),
            _permit: permit,
        })
    }

    fn leave(&self) {
        if let Some(ticket) = self.ticket {
            self.pool.queue.lock().waiting.remove(&ticket);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.pool.use_now();
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Place")
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}
