//! Every request of a script fails once, in every way: nothing that was acknowledged is lost, and the
//! store goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::ObjectStore;
use outcrop_storage::{Collection, Environment, Store, StoreError};

use super::faulty::{Fault, FaultyStore};
use super::{bucket_options, environment, new_bucket, open, options, settle};
use crate::faults::{Expected, ROUNDS_VARIABLE, run_script_with};
use crate::support::{ID, contents, put, try_write, write};

/// How many times a request is sent: one failure is seen by the store, or overcome.
const ATTEMPTS: [u32; 2] = [1, 2];

/// Of the failures of a short script one of so many is tried in the short form.
const SHORT_STRIDE: u64 = 11;

fn try_open(store: &Arc<FaultyStore>, seed: u64, attempts: u32) -> Result<Arc<Store>, StoreError> {
    let way: Arc<dyn ObjectStore> = Arc::<FaultyStore>::clone(store);
    let environment: Environment = environment(way, seed, &bucket_options(attempts));
    Store::open(environment, options())
}

fn stride() -> u64 {
    if std::env::var_os(ROUNDS_VARIABLE).is_some() {
        1
    } else {
        SHORT_STRIDE
    }
}

fn nothing_expected() -> Expected {
    Expected {
        certain: BTreeMap::new(),
        possible: None,
    }
}

/// Runs the script with one failing request. True if there was no such request any more.
fn run(failing: u64, fault: Fault, attempts: u32) -> bool {
    let (_bucket, store) = new_bucket();
    store.fail_nth(failing, fault);
    let mut expected = nothing_expected();
    if let Ok(opened) = try_open(&store, 1, attempts)
        && let Ok(collection) = opened.create_collection(ID)
    {
        let read = |collection: &Collection| store.calm(|| contents(collection));
        run_script_with(&collection, &mut expected, read, settle);
        if !store.clear_fault() {
            // It goes on as if nothing had happened.
            write(&collection, vec![put("last", 1)]);
            expected.certain.insert("last".to_owned(), 1);
            collection.flush_blocking().unwrap();
            collection.compact_blocking().unwrap();
            assert_eq!(
                contents(&collection),
                expected.certain,
                "{fault:?} of {failing}"
            );
        } else {
            store.fail_nth(0, fault);
        }
    }
    let finished = store.clear_fault();
    let opened = open(&store, 2);
    let found = opened
        .collection(ID)
        .map(|collection| contents(&collection));
    expected.check(&found.unwrap_or_default(), failing);
    finished
}

#[test]
fn any_single_failing_request_loses_and_invents_nothing() {
    let mut failures = 0;
    for (index, fault) in (0..).zip(Fault::ALL) {
        for attempts in ATTEMPTS {
            let mut failing = index % stride();
            while !run(failing, fault, attempts) {
                failing += stride();
                failures += 1;
            }
            assert!(failing > 20, "the script has more requests than {failing}");
        }
    }
    eprintln!("{failures} failing requests to a bucket, nothing lost");
}

#[test]
fn an_open_whose_requests_fail_can_be_tried_again() {
    for (index, fault) in (0..).zip(Fault::ALL) {
        let mut failing = index % stride();
        loop {
            let (_bucket, store) = new_bucket();
            let opened = open(&store, 1);
            let collection = opened.create_collection(ID).unwrap();
            let mut expected = nothing_expected();
            run_script_with(&collection, &mut expected, contents, settle);
            try_write(&collection, vec![put("unflushed", 1)]).unwrap();
            expected.certain.insert("unflushed".to_owned(), 1);
            drop((opened, collection));
            store.fail_nth(failing, fault);
            drop(try_open(&store, 2, 1));
            let finished = store.clear_fault();
            let opened = open(&store, 3);
            expected.check(&contents(&opened.collection(ID).unwrap()), failing);
            if finished {
                break;
            }
            failing += stride();
        }
    }
}
