//! `/v1/orgs/self/users`.

use serde_json::{Value, json};

use crate::Rig;

const USERS: &str = "/v1/orgs/self/users";

async fn invite(rig: &Rig, email: &str, roles: &[&str]) -> Value {
    let body = json!({ "email": email, "roles": roles });
    rig.post(USERS, body).await["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_new_until_there_is_a_key() {
    let rig = Rig::start().await;
    let made = invite(&rig, "Ann@Example.com", &["member"]).await;
    assert_eq!(made["email"], "ann@example.com");
    assert_eq!(made["state"], "NEW");
    assert_eq!(made["invite_state"], "PENDING");
    assert_eq!(made["roles"], json!(["member"]));
    assert_eq!(made["created_at"], "2024-01-01T00:00:00Z");
    assert_eq!(made["org_memberships"][0]["invited_by"], "admin@localhost");
    for member in ["first_name", "last_name", "phone_number", "country"] {
        assert_eq!(made.get(member), Some(&Value::Null), "{member}");
    }
    let body = json!({ "name": "k", "created_by": "ann@example.com" });
    rig.post(&format!("{USERS}/self/apikeys"), body).await;
    // A single user is not in `data`, and is found in any case.
    let user = rig.get(&format!("{USERS}/ANN%40example.com")).await;
    assert_eq!(user["state"], "ACTIVE");
    assert_eq!(user["invite_state"], "ACCEPTED");
    let list = rig.get(USERS).await["data"].clone();
    let emails: Vec<&Value> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["email"])
        .collect();
    assert_eq!(emails, ["admin@localhost", "ann@example.com"]);
    assert_eq!(list[1]["orgs"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_changed_and_deleted() {
    let mut rig = Rig::start().await;
    invite(&rig, "a@x", &["member"]).await;
    let path = format!("{USERS}/a@x");
    let changed = rig
        .post(&path, json!({ "first_name": "A", "last_name": "X" }))
        .await;
    assert_eq!(changed["first_name"], "A");
    let changed = rig.post(&path, json!({ "roles": ["read-only"] })).await;
    assert_eq!(changed["roles"], json!(["read-only"]));
    rig.restart().await;
    let kept = rig.get(&path).await;
    assert_eq!(
        (&kept["last_name"], &kept["roles"]),
        (&json!("X"), &json!(["read-only"]))
    );
    let deleted = rig.call("DELETE", &path, None).await.ok()["data"].clone();
    let members = deleted.as_object().unwrap();
    assert_eq!(members["email"], "a@x");
    let others = members.iter().filter(|(name, _)| *name != "email");
    assert!(
        others.clone().all(|(_, value)| value.is_null()),
        "{deleted}"
    );
    assert!(others.count() > 10);
    rig.call("GET", &path, None).await.failure(404, "NOTFOUND");
    rig.call("DELETE", &path, None)
        .await
        .failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_user_is_refused() {
    let rig = Rig::start().await;
    invite(&rig, "a@x", &[]).await;
    for (body, error_type) in [
        (json!({ "email": "a@x", "roles": [] }), "ALREADYEXISTS"),
        (json!({ "email": "A@X", "roles": [] }), "ALREADYEXISTS"),
        (json!({ "email": "b@x" }), "INVALIDINPUT"),
        (json!({ "roles": [] }), "INVALIDINPUT"),
        (json!({ "email": "b", "roles": [] }), "INVALIDINPUT"),
        (json!({ "email": "b @x", "roles": [] }), "INVALIDINPUT"),
    ] {
        rig.call("POST", USERS, Some(body))
            .await
            .failure(400, error_type);
    }
    let body = json!({ "email": "b@x", "roles": ["none"] });
    let failure = rig
        .call("POST", USERS, Some(body))
        .await
        .failure(404, "NOTFOUND");
    assert_eq!(failure["message_key"], "ROLE_NOT_FOUND_NAME");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_stays_admin() {
    let rig = Rig::start().await;
    let own = format!("{USERS}/self");
    rig.call("DELETE", &own, None)
        .await
        .failure(400, "INVALIDINPUT");
    let body = json!({ "roles": ["member"] });
    rig.call("POST", &own, Some(body))
        .await
        .failure(400, "INVALIDINPUT");
    assert_eq!(rig.get(&own).await["roles"], json!(["admin"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_somebody_who_may_do_more() {
    let rig = Rig::start().await;
    invite(&rig, "boss@x", &["admin"]).await;
    let inviter = rig
        .key_with(
            "inviter",
            &[
                ("INVITE_USER_GLOBAL", "*ALL*"),
                ("DELETE_USER_GLOBAL", "*ALL*"),
                ("GRANT_REVOKE_ROLE_GLOBAL", "*ALL*"),
                ("QUERY_DATA_WS", "commons"),
            ],
        )
        .await;
    let call = |method, path: &str, body| {
        let path = path.to_owned();
        let (rig, key) = (&rig, &inviter);
        async move { rig.call_as(key, method, &path, body).await }
    };
    let invite = |roles: &[&str]| Some(json!({ "email": "new@x", "roles": roles }));
    call("POST", USERS, invite(&["read-only"]))
        .await
        .failure(403, "FORBIDDEN");
    call("POST", USERS, invite(&["inviter"])).await.ok();
    let path = format!("{USERS}/new@x");
    let roles = |role: &str| Some(json!({ "roles": [role] }));
    call("POST", &path, roles("member"))
        .await
        .failure(403, "FORBIDDEN");
    call("POST", &path, Some(json!({ "roles": [] }))).await.ok();
    // Who may do more is out of reach altogether.
    let boss = format!("{USERS}/boss@x");
    call("POST", &boss, Some(json!({ "roles": [] })))
        .await
        .failure(403, "FORBIDDEN");
    call("POST", &boss, Some(json!({ "first_name": "Z" })))
        .await
        .failure(403, "FORBIDDEN");
    call("DELETE", &boss, None).await.failure(403, "FORBIDDEN");
    call("DELETE", &path, None).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_are_those_of_the_caller() {
    let mut rig = Rig::start().await;
    let path = format!("{USERS}/self/preferences");
    assert_eq!(rig.get(&path).await, json!({ "data": [] }));
    let wanted = json!({ "data": [{ "notificationType": "create_apikey" }] });
    assert_eq!(rig.post(&path, wanted.clone()).await, wanted);
    let answer = rig.call("POST", &path, None).await;
    answer.failure(400, "INVALIDINPUT");
    rig.restart().await;
    assert_eq!(rig.get(&path).await, wanted);
}
