//! One process: how it takes the bucket over, what it has to find, and how it ends.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use outcrop_storage::env::{BucketDisk, Random, SeededRandom};
use outcrop_storage::{CollectionId, Environment, PartData, Store, StoreOptions};
use parking_lot::Mutex;
use rand::RngExt;

use super::disk::TurnDisk;
use super::world::Place;
use crate::bucket::bucket_options;
use crate::bucket::faulty::FaultyStore;
use crate::simulation::clock::SimulatedClock;
use crate::simulation::disk::Phase;
use crate::simulation::gate::Gate;
use crate::simulation::model::contents;

/// How often a request is sent.
const ATTEMPTS: u32 = 3;

/// How many processes take over from each other at the same time.
const DEPTH_MAX: u32 = 2;

/// Starts with failing requests; later ones have none.
const FAULTY_STARTS: u32 = 8;

/// See the module.
pub(super) struct Process {
    pub(super) place: Place,
    pub(super) number: u64,
    pub(super) disk: Arc<TurnDisk>,
    pub(super) store: Option<Arc<Store>>,
    /// Collections that it has tried to drop.
    pub(super) dropped: BTreeSet<CollectionId>,
    pub(super) catalog_number: u64,
    /// Out of 256 requests so many are lost.
    pub(super) faults: u8,
    pub(super) is_outage: bool,
    /// It is the one that has taken over in the middle of another one's request.
    pub(super) is_quiet: bool,
    pub(super) successor: Arc<Mutex<Option<Process>>>,
}

impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "process {}", self.number)
    }
}

impl Process {
    /// Takes the bucket over, with a new process each time that fails.
    pub(super) fn start(place: &Place, depth: u32) -> Self {
        for attempt in 0.. {
            let faults = {
                let mut world = place.world.lock();
                let faults = [0, 0, 6, 30][world.random.random_range(0..4)];
                if attempt < FAULTY_STARTS { faults } else { 0 }
            };
            let mut process = Self::new(place, faults);
            if attempt < FAULTY_STARTS {
                process.plan_end_of_start(depth);
            }
            let opened = process.open();
            process.disk.requests.clear_hook();
            process.set_faults(0);
            if let Some(next) = process.take_successor() {
                if !next.disk.is_fenced() {
                    process.store = opened.ok();
                    process.go_on_until_fenced(true);
                    return next;
                }
                // This one has put its fence behind that of the other.
                place.world.lock().owner = process.number;
                next.go_on_until_fenced(opened.is_ok());
            }
            match opened {
                Ok(store) if !process.is_dead() => {
                    process.store = Some(store);
                    process.check_found();
                    return process;
                }
                Ok(store) => process.store = Some(store),
                Err(error) => assert!(
                    process.is_dead() || faults > 0,
                    "the store does not open: {error:?}"
                ),
            }
            process.end();
        }
        unreachable!("it goes on until it returns")
    }

