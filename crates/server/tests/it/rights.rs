//! Who reads and sees what: statements, views, query lambdas, aliases, lists, errors and results.

use serde_json::{Value, json};

use crate::{Answer, Rig};

const QUERIES: &str = "/v1/orgs/self/queries";

/// The workspaces `open` and `closed`, each with a collection `c` of one document.
async fn rig() -> Rig {
    let rig = Rig::start().await;
    for workspace in ["open", "closed"] {
        rig.post("/v1/orgs/self/ws", json!({ "name": workspace }))
            .await;
        let collections = format!("/v1/orgs/self/ws/{workspace}/collections");
        rig.post(&collections, json!({ "name": "c" })).await;
        let docs = format!("{collections}/c/docs");
        rig.post(&docs, json!({ "data": [{ "_id": "1", "w": workspace }] }))
            .await;
    }
    rig
}

/// A key that may do `actions` in the workspace `open` and query on every virtual instance.
async fn key(rig: &Rig, actions: &[&str]) -> String {
    let privileges = actions.iter().map(|action| (*action, "open"));
    let mut privileges: Vec<(&str, &str)> = privileges.collect();
    privileges.push(("QUERY_VI", "*ALL*"));
    rig.key_with("narrow", &privileges).await
}

async fn query(rig: &Rig, key: &str, sql: &str) -> Answer {
    let body = json!({ "sql": { "query": sql } });
    rig.call_as(key, "POST", QUERIES, Some(body)).await
}

