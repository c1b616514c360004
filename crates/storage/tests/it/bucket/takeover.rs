//! Two processes and one bucket. Whatever the moment at which the second takes over: nothing that
//! the first acknowledged is lost, and it acknowledges nothing afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use outcrop_storage::env::{Random, SeededRandom};
use outcrop_storage::{Collection, CollectionId, NumberedError, StoreError, WriteError};
use parking_lot::Mutex;

use super::faulty::FaultyStore;
use super::{new_bucket, open, settle, try_open};
use crate::support::{ID, block_on, collection, contents, map, put, try_write, write};

/// Takes some ten seconds; `OUTCROP_SCHEDULES` asks for more.
const SCHEDULES: u64 = 400;

/// The documents that every batch writes to.
const HOT: u64 = 4;

#[test]
fn the_old_owner_goes_on_reading_and_refuses_writes_for_good() {
    let (bucket, first) = new_bucket();
    let old = open(&first, 1);
    let old_collection = collection(&old);
    write(&old_collection, vec![put("a", 1), put("b", 1)]);
    old_collection.flush_blocking().unwrap();
    write(&old_collection, vec![put("a", 2)]);

    let second = Arc::new(FaultyStore::new(bucket, 2));
    let new = open(&second, 2);
    let new_collection = new.collection(ID).unwrap();
    assert_eq!(contents(&new_collection), map([("a", 2), ("b", 1)]));
    write(&new_collection, vec![put("b", 3)]);

    for _ in 0..2 {
        let error = try_write(&old_collection, vec![put("a", 9)]).unwrap_err();
        assert!(matches!(error, WriteError::Fenced), "{error}");
    }
    assert_eq!(contents(&old_collection), map([("a", 2), ("b", 1)]));
    let error = old_collection.flush_blocking().unwrap_err();
    assert!(matches!(error, StoreError::Fenced), "{error}");
    let removed = first.removed();
    old.close().unwrap();
    drop((old, old_collection));
    assert_eq!(first.removed(), removed);

    write(&new_collection, vec![put("c", 4)]);
    let expected = map([("a", 2), ("b", 3), ("c", 4)]);
    assert_eq!(contents(&new_collection), expected);
    drop((new, new_collection));
    assert_eq!(contents(&collection(&open(&second, 3))), expected);
}

#[test]
fn an_old_owner_that_only_flushes_notices_too() {
    let (bucket, first) = new_bucket();
    let old = open(&first, 1);
    let old_collection = collection(&old);
    write(&old_collection, vec![put("a", 1)]);
    let second = Arc::new(FaultyStore::new(bucket, 2));
    let new = open(&second, 2);
    let error = old_collection.flush_blocking().unwrap_err();
    assert!(matches!(error, StoreError::Fenced), "{error}");
    let error = try_write(&old_collection, vec![put("a", 2)]).unwrap_err();
    assert!(matches!(error, WriteError::Fenced), "{error}");
    assert_eq!(contents(&collection(&new)), map([("a", 1)]));
}

#[test]
fn an_old_owner_makes_and_drops_no_collections() {
    let (bucket, first) = new_bucket();
    let old = open(&first, 1);
    write(&collection(&old), vec![put("a", 1)]);
    old.numbered("catalog").append(1, b"state").unwrap();
    let second = Arc::new(FaultyStore::new(bucket, 2));
    let new = open(&second, 2);

    let other = CollectionId::from_bytes([2; 16]);
    let error = old.create_collection(other).unwrap_err();
    assert!(matches!(error, StoreError::Fenced), "{error}");
    let error = old.drop_collection(ID).unwrap_err();
    assert!(matches!(error, StoreError::Fenced), "{error}");
    let error = old.numbered("catalog").append(2, b"other").unwrap_err();
    assert!(matches!(error, NumberedError::Taken { .. }), "{error}");

    write(&collection(&new), vec![put("b", 2)]);
    let newest = new.numbered("catalog").newest().unwrap().unwrap();
    assert_eq!(&newest.payload[..], b"state");
    drop(new);
    let expected = map([("a", 1), ("b", 2)]);
    assert_eq!(contents(&collection(&open(&second, 3))), expected);
}

/// The numbers that the old owner would have used next are long gone, all but its fence.
#[test]
fn an_old_owner_that_slept_through_many_manifests_is_still_fenced() {
    let (bucket, first) = new_bucket();
    let old = open(&first, 1);
    let old_collection = collection(&old);
    write(&old_collection, vec![put("a", 0)]);
    let second = Arc::new(FaultyStore::new(bucket, 2));
    let new = open(&second, 2);
    let new_collection = collection(&new);
    for round in 1..30 {
        write(&new_collection, vec![put("a", round)]);
        new_collection.flush_blocking().unwrap();
    }
    let error = old_collection.flush_blocking().unwrap_err();
    assert!(matches!(error, StoreError::Fenced), "{error}");
    let error = try_write(&old_collection, vec![put("a", 99)]).unwrap_err();
    assert!(matches!(error, WriteError::Fenced), "{error}");
    drop((new, new_collection));
    assert_eq!(contents(&collection(&open(&second, 3))), map([("a", 29)]));
}

