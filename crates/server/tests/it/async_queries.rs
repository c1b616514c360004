//! Asynchronous queries, their state, and what stops them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Answer, Rig};

const QUERIES: &str = "/v1/orgs/self/queries";

/// A query that takes minutes.
pub(crate) const ENDLESS: &str = "SELECT COUNT(*) AS n FROM UNNEST(SEQUENCE(1, 100000) AS a) x \
                       CROSS JOIN UNNEST(SEQUENCE(1, 100000) AS b) y WHERE x.a * y.b % 7 = 3";

async fn ask(rig: &Rig, sql: &str, options: Value) -> Answer {
    let mut body = json!({ "sql": { "query": sql } });
    let members = body.as_object_mut().unwrap();
    members.extend(options.as_object().unwrap().clone());
    rig.call("POST", QUERIES, Some(body)).await
}

fn path(answer: &Value) -> String {
    format!("{QUERIES}/{}", answer["query_id"].as_str().unwrap())
}

/// Waits until the query has another state than `RUNNING` and `QUEUED`.
async fn ended(rig: &Rig, path: &str) -> Value {
    loop {
        let info = rig.get(path).await;
        if info["data"]["status"] != "RUNNING" && info["data"]["status"] != "QUEUED" {
            return info;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_query_is_answered_at_once_and_its_rows_come_later() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "x": 1 }])).await;
    let answer = ask(&rig, "SELECT x FROM c", json!({ "async": true }))
        .await
        .ok();
    assert_eq!(answer["status"], "QUEUED");
    let members: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(members, ["query_id", "stats", "status"]);
    let info = ended(&rig, &path(&answer)).await;
    let data = &info["data"];
    let expected = json!({
        "query_id": answer["query_id"],
        "status": "COMPLETED",
        "executed_by": data["executed_by"],
        "submitted_at": data["submitted_at"],
        "expires_at": data["expires_at"],
        "stats": {
            "elapsed_time_ms": data["stats"]["elapsed_time_ms"],
            "throttled_time_ms": 0,
            "result_set_document_count": 1,
            "result_set_bytes_size": 9,
            "result_set_file_count": null,
        },
        "destination_uri": null,
        "pagination": { "start_cursor": data["pagination"]["start_cursor"] },
        "last_offset": null,
        "query_errors": [],
        "sql": "SELECT x FROM c",
        "cancellation_tag": null,
    });
    assert_eq!(data, &expected);
    assert_eq!(info["last_offset"], Value::Null);
    let page = rig.get(&format!("{}/pages", path(&answer))).await;
    assert_eq!(page["results"], json!([{ "x": 1 }]));
    assert_eq!(rig.get(QUERIES).await["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_in_time_is_answered_with_its_rows() {
    let rig = Rig::start().await;
    let waits = json!({ "async_options": { "client_timeout_ms": 60_000 } });
    let answer = ask(&rig, "SELECT 7 AS v", waits.clone()).await.ok();
    assert_eq!(answer["status"], "COMPLETED");
    assert_eq!(answer["results"], json!([{ "v": 7 }]));
    let page = rig.get(&format!("{}/pages", path(&answer))).await;
    assert_eq!(page["results"], json!([{ "v": 7 }]));
    let failed = ask(&rig, "SELECT 1 / 0 AS v", waits).await;
    failed.failure(400, "QUERY_ERROR");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_it_failed_is_told_later() {
    let rig = Rig::start().await;
    let answer = ask(&rig, "SELECT 1 / 0 AS v", json!({ "async": true }))
        .await
        .ok();
    let info = ended(&rig, &path(&answer)).await;
    assert_eq!(info["data"]["status"], "ERROR");
    let errors =
        json!([{ "type": "QUERY_ERROR", "message": "division by zero", "status_code": 400 }]);
    assert_eq!(info["data"]["query_errors"], errors);
    let pages = rig
        .call("GET", &format!("{}/pages", path(&answer)), None)
        .await;
    let error = pages.failure(400, "QUERY_ERROR");
    assert_eq!(error["message"], "division by zero");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_query_stops() {
    let rig = Rig::start_with(|config| {
        config.limits.queries_max = 1;
        config.limits.queries_waiting_max = 0;
    })
    .await;
    let answer = ask(&rig, ENDLESS, json!({ "async": true })).await.ok();
    let active = rig.get(QUERIES).await["data"].clone();
    assert_eq!(active[0]["query_id"], answer["query_id"]);
    let pages = format!("{}/pages", path(&answer));
    let early = rig.call("GET", &pages, None).await;
    early.failure(503, "NOT_READY");
    let refused = ask(&rig, "SELECT 1", json!({})).await;
    assert_eq!(refused.status, 429);
    let cancelled = rig.call("DELETE", &path(&answer), None).await.ok();
    assert_eq!(cancelled["data"]["status"], "CANCELLED");
    assert_eq!(rig.get(QUERIES).await["data"], json!([]));
    assert_eq!(rig.get(&path(&answer)).await["data"]["status"], "CANCELLED");
    let pages = rig.call("GET", &pages, None).await;
    pages.failure(409, "QUERY_CANCELLED");
    // Its place is free again as soon as it has stopped.
    while ask(&rig, "SELECT 1", json!({})).await.status != 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let again = rig.call("DELETE", &path(&answer), None).await.ok();
    assert_eq!(again["data"]["status"], "CANCELLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synchronous_query_can_be_cancelled_by_others() {
    let rig = Rig::start().await;
    let (waiting, ()) = tokio::join!(ask(&rig, ENDLESS, json!({})), async {
        let id = loop {
            let active = rig.get(QUERIES).await["data"].clone();
            if let Some(id) = active[0]["query_id"].as_str() {
                break id.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        rig.call("DELETE", &format!("{QUERIES}/{id}"), None)
            .await
            .ok();
    });
    waiting.failure(409, "QUERY_CANCELLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_ends_an_asynchronous_query() {
    let rig = Rig::start().await;
    for options in [
        json!({ "async": true, "timeout_ms": 20 }),
        json!({ "async_options": { "timeout_ms": 20 } }),
    ] {
        let answer = ask(&rig, ENDLESS, options).await.ok();
        let info = ended(&rig, &path(&answer)).await;
        assert_eq!(info["data"]["status"], "ERROR");
        assert_eq!(info["data"]["query_errors"][0]["type"], "QUERY_TIMEOUT");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_tells_its_fence_later() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    let sql = "INSERT INTO c SELECT 1 AS x";
    for options in [json!({}), json!({ "async": true })] {
        let answer = ask(&rig, sql, options).await.ok();
        let info = ended(&rig, &path(&answer)).await;
        assert!(info["last_offset"].is_string(), "{info}");
        assert_eq!(info["data"]["last_offset"], info["last_offset"]);
    }
    assert_eq!(
        rig.rows("SELECT COUNT(*) AS n FROM c").await,
        json!([{ "n": 2 }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_queries_and_wrong_options_are_refused() {
    let rig = Rig::start().await;
    for method in ["GET", "DELETE"] {
        let answer = rig.call(method, &format!("{QUERIES}/none"), None).await;
        answer.failure(404, "NOTFOUND");
    }
    for options in [
        json!({ "async_options": { "client_timeout_ms": -1 } }),
        json!({ "max_initial_results": -1 }),
        json!({ "async": true, "timeout_ms": 0 }),
    ] {
        ask(&rig, "SELECT 1", options)
            .await
            .failure(400, "INVALIDINPUT");
    }
}
