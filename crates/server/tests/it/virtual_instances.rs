//! `/v1/orgs/self/virtualinstances` and `/v1/orgs/self/deploymentsettings`.

use serde_json::{Value, json};

use crate::Rig;

const INSTANCES: &str = "/v1/orgs/self/virtualinstances";

/// The one virtual instance, and its paths by UUID and by resource name.
async fn main(rig: &Rig) -> (Value, [String; 2]) {
    let all = rig.get(INSTANCES).await["data"].clone();
    assert_eq!(all.as_array().unwrap().len(), 1);
    let path = |member: &str| format!("{INSTANCES}/{}", all[0][member].as_str().unwrap());
    let paths = [path("id"), path("rrn")];
    (all[0].clone(), paths)
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_by_uuid_and_by_resource_name() {
    let rig = Rig::start().await;
    let (instance, paths) = main(&rig).await;
    let expected = json!({
        "id": instance["id"],
        "rrn": format!("rrn:vi:local:{}", instance["id"].as_str().unwrap()),
        "name": "main",
        "description": null,
        "created_by": null,
        "created_at": instance["created_at"],
        "state": "ACTIVE",
        "current_size": "SHARED",
        "desired_size": "SHARED",
        "current_type": "SHARED",
        "desired_type": "SHARED",
        "current_instance_class": "MO_IL",
        "desired_instance_class": "MO_IL",
        "monitoring_enabled": true,
        "default_vi": true,
        "compute_type": "INGEST_QUERY",
        "auto_suspend_seconds": null,
        "auto_scaling_policy": null,
        "mount_refresh_interval_seconds": null,
        "mount_type": "LIVE",
        "enable_remount_on_resume": null,
        "resumed_at": null,
        "suspended_at": null,
        "stats": { "last_queried_ms": null },
    });
    assert_eq!(instance, expected);
    for path in &paths {
        assert_eq!(rig.get(path).await["data"], expected);
    }
    let other = format!("{INSTANCES}/00000000-0000-0000-0000-000000000000");
    for path in ["", "/queries", "/mounts", "/mounts/commons.c"] {
        let answer = rig.call("GET", &format!("{other}{path}"), None).await;
        answer.failure(404, "NOTFOUND");
    }
    for wanted in [&instance["id"], &instance["rrn"], &Value::Null] {
        let settings = "/v1/orgs/self/deploymentsettings";
        let body = json!({ "default_query_vi": wanted });
        let answer = rig.call("PUT", settings, Some(body)).await;
        assert_eq!(answer.status, 202);
        let expected = json!({ "data": { "default_query_vi": instance["rrn"] } });
        assert_eq!(answer.json(), expected);
        assert_eq!(rig.get(settings).await, expected);
        let body = json!({ "default_query_vi": "rrn:vi:local:other" });
        let answer = rig.call("PUT", settings, Some(body)).await;
        answer.failure(404, "NOTFOUND");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_queries_are_listed_the_newest_first() {
    let rig = Rig::start().await;
    let (_, [path, _]) = main(&rig).await;
    let queries = format!("{path}/queries");
    let ask = |sql: &str| json!({ "sql": { "query": sql } });
    let answer = rig.post(&queries, ask("SELECT 1 AS v")).await;
    assert_eq!(answer["results"], json!([{ "v": 1 }]));
    rig.call("POST", &queries, Some(ask("SELECT"))).await;
    rig.post("/v1/orgs/self/queries", ask("SELECT 2 AS v"))
        .await;
    let listed = rig.get(&queries).await["data"].clone();
    let of = |member: &str| -> Vec<Value> {
        let all = listed.as_array().unwrap().iter();
        all.map(|query| query[member].clone()).collect()
    };
    assert_eq!(of("sql"), ["SELECT 2 AS v", "SELECT", "SELECT 1 AS v"]);
    assert_eq!(of("status"), ["COMPLETED", "ERROR", "COMPLETED"]);
    assert_eq!(listed[2]["query_id"], answer["query_id"]);
    let (instance, _) = main(&rig).await;
    assert!(instance["stats"]["last_queried_ms"].is_i64());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_collection_is_mounted() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    let (instance, [path, _]) = main(&rig).await;
    let mounts = format!("{path}/mounts");
    let listed = rig.get(&mounts).await["data"].clone();
    let expected = json!([{
        "type": "LIVE",
        "id": listed[0]["id"],
        "rrn": format!("rrn:mnt:local:{}", listed[0]["id"].as_str().unwrap()),
        "collection_path": "commons.c",
        "virtual_instance_id": instance["id"],
        "virtual_instance_rrn": instance["rrn"],
        "state": "ACTIVE",
        "created_at": listed[0]["created_at"],
        "last_refresh_time_millis": null,
        "next_refresh_time_ms": null,
        "snapshot_id": null,
        "snapshot_expiration_time_millis": null,
        "stats": { "last_queried_ms": null },
    }]);
    assert_eq!(listed, expected);
    let mount = format!("{mounts}/commons.c");
    assert_eq!(rig.get(&mount).await["data"], expected[0]);
    let request = json!({ "collection_paths": ["commons.c"] });
    assert_eq!(rig.post(&mounts, request).await["data"], expected);

    let path = "/v1/orgs/self/ws/commons/collections/c/docs";
    let fence = rig.post(path, json!({ "data": [{ "a": 1 }] })).await["last_offset"].clone();
    let commit = format!("{mount}/offsets/commit");
    let answer = rig.post(&commit, json!({ "name": [fence] })).await;
    assert_eq!(answer["data"], json!({ "fence": fence, "passed": true }));

    let request = json!({ "collection_paths": ["commons.none"] });
    let answers = [
        rig.call("GET", &format!("{mounts}/commons.none"), None)
            .await,
        rig.call("GET", &format!("{mounts}/none"), None).await,
        rig.call("POST", &mounts, Some(request)).await,
    ];
    for answer in answers {
        let error = answer.failure(400, "INVALIDINPUT");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("is not mounted on virtual instance main"),
            "{message}"
        );
    }
    let none = rig.call("POST", &mounts, Some(json!({}))).await;
    none.failure(400, "INVALIDINPUT");
}
