//! Writes that happen while a flush runs, or that wait for one.

use std::io::ErrorKind;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use outcrop_storage::{Operation, StoreOptions, WriteError};

use crate::gate::{GatedDisk, open_gated};
use crate::support::*;

#[test]
fn rows_that_change_while_they_are_flushed_are_gone_from_the_new_segment() {
    let disk = Arc::new(GatedDisk::default());
    let store = open_gated(&disk, options());
    let collection = collection(&store);
    write(&collection, vec![put("old", 1), put("old2", 1)]);
    collection.flush_blocking().unwrap();
    write(
        &collection,
        vec![put("a", 1), put("b", 1), put("c", 1), put("d", 1)],
    );

    disk.set_shut(true);
    let flushing = Arc::clone(&collection);
    let flush = thread::spawn(move || flushing.flush_blocking());
    let deadline = Instant::now() + Duration::from_secs(20);
    let during = || {
        use outcrop_storage::Outcome::{Added, Deleted, Patched, Replaced};
        let operations = vec![
            put("a", 2),
            Operation::delete("b"),
            increment("c"),
            put("e", 1),
            Operation::delete("old"),
        ];
        assert_eq!(
            write(&collection, operations),
            [Replaced, Deleted, Patched, Added, Deleted]
        );
        assert_eq!(write(&collection, vec![put("b", 3)]), [Added]);
    };
    // The flush has taken its chunks once the write is in another one; give it time to get there.
    thread::sleep(Duration::from_millis(100));
    during();
    let expected = map([
        ("a", 2),
        ("b", 3),
        ("c", 2),
        ("d", 1),
        ("e", 1),
        ("old2", 1),
    ]);
    assert_eq!(contents(&collection), expected);
    assert!(
        Instant::now() < deadline && !flush.is_finished(),
        "writes do not wait for a flush"
    );
    disk.set_shut(false);
    flush.join().unwrap().unwrap();
    assert_eq!(contents(&collection), expected);
    assert_eq!(part_counts(&collection).0, 2);

    // The manifest does not know of these writes; the log does.
    drop((store, collection));
    disk.inner().crash();
    let store = open_gated(&disk, options());
    let collection = store.collection(ID).unwrap();
    assert_eq!(contents(&collection), expected);
    collection.flush_blocking().unwrap();
    assert_eq!(contents(&collection), expected);
}

#[test]
fn a_flush_that_fails_gives_its_rows_back_with_what_changed_meanwhile() {
    let disk = Arc::new(GatedDisk::default());
    let store = open_gated(&disk, options());
    let collection = collection(&store);
    write(&collection, vec![put("a", 1), put("b", 1), put("c", 1)]);
    disk.set_shut(true);
    let flushing = Arc::clone(&collection);
    let flush = thread::spawn(move || flushing.flush_blocking());
    thread::sleep(Duration::from_millis(100));
    write(
        &collection,
        vec![put("a", 2), Operation::delete("b"), put("d", 1)],
    );
    disk.inner().fail_nth(0, ErrorKind::Other);
    disk.set_shut(false);
    flush.join().unwrap().unwrap_err();
    let expected = map([("a", 2), ("c", 1), ("d", 1)]);
    assert_eq!(contents(&collection), expected);
    write(&collection, vec![increment("a"), increment("c")]);
    let expected = map([("a", 3), ("c", 2), ("d", 1)]);
    assert_eq!(contents(&collection), expected);
    collection.flush_blocking().unwrap();
    assert_eq!(contents(&collection), expected);
    assert_eq!(part_counts(&collection), (1, 0));
}

#[test]
fn writes_wait_for_room_and_go_on_after_the_flush() {
    let disk = Arc::new(GatedDisk::default());
    let small = StoreOptions {
        flush_documents: 10,
        delta_bytes_max: 1,
        ..StoreOptions::default()
    };
    let store = open_gated(&disk, small);
    let collection = collection(&store);
    disk.set_shut(true);
    write(
        &collection,
        (0..20).map(|id| put(&id.to_string(), id)).collect(),
    );
    let writing = Arc::clone(&collection);
    let waiting = thread::spawn(move || write(&writing, vec![put("x", 1)]));
    thread::sleep(Duration::from_millis(100));
    assert!(!waiting.is_finished(), "the delta is full");
    assert_eq!(contents(&collection).len(), 20);
    disk.set_shut(false);
    waiting.join().unwrap();
    assert_eq!(contents(&collection).len(), 21);
}

#[test]
fn writes_fail_with_the_reason_while_the_delta_is_full_and_cannot_be_flushed() {
    let disk = Arc::new(GatedDisk::default());
    let small = StoreOptions {
        flush_documents: 10,
        delta_bytes_max: 1,
        ..StoreOptions::default()
    };
    let store = open_gated(&disk, small);
    let collection = collection(&store);
    disk.set_shut(true);
    write(
        &collection,
        (0..20).map(|id| put(&id.to_string(), id)).collect(),
    );
    disk.inner().set_capacity(Some(disk.inner().used_bytes()));
    disk.set_shut(false);
    let error = try_write(&collection, vec![put("x", 1)]).unwrap_err();
    assert!(
        matches!(error, WriteError::FlushFails { .. }) && error.is_disk_full(),
        "{error}"
    );
    assert_eq!(contents(&collection).len(), 20);
    disk.inner().set_capacity(None);
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = try_write(&collection, vec![put("x", 1)]) {
        assert!(error.is_disk_full() && Instant::now() < deadline, "{error}");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(contents(&collection).len(), 21);
}

#[test]
fn closing_ends_a_wait_for_room() {
    let disk = Arc::new(GatedDisk::default());
    let small = StoreOptions {
        flush_documents: 10,
        delta_bytes_max: 1,
        ..StoreOptions::default()
    };
    let store = open_gated(&disk, small);
    let collection = collection(&store);
    disk.set_shut(true);
    write(
        &collection,
        (0..20).map(|id| put(&id.to_string(), id)).collect(),
    );
    let writing = Arc::clone(&collection);
    let waiting = thread::spawn(move || try_write(&writing, vec![put("x", 1)]));
    thread::sleep(Duration::from_millis(50));
    let closing = Arc::clone(&store);
    let close = thread::spawn(move || closing.close());
    thread::sleep(Duration::from_millis(50));
    disk.set_shut(false);
    close.join().unwrap().unwrap();
    // It was let in before the store closed, or it was told; it does not hang.
    let written = waiting.join().unwrap();
    assert!(matches!(written, Ok(_) | Err(WriteError::Closed)));
    assert_eq!(
        contents(&collection).len(),
        if written.is_ok() { 21 } else { 20 }
    );
}
