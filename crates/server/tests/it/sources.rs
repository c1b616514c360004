//! `…/collections/{collection}/sources`.

use serde_json::{Value, json};

use crate::Rig;

const INTEGRATIONS: &str = "/v1/orgs/self/integrations";
const COLLECTIONS: &str = "/v1/orgs/self/ws/commons/collections";
const COLLECTION: &str = "/v1/orgs/self/ws/commons/collections/c";
const SOURCES: &str = "/v1/orgs/self/ws/commons/collections/c/sources";

async fn rig() -> Rig {
    let rig = Rig::start().await;
    for (name, kind) in [("i", "s3"), ("j", "s3"), ("k", "kafka")] {
        rig.post(INTEGRATIONS, json!({ "name": name, kind: {} }))
            .await;
    }
    rig.create_collection("c").await;
    rig
}

/// The one source of the collection.
async fn source(rig: &Rig) -> Value {
    let sources = rig.get(SOURCES).await["data"].clone();
    assert_eq!(sources.as_array().unwrap().len(), 1);
    assert_eq!(rig.get(COLLECTION).await["data"]["sources"], sources);
    let id = sources[0]["id"].as_str().unwrap();
    assert_eq!(
        rig.get(&format!("{SOURCES}/{id}")).await["data"],
        sources[0]
    );
    sources[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_made_changed_suspended_resumed_and_deleted() {
    let mut rig = rig().await;
    let request = json!({
        "integration_name": "i",
        "s3": { "bucket": "b", "prefix": "p", "object_count_total": 7 },
        "format_params": { "csv": { "separator": ";", "columnTypes": ["string"] } },
        "ingest_transformation": { "sql": "SELECT a FROM _input" },
    });
    let created = rig.post(SOURCES, request).await["data"].clone();
    assert_eq!(
        (&created["id"], &created["status"]),
        (&Value::Null, &Value::Null)
    );
    let made = source(&rig).await;
    let csv = json!({
        "firstLineAsColumnNames": null,
        "separator": ";",
        "encoding": null,
        "columnNames": null,
        "columnTypes": ["STRING"],
        "quoteChar": null,
        "escapeChar": null,
    });
    let mut expected = json!({
        "id": made["id"],
        "integration_name": "i",
        "status": made["status"],
        "format_params": {
            "json": null,
            "csv": csv,
            "xml": null,
            "avro": null,
            "bson": null,
            "mysql_dms": null,
            "postgres_dms": null,
            "mssql_dms": null,
            "oracle_dms": null,
        },
        "ingest_transformation": { "sql": "SELECT a FROM _input" },
        "suspended_at": null,
        "resume_at": null,
        "s3": {
            "bucket": "b",
            "prefix": "p",
            "prefixes": null,
            "pattern": null,
            "region": null,
            "settings": null,
            "object_count_total": null,
            "object_count_downloaded": null,
            "object_bytes_total": null,
            "object_bytes_downloaded": null,
        },
    });
    for kind in [
        "gcs",
        "azure_blob_storage",
        "dynamodb",
        "kinesis",
        "azure_service_bus",
        "azure_event_hubs",
        "kafka",
        "mongodb",
        "snowflake",
        "file_upload",
        "write_api",
        "snapshot",
        "system",
    ] {
        expected[kind] = Value::Null;
    }
    assert_eq!(made, expected);
    assert_eq!(made["status"]["state"], "ERROR");
    let message = "sources of type `s3` are not read yet: add documents by the Write API";
    assert_eq!(made["status"]["message"], message);
    let used = rig.get(&format!("{INTEGRATIONS}/i")).await["data"]["collections"].clone();
    assert_eq!(used[0]["name"], "c");
    assert_eq!(used[0]["sources"], json!([made]));

    let path = format!("{SOURCES}/{}", made["id"].as_str().unwrap());
    let change = json!({
        "integration_name": "j",
        "s3": { "prefix": null, "settings": { "s3_scan_frequency": "PT1M" } },
    });
    let updated = rig.call("PUT", &path, Some(change)).await.ok()["data"].clone();
    assert_eq!(updated["integration_name"], "j");
    assert_eq!(updated["s3"]["bucket"], "b");
    assert_eq!(updated["s3"]["prefix"], "p");
    assert_eq!(updated["s3"]["settings"]["s3_scan_frequency"], "PT1M");

    let suspended = rig
        .call("POST", &format!("{path}/suspend"), None)
        .await
        .ok()["data"]
        .clone();
    assert_eq!(suspended["status"]["state"], "SUSPENDED");
    assert!(suspended["suspended_at"].is_string());
    rig.restart().await;
    assert_eq!(source(&rig).await, suspended);
    let resumed = rig.post(&format!("{path}/resume"), json!({})).await["data"].clone();
    assert_eq!(resumed, updated);

    let deleted = rig.call("DELETE", &path, None).await.ok()["data"].clone();
    assert_eq!(deleted, updated);
    assert_eq!(rig.get(SOURCES).await["data"], json!([]));
    for method in ["GET", "DELETE"] {
        rig.call(method, &path, None).await.failure(404, "NOTFOUND");
    }
    rig.call("GET", &SOURCES.replace("/c/", "/none/"), None)
        .await
        .failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_may_have_sources_from_its_start_which_keep_their_integration() {
    let rig = Rig::start().await;
    let request = json!({
        "name": "c",
        "sources": [{ "integration_name": "i", "s3": { "bucket": "b" } }],
    });
    let missing = rig.call("POST", COLLECTIONS, Some(request.clone())).await;
    missing.failure(404, "NOTFOUND");
    rig.post(INTEGRATIONS, json!({ "name": "i", "s3": {} }))
        .await;
    rig.post(COLLECTIONS, request).await;
    assert_eq!(source(&rig).await["s3"]["bucket"], "b");
    let path = format!("{INTEGRATIONS}/i");
    let error = rig.call("DELETE", &path, None).await;
    let error = error.failure(400, "DEPENDENTRESOURCES");
    let message = "integration `i` is used by collection `commons.c`";
    assert_eq!(error["message"], message);
    rig.call("DELETE", COLLECTION, None).await.ok();
    rig.call("DELETE", &path, None).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_say_what_is_wrong() {
    let rig = rig().await;
    let cases = [
        (json!({}), 400, "INVALIDINPUT", "one of the members s3"),
        (
            json!({ "s3": { "prefix": "p" } }),
            400,
            "INVALIDINPUT",
            "`s3.bucket` is required",
        ),
        (
            json!({ "integration_name": "none", "s3": { "bucket": "b" } }),
            404,
            "NOTFOUND",
            "integration `none` does not exist",
        ),
        (
            json!({ "integration_name": "k", "s3": { "bucket": "b" } }),
            400,
            "INVALIDINPUT",
            "is one of type `kafka`, which a source of type `s3` cannot use",
        ),
        (
            json!({ "kafka": { "offset_reset_policy": "SOON" } }),
            400,
            "INVALIDINPUT",
            "has to be one of LATEST, EARLIEST",
        ),
        (
            json!({ "s3": { "bucket": "b" }, "format_params": { "csv": { "separator": 1 } } }),
            400,
            "INVALIDINPUT",
            "`format_params.csv.separator` has to be a string",
        ),
        (
            json!({ "s3": { "bucket": "b" }, "ingest_transformation": { "sql": "SELECT" } }),
            400,
            "QUERY_ERROR",
            "",
        ),
    ];
    for (request, status, error_type, message) in cases {
        let answer = rig.call("POST", SOURCES, Some(request)).await;
        let error = answer.failure(status, error_type);
        let found = error["message"].as_str().unwrap();
        assert!(found.contains(message), "{found}");
    }
    assert_eq!(rig.get(SOURCES).await["data"], json!([]));
}
