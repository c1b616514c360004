//! A store on a real folder.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use outcrop_storage::{Environment, Operation, Store, StoreError, StoreOptions};

use crate::support::*;

fn open_local(root: &Path) -> Result<Arc<Store>, StoreError> {
    Store::open(Environment::local(root), options())
}

#[test]
fn a_folder_keeps_its_documents_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("not/there/yet");
    for round in 0..4 {
        let store = open_local(&root).unwrap();
        let collection = collection(&store);
        write(
            &collection,
            vec![put(&round.to_string(), round), put("last", round)],
        );
        let found = contents(&collection);
        assert_eq!((found["last"], found.len() as i64), (round, round + 2));
        if round % 2 == 0 {
            store.close().unwrap();
        }
    }
}

#[test]
fn a_second_store_on_the_same_folder_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let first = open_local(folder.path()).unwrap();
    let error = open_local(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }));
    let expected = format!(
        "cannot open the data folder `{}`: it is in use by process {}",
        folder.path().display(),
        std::process::id()
    );
    assert_eq!(error.to_string(), expected);
    drop(first);
    open_local(folder.path()).unwrap();
}

#[test]
fn half_written_objects_of_an_earlier_process_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    fs::write(temporary.join("1-1"), b"half").unwrap();
    open_local(folder.path()).unwrap();
    assert!(!temporary.exists());
}

#[test]
fn a_folder_that_is_a_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("collections"), b"").unwrap();
    let error = open_local(folder.path()).unwrap_err();
    assert_eq!(error.to_string(), "cannot list `collections`");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    let place = folder.path().join("collections");
    assert!(
        cause.starts_with(&format!("`{}`: ", place.display())),
        "{cause}"
    );
}

#[test]
fn dropping_a_collection_frees_its_folder_and_snapshots_stay_readable() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_local(folder.path()).unwrap();
    let collection = collection(&store);
    write(&collection, vec![put("a", 1), put("b", 1)]);
    collection.flush_blocking().unwrap();
    write(&collection, vec![Operation::delete("a")]);
    let snapshot = collection.snapshot();
    store.drop_collection(ID).unwrap();
    assert_eq!(
        fs::read_dir(folder.path().join("collections"))
            .unwrap()
            .count(),
        0
    );
    assert!(snapshot.document("b").unwrap().is_some());
    assert!(snapshot.document("a").unwrap().is_none());
}

#[test]
fn the_flush_thread_flushes_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let flush_age = std::time::Duration::from_millis(50);
    let options = StoreOptions {
        flush_age,
        ..StoreOptions::default()
    };
    let store = Store::open(Environment::local(folder.path()), options).unwrap();
    let collection = collection(&store);
    write(&collection, vec![put("a", 1)]);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while part_counts(&collection) != (1, 0) {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(contents(&collection), map([("a", 1)]));
}

#[test]
fn numbered_objects_of_others_live_beside_the_collections() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_local(folder.path()).unwrap();
    let objects = store.numbered("catalog");
    assert_eq!(objects.newest().unwrap(), None);
    objects.create(1, b"first").unwrap();
    objects.create(2, b"second").unwrap();
    assert!(objects.create(2, b"other").is_err());
    drop(store);
    let store = open_local(folder.path()).unwrap();
    let newest = store.numbered("catalog").newest().unwrap().unwrap();
    assert_eq!((newest.number, &newest.payload[..]), (2, &b"second"[..]));
}
