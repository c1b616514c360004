//! Segments are put together, and nobody sees a difference.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use outcrop_document::{Value, ValueType, k};
use outcrop_storage::env::{Disk, MemoryDisk};
use outcrop_storage::{
    Collection, CollectionOptions, Environment, ObjectPath, Operation, PartData, Store, StoreError,
    StoreOptions,
};

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
    assert_eq!(files(&*disk, "deletions"), 0);
    assert_eq!(contents(&collection), expected);
    assert_eq!(collection.stats().dead_count, 0);
    assert!(
        pinned.document("last").unwrap().is_some(),
        "older snapshots go on to work"
    );
    assert!(files(&*disk, "segments") > 1, "and keep their files");
    drop(pinned);
    collection.compact_blocking().unwrap();
    assert_eq!(files(&*disk, "segments"), 1);

    drop((store, collection));
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

/// Sort keys of the documents of each segment, in the order of the rows.
fn orders(collection: &Collection, fields: &[&str]) -> Vec<Vec<Vec<Option<Value>>>> {
    let snapshot = collection.snapshot();
    let of_part = |part: &Arc<outcrop_storage::Part>| {
        let rows = (0..part.row_count()).map(|row| {
            let document = part.document(row).unwrap();
            let field = |name: &&str| {
                let value = k::get(&document, &[name]).unwrap();
                value.map(|value| k::decode(&value).unwrap())
            };
            fields.iter().map(field).collect()
        });
        rows.collect()
    };
    snapshot.parts().iter().map(of_part).collect()
}

#[track_caller]
fn assert_ordered(collection: &Collection, fields: &[&str]) {
    for rows in orders(collection, fields) {
        let keys: Vec<Vec<u8>> = rows
            .iter()
            .map(|row| {
                row.iter()
                    .flat_map(|value| value.as_ref().map_or(vec![0], k::encode))
                    .collect()
            })
            .collect();
        assert!(keys.is_sorted(), "{rows:?}");
    }
}

/// Many row groups, and segments that are full at a hundred kilobytes.
fn small() -> StoreOptions {
    StoreOptions {
        row_group_rows: 37,
        segment_bytes_max: 100_000,
        ..options()
    }
}

fn open_small(disk: &Arc<MemoryDisk>) -> Arc<Store> {
    let environment = Environment::in_memory(Arc::clone(disk), disk.operations());
    Store::open(environment, small()).unwrap()
}

fn clustered() -> CollectionOptions {
    CollectionOptions {
        clustering_key: vec!["group".parse().unwrap()],
        ..CollectionOptions::default()
    }
}

/// `count` documents in no order of time, those with the same remainder by 7 without one.
fn shuffled(start: i64, count: i64) -> Vec<Operation> {
    (start..start + count)
        .map(|index| match index % 7 {
            0 => put(&index.to_string(), index),
            _ => event(&index.to_string(), index, index * 7919 % 10_007),
        })
        .collect()
}

#[test]
fn rows_are_in_the_order_of_the_clustering_key_after_flushes_and_compactions() {
    let disk = Arc::new(MemoryDisk::new());
    let store = open_small(&disk);
    let collection = store.create_collection_with(ID, clustered()).unwrap();
    for round in 0..12 {
        write(&collection, shuffled(round * 60, 80));
        collection.flush_blocking().unwrap();
    }
    assert_ordered(&collection, &["group", "_event_time"]);
    let expected = contents(&collection);
    assert_eq!(expected.len(), 740);
    collection.compact_blocking().unwrap();
    assert_eq!(contents(&collection), expected);
    assert_ordered(&collection, &["group", "_event_time"]);
    let snapshot = collection.snapshot();
    assert!(snapshot.parts().len() < 8);
    let groups: usize = snapshot
        .parts()
        .iter()
        .map(|part| part.row_groups().len())
        .sum();
    assert!(groups > 18, "{groups} row groups");

    drop((store, collection, snapshot));
    disk.crash();
    let store = open_small(&disk);
    let collection = store.collection(ID).unwrap();
    assert_eq!(*collection.options(), clustered());
    assert_eq!(contents(&collection), expected);
}

#[test]
fn type_counts_are_those_of_the_rows_that_are_left() {
    let (_disk, _store, collection) = new_store();
    for round in 0..8 {
        write(&collection, shuffled(round * 10, 10));
        collection.flush_blocking().unwrap();
    }
    let untimed = (0..80).filter(|index| index % 7 == 0);
    let deletions = untimed
        .clone()
        .skip(1)
        .map(|index| Operation::delete(index.to_string()));
    write(&collection, deletions.collect());
    collection.compact_blocking().unwrap();
    let left = 80 - i64::try_from(untimed.count()).unwrap() + 1;
    let snapshot = collection.snapshot();
    let count = |path: &str, value_type| {
        let counts = snapshot.types().get(&path.parse().unwrap());
        counts.map_or(0, |counts| counts.get(value_type))
    };
    assert_eq!(count("value", ValueType::Int), left.unsigned_abs());
    assert_eq!(
        count("_event_time", ValueType::Timestamp),
        left.unsigned_abs() - 1
    );
}

