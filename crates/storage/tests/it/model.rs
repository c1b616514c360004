//! The store against a `BTreeMap`: any sequence of writes, flushes, compactions, crashes and
//! restarts, with a clustering key and a retention while time goes on.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use outcrop_storage::env::{Clock, ManualClock, MemoryDisk};
use outcrop_storage::{
    Collection, CollectionOptions, Decision, Environment, Operation, Outcome, Store, StoreOptions,
    WriteError,
};
use proptest::prelude::*;

use crate::support::*;

/// Value and `_event_time` of each document.
type Model = BTreeMap<String, (i64, i64)>;

/// Age in seconds after which documents go.
const RETENTION_SECS: u64 = 100;

/// Takes a few seconds; `PROPTEST_CASES` asks for more.
const CASES: u32 = 150;

#[derive(Clone, Debug)]
enum Change {
    /// With an age in seconds.
    Put(u8, i64, i64),
    Increment(u8),
    /// Adds the document if there is none.
    Offer(u8, i64),
    Delete(u8),
}

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<Change>),
    Flush,
    Compact,
    /// Time goes on by some seconds.
    Wait(u64),
    Expire,
    /// Another clustering key, or none.
    Cluster(bool),
    /// Cuts the power, keeping some bytes that were not synced, and opens again.
    Crash(usize),
    Restart,
    /// Makes an operation in the near future fail.
    Fail(u64, bool),
}

fn change() -> impl Strategy<Value = Change> {
    let id = 0..24_u8;
    prop_oneof![
        4 => (id.clone(), 0..1000_i64, 0..150_i64)
            .prop_map(|(id, value, age)| Change::Put(id, value, age)),
        2 => id.clone().prop_map(Change::Increment),
        1 => (id.clone(), 0..1000_i64).prop_map(|(id, value)| Change::Offer(id, value)),
        2 => id.prop_map(Change::Delete),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => prop::collection::vec(change(), 1..12).prop_map(Step::Write),
        4 => Just(Step::Flush),
        2 => Just(Step::Compact),
        1 => (0..40_u64).prop_map(Step::Wait),
        2 => Just(Step::Expire),
        1 => any::<bool>().prop_map(Step::Cluster),
        2 => (0..200_usize).prop_map(Step::Crash),
        1 => Just(Step::Restart),
        1 => (0..8_u64, any::<bool>()).prop_map(|(after, full)| Step::Fail(after, full)),
    ]
}

/// A change with its time settled.
fn operation(change: &Change, now: i64) -> Operation {
    match change {
        Change::Put(id, value, age) => event(&id.to_string(), *value, now - age * 1_000_000),
        Change::Increment(id) => increment(&id.to_string()),
        Change::Offer(id, value) => offer(&id.to_string(), *value, now),
        Change::Delete(id) => Operation::delete(id.to_string()),
    }
}

/// Adds the document if there is none.
fn offer(id: &str, value: i64, now: i64) -> Operation {
    let document = event_document(id, value, now);
    Operation::decide(id, move |stored| match stored {
        Some(_) => Decision::Keep,
        None => Decision::Put(document),
    })
}

fn apply(model: &mut Model, change: &Change, now: i64) -> Outcome {
    match change {
        Change::Put(id, value, age) => {
            match model.insert(id.to_string(), (*value, now - age * 1_000_000)) {
                Some(_) => Outcome::Replaced,
                None => Outcome::Added,
            }
        }
        Change::Increment(id) => match model.get_mut(&id.to_string()) {
            Some((value, _)) => {
                *value += 1;
                Outcome::Patched
            }
            None => Outcome::Absent,
        },
        Change::Offer(id, value) => match model.entry(id.to_string()) {
            Entry::Occupied(_) => Outcome::Kept,
            Entry::Vacant(place) => {
                place.insert((*value, now));
                Outcome::Added
            }
        },
        Change::Delete(id) => match model.remove(&id.to_string()) {
            Some(_) => Outcome::Deleted,
            None => Outcome::Absent,
        },
    }
}

fn values(model: &Model) -> BTreeMap<String, i64> {
    let values = model.iter().map(|(id, (value, _))| (id.clone(), *value));
    values.collect()
}

struct Run {
    disk: Arc<MemoryDisk>,
    clock: Arc<ManualClock>,
    store: Option<Arc<Store>>,
    collection: Arc<Collection>,
    model: Model,
    /// What the collection may hold instead after a write of unknown fate.
    possible: Option<Model>,
}

