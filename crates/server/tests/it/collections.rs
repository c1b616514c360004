//! `/v1/orgs/self/collections` and those of a workspace.

use serde_json::{Value, json};

use crate::Rig;
use crate::client::COLLECTION;

const COLLECTIONS: &str = "/v1/orgs/self/ws/commons/collections";

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_created_ready_and_deleted() {
    let rig = Rig::start().await;
    let created = rig.post(COLLECTIONS, json!({ "name": "c" })).await;
    assert_eq!(created["data"]["status"], "CREATED");
    assert_eq!(created["data"].get("stats"), None);
    assert_eq!(created["data"].get("description"), None);
    let data = rig.get(COLLECTION).await["data"].clone();
    assert_eq!(data["status"], "READY");
    assert_eq!(data["stats"]["doc_count"], 0);
    assert_eq!(data["created_by_apikey_name"], "bootstrap");
    assert!(data["rrn"].as_str().unwrap().starts_with("rrn:col:"));
    let deleted = rig.call("DELETE", COLLECTION, None).await.ok();
    assert_eq!(
        deleted["data"],
        json!({
            "name": "c",
            "workspace": "commons",
            "sources": [],
            "field_mappings": [],
            "field_partitions": [],
            "clustering_key": [],
            "field_schemas": [],
            "storage_type": "HOT",
        })
    );
    let body = rig
        .call("GET", COLLECTION, None)
        .await
        .failure(404, "NOTFOUND");
    assert_eq!(
        body["message"],
        "Collection \"c\" does not exist in workspace \"commons\""
    );
    assert_eq!(body["message_key"], "COLLECTION_DOES_NOT_EXIST");
    rig.create_collection("c").await;
    rig.get(COLLECTION).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_by_workspace_or_of_all() {
    let rig = Rig::start().await;
    rig.post("/v1/orgs/self/ws", json!({ "name": "w" })).await;
    rig.post("/v1/orgs/self/ws/w/collections", json!({ "name": "b" }))
        .await;
    rig.create_collection("a").await;
    let names = |list: Value| -> Vec<String> {
        let items = list["data"].as_array().unwrap().iter();
        items
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(rig.get("/v1/orgs/self/collections").await),
        ["_events", "a", "b"]
    );
    assert_eq!(
        names(rig.get("/v1/orgs/self/ws/w/collections").await),
        ["b"]
    );
    let answer = rig
        .call("GET", "/v1/orgs/self/ws/none/collections", None)
        .await;
    assert_eq!(
        answer.failure(404, "NOTFOUND")["message_key"],
        "WORKSPACE_NOT_FOUND"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_what_the_collection_itself_shows() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "x": 1 }, { "x": 2 }])).await;
    let one = rig.get(COLLECTION).await["data"].clone();
    assert_eq!(one["stats"]["doc_count"], 2);
    for list in [COLLECTIONS, "/v1/orgs/self/collections"] {
        let listed = rig.get(list).await["data"].clone();
        let events = &listed[0];
        assert_eq!(events["name"], "_events", "{list}");
        assert_eq!(listed, json!([events, one]), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_echoed() {
    let rig = Rig::start().await;
    let request = json!({
        "name": "c",
        "description": "  text ",
        "retention_secs": 3600,
        "storage_compression_type": "ZSTD",
        "field_mapping_query": { "sql": "SELECT *\nFROM _input" },
        "sources": null,
        "insert_only": false,
        "field_mappings": null,
    });
    rig.post(COLLECTIONS, request).await;
    let data = rig.get(COLLECTION).await["data"].clone();
    assert_eq!(data["description"], "  text ");
    assert_eq!(data["retention_secs"], 3600);
    assert_eq!(data["storage_compression_type"], "ZSTD");
    assert_eq!(
        data["field_mapping_query"],
        json!({ "sql": "SELECT *\nFROM _input" })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_told_apart() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    let cases = [
        (json!({ "name": "c" }), 400, "ALREADYEXISTS"),
        (json!({}), 400, "INVALIDINPUT"),
        (json!({ "name": "a/b" }), 400, "INVALIDINPUT"),
        (
            json!({ "name": "d", "retention_secs": 5 }),
            400,
            "INVALIDINPUT",
        ),
        (
            json!({ "name": "d", "storage_compression_type": "GZ" }),
            400,
            "INVALIDINPUT",
        ),
        (
            json!({ "name": "d", "sources": [{ "s3": {} }] }),
            400,
            "INVALIDINPUT",
        ),
    ];
    for (body, status, error_type) in cases {
        rig.call("POST", COLLECTIONS, Some(body))
            .await
            .failure(status, error_type);
    }
    let missing = "/v1/orgs/self/ws/none/collections";
    let answer = rig
        .call("POST", missing, Some(json!({ "name": "c" })))
        .await;
    assert_eq!(
        answer.failure(404, "NOTFOUND")["message_key"],
        "WORKSPACE_NOT_FOUND"
    );
    let answer = rig
        .call("GET", "/v1/orgs/self/ws/none/collections/none", None)
        .await;
    assert_eq!(
        answer.failure(404, "NOTFOUND")["message_key"],
        "COLLECTION_DOES_NOT_EXIST"
    );
    rig.call("DELETE", &format!("{COLLECTION}x"), None)
        .await
        .failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_follow_writes_at_once() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "_id": "1" }, { "_id": "2" }, { "_id": "1" }]))
        .await;
    let stats = rig.get(COLLECTION).await["data"]["stats"].clone();
    assert_eq!(stats["doc_count"], 2);
    assert!(stats["bytes_inserted"].as_u64().unwrap() > 0);
    assert_eq!(stats["last_queried_ms"], 0);
    assert!(stats["last_updated_ms"].as_u64().unwrap() > 0);
}
