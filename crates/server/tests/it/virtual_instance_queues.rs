//! What virtual instances share out: turns, threads and memory.

use std::time::Duration;

use serde_json::{Value, json};

use crate::async_queries::ENDLESS;
use crate::{Answer, Rig};

const QUERIES: &str = "/v1/orgs/self/queries";
const INSTANCES: &str = "/v1/orgs/self/virtualinstances";

async fn ask_on(rig: &Rig, queries: &str, sql: &str, options: Value) -> Answer {
    let mut body = json!({ "sql": { "query": sql } });
    let members = body.as_object_mut().unwrap();
    members.extend(options.as_object().unwrap().clone());
    rig.call("POST", queries, Some(body)).await
}

async fn ask(rig: &Rig, sql: &str, options: Value) -> Answer {
    ask_on(rig, QUERIES, sql, options).await
}

/// Starts a query that is not waited for, and returns its path.
async fn started(rig: &Rig, sql: &str) -> String {
    let answer = ask(rig, sql, json!({ "async": true })).await.ok();
    format!("{QUERIES}/{}", answer["query_id"].as_str().unwrap())
}

/// Waits until the query has the state, and returns what is known of it.
async fn reaches(rig: &Rig, path: &str, status: &str) -> Value {
    let look = async {
        loop {
            let data = rig.get(path).await["data"].clone();
            if data["status"] == status {
                return data;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), look)
        .await
        .unwrap_or_else(|_| panic!("`{path}` never becomes {status}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_wait_for_their_turn_in_the_order_of_their_coming() {
    let rig = Rig::start_with(|config| {
        config.limits.queries_max = 1;
        config.limits.queries_waiting_max = 2;
    })
    .await;
    let first = started(&rig, ENDLESS).await;
    let running = reaches(&rig, &first, "RUNNING").await;
    assert_eq!(running["stats"].get("queue_position"), None);
    let second = started(&rig, ENDLESS).await;
    let third = started(&rig, "SELECT 3 AS v").await;
    rig.clock.advance(Duration::from_secs(5));
    for (path, position) in [(&second, 1), (&third, 2)] {
        let stats = reaches(&rig, path, "QUEUED").await["stats"].clone();
        assert_eq!(stats["queue_position"], position);
        assert_eq!(stats["throttled_time_ms"], 5000);
    }
    let refused = ask(&rig, "SELECT 4", json!({})).await;
    refused.failure(429, "RATELIMITEXCEEDED");
    // One that gives up makes room.
    rig.call("DELETE", &second, None).await.ok();
    while rig.get(&third).await["data"]["stats"]["queue_position"] != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let late = json!({ "timeout_ms": 50 });
    let late = ask(&rig, "SELECT 5", late).await;
    late.failure(408, "QUERY_TIMEOUT");
    rig.call("DELETE", &first, None).await.ok();
    let done = reaches(&rig, &third, "COMPLETED").await;
    assert_eq!(done["stats"]["throttled_time_ms"], 5000);
    assert_eq!(done["stats"].get("queue_position"), None);
    let next = ask(&rig, "SELECT 6 AS v", json!({})).await.ok();
    assert_eq!(next["stats"]["throttled_time_micros"], 0);
}

/// Makes a virtual instance and returns the path of its queries.
async fn made(rig: &Rig, size: &str) -> String {
    let request = json!({ "name": size, "type": size });
    let made = rig.post(INSTANCES, request).await;
    let path = format!("{INSTANCES}/{}", made["data"]["id"].as_str().unwrap());
    while rig.get(&path).await["data"]["state"] != "ACTIVE" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_one_busy_does_not_hold_up_another() {
    let rig = Rig::start_with(|config| {
        config.limits.queries_max = 1;
        config.engine.partitions = 1;
    })
    .await;
    let other = made(&rig, "LARGE").await;
    let busy = started(&rig, ENDLESS).await;
    reaches(&rig, &busy, "RUNNING").await;
    let queries = format!("{other}/queries");
    let answer = ask_on(&rig, &queries, "SELECT 1 AS v", json!({})).await;
    assert_eq!(answer.ok()["results"], json!([{ "v": 1 }]));
    rig.call("DELETE", &busy, None).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_has_the_memory_of_its_size() {
    let rig = Rig::start_with(|config| config.engine.memory_bytes_max = 256 << 20).await;
    let (small, large) = (made(&rig, "NANO").await, made(&rig, "LARGE").await);
    // The build side of a join has to be in memory.
    let side = "(SELECT CONCAT('a long key ', CAST(x.a AS string)) AS k FROM UNNEST(SEQUENCE(1, 300000) AS a) x)";
    let sql = &format!("SELECT COUNT(*) AS n FROM {side} l JOIN {side} r ON l.k = r.k");
    let answer = ask_on(&rig, &format!("{large}/queries"), sql, json!({})).await;
    assert_eq!(answer.ok()["results"], json!([{ "n": 300_000 }]));
    let answer = ask_on(&rig, &format!("{small}/queries"), sql, json!({})).await;
    let body = answer.failure(429, "RESOURCEEXCEEDED");
    assert!(
        body["message"].as_str().unwrap().contains("memory"),
        "{body}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_ends_as_it_would_have_when_its_instance_is_suspended() {
    let rig = Rig::start().await;
    let path = made(&rig, "LARGE").await;
    let queries = format!("{path}/queries");
    let answer = ask_on(&rig, &queries, ENDLESS, json!({ "async": true })).await;
    let query = format!("{QUERIES}/{}", answer.ok()["query_id"].as_str().unwrap());
    reaches(&rig, &query, "RUNNING").await;
    rig.post(&format!("{path}/suspend"), json!({})).await;
    let refused = ask_on(&rig, &queries, "SELECT 1", json!({})).await;
    refused.failure(503, "NOT_READY");
    assert_eq!(rig.get(&query).await["data"]["status"], "RUNNING");
    assert_eq!(rig.get(&path).await["data"]["state"], "SUSPENDING");
    rig.call("DELETE", &query, None).await.ok();
    while rig.get(&path).await["data"]["state"] != "SUSPENDED" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
