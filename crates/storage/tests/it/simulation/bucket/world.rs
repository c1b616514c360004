//! What the processes of a run share: the bucket, the clock, and what there has to be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::FutureExt;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use outcrop_storage::CollectionId;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::RARE_PATHS;
use super::book::Book;
use crate::bucket::faulty::LateRequests;
use crate::simulation::clock::SimulatedClock;
use crate::simulation::counters::Counters;
use crate::simulation::disk::Phase;
use crate::simulation::trace::Trace;

/// Where the processes are.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) bucket: Arc<InMemory>,
    pub(super) late: LateRequests,
    pub(super) clock: Arc<SimulatedClock>,
    pub(super) world: Arc<Mutex<World>>,
}

/// Nothing of a store is called while it is locked.
#[derive(Debug)]
pub(super) struct World {
    pub(super) random: StdRng,
    /// Collections that are there.
    pub(super) books: BTreeMap<CollectionId, Book>,
    /// Collections that were being made or dropped: each is as it says here, or not there.
    pub(super) doubtful: BTreeMap<CollectionId, Book>,
    pub(super) catalog: Catalog,
    /// The number of the process that has the bucket.
    pub(super) owner: u64,
    /// Processes so far.
    pub(super) processes: u64,
    pub(super) phase: Phase,
    /// Whether the request that is under way removes objects.
    pub(super) is_removing: bool,
    pub(super) counters: Counters,
    pub(super) trace: Trace,
    numbers: i64,
}

/// The newest state of a series of numbered objects.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub(super) acknowledged: Option<i64>,
    pub(super) pending: Vec<i64>,
    /// What new owners have found.
    pub(super) found: BTreeSet<i64>,
}

impl World {
    /// A number that no other thing of this run has.
    pub(super) fn next_number(&mut self) -> i64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn chance(&mut self, numerator: u32, denominator: u32) -> bool {
        self.random.random_ratio(numerator, denominator)
    }

    pub(super) fn count(&mut self, path: &'static str) {
        self.counters.count(path);
    }

    /// Compares a collection that was found with what may be there.
    pub(super) fn settle(&mut self, id: CollectionId, found: &crate::simulation::model::State) {
        let book = self.books.get_mut(&id).expect("it is there");
        match book.settle(found) {
            Ok((there, missing)) => {
                if there > 0 {
                    self.count("write of unknown outcome that was there");
                }
                if missing > 0 {
                    self.count("write of unknown outcome that was not there");
                }
            }
            Err(difference) => panic!("collection {id} is not what was written\n{difference}"),
        }
    }
}

impl Place {
    pub(super) fn new(seed: u64) -> Self {
        let world = World {
            random: StdRng::seed_from_u64(seed),
            books: BTreeMap::new(),
            doubtful: BTreeMap::new(),
            catalog: Catalog::default(),
            owner: 0,
            processes: 0,
            phase: Phase::Recovery,
            is_removing: false,
            counters: Counters::new(&RARE_PATHS),
            trace: Trace::new(),
            numbers: 0,
        };
        Self {
            bucket: Arc::default(),
            late: LateRequests::default(),
            clock: Arc::default(),
            world: Arc::new(Mutex::new(world)),
        }
    }

    /// Requests arrive whose senders have given up long ago.
    pub(super) fn deliver_late(&self) {
        for (path, payload, options) in std::mem::take(&mut *self.late.lock()) {
            let put = self.bucket.put_opts(&path, payload, options);
            let put = put.now_or_never().expect("a bucket in memory is ready");
            let mut world = self.world.lock();
            let made = put.is_ok();
            world.trace.add(format_args!("late {path} {made}"));
            world.count("request that arrived late");
        }
    }
}
