//! `/v1/receivers/kafka`: what the sink for Kafka Connect sends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Rig;
use crate::client::{Answer, COLLECTION};

const RECEIVER: &str = "/v1/receivers/kafka";
const INTEGRATION: &str = "/v1/orgs/self/integrations/k";
const COLLECTIONS: &str = "/v1/orgs/self/ws/commons/collections";

/// An integration `k`, and a collection `c` with a source of its topic `t`.
async fn rig() -> Rig {
    let rig = Rig::start().await;
    let kafka = json!({ "kafka_topic_names": ["t"], "kafka_data_format": "JSON" });
    let integration = json!({ "name": "k", "kafka": kafka });
    rig.post("/v1/orgs/self/integrations", integration).await;
    rig.post(
        COLLECTIONS,
        json!({ "name": "c", "sources": [source("t")] }),
    )
    .await;
    rig
}

fn source(topic: &str) -> Value {
    json!({ "integration_name": "k", "kafka": { "kafka_topic_name": topic } })
}

async fn connection_string(rig: &Rig) -> String {
    let integration = rig.get(INTEGRATION).await["data"].clone();
    let connection = integration["kafka"]["connection_string"].as_str().unwrap();
    connection.to_owned()
}

async fn key(rig: &Rig) -> String {
    let connection = connection_string(rig).await;
    let key = connection.strip_prefix("kafka://").unwrap();
    key.split_once('@').unwrap().0.to_owned()
}

async fn send(rig: &Rig, key: &str, topic: &str, messages: Value) -> Answer {
    let basic = format!("Basic {}", STANDARD.encode(format!("{key}:")));
    let headers = [
        ("authorization", basic.as_str()),
        ("content-type", "application/json; charset=utf-8"),
    ];
    let body = json!({ "kafka_messages": messages, "topic": topic });
    rig.send("POST", RECEIVER, &headers, body.to_string()).await
}

