//! A power cut at any moment loses nothing that was acknowledged.

use outcrop_storage::env::Disk;
use outcrop_storage::{ObjectPath, Operation};

use crate::support::*;

#[test]
fn reopen_after_crash_keeps_acknowledged_writes() {
    let (disk, store, collection) = new_store();
    write(&collection, vec![put("a", 1), put("b", 1), put("c", 1)]);
    write(
        &collection,
        vec![put("a", 2), Operation::delete("b"), increment("c")],
    );
    drop((store, collection));
    disk.crash();
    let store = open(&disk);
    let collection = store.collection(ID).unwrap();
    assert_eq!(contents(&collection), map([("a", 2), ("c", 2)]));
    assert_eq!(collection.snapshot().seqno(), 2);
    write(&collection, vec![increment("a")]);
    assert_eq!(collection.snapshot().seqno(), 3);
}

#[test]
fn reopen_between_flushes_puts_segments_and_log_together() {
    let (disk, store, collection) = new_store();
    write(&collection, vec![put("a", 1), put("b", 1), put("c", 1)]);
    block_on(collection.flush()).unwrap();
    write(&collection, vec![put("a", 2), Operation::delete("b")]);
    block_on(collection.flush()).unwrap();
    write(
        &collection,
        vec![Operation::delete("a"), put("d", 1), increment("c")],
    );
    let expected = contents(&collection);
    drop((store, collection));
    for _ in 0..3 {
        disk.crash();
        let store = open(&disk);
        let collection = store.collection(ID).unwrap();
        assert_eq!(contents(&collection), expected);
    }
}

#[test]
fn a_store_can_crash_again_and_again_while_it_is_written_to() {
    let (disk, mut store, mut collection) = new_store();
    for round in 0..30 {
        write(
            &collection,
            vec![put(&round.to_string(), round), put("last", round)],
        );
        if round % 7 == 3 {
            block_on(collection.flush()).unwrap();
        }
        disk.crash();
        drop((store, collection));
        store = open(&disk);
        collection = store.collection(ID).unwrap();
        let found = contents(&collection);
        assert_eq!((found["last"], found.len() as i64), (round, round + 2));
    }
}

#[test]
fn a_write_torn_at_any_byte_is_either_whole_or_gone() {
    let (disk, store, collection) = new_store();
    write(&collection, vec![put("a", 1)]);
    let log = ObjectPath::new("wal/00000000000000000001");
    let before = disk.contents(&log).unwrap().len();
    write(&collection, vec![put("a", 2), put("b", 2)]);
    drop((store, collection));
    let whole = disk.contents(&log).unwrap();
    for length in before..=whole.len() {
        disk.set_contents(&log, whole[..length].to_vec());
        let store = open(&disk);
        let found = contents(&store.collection(ID).unwrap());
        let expected = if length == whole.len() {
            map([("a", 2), ("b", 2)])
        } else {
            map([("a", 1)])
        };
        assert_eq!(found, expected, "cut at {length}");
        drop(store);
        disk.set_contents(&log, whole.clone());
    }
}

#[test]
fn a_log_file_that_could_not_be_begun_does_not_make_a_torn_write_damage() {
    // Opening the next file, writing its header or syncing that fails.
    for failing in 0..3 {
        let (disk, store, collection) = new_store();
        let log = ObjectPath::new("wal/00000000000000000001");
        let mut round = 0;
        while disk.contents(&log).map_or(0, |log| log.len()) < 4096 {
            write(&collection, vec![put("a", round)]);
            round += 1;
        }
        let full = disk.contents(&log).unwrap().len();
        disk.fail_nth(failing, std::io::ErrorKind::Other);
        write(&collection, vec![put("a", -1)]);
        drop((store, collection));
        // The full file has taken the write; now the power goes during another one.
        let mut bytes = disk.contents(&log).unwrap();
        assert!(bytes.len() > full);
        bytes.extend_from_slice(b"OCWR and half a record");
        disk.set_contents(&log, bytes);
        disk.crash();
        let store = open(&disk);
        let collection = store.collection(ID).unwrap();
        assert_eq!(contents(&collection), map([("a", -1)]), "{failing}");
    }
}

#[test]
fn the_rest_of_an_unfinished_flush_is_removed() {
    let (disk, store, collection) = new_store();
    write(&collection, vec![put("a", 1), put("c", 1)]);
    block_on(collection.flush()).unwrap();
    write(&collection, vec![put("a", 2), put("b", 1)]);
    // The segment and the deletion vector are written, the manifest is not.
    let folder = format!("collections/{ID}");
    let before = disk.paths();
    disk.fail_create_of(&ObjectPath::new(format!("{folder}/manifest/{:020}", 3)));
    block_on(collection.flush()).unwrap_err();
    assert_eq!(disk.paths().len(), before.len() + 2);
    drop((store, collection));
    disk.crash();
    let store = open(&disk);
    let collection = store.collection(ID).unwrap();
    assert_eq!(
        disk.list(&ObjectPath::new(format!("{folder}/segments")))
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        disk.list(&ObjectPath::new(format!("{folder}/deletions")))
            .unwrap()
            .len(),
        0
    );
    assert_eq!(contents(&collection), map([("a", 2), ("b", 1), ("c", 1)]));
    block_on(collection.flush()).unwrap();
    assert_eq!(contents(&collection), map([("a", 2), ("b", 1), ("c", 1)]));
}

#[test]
fn a_flush_whose_manifest_failed_works_when_it_is_tried_again() {
    let (disk, _store, collection) = new_store();
    write(&collection, vec![put("a", 1), put("b", 1)]);
    block_on(collection.flush()).unwrap();
    write(&collection, vec![put("a", 2)]);
    let manifest = format!("collections/{ID}/manifest/{:020}", 3);
    disk.fail_create_of(&ObjectPath::new(manifest));
    // The deletion vector of the first segment stays: the manifest may have come about.
    block_on(collection.flush()).unwrap_err();
    block_on(collection.flush()).unwrap();
    assert_eq!(contents(&collection), map([("a", 2), ("b", 1)]));
}

#[test]
fn an_unfinished_drop_leaves_a_whole_collection_or_none() {
    for failing in 0..20 {
        let (disk, store, collection) = new_store();
        for round in 0..3 {
            write(&collection, vec![put("a", round), put("b", round)]);
            block_on(collection.flush()).unwrap();
        }
        disk.fail_nth(failing, std::io::ErrorKind::Other);
        let dropped = store.drop_collection(ID);
        drop((store, collection));
        disk.crash();
        let store = open(&disk);
        match store.collection(ID) {
            Some(collection) => {
                assert!(dropped.is_err());
                assert_eq!(contents(&collection), map([("a", 2), ("b", 2)]));
            }
            None => {
                let left = disk.paths();
                assert!(
                    !left
                        .iter()
                        .any(|path| path.as_str().starts_with("collections/"))
                );
            }
        }
    }
}
