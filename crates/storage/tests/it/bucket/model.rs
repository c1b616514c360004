//! The store in a bucket against a `BTreeMap`: any sequence of writes, flushes, kills and restarts,
//! while requests and answers get lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use outcrop_storage::{Collection, Operation, Store, WriteError};
use proptest::prelude::*;

use super::faulty::FaultyStore;
use super::{new_bucket, open, settle};
use crate::support::{ID, collection, contents, increment, put, try_write};

type Model = BTreeMap<String, i64>;

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
    Kill,
    Restart,
    /// So many of 256 requests fail before their effect, as many after it.
    Faults(u8),
}

fn change() -> impl Strategy<Value = Change> {
    let id = 0..16_u8;
    prop_oneof![
        4 => (id.clone(), 0..1000_i64).prop_map(|(id, value)| Change::Put(id, value)),
        2 => id.clone().prop_map(Change::Increment),
        2 => id.prop_map(Change::Delete),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => prop::collection::vec(change(), 1..8).prop_map(Step::Write),
        3 => Just(Step::Flush),
        1 => Just(Step::Compact),
        1 => Just(Step::Kill),
        1 => Just(Step::Restart),
        2 => prop_oneof![Just(0), Just(10), Just(60)].prop_map(Step::Faults),
    ]
}

fn operation(change: &Change) -> Operation {
    match change {
        Change::Put(id, value) => put(&id.to_string(), *value),
        Change::Increment(id) => increment(&id.to_string()),
        Change::Delete(id) => Operation::delete(id.to_string()),
    }
}

fn apply(model: &Model, changes: &[Change]) -> Model {
    let mut after = model.clone();
    for change in changes {
        match change {
            Change::Put(id, value) => drop(after.insert(id.to_string(), *value)),
            Change::Increment(id) => {
                if let Some(value) = after.get_mut(&id.to_string()) {
                    *value += 1;
                }
            }
            Change::Delete(id) => drop(after.remove(&id.to_string())),
        }
    }
    after
}

struct Run {
    bucket: Arc<FaultyStore>,
    store: Option<Arc<Store>>,
    collection: Arc<Collection>,
    /// What the collection holds; two states while the fate of a write is unknown.
    possible: Vec<Model>,
    faults: u8,
    starts: u64,
}

impl Run {
    fn new() -> Self {
        let (_bucket, bucket) = new_bucket();
        let store = open(&bucket, 1);
        Self {
            collection: collection(&store),
            store: Some(store),
            bucket,
            possible: vec![Model::new()],
            faults: 0,
            starts: 1,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Write(changes) => self.write(changes),
            Step::Flush => drop(self.collection.flush_blocking()),
            Step::Compact => drop(self.collection.compact_blocking()),
            Step::Kill => self.reopen(),
            Step::Restart => {
                drop(self.store.as_ref().map(|store| store.close()));
                self.reopen();
            }
            Step::Faults(faults) => self.faults = *faults,
        }
        self.check();
        self.bucket.set_faults(self.faults);
    }

    fn write(&mut self, changes: &[Change]) {
        let after = |possible: &[Model]| -> Vec<Model> {
            possible.iter().map(|model| apply(model, changes)).collect()
        };
        match try_write(&self.collection, changes.iter().map(operation).collect()) {
            Ok(_) => {
                self.possible = after(&self.possible);
            }
            Err(WriteError::Unavailable { .. }) => {
                self.possible.extend(after(&self.possible));
                if changes.len().is_multiple_of(2) {
                    self.settle();
                } else {
                    self.reopen();
                }
            }
            // An older version could not be read: that is before the log.
            Err(WriteError::Segment { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn check(&mut self) {
        self.bucket.set_faults(0);
        assert_eq!([contents(&self.collection)], self.possible[..]);
    }

    /// Waits until the fate of a write is known.
    fn settle(&mut self) {
        self.bucket.set_faults(0);
        settle(&self.collection);
        self.decide();
    }

    /// Of the possible states keeps the one that is there.
    fn decide(&mut self) {
        let found = contents(&self.collection);
        self.possible.retain(|model| *model == found);
        assert!(!self.possible.is_empty(), "{found:?}");
        self.possible.truncate(1);
    }

    fn reopen(&mut self) {
        self.bucket.set_faults(0);
        self.store = None;
        self.starts += 1;
        let store = open(&self.bucket, self.starts);
        self.collection = store.collection(ID).unwrap();
        self.store = Some(store);
        self.possible
            .retain(|model| *model == contents(&self.collection));
        self.possible.dedup();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_store_in_a_bucket_is_a_map(steps in prop::collection::vec(step(), 1..25)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.step(&Step::Kill);
    }
}
