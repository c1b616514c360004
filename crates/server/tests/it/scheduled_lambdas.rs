//! `/v1/orgs/self/ws/{workspace}/scheduled_lambdas`, and what runs by itself.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Rig;
use crate::client::KEY;

const LAMBDAS: &str = "/v1/orgs/self/ws/commons/lambdas";
const SCHEDULES: &str = "/v1/orgs/self/ws/commons/scheduled_lambdas";
const ALL: &str = "/v1/orgs/self/lambdas/scheduled_lambdas";
const MINUTE: Duration = Duration::from_secs(60);

/// A collection `c` and a query lambda `q`, with the tag `t`, that counts its own runs in it.
async fn rig() -> Rig {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    let sql = "INSERT INTO c SELECT CURRENT_TIMESTAMP() AS at";
    lambda(&rig, "q", sql).await;
    rig
}

async fn lambda(rig: &Rig, name: &str, sql: &str) -> String {
    let body = json!({ "name": name, "sql": { "query": sql } });
    let made = rig.post(LAMBDAS, body).await["data"].clone();
    let version = made["version"].as_str().unwrap().to_owned();
    let tag = json!({ "tag_name": "t", "version": version });
    rig.post(&format!("{LAMBDAS}/{name}/tags"), tag).await;
    version
}

/// Schedules `q` for every minute, with changes.
async fn schedule(rig: &Rig, changes: Value) -> String {
    let mut body = json!({ "ql_name": "q", "cron_string": "* * * * *", "tag": "t", "apikey": KEY });
    let changes = changes.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(changes);
    let made = rig.post(SCHEDULES, body).await["data"].clone();
    let rrn = made["rrn"].as_str().unwrap();
    format!("{SCHEDULES}/{rrn}")
}

