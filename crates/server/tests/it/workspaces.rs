//! `/v1/orgs/self/ws`.

use serde_json::json;

use crate::Rig;

const WORKSPACES: &str = "/v1/orgs/self/ws";

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_lives_and_goes() {
    let rig = Rig::start().await;
    let request = json!({ "name": "w", "description": "text", "unknown": 1 });
    let created = rig.post(WORKSPACES, request).await;
    assert_eq!(
        created["data"],
        json!({
            "name": "w",
            "description": "text",
            "created_at": "2024-01-01T00:00:00Z",
            "created_by": "admin@localhost",
            "collection_count": 0,
        })
    );
    assert_eq!(rig.get("/v1/orgs/self/ws/w").await, created);
    let list = rig.get(WORKSPACES).await;
    let names: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["commons", "w"]);
    assert_eq!(
        rig.call("DELETE", "/v1/orgs/self/ws/w", None).await.ok(),
        created
    );
    let answer = rig.call("GET", "/v1/orgs/self/ws/w", None).await;
    let body = answer.failure(404, "NOTFOUND");
    assert_eq!(body["message"], "Workspace with name \"w\" does not exist");
    assert_eq!(body["message_key"], "WORKSPACE_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn commons_is_there_and_stays() {
    let rig = Rig::start().await;
    let body = rig.get("/v1/orgs/self/ws/commons").await;
    assert_eq!(body["data"]["description"], "default workspace");
    assert_eq!(body["data"]["created_by"], json!(null));
    rig.call("DELETE", "/v1/orgs/self/ws/commons", None)
        .await
        .failure(400, "INVALIDINPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_told_apart() {
    let rig = Rig::start().await;
    rig.post(WORKSPACES, json!({ "name": "w", "description": null }))
        .await;
    let again = rig
        .call("POST", WORKSPACES, Some(json!({ "name": "w" })))
        .await;
    again.failure(400, "ALREADYEXISTS");
    for body in [
        json!({}),
        json!({ "name": null }),
        json!({ "name": 7 }),
        json!([]),
        json!({ "name": "a b" }),
    ] {
        rig.call("POST", WORKSPACES, Some(body))
            .await
            .failure(400, "INVALIDINPUT");
    }
    rig.post("/v1/orgs/self/ws/w/collections", json!({ "name": "c" }))
        .await;
    let answer = rig.call("DELETE", "/v1/orgs/self/ws/w", None).await;
    answer.failure(400, "DEPENDENTRESOURCES");
    assert_eq!(
        rig.get("/v1/orgs/self/ws/w").await["data"]["collection_count"],
        1
    );
}
