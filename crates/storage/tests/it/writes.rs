//! What writes do, and what they say they did.

use std::sync::Arc;

use outcrop_document::{FieldPath, Object, Value};
use outcrop_storage::{
    CollectionId, Decision, Environment, HIDDEN_FIELD, Operation, Outcome, Store, StoreError,
    StoreOptions, WriteError,
};

use crate::support::*;

#[test]
fn outcomes_say_what_happened_to_each_document() {
    let (_disk, _store, collection) = new_store();
    let outcomes = write(&collection, vec![put("a", 1), put("b", 2)]);
    assert_eq!(outcomes, [Outcome::Added, Outcome::Added]);
    let outcomes = write(
        &collection,
        vec![
            put("a", 3),
            Operation::delete("b"),
            Operation::delete("x"),
            increment("a"),
            increment("y"),
        ],
    );
    use Outcome::{Absent, Deleted, Patched, Replaced};
    assert_eq!(outcomes, [Replaced, Deleted, Absent, Patched, Absent]);
    assert_eq!(contents(&collection), map([("a", 4)]));
}

#[test]
fn operations_of_a_batch_see_those_before_them() {
    let (_disk, _store, collection) = new_store();
    let outcomes = write(
        &collection,
        vec![
            put("a", 1),
            increment("a"),
            increment("a"),
            Operation::delete("a"),
            increment("a"),
            put("a", 10),
            put("a", 20),
            increment("a"),
        ],
    );
    use Outcome::{Absent, Added, Deleted, Patched, Replaced};
    assert_eq!(
        outcomes,
        [
            Added, Patched, Patched, Deleted, Absent, Added, Replaced, Patched
        ]
    );
    assert_eq!(contents(&collection), map([("a", 21)]));
}

#[test]
fn documents_are_found_in_the_delta_and_in_segments() {
    let (_disk, _store, collection) = new_store();
    write(
        &collection,
        vec![put("a", 1), put("b", 1), put("c", 1), put("d", 1)],
    );
    block_on(collection.flush()).unwrap();
    assert_eq!(part_counts(&collection), (1, 0));
    let outcomes = write(
        &collection,
        vec![
            put("a", 2),
            Operation::delete("b"),
            increment("c"),
            put("e", 5),
        ],
    );
    use Outcome::{Added, Deleted, Patched, Replaced};
    assert_eq!(outcomes, [Replaced, Deleted, Patched, Added]);
    let expected = map([("a", 2), ("c", 2), ("d", 1), ("e", 5)]);
    assert_eq!(contents(&collection), expected);
    block_on(collection.flush()).unwrap();
    assert_eq!(part_counts(&collection), (2, 0));
    assert_eq!(contents(&collection), expected);
    let stats = collection.stats();
    assert_eq!(
        (stats.segment_count, stats.dead_count, stats.delta_count),
        (2, 3, 0)
    );
}

#[test]
fn a_failed_patch_changes_nothing_and_the_rest_of_the_batch_goes_on() {
    let (_disk, _store, collection) = new_store();
    write(&collection, vec![put("a", 1)]);
    let patch = outcrop_document::Patch::parse(&Value::Array(vec![Value::Object(Object::from([
        ("op".to_owned(), Value::String("REMOVE".to_owned())),
        ("path".to_owned(), Value::String("/missing".to_owned())),
    ]))]))
    .unwrap();
    let failing = Operation::patch("a", move |document| patch.apply(document));
    let outcomes = write(&collection, vec![failing, put("b", 2)]);
    assert!(
        matches!(outcomes[..], [Outcome::Failed(_), Outcome::Added]),
        "{outcomes:?}"
    );
    assert_eq!(contents(&collection), map([("a", 1), ("b", 2)]));
}

#[test]
fn a_refused_decision_fails_its_batch_and_no_other() {
    let (_disk, _store, collection) = new_store();
    write(&collection, vec![put("a", 1)]);
    let seqno = collection.snapshot().seqno();
    let refuse = Operation::decide("a", |_| Decision::Refuse("too many".to_owned()));
    let batch = vec![put("b", 2), put("a", 3), refuse];
    let error = block_on(collection.write(batch)).unwrap_err();
    assert!(matches!(error, WriteError::Refused { message } if message == "too many"));
    assert_eq!(contents(&collection), map([("a", 1)]));
    assert_eq!(collection.snapshot().seqno(), seqno);
    write(&collection, vec![put("b", 4)]);
    assert_eq!(contents(&collection), map([("a", 1), ("b", 4)]));
}

