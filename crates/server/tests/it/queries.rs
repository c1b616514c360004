//! SQL over HTTP.

use serde_json::{Value, json};

use crate::{Answer, Rig};

const QUERIES: &str = "/v1/orgs/self/queries";

async fn rig() -> Rig {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([
        { "_id": "1", "a": 1, "name": "x", "f": 1.0 },
        { "_id": "2", "a": 2, "name": "y", "nested": { "list": [1, 2] } },
        { "_id": "3", "a": 3 },
    ]))
    .await;
    rig
}

async fn send(rig: &Rig, body: Value) -> Answer {
    rig.call("POST", QUERIES, Some(body)).await
}

async fn query(rig: &Rig, sql: &str) -> Value {
    send(rig, json!({ "sql": { "query": sql } })).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_sees_what_was_just_written() {
    let rig = rig().await;
    let body = query(&rig, "SELECT a, name FROM commons.c ORDER BY a DESC").await;
    assert_eq!(
        body["results"],
        json!([{ "a": 3, "name": null }, { "a": 2, "name": "y" }, { "a": 1, "name": "x" }])
    );
    assert_eq!(
        body["column_fields"],
        json!([{ "name": "a", "type": "" }, { "name": "name", "type": "" }])
    );
    assert_eq!(body["collections"], json!(["commons.c"]));
    assert_eq!(body["status"], "COMPLETED");
    assert!(body["stats"]["elapsed_time_ms"].is_u64());
    let stats = rig.get(crate::client::COLLECTION).await["data"]["stats"].clone();
    assert!(stats["last_queried_ms"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_do_not_apply_are_absent() {
    let rig = rig().await;
    let body = query(&rig, "SELECT 1 AS one").await;
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "aliases",
            "collections",
            "column_fields",
            "query_id",
            "results",
            "stats",
            "status"
        ]
    );
    let id = body["query_id"].as_str().unwrap();
    let parts: Vec<&str> = id.split(':').collect();
    assert_eq!((parts[0].len(), parts[1].len(), parts[2]), (36, 7, "0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_star_gives_the_documents_own_fields() {
    let rig = rig().await;
    let body = query(&rig, "SELECT * FROM c WHERE a = 2").await;
    let row = &body["results"][0];
    assert_eq!(row["_id"], "2");
    assert_eq!(row["nested"], json!({ "list": [1, 2] }));
    assert_eq!(row["_event_time"], "2024-01-01T00:00:00.000000Z");
    assert_eq!(row.get("f"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn floats_keep_their_point() {
    let rig = rig().await;
    let answer = send(
        &rig,
        json!({ "sql": { "query": "SELECT f, a FROM c WHERE _id = '1'" } }),
    )
    .await;
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    assert!(text.contains(r#"{"f":1.0,"a":1}"#), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_typed_or_json() {
    let rig = rig().await;
    let body = json!({ "sql": {
        "query": "SELECT a FROM c WHERE a >= :low AND name = :name ORDER BY a",
        "parameters": [
            { "name": "low", "type": "int", "value": "1" },
            { "name": "name", "type": "string", "value": "y" },
            { "name": "unused", "type": "", "value": [1] },
        ],
        "paginate": false,
    } });
    assert_eq!(send(&rig, body).await.ok()["results"], json!([{ "a": 2 }]));
    let missing = json!({ "sql": { "query": "SELECT :p", "parameters": null } });
    send(&rig, missing).await.failure(400, "QUERY_ERROR");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_limit_is_a_default() {
    let rig = rig().await;
    let limited = |sql: &str| json!({ "sql": { "query": sql, "default_row_limit": 1 } });
    let rows = |body: Value| body["results"].as_array().unwrap().len();
    assert_eq!(rows(send(&rig, limited("SELECT a FROM c")).await.ok()), 1);
    assert_eq!(
        rows(send(&rig, limited("SELECT a FROM c LIMIT 2")).await.ok()),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_their_place_in_the_text_and_the_ids() {
    let rig = rig().await;
    let answer = send(
        &rig,
        json!({ "sql": { "query": "SELECT a\nFROM commons.c WHERE (" } }),
    )
    .await;
    let body = answer.failure(400, "QUERY_ERROR");
    assert_eq!(body["line"], 2);
    assert!(body["column"].as_u64().unwrap() > 1);
    let query_id = body["query_id"].as_str().unwrap();
    assert!(query_id.starts_with(body["trace_id"].as_str().unwrap()));
    let answer = send(&rig, json!({ "sql": { "query": "SELECT no_such(1)" } })).await;
    let body = answer.failure(400, "QUERY_ERROR");
    assert_eq!(body["error_id"], "function_not_found");
    assert!(
        body["message"].as_str().unwrap().contains("`no_such`"),
        "{body}"
    );
    assert_eq!((&body["line"], &body["column"]), (&json!(1), &json!(8)));
    let answer = send(&rig, json!({ "sql": { "query": "SELECT 1 FROM nothing" } })).await;
    answer.failure(400, "QUERY_ERROR");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_takes_too_long_is_408() {
    let rig = rig().await;
    let sql = "SELECT COUNT(*) FROM UNNEST(SEQUENCE(1, 3000)) AS a CROSS JOIN \
               UNNEST(SEQUENCE(1, 3000)) AS b CROSS JOIN UNNEST(SEQUENCE(1, 3000)) AS d";
    let answer = send(&rig, json!({ "sql": { "query": sql }, "timeout_ms": 100 })).await;
    let body = answer.failure(408, "QUERY_TIMEOUT");
    assert_eq!(body["message_key"], json!(null));
    assert_eq!(body["error_id"], "");
    assert!(body["query_id"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_of_a_megabyte_is_answered() {
    let rig = rig().await;
    let list = vec!["'a name of some length'"; 50_000].join(",");
    let sql = format!("SELECT a FROM c WHERE name IN ({list}, 'y')");
    assert!(sql.len() > 1_000_000);
    assert_eq!(query(&rig, &sql).await["results"], json!([{ "a": 2 }]));
    let nested = format!("SELECT {}1{}", "(".repeat(500_000), ")".repeat(500_000));
    send(&rig, json!({ "sql": { "query": nested } }))
        .await
        .failure(400, "QUERY_ERROR");
    assert_eq!(
        query(&rig, "SELECT 1 AS x").await["results"],
        json!([{ "x": 1 }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_validated_without_running() {
    let rig = rig().await;
    let path = "/v1/orgs/self/queries/validations";
    let body = json!({ "sql": { "query": "SELECT a FROM commons.c WHERE a = :p" } });
    assert_eq!(
        rig.post(path, body).await,
        json!({
            "collections": ["commons.c"],
            "aliases": [],
            "views": [],
            "name": [],
            "parameters": ["p"],
        })
    );
    let body = json!({ "sql": { "query": "SELEC 1" } });
    let body = rig
        .call("POST", path, Some(body))
        .await
        .failure(400, "QUERY_ERROR");
    assert_eq!(body["line"], 1);
    rig.call("POST", path, Some(json!({})))
        .await
        .failure(400, "INVALIDINPUT");
}
