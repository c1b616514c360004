//! `/v1/orgs/self/virtualinstances` and `/v1/orgs/self/deploymentsettings`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::async_queries::ENDLESS;
use crate::{Answer, Rig};

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
    let mut listed = rig.get(&mounts).await["data"].clone();
    let events = listed.as_array_mut().unwrap().remove(0);
    assert_eq!(events["collection_path"], "commons._events");
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

/// Makes a virtual instance, waits until it is there, and returns its path.
async fn made(rig: &Rig, settings: Value) -> String {
    let answer = rig.post(INSTANCES, settings).await["data"].clone();
    assert_eq!(answer["state"], "INITIALIZING");
    let path = format!("{INSTANCES}/{}", answer["id"].as_str().unwrap());
    reaches(rig, &path, "ACTIVE").await;
    path
}

/// Waits until the state of what is at the path is `state`, and returns it.
async fn reaches(rig: &Rig, path: &str, state: &str) -> Value {
    let look = async {
        loop {
            let data = rig.get(path).await["data"].clone();
            if data["state"] == state {
                return data;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), look)
        .await
        .unwrap_or_else(|_| panic!("`{path}` never becomes {state}"))
}

async fn mount(rig: &Rig, path: &str, collection: &str) -> Value {
    let request = json!({ "collection_paths": [collection] });
    rig.post(&format!("{path}/mounts"), request).await["data"][0].clone()
}

async fn ask(rig: &Rig, path: &str, sql: &str) -> Answer {
    let body = json!({ "sql": { "query": sql } });
    rig.call("POST", &format!("{path}/queries"), Some(body))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_one_is_made_changed_and_deleted() {
    let mut rig = Rig::start().await;
    let request = json!({
        "name": "serving",
        "description": "for readers",
        "type": "SMALL",
        "instance_class": "GP_IL",
        "auto_suspend_seconds": 900,
        "mount_type": "LIVE",
        "mount_refresh_interval_seconds": 0,
        "enable_remount_on_resume": true,
    });
    let path = made(&rig, request.clone()).await;
    let instance = rig.get(&path).await["data"].clone();
    let expected = json!({
        "id": instance["id"],
        "rrn": format!("rrn:vi:local:{}", instance["id"].as_str().unwrap()),
        "name": "serving",
        "description": "for readers",
        "created_by": "admin@localhost",
        "created_at": "2024-01-01T00:00:00Z",
        "state": "ACTIVE",
        "current_size": "SMALL",
        "desired_size": "SMALL",
        "current_type": "SMALL",
        "desired_type": "SMALL",
        "current_instance_class": "GP_IL",
        "desired_instance_class": "GP_IL",
        "monitoring_enabled": true,
        "default_vi": false,
        "compute_type": "QUERY",
        "auto_suspend_seconds": 900,
        "auto_scaling_policy": null,
        "mount_refresh_interval_seconds": 0,
        "mount_type": "LIVE",
        "enable_remount_on_resume": true,
        "resumed_at": null,
        "suspended_at": null,
        "stats": { "last_queried_ms": null },
    });
    assert_eq!(instance, expected);
    let listed = rig.get(INSTANCES).await["data"].clone();
    assert_eq!(listed[0]["name"], "main");
    assert_eq!(listed[1], expected);
    let again = rig.call("POST", INSTANCES, Some(request)).await;
    again.failure(400, "ALREADYEXISTS");

    let policy = json!({ "enabled": true, "min_size": "SMALL", "max_size": "LARGE" });
    let change = json!({
        "name": "readers",
        "new_size": "LARGE",
        "auto_suspend_enabled": false,
        "auto_scaling_policy": policy,
    });
    let changed = rig.post(&path, change).await["data"].clone();
    assert_eq!(changed["name"], "readers");
    assert_eq!(changed["description"], "for readers");
    assert_eq!(changed["desired_size"], "LARGE");
    assert_eq!(changed["current_size"], "SMALL");
    assert_eq!(changed["auto_suspend_seconds"], Value::Null);
    assert_eq!(changed["auto_scaling_policy"], policy);
    while rig.get(&path).await["data"]["current_size"] != "LARGE" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    rig.restart().await;
    let kept = reaches(&rig, &path, "ACTIVE").await;
    assert_eq!(kept["name"], "readers");
    assert_eq!(kept["current_size"], "LARGE");

    let deleted = rig.call("DELETE", &path, None).await.ok();
    assert_eq!(deleted["data"]["state"], "DELETED");
    rig.call("GET", &path, None).await.failure(404, "NOTFOUND");
    let answer = ask(&rig, &path, "SELECT 1").await;
    answer.failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused() {
    let rig = Rig::start().await;
    let (_, [main, _]) = main(&rig).await;
    for (request, message) in [
        (json!({}), "`name` is required"),
        (json!({ "name": "a b" }), "not a valid name"),
        (
            json!({ "name": "a", "type": "HUGE" }),
            "`type` is not a size: `HUGE`",
        ),
        (
            json!({ "name": "a", "instance_class": "X" }),
            "MO_IL, GP_IL",
        ),
        (
            json!({ "name": "a", "auto_suspend_seconds": 0 }),
            "positive",
        ),
        (
            json!({ "name": "a", "mount_type": "SOME" }),
            "`LIVE` or `STATIC`",
        ),
        (
            json!({ "name": "a", "auto_scaling_policy": { "min_size": "LARGE", "max_size": "SMALL" } }),
            "larger than",
        ),
    ] {
        let answer = rig.call("POST", INSTANCES, Some(request.clone())).await;
        let body = answer.failure(400, "INVALIDINPUT");
        let found = body["message"].as_str().unwrap();
        assert!(found.contains(message), "{request}: {found}");
    }
    let request = json!({ "name": "a", "mount_type": "STATIC" });
    let answer = rig.call("POST", INSTANCES, Some(request)).await;
    answer.failure(501, "NOTIMPLEMENTEDYET");
    let suspend = format!("{main}/suspend");
    let resume = format!("{main}/resume");
    let larger = json!({ "new_size": "LARGE" });
    for (method, path, body) in [
        ("POST", &main, Some(larger)),
        ("DELETE", &main, None),
        ("POST", &suspend, None),
        ("POST", &resume, None),
    ] {
        let answer = rig.call(method, path, body).await;
        let body = answer.failure(400, "INVALIDINPUT");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains("main virtual instance"), "{message}");
    }
    let described = rig.post(&main, json!({ "description": "all of it" })).await;
    assert_eq!(described["data"]["description"], "all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_queries_of_what_is_mounted() {
    let mut rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "_id": "1", "a": 5 }])).await;
    let view = json!({ "name": "v", "query": "SELECT a FROM c" });
    rig.post("/v1/orgs/self/ws/commons/views", view).await;
    let path = made(&rig, json!({ "name": "other" })).await;
    assert_eq!(rig.get(&format!("{path}/mounts")).await["data"], json!([]));
    let answer = ask(&rig, &path, "SELECT 1 AS a").await.ok();
    assert_eq!(answer["results"], json!([{ "a": 1 }]));
    for sql in ["SELECT a FROM c", "SELECT a FROM v", "DESCRIBE c"] {
        let body = ask(&rig, &path, sql).await.failure(400, "QUERY_ERROR");
        let message = body["message"].as_str().unwrap();
        let text = "Collection commons.c is not mounted on virtual instance other";
        assert!(message.ends_with(text), "{sql}: {message}");
    }
    let missing = mount(&rig, &path, "commons.c").await;
    assert_eq!(missing["state"], "CREATING");
    assert_eq!(missing["created_at"], Value::Null);
    let at = format!("{path}/mounts/commons.c");
    let mounted = reaches(&rig, &at, "ACTIVE").await;
    assert_eq!(mounted["id"], missing["id"]);
    assert_eq!(mounted["created_at"], "2024-01-01T00:00:00Z");
    assert_eq!(mount(&rig, &path, "commons.c").await, mounted);
    let listed = rig.get(&format!("{path}/mounts")).await["data"].clone();
    assert_eq!(listed, json!([mounted]));
    rig.restart().await;
    for sql in ["SELECT a FROM c", "SELECT a FROM v"] {
        let answer = ask(&rig, &path, sql).await.ok();
        assert_eq!(answer["results"], json!([{ "a": 5 }]), "{sql}");
    }
    // Writes go on where they always do, and are seen at once.
    rig.add(json!([{ "_id": "1", "a": 6 }])).await;
    let answer = ask(&rig, &path, "SELECT a FROM c").await.ok();
    assert_eq!(answer["results"], json!([{ "a": 6 }]));

    let gone = rig.call("DELETE", &at, None).await.ok();
    assert_eq!(gone["data"]["state"], "DELETING");
    let body = rig
        .call("GET", &at, None)
        .await
        .failure(400, "INVALIDINPUT");
    let text = "Collection commons.c is not mounted on virtual instance other";
    assert_eq!(body["message"], text);
    rig.call("DELETE", &at, None)
        .await
        .failure(400, "INVALIDINPUT");
    // A collection that is made under the name of one that was mounted is another.
    rig.create_collection("d").await;
    mount(&rig, &path, "commons.d").await;
    let collection = "/v1/orgs/self/ws/commons/collections/d";
    rig.call("DELETE", collection, None).await.ok();
    rig.create_collection("d").await;
    assert_eq!(rig.get(&format!("{path}/mounts")).await["data"], json!([]));
    let main = main_path(&rig).await;
    let answer = rig
        .call("DELETE", &format!("{main}/mounts/commons.c"), None)
        .await;
    answer.failure(400, "INVALIDINPUT");
}

