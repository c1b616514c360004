//! One run: a store on a simulated disk, steps drawn from a seed, and the check after each.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use outcrop_storage::{Collection, CollectionId, Snapshot, Store};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::clock::SimulatedClock;
use super::counters::Counters;
use super::disk::{Phase, SimulatedDisk};
use super::model::{Model, State, contents, find};

/// Kinds of errors that the disk gives.
const ERROR_KINDS: [ErrorKind; 3] = [
    ErrorKind::Other,
    ErrorKind::StorageFull,
    ErrorKind::PermissionDenied,
];

/// Snapshots that are held at the same time.
const HELD_MAX: usize = 4;

/// A collection that is there.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: CollectionId,
    pub(super) collection: Arc<Collection>,
    pub(super) model: Model,
    /// Its removal failed: it takes no writes, and may be gone at the next open.
    pub(super) is_dropped: bool,
}

/// See the module. What it does in detail is in `steps.rs` and `lives.rs`.
#[derive(Debug)]
pub(super) struct Run {
    seed: u64,
    pub(super) random: StdRng,
    pub(super) disk: Arc<SimulatedDisk>,
    pub(super) clock: Arc<SimulatedClock>,
    pub(super) store: Option<Arc<Store>>,
    pub(super) slots: Vec<Slot>,
    /// Collections that were being made or removed: each is as it says here, or not there.
    pub(super) doubtful: BTreeMap<CollectionId, Model>,
    /// Collections that the next open has to find.
    pub(super) certain: BTreeMap<CollectionId, Model>,
    held: Vec<(Arc<Snapshot>, State)>,
    pub(super) next_value: i64,
    pub(super) next_collection: u64,
    /// The store writes no more until it is opened again.
    pub(super) is_poisoned: bool,
    /// Faults of the disk at the beginning of the step.
    pub(super) faults_before: u64,
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the simulation with seed {} failed", self.seed);
        }
    }
}

impl Run {
    /// Carries out `steps` steps, and returns the figures and the digest of the trace.
    pub(super) fn carry_out(seed: u64, steps: u64) -> (Counters, (u64, u64)) {
        let mut run = Self::new(seed);
        run.open();
        for _ in 0..steps {
            run.faults_before = run.disk.counters().faults;
            run.disk.with_counters(|counters| counters.steps += 1);
            run.step();
            if !run.disk.is_on() {
                run.recover_from_crash();
            }
        }
        run.disk.heal();
        run.disk.cut_power();
        run.recover_from_crash();
        run.check();
        run.store = None;
        (run.disk.counters(), run.disk.digest())
    }

    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        Self {
            seed,
            disk: Arc::new(SimulatedDisk::new(random.random())),
            random,
            clock: Arc::default(),
            store: None,
            slots: Vec::new(),
            doubtful: BTreeMap::new(),
            certain: BTreeMap::new(),
            held: Vec::new(),
            next_value: 0,
            next_collection: 0,
            is_poisoned: false,
            faults_before: 0,
        }
    }

    fn step(&mut self) {
        if self.disk.is_full() && self.chance(1, 4) {
            self.disk.set_free_bytes(None);
        }
        if self.is_poisoned && self.chance(1, 4) {
            return self.restart();
        }
        if self.slots.is_empty() {
            return self.make_collection();
        }
        match self.random.random_range(0..1000) {
            0..560 => self.write(1),
            560..640 => {
                let count = self.random.random_range(2..6);
                self.write(count);
            }
            640..740 => self.flush(),
            740..790 => self.compact(),
            790..830 => self.fold(),
            830..845 => self.make_collection(),
            845..853 => self.drop_collection(),
            853..880 => self.hold_snapshot(),
            880..900 => self.check_held(),
            900..920 => self.move_clock(),
            920..950 => {
                let calls = self.random.random_range(0..24);
                self.disk.crash_in(calls);
            }
            950..967 => self.plan_fault(),
            967..973 => {
                let bytes = self.random.random_range(0..4000);
                self.disk.set_free_bytes(Some(bytes));
            }
            973..988 => self.restart(),
            _ => self.check(),
        }
    }

    pub(super) fn chance(&mut self, numerator: u32, denominator: u32) -> bool {
        self.random.random_ratio(numerator, denominator)
    }

    pub(super) fn any_slot(&mut self) -> usize {
        self.random.random_range(0..self.slots.len())
    }

    pub(super) fn plan_fault(&mut self) {
        let kind = ERROR_KINDS[self.random.random_range(0..ERROR_KINDS.len())];
        let calls = self.random.random_range(0..16);
        self.disk.fail_in(calls, kind);
    }

    fn move_clock(&mut self) {
        if self.chance(1, 2) {
            let seconds = self.random.random_range(0..100_000);
            self.clock.advance(seconds);
        } else {
            let seconds = self.random.random_range(-100_000..100_000);
            self.clock.set_by(seconds);
        }
    }

    fn fold(&mut self) {
        let slot = self.any_slot();
        self.slots[slot].collection.fold_blocking().unwrap();
        self.check_slot(slot);
    }

    fn hold_snapshot(&mut self) {
        let slot = &self.slots[self.random.random_range(0..self.slots.len())];
        let pair = (slot.collection.snapshot(), slot.model.acknowledged.clone());
        if self.held.len() == HELD_MAX {
            self.held.remove(0);
        }
        self.held.push(pair);
    }

    /// Snapshots stay as they were, whatever has happened to their store.
    pub(super) fn check_held(&mut self) {
        for (snapshot, expected) in &self.held {
            assert_eq!(contents(snapshot), *expected);
        }
        if self.chance(1, 2) {
            self.held.clear();
        }
    }

    /// Every collection shows exactly what was acknowledged.
    pub(super) fn check(&mut self) {
        for slot in 0..self.slots.len() {
            self.check_slot(slot);
        }
    }

    pub(super) fn check_slot(&self, slot: usize) {
        let slot = &self.slots[slot];
        let found = contents(&slot.collection.snapshot());
        assert_eq!(found, slot.model.acknowledged);
        assert_eq!(
            slot.collection.stats().doc_count,
            found.documents.len() as u64
        );
    }

    /// The documents of a batch are as the model has them.
    pub(super) fn check_documents<'a>(&self, slot: usize, ids: impl Iterator<Item = &'a str>) {
        let slot = &self.slots[slot];
        for id in ids {
            let expected = slot.model.acknowledged.documents.get(id).copied();
            assert_eq!(find(&slot.collection, id), expected, "`{id}`");
        }
    }

    /// An error has a cause: a fault, a full disk, a power cut, or a file that is there although its
    /// making failed.
    pub(super) fn check_cause(&self, error: &dyn std::error::Error) {
        let has_cause = !self.disk.is_on()
            || self.disk.is_full()
            || self.disk.left_behind()
            || self.disk.counters().faults > self.faults_before;
        assert!(has_cause, "an error without a cause: {error}");
    }

    pub(super) fn phase(&self, phase: Phase) {
        self.disk.set_phase(phase);
    }
}
