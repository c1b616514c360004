//! Documents past the retention of their collection go, and do not come back.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use outcrop_storage::env::{ManualClock, MemoryDisk};
use outcrop_storage::{
    Collection, CollectionOptions, Environment, ObjectPath, Operation, Store, StoreOptions,
};

use crate::support::*;

const HOUR: i64 = 3_600_000_000;

/// A store with a clock that goes on when the store is opened again.
struct World {
    disk: Arc<MemoryDisk>,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        Self {
            disk: Arc::new(MemoryDisk::new()),
            clock: Arc::new(ManualClock::new()),
        }
    }

    fn open(&self) -> Arc<Store> {
        self.open_with(options())
    }

    fn open_with(&self, options: StoreOptions) -> Arc<Store> {
        let seeded = Environment::in_memory(Arc::clone(&self.disk), self.disk.operations());
        let environment = Environment {
            clock: Arc::<ManualClock>::clone(&self.clock),
            ..seeded
        };
        Store::open(environment, options).unwrap()
    }

    /// The present, this many hours later.
    fn hours(&self, hours: i64) -> i64 {
        use outcrop_storage::env::Clock;
        self.clock.now_micros() + hours * HOUR
    }

    fn segment_files(&self) -> usize {
        let folder = format!("collections/{ID}/segments/");
        let paths = self.disk.paths().into_iter();
        paths
            .filter(|path| path.as_str().starts_with(&folder))
            .count()
    }
}

fn ten_hours() -> CollectionOptions {
    CollectionOptions {
        retention_secs: Some(36_000),
        ..CollectionOptions::default()
    }
}

fn create(store: &Store) -> Arc<Collection> {
    store.create_collection_with(ID, ten_hours()).unwrap()
}

#[test]
fn segments_that_are_too_old_are_dropped_whole_and_rows_of_others_one_by_one() {
    let world = World::new();
    let store = world.open();
    let collection = create(&store);
    write(
        &collection,
        vec![
            event("old1", 1, world.hours(-9)),
            event("old2", 2, world.hours(-8)),
        ],
    );
    collection.flush_blocking().unwrap();
    write(
        &collection,
        vec![
            event("old3", 3, world.hours(-7)),
            event("new", 4, world.hours(0)),
            put("timeless", 5),
        ],
    );
    collection.flush_blocking().unwrap();
    let all = contents(&collection);
    assert_eq!(collection.expire_blocking().unwrap(), 0);
    assert_eq!(contents(&collection), all);
    let pinned = collection.snapshot();

    world.clock.advance(Duration::from_secs(5 * 3600));
    assert_eq!(collection.expire_blocking().unwrap(), 3);
    let left = map([("new", 4), ("timeless", 5)]);
    assert_eq!(contents(&collection), left);
    assert_eq!(part_counts(&collection), (1, 0));
    let stats = collection.stats();
    assert_eq!((stats.purged_count, stats.dead_count), (3, 1));
    assert!(pinned.document("old1").unwrap().is_some());
    assert_eq!(world.segment_files(), 2, "a snapshot pins the dropped one");
    drop(pinned);
    assert_eq!(collection.expire_blocking().unwrap(), 0);
    collection.compact_blocking().unwrap();
    assert_eq!(world.segment_files(), 1);

    drop((store, collection));
    world.disk.crash();
    let store = world.open();
    let collection = store.collection(ID).unwrap();
    assert_eq!(
        contents(&collection),
        left,
        "a restart does not bring them back"
    );
    world.clock.advance(Duration::from_secs(50 * 3600));
    collection.expire_blocking().unwrap();
    assert_eq!(contents(&collection), map([("timeless", 5)]));
}

#[test]
fn a_document_that_came_again_stays_and_is_there_once() {
    let world = World::new();
    let store = world.open();
    let collection = create(&store);
    write(
        &collection,
        vec![
            event("a", 1, world.hours(-11)),
            event("b", 1, world.hours(-11)),
        ],
    );
    collection.flush_blocking().unwrap();
    write(
        &collection,
        vec![event("a", 2, world.hours(0)), increment("b")],
    );
    write(&collection, vec![event("b", 3, world.hours(0))]);
    assert_eq!(collection.expire_blocking().unwrap(), 0);
    let expected = map([("a", 2), ("b", 3)]);
    assert_eq!(contents(&collection), expected);
    for _ in 0..2 {
        world.disk.crash();
        let store = world.open();
        let collection = store.collection(ID).unwrap();
        assert_eq!(contents(&collection), expected);
        collection.expire_blocking().unwrap();
        assert_eq!(contents(&collection), expected);
        collection.flush_blocking().unwrap();
        collection.compact_blocking().unwrap();
    }
}

