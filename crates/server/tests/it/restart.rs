//! What a server knows after it was stopped, or after the power was cut.

use serde_json::json;

use crate::Rig;
use crate::client::COLLECTION;

async fn check(mut rig: Rig, crash: bool) {
    rig.post(
        "/v1/orgs/self/ws",
        json!({ "name": "w", "description": "text" }),
    )
    .await;
    rig.create_collection("c").await;
    rig.create_collection("gone").await;
    let fence = rig
        .post(
            &format!("{COLLECTION}/docs"),
            json!({ "data": [{ "_id": "1", "a": [1, { "b": 2.5 }] }] }),
        )
        .await["last_offset"]
        .clone();
    rig.call("DELETE", "/v1/orgs/self/ws/commons/collections/gone", None)
        .await
        .ok();
    let document = rig.stored("1");
    let before = rig.get(COLLECTION).await["data"].clone();
    if crash {
        rig.crash().await;
    } else {
        rig.restart().await;
    }
    assert_eq!(rig.stored("1"), document);
    assert_eq!(
        rig.get("/v1/orgs/self/ws/w").await["data"]["description"],
        "text"
    );
    let after = rig.get(COLLECTION).await["data"].clone();
    for member in ["rrn", "created_at", "created_by", "status"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(after["stats"]["doc_count"], 1);
    let path = "/v1/orgs/self/ws/commons/collections/gone";
    rig.call("GET", path, None).await.failure(404, "NOTFOUND");
    let body = rig
        .post(
            &format!("{COLLECTION}/offsets/commit"),
            json!({ "name": [fence] }),
        )
        .await;
    assert_eq!(body["data"]["passed"], true);
    let data = rig.add(json!([{ "_id": "1" }, { "_id": "2" }])).await;
    assert_eq!(data[0]["status"], "REPLACED");
    assert_eq!(data[1]["status"], "ADDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything() {
    check(Rig::start().await, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_keeps_everything_that_was_acknowledged() {
    check(Rig::start().await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_generated_key_is_told_once() {
    let mut rig = Rig::start_with(|config| config.api_key = None).await;
    let key = rig.server().bootstrap_key().unwrap().to_owned();
    assert_eq!(key.len(), 64);
    let value = format!("ApiKey {key}");
    let headers = [("authorization", value.as_str())];
    rig.send("GET", "/v1/orgs/self", &headers, "").await.ok();
    rig.restart().await;
    assert_eq!(rig.server().bootstrap_key(), None);
}
