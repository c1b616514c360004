//! `/v1/orgs/self/aliases` and those of a workspace.

use serde_json::{Value, json};

use crate::Rig;

const ALIASES: &str = "/v1/orgs/self/ws/commons/aliases";
const ALIAS: &str = "/v1/orgs/self/ws/commons/aliases/a";

/// The rows of a query, and the names that it went through.
pub(crate) async fn query(rig: &Rig, sql: &str) -> Value {
    let body = json!({ "sql": { "query": sql } });
    let answer = rig.post("/v1/orgs/self/queries", body).await;
    json!([answer["results"], answer["collections"], answer["aliases"]])
}

/// Collections `c` and `d` with one document each.
pub(crate) async fn two_collections(rig: &Rig) {
    for name in ["c", "d"] {
        rig.create_collection(name).await;
        let path = format!("/v1/orgs/self/ws/commons/collections/{name}/docs");
        let document = json!({ "_id": "1", "x": name });
        rig.post(&path, json!({ "data": [document] })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_made_pointed_elsewhere_and_deleted() {
    let mut rig = Rig::start().await;
    two_collections(&rig).await;
    let request = json!({ "name": "a", "description": "text", "collections": ["commons.c"] });
    let created = rig.post(ALIASES, request).await["data"].clone();
    let mut expected = json!({
        "name": "a",
        "description": "text",
        "workspace": "commons",
        "creator_email": created["creator_email"],
        "created_by_apikey_name": "bootstrap",
        "collections": ["commons.c"],
        "state": "CREATED",
        "created_at": created["created_at"],
        "modified_at": created["created_at"],
    });
    assert_eq!(created, expected);
    assert_eq!(rig.get(ALIAS).await["data"], expected);
    assert_eq!(rig.get(ALIASES).await["data"], json!([expected]));
    assert_eq!(
        rig.get("/v1/orgs/self/aliases").await["data"],
        json!([expected])
    );
    let collection = rig.get("/v1/orgs/self/ws/commons/collections/c").await;
    assert_eq!(collection["data"]["aliases"], json!([expected]));
    let sql = "SELECT a.x FROM a WHERE commons.a.x <> 'e'";
    let rows = json!([[{ "x": "c" }], ["commons.c"], ["commons.a"]]);
    assert_eq!(query(&rig, "SELECT a.x FROM a").await, rows);
    assert_eq!(
        query(&rig, sql.replace("commons.a.x", "a.x").as_str()).await,
        rows
    );

    let updated = rig
        .post(ALIAS, json!({ "collections": ["commons.d"] }))
        .await["data"]
        .clone();
    expected["collections"] = json!(["commons.d"]);
    expected["modified_at"] = updated["modified_at"].clone();
    assert_eq!(updated, expected);
    let rows = json!([[{ "x": "d" }], ["commons.d"], ["commons.a"]]);
    assert_eq!(query(&rig, "SELECT x FROM commons.a").await, rows);
    rig.restart().await;
    assert_eq!(rig.get(ALIAS).await["data"], expected);

    let deleted = rig.call("DELETE", ALIAS, None).await.ok()["data"].clone();
    expected["state"] = json!("DELETED");
    assert_eq!(deleted, expected);
    rig.call("GET", ALIAS, None).await.failure(404, "NOTFOUND");
    rig.call("DELETE", ALIAS, None)
        .await
        .failure(404, "NOTFOUND");
    assert_eq!(rig.get(ALIASES).await["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_not_written_through_an_alias() {
    let rig = Rig::start().await;
    two_collections(&rig).await;
    rig.post(
        ALIASES,
        json!({ "name": "a", "collections": ["commons.c"] }),
    )
    .await;
    let path = "/v1/orgs/self/ws/commons/collections/a/docs";
    let body = json!({ "data": [{ "x": 1 }] });
    let answer = rig.call("POST", path, Some(body)).await;
    answer.failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_told_apart() {
    let rig = Rig::start().await;
    two_collections(&rig).await;
    rig.post(
        ALIASES,
        json!({ "name": "a", "collections": ["commons.c"] }),
    )
    .await;
    let cases = [
        (
            json!({ "name": "a", "collections": ["commons.c"] }),
            400,
            "ALREADYEXISTS",
        ),
        (
            json!({ "name": "c", "collections": ["commons.c"] }),
            400,
            "ALREADYEXISTS",
        ),
        (json!({ "collections": ["commons.c"] }), 400, "INVALIDINPUT"),
        (json!({ "name": "b" }), 400, "INVALIDINPUT"),
        (
            json!({ "name": "b", "collections": null }),
            400,
            "INVALIDINPUT",
        ),
        (
            json!({ "name": "b", "collections": ["c"] }),
            400,
            "INVALIDINPUT",
        ),
        (
            json!({ "name": "b", "collections": ["commons.c", "commons.d"] }),
            400,
            "INVALIDINPUT",
        ),
        (
            json!({ "name": "a b", "collections": ["commons.c"] }),
            400,
            "INVALIDINPUT",
        ),
        (
            json!({ "name": "_input", "collections": ["commons.c"] }),
            400,
            "INVALIDINPUT",
        ),
        (
            json!({ "name": "b", "collections": ["commons.none"] }),
            404,
            "NOTFOUND",
        ),
        (
            json!({ "name": "b", "collections": ["commons.a"] }),
            404,
            "NOTFOUND",
        ),
    ];
    for (body, status, error_type) in cases {
        let answer = rig.call("POST", ALIASES, Some(body)).await;
        answer.failure(status, error_type);
    }
    let request = json!({ "name": "a" });
    let answer = rig
        .call(
            "POST",
            "/v1/orgs/self/ws/commons/collections",
            Some(request),
        )
        .await;
    let body = answer.failure(400, "ALREADYEXISTS");
    assert_eq!(body["message"], "Alias \"commons.a\" already exists");
    let answer = rig
        .call("DELETE", "/v1/orgs/self/ws/commons/collections/c", None)
        .await;
    let body = answer.failure(400, "DEPENDENTRESOURCES");
    assert_eq!(
        body["message"],
        "collection `commons.c` is used by alias `commons.a`"
    );
    let missing = json!({ "collections": ["commons.c"] });
    rig.call("POST", &format!("{ALIASES}/none"), Some(missing))
        .await
        .failure(404, "NOTFOUND");
    let answer = rig.call("GET", "/v1/orgs/self/ws/none/aliases", None).await;
    assert_eq!(
        answer.failure(404, "NOTFOUND")["message_key"],
        "WORKSPACE_NOT_FOUND"
    );
}
