//! `INSERT INTO` over the query endpoint.

use serde_json::{Value, json};

use crate::client::COLLECTION;
use crate::{Answer, Rig};

const QUERIES: &str = "/v1/orgs/self/queries";

async fn rig() -> Rig {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig
}

async fn send(rig: &Rig, sql: &str) -> Answer {
    let body = json!({ "sql": { "query": sql } });
    rig.call("POST", QUERIES, Some(body)).await
}

async fn inserted(rig: &Rig, sql: &str) -> Value {
    send(rig, sql).await.ok()["results"][0]["num_docs_inserted"].clone()
}

/// The documents of a collection, without their times, by `_id`.
async fn documents(rig: &Rig, name: &str) -> Value {
    let sql = format!("SELECT * EXCEPT (_event_time) FROM commons.{name} ORDER BY _id");
    rig.rows(&sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_counts_and_has_a_fence_that_has_passed() {
    let rig = rig().await;
    let sql = "INSERT INTO commons.c (_id, n, \"odd name\") VALUES ('a', 1, NULL), ('b', 2.5, 'x')";
    let answer = send(&rig, sql).await.ok();
    assert_eq!(answer["results"], json!([{ "num_docs_inserted": 2 }]));
    assert_eq!(
        answer["column_fields"],
        json!([{ "name": "num_docs_inserted", "type": "" }])
    );
    assert_eq!(answer["status"], "COMPLETED");
    let fence = json!({ "name": [answer["last_offset"]] });
    let passed = rig
        .post(&format!("{COLLECTION}/offsets/commit"), fence)
        .await;
    assert_eq!(passed["data"]["passed"], true);
    assert_eq!(
        documents(&rig, "c").await,
        json!([
            { "_id": "a", "n": 1, "odd name": null },
            { "_id": "b", "n": 2.5, "odd name": "x" },
        ])
    );
    let nothing = send(&rig, "INSERT INTO c SELECT * FROM c WHERE false")
        .await
        .ok();
    assert_eq!(nothing["results"], json!([{ "num_docs_inserted": 0 }]));
    assert!(nothing["last_offset"].is_string());
    let query = send(&rig, "SELECT 1").await.ok();
    assert_eq!(query.get("last_offset"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_query_become_documents() {
    let rig = rig().await;
    rig.create_collection("to").await;
    rig.add(json!([
        { "_id": "1", "a": 1, "t": { "x": [1, null] }, "_event_time": "2020-01-02T00:00:00Z" },
        { "_id": "2", "a": null },
        { "_id": "3" },
        { "_id": "4", "a": "text" },
    ]))
    .await;
    assert_eq!(
        inserted(&rig, "INSERT INTO commons.to SELECT * FROM commons.c").await,
        4
    );
    assert_eq!(documents(&rig, "to").await, documents(&rig, "c").await);
    let times =
        "SELECT COUNT(*) AS n FROM commons.to WHERE _event_time = TIMESTAMP '2020-01-02T00:00:00Z'";
    assert_eq!(rig.rows(times).await, json!([{ "n": 1 }]));

    // Undefined fields are left out, nulls are stored; `_id` replaces.
    let sql = "INSERT INTO to SELECT _id, a, c.t.x[1] AS x, a IS NULL AS absent, missing FROM c;";
    assert_eq!(inserted(&rig, sql).await, 4);
    assert_eq!(
        documents(&rig, "to").await,
        json!([
            { "_id": "1", "a": 1, "x": 1, "absent": false },
            { "_id": "2", "a": null, "absent": true },
            { "_id": "3", "absent": true },
            { "_id": "4", "a": "text", "absent": false },
        ])
    );
    let sql =
        "INSERT INTO to (_id, n) WITH w AS (SELECT COUNT(*) AS k FROM c) SELECT 'count', k FROM w
               UNION ALL SELECT 'one', 1";
    assert_eq!(inserted(&rig, sql).await, 2);
    let rows = rig
        .rows("SELECT _id, n FROM commons.to WHERE n > 0 ORDER BY n")
        .await;
    assert_eq!(
        rows,
        json!([{ "_id": "one", "n": 1 }, { "_id": "count", "n": 4 }])
    );
    // Into the collection that it reads: the rows are those of before.
    assert_eq!(inserted(&rig, "INSERT INTO c SELECT a FROM c").await, 4);
    let count = rig.rows("SELECT COUNT(*) AS n FROM commons.c").await;
    assert_eq!(count, json!([{ "n": 8 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_are_inserted_in_chunks() {
    let mut rig = rig().await;
    let sql = "INSERT INTO c SELECT CAST(n AS string) AS _id, n, REPEAT(['abcdefghij'], 20) AS pad
               FROM UNNEST(SEQUENCE(1, 30000) AS n)";
    assert_eq!(inserted(&rig, sql).await, 30_000);
    let sums = "SELECT COUNT(*) AS n, SUM(n) AS s FROM commons.c";
    let expected = json!([{ "n": 30_000, "s": 450_015_000 }]);
    assert_eq!(rig.rows(sums).await, expected);
    rig.crash().await;
    assert_eq!(rig.rows(sums).await, expected);
    // A default limit is for answers.
    let body =
        json!({ "sql": { "query": "INSERT INTO c SELECT n FROM c", "default_row_limit": 3 } });
    let answer = rig.post(QUERIES, body).await;
    assert_eq!(answer["results"][0]["num_docs_inserted"], 30_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_and_workspaces_work() {
    let rig = rig().await;
    rig.post("/v1/orgs/self/ws", json!({ "name": "w" })).await;
    rig.post("/v1/orgs/self/ws/w/collections", json!({ "name": "d" }))
        .await;
    let body = json!({ "sql": {
        "query": "OPTION(default_workspace='w') INSERT INTO d SELECT :p AS v, 'x' AS _id",
        "parameters": [{ "name": "p", "type": "int", "value": "7" }],
    } });
    rig.post(QUERIES, body).await;
    let rows = rig.rows("SELECT _id, v FROM w.d").await;
    assert_eq!(rows, json!([{ "_id": "x", "v": 7 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transformation_of_the_target_is_for_documents_from_outside() {
    let rig = Rig::start().await;
    rig.create_transforming("SELECT a + 1 AS a FROM _input")
        .await;
    inserted(
        &rig,
        "INSERT INTO c SELECT 'x' AS _id, 1 AS a, 'field' AS _op",
    )
    .await;
    assert_eq!(
        documents(&rig, "c").await,
        json!([{ "_id": "x", "a": 1, "_op": "field" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_statements_are_told_with_their_place() {
    let rig = rig().await;
    rig.add(json!([{ "_id": "1", "a": 1 }])).await;
    let cases = [
        (
            "INSERT INTO commons.none SELECT 1 AS a",
            400,
            "QUERY_ERROR",
            Some(13),
        ),
        (
            "INSERT INTO c (a, b) SELECT 1",
            400,
            "QUERY_ERROR",
            Some(13),
        ),
        (
            "INSERT INTO c (a) SELECT * FROM c",
            400,
            "QUERY_ERROR",
            Some(13),
        ),
        ("INSERT INTO c VALUES (1)", 400, "QUERY_ERROR", Some(13)),
        ("INSERT c SELECT 1", 400, "QUERY_ERROR", Some(8)),
        ("INSERT INTO c", 400, "QUERY_ERROR", None),
        ("INSERT INTO c (a SELECT 1", 400, "QUERY_ERROR", None),
        (
            "INSERT INTO c SELECT a FROM none",
            400,
            "QUERY_ERROR",
            Some(29),
        ),
        (
            "INSERT INTO 's3://b/p' INTEGRATION = 'i' SELECT 1",
            501,
            "NOTIMPLEMENTEDYET",
            None,
        ),
        (
            "EXPLAIN INSERT INTO commons.none SELECT 1 AS a",
            400,
            "QUERY_ERROR",
            Some(21),
        ),
        (
            "EXPLAIN INSERT INTO c (a, b) SELECT 1",
            400,
            "QUERY_ERROR",
            Some(21),
        ),
        ("INSERT INTO c SELECT [1] AS _id", 400, "QUERY_ERROR", None),
        (
            "INSERT INTO c SELECT 'soon' AS _event_time",
            400,
            "QUERY_ERROR",
            None,
        ),
        ("INSERT INTO c SELECT 1 / 0 AS x", 400, "QUERY_ERROR", None),
    ];
    for (sql, status, error_type, column) in cases {
        let error = send(&rig, sql).await.failure(status, error_type);
        if let Some(column) = column {
            assert_eq!(error["column"], column, "{sql}: {error}");
        }
    }
    assert_eq!(documents(&rig, "c").await, json!([{ "_id": "1", "a": 1 }]));
    let message = send(&rig, "INSERT INTO c SELECT [1] AS _id").await.json();
    let message = message["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("document 1: `_id`"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_stands_for_its_collection() {
    let rig = rig().await;
    let alias = json!({ "name": "latest", "collections": ["commons.c"] });
    rig.post("/v1/orgs/self/ws/commons/aliases", alias).await;
    assert_eq!(
        inserted(&rig, "INSERT INTO commons.latest (_id, a) VALUES ('1', 7)").await,
        1
    );
    assert_eq!(documents(&rig, "c").await, json!([{ "_id": "1", "a": 7 }]));
    let path = format!("{QUERIES}/validations");
    let body = json!({ "sql": { "query": "INSERT INTO latest SELECT 1 AS a" } });
    rig.call("POST", &path, Some(body)).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_where_rows_would_go_and_inserts_none() {
    let rig = rig().await;
    rig.add(json!([{ "_id": "1", "a": 1 }])).await;
    let plan = |answer: Value| {
        let rows = answer["results"].as_array().unwrap().iter();
        let rows = rows.map(|row| row["plan"].as_str().unwrap().to_owned());
        rows.collect::<Vec<_>>()
    };
    let answer = send(&rig, "EXPLAIN INSERT INTO c SELECT a + 1 AS a FROM c").await;
    let shown = plan(answer.ok());
    assert_eq!(shown[0], "InsertInto: commons.c");
    assert!(shown[1].starts_with("  ProjectionExec"), "{shown:?}");
    assert_eq!(documents(&rig, "c").await, json!([{ "_id": "1", "a": 1 }]));

    let sql = "EXPLAIN ANALYZE INSERT INTO c SELECT '2' AS _id, a + 1 AS a FROM c";
    let shown = plan(send(&rig, sql).await.ok());
    assert_eq!(shown[0], "InsertInto: commons.c");
    assert!(shown[1].contains("output_rows=1"), "{shown:?}");
    assert_eq!(
        documents(&rig, "c").await,
        json!([{ "_id": "1", "a": 1 }, { "_id": "2", "a": 2 }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_only_reads_cannot_insert() {
    let rig = rig().await;
    let key = rig.key_of_role("read-only").await;
    for (sql, allowed) in [
        ("SELECT 1", true),
        ("INSERT INTO c SELECT 1 AS a", false),
        ("EXPLAIN INSERT INTO c SELECT 1 AS a", false),
    ] {
        let body = json!({ "sql": { "query": sql } });
        let answer = rig.call_as(&key, "POST", QUERIES, Some(body)).await;
        match allowed {
            true => drop(answer.ok()),
            false => drop(answer.failure(403, "FORBIDDEN")),
        }
    }
    assert_eq!(documents(&rig, "c").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn validation_checks_the_target_and_writes_nothing() {
    let rig = rig().await;
    let path = format!("{QUERIES}/validations");
    let validate = |sql: &str| {
        let body = json!({ "sql": { "query": sql } });
        rig.call("POST", &path, Some(body))
    };
    let answer = validate("INSERT INTO c SELECT :p AS a FROM c").await.ok();
    assert_eq!(answer["parameters"], json!(["p"]));
    for sql in [
        "INSERT INTO none SELECT 1 AS a",
        "INSERT INTO c (a) SELECT 1, 2",
    ] {
        validate(sql).await.failure(400, "QUERY_ERROR");
    }
    assert_eq!(documents(&rig, "c").await, json!([]));
}
