//! Keys, roles, headers and methods: what happens before a handler.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Rig;
use crate::client::{COLLECTION, KEY};

const ORGANIZATION: &str = "/v1/orgs/self";

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_the_authorization_header_works() {
    let rig = Rig::start().await;
    let basic = format!("Basic {}", STANDARD.encode(format!("{KEY}:")));
    for value in [
        format!("ApiKey {KEY}"),
        format!("apikey {KEY}"),
        format!("Apikey {KEY}"),
        format!("Bearer {KEY}"),
        basic,
    ] {
        let headers = [("authorization", value.as_str()), ("organization", "any")];
        rig.send("GET", ORGANIZATION, &headers, "").await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_that_works_the_answer_is_401() {
    let rig = Rig::start().await;
    rig.send("GET", ORGANIZATION, &[], "")
        .await
        .failure(401, "AUTHEXCEPTION");
    for value in ["ApiKey wrong", "wrong", "Basic !", "Digest x"] {
        let headers = [("authorization", value)];
        let answer = rig.send("GET", ORGANIZATION, &headers, "").await;
        answer.failure(401, "AUTHEXCEPTION");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_key_is_refused_at_once() {
    let rig = Rig::start().await;
    let key = rig.key_of_role("member").await;
    rig.call_as(&key, "GET", ORGANIZATION, None).await.ok();
    let path = "/v1/orgs/self/users/self/apikeys/key%20of%20member";
    rig.post(path, serde_json::json!({ "state": "SUSPENDED" }))
        .await;
    rig.call_as(&key, "GET", ORGANIZATION, None)
        .await
        .failure(401, "AUTHEXCEPTION");
    rig.post(path, serde_json::json!({ "state": "ACTIVE" }))
        .await;
    rig.call_as(&key, "GET", ORGANIZATION, None).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_does_not_allow_it_is_403() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    let key = rig.key_of_role("read-only").await;
    rig.call_as(&key, "GET", COLLECTION, None).await.ok();
    let docs = format!("{COLLECTION}/docs");
    for (method, path) in [
        ("POST", docs.as_str()),
        ("DELETE", COLLECTION),
        ("POST", "/v1/orgs/self/users"),
    ] {
        let answer = rig.call_as(&key, method, path, None).await;
        answer.failure(403, "FORBIDDEN");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_greeting_needs_no_key() {
    let rig = Rig::start().await;
    let body = rig.send("GET", "/", &[], "").await.ok();
    assert_eq!(body, serde_json::json!({ "message": "GO ROCKSET!" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_404_and_unknown_methods_405() {
    let rig = Rig::start().await;
    for path in [
        "/v2",
        "/v1/orgs/other",
        "/v1/orgs/self/nothing",
        "/v1/orgs/self/ws/a/b/c/d",
    ] {
        rig.call("GET", path, None).await.failure(404, "NOTFOUND");
    }
    let answer = rig.call("PUT", ORGANIZATION, None).await;
    answer.failure(405, "METHODNOTALLOWED");
    assert_eq!(answer.headers["allow"], "GET");
    rig.call("PATCH", "/v1/orgs/self/queries", None)
        .await
        .failure(405, "METHODNOTALLOWED");
    rig.call("TRACE", "/", None)
        .await
        .failure(405, "METHODNOTALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_json_is_served_and_taken() {
    let rig = Rig::start().await;
    let key = ("authorization", "ApiKey test-key");
    let answer = rig
        .send("GET", ORGANIZATION, &[key, ("accept", "text/html")], "")
        .await;
    answer.failure(406, "NOTACCEPTABLE");
    for accept in ["*/*", "application/json, text/plain"] {
        rig.send("GET", ORGANIZATION, &[key, ("accept", accept)], "")
            .await
            .ok();
    }
    let body = r#"{"name": "w"}"#;
    let path = "/v1/orgs/self/ws";
    let answer = rig
        .send("POST", path, &[key, ("content-type", "text/plain")], body)
        .await;
    answer.failure(415, "UNSUPPORTEDMEDIATYPE");
    let encoded = [key, ("content-encoding", "gzip")];
    rig.send("POST", path, &encoded, body)
        .await
        .failure(415, "UNSUPPORTEDMEDIATYPE");
    rig.send("POST", path, &[key], body).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_what_they_may_do() {
    let rig = Rig::start().await;
    for (method, path) in [
        ("OPTIONS", "/v1/orgs/self/queries"),
        ("OPTIONS", "/any"),
        ("GET", "/"),
    ] {
        let answer = rig.send(method, path, &[], "").await;
        assert_eq!(answer.status, 200, "{method} {path}");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(answer.headers["access-control-allow-credentials"], "true");
        assert_eq!(answer.headers["access-control-max-age"], "1209600");
        assert_eq!(
            answer.headers["access-control-allow-methods"],
            "GET, POST, PUT, DELETE, OPTIONS, HEAD, PATCH"
        );
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["vary"], "Accept-Encoding, User-Agent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_response_tells_how_long_it_took() {
    let rig = Rig::start().await;
    for (path, status) in [(ORGANIZATION, 200), ("/v1/none", 404)] {
        let answer = rig.call("GET", path, None).await;
        assert_eq!(answer.status, status);
        // The clock of these tests stands.
        assert_eq!(answer.headers["server-timing"], "total;dur=0.000");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_a_body() {
    let rig = Rig::start().await;
    let answer = rig.call("HEAD", ORGANIZATION, None).await;
    assert_eq!(answer.status, 200);
    assert!(answer.bytes.is_empty());
    let answer = rig.call("HEAD", "/v1/orgs/self/ws/none", None).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_are_compressed_when_asked_for() {
    let rig = Rig::start().await;
    for number in 0..20 {
        rig.create_collection(&format!("c{number}")).await;
    }
    let key = ("authorization", "ApiKey test-key");
    let path = "/v1/orgs/self/collections";
    let packed = rig
        .send("GET", path, &[key, ("accept-encoding", "gzip")], "")
        .await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert_eq!(packed.bytes[..2], [0x1f, 0x8b]);
    let plain = rig
        .send("GET", path, &[key, ("accept-encoding", "identity")], "")
        .await;
    assert!(!plain.headers.contains_key("content-encoding"));
    // And that of events.
    assert_eq!(plain.ok()["data"].as_array().unwrap().len(), 21);
    assert!(packed.bytes.len() < plain.bytes.len() / 2);
}
