//! `/v1/orgs/self/views` and those of a workspace.

use serde_json::json;

use crate::Rig;
use crate::aliases::{query, two_collections};

const VIEWS: &str = "/v1/orgs/self/ws/commons/views";
const VIEW: &str = "/v1/orgs/self/ws/commons/views/v";

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_made_changed_and_deleted() {
    let mut rig = Rig::start().await;
    two_collections(&rig).await;
    let sql = "SELECT c.x, d.x AS y FROM c JOIN commons.d ON c._id = d._id";
    let request = json!({ "name": "v", "description": "text", "query": sql });
    let created = rig.post(VIEWS, request).await["data"].clone();
    let mut expected = json!({
        "path": "commons.v",
        "name": "v",
        "description": "text",
        "workspace": "commons",
        "creator_email": created["creator_email"],
        "created_by_apikey_name": "bootstrap",
        "owner_email": null,
        "query_sql": sql,
        "entities": ["commons.c", "commons.d"],
        "state": "CREATED",
        "created_at": created["created_at"],
        "modified_at": created["created_at"],
    });
    assert_eq!(created, expected);
    assert_eq!(rig.get(VIEW).await["data"], expected);
    assert_eq!(rig.get(VIEWS).await["data"], json!([expected]));
    assert_eq!(
        rig.get("/v1/orgs/self/views").await["data"],
        json!([expected])
    );
    let rows = json!([[{ "x": "c", "y": "d" }], ["commons.c", "commons.d"], []]);
    assert_eq!(query(&rig, "SELECT * FROM v").await, rows);

    let updated = rig.post(VIEW, json!({ "query": "SELECT * FROM d" })).await["data"].clone();
    expected["query_sql"] = json!("SELECT * FROM d");
    expected["entities"] = json!(["commons.d"]);
    expected["modified_at"] = updated["modified_at"].clone();
    assert_eq!(updated, expected);
    let rows = json!([[{ "x": "d" }], ["commons.d"], []]);
    assert_eq!(query(&rig, "SELECT v.x FROM v").await, rows);
    rig.crash().await;
    assert_eq!(rig.get(VIEW).await["data"], expected);

    let deleted = rig.call("DELETE", VIEW, None).await.ok()["data"].clone();
    expected["state"] = json!("DELETED");
    assert_eq!(deleted, expected);
    rig.call("GET", VIEW, None).await.failure(404, "NOTFOUND");
    rig.call("DELETE", VIEW, None)
        .await
        .failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_lists_what_a_query_goes_through() {
    let rig = Rig::start().await;
    two_collections(&rig).await;
    let alias = json!({ "name": "a", "collections": ["commons.c"] });
    rig.post("/v1/orgs/self/ws/commons/aliases", alias).await;
    rig.post(VIEWS, json!({ "name": "v", "query": "SELECT x FROM a" }))
        .await;
    let outer = json!({ "name": "w", "query": "SELECT x FROM v UNION ALL SELECT x FROM d" });
    let outer = rig.post(VIEWS, outer).await;
    assert_eq!(outer["data"]["entities"], json!(["commons.v", "commons.d"]));
    let body = json!({ "sql": { "query": "SELECT x FROM w WHERE x = :x" } });
    let answer = rig.post("/v1/orgs/self/queries/validations", body).await;
    let expected = json!({
        "collections": ["commons.c", "commons.d"],
        "aliases": ["commons.a"],
        "views": ["commons.w", "commons.v"],
        "name": [],
        "parameters": ["x"],
    });
    assert_eq!(answer, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_told_apart() {
    let rig = Rig::start().await;
    two_collections(&rig).await;
    rig.post(VIEWS, json!({ "name": "v", "query": "SELECT x FROM c" }))
        .await;
    let cases = [
        (
            json!({ "name": "v", "query": "SELECT 1" }),
            400,
            "ALREADYEXISTS",
        ),
        (
            json!({ "name": "c", "query": "SELECT 1" }),
            400,
            "ALREADYEXISTS",
        ),
        (json!({ "query": "SELECT 1" }), 400, "INVALIDINPUT"),
        (json!({ "name": "w" }), 400, "INVALIDINPUT"),
        (
            json!({ "name": "a/b", "query": "SELECT 1" }),
            400,
            "INVALIDINPUT",
        ),
        (
            json!({ "name": "w", "query": "SELECT" }),
            400,
            "QUERY_ERROR",
        ),
        (
            json!({ "name": "w", "query": "SELECT f(1)" }),
            400,
            "QUERY_ERROR",
        ),
        (
            json!({ "name": "w", "query": "SELECT x FROM none" }),
            400,
            "QUERY_ERROR",
        ),
        (
            json!({ "name": "w", "query": "SELECT :x" }),
            400,
            "QUERY_ERROR",
        ),
        (
            json!({ "name": "w", "query": "DESCRIBE c" }),
            400,
            "QUERY_ERROR",
        ),
        (
            json!({ "name": "w", "query": "EXPLAIN SELECT 1" }),
            400,
            "QUERY_ERROR",
        ),
        (
            json!({ "name": "w", "query": "INSERT INTO c SELECT x FROM d" }),
            400,
            "QUERY_ERROR",
        ),
    ];
    for (body, status, error_type) in cases {
        let answer = rig.call("POST", VIEWS, Some(body)).await;
        answer.failure(status, error_type);
    }
    rig.post(VIEWS, json!({ "name": "w", "query": "SELECT x FROM v" }))
        .await;
    let cycle = json!({ "query": "SELECT x FROM c UNION ALL SELECT x FROM w" });
    let answer = rig.call("POST", VIEW, Some(cycle)).await;
    let body = answer.failure(400, "INVALIDINPUT");
    assert_eq!(body["message"], "the view `commons.v` would use itself");
    let missing = json!({ "query": "SELECT 1" });
    rig.call("POST", &format!("{VIEWS}/none"), Some(missing))
        .await
        .failure(404, "NOTFOUND");
    for (path, message) in [
        (VIEW, "view `commons.v` is used by view `commons.w`"),
        (
            "/v1/orgs/self/ws/commons/collections/c",
            "collection `commons.c` is used by view `commons.v`",
        ),
    ] {
        let answer = rig.call("DELETE", path, None).await;
        assert_eq!(
            answer.failure(400, "DEPENDENTRESOURCES")["message"],
            message
        );
    }
}
