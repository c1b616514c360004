//! Forms of paths that clients send.

use serde_json::json;

use crate::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn prefix_and_doubled_slashes_do_not_matter() {
    let rig = Rig::start().await;
    for path in [
        "//v1/orgs/self",
        "/v1//orgs/self/",
        "/rockset.com/v1/orgs/self",
        "/rockset.com//v1/orgs/self",
        "http://api.rs2.usw2.rockset.com/v1/orgs/self",
    ] {
        rig.get(path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_are_decoded_once() {
    let rig = Rig::start().await;
    rig.post("/v1/orgs/self/ws", json!({ "name": "a.b" })).await;
    let body = rig.get("/v1/orgs/self/ws/a%2Eb").await;
    assert_eq!(body["data"]["name"], "a.b");
    let answer = rig.call("GET", "/v1/orgs/self/ws/a%252Eb", None).await;
    assert_eq!(
        answer.failure(404, "NOTFOUND")["message"],
        "Workspace with name \"a%2Eb\" does not exist"
    );
    let answer = rig.call("GET", "/v1/orgs/self/ws/a%2Fb", None).await;
    assert_eq!(
        answer.failure(404, "NOTFOUND")["message"],
        "Workspace with name \"a/b\" does not exist"
    );
    rig.call("GET", "/v1/orgs/self/ws/%ff", None)
        .await
        .failure(400, "INVALIDINPUT");
}