/// The path of the main virtual instance, which is the first.
async fn main_path(rig: &Rig) -> String {
    let all = rig.get(INSTANCES).await;
    format!("{INSTANCES}/{}", all["data"][0]["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_go_to_the_default_one_and_query_lambdas_where_they_are_sent() {
    let rig = Rig::start().await;
    let path = made(&rig, json!({ "name": "other" })).await;
    let id = path.rsplit('/').next().unwrap();
    let lambda = json!({ "name": "l", "sql": { "query": "SELECT 2 AS v" } });
    rig.post("/v1/orgs/self/ws/commons/lambdas", lambda).await;
    let execute = "/v1/orgs/self/ws/commons/lambdas/l/tags/latest";
    rig.post(execute, json!({ "virtual_instance_id": id }))
        .await;
    rig.rows("SELECT 1 AS v").await;
    let settings = "/v1/orgs/self/deploymentsettings";
    let body = json!({ "default_query_vi": id });
    assert_eq!(rig.call("PUT", settings, Some(body)).await.status, 202);
    rig.rows("SELECT 3 AS v").await;
    rig.post(execute, json!({})).await;
    let of = async |path: &str| -> Vec<Value> {
        let listed = rig.get(&format!("{path}/queries")).await["data"].clone();
        let all = listed.as_array().unwrap().iter();
        all.map(|query| query["sql"].clone()).collect()
    };
    assert_eq!(
        of(&path).await,
        ["SELECT 2 AS v", "SELECT 3 AS v", "SELECT 2 AS v"]
    );
    let main = main_path(&rig).await;
    assert_eq!(of(&main).await, ["SELECT 1 AS v"]);
    assert_eq!(rig.get(&path).await["data"]["default_vi"], true);
    assert_eq!(rig.get(&main).await["data"]["default_vi"], false);
    let answer = rig.call("DELETE", &path, None).await;
    let body = answer.failure(400, "INVALIDINPUT");
    assert!(body["message"].as_str().unwrap().contains("default"));
    // What a key may do counts for the one that the query goes to.
    let main_id = main.rsplit('/').next().unwrap();
    let key = rig.key_with("k", &[("QUERY_VI", main_id)]).await;
    let body = || Some(json!({ "sql": { "query": "SELECT 1" } }));
    let queries = "/v1/orgs/self/queries";
    let answer = rig.call_as(&key, "POST", queries, body()).await;
    answer.failure(403, "FORBIDDEN");
    let on_main = format!("{main}/queries");
    rig.call_as(&key, "POST", &on_main, body()).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_one_answers_nothing_until_it_is_resumed() {
    let mut rig = Rig::start().await;
    rig.create_collection("c").await;
    let mut paths = Vec::new();
    for remounts in [true, false] {
        let request = json!({
            "name": format!("remounts-{remounts}"),
            "enable_remount_on_resume": remounts,
        });
        let path = made(&rig, request).await;
        mount(&rig, &path, "commons.c").await;
        paths.push(path);
    }
    for path in &paths {
        let answer = rig.post(&format!("{path}/suspend"), json!({})).await;
        assert_eq!(answer["data"]["state"], "SUSPENDING");
        let suspended = reaches(&rig, path, "SUSPENDED").await;
        assert_eq!(suspended["suspended_at"], "2024-01-01T00:00:00Z");
        let body = ask(&rig, path, "SELECT 1").await.failure(503, "NOT_READY");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains("is suspended"), "{message}");
    }
    let state = rig.get(&format!("{}/mounts", paths[0])).await["data"][0]["state"].clone();
    assert_eq!(state, "SUSPENDED");
    assert_eq!(
        rig.get(&format!("{}/mounts", paths[1])).await["data"],
        json!([])
    );
    rig.restart().await;
    for path in &paths {
        assert_eq!(rig.get(path).await["data"]["state"], "SUSPENDED");
        let answer = rig.post(&format!("{path}/resume"), json!({})).await;
        assert_eq!(answer["data"]["state"], "RESUMING");
        let resumed = reaches(&rig, path, "ACTIVE").await;
        assert_eq!(resumed["resumed_at"], "2024-01-01T00:00:00Z");
    }
    ask(&rig, &paths[0], "SELECT * FROM c").await.ok();
    ask(&rig, &paths[1], "SELECT * FROM c")
        .await
        .failure(400, "QUERY_ERROR");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_without_queries_suspends_itself() {
    let rig = Rig::start().await;
    let path = made(&rig, json!({ "name": "a", "auto_suspend_seconds": 60 })).await;
    let running = ask(&rig, &path, ENDLESS);
    let clock = async {
        while rig.get("/v1/orgs/self/queries").await["data"] == json!([]) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rig.clock.advance(Duration::from_secs(3600));
        // Long enough for it to be looked at.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(rig.get(&path).await["data"]["state"], "ACTIVE");
        let active = rig.get("/v1/orgs/self/queries").await["data"].clone();
        let id = active[0]["query_id"].as_str().unwrap().to_owned();
        let query = format!("/v1/orgs/self/queries/{id}");
        rig.call("DELETE", &query, None).await.ok();
    };
    let (ended, ()) = tokio::join!(running, clock);
    ended.failure(409, "QUERY_CANCELLED");
    rig.clock.advance(Duration::from_secs(59));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(rig.get(&path).await["data"]["state"], "ACTIVE");
    rig.clock.advance(Duration::from_secs(2));
    reaches(&rig, &path, "SUSPENDED").await;
}
