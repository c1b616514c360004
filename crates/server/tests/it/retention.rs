//! Collections that forget old documents, and collections with a clustering key.

use serde_json::{Value, json};

use crate::Rig;
use crate::client::COLLECTION;

const COLLECTIONS: &str = "/v1/orgs/self/ws/commons/collections";

async fn query(rig: &Rig, sql: &str) -> Value {
    let answer = rig
        .post("/v1/orgs/self/queries", json!({ "sql": { "query": sql } }))
        .await;
    answer["results"].clone()
}

/// Does at once what the server does from time to time.
async fn maintain(rig: &Rig) {
    let entry = rig.server().catalog().collection("commons", "c").unwrap();
    let collection = entry.handle();
    collection.flush().await.unwrap();
    tokio::task::spawn_blocking(move || {
        collection.expire_blocking().unwrap();
        collection.compact_blocking().unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_past_the_retention_are_forgotten_for_good() {
    // The clock of the server stands at 2024-01-01T00:00:00Z.
    let mut rig = Rig::start().await;
    rig.post(COLLECTIONS, json!({ "name": "c", "retention_secs": 3600 }))
        .await;
    rig.add(json!([
        { "_id": "old", "_event_time": "2023-12-31T22:59:59Z", "n": 1 },
        { "_id": "young", "_event_time": "2023-12-31T23:00:01Z", "n": 2 },
        { "_id": "now", "n": 3 },
    ]))
    .await;
    let sql = "SELECT _id, n FROM commons.c ORDER BY n";
    assert_eq!(query(&rig, sql).await.as_array().unwrap().len(), 3);
    let left = json!([{ "_id": "young", "n": 2 }, { "_id": "now", "n": 3 }]);
    for _ in 0..2 {
        maintain(&rig).await;
        assert_eq!(query(&rig, sql).await, left);
        let count = query(&rig, "SELECT COUNT(*) c, MIN(n) low FROM commons.c").await;
        assert_eq!(count, json!([{ "c": 2, "low": 2 }]));
        let by_id = query(&rig, "SELECT n FROM commons.c WHERE _id = 'old'").await;
        assert_eq!(by_id, json!([]));
    }
    let stats = rig.get(COLLECTION).await["data"]["stats"].clone();
    assert_eq!(
        (&stats["doc_count"], &stats["purged_doc_count"]),
        (&json!(2), &json!(1))
    );
    rig.crash().await;
    assert_eq!(query(&rig, sql).await, left);
    assert_eq!(rig.get(COLLECTION).await["data"]["retention_secs"], 3600);

    // The same `_id` may come again, and is there once.
    rig.add(json!([{ "_id": "old", "n": 4 }])).await;
    maintain(&rig).await;
    let again = query(&rig, "SELECT n FROM commons.c WHERE _id = 'old'").await;
    assert_eq!(again, json!([{ "n": 4 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clustering_key_is_shown_and_changes_no_answer() {
    let mut rig = Rig::start().await;
    let key = json!([
        { "field_name": "place.city", "type": "AUTO" },
        { "field_name": "kind", "type": "AUTO", "keys": null },
    ]);
    rig.post(COLLECTIONS, json!({ "name": "c", "clustering_key": key }))
        .await;
    let documents: Vec<Value> = (0..240)
        .map(|n: usize| {
            let city = ["Oslo", "Accra", "Lyon"][n % 3];
            let kind = match n % 5 {
                0 => json!(n % 10),
                _ => json!("text"),
            };
            json!({
                "_id": n.to_string(),
                "n": n,
                "place": { "city": city },
                "kind": kind,
            })
        })
        .collect();
    let queries = [
        "SELECT c.place.city, COUNT(*) k, SUM(n) s FROM commons.c c GROUP BY 1 ORDER BY 1",
        "SELECT n FROM commons.c c WHERE c.place.city = 'Lyon' AND kind = 5 ORDER BY n",
        "SELECT n, kind FROM commons.c ORDER BY n DESC LIMIT 5",
        "SELECT COUNT(DISTINCT kind) k FROM commons.c",
    ];
    let mut answers = Vec::new();
    for batch in documents.chunks(30) {
        rig.add(json!(batch)).await;
        let entry = rig.server().catalog().collection("commons", "c").unwrap();
        answers.clear();
        for sql in queries {
            answers.push(query(&rig, sql).await);
        }
        entry.handle().flush().await.unwrap();
    }
    assert_eq!(
        answers[1],
        json!([{ "n": 5 }, { "n": 35 }, { "n": 65 }, { "n": 95 },
        { "n": 125 }, { "n": 155 }, { "n": 185 }, { "n": 215 }])
    );
    for round in 0..2 {
        for (sql, answer) in queries.iter().zip(&answers) {
            assert_eq!(query(&rig, sql).await, *answer, "{sql} in round {round}");
        }
        maintain(&rig).await;
    }
    let entry = rig.server().catalog().collection("commons", "c").unwrap();
    assert_eq!(entry.handle().stats().segment_count, 1);
    drop(entry);
    rig.crash().await;
    for (sql, answer) in queries.iter().zip(&answers) {
        assert_eq!(query(&rig, sql).await, *answer, "{sql} after a restart");
    }
    let shown = json!([
        { "field_name": "place.city", "type": "AUTO", "keys": [] },
        { "field_name": "kind", "type": "AUTO", "keys": [] },
    ]);
    assert_eq!(rig.get(COLLECTION).await["data"]["clustering_key"], shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_by_in_the_transformation_is_a_clustering_key() {
    let rig = Rig::start().await;
    let sql = "SELECT * FROM _input CLUSTER BY a, b.c";
    rig.post(
        COLLECTIONS,
        json!({ "name": "c", "field_mapping_query": { "sql": sql } }),
    )
    .await;
    let data = rig.get(COLLECTION).await["data"].clone();
    assert_eq!(data["field_mapping_query"]["sql"], sql);
    assert_eq!(data["clustering_key"][1]["field_name"], "b.c");
    let wrong = [
        json!({ "name": "d", "clustering_key": [{ "field_name": "a" }],
            "field_mapping_query": { "sql": sql } }),
        json!({ "name": "d", "clustering_key": [{ "type": "AUTO" }] }),
        json!({ "name": "d", "clustering_key": [{ "field_name": "a", "type": "RANGE" }] }),
        json!({ "name": "d", "clustering_key": [{ "field_name": "a..b" }] }),
    ];
    for body in wrong {
        let answer = rig.call("POST", COLLECTIONS, Some(body.clone())).await;
        answer.failure(400, "INVALIDINPUT");
    }
}
