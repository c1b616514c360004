//! A bucket that cannot be reached for a while, and answers that get lost.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use outcrop_storage::env::{Disk, is_unavailable};
use outcrop_storage::{Collection, ObjectPath, WriteError, is_bucket_unavailable};

use super::{bucket_options, environment, new_bucket, open};
use crate::support::*;

/// Writes until it works again: the store finds out by itself.
fn write_when_back(collection: &Collection, id: &str, value: i64) {
    for _ in 0..1000 {
        match try_write(collection, vec![put(id, value)]) {
            Ok(_) => return,
            Err(WriteError::Unavailable { .. }) => sleep(Duration::from_millis(10)),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the store does not recover");
}

#[test]
fn writes_are_refused_during_an_outage_and_work_after_it() {
    let (_bucket, store) = new_bucket();
    let opened = open(&store, 1);
    let collection = collection(&opened);
    write(&collection, vec![put("a", 1)]);
    collection.flush_blocking().unwrap();
    write(&collection, vec![put("d", 1)]);

    store.set_down(true);
    let error = try_write(&collection, vec![put("b", 1)]).unwrap_err();
    assert!(matches!(error, WriteError::Unavailable { .. }), "{error}");
    assert!(is_bucket_unavailable(&error));
    let error = collection.flush_blocking().unwrap_err();
    assert!(is_bucket_unavailable(&error), "{error}");
    assert_eq!(contents(&collection), map([("a", 1), ("d", 1)]));

    store.set_down(false);
    write_when_back(&collection, "c", 2);
    let mut found = contents(&collection);
    // The refused write may have been on its way.
    found.remove("b");
    assert_eq!(found, map([("a", 1), ("c", 2), ("d", 1)]));
}

#[test]
fn a_write_whose_answer_was_lost_is_settled_before_the_next_one() {
    for lost_answers in 1..=3 {
        let (_bucket, store) = new_bucket();
        let opened = open(&store, 1);
        let collection = collection(&opened);
        write(&collection, vec![put("a", 1)]);
        let down = Arc::clone(&store);
        // The object is there, and then the bucket is gone.
        store.hook(0, true, move || down.set_down(true));
        let lost = try_write(&collection, vec![increment("a")]);
        if lost_answers > 1 {
            // The request itself was answered.
            assert!(lost.is_ok());
        }
        let refused = try_write(&collection, vec![increment("a")]);
        assert!(matches!(refused, Err(WriteError::Unavailable { .. })));
        store.set_down(false);
        write_when_back(&collection, "b", 1);
        let found = contents(&collection);
        drop((opened, collection));
        let opened = open(&store, 2);
        let again = contents(&crate::support::collection(&opened));
        assert_eq!(again, found, "memory and log have the same");
        assert!((2..=3).contains(&again["a"]), "{again:?}");
    }
}

#[test]
fn a_lost_answer_is_not_taken_for_another_owner() {
    let (_bucket, store) = new_bucket();
    let opened = open(&store, 1);
    let collection = collection(&opened);
    store.set_faults(64);
    let mut expected = 0;
    for value in 0..200 {
        match try_write(&collection, vec![put("a", value)]) {
            Ok(_) => expected = value,
            Err(WriteError::Unavailable { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        if value % 16 == 0 {
            drop(collection.flush_blocking());
        }
    }
    store.set_faults(0);
    assert!(expected > 0);
    write_when_back(&collection, "b", 1);
    let found = contents(&collection);
    assert!(found["a"] >= expected);
    collection.flush_blocking().unwrap();
    drop((opened, collection));
    let opened = open(&store, 2);
    assert_eq!(contents(&crate::support::collection(&opened)), found);
}

#[test]
fn a_name_is_given_once_and_its_giver_knows_it() {
    let (_bucket, store) = new_bucket();
    let disk = environment(store, 1, &bucket_options(3)).disk;
    let path = ObjectPath::new("things/1");
    let create = |disk: &Arc<dyn Disk>, contents: &[u8]| {
        disk.create(&path, &mut |writer| writer.write_all(contents))
    };
    create(&disk, b"mine").unwrap();
    create(&disk, b"mine").unwrap();
    let error = create(&disk, b"yours").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert!(!is_unavailable(&error));
    assert_eq!(&disk.read(&path).unwrap()[..], b"mine");
}