#[test]
fn a_changed_clustering_key_is_taken_up_by_the_next_compaction() {
    let disk = Arc::new(MemoryDisk::new());
    let store = open_small(&disk);
    let collection = store.create_collection(ID).unwrap();
    for round in 0..5 {
        write(&collection, shuffled(round * 100, 100));
        collection.flush_blocking().unwrap();
    }
    assert_ordered(&collection, &["_event_time"]);
    collection.set_options_blocking(clustered()).unwrap();
    for round in 5..8 {
        write(&collection, shuffled(round * 100, 150));
        collection.flush_blocking().unwrap();
    }
    let expected = contents(&collection);
    collection.compact_blocking().unwrap();
    assert_eq!(contents(&collection), expected);
    assert_ordered(&collection, &["group", "_event_time"]);
    assert!(part_counts(&collection).0 < 8);
}

/// Eight segments of two documents and a compaction of them that is about to write.
struct Held {
    disk: Arc<GatedDisk>,
    store: Arc<Store>,
    collection: Arc<Collection>,
    compaction: thread::JoinHandle<Result<(), StoreError>>,
}

impl Held {
    fn start() -> Self {
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
        disk.hold_next();
        let compacting = Arc::clone(&collection);
        let compaction = thread::spawn(move || compacting.compact_blocking());
        disk.wait_until_held();
        Self {
            disk,
            store,
            collection,
            compaction,
        }
    }
}

#[test]
fn flushes_go_on_during_a_compaction_and_what_they_delete_stays_deleted() {
    let Held {
        disk,
        store,
        collection,
        compaction,
    } = Held::start();
    write(
        &collection,
        vec![put("a1", 100), Operation::delete("a2"), increment("a3")],
    );
    // All of one input, so that the flush drops it.
    write(
        &collection,
        vec![Operation::delete("a5"), Operation::delete("b5")],
    );
    collection.flush_blocking().unwrap();
    assert_eq!(part_counts(&collection).1, 0);
    write(&collection, vec![Operation::delete("b6"), put("b5", 7)]);
    let expected = contents(&collection);
    assert!(!compaction.is_finished());
    disk.release();
    compaction.join().unwrap().unwrap();
    assert_eq!(contents(&collection), expected);
    assert_eq!(part_counts(&collection), (2, 1));

    // The log has only what came after the flush.
    drop((store, collection));
    disk.inner().crash();
    let store = open_gated(&disk, options());
    let collection = store.collection(ID).unwrap();
    assert_eq!(contents(&collection), expected);
    collection.flush_blocking().unwrap();
    collection.compact_blocking().unwrap();
    assert_eq!(contents(&collection), expected);
}

#[test]
fn a_collection_can_be_dropped_during_a_compaction() {
    let Held {
        disk,
        store,
        collection,
        compaction,
    } = Held::start();
    let pinned = collection.snapshot();
    store.drop_collection(ID).unwrap();
    disk.release();
    let error = compaction.join().unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error}");
    assert_eq!(files(&*disk, "segments"), 0);
    assert!(pinned.document("a1").unwrap().is_some());
    drop((store, collection));
    disk.inner().crash();
    assert!(open_gated(&disk, options()).collection(ID).is_none());
}

#[test]
fn a_store_closes_without_waiting_for_a_compaction() {
    let Held {
        disk,
        store,
        collection,
        compaction,
    } = Held::start();
    let expected = contents(&collection);
    store.close().unwrap();
    disk.release();
    let error = compaction.join().unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error}");
    drop((store, collection));
    let store = open_gated(&disk, options());
    let collection = store.collection(ID).unwrap();
    assert_eq!(contents(&collection), expected);
    assert_eq!(files(&*disk, "segments"), 8, "the unfinished one is gone");
}

#[test]
fn compactions_happen_by_themselves_and_keep_the_number_of_segments_down() {
    let disk = Arc::new(MemoryDisk::new());
    let busy = StoreOptions {
        background_flush: true,
        flush_documents: 4,
        ..options()
    };
    let environment = Environment::in_memory(Arc::clone(&disk), 1);
    let store = Store::open(environment, busy).unwrap();
    let collection = collection(&store);
    for round in 0..400_i64 {
        let batch = (0..4).map(|id| put(&((round * 4 + id) % 900).to_string(), round));
        write(&collection, batch.collect());
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while part_counts(&collection).0 >= 16 {
        assert!(Instant::now() < deadline, "{:?}", part_counts(&collection));
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(contents(&collection).len(), 900);
    let figures = collection.stats();
    assert!(matches!(
        collection.snapshot().parts()[0].data(),
        PartData::Segment(_)
    ));
    assert!(figures.dead_count < 900, "{figures:?}");
}

#[test]
fn writes_wait_while_too_many_segments_wait_to_be_put_together() {
    let disk = Arc::new(GatedDisk::default());
    let busy = StoreOptions {
        background_flush: true,
        flush_documents: 1,
        ..options()
    };
    let store = open_gated(&disk, busy);
    let collection = collection(&store);
    disk.hold_compaction();
    let writing = Arc::clone(&collection);
    let writes = thread::spawn(move || {
        for id in 0..150 {
            write(&writing, vec![put(&id.to_string(), id)]);
            // So that each becomes a segment of its own.
            writing.flush_blocking().unwrap();
        }
    });
    disk.wait_until_held();
    let deadline = Instant::now() + Duration::from_secs(60);
    while collection.stats().segment_count <= 96 {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(100));
    assert!(!writes.is_finished(), "{:?}", collection.stats());
    let waiting = collection.stats().segment_count;
    assert!(waiting < 100, "{waiting} segments");
    disk.release();
    writes.join().unwrap();
    assert_eq!(contents(&collection).len(), 150);
}
