//! Segments are put together, and nobody sees a difference.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use outcrop_storage::env::Disk;
use outcrop_storage::{ObjectPath, Operation};

use crate::gate::{GatedDisk, open_gated};
use crate::support::*;

fn files(disk: &dyn Disk, folder: &str) -> usize {
    disk.list(&ObjectPath::new(format!("collections/{ID}/{folder}")))
        .unwrap()
        .len()
}

#[test]
fn many_small_segments_become_one_and_their_files_go() {
    let (disk, store, collection) = new_store();
    for round in 0..20 {
        write(
            &collection,
            vec![put(&round.to_string(), round), put("last", round)],
        );
        collection.flush_blocking().unwrap();
    }
    write(&collection, vec![put("0", 100), Operation::delete("7")]);
    let expected = contents(&collection);
    let pinned = collection.snapshot();
    collection.compact_blocking().unwrap();
    assert_eq!(part_counts(&collection), (1, 1));
    assert_eq!(
        (files(&*disk, "segments"), files(&*disk, "deletions")),
        (1, 0)
    );
    assert_eq!(contents(&collection), expected);
    assert_eq!(collection.stats().dead_count, 0);
    assert!(
        pinned.document("last").unwrap().is_some(),
        "older snapshots go on to work"
    );

    drop((store, collection, pinned));
    disk.crash();
    let store = open(&disk);
    let collection = store.collection(ID).unwrap();
    assert_eq!(contents(&collection), expected);
    collection.flush_blocking().unwrap();
    collection.compact_blocking().unwrap();
    assert_eq!(contents(&collection), expected);
}

#[test]
fn rows_that_change_while_segments_are_put_together_stay_changed() {
    let disk = Arc::new(GatedDisk::default());
    let store = open_gated(&disk, options());
    let collection = collection(&store);
    for round in 0..8 {
        let pair = vec![
            put(&format!("a{round}"), round),
            put(&format!("b{round}"), round),
        ];
        write(&collection, pair);
        collection.flush_blocking().unwrap();
    }
    write(&collection, vec![Operation::delete("b0")]);
    disk.set_shut(true);
    let compacting = Arc::clone(&collection);
    let compaction = thread::spawn(move || compacting.compact_blocking());
    thread::sleep(Duration::from_millis(100));
    write(
        &collection,
        vec![put("a1", 100), Operation::delete("a2"), increment("a3")],
    );
    let expected = contents(&collection);
    assert!(!compaction.is_finished());
    disk.set_shut(false);
    compaction.join().unwrap().unwrap();
    assert_eq!(contents(&collection), expected);
    assert_eq!(
        (expected["a1"], expected["a3"], expected.len()),
        (100, 4, 14)
    );

    drop((store, collection));
    disk.inner().crash();
    let store = open_gated(&disk, options());
    let collection = store.collection(ID).unwrap();
    assert_eq!(contents(&collection), expected);
    collection.flush_blocking().unwrap();
    assert_eq!(contents(&collection), expected);
}

#[test]
fn a_compaction_that_fails_at_any_operation_changes_nothing() {
    for failing in 0.. {
        let (disk, store, collection) = new_store();
        for round in 0..8 {
            write(
                &collection,
                vec![put(&round.to_string(), round), put("last", round)],
            );
            collection.flush_blocking().unwrap();
        }
        let expected = contents(&collection);
        disk.fail_nth(failing, std::io::ErrorKind::Other);
        let result = collection.compact_blocking();
        let finished = disk.clear_fault();
        assert_eq!(contents(&collection), expected);
        drop((store, collection));
        disk.crash();
        let store = open(&disk);
        let collection = store.collection(ID).unwrap();
        assert_eq!(contents(&collection), expected);
        collection.compact_blocking().unwrap();
        assert_eq!(part_counts(&collection), (1, 0));
        assert_eq!(contents(&collection), expected);
        if finished {
            result.unwrap();
            break;
        }
    }
}

#[test]
fn a_segment_that_is_mostly_dead_is_rewritten() {
    let (disk, _store, collection) = new_store();
    write(
        &collection,
        (0..100).map(|id| put(&id.to_string(), id)).collect(),
    );
    collection.flush_blocking().unwrap();
    write(
        &collection,
        (0..30)
            .map(|id| Operation::delete(id.to_string()))
            .collect(),
    );
    collection.flush_blocking().unwrap();
    assert_eq!(collection.stats().dead_count, 30);
    assert_eq!(files(&*disk, "deletions"), 1);
    collection.compact_blocking().unwrap();
    assert_eq!(
        (collection.stats().doc_count, collection.stats().dead_count),
        (70, 0)
    );
    assert_eq!(
        (files(&*disk, "segments"), files(&*disk, "deletions")),
        (1, 0)
    );
}