#[test]
fn a_hidden_member_is_kept_and_counted_nowhere() {
    let (disk, store, collection) = new_store();
    let id = collection.id();
    let count = |stored: Option<Object>| {
        let seen = stored.and_then(|mut stored| stored.remove(HIDDEN_FIELD));
        let seen = match seen {
            Some(Value::Bytes(bytes)) => bytes.len(),
            _ => 0,
        };
        let mut document = document("a", i64::try_from(seen).unwrap());
        let bytes = Value::Bytes(vec![0; seen + 1]);
        document.insert(HIDDEN_FIELD.to_owned(), bytes);
        Decision::Put(document)
    };
    write(&collection, vec![Operation::decide("a", count)]);
    write(&collection, vec![Operation::decide("a", count)]);
    block_on(collection.flush()).unwrap();
    write(&collection, vec![Operation::decide("a", count)]);
    block_on(collection.flush()).unwrap();
    let hidden = FieldPath::from_steps([HIDDEN_FIELD]);
    assert!(collection.snapshot().types().get(&hidden).is_none());
    drop((collection, store));
    let store = open(&disk);
    let collection = store.collection(id).unwrap();
    write(&collection, vec![Operation::decide("a", count)]);
    assert_eq!(contents(&collection), map([("a", 3)]));
}

#[test]
fn a_decision_sees_the_stored_document_and_what_came_before_in_the_batch() {
    let (_disk, _store, collection) = new_store();
    let add_if_absent = |id: &str, number: i64| {
        let document = document(id, number);
        Operation::decide(id, move |stored| match stored {
            Some(_) => Decision::Keep,
            None => Decision::Put(document),
        })
    };
    write(&collection, vec![put("a", 1)]);
    block_on(collection.flush()).unwrap();
    let outcomes = write(&collection, vec![add_if_absent("a", 2)]);
    assert_eq!(outcomes, [Kept]);
    let doubled = Operation::decide("a", |stored| {
        let mut document = stored.unwrap();
        let number = value(&document);
        document.insert("value".to_owned(), Value::Int(number * 2));
        Decision::Put(document)
    });
    let batch = vec![
        add_if_absent("b", 7),
        add_if_absent("b", 8),
        Operation::delete("b"),
        add_if_absent("b", 9),
        doubled,
        increment("a"),
    ];
    use Outcome::{Added, Deleted, Kept, Patched, Replaced};
    let outcomes = write(&collection, batch);
    assert_eq!(outcomes, [Added, Kept, Deleted, Added, Replaced, Patched]);
    assert_eq!(contents(&collection), map([("a", 3), ("b", 9)]));
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let (_disk, store, collection) = new_store();
    write(&collection, vec![put("a", 1), put("b", 1)]);
    let before = collection.snapshot();
    write(
        &collection,
        vec![put("a", 2), Operation::delete("b"), put("c", 3)],
    );
    block_on(collection.flush()).unwrap();
    store.drop_collection(ID).unwrap();
    assert_eq!(before.row_count(), 2);
    assert_eq!(value(&before.document("a").unwrap().unwrap()), 1);
    assert!(before.document("b").unwrap().is_some());
    assert!(before.document("c").unwrap().is_none());
}

#[test]
fn the_receipt_and_the_snapshot_count_batches() {
    let (_disk, _store, collection) = new_store();
    for seqno in 1..=3 {
        let receipt = try_write(&collection, vec![put("a", 1), put("b", 1)]).unwrap();
        assert_eq!(
            (receipt.seqno, collection.snapshot().seqno()),
            (seqno, seqno)
        );
    }
    let receipt = try_write(&collection, vec![Operation::delete("nobody")]).unwrap();
    assert_eq!(
        (receipt.seqno, collection.snapshot().seqno()),
        (3, 3),
        "nothing was written"
    );
    assert_eq!(try_write(&collection, Vec::new()).unwrap().outcomes, []);
}

#[test]
fn a_document_with_another_id_than_its_operation_is_refused() {
    let (_disk, _store, collection) = new_store();
    let error = try_write(&collection, vec![Operation::put("a", document("b", 1))]).unwrap_err();
    assert!(matches!(error, WriteError::IdMismatch { id } if id == "a"));
    let error = try_write(&collection, vec![Operation::put("a", Object::new())]).unwrap_err();
    assert!(matches!(error, WriteError::IdMismatch { .. }));
    assert_eq!(contents(&collection), map([]));
}