fn message(offset: i64, document: &Value) -> Value {
    json!({ "document": document, "key": "k1", "offset": offset, "partition": 3, "create_time": 1_700_000_000_000_i64, "log_append_time": null })
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_become_documents_of_the_collections_that_take_the_topic() {
    let mut rig = rig().await;
    rig.post(
        COLLECTIONS,
        json!({ "name": "too", "sources": [source("t")] }),
    )
    .await;
    let other = json!({ "name": "other", "sources": [source("u")] });
    rig.post(COLLECTIONS, other).await;
    let key = key(&rig).await;
    assert!(key.starts_with("kafka") && key.len() > 64, "{key}");
    let messages = json!([
        message(7, &json!({ "a": 1, "_meta": "mine" })),
        message(8, &json!({ "a": 9_007_199_254_740_993_i64, "_id": "own" })),
    ]);
    let answer = send(&rig, &key, "t", messages.clone()).await;
    assert_eq!(answer.ok(), json!({}));
    let rows = json!([
        {
            "_id": "own",
            "a": 9_007_199_254_740_993_i64,
            "_meta": { "kafka": { "topic": "t", "key": "k1", "offset": 8, "partition": 3, "create_time": 1_700_000_000_000_i64 } },
        },
        {
            "_id": "t-3-7",
            "a": 1,
            "_meta": { "kafka": { "topic": "t", "key": "k1", "offset": 7, "partition": 3, "create_time": 1_700_000_000_000_i64 } },
        },
    ]);
    for collection in ["c", "too"] {
        let sql = format!("SELECT _id, a, _meta FROM {collection} ORDER BY _id");
        assert_eq!(rig.rows(&sql).await, rows);
    }
    let count = rig.rows("SELECT COUNT(*) AS n FROM other").await;
    assert_eq!(count, json!([{ "n": 0 }]));
    let status = rig.get(COLLECTION).await["data"]["sources"][0]["status"].clone();
    assert_eq!(status["state"], "WATCHING");

    // The sink sends again what it is not sure of.
    rig.restart().await;
    send(&rig, &key, "t", messages).await.ok();
    let count = rig.rows("SELECT COUNT(*) AS n FROM c").await;
    assert_eq!(count, json!([{ "n": 2 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn tombstones_hold_nothing_up() {
    let rig = rig().await;
    let key = key(&rig).await;
    let messages = json!([
        message(1, &Value::Null),
        message(2, &json!({ "a": 2 })),
        message(3, &Value::Null)
    ]);
    send(&rig, &key, "t", messages).await.ok();
    let rows = rig.rows("SELECT _id, a FROM c").await;
    assert_eq!(rows, json!([{ "_id": "t-3-2", "a": 2 }]));
    send(&rig, &key, "t", json!([message(4, &Value::Null)]))
        .await
        .ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_pass_through_the_transformation() {
    let rig = rig().await;
    let sql = "SELECT a, CAST(_meta.kafka.key AS string) AS _id FROM _input WHERE a > 1";
    let mapping = json!({ "field_mapping_query": { "sql": sql } });
    rig.call("PUT", COLLECTION, Some(mapping)).await.ok();
    let key = key(&rig).await;
    let messages = json!([
        message(1, &json!({ "a": 1 })),
        message(2, &json!({ "a": 2 }))
    ]);
    send(&rig, &key, "t", messages).await.ok();
    let rows = rig.rows("SELECT _id, a, _meta FROM c").await;
    assert_eq!(rows, json!([{ "_id": "k1", "a": 2, "_meta": null }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_source_has_the_sink_wait() {
    let rig = rig().await;
    let sources = format!("{COLLECTION}/sources");
    let id = rig.get(&sources).await["data"][0]["id"].clone();
    let source = format!("{sources}/{}", id.as_str().unwrap());
    rig.post(&format!("{source}/suspend"), json!({})).await;
    let key = key(&rig).await;
    let messages = json!([message(1, &json!({ "a": 1 }))]);
    let answer = send(&rig, &key, "t", messages.clone()).await;
    answer.failure(503, "SERVICEUNAVAILABLE");
    rig.post(&format!("{source}/resume"), json!({})).await;
    send(&rig, &key, "t", messages).await.ok();
    let count = rig.rows("SELECT COUNT(*) AS n FROM c").await;
    assert_eq!(count, json!([{ "n": 1 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_good_for_its_integration_alone() {
    let rig = rig().await;
    let key = key(&rig).await;
    let messages = json!([message(1, &json!({ "a": 1 }))]);
    for wrong in ["kafkaX", "test-key", ""] {
        let answer = send(&rig, wrong, "t", messages.clone()).await;
        answer.failure(401, "AUTHEXCEPTION");
    }
    let answer = rig.call("POST", RECEIVER, None).await;
    answer.failure(401, "AUTHEXCEPTION");
    let answer = rig.call_as(&key, "GET", "/v1/orgs/self", None).await;
    answer.failure(401, "AUTHEXCEPTION");
    let answer = send(&rig, &key, "u", messages.clone()).await;
    answer.failure(404, "NOTFOUND");
    // The connection string as a whole is the same as the key in it.
    let connection = connection_string(&rig).await;
    send(&rig, &connection, "t", messages.clone()).await.ok();

    // Who could not make an integration does not get to see its key.
    let reader = rig.key_of_role("read-only").await;
    let seen = rig.call_as(&reader, "GET", INTEGRATION, None).await.ok()["data"].clone();
    let seen = seen["kafka"]["connection_string"].as_str().unwrap();
    assert!(seen.starts_with("kafka://REDACTED@"), "{seen}");

    // It stays through changes, and goes with the integration.
    let change = json!({ "description": "d", "kafka": { "kafka_topic_names": ["t", "u"] } });
    rig.call("PUT", INTEGRATION, Some(change)).await.ok();
    send(&rig, &key, "t", messages.clone()).await.ok();
    rig.call("DELETE", COLLECTION, None).await.ok();
    rig.call("DELETE", INTEGRATION, None).await.ok();
    let answer = send(&rig, &key, "t", messages).await;
    answer.failure(401, "AUTHEXCEPTION");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_bodies_say_what_is_wrong() {
    let rig = rig().await;
    let key = key(&rig).await;
    for messages in [
        json!({}),
        json!([1]),
        json!([{ "offset": 1 }]),
        json!([{ "document": [] }]),
    ] {
        let answer = send(&rig, &key, "t", messages).await;
        answer.failure(400, "INVALIDINPUT");
    }
    // A document that cannot be taken holds nothing up.
    let messages = json!([
        message(1, &json!({ "_event_time": "soon" })),
        message(2, &json!({ "a": 2 })),
    ]);
    send(&rig, &key, "t", messages).await.ok();
    assert_eq!(rig.rows("SELECT a FROM c").await, json!([{ "a": 2 }]));
}