impl Run {
    fn new() -> Self {
        let (disk, clock) = (Arc::new(MemoryDisk::new()), Arc::new(ManualClock::new()));
        let store = open_at(&disk, &clock);
        let options = CollectionOptions {
            retention_secs: Some(RETENTION_SECS),
            ..CollectionOptions::default()
        };
        let collection = store.create_collection_with(ID, options).unwrap();
        Self {
            disk,
            clock,
            store: Some(store),
            collection,
            model: Model::new(),
            possible: None,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Write(changes) => self.write(changes),
            Step::Flush => drop(self.collection.flush_blocking()),
            Step::Compact => drop(self.collection.compact_blocking()),
            Step::Wait(seconds) => self.clock.advance(Duration::from_secs(*seconds)),
            Step::Expire => self.expire(),
            Step::Cluster(clustered) => self.cluster(*clustered),
            Step::Crash(bytes) => {
                self.disk.crash_keeping(*bytes);
                self.reopen();
            }
            Step::Restart => {
                drop(self.store.as_ref().map(|store| store.close()));
                self.reopen();
            }
            Step::Fail(after, full) => {
                let kind = if *full {
                    ErrorKind::StorageFull
                } else {
                    ErrorKind::Other
                };
                self.disk.fail_nth(*after, kind);
            }
        }
        let found = contents(&self.collection);
        // Documents past the retention may be gone; from then on they have to stay away.
        self.model = without_expired(&self.model, &found, self.retention_start());
        assert_eq!(found, values(&self.model));
    }

    fn retention_start(&self) -> i64 {
        self.clock.now_micros() - i64::try_from(RETENTION_SECS * 1_000_000).unwrap()
    }

    fn expire(&mut self) {
        let flushed = self.collection.flush_blocking().is_ok();
        if self.collection.expire_blocking().is_ok() && flushed {
            let start = self.retention_start();
            self.model.retain(|_, (_, time)| *time >= start);
        }
    }

    fn cluster(&mut self, clustered: bool) {
        let mut options = (*self.collection.options()).clone();
        let group = clustered.then(|| "group".parse().unwrap());
        options.clustering_key = group.into_iter().collect();
        drop(self.collection.set_options_blocking(options));
    }

    fn write(&mut self, changes: &[Change]) {
        let now = self.clock.now_micros();
        let mut after = self.model.clone();
        let outcomes: Vec<_> = changes
            .iter()
            .map(|change| apply(&mut after, change, now))
            .collect();
        let operations = changes.iter().map(|change| operation(change, now));
        match try_write(&self.collection, operations.collect()) {
            Ok(receipt) => {
                assert_eq!(receipt.outcomes, outcomes);
                assert_eq!(receipt.seqno, self.collection.snapshot().seqno());
                self.model = after;
            }
            Err(WriteError::Poisoned) => {
                self.possible.get_or_insert(after);
            }
            Err(WriteError::DiskFull { .. } | WriteError::Io { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn reopen(&mut self) {
        self.disk.clear_fault();
        self.store = None;
        let store = open_at(&self.disk, &self.clock);
        self.collection = store.collection(ID).unwrap();
        self.store = Some(store);
        let found = contents(&self.collection);
        if let Some(possible) = self.possible.take() {
            let possible = without_expired(&possible, &found, self.retention_start());
            if values(&possible) == found {
                self.model = possible;
            }
        }
    }
}

/// The model without documents that are older than `start` and were not found.
fn without_expired(model: &Model, found: &BTreeMap<String, i64>, start: i64) -> Model {
    let mut model = model.clone();
    model.retain(|id, (_, time)| *time >= start || found.contains_key(id));
    model
}

/// Opens the store with row groups and segments so small that there are several of them.
fn open_at(disk: &Arc<MemoryDisk>, clock: &Arc<ManualClock>) -> Arc<Store> {
    let seeded = Environment::in_memory(Arc::clone(disk), disk.operations());
    let environment = Environment {
        clock: Arc::<ManualClock>::clone(clock),
        ..seeded
    };
    let small = StoreOptions {
        row_group_rows: 3,
        segment_bytes_max: 30_000,
        ..options()
    };
    Store::open(environment, small).expect("the store opens")
}

fn config() -> ProptestConfig {
    let more = ProptestConfig::default().cases;
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig::with_cases(if asked { more } else { CASES })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_store_is_a_map_that_survives_crashes(steps in prop::collection::vec(step(), 1..60)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.step(&Step::Crash(0));
    }
}