#[test]
fn a_collection_exists_from_its_making_to_its_dropping() {
    let (disk, store, collection) = new_store();
    let error = store.create_collection(ID).unwrap_err();
    assert!(matches!(error, StoreError::CollectionExists { id: ID }));
    write(&collection, vec![put("a", 1)]);
    block_on(collection.flush()).unwrap();
    write(&collection, vec![put("b", 1)]);
    store.drop_collection(ID).unwrap();
    assert!(store.collection(ID).is_none() && store.collection_ids().is_empty());
    let error = try_write(&collection, vec![put("c", 1)]).unwrap_err();
    assert!(matches!(error, WriteError::Dropped { id: ID }));
    assert!(matches!(
        store.drop_collection(ID),
        Err(StoreError::CollectionMissing { id: ID })
    ));
    assert!(
        !disk
            .paths()
            .iter()
            .any(|path| path.as_str().starts_with("collections/"))
    );
    drop((store, collection));
    assert!(open(&disk).collection(ID).is_none());
}

#[test]
fn closing_flushes_and_refuses_later_writes() {
    let (disk, store, collection) = new_store();
    write(&collection, vec![put("a", 1)]);
    store.close().unwrap();
    store.close().unwrap();
    assert!(matches!(
        try_write(&collection, vec![put("b", 1)]),
        Err(WriteError::Closed)
    ));
    let other = CollectionId::from_bytes([2; 16]);
    assert!(matches!(
        store.create_collection(other),
        Err(StoreError::Closed)
    ));
    assert_eq!(contents(&collection), map([("a", 1)]), "reads go on");
    assert!(
        !disk
            .paths()
            .iter()
            .any(|path| path.as_str().starts_with("wal/"))
    );
    drop((store, collection));
    let store = open(&disk);
    let collection = store.collection(ID).unwrap();
    assert_eq!(part_counts(&collection), (1, 0));
    assert_eq!(contents(&collection), map([("a", 1)]));
}

#[test]
fn batches_of_many_tasks_are_all_there_and_each_is_whole() {
    const TASKS: i64 = 16;
    const BATCHES: i64 = 40;
    let (disk, store, collection) = new_store();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for task in 0..TASKS {
            let collection = Arc::clone(&collection);
            tasks.push(tokio::spawn(async move {
                for batch in 0..BATCHES {
                    let own = format!("{task}-{batch}");
                    // Both rows of a batch change together, whoever writes them.
                    let operations = vec![
                        put("left", batch),
                        put("right", batch),
                        put(&own, 0),
                        increment("n"),
                    ];
                    collection.write(operations).await.unwrap();
                    let snapshot = collection.snapshot();
                    let left = value(&snapshot.document("left").unwrap().unwrap());
                    let right = value(&snapshot.document("right").unwrap().unwrap());
                    assert_eq!(left, right);
                    assert!(
                        snapshot.document(&own).unwrap().is_some(),
                        "its own write is seen"
                    );
                    if batch % 10 == task % 10 {
                        collection.flush().await.unwrap();
                    }
                }
            }));
        }
        collection.write(vec![put("n", 0)]).await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let found = contents(&collection);
    assert_eq!(found.len() as i64, TASKS * BATCHES + 3);
    drop((store, collection));
    disk.crash();
    let store = open(&disk);
    assert_eq!(contents(&store.collection(ID).unwrap()), found);
}

#[test]
fn many_small_writes_leave_few_chunks() {
    // The threads fold; the clock stands still, so that nothing is flushed.
    let environment = Environment::in_memory(Arc::default(), 1);
    let store = Store::open(environment, StoreOptions::default()).unwrap();
    let collection = collection(&store);
    for index in 0..600 {
        write(&collection, vec![put(&format!("{}", index % 450), index)]);
    }
    assert_eq!(contents(&collection).len(), 450);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while part_counts(&collection).1 > 30 {
        assert!(
            std::time::Instant::now() < deadline,
            "{:?}",
            part_counts(&collection)
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let expected = (0..450).map(|id| (id.to_string(), if id < 150 { id + 450 } else { id }));
    assert_eq!(contents(&collection), expected.collect());
}
