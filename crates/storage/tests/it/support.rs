//! Helpers of the tests: a store in memory, documents, and waiting for futures.

use std::collections::BTreeMap;
use std::sync::Arc;

use outcrop_document::{Object, Timestamp, Value};
use outcrop_storage::env::MemoryDisk;
use outcrop_storage::{
    Collection, CollectionId, Environment, Operation, Outcome, PartData, Store, StoreError,
    StoreOptions, WriteError, WriteReceipt,
};

/// The collection of most tests.
pub(crate) const ID: CollectionId = CollectionId::from_bytes([1; 16]);

/// Nothing happens by itself, and log files are short.
pub(crate) fn options() -> StoreOptions {
    StoreOptions {
        background_flush: false,
        wal_file_bytes: 4096,
        ..StoreOptions::default()
    }
}

pub(crate) fn try_open(disk: &Arc<MemoryDisk>) -> Result<Arc<Store>, StoreError> {
    Store::open(
        Environment::in_memory(Arc::clone(disk), disk.operations()),
        options(),
    )
}

pub(crate) fn open(disk: &Arc<MemoryDisk>) -> Arc<Store> {
    try_open(disk).expect("the store opens")
}

/// The one collection, made if it is not there.
pub(crate) fn collection(store: &Store) -> Arc<Collection> {
    store
        .collection(ID)
        .unwrap_or_else(|| store.create_collection(ID).unwrap())
}

/// A new store in memory with its collection.
pub(crate) fn new_store() -> (Arc<MemoryDisk>, Arc<Store>, Arc<Collection>) {
    let disk = Arc::new(MemoryDisk::new());
    let store = open(&disk);
    let collection = collection(&store);
    (disk, store, collection)
}

pub(crate) fn document(id: &str, value: i64) -> Object {
    Object::from([
        ("_id".to_owned(), Value::String(id.to_owned())),
        ("value".to_owned(), Value::Int(value)),
    ])
}

pub(crate) fn put(id: &str, value: i64) -> Operation {
    Operation::put(id, document(id, value))
}

/// A document with a time, in microseconds since 1970, and a field `group` to cluster by.
pub(crate) fn event(id: &str, value: i64, time: i64) -> Operation {
    Operation::put(id, event_document(id, value, time))
}

/// The document of [`event`].
pub(crate) fn event_document(id: &str, value: i64, time: i64) -> Object {
    let mut event = document(id, value);
    event.insert("_event_time".to_owned(), Value::Timestamp(Timestamp(time)));
    event.insert("group".to_owned(), Value::Int(value % 3));
    event
}

/// Adds one to `value`.
pub(crate) fn increment(id: &str) -> Operation {
    Operation::patch(id, |before| {
        let mut after = before.clone();
        if let Some(Value::Int(value)) = after.get_mut("value") {
            *value += 1;
        }
        Ok(after)
    })
}

/// Runs a future to its end.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn try_write(
    collection: &Collection,
    operations: Vec<Operation>,
) -> Result<WriteReceipt, WriteError> {
    block_on(collection.write(operations))
}

pub(crate) fn write(collection: &Collection, operations: Vec<Operation>) -> Vec<Outcome> {
    try_write(collection, operations).unwrap().outcomes
}

pub(crate) fn value(document: &Object) -> i64 {
    match document["value"] {
        Value::Int(value) => value,
        ref other => panic!("`value` is {other:?}"),
    }
}

/// All live documents, read row by row, with a check that every figure agrees.
pub(crate) fn contents(collection: &Collection) -> BTreeMap<String, i64> {
    let snapshot = collection.snapshot();
    let mut found = BTreeMap::new();
    for part in snapshot.parts() {
        let mut live = 0;
        for row in (0..part.row_count()).filter(|row| !part.deletions().contains(*row)) {
            let bytes = part.document(row).unwrap();
            let Value::Object(document) = outcrop_document::k::decode(&bytes).unwrap() else {
                panic!("row {row} is not an object");
            };
            let Value::String(id) = &document["_id"] else {
                panic!("row {row} has no id")
            };
            assert_eq!(part.row_of(id).unwrap(), Some(row));
            let other = found.insert(id.clone(), value(&document));
            assert_eq!(other, None, "`{id}` is alive twice");
            live += 1;
        }
        assert_eq!(part.live_row_count(), live);
    }
    assert_eq!(snapshot.row_count(), found.len() as u64);
    assert_eq!(collection.stats().doc_count, found.len() as u64);
    for (id, expected) in &found {
        assert_eq!(value(&snapshot.document(id).unwrap().unwrap()), *expected);
    }
    found
}

/// Numbers of segments and of chunks in the collection's snapshot.
pub(crate) fn part_counts(collection: &Collection) -> (usize, usize) {
    let snapshot = collection.snapshot();
    let segments = snapshot
        .parts()
        .iter()
        .filter(|part| matches!(part.data(), PartData::Segment(_)))
        .count();
    (segments, snapshot.parts().len() - segments)
}

pub(crate) fn map<const N: usize>(entries: [(&str, i64); N]) -> BTreeMap<String, i64> {
    entries
        .into_iter()
        .map(|(id, value)| (id.to_owned(), value))
        .collect()
}