/// The schedule, when it is as expected.
async fn wait(rig: &Rig, path: &str, is_expected: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..4_000 {
        let shown = rig.get(path).await["data"].clone();
        if is_expected(&shown) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{}", rig.get(path).await);
}

async fn count(rig: &Rig) -> Value {
    rig.rows("SELECT COUNT(*) n FROM c").await[0]["n"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_made_listed_changed_and_deleted() {
    let rig = rig().await;
    let path = schedule(&rig, json!({ "webhook_auth_header": "secret" })).await;
    let made = rig.get(&path).await["data"].clone();
    let rrn = made["rrn"].as_str().unwrap();
    let (kind, id) = rrn.rsplit_once(':').unwrap();
    assert_eq!((kind, id.len()), ("rrn:sl:local", 36));
    let expected = json!({
        "rrn": rrn,
        "workspace": "commons",
        "ql_name": "q",
        "cron_string": "* * * * *",
        "tag": "t",
        "version": null,
        "execution_count": 0,
        "total_times_to_execute": null,
        "next_execution_date": "2024-01-01T00:01:00Z",
        "last_completion_date": null,
        "last_query_id": null,
        "query_execution_status": null,
        "webhook_execution_status": null,
        "webhook_url": null,
        "webhook_payload": null,
        "resume_permanent_error": false,
    });
    assert_eq!(made, expected);
    for other in [
        format!("{SCHEDULES}/{id}"),
        format!("{SCHEDULES}/{}", rrn.replace(':', "%3A")),
    ] {
        assert_eq!(rig.get(&other).await["data"], expected);
    }
    assert_eq!(rig.get(ALL).await, json!({ "data": [expected] }));
    let stored = format!("{:?}", rig.server().catalog().scheduled_lambdas());
    assert!(
        !stored.contains("secret") && !stored.contains(KEY),
        "{stored}"
    );

    let change = json!({
        "webhook_url": "http://127.0.0.1:9/x",
        "webhook_payload": "{}",
        "total_times_to_execute": 7,
    });
    let changed = rig.post(&path, change).await["data"].clone();
    assert_eq!(changed["total_times_to_execute"], 7);
    assert_eq!(changed["webhook_url"], "http://127.0.0.1:9/x");
    assert_eq!(changed["webhook_payload"], "{}");
    assert_eq!(changed["cron_string"], "* * * * *");

    let deleted = rig.call("DELETE", &path, None).await.ok();
    assert_eq!(deleted["data"], changed);
    let missing = rig.call("GET", &path, None).await.failure(404, "NOTFOUND");
    let message = missing["message"].as_str().unwrap();
    assert!(message.contains(id), "{message}");
    rig.call("DELETE", &path, None)
        .await
        .failure(404, "NOTFOUND");
    assert_eq!(rig.get(ALL).await, json!({ "data": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_scheduled_is_refused() {
    let rig = rig().await;
    let good =
        json!({ "ql_name": "q", "cron_string": "0 0/5 * ? * *", "tag": "latest", "apikey": null });
    let made = rig.post(SCHEDULES, good.clone()).await;
    assert_eq!(made["data"]["next_execution_date"], "2024-01-01T00:05:00Z");
    for (member, value, status, words) in [
        ("ql_name", json!(null), 400, "`ql_name` is required"),
        ("ql_name", json!("nope"), 404, "nope"),
        ("cron_string", json!(null), 400, "`cron_string` is required"),
        (
            "cron_string",
            json!("* * *"),
            400,
            "`cron_string` is not valid",
        ),
        ("cron_string", json!("0 0 30 2 *"), 400, "matches no time"),
        (
            "cron_string",
            json!("0 0 0 1 1 ? 2023"),
            400,
            "no time to come",
        ),
        ("webhook_payload", json!("x".repeat(100_000)), 400, "bytes"),
        ("tag", json!(null), 400, "either `tag` or `version`"),
        ("version", json!("x"), 400, "either `tag` or `version`"),
        ("tag", json!("nope"), 404, "`nope`"),
        ("apikey", json!("nope"), 400, "`apikey`"),
        ("total_times_to_execute", json!(0), 400, "positive"),
        ("webhook_url", json!("x"), 400, "`webhook_url`"),
        ("webhook_payload", json!("{"), 400, "`webhook_payload`"),
        (
            "webhook_auth_header",
            json!("\n"),
            400,
            "`webhook_auth_header`",
        ),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let kind = if status == 404 {
            "NOTFOUND"
        } else {
            "INVALIDINPUT"
        };
        let failure = rig.call("POST", SCHEDULES, Some(body)).await;
        let failure = failure.failure(status, kind);
        let message = failure["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
    let elsewhere = "/v1/orgs/self/ws/nope/scheduled_lambdas";
    let failure = rig.call("POST", elsewhere, Some(good)).await;
    failure.failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scheduled_is_not_deleted() {
    let rig = rig().await;
    let version = lambda(&rig, "r", "SELECT 1").await;
    let by_tag = schedule(&rig, json!({})).await;
    let by_version = json!({ "ql_name": "r", "tag": null, "version": version });
    let by_version = schedule(&rig, by_version).await;
    let id = by_tag.rsplit(':').next().unwrap();
    for path in [
        format!("{LAMBDAS}/q"),
        format!("{LAMBDAS}/q/tags/t"),
        format!("{LAMBDAS}/r"),
        format!("{LAMBDAS}/r/version/{version}"),
    ] {
        let failure = rig.call("DELETE", &path, None).await;
        let failure = failure.failure(400, "DEPENDENTRESOURCES");
        let message = failure["message"].as_str().unwrap();
        assert!(message.contains("scheduled query lambda"), "{message}");
        assert_eq!(message.contains(id), path.contains("/q"), "{message}");
    }
    let key = rig
        .key_with("deletes", &[("DELETE_QUERY_LAMBDA_WS", "commons")])
        .await;
    let failure = rig
        .call_as(&key, "DELETE", &format!("{LAMBDAS}/q"), None)
        .await;
    let failure = failure.failure(400, "DEPENDENTRESOURCES");
    assert!(!failure.to_string().contains(id), "{failure}");
    for path in [by_tag, by_version] {
        rig.call("DELETE", &path, None).await.ok();
    }
    rig.call("DELETE", &format!("{LAMBDAS}/q"), None).await.ok();
    let path = format!("{LAMBDAS}/r/version/{version}");
    rig.call("DELETE", &path, None).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_runs_once_until_there_have_been_enough() {
    let rig = rig().await;
    let path = schedule(&rig, json!({ "total_times_to_execute": 2 })).await;
    rig.clock.advance(MINUTE);
    let first = wait(&rig, &path, |shown| !shown["last_query_id"].is_null()).await;
    assert_eq!(first["execution_count"], 1);
    assert_eq!(first["last_completion_date"], "2024-01-01T00:01:00Z");
    assert_eq!(first["next_execution_date"], "2024-01-01T00:02:00Z");
    assert_eq!(first["query_execution_status"], json!(null));
    assert_eq!(count(&rig).await, 1);
    let query = first["last_query_id"].as_str().unwrap();
    let query = rig.get(&format!("/v1/orgs/self/queries/{query}")).await;
    assert_eq!(query["data"]["status"], "COMPLETED");
    let versions = rig.get(&format!("{LAMBDAS}/q/versions")).await;
    let stats = &versions["data"][0]["stats"];
    assert_eq!(stats["last_executed"], "2024-01-01T00:01:00Z");

    // Of ticks that passed unseen one is made up for.
    rig.clock.advance(5 * MINUTE);
    let second = wait(&rig, &path, |shown| {
        shown["last_completion_date"] == "2024-01-01T00:06:00Z"
    })
    .await;
    assert_eq!(second["execution_count"], 2);
    assert_eq!(second["next_execution_date"], json!(null));
    assert_eq!(count(&rig).await, 2);

    // More of them are allowed: what passed until then does not count.
    rig.clock.advance(5 * MINUTE);
    let more = rig
        .post(&path, json!({ "total_times_to_execute": 3 }))
        .await;
    assert_eq!(more["data"]["next_execution_date"], "2024-01-01T00:12:00Z");
    rig.clock.advance(MINUTE);
    wait(&rig, &path, |shown| {
        shown["last_completion_date"] == "2024-01-01T00:12:00Z"
    })
    .await;
    assert_eq!(count(&rig).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_does_not_put_off_a_tick_that_is_due() {
    let rig = rig().await;
    let path = schedule(&rig, json!({})).await;
    rig.clock.advance(MINUTE);
    // Most likely before the server looks what is due.
    rig.post(&path, json!({ "webhook_payload": "{}" })).await;
    let shown = wait(&rig, &path, |shown| !shown["last_query_id"].is_null()).await;
    assert_eq!(shown["execution_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_and_a_crash_keep_the_schedule_and_repeat_nothing() {
    let mut rig = rig().await;
    let path = schedule(&rig, json!({})).await;
    rig.clock.advance(MINUTE);
    let before = wait(&rig, &path, |shown| !shown["last_query_id"].is_null()).await;
    rig.crash().await;
    assert_eq!(rig.get(&path).await["data"], before);
    rig.restart().await;
    assert_eq!(rig.get(&path).await["data"], before);
    rig.clock.advance(MINUTE);
    let after = wait(&rig, &path, |shown| {
        shown["last_completion_date"] == "2024-01-01T00:02:00Z"
    })
    .await;
    assert_eq!(after["execution_count"], 2);
    assert_eq!(count(&rig).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_a_crash_broke_off_is_not_repeated() {
    let mut rig = rig().await;
    lambda(
        &rig,
        "slow",
        "SELECT COUNT(*) FROM UNNEST(SEQUENCE(1, 100000)) a, UNNEST(SEQUENCE(1, 100000)) b",
    )
    .await;
    let path = schedule(&rig, json!({ "ql_name": "slow" })).await;
    rig.clock.advance(MINUTE);
    let running = wait(&rig, &path, |shown| shown["execution_count"] == 1).await;
    assert_eq!(running["last_query_id"], json!(null));
    rig.crash().await;
    let status = json!({ "state": "WARNING", "message": "the server stopped while it ran" });
    let after = rig.get(&path).await["data"].clone();
    assert_eq!(after["query_execution_status"], status);
    assert_eq!(after["execution_count"], 1);
    assert_eq!(after["next_execution_date"], "2024-01-01T00:02:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_stays_suspends_the_schedule_until_it_is_resumed() {
    let rig = rig().await;
    lambda(&rig, "bad", "SELECT 1 / 0 AS x").await;
    let path = schedule(&rig, json!({ "ql_name": "bad", "tag": "latest" })).await;
    rig.clock.advance(MINUTE);
    let failed = wait(&rig, &path, |shown| !shown["last_query_id"].is_null()).await;
    assert_eq!(failed["query_execution_status"]["state"], "ERROR");
    assert_eq!(failed["next_execution_date"], json!(null));
    assert_eq!(failed["last_completion_date"], json!(null));
    let query = json!({ "sql": { "query": "SELECT 2 AS x" } });
    rig.post(&format!("{LAMBDAS}/bad/versions"), query).await;
    let resumed = rig
        .post(&path, json!({ "resume_permanent_error": true }))
        .await;
    assert_eq!(resumed["data"]["resume_permanent_error"], true);
    assert_eq!(
        resumed["data"]["next_execution_date"],
        "2024-01-01T00:02:00Z"
    );
    rig.clock.advance(MINUTE);
    let done = wait(&rig, &path, |shown| {
        !shown["last_completion_date"].is_null()
    })
    .await;
    assert_eq!(done["query_execution_status"], json!(null));
    assert_eq!(done["resume_permanent_error"], false);
    assert_eq!(done["next_execution_date"], "2024-01-01T00:03:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_may_do_what_its_key_may() {
    let rig = rig().await;
    let narrow = [
        ("EXECUTE_QUERY_LAMBDA_WS", "commons"),
        ("QUERY_VI", "*ALL*"),
    ];
    let narrow = rig.key_with("narrow", &narrow).await;
    let path = schedule(&rig, json!({ "apikey": narrow })).await;
    rig.clock.advance(MINUTE);
    let failed = wait(&rig, &path, |shown| !shown["last_query_id"].is_null()).await;
    let message = failed["query_execution_status"]["message"]
        .as_str()
        .unwrap();
    assert!(message.contains("WRITE_DATA_WS"), "{message}");

    // Nobody gets the results of another key by giving its schedule another webhook.
    let of_admin = schedule(&rig, json!({})).await;
    let schedules = rig
        .key_with("schedules", &[("CREATE_SCHEDULED_LAMBDA_WS", "commons")])
        .await;
    let change = json!({ "webhook_url": "http://127.0.0.1:9" });
    rig.call_as(&schedules, "POST", &of_admin, Some(change.clone()))
        .await
        .failure(403, "FORBIDDEN");
    // Nor schedules with a key that may not execute query lambdas.
    let create = json!({ "ql_name": "q", "cron_string": "* * * * *", "tag": "t" });
    rig.call_as(&schedules, "POST", SCHEDULES, Some(create))
        .await
        .failure(403, "FORBIDDEN");
    let with_key = json!({ "webhook_url": "http://127.0.0.1:9", "apikey": narrow });
    rig.call_as(&schedules, "POST", &of_admin, Some(with_key))
        .await
        .ok();

    // A key that is gone does not run.
    rig.call(
        "POST",
        &path,
        Some(json!({ "resume_permanent_error": true, "apikey": KEY })),
    )
    .await
    .ok();
    rig.call(
        "DELETE",
        "/v1/orgs/self/users/self/apikeys/key%20of%20narrow",
        None,
    )
    .await
    .ok();
    rig.clock.advance(MINUTE);
    let failed = wait(&rig, &of_admin, |shown| !shown["last_query_id"].is_null()).await;
    assert_eq!(failed["query_execution_status"]["state"], "ERROR");
    rig.call("POST", &of_admin, Some(change))
        .await
        .failure(400, "INVALIDINPUT");
}

/// Takes one request and answers it with `status`; its head, in lower case, and its body.
async fn receive(listener: &TcpListener, status: &str) -> (String, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_owned();
        let length = header(&head, "content-length").parse::<usize>().unwrap();
        if body.len() == length {
            answer(&mut stream, status).await;
            return (head, body.to_owned());
        }
    }
}

async fn answer(stream: &mut TcpStream, status: &str) {
    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.unwrap_or_else(|| panic!("no {name} in {head}")).1
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_gets_the_results_signed() {
    let rig = rig().await;
    lambda(
        &rig,
        "rows",
        "SELECT 'a\"b' AS t, x FROM UNNEST(SEQUENCE(1, 150) AS x) ORDER BY x",
    )
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?x=1", listener.local_addr().unwrap());
    let payload = r#"{"text": "{{QUERY_ID}}: {{QUERY_RESULTS}}", "rows": {{QUERY_RESULTS}}}"#;
    let options = json!({
        "ql_name": "rows",
        "webhook_url": url,
        "webhook_payload": payload,
        "webhook_auth_header": "Bearer s3cret",
    });
    let path = schedule(&rig, options).await;
    rig.clock.advance(MINUTE);
    // A receiver that is not well is tried again.
    receive(&listener, "503 Service Unavailable").await;
    let (head, body) = receive(&listener, "204 No Content").await;
    assert!(head.starts_with("POST /hook?x=1 HTTP/1.1"), "{head}");
    assert_eq!(header(&head, "content-type"), "application/json");
    assert_eq!(header(&head, "authorization"), "Bearer s3cret");
    let id = header(&head, "webhook-id");
    let timestamp = header(&head, "webhook-timestamp");
    assert_eq!(timestamp, "1704067260");
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"Bearer s3cret");
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(tag));
    assert_eq!(header(&head, "webhook-signature"), signature);
    let body: Value = serde_json::from_str(&body).unwrap();
    let rows = body["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 100);
    assert_eq!(rows[99], json!({ "t": "a\"b", "x": 100 }));
    let text = body["text"].as_str().unwrap().strip_prefix(id).unwrap();
    let text: Value = serde_json::from_str(text.strip_prefix(": ").unwrap()).unwrap();
    assert_eq!(text, body["rows"]);
    let done = wait(&rig, &path, |shown| !shown["last_query_id"].is_null()).await;
    assert_eq!(done["last_query_id"], id);
    assert_eq!(done["webhook_execution_status"], json!(null));
    let pages = rig.get(&format!("/v1/orgs/self/queries/{id}/pages")).await;
    assert_eq!(pages["results"].as_array().unwrap().len(), 150);

    // One that refuses is not, and does not keep the next run from coming.
    rig.clock.advance(MINUTE);
    receive(&listener, "400 Bad Request").await;
    let done = wait(&rig, &path, |shown| {
        !shown["webhook_execution_status"].is_null()
    })
    .await;
    let status = json!({ "state": "ERROR", "message": "the webhook answered 400 Bad Request" });
    assert_eq!(done["webhook_execution_status"], status);
    assert_eq!(done["last_completion_date"], "2024-01-01T00:02:00Z");
    assert_eq!(done["next_execution_date"], "2024-01-01T00:03:00Z");
}