    fn new(place: &Place, faults: u8) -> Self {
        let (number, seed) = {
            let mut world = place.world.lock();
            world.processes += 1;
            world.owner = world.processes;
            let (number, seed) = (world.owner, world.random.random());
            world.trace.add(format_args!("process {number}"));
            (number, seed)
        };
        let requests = Arc::new(FaultyStore::new(Arc::clone(&place.bucket), seed));
        requests.set_late(Arc::clone(&place.late));
        let world = Arc::clone(&place.world);
        requests.observe(Arc::new(move |request| {
            let mut world = world.lock();
            world.is_removing = request.starts_with("delete");
            world.counters.disk_calls += 1;
            world.counters.faults += u64::from(request.ends_with("Lost"));
            world.trace.add(format_args!("{number} {request}"));
        }));
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(seed));
        let way = Arc::<FaultyStore>::clone(&requests);
        let disk = TurnDisk {
            disk: BucketDisk::new(way, random, &bucket_options(ATTEMPTS)).unwrap(),
            requests,
            log_gate: Gate::default(),
            object_gate: Gate::default(),
            settle_gate: Gate::default(),
            is_dead: AtomicBool::new(false),
            world: Arc::clone(&place.world),
            process: number,
            newest_log: AtomicU64::new(0),
            reading: Mutex::new(()),
        };
        let mut process = Self {
            place: place.clone(),
            number,
            disk: Arc::new(disk),
            store: None,
            dropped: BTreeSet::new(),
            catalog_number: 0,
            faults,
            is_outage: false,
            is_quiet: false,
            successor: Arc::default(),
        };
        process.set_faults(faults);
        process
    }

    fn open(&self) -> Result<Arc<Store>, outcrop_storage::StoreError> {
        self.phase(Phase::Recovery);
        let seed = self.place.world.lock().random.random();
        let environment = Environment {
            clock: Arc::<SimulatedClock>::clone(&self.place.clock),
            random: Arc::new(SeededRandom::new(seed)),
            disk: Arc::<TurnDisk>::clone(&self.disk),
        };
        let options = StoreOptions {
            background_flush: false,
            wal_interval: Duration::ZERO,
            ..StoreOptions::default()
        };
        Store::open(environment, options)
    }

    fn plan_end_of_start(&self, depth: u32) {
        let (kind, request, after) = self.draw_plan(24);
        match kind {
            0 | 1 => self.plan_kill(request, after),
            2 if depth < DEPTH_MAX => self.plan_takeover(request, after, depth + 1),
            _ => {}
        }
    }

    /// A choice of ten, a request, and whether something happens after it.
    pub(super) fn draw_plan(&self, requests: u64) -> (u32, u64, bool) {
        let random = &mut self.place.world.lock().random;
        let kind = random.random_range(0..10);
        (kind, random.random_range(0..requests), random.random())
    }

    /// Everything is as it was acknowledged, and a prefix of the rest is there.
    fn check_found(&mut self) {
        let store = Arc::clone(self.store.as_ref().expect("it was just opened"));
        let removed = self.disk.requests.removed();
        let half_flush = removed
            .iter()
            .any(|path| path.as_ref().contains("/segments/"));
        let mut lost = std::mem::take(&mut self.place.world.lock().books);
        for id in store.collection_ids() {
            let collection = store.collection(id).expect("its id was listed");
            let snapshot = collection.snapshot();
            let found = self.disk.requests.calm(|| contents(&snapshot));
            let world = &mut *self.place.world.lock();
            world
                .trace
                .add(format_args!("found {id} at {}", found.seqno));
            let book = lost.remove(&id).or_else(|| world.doubtful.remove(&id));
            let book = book.unwrap_or_else(|| panic!("collection {id} was dropped"));
            world.books.insert(id, book);
            world.settle(id, &found);
            let mut parts = snapshot.parts().iter();
            if half_flush && parts.any(|part| matches!(part.data(), PartData::Chunk(_))) {
                world.count("replay over a half flush");
            }
        }
        assert!(lost.is_empty(), "collections are lost: {lost:?}");
        self.check_catalog(&store);
        self.place.world.lock().counters.recoveries += 1;
    }

    fn check_catalog(&mut self, store: &Store) {
        let newest = || store.numbered("catalog").newest().unwrap();
        let found = self.disk.requests.calm(newest);
        self.catalog_number = found.as_ref().map_or(0, |found| found.number);
        let value = found.map(|found| {
            let bytes = found.payload[..].try_into().expect("eight bytes");
            i64::from_le_bytes(bytes)
        });
        let catalog = &mut self.place.world.lock().catalog;
        let pending = std::mem::take(&mut catalog.pending);
        let is_pending = value.is_some_and(|value| pending.contains(&value));
        assert!(
            value == catalog.acknowledged || is_pending,
            "the catalog is at {value:?} instead of {catalog:?} or {pending:?}"
        );
        catalog.acknowledged = value;
        catalog.found.extend(value);
    }

    /// Every collection shows exactly what was acknowledged.
    pub(super) fn check(&self) {
        let Some(store) = &self.store else { return };
        for id in self.collections() {
            let collection = store.collection(id).expect("it is one of ours");
            let found = self.disk.requests.calm(|| contents(&collection.snapshot()));
            let world = self.place.world.lock();
            assert_eq!(found, world.books[&id].acknowledged, "collection {id}");
        }
    }

    /// The collections that take writes.
    pub(super) fn collections(&self) -> Vec<CollectionId> {
        let Some(store) = &self.store else {
            return Vec::new();
        };
        let world = self.place.world.lock();
        let ids = world.books.keys().copied();
        ids.filter(|id| !self.dropped.contains(id) && store.collection(*id).is_some())
            .collect()
    }

    pub(super) fn take_successor(&self) -> Option<Self> {
        self.successor.lock().take()
    }

    pub(super) fn is_overtaken(&self) -> bool {
        self.successor.lock().is_some()
    }

    pub(super) fn is_dead(&self) -> bool {
        self.disk.is_dead.load(Ordering::Acquire)
    }

    pub(super) fn phase(&self, phase: Phase) {
        self.place.world.lock().phase = phase;
    }

    pub(super) fn set_faults(&mut self, faults: u8) {
        self.faults = faults;
        self.disk.requests.set_faults(faults);
    }

    /// The process is gone. Its threads end when they notice.
    pub(super) fn end(mut self) {
        self.disk.kill();
        let store = self.store.take();
        // The thread that writes may be asleep, and nothing that it does has an effect.
        std::thread::spawn(move || drop(store));
    }
}
