//! The limit that the recent documents of all collections share.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use outcrop_storage::{Collection, CollectionId, Store, StoreOptions, WriteError};

use crate::gate::{GatedDisk, open_gated};
use crate::support::*;

/// The flush thread runs, and no limit of a single collection is reached.
fn shared_limit(deltas_bytes_max: u64) -> StoreOptions {
    StoreOptions {
        deltas_bytes_max,
        flush_age: Duration::from_secs(3600),
        ..StoreOptions::default()
    }
}

fn collections(store: &Store, count: u8) -> Vec<Arc<Collection>> {
    (0..count)
        .map(|number| CollectionId::from_bytes([number + 1; 16]))
        .map(|id| store.create_collection(id).unwrap())
        .collect()
}

fn fill(collection: &Collection) {
    let documents = (0..100).map(|id| put(&id.to_string(), id));
    write(collection, documents.collect());
}

/// Memory of the recent documents after one [`fill`].
fn filled_bytes() -> u64 {
    let (_disk, _store, collection) = new_store();
    fill(&collection);
    collection.stats().delta_bytes
}

#[test]
fn many_small_deltas_stay_below_the_common_limit() {
    let one = filled_bytes();
    let disk = Arc::new(GatedDisk::default());
    let store = open_gated(&disk, shared_limit(5 * one));
    let collections = collections(&store, 40);
    for round in 1..=2 {
        for collection in &collections {
            fill(collection);
            let stats = collections.iter().map(|other| other.stats().delta_bytes);
            // A write waits while there is too much; the one that is let in comes on top.
            let (sum, limit) = (stats.sum::<u64>(), 6 * one);
            assert!(sum <= limit, "round {round}: {sum} > {limit}");
        }
    }
    for collection in &collections {
        assert_eq!(contents(collection).len(), 100);
    }
}

#[test]
fn the_delta_of_a_dropped_collection_does_not_count() {
    let disk = Arc::new(GatedDisk::default());
    let store = open_gated(&disk, shared_limit(10 * filled_bytes()));
    for _ in 0..30 {
        // If it counted, the 11th would wait for room that no flush can make.
        let collection = collection(&store);
        fill(&collection);
        store.drop_collection(ID).unwrap();
    }
}

#[test]
fn a_write_hears_that_the_deltas_of_others_cannot_be_flushed() {
    let disk = Arc::new(GatedDisk::default());
    let store = open_gated(&disk, shared_limit(filled_bytes() / 2));
    let all = collections(&store, 2);
    disk.set_shut(true);
    fill(&all[0]);
    disk.inner().set_capacity(Some(disk.inner().used_bytes()));
    disk.set_shut(false);
    let error = try_write(&all[1], vec![put("x", 1)]).unwrap_err();
    assert!(
        matches!(error, WriteError::FlushFails { .. }) && error.is_disk_full(),
        "{error}"
    );
    disk.inner().set_capacity(None);
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = try_write(&all[1], vec![put("x", 1)]) {
        assert!(error.is_disk_full() && Instant::now() < deadline, "{error}");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(contents(&all[0]).len(), 100);
    assert_eq!(contents(&all[1]).len(), 1);
}
