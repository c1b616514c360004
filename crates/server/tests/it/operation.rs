//! `/healthz`, `/readyz`, `/v1/orgs/self/metrics` and `/v1/telemetry`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::Rig;
use crate::client::KEY;

const METRICS: &str = "/v1/orgs/self/metrics";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_connections_is_healthy_and_ready() {
    let rig = Rig::start().await;
    for path in ["/healthz", "/readyz"] {
        let answer = rig.send("GET", path, &[], "").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.bytes[..]),
            (200, &b"ok\n"[..])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_queries_failures_and_documents() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "_id": "1" }, { "_id": "2" }])).await;
    rig.rows("SELECT 1").await;
    let wrong = json!({ "sql": { "query": "SELECT" } });
    rig.call("POST", "/v1/orgs/self/queries", Some(wrong)).await;
    let answer = rig.call("GET", METRICS, None).await;
    assert_eq!(answer.status.as_u16(), 200);
    let content_type = answer.headers["content-type"].to_str().unwrap();
    assert!(
        content_type.starts_with("text/plain; version=0.0.4"),
        "{content_type}"
    );
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    let collection = rig.get("/v1/orgs/self/ws/commons/collections/c").await;
    let instance = collection["data"]["ingest_virtual_instance_id"]
        .as_str()
        .unwrap();
    let instance = format!("virtual_instance_id=\"{instance}\"");
    for line in [
        format!("rockset_queries{{{instance}}} 2"),
        format!("rockset_query_errors{{error_code=\"QUERY_ERROR\",{instance}}} 1"),
        format!("rockset_query_latency_seconds_count{{{instance}}} 2"),
        format!("rockset_collections{{{instance},workspace_name=\"commons\"}} 2"),
        format!(
            "rockset_collection_documents{{collection_name=\"c\",{instance},workspace_name=\"commons\"}} 2"
        ),
        "outcrop_requests{operation=\"addDocuments\",status=\"200\"} 1".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

/// The value of a family's only sample, or of the one with these labels.
#[track_caller]
fn sample(text: &str, name: &str) -> f64 {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = value.unwrap_or_else(|| panic!("no `{name}` in {text}"));
    value.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_access_paths_the_log_memory_and_query_lambdas() {
    let mut rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "_id": "1", "a": 1 }, { "_id": "2", "a": 2 }]))
        .await;
    rig.restart().await;
    rig.add(json!([{ "_id": "2", "a": 3 }, { "_id": "3", "a": 3 }]))
        .await;
    rig.rows("SELECT a FROM c WHERE _id = '1'").await;
    rig.rows("SELECT COUNT(*) FROM c WHERE a = 1").await;
    rig.rows("SELECT a FROM c").await;
    let lambdas = "/v1/orgs/self/ws/commons/lambdas";
    let lambda = json!({ "name": "l", "sql": { "query": "SELECT 1 / :by AS x" } });
    rig.post(lambdas, lambda).await;
    let latest = format!("{lambdas}/l/tags/latest");
    let by =
        |value: &str| json!({ "parameters": [{ "name": "by", "type": "int", "value": value }] });
    rig.post(&latest, by("1")).await;
    let failed = rig.call("POST", &latest, Some(by("0"))).await;
    failed.failure(400, "QUERY_ERROR");
    let answer = rig.call("GET", METRICS, None).await;
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    let path = |path: &str| format!("outcrop_queries_by_access_path{{access_path=\"{path}\"}}");
    for (kind, queries) in [
        ("id_lookup", 1.0),
        ("index_only", 1.0),
        ("column_scan", 1.0),
        ("delta_scan", 2.0),
    ] {
        assert_eq!(sample(&text, &path(kind)), queries, "{kind}");
    }
    let labels = "{query_lambda=\"l\",tag=\"latest\",workspace_name=\"commons\"}";
    assert_eq!(
        sample(&text, &format!("rockset_query_lambda_queries{labels}")),
        2.0
    );
    assert_eq!(
        sample(&text, &format!("rockset_query_lambda_errors{labels}")),
        1.0
    );
    for name in [
        "outcrop_wal_groups",
        "outcrop_wal_bytes",
        "outcrop_delta_bytes",
        "outcrop_memory_bytes",
        "outcrop_processor_seconds",
    ] {
        assert!(sample(&text, name) > 0.0, "{name}");
    }
    for name in [
        "outcrop_flushes",
        "outcrop_compaction_seconds",
        "outcrop_column_cache_bytes",
    ] {
        assert!(sample(&text, name) >= 0.0, "{name}");
    }
    assert!(
        text.contains("\nrockset_leaf_cpu_utilization_percentage{"),
        "{text}"
    );
    rig.rows("SELECT 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_who_has_a_key_also_by_basic_authentication() {
    let rig = Rig::start().await;
    let answer = rig.send("GET", METRICS, &[], "").await;
    answer.failure(401, "AUTHEXCEPTION");
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:", KEY)));
    let answer = rig
        .send("GET", METRICS, &[("authorization", &basic)], "")
        .await;
    assert_eq!(answer.status.as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_is_answered_whoever_sends_it() {
    let rig = Rig::start().await;
    let json_body = [("content-type", "application/json")];
    for (headers, body) in [(&json_body[..], r#"{"command":"x"}"#), (&[], "")] {
        let answer = rig.send("POST", "/v1/telemetry", headers, body).await;
        assert_eq!(answer.ok(), json!({}));
    }
}