#[test]
fn the_log_does_not_bring_back_what_was_removed_from_a_segment() {
    let world = World::new();
    let store = world.open();
    let collection = create(&store);
    let times = |index: i64| world.hours(-12 + index);
    write(
        &collection,
        (0..8)
            .map(|index| event(&index.to_string(), index, times(index)))
            .collect(),
    );
    collection.flush_blocking().unwrap();
    // Only in memory and the log: too old as well, and about rows that are going to be removed.
    write(
        &collection,
        vec![
            event("late", 9, world.hours(-20)),
            Operation::delete("0"),
            increment("7"),
        ],
    );
    assert_eq!(
        collection.expire_blocking().unwrap(),
        1,
        "0 was deleted, 1 is too old, 2 is not"
    );
    let left: Vec<String> = contents(&collection).into_keys().collect();
    assert_eq!(left, ["2", "3", "4", "5", "6", "7", "late"]);
    drop((store, collection));
    world.disk.crash();
    let store = world.open();
    let collection = store.collection(ID).unwrap();
    assert_eq!(contents(&collection).into_keys().collect::<Vec<_>>(), left);
    collection.flush_blocking().unwrap();
    assert_eq!(collection.expire_blocking().unwrap(), 1);
    assert!(!contents(&collection).contains_key("late"));
}

#[test]
fn a_compaction_leaves_out_what_is_too_old() {
    let world = World::new();
    let store = world.open();
    let collection = create(&store);
    for round in 0..8_i64 {
        let id = |kind: &str| format!("{kind}{round}");
        write(
            &collection,
            vec![
                event(&id("old"), round, world.hours(-9)),
                event(&id("new"), round, world.hours(0)),
            ],
        );
        collection.flush_blocking().unwrap();
    }
    world.clock.advance(Duration::from_secs(2 * 3600));
    collection.compact_blocking().unwrap();
    let left = contents(&collection);
    assert!(
        left.len() == 8 && left.keys().all(|id| id.starts_with("new")),
        "{left:?}"
    );
    world.clock.advance(Duration::from_secs(20 * 3600));
    for round in 0..8 {
        write(
            &collection,
            vec![event(&round.to_string(), round, world.hours(-30))],
        );
        collection.flush_blocking().unwrap();
    }
    collection.compact_blocking().unwrap();
    assert_eq!(
        part_counts(&collection),
        (0, 0),
        "nothing is left to be put together"
    );
    assert_eq!(world.segment_files(), 0);
}

#[test]
fn the_store_does_it_by_itself() {
    let world = World::new();
    let busy = StoreOptions {
        background_flush: true,
        flush_documents: 2,
        retention_interval: Duration::ZERO,
        ..options()
    };
    let store = world.open_with(busy);
    let collection = create(&store);
    write(
        &collection,
        vec![
            event("old", 1, world.hours(-11)),
            event("new", 2, world.hours(0)),
        ],
    );
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while collection.snapshot().row_count() > 1 {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(contents(&collection), map([("new", 2)]));
}

/// Fails each disk operation of retention in turn: all of what is too old is gone or none, and
/// after a crash the next attempt finishes.
#[test]
fn retention_that_fails_at_any_operation_removes_all_or_nothing() {
    for failing in 0.. {
        let world = World::new();
        let store = world.open();
        let collection = create(&store);
        for segment in 0..3_i64 {
            let rows = (0..3_i64).map(|row| {
                let id = (segment * 3 + row).to_string();
                event(&id, row, world.hours(-9 + segment + row))
            });
            write(&collection, rows.collect());
            collection.flush_blocking().unwrap();
        }
        let before = contents(&collection);
        world.clock.advance(Duration::from_secs(4 * 3600));
        let cutoff_row = |id: &String| {
            let id: i64 = id.parse().unwrap();
            -9 + id / 3 + id % 3 >= -6
        };
        let mut after = before.clone();
        after.retain(|id, _| cutoff_row(id));
        assert!(after.len() < before.len() && !after.is_empty());
        world.disk.fail_nth(failing, ErrorKind::Other);
        let result = collection.expire_blocking();
        let finished = world.disk.clear_fault();
        let expected = if result.is_ok() { &after } else { &before };
        assert_eq!(contents(&collection), *expected);
        drop((store, collection));
        world.disk.crash();
        let store = world.open();
        let collection = store.collection(ID).unwrap();
        let found = contents(&collection);
        assert!(
            found == before && result.is_err() || found == after,
            "{found:?}"
        );
        collection.expire_blocking().unwrap();
        assert_eq!(contents(&collection), after);
        if finished {
            assert!(failing > 2);
            break;
        }
    }
}

#[test]
fn options_can_be_changed_and_are_read_back() {
    let world = World::new();
    let store = world.open();
    let collection = store.create_collection(ID).unwrap();
    write(&collection, vec![event("a", 1, world.hours(-11))]);
    collection.flush_blocking().unwrap();
    assert_eq!(collection.expire_blocking().unwrap(), 0);
    collection.set_options_blocking(ten_hours()).unwrap();
    drop((store, collection));
    world.disk.crash();
    let store = world.open();
    let collection = store.collection(ID).unwrap();
    assert_eq!(*collection.options(), ten_hours());
    assert_eq!(collection.expire_blocking().unwrap(), 1);
    assert!(contents(&collection).is_empty());
    let manifests = ObjectPath::new(format!("collections/{ID}/manifest"));
    assert!(
        world
            .disk
            .paths()
            .iter()
            .any(|path| path.as_str().starts_with(manifests.as_str()))
    );
}
