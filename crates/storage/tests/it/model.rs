//! The store against a `BTreeMap`: any sequence of writes, flushes, crashes and restarts.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use outcrop_storage::env::MemoryDisk;
use outcrop_storage::{Collection, Operation, Outcome, Store, WriteError};
use proptest::prelude::*;

use crate::support::*;

type Model = BTreeMap<String, i64>;

/// Takes a few seconds; `PROPTEST_CASES` asks for more.
const CASES: u32 = 150;

#[derive(Clone, Debug)]
enum Change {
    Put(u8, i64),
    Increment(u8),
    Delete(u8),
}

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<Change>),
    Flush,
    Compact,
    /// Cuts the power, keeping some bytes that were not synced, and opens again.
    Crash(usize),
    Restart,
    /// Makes an operation in the near future fail.
    Fail(u64, bool),
}

fn change() -> impl Strategy<Value = Change> {
    let id = 0..24_u8;
    prop_oneof![
        4 => (id.clone(), 0..1000_i64).prop_map(|(id, value)| Change::Put(id, value)),
        2 => id.clone().prop_map(Change::Increment),
        2 => id.prop_map(Change::Delete),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => prop::collection::vec(change(), 1..12).prop_map(Step::Write),
        4 => Just(Step::Flush),
        2 => Just(Step::Compact),
        2 => (0..200_usize).prop_map(Step::Crash),
        1 => Just(Step::Restart),
        1 => (0..8_u64, any::<bool>()).prop_map(|(after, full)| Step::Fail(after, full)),
    ]
}

fn operation(change: &Change) -> Operation {
    match change {
        Change::Put(id, value) => put(&id.to_string(), *value),
        Change::Increment(id) => increment(&id.to_string()),
        Change::Delete(id) => Operation::delete(id.to_string()),
    }
}

fn apply(model: &mut Model, change: &Change) -> Outcome {
    match change {
        Change::Put(id, value) => match model.insert(id.to_string(), *value) {
            Some(_) => Outcome::Replaced,
            None => Outcome::Added,
        },
        Change::Increment(id) => match model.get_mut(&id.to_string()) {
            Some(value) => {
                *value += 1;
                Outcome::Patched
            }
            None => Outcome::Absent,
        },
        Change::Delete(id) => match model.remove(&id.to_string()) {
            Some(_) => Outcome::Deleted,
            None => Outcome::Absent,
        },
    }
}

struct Run {
    disk: Arc<MemoryDisk>,
    store: Option<Arc<Store>>,
    collection: Arc<Collection>,
    model: Model,
    /// What the collection may hold instead after a write of unknown fate.
    possible: Option<Model>,
}

impl Run {
    fn new() -> Self {
        let (disk, store, collection) = new_store();
        Self {
            disk,
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
        assert_eq!(contents(&self.collection), self.model);
    }

    fn write(&mut self, changes: &[Change]) {
        let mut after = self.model.clone();
        let outcomes: Vec<_> = changes
            .iter()
            .map(|change| apply(&mut after, change))
            .collect();
        match try_write(&self.collection, changes.iter().map(operation).collect()) {
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
        let store = open(&self.disk);
        self.collection = collection(&store);
        self.store = Some(store);
        let found = contents(&self.collection);
        if self
            .possible
            .take()
            .is_some_and(|possible| possible == found)
        {
            self.model = found;
        }
    }
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