#[test]
fn a_dropped_collection_cannot_be_brought_back_by_an_old_owner() {
    let (bucket, first) = new_bucket();
    let old = open(&first, 1);
    let old_collection = collection(&old);
    write(&old_collection, vec![put("a", 1)]);
    let second = Arc::new(FaultyStore::new(bucket, 2));
    let new = open(&second, 2);
    new.drop_collection(ID).unwrap();
    let error = old_collection.flush_blocking().unwrap_err();
    assert!(matches!(error, StoreError::Fenced), "{error}");
    drop(new);
    let new = open(&second, 3);
    assert_eq!(new.collection_ids(), []);
    let error = new.create_collection(ID).unwrap_err();
    assert!(
        matches!(error, StoreError::CollectionExists { .. }),
        "{error}"
    );
}

#[test]
fn the_log_does_not_grow_with_writes_that_are_flushed() {
    let (bucket, first) = new_bucket();
    let store = open(&first, 1);
    let collection = collection(&store);
    for round in 0..20 {
        write(&collection, vec![put("a", round)]);
        collection.flush_blocking().unwrap();
    }
    let listed = block_on(bucket.list_with_delimiter(Some(&Path::from("wal")))).unwrap();
    // The fence, the newest object, and the one before, which may go once another is written.
    assert!(listed.objects.len() <= 3, "{:?}", listed.objects);
}

/// A start that is overtaken at any of its requests: it must not take the segments of the later owner
/// for leftovers, nor believe that it owns the bucket.
#[test]
fn an_owner_that_is_overtaken_while_it_starts_does_no_harm() {
    for request in 0.. {
        let (bucket, first) = new_bucket();
        let store = open(&first, 1);
        let before = collection(&store);
        write(&before, vec![put("a", 1), put("b", 1)]);
        before.flush_blocking().unwrap();
        write(&before, vec![put("a", 2)]);
        drop((store, before));

        let late = Arc::new(FaultyStore::new(Arc::clone(&bucket), 2));
        let second = Arc::new(FaultyStore::new(bucket, 3));
        let winner = Arc::new(Mutex::new(None));
        let (winner_slot, path) = (Arc::clone(&winner), Arc::clone(&second));
        late.hook(request, request.is_multiple_of(2), move || {
            let store = open(&path, 3);
            let collection = collection(&store);
            write(&collection, vec![put("c", 3), put("b", 3)]);
            collection.flush_blocking().unwrap();
            write(&collection, vec![put("d", 4)]);
            *winner_slot.lock() = Some(store);
        });
        let opened = try_open(&late, 2);
        if late.clear_hook() {
            assert!(request > 8, "a start has more requests than {request}");
            return;
        }
        let winner = winner.lock().take().unwrap();
        let mut expected = map([("a", 2), ("b", 3), ("c", 3), ("d", 4)]);
        // Whoever claimed last owns the bucket, and only that one.
        let late_writes = opened
            .as_ref()
            .map(|store| try_write(&collection(store), vec![put("a", 9)]).is_ok());
        let winner_writes = try_write(&collection(&winner), vec![put("d", 5)]).is_ok();
        if late_writes.is_ok() {
            assert_ne!(late_writes.ok(), Some(winner_writes), "request {request}");
        }
        if winner_writes {
            expected.insert("d".to_owned(), 5);
            assert_eq!(
                contents(&collection(&winner)),
                expected,
                "request {request}"
            );
        } else if opened.is_ok() {
            expected.insert("a".to_owned(), 9);
        }
        drop((opened, winner));
        let last = open(&second, 4);
        assert_eq!(contents(&collection(&last)), expected, "request {request}");
    }
}

/// What was written, with or without success, in the order of the attempts.
#[derive(Default)]
struct History {
    /// Every batch has a number, writes it to some hot documents, and makes two of its own.
    next: u64,
    acknowledged: BTreeMap<u64, [u64; 2]>,
}

impl History {
    /// Checks that everything acknowledged is in `found`, and every batch in whole or not at all.
    fn check(&self, found: &BTreeMap<String, i64>, schedule: u64) {
        let mut newest = BTreeMap::new();
        for (batch, hot) in &self.acknowledged {
            assert!(
                found.contains_key(&format!("{batch}-x")),
                "schedule {schedule}: batch {batch} is lost"
            );
            for id in hot {
                newest.insert(*id, *batch);
            }
        }
        for (id, batch) in newest {
            let value = found[&format!("hot-{id}")];
            assert!(
                value >= i64::try_from(batch).unwrap(),
                "schedule {schedule}: document {id} is back at {value} from {batch}"
            );
        }
        for batch in 0..self.next {
            let parts = ["x", "y"].map(|part| found.contains_key(&format!("{batch}-{part}")));
            assert_eq!(parts[0], parts[1], "schedule {schedule}: batch {batch}");
        }
    }
}