#[track_caller]
fn forbidden(answer: &Answer) -> String {
    let body = answer.failure(403, "FORBIDDEN");
    body["message"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_reads_the_workspaces_that_its_key_may_query() {
    let rig = rig().await;
    let key = key(&rig, &["QUERY_DATA_WS"]).await;
    let rows = query(&rig, &key, "SELECT w FROM open.c").await.ok();
    assert_eq!(rows["results"], json!([{ "w": "open" }]));
    for sql in [
        "SELECT w FROM closed.c",
        "SELECT 1 FROM open.c JOIN closed.c d ON c.w = d.w",
        "SELECT 1 FROM open.c WHERE EXISTS (SELECT 1 FROM closed.c)",
        "WITH x AS (SELECT * FROM closed.c) SELECT 1",
        "SELECT w FROM open.c UNION SELECT w FROM closed.c",
        "DESCRIBE closed.c",
        "EXPLAIN SELECT w FROM closed.c",
        "OPTION(default_workspace='closed') SELECT * FROM c",
        // The answer is the same for what does not exist.
        "SELECT w FROM closed.none",
    ] {
        let message = forbidden(&query(&rig, &key, sql).await);
        assert_eq!(
            message, "the API key `key of narrow` has no privilege QUERY_DATA_WS on `closed`",
            "{sql}"
        );
        let validations = format!("{QUERIES}/validations");
        let body = json!({ "sql": { "query": sql } });
        let answer = rig.call_as(&key, "POST", &validations, Some(body)).await;
        forbidden(&answer);
    }
    let other = rig
        .key_with("no.instance", &[("QUERY_DATA_WS", "open")])
        .await;
    forbidden(&query(&rig, &other, "SELECT 1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_reads_what_its_writer_may() {
    let rig = rig().await;
    let key = key(
        &rig,
        &["QUERY_DATA_WS", "CREATE_VIEW_WS", "LIST_RESOURCES_WS"],
    )
    .await;
    let views = "/v1/orgs/self/ws/open/views";
    let view = |name: &str, sql: &str| json!({ "name": name, "query": sql });
    let sql = "SELECT w FROM closed.c";
    rig.post(views, view("v", sql)).await;
    let answer = query(&rig, &key, "SELECT * FROM open.v").await.ok();
    assert_eq!(answer["results"], json!([{ "w": "closed" }]));
    // Whoever may not list the workspace does not learn what the view reads.
    assert_eq!(answer["collections"], json!([]));
    let plan = query(&rig, &key, "EXPLAIN SELECT * FROM open.v").await;
    forbidden(&plan);
    // Nobody gets at more by writing a view, or by changing that of another.
    let answer = rig.call_as(&key, "POST", views, Some(view("w", sql))).await;
    forbidden(&answer);
    let path = format!("{views}/v");
    let answer = rig
        .call_as(
            &key,
            "POST",
            &path,
            Some(view("v", "SELECT _id FROM closed.c")),
        )
        .await;
    forbidden(&answer);
    let own = view("v", "SELECT w FROM open.c");
    rig.call_as(&key, "POST", &path, Some(own)).await.ok();
    let rows = query(&rig, &key, "SELECT * FROM open.v").await.ok();
    assert_eq!(rows["results"], json!([{ "w": "open" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_reads_no_more_than_its_writer_may_now() {
    let rig = rig().await;
    let users = "/v1/orgs/self/users";
    rig.post(users, json!({ "email": "a@x", "roles": ["member"] }))
        .await;
    let body = json!({ "name": "k", "created_by": "a@x" });
    let made = rig.post(&format!("{users}/self/apikeys"), body).await;
    let writer = made["data"]["key"].as_str().unwrap().to_owned();
    let view = json!({ "name": "v", "query": "SELECT w FROM closed.c" });
    let views = "/v1/orgs/self/ws/open/views";
    rig.call_as(&writer, "POST", views, Some(view)).await.ok();
    let reader = key(&rig, &["QUERY_DATA_WS"]).await;
    query(&rig, &reader, "SELECT * FROM open.v").await.ok();
    rig.post(&format!("{users}/a@x"), json!({ "roles": [] }))
        .await;
    let message = forbidden(&query(&rig, &reader, "SELECT * FROM open.v").await);
    assert!(
        message.contains("`open.v`") && !message.contains("closed"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_gives_no_right_to_what_it_names() {
    let rig = rig().await;
    let key = key(
        &rig,
        &["QUERY_DATA_WS", "CREATE_ALIAS_WS", "LIST_RESOURCES_WS"],
    )
    .await;
    let aliases = "/v1/orgs/self/ws/open/aliases";
    let alias = |name: &str, to: &str| json!({ "name": name, "collections": [to] });
    rig.post(aliases, alias("a", "closed.c")).await;
    rig.post(aliases, alias("b", "open.c")).await;
    forbidden(&query(&rig, &key, "SELECT * FROM open.a").await);
    query(&rig, &key, "SELECT * FROM open.b").await.ok();
    for name in ["closed.c", "closed.none"] {
        let answer = rig
            .call_as(&key, "POST", aliases, Some(alias("d", name)))
            .await;
        forbidden(&answer);
    }
    rig.call_as(&key, "POST", aliases, Some(alias("d", "open.c")))
        .await
        .ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_lambda_reads_what_its_writer_may() {
    let rig = rig().await;
    let actions = ["EXECUTE_QUERY_LAMBDA_WS", "CREATE_QUERY_LAMBDA_WS"];
    let key = key(&rig, &actions).await;
    let lambdas = "/v1/orgs/self/ws/open/lambdas";
    let lambda = |name: &str, sql: &str| json!({ "name": name, "sql": { "query": sql } });
    rig.post(lambdas, lambda("l", "SELECT w FROM closed.c"))
        .await;
    let execute = format!("{lambdas}/l/tags/latest");
    let answer = rig.call_as(&key, "POST", &execute, None).await.ok();
    assert_eq!(answer["results"], json!([{ "w": "closed" }]));
    assert_eq!(answer["collections"], json!([]));
    // To read is not to write: an INSERT needs the privilege of who executes it.
    let insert = "INSERT INTO open.c SELECT 1 AS a";
    rig.post(lambdas, lambda("i", insert)).await;
    let answer = rig
        .call_as(&key, "POST", &format!("{lambdas}/i/tags/latest"), None)
        .await;
    forbidden(&answer);
    // Nobody gets at more by writing one, or by another version of one.
    for (path, name) in [
        (lambdas.to_owned(), "m"),
        (format!("{lambdas}/l/versions"), "l"),
    ] {
        let body = lambda(name, "SELECT _id FROM closed.c");
        let answer = rig.call_as(&key, "POST", &path, Some(body)).await;
        forbidden(&answer);
    }
    let only = rig
        .key_with("executor", &[("EXECUTE_QUERY_LAMBDA_WS", "open")])
        .await;
    forbidden(&rig.call_as(&only, "POST", &execute, None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_query_lambda_tells_nobody_what_it_reads() {
    let rig = rig().await;
    let body = json!({
        "name": "l",
        "sql": { "query": "SELECT w FROM closed.c" },
        "is_public": true,
    });
    let made = rig.post("/v1/orgs/self/ws/open/lambdas", body).await;
    let id = made["data"]["public_access_id"].as_str().unwrap();
    let path = format!("/v1/public/shared_lambdas/{id}");
    let answer = rig.send("POST", &path, &[], "").await.ok();
    assert_eq!(answer["results"], json!([{ "w": "closed" }]));
    assert_eq!(answer["collections"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_needs_the_privilege_to_write_there() {
    let rig = rig().await;
    let reader = key(&rig, &["QUERY_DATA_WS"]).await;
    let insert = "INSERT INTO open.c SELECT 1 AS a";
    forbidden(&query(&rig, &reader, insert).await);
    let writer = rig
        .key_with(
            "writer",
            &[("WRITE_DATA_WS", "open"), ("QUERY_VI", "*ALL*")],
        )
        .await;
    query(&rig, &writer, insert).await.ok();
    for name in ["c", "none"] {
        let sql = format!("INSERT INTO closed.{name} SELECT 1 AS a");
        let message = forbidden(&query(&rig, &writer, &sql).await);
        assert!(message.contains("WRITE_DATA_WS on `closed`"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_what_the_key_may_list() {
    let rig = rig().await;
    for workspace in ["open", "closed"] {
        let path = format!("/v1/orgs/self/ws/{workspace}");
        let alias = json!({ "name": "a", "collections": ["open.c"] });
        rig.post(&format!("{path}/aliases"), alias).await;
        let view = json!({ "name": "v", "query": "SELECT 1" });
        rig.post(&format!("{path}/views"), view).await;
        let lambda = json!({ "name": "l", "sql": { "query": "SELECT 1" } });
        rig.post(&format!("{path}/lambdas"), lambda).await;
    }
    let key = rig
        .key_with(
            "lister",
            &[("LIST_RESOURCES_WS", "open"), ("LIST_VI_GLOBAL", "*ALL*")],
        )
        .await;
    let instance = rig.get("/v1/orgs/self/virtualinstances").await["data"][0]["id"].clone();
    let mounts = format!("virtualinstances/{}/mounts", instance.as_str().unwrap());
    // The collection of events is in neither workspace.
    for (list, count) in [
        ("collections", 3),
        ("aliases", 2),
        ("views", 2),
        ("lambdas", 2),
        (mounts.as_str(), 3),
    ] {
        let path = format!("/v1/orgs/self/{list}");
        let all = rig.get(&path).await["data"].as_array().unwrap().len();
        let answer = rig.call_as(&key, "GET", &path, None).await.ok();
        let data = answer["data"].as_array().unwrap();
        assert_eq!((all, data.len()), (count, 1), "{list}");
        assert!(!answer.to_string().contains("closed"), "{answer}");
    }
    let path = "/v1/orgs/self/ws/open/collections/c";
    let aliases = |answer: Value| answer["data"]["aliases"].as_array().unwrap().len();
    assert_eq!(aliases(rig.get(path).await), 2);
    let answer = rig.call_as(&key, "GET", path, None).await.ok();
    assert_eq!(aliases(answer), 1);
    let path = "/v1/orgs/self/virtualinstances";
    let mount = format!("{path}/{}/mounts/closed.c", instance.as_str().unwrap());
    forbidden(&rig.call_as(&key, "GET", &mount, None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_no_dependant_that_the_key_may_not_list() {
    let rig = rig().await;
    for workspace in ["open", "closed"] {
        let alias = json!({ "name": "secret", "collections": ["open.c"] });
        rig.post(&format!("/v1/orgs/self/ws/{workspace}/aliases"), alias)
            .await;
    }
    let key = key(&rig, &["DELETE_COLLECTION_WS", "LIST_RESOURCES_WS"]).await;
    let path = "/v1/orgs/self/ws/open/collections/c";
    let answer = rig.call_as(&key, "DELETE", path, None).await;
    let body = answer.failure(400, "DEPENDENTRESOURCES");
    assert_eq!(
        body["message"],
        "collection `open.c` is used by alias `open.secret`, 1 of workspaces that are not shown"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_needs_the_privilege_to_use_its_integration() {
    let rig = rig().await;
    let s3 = json!({ "aws_access_key": {
        "aws_access_key_id": "a", "aws_secret_access_key": "b",
    } });
    rig.post(
        "/v1/orgs/self/integrations",
        json!({ "name": "i", "s3": s3 }),
    )
    .await;
    let source = json!({ "integration_name": "i", "s3": { "bucket": "b" } });
    let sources = "/v1/orgs/self/ws/open/collections/c/sources";
    let collections = "/v1/orgs/self/ws/open/collections";
    let collection = |name: &str| json!({ "name": name, "sources": [source.clone()] });
    let without = key(&rig, &["UPDATE_COLLECTION_WS", "CREATE_COLLECTION_WS"]).await;
    let calls = [(sources, source.clone()), (collections, collection("d"))];
    for (path, body) in calls.clone() {
        let message = forbidden(&rig.call_as(&without, "POST", path, Some(body)).await);
        assert!(
            message.contains("CREATE_COLLECTION_INTEGRATION on `i`"),
            "{message}"
        );
    }
    let with = rig
        .key_with(
            "with",
            &[
                ("UPDATE_COLLECTION_WS", "open"),
                ("CREATE_COLLECTION_WS", "open"),
                ("CREATE_COLLECTION_INTEGRATION", "i"),
            ],
        )
        .await;
    for (path, body) in calls {
        rig.call_as(&with, "POST", path, Some(body)).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_seen_by_who_sent_it_and_by_who_may_do_all_that_its_sender_may() {
    let rig = rig().await;
    let body = json!({ "sql": { "query": "SELECT w FROM closed.c" }, "async": true });
    let id = rig.post(QUERIES, body).await["query_id"].clone();
    let path = format!("{QUERIES}/{}", id.as_str().unwrap());
    let key = key(&rig, &["QUERY_DATA_WS"]).await;
    for (method, path) in [
        ("GET", path.clone()),
        ("DELETE", path.clone()),
        ("GET", format!("{path}/pages")),
    ] {
        let answer = rig.call_as(&key, method, &path, None).await;
        answer.failure(404, "NOTFOUND");
    }
    let own = query(&rig, &key, "SELECT w FROM open.c").await.ok();
    let path = format!("{QUERIES}/{}", own["query_id"].as_str().unwrap());
    rig.call_as(&key, "GET", &path, None).await.ok();
    // The admin may do all that this key may.
    rig.get(&path).await;
    let instances = "/v1/orgs/self/virtualinstances";
    let instance = rig.get(instances).await["data"][0]["id"].clone();
    let queries = format!("{instances}/{}/queries", instance.as_str().unwrap());
    assert_eq!(rig.get(&queries).await["data"].as_array().unwrap().len(), 2);
    let lister = rig.key_with("lister", &[("LIST_VI_GLOBAL", "*ALL*")]).await;
    let seen = rig.call_as(&lister, "GET", &queries, None).await.ok();
    assert_eq!(seen["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_writes_where_its_key_may_write() {
    let rig = rig().await;
    for (name, collection) in [("a", "open.c"), ("b", "closed.c")] {
        let alias = json!({ "name": name, "collections": [collection] });
        rig.post("/v1/orgs/self/ws/open/aliases", alias).await;
    }
    let key = key(&rig, &["WRITE_DATA_WS", "QUERY_DATA_WS"]).await;
    query(&rig, &key, "INSERT INTO open.a SELECT 2 AS n")
        .await
        .ok();
    for sql in [
        "INSERT INTO open.b SELECT 2 AS n",
        "INSERT INTO closed.none SELECT 2 AS n",
    ] {
        let message = forbidden(&query(&rig, &key, sql).await);
        assert!(message.contains("`closed`"), "{sql}: {message}");
    }
    assert_eq!(
        rig.rows("SELECT COUNT(*) AS n FROM closed.c").await,
        json!([{ "n": 1 }])
    );
}
