//! Disks that fill up or fail.

use std::io::ErrorKind;

use serde_json::json;

use crate::Rig;
use crate::client::COLLECTION;

fn docs() -> String {
    format!("{COLLECTION}/docs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_503_reads_go_on_and_writes_recover_by_themselves() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "_id": "1" }])).await;
    rig.disk.set_capacity(Some(rig.disk.used_bytes()));
    let answer = rig
        .call("POST", &docs(), Some(json!({ "data": [{ "_id": "2" }] })))
        .await;
    answer.failure(503, "SERVICEUNAVAILABLE");
    assert_eq!(answer.headers["retry-after"], "1");
    let collections = "/v1/orgs/self/ws/commons/collections";
    let answer = rig
        .call("POST", collections, Some(json!({ "name": "d" })))
        .await;
    answer.failure(503, "SERVICEUNAVAILABLE");
    assert_eq!(rig.get(COLLECTION).await["data"]["stats"]["doc_count"], 1);
    assert!(rig.stored("2").is_none());
    rig.disk.set_capacity(None);
    rig.add(json!([{ "_id": "2" }])).await;
    assert!(rig.stored("2").is_some());
    rig.create_collection("d").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_to_sync_stops_writes_until_the_restart() {
    let mut rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "_id": "1" }])).await;
    rig.disk.fail_syncs(Some(ErrorKind::Other));
    let body = json!({ "data": [{ "_id": "2" }] });
    let answer = rig.call("POST", &docs(), Some(body.clone())).await;
    answer.failure(503, "SERVICEUNAVAILABLE");
    rig.disk.fail_syncs(None);
    rig.call("POST", &docs(), Some(body.clone()))
        .await
        .failure(503, "SERVICEUNAVAILABLE");
    assert!(rig.stored("1").is_some());
    rig.crash().await;
    assert!(rig.stored("1").is_some());
    rig.call("POST", &docs(), Some(body)).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_faults_are_500_with_a_trace_id_and_no_details() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.disk.fail_nth(0, ErrorKind::PermissionDenied);
    let body = json!({ "name": "w" });
    let answer = rig
        .call("POST", "/v1/orgs/self/ws", Some(body.clone()))
        .await;
    let model = answer.failure(500, "INTERNALERROR");
    assert!(
        !model["message"].as_str().unwrap().contains("catalog"),
        "{model}"
    );
    rig.post("/v1/orgs/self/ws", body).await;
}