/// Decisions that follow from a seed.
struct Choices(SeededRandom);

impl Choices {
    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound
    }
}

/// Writes a batch, and notes it if it is acknowledged. True unless it was.
fn write_batch(collection: &Collection, history: &Mutex<History>, choices: &Choices) -> bool {
    let batch = {
        let mut history = history.lock();
        history.next += 1;
        history.next - 1
    };
    let hot = [choices.below(HOT), choices.below(HOT)];
    let value = i64::try_from(batch).unwrap();
    let operations = vec![
        put(&format!("{batch}-x"), value),
        put(&format!("hot-{}", hot[0]), value),
        put(&format!("hot-{}", hot[1]), value),
        put(&format!("{batch}-y"), value),
    ];
    let written = try_write(collection, operations);
    if written.is_ok() {
        history.lock().acknowledged.insert(batch, hot);
    }
    written.is_ok()
}

/// Writes, flushes and compacts; returns the batches that were acknowledged.
fn work(collection: &Collection, history: &Mutex<History>, choices: &Choices, steps: u64) -> u64 {
    let mut acknowledged = 0;
    for _ in 0..steps {
        match choices.below(8) {
            0 | 1 => drop(collection.flush_blocking()),
            2 => drop(collection.compact_blocking()),
            _ => acknowledged += u64::from(write_batch(collection, history, choices)),
        }
    }
    acknowledged
}

/// The second process: opens, if need be several times, checks, and works.
fn take_over(bucket: &Arc<InMemory>, history: &Mutex<History>, schedule: u64, faults: u8) {
    let choices = Choices(SeededRandom::new(schedule ^ 0xB0B));
    let store = Arc::new(FaultyStore::new(Arc::clone(bucket), schedule ^ 2));
    store.set_faults(faults);
    let opened = (0..50).find_map(|attempt| try_open(&store, schedule * 100 + attempt).ok());
    let opened = opened.expect("a store opens in spite of faults");
    store.set_faults(0);
    let Some(collection) = opened.collection(ID) else {
        assert!(
            history.lock().acknowledged.is_empty(),
            "the collection is lost"
        );
        return;
    };
    history.lock().check(&contents(&collection), schedule);
    store.set_faults(faults);
    work(&collection, history, &choices, 6);
    store.set_faults(0);
    settle(&collection);
    let found = contents(&collection);
    history.lock().check(&found, schedule);
}

/// One schedule: a first owner works, a second one takes over in the middle of one of the first
/// one's requests, and a third opens when both are done.
fn run_schedule(schedule: u64) -> bool {
    let choices = Choices(SeededRandom::new(schedule));
    let bucket = Arc::new(InMemory::new());
    let history = Arc::new(Mutex::new(History::default()));
    let first = Arc::new(FaultyStore::new(Arc::clone(&bucket), schedule ^ 1));
    let faults = u8::try_from(choices.below(3) * 8).unwrap();
    let old = open(&first, schedule);
    let old_collection = collection(&old);
    first.set_faults(faults);
    let hook = {
        let (bucket, history) = (Arc::clone(&bucket), Arc::clone(&history));
        move || take_over(&bucket, &history, schedule, faults)
    };
    first.hook(choices.below(60), choices.below(2) == 0, hook);
    work(&old_collection, &history, &choices, 12);
    let fenced = !first.clear_hook();
    if fenced {
        let acknowledged = work(&old_collection, &history, &choices, 6);
        assert_eq!(
            acknowledged, 0,
            "schedule {schedule}: a fenced owner acknowledges"
        );
        // It has noticed by now, or notices here; from then on it removes nothing.
        let error = loop {
            match try_write(&old_collection, vec![put("z", 0)]) {
                Err(WriteError::Unavailable { .. }) => {}
                result => break result.unwrap_err(),
            }
        };
        assert!(
            matches!(error, WriteError::Fenced),
            "schedule {schedule}: {error}"
        );
        let removed = first.removed();
        work(&old_collection, &history, &choices, 6);
        assert_eq!(first.removed(), removed, "schedule {schedule}");
    }
    drop((old, old_collection));
    first.set_faults(0);
    let last = open(
        &Arc::new(FaultyStore::new(bucket, schedule ^ 3)),
        schedule ^ 3,
    );
    let collection = collection(&last);
    history.lock().check(&contents(&collection), schedule);
    collection.flush_blocking().unwrap();
    collection.compact_blocking().unwrap();
    history.lock().check(&contents(&collection), schedule);
    fenced
}

#[test]
fn no_schedule_of_two_owners_loses_an_acknowledged_write() {
    let asked = std::env::var("OUTCROP_SCHEDULES").ok();
    let schedules = asked.map_or(SCHEDULES, |count| count.parse().unwrap());
    let takeovers: u64 = (0..schedules)
        .map(|seed| u64::from(run_schedule(seed)))
        .sum();
    assert!(takeovers > schedules / 4, "{takeovers} takeovers");
}
