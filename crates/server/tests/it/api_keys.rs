//! `/v1/orgs/self/users/{user}/apikeys`.

use serde_json::{Value, json};

use crate::Rig;

const KEYS: &str = "/v1/orgs/self/users/self/apikeys";
const ORGANIZATION: &str = "/v1/orgs/self";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once() {
    let rig = Rig::start().await;
    let body = json!({ "name": "my app", "role": "member", "expiry_time": "2030-01-31T12:00:00Z" });
    let made = rig.post(KEYS, body).await["data"].clone();
    let key = made["key"].as_str().unwrap().to_owned();
    assert_eq!(key.len(), 64);
    assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let expected = json!({
        "created_at": "2024-01-01T00:00:00Z",
        "name": "my app",
        "key": key,
        "last_access_time": null,
        "expiry_time": "2030-01-31T12:00:00Z",
        "role": "member",
        "created_by": "admin@localhost",
        "created_by_apikey_name": "bootstrap",
        "state": "ACTIVE",
    });
    assert_eq!(made, expected);
    rig.call_as(&key, "GET", ORGANIZATION, None).await.ok();
    let mut short = expected;
    short["key"] = json!(key[..6]);
    short["last_access_time"] = json!("2024-01-01T00:00:00Z");
    for path in ["/my%20app", "/my%20app?reveal=true"] {
        assert_eq!(
            rig.get(&format!("{KEYS}{path}")).await["data"],
            short,
            "{path}"
        );
    }
    let list = rig.get(KEYS).await["data"].clone();
    assert_eq!(list[0]["name"], "bootstrap");
    assert_eq!(list[1], short);
    assert_eq!(
        rig.get("/v1/orgs/self/users/admin@localhost/apikeys").await["data"],
        list
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_can_be_told_to_show_keys_again() {
    let rig = Rig::start_with(|config| config.reveal_api_keys = true).await;
    let key = rig.key_of_role("member").await;
    let path = format!("{KEYS}/key%20of%20member");
    let shown = |answer: Value| answer["data"]["key"].as_str().unwrap().to_owned();
    assert_eq!(shown(rig.get(&format!("{path}?reveal=True")).await), key);
    assert_eq!(shown(rig.get(&path).await), key[..6]);
    // Not to a key that may do less.
    let reader = rig.key_of_role("read-only").await;
    let answer = rig
        .call_as(&reader, "GET", &format!("{path}?reveal=true"), None)
        .await;
    answer.failure(403, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn expiry_is_set_and_cleared() {
    let rig = Rig::start().await;
    rig.key_of_role("member").await;
    let path = format!("{KEYS}/key%20of%20member");
    let update = |body| rig.post(&path, body);
    let set = update(json!({ "expiry_time": "2024-02-01T00:00:00+01:00" })).await;
    assert_eq!(set["data"]["expiry_time"], "2024-01-31T23:00:00Z");
    let same = update(json!({ "state": null, "expiry_time": null })).await;
    assert_eq!(same["data"]["expiry_time"], "2024-01-31T23:00:00Z");
    let cleared = update(json!({ "clear_expiry_time": true })).await;
    assert_eq!(cleared["data"]["expiry_time"], Value::Null);
    for body in [
        json!({ "expiry_time": "2023-12-31T00:00:00Z" }),
        json!({ "expiry_time": "tomorrow" }),
        json!({ "state": "ASLEEP" }),
        json!({ "expiry_time": "2030-01-01T00:00:00Z", "clear_expiry_time": true }),
    ] {
        let answer = rig.call("POST", &path, Some(body)).await;
        answer.failure(400, "INVALIDINPUT");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_keys_and_those_of_deleted_users_are_refused() {
    let mut rig = Rig::start().await;
    let own = rig.key_of_role("member").await;
    let body = json!({ "email": "a@x", "roles": ["member"] });
    rig.post("/v1/orgs/self/users", body).await;
    let body = json!({ "name": "k", "created_by": "A@x" });
    let others = rig.post(KEYS, body).await["data"]["key"].clone();
    let others = others.as_str().unwrap();
    rig.restart().await;
    for key in [own.as_str(), others] {
        rig.call_as(key, "GET", ORGANIZATION, None).await.ok();
    }
    let path = format!("{KEYS}/key%20of%20member");
    let deleted = rig.call("DELETE", &path, None).await.ok();
    assert_eq!(deleted["data"]["key"], own[..6]);
    rig.call("GET", &path, None).await.failure(404, "NOTFOUND");
    rig.call("DELETE", "/v1/orgs/self/users/a@x", None)
        .await
        .ok();
    for key in [own.as_str(), others] {
        let answer = rig.call_as(key, "GET", ORGANIZATION, None).await;
        answer.failure(401, "AUTHEXCEPTION");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_key_is_refused() {
    let rig = Rig::start().await;
    rig.key_of_role("member").await;
    for (body, status, error_type) in [
        (json!({ "name": "key of member" }), 400, "ALREADYEXISTS"),
        (json!({}), 400, "INVALIDINPUT"),
        (json!({ "name": " " }), 400, "INVALIDINPUT"),
        (json!({ "name": "k", "role": "none" }), 404, "NOTFOUND"),
        (
            json!({ "name": "k", "created_by": "none@x" }),
            404,
            "NOTFOUND",
        ),
    ] {
        let answer = rig.call("POST", KEYS, Some(body)).await;
        answer.failure(status, error_type);
    }
    let missing = rig
        .call("GET", "/v1/orgs/self/users/none@x/apikeys", None)
        .await;
    missing.failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_or_wakes_a_key_that_may_do_more() {
    let rig = Rig::start().await;
    rig.key_of_role("admin").await;
    let member = rig.key_of_role("member").await;
    let make = |role: Value| json!({ "name": "new", "role": role });
    for role in [json!("admin"), json!(null)] {
        let answer = rig.call_as(&member, "POST", KEYS, Some(make(role))).await;
        answer.failure(403, "FORBIDDEN");
    }
    rig.call_as(&member, "POST", KEYS, Some(make(json!("read-only"))))
        .await
        .ok();
    let answer = rig
        .call_as(&member, "DELETE", &format!("{KEYS}/key%20of%20admin"), None)
        .await;
    answer.failure(403, "FORBIDDEN");
    let body = json!({ "state": "SUSPENDED" });
    let path = format!("{KEYS}/key%20of%20admin");
    let answer = rig.call_as(&member, "POST", &path, Some(body)).await;
    answer.failure(403, "FORBIDDEN");
    // A key without a role may do what its owner may, and changes with them.
    let body = json!({ "email": "a@x", "roles": ["read-only"] });
    rig.post("/v1/orgs/self/users", body).await;
    let body = json!({ "name": "k", "created_by": "a@x" });
    let key = rig.post(KEYS, body).await["data"]["key"].clone();
    let key = key.as_str().unwrap();
    let create = json!({ "name": "w" });
    let workspaces = "/v1/orgs/self/ws";
    let answer = rig
        .call_as(key, "POST", workspaces, Some(create.clone()))
        .await;
    answer.failure(403, "FORBIDDEN");
    rig.post("/v1/orgs/self/users/a@x", json!({ "roles": ["member"] }))
        .await;
    rig.call_as(key, "POST", workspaces, Some(create))
        .await
        .ok();
}
