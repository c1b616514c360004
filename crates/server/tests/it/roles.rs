//! `/v1/orgs/self/roles`.

use serde_json::{Value, json};

use crate::Rig;

const ROLES: &str = "/v1/orgs/self/roles";

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_made_shown_changed_and_deleted() {
    let mut rig = Rig::start().await;
    let body = json!({
        "role_name": "r",
        "description": "d",
        "privileges": [
            { "action": "QUERY_DATA_WS", "resource_name": "w", "cluster": "*ALL*" },
            { "action": "WRITE_DATA_WS" },
            { "action": "GET_ORG_GLOBAL", "resource_name": "w", "cluster": "*ALL*" },
        ],
    });
    let made = rig.post(ROLES, body).await["data"].clone();
    let expected = json!({
        "role_name": "r",
        "description": "d",
        "owner_email": "admin@localhost",
        "created_by": "admin@localhost",
        "created_at": "2024-01-01T00:00:00Z",
        "privileges": [
            { "action": "QUERY_DATA_WS", "resource_name": "w", "cluster": "*ALL*" },
            { "action": "WRITE_DATA_WS", "resource_name": null, "cluster": null },
            { "action": "GET_ORG_GLOBAL", "resource_name": null, "cluster": null },
        ],
    });
    assert_eq!(made, expected);
    rig.restart().await;
    let path = format!("{ROLES}/r");
    assert_eq!(rig.get(&path).await["data"], expected);
    // The built-in roles are not listed.
    assert_eq!(rig.get(ROLES).await["data"], json!([expected]));
    let described = rig.post(&path, json!({ "description": "e" })).await["data"].clone();
    assert_eq!(described["description"], "e");
    assert_eq!(described["privileges"], expected["privileges"]);
    let emptied = rig.post(&path, json!({ "privileges": [] })).await["data"].clone();
    assert_eq!(emptied["privileges"], json!([]));
    assert_eq!(emptied["description"], "e");
    let deleted = rig.call("DELETE", &path, None).await.ok()["data"].clone();
    assert_eq!(deleted, emptied);
    let failure = rig.call("GET", &path, None).await.failure(404, "NOTFOUND");
    assert_eq!(failure["message"], "Role \"r\" not found");
    assert_eq!(failure["message_key"], "ROLE_NOT_FOUND_NAME");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_role_is_refused() {
    let rig = Rig::start().await;
    rig.post(ROLES, json!({ "role_name": "r", "privileges": [] }))
        .await;
    let with = |privilege: Value| json!({ "role_name": "s", "privileges": [privilege] });
    for (body, error_type) in [
        (json!({ "role_name": "r" }), "ALREADYEXISTS"),
        (json!({ "role_name": "admin" }), "ALREADYEXISTS"),
        (json!({}), "INVALIDINPUT"),
        (json!({ "role_name": "a b" }), "INVALIDINPUT"),
        (with(json!({})), "INVALIDINPUT"),
        (with(json!({ "action": "QUERY_DATA" })), "INVALIDINPUT"),
    ] {
        rig.call("POST", ROLES, Some(body))
            .await
            .failure(400, error_type);
    }
    for path in ["/admin", "/none"] {
        let path = format!("{ROLES}{path}");
        for method in ["GET", "POST", "DELETE"] {
            rig.call(method, &path, None).await.failure(404, "NOTFOUND");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_somebody_has_stays() {
    let rig = Rig::start().await;
    rig.key_with("r", &[("QUERY_DATA_WS", "w")]).await;
    let path = format!("{ROLES}/r");
    let failure = rig.call("DELETE", &path, None).await;
    let message = failure.failure(400, "DEPENDENTRESOURCES")["message"].clone();
    assert_eq!(
        message,
        "role `r` is used by API key `key of r` of `admin@localhost`"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_a_role_that_may_do_more() {
    let rig = Rig::start().await;
    let mine = [
        ("CREATE_ROLE_GLOBAL", "*ALL*"),
        ("UPDATE_ROLE_GLOBAL", "*ALL*"),
        ("ALL_WORKSPACE_ACTIONS", "w"),
    ];
    let key = rig.key_with("mine", &mine).await;
    let privilege =
        |action: &str, resource: &str| json!([{ "action": action, "resource_name": resource }]);
    for (action, resource, is_allowed) in [
        ("QUERY_DATA_WS", "w", true),
        ("ALL_WORKSPACE_ACTIONS", "w", true),
        ("QUERY_DATA_WS", "other", false),
        ("QUERY_DATA_WS", "*ALL*", false),
        ("ALL_GLOBAL_ACTIONS", "w", false),
    ] {
        let name = format!("{action}.{resource}").replace('*', "");
        let body = json!({ "role_name": name, "privileges": privilege(action, resource) });
        let answer = rig.call_as(&key, "POST", ROLES, Some(body.clone())).await;
        // Its own role, too, cannot be given more.
        let own = format!("{ROLES}/mine");
        let update = json!({ "privileges": body["privileges"] });
        match is_allowed {
            true => drop(answer.ok()),
            false => {
                answer.failure(403, "FORBIDDEN");
                let answer = rig.call_as(&key, "POST", &own, Some(update)).await;
                answer.failure(403, "FORBIDDEN");
            }
        }
    }
}
