//! Ingest transformations: what becomes of documents between the request and the collection.

use outcrop_document::{Timestamp, Value as Stored};
use serde_json::{Value, json};

use crate::Rig;
use crate::client::COLLECTION;

const COLLECTIONS: &str = "/v1/orgs/self/ws/commons/collections";

async fn rig(sql: &str) -> Rig {
    let rig = Rig::start().await;
    rig.create_transforming(sql).await;
    rig
}

fn statuses(data: &[Value]) -> Vec<&str> {
    let statuses = data.iter().map(|status| status["status"].as_str());
    statuses.map(Option::unwrap).collect()
}

/// The documents of `c`, without their times, by `_id`.
async fn documents(rig: &Rig) -> Value {
    rig.rows("SELECT * EXCEPT (_event_time) FROM commons.c ORDER BY _id")
        .await
}

async fn put(rig: &Rig, body: Value) -> Value {
    rig.call("PUT", COLLECTION, Some(body)).await.ok()["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_filtered_and_changed_on_their_way_in() {
    let sql = "SELECT * EXCEPT (secret, name), UPPER(name) AS name, _input.n + 1 AS n
               FROM _input WHERE n > 0;";
    let rig = rig(sql).await;
    let data = rig
        .add(json!([
            { "_id": "1", "n": 1, "name": "x", "secret": "s" },
            { "_id": "2", "n": 0, "name": "y" },
            { "_id": "3", "n": 2.5, "other": [1, { "a": null }], "_meta": { "m": 1 } },
            { "_id": "4", "name": "no n" },
        ]))
        .await;
    assert_eq!(statuses(&data), ["ADDED"; 4]);
    assert_eq!(data[1]["_id"], "2");
    assert_eq!(
        documents(&rig).await,
        json!([
            { "_id": "1", "n": 2, "name": "X" },
            { "_id": "3", "n": 3.5, "name": null, "other": [1, { "a": null }] },
        ])
    );
    let again = rig.add(json!([{ "_id": "1", "n": 5 }])).await;
    assert_eq!(statuses(&again), ["REPLACED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undefined_path_leaves_its_field_out_and_a_null_is_stored() {
    let sql = "SELECT a, a.b AS b, NULL AS c, UNDEFINED AS d, a + 1 AS e, list[3] AS f,
                      CASE WHEN a = 1 THEN a END AS g, COALESCE(a, x) AS h
               FROM _input";
    let rig = rig(sql).await;
    rig.add(json!([
        { "_id": "1" },
        { "_id": "2", "a": null, "list": [1, 2, null] },
        { "_id": "3", "a": 1 },
    ]))
    .await;
    assert_eq!(
        documents(&rig).await,
        json!([
            { "_id": "1", "c": null, "e": null, "g": null, "h": null },
            { "_id": "2", "a": null, "c": null, "e": null, "f": null, "g": null, "h": null },
            { "_id": "3", "a": 1, "c": null, "e": 2, "g": 1, "h": 1 },
        ])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_can_be_spread_and_a_later_item_wins() {
    let rig = rig("SELECT payload.*, n * 10 AS n, id AS _id FROM _input i").await;
    let data = rig
        .add(json!([{ "id": 7, "n": 1, "payload": { "n": 2, "x": "y", "_id": "inner" } }]))
        .await;
    assert_eq!(data[0]["_id"], "7");
    assert_eq!(
        documents(&rig).await,
        json!([{ "_id": "7", "n": 10, "x": "y" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_that_of_the_output_or_of_the_document_or_generated() {
    let rig =
        rig("SELECT IF(k = 'own', v, UNDEFINED) AS _id, v FROM _input WHERE k <> 'none'").await;
    let data = rig
        .add(json!([
            { "_id": "a", "k": "own", "v": 5 },
            { "_id": "b", "k": "own", "v": null },
            { "_id": "c", "k": "own", "v": [1] },
        ]))
        .await;
    assert_eq!(statuses(&data), ["ADDED", "ADDED", "ERROR"]);
    assert_eq!(data[0]["_id"], "5");
    assert_eq!(data[1]["_id"].as_str().unwrap().len(), 38);
    assert_eq!(data[2]["_id"], "c");
    let message = data[2]["error"]["message"].as_str().unwrap();
    assert!(message.contains("`_id` has to be a string"), "{message}");

    put(
        &rig,
        json!({ "field_mapping_query": { "sql": "SELECT v FROM _input" } }),
    )
    .await;
    let data = rig
        .add(json!([{ "_id": "kept", "v": 1 }, { "v": 2 }]))
        .await;
    assert_eq!(data[0]["_id"], "kept");
    assert_eq!(data[1]["_id"].as_str().unwrap().len(), 38);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_time_is_that_of_the_output_or_of_the_document_or_now() {
    let sql =
        "SELECT n, IF(n = 1, TIMESTAMP_SECONDS(5), IF(n = 2, DATE '1970-01-02', t)) AS _event_time,
                      CURRENT_TIMESTAMP() AS now
               FROM _input";
    let rig = rig(sql).await;
    let data = rig
        .add(json!([
            { "_id": "1", "n": 1 },
            { "_id": "2", "n": 2 },
            { "_id": "3", "n": 3, "t": "2020-01-02T00:00:00Z" },
            { "_id": "4", "n": 4 },
            { "_id": "5", "n": 5, "t": "soon" },
        ]))
        .await;
    assert_eq!(
        statuses(&data),
        ["ADDED", "ADDED", "ADDED", "ADDED", "ERROR"]
    );
    let time = |id: &str| rig.stored(id).unwrap()["_event_time"].clone();
    assert_eq!(time("1"), Stored::Timestamp(Timestamp(5_000_000)));
    assert_eq!(time("2"), Stored::Timestamp(Timestamp(86_400_000_000)));
    let third = Stored::Timestamp(Timestamp(1_577_923_200_000_000));
    assert_eq!(time("3"), third);
    // The clock of the server stands at 2024-01-01T00:00:00Z.
    let now = Stored::Timestamp(Timestamp(1_704_067_200_000_000));
    assert_eq!(time("4"), now);
    assert_eq!(rig.stored("1").unwrap()["now"], now);

    put(
        &rig,
        json!({ "field_mapping_query": { "sql": "SELECT n FROM _input" } }),
    )
    .await;
    rig.add(json!([{ "_id": "6", "_event_time": "2020-01-02T00:00:00Z" }]))
        .await;
    assert_eq!(time("6"), third);
}

#[tokio::test(flavor = "multi_thread")]
async fn op_says_what_becomes_of_a_stored_document() {
    let rig = rig("SELECT * FROM _input WHERE true").await;
    let old = "2020-01-02T00:00:00Z";
    rig.add(json!([
        { "_id": "i", "_event_time": old, "a": 1 }, { "_id": "u", "_event_time": old, "a": 1 },
        { "_id": "s", "_event_time": old, "a": 1 }, { "_id": "d", "a": 1 },
        { "_id": "r", "_event_time": old, "a": 1 }, { "_id": "p", "_event_time": old, "a": 1 },
    ]))
    .await;
    let data = rig
        .add(json!([
            { "_op": "insert", "_id": "i", "b": 2 }, { "_op": "Insert", "_id": "i2", "b": 2 },
            { "_op": "UPDATE", "_id": "u", "b": 2 }, { "_op": "update", "_id": "u2", "b": 2 },
            { "_op": "UPSERT", "_id": "s", "b": 2 }, { "_op": "upsert", "_id": "s2", "b": 2 },
            { "_op": "DELETE", "_id": "d" }, { "_op": "delete", "_id": "d2" },
            { "_op": "REPLACE", "_id": "r", "b": 2 }, { "_op": "replace", "_id": "r2", "b": 2 },
            { "_op": "REPSERT", "_id": "p", "b": 2 }, { "_op": null, "_id": "p2", "b": 2 },
            { "_op": "merge", "_id": "x" }, { "_op": 1, "_id": "x" }, { "_op": "DELETE" },
            // Later ones see earlier ones.
            { "_op": "INSERT", "_id": "i2", "c": 3 }, { "_op": "UPDATE", "_id": "i2", "c": 3 },
        ]))
        .await;
    assert_eq!(
        statuses(&data),
        [
            "ADDED", "ADDED", "REPLACED", "ADDED", "REPLACED", "ADDED", "DELETED", "DELETED",
            "REPLACED", "ADDED", "REPLACED", "ADDED", "ERROR", "ERROR", "ERROR", "ADDED",
            "REPLACED"
        ]
    );
    assert_eq!(
        documents(&rig).await,
        json!([
            { "_id": "i", "a": 1 },
            { "_id": "i2", "b": 2, "c": 3 },
            { "_id": "p", "b": 2 },
            { "_id": "p2", "b": 2 },
            { "_id": "r", "b": 2 },
            { "_id": "s", "a": 1, "b": 2 },
            { "_id": "s2", "b": 2 },
            { "_id": "u", "a": 1, "b": 2 },
        ])
    );
    let times = rig
        .rows("SELECT _id FROM commons.c WHERE _event_time < TIMESTAMP '2021-01-01T00:00:00Z' ORDER BY _id")
        .await;
    assert_eq!(
        times,
        json!([{ "_id": "i" }, { "_id": "s" }, { "_id": "u" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn op_of_the_identity_counts_and_without_a_transformation_it_is_a_field() {
    let rig = rig("SELECT * FROM _input").await;
    rig.add(json!([{ "_id": "1", "a": 1 }])).await;
    let data = rig.add(json!([{ "_id": "1", "_op": "DELETE" }])).await;
    assert_eq!(statuses(&data), ["DELETED"]);
    let data = put(&rig, json!({ "field_mapping_query": { "sql": "" } })).await;
    assert_eq!(data.get("field_mapping_query"), None);
    rig.add(json!([{ "_id": "1", "_op": "DELETE" }])).await;
    assert_eq!(
        documents(&rig).await,
        json!([{ "_id": "1", "_op": "DELETE" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unnest_makes_several_documents_of_one() {
    let sql = "SELECT _input.order_id, line.item.sku, line.n, _input.t AS _event_time
               FROM _input, UNNEST(_input.items AS item WITH ORDINALITY AS n) AS line
               WHERE line.item.sku <> 'skip'";
    let rig = rig(sql).await;
    let data = rig
        .add(json!([
            { "_id": "o1", "order_id": 1, "items": [{ "sku": "a" }, { "sku": "skip" }, { "sku": "b" }] },
            { "_id": "o2", "order_id": 2, "items": [] },
            { "_id": "o3", "order_id": 3, "items": "none" },
            { "_id": "o4", "order_id": 4, "items": [{ "sku": "c" }] },
            { "_id": "o5", "order_id": 5 },
        ]))
        .await;
    assert_eq!(
        statuses(&data),
        ["ADDED", "ADDED", "ERROR", "ADDED", "ADDED"]
    );
    assert_eq!(data[0]["_id"], "o1");
    assert!(
        data[3]["_id"].as_str().unwrap().ends_with("-4-1"),
        "{data:?}"
    );
    let rows = rig
        .rows("SELECT order_id, sku, n FROM commons.c ORDER BY order_id, n")
        .await;
    assert_eq!(
        rows,
        json!([
            { "order_id": 1, "sku": "a", "n": 1 },
            { "order_id": 1, "sku": "b", "n": 3 },
            { "order_id": 4, "sku": "c", "n": 1 },
        ])
    );
    let ids = rig
        .rows("SELECT COUNT(DISTINCT _id) AS n FROM commons.c")
        .await;
    assert_eq!(ids, json!([{ "n": 3 }]));

    let sql = "SELECT item.*, CONCAT(i._id, '/', item.sku) AS _id FROM _input i CROSS JOIN UNNEST(i.items) AS item";
    put(&rig, json!({ "field_mapping_query": { "sql": sql } })).await;
    let order = json!([{ "_id": "o9", "items": [{ "sku": "x", "q": 1 }, { "sku": "y" }] }]);
    assert_eq!(statuses(&rig.add(order.clone()).await), ["ADDED"]);
    assert_eq!(statuses(&rig.add(order).await), ["REPLACED"]);
    assert_eq!(rig.stored("o9/x").unwrap()["q"], Stored::Int(1));
    assert!(rig.stored("o9/y").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_fails_is_told_and_counted_and_the_others_go_on() {
    let rig = rig("SELECT *, 100 / n AS share FROM _input").await;
    assert_eq!(rig.get(COLLECTION).await["data"]["sources"], json!([]));
    let documents: Vec<Value> = (0..3000)
        .map(|n| json!({ "_id": n.to_string(), "n": n % 500 }))
        .collect();
    let data = rig.add(json!(documents)).await;
    let failed: Vec<usize> = (0..3000)
        .filter(|n| data[*n]["status"] == "ERROR")
        .collect();
    assert_eq!(failed, [0, 500, 1000, 1500, 2000, 2500]);
    assert_eq!(data[500]["_id"], "500");
    assert_eq!(data[500]["error"]["type"], "INVALIDINPUT");
    assert_eq!(
        data[500]["error"]["message"],
        "the ingest transformation failed: division by zero"
    );
    let count = rig.rows("SELECT COUNT(*) AS n FROM commons.c").await;
    assert_eq!(count, json!([{ "n": 2994 }]));
    let data = rig
        .add(json!([{ "_id": "a", "n": "text" }, { "_id": "b", "n": 5 }, 7]))
        .await;
    assert_eq!(statuses(&data), ["ERROR", "ADDED", "ERROR"]);
    let source = rig.get(COLLECTION).await["data"]["sources"][0].clone();
    assert_eq!(source["write_api"], json!({}));
    assert_eq!(source["status"]["total_ingest_transformation_errors"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_for_later_documents_and_survives_a_restart() {
    let mut rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "_id": "1", "a": 1 }])).await;
    let sql = "SELECT a * 2 AS a FROM _input CLUSTER BY a, b.c";
    let body = json!({ "field_mapping_query": { "sql": sql }, "retention_secs": 5, "name": "x" });
    let data = put(&rig, body).await;
    assert_eq!(data["field_mapping_query"]["sql"], sql);
    assert_eq!(data["clustering_key"][1]["field_name"], "b.c");
    assert_eq!(
        (&data["name"], data.get("retention_secs")),
        (&json!("c"), None)
    );
    rig.add(json!([{ "_id": "2", "a": 1 }])).await;
    for round in 0..2 {
        let text = format!("text {round}");
        let data = put(
            &rig,
            json!({ "description": text, "field_mapping_query": null }),
        )
        .await;
        assert_eq!(data["description"], text);
        match round {
            0 => rig.restart().await,
            _ => rig.crash().await,
        }
        let data = rig.get(COLLECTION).await["data"].clone();
        assert_eq!(data["description"], text);
        assert_eq!(data["field_mapping_query"]["sql"], sql);
        assert_eq!(data["clustering_key"][0]["field_name"], "a");
        let id = format!("after {round}");
        rig.add(json!([{ "_id": id, "a": 10 }])).await;
    }
    assert_eq!(
        documents(&rig).await,
        json!([
            { "_id": "1", "a": 1 }, { "_id": "2", "a": 2 },
            { "_id": "after 0", "a": 20 }, { "_id": "after 1", "a": 20 },
        ])
    );
    let data = put(
        &rig,
        json!({ "field_mapping_query": { "sql": "SELECT * FROM _input" } }),
    )
    .await;
    assert_eq!(data["clustering_key"], json!([]));
    let missing = format!("{COLLECTION}x");
    let answer = rig.call("PUT", &missing, Some(json!({}))).await;
    answer.failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_and_deletes_do_not_pass_through() {
    let rig = rig("SELECT UPPER(name) AS name FROM _input WHERE name <> 'y'").await;
    rig.add(json!([{ "_id": "1", "name": "x" }, { "_id": "2", "name": "z" }]))
        .await;
    let patch = json!({ "data": [
        { "_id": "1", "patch": [{ "op": "REPLACE", "path": "/name", "value": "y" }] },
    ] });
    let path = format!("{COLLECTION}/docs");
    rig.call("PATCH", &path, Some(patch)).await.ok();
    let delete = json!({ "data": [{ "_id": "2" }] });
    rig.call("DELETE", &path, Some(delete)).await.ok();
    assert_eq!(documents(&rig).await, json!([{ "_id": "1", "name": "y" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_transformation_is_refused_with_its_place() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    let cases = [
        ("SELECT a FROM _input WHER a", "QUERY_ERROR", Some((1, 27))),
        (
            "SELECT\n nothing(a) FROM _input",
            "QUERY_ERROR",
            Some((2, 2)),
        ),
        ("SELECT a FROM commons.c", "QUERY_ERROR", Some((1, 15))),
        (
            "SELECT a FROM _input, commons.c",
            "QUERY_ERROR",
            Some((1, 23)),
        ),
        (
            "SELECT a FROM _input JOIN _input b ON true",
            "QUERY_ERROR",
            Some((1, 27)),
        ),
        ("SELECT 1", "QUERY_ERROR", None),
        (
            "script {{{ export function f(a) { return a; } }}} SELECT _script.f(a) FROM _input",
            "NOTIMPLEMENTEDYET",
            None,
        ),
        (
            "SELECT a, (SELECT 1) FROM _input",
            "QUERY_ERROR",
            Some((1, 12)),
        ),
        (
            "SELECT a FROM _input WHERE a IN (SELECT 1)",
            "QUERY_ERROR",
            None,
        ),
        (
            "WITH x AS (SELECT 1) SELECT a FROM _input",
            "QUERY_ERROR",
            None,
        ),
        ("SELECT a FROM _input ORDER BY a", "QUERY_ERROR", None),
        ("SELECT a FROM _input LIMIT 1", "QUERY_ERROR", None),
        ("SELECT DISTINCT a FROM _input", "QUERY_ERROR", None),
        (
            "SELECT a FROM _input UNION ALL SELECT b FROM _input",
            "QUERY_ERROR",
            None,
        ),
        (
            "SELECT ROW_NUMBER() OVER () FROM _input",
            "QUERY_ERROR",
            None,
        ),
        ("SELECT :p AS a FROM _input", "QUERY_ERROR", None),
        ("EXPLAIN SELECT a FROM _input", "QUERY_ERROR", None),
        ("DESCRIBE _input", "QUERY_ERROR", None),
        ("INSERT INTO x SELECT a FROM _input", "QUERY_ERROR", None),
        (
            "SELECT a FROM _input CLUSTER BY a + 1",
            "QUERY_ERROR",
            Some((1, 33)),
        ),
        ("nonsense", "QUERY_ERROR", Some((1, 1))),
    ];
    for (sql, error_type, place) in cases {
        let status = if error_type == "QUERY_ERROR" {
            400
        } else {
            501
        };
        let body = json!({ "name": "d", "field_mapping_query": { "sql": sql } });
        let created = rig.call("POST", COLLECTIONS, Some(body.clone())).await;
        let error = created.failure(status, error_type);
        if let Some((line, column)) = place {
            assert_eq!(
                (&error["line"], &error["column"]),
                (&json!(line), &json!(column)),
                "{sql}: {error}"
            );
        }
        assert_eq!(error["query_id"], Value::Null, "{sql}");
        let updated = rig.call("PUT", COLLECTION, Some(body)).await;
        updated.failure(status, error_type);
    }
    let answer = rig.call("GET", &format!("{COLLECTIONS}/d"), None).await;
    answer.failure(404, "NOTFOUND");
    let data = rig.get(COLLECTION).await["data"].clone();
    assert_eq!(data.get("field_mapping_query"), None);
    let query = json!({ "sql": { "query": "SELECT * FROM _input" } });
    let answer = rig.call("POST", "/v1/orgs/self/queries", Some(query)).await;
    answer.failure(400, "QUERY_ERROR");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transformation_that_makes_too_much_is_refused_as_a_whole() {
    let rig = rig("SELECT big, n FROM _input, UNNEST(list AS n)").await;
    let document = json!({ "big": "x".repeat(1_000_000), "list": vec![1; 1000] });
    let body = json!({ "data": [document] });
    let answer = rig
        .call("POST", &format!("{COLLECTION}/docs"), Some(body))
        .await;
    answer.failure(413, "CONTENTTOOLARGE");
    assert_eq!(documents(&rig).await, json!([]));
    rig.add(json!([{ "big": "x", "list": [1, 2] }])).await;
    assert_eq!(documents(&rig).await.as_array().unwrap().len(), 2);
}
