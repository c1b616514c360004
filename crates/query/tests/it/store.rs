//! Queries over a real store, while it is written, flushed, closed and opened again.

use std::sync::Arc;

use outcrop_document::{Object, Patch, Value, json};
use outcrop_query::{Collections, Engine, EngineOptions};
use outcrop_storage::env::Environment;
use outcrop_storage::{Collection, CollectionId, Operation, Snapshot, Store, StoreOptions};

use crate::fixture::{document, rows};

/// The one collection of a store, under the name `commons.t`.
struct One(Arc<Collection>);

impl Collections for One {
    fn snapshot(&self, workspace: &str, name: &str) -> Option<Arc<Snapshot>> {
        ((workspace, name) == ("commons", "t")).then(|| self.0.snapshot())
    }
}

fn open(folder: &std::path::Path) -> Arc<Store> {
    let options = StoreOptions {
        background_flush: false,
        ..StoreOptions::default()
    };
    Store::open(Environment::local(folder), options).unwrap()
}

fn engine(collection: &Arc<Collection>) -> Engine {
    let options = EngineOptions {
        partitions: 2,
        ..EngineOptions::default()
    };
    Engine::new(Arc::new(One(Arc::clone(collection))), options).unwrap()
}

fn object(text: &str) -> Object {
    match document(text) {
        Value::Object(object) => object,
        other => panic!("{other:?} is no object"),
    }
}

fn put(id: &str, members: &str) -> Operation {
    Operation::put(id, object(&format!(r#"{{"_id": "{id}", {members}}}"#)))
}

fn patch(id: &str, operations: &str) -> Operation {
    let patch = Patch::parse(&json::parse(operations.as_bytes()).unwrap()).unwrap();
    Operation::patch(id, move |document| patch.apply(document))
}

const ALL: &str = "SELECT _id, x FROM t ORDER BY _id";

#[tokio::test]
async fn a_query_sees_every_acknowledged_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let collection = store
        .create_collection(CollectionId::generate(store.environment().random.as_ref()))
        .unwrap();
    let engine = engine(&collection);
    assert_eq!(rows(&engine, ALL).await, "[]");

    collection
        .write(vec![
            put("a", r#""x": 1"#),
            put("b", r#""x": "two""#),
            put("c", r#""x": 3.5"#),
        ])
        .await
        .unwrap();
    let expected = r#"[{"_id":"a","x":1},{"_id":"b","x":"two"},{"_id":"c","x":3.5}]"#;
    assert_eq!(rows(&engine, ALL).await, expected);
    collection.flush().await.unwrap();
    assert_eq!(rows(&engine, ALL).await, expected);

    // An upsert, a delete and a patch of documents that are in a segment by now.
    let change = r#"[{"op": "ADD", "path": "/x", "value": [1]}]"#;
    collection
        .write(vec![
            put("a", r#""x": "one""#),
            Operation::delete("b"),
            patch("c", change),
        ])
        .await
        .unwrap();
    let expected = r#"[{"_id":"a","x":"one"},{"_id":"c","x":[1]}]"#;
    assert_eq!(rows(&engine, ALL).await, expected);
    assert_eq!(
        rows(&engine, "SELECT COUNT(*) AS c FROM t").await,
        r#"[{"c":2}]"#
    );
    assert_eq!(
        rows(&engine, "SELECT x FROM t WHERE _id = 'a'").await,
        r#"[{"x":"one"}]"#
    );
    assert_eq!(rows(&engine, "SELECT x FROM t WHERE _id = 'b'").await, "[]");
    assert_eq!(rows(&engine, "SELECT _id FROM t WHERE x = 1").await, "[]");

    let id = collection.id();
    store.close().unwrap();
    drop((engine, collection, store));
    let store = open(folder.path());
    let engine = self::engine(&store.collection(id).unwrap());
    assert_eq!(rows(&engine, ALL).await, expected);
}

#[tokio::test]
async fn a_statement_reads_one_snapshot_of_a_collection() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let collection = store
        .create_collection(CollectionId::generate(store.environment().random.as_ref()))
        .unwrap();
    let engine = Arc::new(engine(&collection));
    let writer = tokio::spawn({
        let collection = Arc::clone(&collection);
        async move {
            for batch in 0..50 {
                let puts = (0..20).map(|i| put(&format!("{batch}-{i}"), r#""x": 1"#));
                collection.write(puts.collect()).await.unwrap();
                if batch % 10 == 9 {
                    collection.flush().await.unwrap();
                }
            }
        }
    });
    let sql = "SELECT COUNT(*) % 20 AS part, (SELECT COUNT(*) FROM t) - COUNT(*) AS difference \
               FROM t WHERE x = 1";
    while !writer.is_finished() {
        assert_eq!(rows(&engine, sql).await, r#"[{"part":0,"difference":0}]"#);
    }
    writer.await.unwrap();
    assert_eq!(
        rows(&engine, "SELECT COUNT(*) AS c FROM t").await,
        r#"[{"c":1000}]"#
    );
}
