//! Rollups: one document per group, which every write adds to.

use std::io::ErrorKind;

use serde_json::{Value, json};

use crate::Rig;
use crate::client::COLLECTION;

const COLLECTIONS: &str = "/v1/orgs/self/ws/commons/collections";

async fn rig(sql: &str) -> Rig {
    let rig = Rig::start().await;
    rig.create_transforming(sql).await;
    rig
}

fn docs() -> String {
    format!("{COLLECTION}/docs")
}

async fn refused(rig: &Rig, documents: Value) -> Value {
    let body = json!({ "data": documents });
    let answer = rig.call("POST", &docs(), Some(body)).await;
    answer.failure(400, "INVALIDINPUT")
}

/// Flushes what is in memory.
async fn flush(rig: &Rig) {
    let entry = rig.server().catalog().collection("commons", "c").unwrap();
    entry.handle().flush().await.unwrap();
}

fn timestamp(text: &str) -> Value {
    json!({ "__rockset_type": "timestamp", "value": text })
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_updated_as_documents_arrive_late_ones_included() {
    let sql = "SELECT TIME_BUCKET(HOURS(1), PARSE_TIMESTAMP_ISO8601(at)) AS _event_time,
                      UPPER(page) AS page, COUNT(*) AS views, SUM(ms) AS ms,
                      SUM(ms) / COUNT(*) AS mean
               FROM _input WHERE page IS NOT NULL
               GROUP BY _event_time, page CLUSTER BY page;";
    let rig = rig(sql).await;
    let data = rig
        .add(json!([
            { "at": "2024-01-01T10:05:00Z", "page": "a", "ms": 5 },
            { "at": "2024-01-01T11:59:00Z", "page": "a", "ms": 1 },
            { "at": "2024-01-01T10:55:00Z", "page": "A", "ms": 7 },
            { "_id": "x", "at": "2024-01-01T10:00:00Z" },
        ]))
        .await;
    let statuses: Vec<_> = data.iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, ["ADDED"; 4]);
    assert_eq!(data[0]["_id"], data[2]["_id"]);
    assert_ne!(data[0]["_id"], data[1]["_id"]);
    assert_eq!(data[0]["_id"].as_str().unwrap().len(), 32);
    assert_eq!(data[3]["_id"], "x");
    flush(&rig).await;
    rig.add(json!([{ "at": "2024-01-01T10:30:00Z", "page": "a", "ms": 2.5 }]))
        .await;
    let sql = "SELECT * EXCEPT (_id) FROM commons.c ORDER BY _event_time";
    let expected = json!([
        { "_event_time": "2024-01-01T10:00:00.000000Z", "page": "A", "views": 3, "ms": 14.5,
          "mean": 14.5 / 3.0 },
        { "_event_time": "2024-01-01T11:00:00.000000Z", "page": "A", "views": 1, "ms": 1, "mean": 1 },
    ]);
    assert_eq!(rig.rows(sql).await, expected);
    let collection = rig.get(COLLECTION).await["data"].clone();
    assert_eq!(collection["clustering_key"][0]["field_name"], "page");
    assert_eq!(collection["stats"]["doc_count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_group_needs_to_go_on_is_not_seen() {
    let rig = rig("SELECT k, AVG(n) AS mean FROM _input GROUP BY k").await;
    for n in [1, 2, 6] {
        rig.add(json!([{ "k": "a", "n": n }])).await;
        flush(&rig).await;
    }
    let rows = rig.rows("SELECT * FROM commons.c").await;
    let members: Vec<_> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["_event_time", "_id", "k", "mean"]);
    assert_eq!(rows[0]["mean"], 3.0);
    let rows = rig.rows("SELECT c.* FROM commons.c c, commons.c d").await;
    assert_eq!(rows[0].as_object().unwrap().len(), 4);
    let fields = rig.rows("DESCRIBE commons.c").await;
    let fields = fields.as_array().unwrap().iter();
    let fields: Vec<_> = fields.map(|row| row["field"][0].clone()).collect();
    assert_eq!(fields.len(), 4, "{fields:?}");
    // It is in the document that storage has.
    let id = rows[0]["_id"].as_str().unwrap();
    assert_eq!(rig.stored(id).unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_aggregate_goes_on_from_what_is_stored() {
    let sql = "SELECT k,
            COUNT(*) AS count, COUNT(n) AS count_n, COUNT_IF(n > 1) AS count_if, SUM(n) AS sum,
            AVG(n) AS avg, GEOMETRIC_MEAN(n) AS geometric, MIN(m) AS min, MAX(m) AS max,
            MIN_BY(s, n) AS min_by, MAX_BY(s, n) AS max_by, ARBITRARY(k) AS arbitrary,
            MAP_AGG(s, n) AS map, MAP_UNION({'a': n}) AS map_union, HISTOGRAM(s) AS histogram,
            APPROX_DISTINCT(m) AS distinct_m, BITWISE_AND_AGG(b) AS bit_and,
            BITWISE_OR_AGG(b) AS bit_or, BITWISE_XOR_AGG(b) AS bit_xor,
            BOOL_AND(n > 0) AS bool_and, BOOL_OR(n > 3) AS bool_or, EVERY(n > 1) AS every,
            ROUND(STDDEV_SAMP(n), 6) AS stddev, ROUND(STDDEV_POP(n), 6) AS stddev_pop,
            ROUND(VAR_SAMP(n), 6) AS variance, ROUND(VAR_POP(n), 6) AS var_pop,
            ROUND(CORR(n, b), 6) AS corr, ROUND(COVAR_SAMP(n, b), 6) AS covar_samp,
            ROUND(COVAR_POP(n, b), 6) AS covar_pop, CHECKSUM(m) AS checksum,
            SUM(n) FILTER (WHERE b = 6) AS filtered, MAX(n) - MIN(n) AS range,
            STRING_AGG(s, '-') AS joined, ARRAY_AGG(n) AS list,
            IF(COUNT(*) > 2, 'many', 'few') AS size
        FROM source GROUP BY k";
    let documents = json!([
        { "_id": "1", "k": 1, "n": 1, "m": 3, "s": "x", "b": 6 },
        { "_id": "2", "k": 1, "n": 4, "m": "text", "s": "y", "b": 3 },
        { "_id": "3", "k": 1.0, "n": 2.5, "m": true, "s": "z", "b": 6 },
        { "_id": "4", "k": 1, "n": null, "m": null, "s": "x" },
        { "_id": "5", "k": 1, "n": 3, "m": 3.0, "s": "z", "b": 12 },
        { "_id": "6", "n": 2, "m": [1], "s": "w", "b": 1 },
        { "_id": "7", "k": null, "n": 8, "m": {}, "s": "v", "b": 1 },
    ]);
    let mut rig = rig(&sql.replace("source", "_input")).await;
    for document in documents.as_array().unwrap() {
        rig.add(json!([document])).await;
        if document["_id"] == "3" {
            rig.restart().await;
        }
        flush(&rig).await;
    }
    let one_by_one = "SELECT * EXCEPT (_id, _event_time) FROM commons.c ORDER BY k NULLS FIRST";
    rig.create_collection("plain").await;
    let path = format!("{COLLECTIONS}/plain/docs");
    rig.post(&path, json!({ "data": documents })).await;
    let plain = sql.replace(
        "source",
        "(SELECT * FROM commons.plain ORDER BY _id LIMIT 100)",
    );
    let expected = rig.rows(&format!("{plain} ORDER BY k NULLS FIRST")).await;
    assert_eq!(expected.as_array().unwrap().len(), 2);
    assert_eq!(rig.rows(one_by_one).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn maps_are_kept_up_to_date_by_operations() {
    let rig = rig(
        "SELECT HMAP_AGG(who, state, op) AS hmap, MAP_AGG(who, state, op) AS map,
                HMAP_AGG(who, state) AS plain
         FROM _input",
    )
    .await;
    let change =
        |who: &str, state: Value, op: Value| json!({ "who": who, "state": state, "op": op });
    rig.add(json!([
        change("ann", json!("on"), json!("INSERT")),
        change("bob", json!("on"), json!(null)),
        change("cid", json!(1), json!("update")),
        change("dan", json!("off"), json!("Upsert")),
    ]))
    .await;
    rig.add(json!([
        change("ann", json!("off"), json!("INSERT")),
        change("bob", json!(2), json!("UPDATE")),
        change("cid", json!(2), json!("insert")),
        change("dan", json!(null), json!("DELETE")),
        change("eve", json!("on"), json!("IGNORE")),
        { "state": "no key" },
    ]))
    .await;
    let expected = json!([{
        "hmap": {
            "map": { "ann": "on", "bob": 2, "cid": 2 },
            "counts": { "on": 1, "2": 2 },
        },
        "map": { "ann": "on", "bob": 2, "cid": 2 },
        "plain": {
            "map": { "ann": "off", "bob": 2, "cid": 2, "dan": null, "eve": "on" },
            "counts": { "off": 1, "2": 2, "null": 1, "on": 1 },
        },
    }]);
    let rows = rig.rows("SELECT hmap, map, plain FROM commons.c").await;
    assert_eq!(rows, expected);
    let data = rig
        .add(json!([
            change("ann", json!("x"), json!("MERGE")),
            change("ann", json!("x"), json!(1)),
            { "who": 1, "state": "x" },
            change("bob", json!(3), json!("UPSERT")),
        ]))
        .await;
    let message = |row: usize| data[row]["error"]["message"].as_str().unwrap();
    assert!(message(0).contains("not `MERGE`"), "{}", message(0));
    assert!(message(1).contains("argument 3"), "{}", message(1));
    assert!(message(2).contains("argument 1"), "{}", message(2));
    assert_eq!(data[3]["status"], "ADDED");
    let rows = rig.rows("SELECT hmap.map FROM commons.c").await;
    assert_eq!(rows[0]["map"], json!({ "ann": "on", "bob": 3, "cid": 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn unnested_documents_belong_to_several_groups() {
    let rig =
        rig("SELECT tag, COUNT(*) AS count FROM _input, UNNEST(tags AS tag) GROUP BY tag").await;
    let data = rig
        .add(json!([{ "tags": ["a", "b"] }, { "tags": ["b", "b"] }, { "tags": [] }]))
        .await;
    assert_eq!(data[2]["status"], "ADDED");
    assert_eq!(
        rig.rows("SELECT tag, count FROM commons.c ORDER BY tag")
            .await,
        json!([{ "tag": "a", "count": 1 }, { "tag": "b", "count": 3 }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_without_a_time_of_its_own_keeps_that_of_its_first_document() {
    let rig = rig("SELECT k, MAX(t) AS t FROM _input GROUP BY k").await;
    let data = rig
        .add(json!([{ "k": 1, "t": timestamp("2020-01-01T00:00:00Z") }]))
        .await;
    let id = data[0]["_id"].as_str().unwrap().to_owned();
    let first = rig.stored(&id).unwrap()["_event_time"].clone();
    rig.add(json!([{ "k": 1, "t": timestamp("2021-01-01T00:00:00Z") }]))
        .await;
    assert_eq!(rig.stored(&id).unwrap()["_event_time"], first);
    assert_eq!(
        rig.rows("SELECT t FROM commons.c").await,
        json!([{ "t": "2021-01-01T00:00:00.000000Z" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_documents_count_once_after_a_restart_and_after_a_power_cut() {
    let mut rig = rig("SELECT k, COUNT(*) AS n, SUM(v) AS s FROM _input GROUP BY k").await;
    let batch = json!([{ "k": "a", "v": 1 }, { "k": "b", "v": 2 }, { "k": "a", "v": 3 }]);
    let rows = "SELECT k, n, s FROM commons.c ORDER BY k";
    for round in 1..=6 {
        rig.add(batch.clone()).await;
        match round % 3 {
            0 => rig.crash().await,
            1 => rig.restart().await,
            _ => flush(&rig).await,
        }
        assert_eq!(
            rig.rows(rows).await,
            json!([
                { "k": "a", "n": 2 * round, "s": 4 * round },
                { "k": "b", "n": round, "s": 2 * round },
            ])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_is_not_counted() {
    let mut rig = rig("SELECT COUNT(*) AS n FROM _input").await;
    let body = json!({ "data": [{ "a": 1 }, { "a": 2 }] });
    rig.post(&docs(), body.clone()).await;
    rig.disk.set_capacity(Some(rig.disk.used_bytes()));
    let answer = rig.call("POST", &docs(), Some(body.clone())).await;
    answer.failure(503, "SERVICEUNAVAILABLE");
    rig.disk.set_capacity(None);
    let count = json!([{ "n": 2 }]);
    assert_eq!(rig.rows("SELECT n FROM commons.c").await, count);
    rig.disk.fail_syncs(Some(ErrorKind::Other));
    let answer = rig.call("POST", &docs(), Some(body.clone())).await;
    answer.failure(503, "SERVICEUNAVAILABLE");
    assert_eq!(rig.rows("SELECT n FROM commons.c").await, count);
    rig.disk.fail_syncs(None);
    rig.crash().await;
    assert_eq!(rig.rows("SELECT n FROM commons.c").await, count);
    rig.post(&docs(), body).await;
    assert_eq!(
        rig.rows("SELECT n FROM commons.c").await,
        json!([{ "n": 4 }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_the_same_time_do_not_miss_each_other() {
    const WRITERS: usize = 8;
    const WRITES: usize = 10;
    let rig = rig("SELECT k, COUNT(*) AS n, SUM(v) AS s FROM _input GROUP BY k").await;
    let rig = std::sync::Arc::new(rig);
    let writers = (0..WRITERS).map(|writer| {
        let rig = std::sync::Arc::clone(&rig);
        tokio::spawn(async move {
            for _ in 0..WRITES {
                rig.add(json!([{ "k": 1, "v": writer }, { "k": 2, "v": 1 }]))
                    .await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let count = WRITERS * WRITES;
    let sum = WRITES * (0..WRITERS).sum::<usize>();
    assert_eq!(
        rig.rows("SELECT k, n, s FROM commons.c ORDER BY k").await,
        json!([{ "k": 1, "n": count, "s": sum }, { "k": 2, "n": count, "s": count }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_at_fault_is_told_and_the_others_count() {
    let rig = rig("SELECT k, SUM(v) AS s, COUNT(*) AS n FROM _input GROUP BY k").await;
    let data = rig
        .add(json!([{ "k": 1, "v": 1 }, { "_id": "bad", "k": 1, "v": "x" }, { "k": 1, "v": 2 }, 5]))
        .await;
    let statuses: Vec<_> = data
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["ADDED", "ERROR", "ADDED", "ERROR"]);
    assert_eq!(data[1]["_id"], "bad");
    let message = data[1]["error"]["message"].as_str().unwrap();
    assert!(message.contains("`SUM`"), "{message}");
    assert_eq!(
        rig.rows("SELECT k, s, n FROM commons.c").await,
        json!([{ "k": 1, "s": 3, "n": 2 }])
    );
    let source = rig.get(COLLECTION).await["data"]["sources"][0]["status"].clone();
    assert_eq!(source["total_ingest_transformation_errors"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_does_not_go_with_what_is_stored_is_refused_as_a_whole() {
    let rig = rig("SELECT k, SUM(v) AS s FROM _input GROUP BY k").await;
    rig.add(json!([{ "k": 1, "v": i64::MAX }])).await;
    let error = refused(&rig, json!([{ "k": 2, "v": 1 }, { "k": 1, "v": 1 }])).await;
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("cannot take the documents in"),
        "{message}"
    );
    assert!(message.contains("SUM"), "{message}");
    let rows = json!([{ "k": 1, "s": i64::MAX }]);
    assert_eq!(rig.rows("SELECT k, s FROM commons.c").await, rows);
    rig.add(json!([{ "k": 1, "v": -1 }])).await;
    let rows = json!([{ "k": 1, "s": i64::MAX - 1 }]);
    assert_eq!(rig.rows("SELECT k, s FROM commons.c").await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_changes_the_documents_of_a_rollup() {
    let sql = "SELECT k, COUNT(*) AS n FROM _input GROUP BY k";
    let rig = rig(sql).await;
    let data = rig.add(json!([{ "k": 1 }])).await;
    let id = &data[0]["_id"];
    let patch = json!({ "data": [{
        "_id": id, "patch": [{ "op": "add", "path": "/n", "value": 5 }] }] });
    let delete = json!({ "data": [{ "_id": id }] });
    for (method, body) in [("PATCH", patch), ("DELETE", delete)] {
        let answer = rig.call(method, &docs(), Some(body)).await;
        let error = answer.failure(400, "INVALIDINPUT");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("`commons.c` is a rollup"), "{message}");
    }
    for sql in [
        "INSERT INTO commons.c SELECT 2 AS k, 7 AS n",
        "INSERT INTO commons.c SELECT 2 AS k WHERE FALSE",
        "EXPLAIN INSERT INTO commons.c SELECT 2 AS k",
    ] {
        let insert = json!({ "sql": { "query": sql } });
        let answer = rig
            .call("POST", "/v1/orgs/self/queries", Some(insert))
            .await;
        let error = answer.failure(400, "QUERY_ERROR");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("it takes no INSERT"), "{sql}: {message}");
    }
    for sql in [
        "SELECT k, SUM(v) AS n FROM _input GROUP BY k",
        "SELECT * FROM _input",
        "",
    ] {
        let body = json!({ "field_mapping_query": { "sql": sql } });
        let answer = rig.call("PUT", COLLECTION, Some(body)).await;
        answer.failure(400, "INVALIDINPUT");
    }
    let same = json!({ "field_mapping_query": { "sql": sql }, "description": "d" });
    rig.call("PUT", COLLECTION, Some(same)).await.ok();
    rig.add(json!([{ "k": 1 }])).await;
    assert_eq!(
        rig.rows("SELECT k, n FROM commons.c").await,
        json!([{ "k": 1, "n": 2 }])
    );
    rig.create_collection("plain").await;
    let body = json!({ "field_mapping_query": { "sql": sql } });
    let path = format!("{COLLECTIONS}/plain");
    let answer = rig.call("PUT", &path, Some(body)).await;
    answer.failure(400, "INVALIDINPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_what_is_hidden_is_reserved() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    let data = rig
        .add(json!([{ "_id": "1", "\u{0}state": 1 }, { "_id": "2" }]))
        .await;
    assert_eq!(data[0]["status"], "ERROR");
    let message = data[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("is reserved"), "{message}");
    assert_eq!(data[1]["status"], "ADDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_rollup_is_refused_with_its_place() {
    let rig = Rig::start().await;
    let cases = [
        (
            "SELECT k, v FROM _input GROUP BY k",
            "`v` must be in GROUP BY",
            11,
        ),
        (
            "SELECT k, v + COUNT(*) AS w FROM _input GROUP BY k",
            "`w` must be in GROUP BY",
            11,
        ),
        (
            "SELECT *, COUNT(*) AS n FROM _input",
            "a rollup has no `*`",
            8,
        ),
        (
            "SELECT k AS _id, COUNT(*) AS n FROM _input GROUP BY k",
            "a rollup has no `_id`",
            8,
        ),
        (
            "SELECT 'x' AS _op, COUNT(*) AS n FROM _input",
            "a rollup has no `_op`",
            8,
        ),
        (
            "SELECT COUNT(DISTINCT k) AS n FROM _input",
            "no COUNT(DISTINCT",
            8,
        ),
        (
            "SELECT ARRAY_AGG(k ORDER BY v) AS n FROM _input",
            "no ARRAY_AGG(… ORDER BY",
            8,
        ),
        ("SELECT MEDIAN(v) AS n FROM _input", "no MEDIAN", 8),
        (
            "SELECT k, APPROX_PERCENTILE(v, 0.5) AS n FROM _input GROUP BY k",
            "no APPROX_PERCENTILE",
            11,
        ),
        (
            "SELECT k, GROUPING(k) AS n FROM _input GROUP BY k",
            "no GROUPING",
            11,
        ),
        (
            "SELECT k, COUNT(*) AS n FROM _input GROUP BY k HAVING COUNT(*) > 1",
            "no HAVING",
            55,
        ),
        (
            "SELECT k, HMAP_AGG(k) AS n FROM _input GROUP BY k",
            "HMAP_AGG",
            11,
        ),
        (
            "SELECT k FROM _input WHERE COUNT(*) > 1 GROUP BY k",
            "cannot stand in WHERE",
            28,
        ),
    ];
    for (sql, expected, column) in cases {
        let body = json!({ "name": "c", "field_mapping_query": { "sql": sql } });
        let answer = rig.call("POST", COLLECTIONS, Some(body)).await;
        let error = answer.failure(400, "QUERY_ERROR");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(expected), "{sql}: {message}");
        assert_eq!(
            (&error["line"], &error["column"]),
            (&json!(1), &json!(column)),
            "{sql}"
        );
    }
    let sql = "SELECT k, COUNT(*) AS n FROM _input GROUP BY ROLLUP (k)";
    let body = json!({ "name": "c", "field_mapping_query": { "sql": sql } });
    let answer = rig.call("POST", COLLECTIONS, Some(body)).await;
    answer.failure(501, "NOTIMPLEMENTEDYET");
    rig.create_collection("c").await;
    for (sql, expected) in [
        (
            "SELECT HMAP_AGG(a, b) FROM commons.c",
            "HMAP_AGG exists in rollups only",
        ),
        (
            "SELECT MAP_AGG(a, b, 'DELETE') FROM commons.c",
            "exists in rollups only",
        ),
    ] {
        let body = json!({ "sql": { "query": sql } });
        let answer = rig.call("POST", "/v1/orgs/self/queries", Some(body)).await;
        let error = answer.failure(400, "QUERY_ERROR");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(expected), "{message}");
        assert_eq!(error["column"], 8);
    }
}
