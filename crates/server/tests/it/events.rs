//! `commons._events`, and collections with a source of query logs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Rig;

const EVENTS: &str = "/v1/orgs/self/ws/commons/collections/_events";

/// The rows of a query, as soon as there are `count`: events are written a moment after they happen.
async fn rows_when(rig: &Rig, sql: &str, count: usize) -> Vec<Value> {
    for _ in 0..600 {
        let rows = rig.rows(sql).await;
        let rows = rows.as_array().unwrap();
        if rows.len() >= count {
            assert_eq!(rows.len(), count, "{rows:?}");
            return rows.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("`{sql}` gives no {count} rows");
}

/// The events with this label, as soon as there are `count`.
async fn events(rig: &Rig, label: &str, count: usize) -> Vec<Value> {
    let sql = format!("SELECT * FROM commons._events WHERE label = '{label}' ORDER BY time");
    rows_when(rig, &sql, count).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_collection_of_events_is_there_from_the_start_and_is_for_reading_alone() {
    let rig = Rig::start().await;
    let events = rig.get(EVENTS).await["data"].clone();
    for (member, expected) in [
        ("name", json!("_events")),
        ("status", json!("READY")),
        ("retention_secs", json!(2_592_000)),
        ("created_by", Value::Null),
        ("sources", json!([])),
    ] {
        assert_eq!(events[member], expected, "{member}");
    }
    let docs = format!("{EVENTS}/docs");
    for (method, path, body) in [
        ("DELETE", EVENTS, None),
        ("PUT", EVENTS, Some(json!({ "description": "mine" }))),
        ("POST", &docs, Some(json!({ "data": [{}] }))),
        (
            "PATCH",
            &docs,
            Some(json!({ "data": [{ "_id": "1", "patch": [] }] })),
        ),
        ("DELETE", &docs, Some(json!({ "data": [{ "_id": "1" }] }))),
        (
            "POST",
            &format!("{EVENTS}/sources"),
            Some(json!({ "system": { "type": "QUERY_LOGS" } })),
        ),
    ] {
        let answer = rig.call(method, path, body).await;
        let error = answer.failure(400, "INVALIDINPUT");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("belongs to the system"),
            "{method}: {message}"
        );
    }
    let insert = json!({ "sql": { "query": "INSERT INTO _events SELECT 1 AS a" } });
    let answer = rig
        .call("POST", "/v1/orgs/self/queries", Some(insert))
        .await;
    answer.failure(400, "QUERY_ERROR");
    // Aliases and views of it are fine.
    let alias = json!({ "name": "a", "collections": ["commons._events"] });
    rig.post("/v1/orgs/self/ws/commons/aliases", alias).await;
    rig.rows("SELECT COUNT(*) FROM a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_and_deleted_is_noted_with_who_did_it() {
    let rig = Rig::start().await;
    rig.post("/v1/orgs/self/ws", json!({ "name": "w" })).await;
    let collections = "/v1/orgs/self/ws/w/collections";
    rig.post(collections, json!({ "name": "c" })).await;
    let again = rig
        .call("POST", collections, Some(json!({ "name": "c" })))
        .await;
    again.failure(400, "ALREADYEXISTS");
    rig.call("DELETE", "/v1/orgs/self/ws/w/collections/c", None)
        .await
        .ok();
    rig.post("/v1/orgs/self/users/self/apikeys", json!({ "name": "k" }))
        .await;

    let dropped = &events(&rig, "COLLECTION_DROPPED", 1).await[0];
    let organization = rig.get("/v1/orgs/self").await["data"]["id"].clone();
    for (member, expected) in [
        ("kind", json!("COLLECTION")),
        ("type", json!("INFO")),
        ("logType", json!("EVENT")),
        ("collections", json!(["w.c"])),
        ("workspace", json!("w")),
        ("workspaceName", json!("w")),
        ("userEmail", json!("admin@localhost")),
        ("apiKeyName", json!("bootstrap")),
        ("cluster", json!("local")),
        ("message", json!("collection `w.c`: dropped")),
        ("details", json!({})),
        ("orgId", organization.clone()),
        ("logKey", json!({ "orgId": organization })),
    ] {
        assert_eq!(dropped[member], expected, "{member}");
    }
    assert_eq!(dropped["_id"], dropped["eventId"]);
    assert!(dropped["time"].is_i64(), "{dropped}");
    events(&rig, "WORKSPACE_CREATED", 1).await;
    events(&rig, "COLLECTION_CREATED", 1).await;
    events(&rig, "COLLECTION_READY", 1).await;
    let made = &events(&rig, "API_KEY_CREATED", 1).await[0];
    assert_eq!(made["apiKeyName"], "k");
    assert_eq!(made["apiKeyIdentifier"], "bootstrap");
    let failed = &events(&rig, "COLLECTION_ERROR", 1).await[0];
    assert_eq!(failed["type"], "ERROR");
    assert!(
        failed["message"]
            .as_str()
            .unwrap()
            .contains("already exists"),
        "{failed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_noted_with_how_they_ended() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.rows("SELECT COUNT(*) FROM c").await;
    let wrong = json!({ "sql": { "query": "SELECT FROM c" } });
    let answer = rig.call("POST", "/v1/orgs/self/queries", Some(wrong)).await;
    let error = answer.failure(400, "QUERY_ERROR");

    let failed = &events(&rig, "QUERY_INVALID", 1).await[0];
    assert_eq!(failed["details"]["query_sql"], "SELECT FROM c");
    assert_eq!(failed["details"]["query_id"], error["query_id"]);
    assert_eq!(failed["message"], error["message"]);
    let sql = "SELECT kind, type, collections, details.query_time_ms AS ms FROM _events \
               WHERE label = 'QUERY_SUCCESS' AND details.query_sql = 'SELECT COUNT(*) FROM c'";
    let done = &rows_when(&rig, sql, 1).await[0];
    assert_eq!(done["kind"], "QUERY");
    assert_eq!(done["type"], "INFO");
    assert_eq!(done["collections"], json!(["commons.c"]));
    assert!(done["ms"].is_i64(), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_writes_the_last_events() {
    let mut rig = Rig::start().await;
    rig.post("/v1/orgs/self/ws", json!({ "name": "w" })).await;
    rig.restart().await;
    let sql = "SELECT label FROM _events WHERE label = 'WORKSPACE_CREATED'";
    assert_eq!(
        rig.rows(sql).await,
        json!([{ "label": "WORKSPACE_CREATED" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_for_those_who_may_query_every_workspace() {
    let rig = Rig::start().await;
    let all = [("QUERY_VI", "*ALL*"), ("QUERY_DATA_WS", "*ALL*")];
    let all = rig.key_with("all", &all).await;
    let one = [("QUERY_VI", "*ALL*"), ("QUERY_DATA_WS", "commons")];
    let one = rig.key_with("one", &one).await;
    let body = json!({ "sql": { "query": "SELECT COUNT(*) FROM _events" } });
    let query = |key: String| {
        let (rig, body) = (&rig, body.clone());
        async move {
            rig.call_as(&key, "POST", "/v1/orgs/self/queries", Some(body))
                .await
        }
    };
    query(all).await.ok();
    query(one).await.failure(403, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_query_logs_gets_every_query() {
    let rig = Rig::start().await;
    let source = json!({ "system": { "type": "QUERY_LOGS" } });
    let made = rig
        .post(
            "/v1/orgs/self/ws/commons/collections",
            json!({
                "name": "logs",
                "sources": [source],
                "field_mapping_query": { "sql": "SELECT *, 'yes' AS seen FROM _input" },
            }),
        )
        .await;
    let shown = &made["data"]["sources"][0];
    assert_eq!(shown["system"]["type"], "QUERY_LOGS");
    assert_eq!(shown["status"]["state"], "WATCHING");
    let body = json!({ "sql": { "query": "SELECT 7 AS seven" } });
    let answer = rig.post("/v1/orgs/self/queries", body).await;
    let sql = "SELECT * FROM logs WHERE sql = 'SELECT 7 AS seven'";
    let line = &rows_when(&rig, sql, 1).await[0];
    assert_eq!(line["_id"], answer["query_id"]);
    assert_eq!(line["status"], "COMPLETED");
    assert_eq!(line["executed_by"], "admin@localhost");
    assert_eq!(line["api_key_name"], "bootstrap");
    assert_eq!(line["stats"]["result_set_document_count"], 1);
    assert_eq!(line["seen"], "yes");
    let other = json!({ "name": "other", "sources": [{ "system": { "type": "NONE" } }] });
    let answer = rig
        .call("POST", "/v1/orgs/self/ws/commons/collections", Some(other))
        .await;
    answer.failure(400, "INVALIDINPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_queries_at_once_the_first_are_noted_and_the_others_counted() {
    let rig = Rig::start_with(|config| config.limits.query_events_max = 3).await;
    for _ in 0..50 {
        rig.rows("SELECT 1 AS one").await;
    }
    let metrics = rig.call("GET", "/v1/orgs/self/metrics", None).await;
    let text = String::from_utf8(metrics.bytes.to_vec()).unwrap();
    let left_out = text
        .lines()
        .find_map(|line| line.strip_prefix("outcrop_events_left_out "));
    let left_out: usize = left_out.unwrap().parse().unwrap();
    let sql = "SELECT _id FROM _events WHERE details.query_sql = 'SELECT 1 AS one'";
    assert!(left_out > 0);
    rows_when(&rig, sql, 50 - left_out).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_names_what_it_is_about_wherever_that_stands_in_the_request() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    let role = json!({ "role_name": "r", "privileges": [], "name": "other" });
    rig.post("/v1/orgs/self/roles", role).await;
    let user = json!({ "email": "ada@example.com", "roles": ["read-only"] });
    rig.post("/v1/orgs/self/users", user).await;
    let lambdas = "/v1/orgs/self/ws/commons/lambdas";
    let lambda = json!({ "name": "l", "sql": { "query": "SELECT 1" } });
    let made = rig.post(lambdas, lambda).await;
    let version = &made["data"]["version"];
    let tag = json!({ "tag_name": "t", "version": version });
    rig.post(&format!("{lambdas}/l/tags"), tag).await;
    let instance = rig.get("/v1/orgs/self/virtualinstances").await["data"][0]["id"].clone();
    let mounts = format!(
        "/v1/orgs/self/virtualinstances/{}/mounts",
        instance.as_str().unwrap()
    );
    rig.post(&mounts, json!({ "collection_paths": ["commons.c"] }))
        .await;

    let role = &events(&rig, "ROLE_CREATED", 1).await[0];
    assert_eq!(role["details"], json!({ "role": "r" }));
    assert_eq!(role["message"], "role `r`: created");
    let user = &events(&rig, "USER_CREATED", 1).await[0];
    assert_eq!(user["details"], json!({ "user": "ada@example.com" }));
    let tag = &events(&rig, "QUERY_LAMBDA_TAG_CREATED", 1).await[0];
    assert_eq!(tag["queryLambda"], "l");
    assert_eq!(tag["tagName"], "t");
    assert_eq!(&tag["version"], version);
    let mount = &events(&rig, "VIRTUAL_INSTANCE_COLLECTION_MOUNTED", 1).await[0];
    assert_eq!(mount["collections"], json!(["commons.c"]));
    assert_eq!(mount["details"], json!({ "virtual_instance": instance }));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_name_that_nobody_has_a_piece_is_kept() {
    let rig = Rig::start().await;
    let long = "n".repeat(1 << 20);
    for body in [
        json!({ "name": long }),
        json!({ "name": { "deep": [long] } }),
        json!({ "name": "w", "description": 5 }),
    ] {
        let refused = rig.call("POST", "/v1/orgs/self/ws", Some(body)).await;
        assert!(refused.status.is_client_error(), "{}", refused.status);
    }
    let failed = events(&rig, "WORKSPACE_ERROR", 3).await;
    for event in failed {
        let bytes = event.to_string().len();
        assert!(bytes < 10_000, "{bytes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_time_without_room_on_disk_are_written_when_there_is_some() {
    let rig = Rig::start().await;
    rig.disk.set_capacity(Some(rig.disk.used_bytes()));
    let refused = rig
        .call("POST", "/v1/orgs/self/ws", Some(json!({ "name": "w" })))
        .await;
    refused.failure(503, "SERVICEUNAVAILABLE");
    // Longer than it takes until they are written for the first time.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    rig.disk.set_capacity(None);
    let failed = &events(&rig, "WORKSPACE_ERROR", 1).await[0];
    assert_eq!(failed["workspace"], "w");
}
