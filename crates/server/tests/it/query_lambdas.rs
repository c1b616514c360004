//! `/v1/orgs/self/lambdas`, those of a workspace, and their execution.

use serde_json::{Value, json};

use crate::Rig;
use crate::client::COLLECTION;

const LAMBDAS: &str = "/v1/orgs/self/ws/commons/lambdas";
const LAMBDA: &str = "/v1/orgs/self/ws/commons/lambdas/q";
const SQL: &str = "SELECT c.x FROM c WHERE c.x = :x";

/// A collection `c` with three documents, and a query lambda `q` over it.
async fn rig() -> (Rig, Value) {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "x": 1 }, { "x": 2 }, { "x": "2" }])).await;
    let parameters = json!([{ "name": "x", "type": "int", "value": "2" }]);
    let sql = json!({ "query": SQL, "default_parameters": parameters });
    let version = rig.post(LAMBDAS, json!({ "name": "q", "sql": sql })).await;
    (rig, version["data"].clone())
}

/// Another version of `q`, which gives `value`.
async fn another(rig: &Rig, value: i64) -> Value {
    let sql = json!({ "query": format!("SELECT {value} AS v") });
    let versions = format!("{LAMBDA}/versions");
    rig.post(&versions, json!({ "sql": sql })).await["data"].clone()
}

fn name(version: &Value) -> &str {
    version["version"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_lambda_is_made_listed_and_deleted() {
    let (mut rig, version) = rig().await;
    let never = json!({
        "last_executed": null,
        "last_executed_by": null,
        "last_execution_error": null,
        "last_execution_error_message": null,
    });
    let expected = json!({
        "workspace": "commons",
        "created_by": version["created_by"],
        "created_by_apikey_name": "bootstrap",
        "created_at": version["created_at"],
        "name": "q",
        "version": version["version"],
        "description": null,
        "sql": {
            "query": SQL,
            "default_parameters": [{ "name": "x", "type": "int", "value": "2" }],
        },
        "collections": ["commons.c"],
        "state": "ACTIVE",
        "stats": never,
        "public_access_id": null,
    });
    assert_eq!(version, expected);
    assert!(name(&version).len() == 16 && name(&version).bytes().all(|b| b.is_ascii_hexdigit()));
    rig.restart().await;
    let path = format!("{LAMBDA}/versions/{}", name(&version));
    assert_eq!(rig.get(&path).await["data"], version);
    let lambda = json!({
        "workspace": "commons",
        "name": "q",
        "last_updated_by": version["created_by"],
        "last_updated": version["created_at"],
        "version_count": 1,
        "collections": ["commons.c"],
        "latest_version": version,
    });
    for list in [LAMBDAS, "/v1/orgs/self/lambdas"] {
        assert_eq!(rig.get(list).await["data"], json!([lambda]));
    }
    assert_eq!(rig.call("DELETE", LAMBDA, None).await.ok()["data"], lambda);
    assert_eq!(rig.get(LAMBDAS).await["data"], json!([]));
    let error = rig.call("GET", &path, None).await.failure(404, "NOTFOUND");
    assert_eq!(error["message_key"], "QUERY_NOT_FOUND");
    let message = "Query Lambda \"q\" not found in workspace \"commons\".";
    assert_eq!(error["message"], message);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_query_lambda_names_may_go_and_come_again() {
    let (rig, version) = rig().await;
    rig.call("DELETE", COLLECTION, None).await.ok();
    let path = format!("{LAMBDA}/versions/{}", name(&version));
    assert_eq!(rig.get(&path).await["data"], version);
    let error = rig.call("POST", &path, None).await;
    let error = error.failure(400, "QUERY_ERROR");
    assert_eq!(error["message"], "collection `commons.c` does not exist");
    let lambda = rig.get(LAMBDAS).await["data"][0].clone();
    let stats = &lambda["latest_version"]["stats"];
    assert_eq!(stats["last_execution_error_message"], error["message"]);
    rig.create_collection("c").await;
    rig.add(json!([{ "x": 2, "y": 3 }])).await;
    let rows = rig.call("POST", &path, None).await.ok()["results"].clone();
    assert_eq!(rows, json!([{ "x": 2 }]));

    // A view over the collection goes as well, but not before the collection while it is there.
    let view = json!({ "name": "v", "query": "SELECT c.x FROM commons.c" });
    rig.post("/v1/orgs/self/ws/commons/views", view).await;
    let sql = json!({ "query": "SELECT v.x FROM commons.v" });
    rig.post(LAMBDAS, json!({ "name": "of_view", "sql": sql }))
        .await;
    let error = rig.call("DELETE", COLLECTION, None).await;
    let error = error.failure(400, "DEPENDENTRESOURCES");
    let message = "collection `commons.c` is used by view `commons.v`";
    assert_eq!(error["message"], message);
    let view = "/v1/orgs/self/ws/commons/views/v";
    rig.call("DELETE", view, None).await.ok();
    rig.call("DELETE", COLLECTION, None).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_all_query_lambdas_are_listed() {
    let (rig, first) = rig().await;
    let second = another(&rig, 7).await;
    let tag = json!({ "tag_name": "live", "version": first["version"] });
    rig.post(&format!("{LAMBDA}/tags"), tag).await;
    rig.post("/v1/orgs/self/ws", json!({ "name": "w" })).await;
    let elsewhere = "/v1/orgs/self/ws/w/lambdas";
    let request = json!({ "name": "r", "sql": { "query": "SELECT 1 AS v" } });
    let other = rig.post(elsewhere, request).await["data"].clone();
    let tag = json!({ "tag_name": "live", "version": other["version"] });
    rig.post(&format!("{elsewhere}/r/tags"), tag).await;
    let tag = json!({ "tag_name": "green", "version": other["version"] });
    rig.post(&format!("{elsewhere}/r/tags"), tag).await;

    let tags = "/v1/orgs/self/lambdas/tags";
    let names = |list: &[&str]| {
        let tags = list.iter();
        let tags = tags.map(|name| json!({ "tag_name": name, "version": null }));
        Value::Array(tags.collect())
    };
    let all = names(&["green", "latest", "live"]);
    assert_eq!(rig.get(tags).await["data"], all);
    for (tag, versions) in [
        ("live", json!([first, other])),
        ("latest", json!([second, other])),
        ("green", json!([other])),
        ("none", json!([])),
    ] {
        let listed = rig.get(&format!("{tags}/{tag}")).await["data"].clone();
        assert_eq!(listed, versions, "{tag}");
    }

    // Of workspaces that a key may not list nothing is shown.
    let key = rig
        .key_with("lister", &[("LIST_RESOURCES_WS", "commons")])
        .await;
    let listed = rig.call_as(&key, "GET", tags, None).await.ok()["data"].clone();
    assert_eq!(listed, names(&["latest", "live"]));
    let live = format!("{tags}/live");
    let listed = rig.call_as(&key, "GET", &live, None).await.ok()["data"].clone();
    assert_eq!(listed, json!([first]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_named_by_its_content() {
    let (rig, first) = rig().await;
    let second = another(&rig, 7).await;
    assert_ne!(second["version"], first["version"]);
    assert_eq!(another(&rig, 7).await["version"], second["version"]);
    let versions = format!("{LAMBDA}/versions");
    assert_eq!(rig.get(&versions).await["data"], json!([first, second]));
    let again = json!({ "sql": first["sql"] });
    let again = rig.post(&versions, again).await["data"].clone();
    assert_eq!(again, first);
    let lambdas = rig.get(LAMBDAS).await["data"].clone();
    assert_eq!(lambdas[0]["latest_version"], first);
    assert_eq!(lambdas[0]["version_count"], 2);
    rig.call("DELETE", LAMBDA, None).await.ok();
    let request = json!({ "name": "q", "sql": second["sql"] });
    let anew = rig.post(LAMBDAS, request).await["data"].clone();
    assert_eq!(anew["version"], second["version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_makes_a_missing_query_lambda_only_if_told_to() {
    let rig = Rig::start().await;
    let request = json!({ "sql": { "query": "SELECT 1 AS v" } });
    let versions = format!("{LAMBDA}/versions");
    let missing = rig.call("POST", &versions, Some(request.clone())).await;
    missing.failure(404, "NOTFOUND");
    let made = rig.post(&format!("{versions}?create=true"), request).await;
    assert_eq!(made["data"]["name"], "q");
    let path = format!("{LAMBDA}/tags/latest");
    assert_eq!(
        rig.post(&path, json!({})).await["results"],
        json!([{ "v": 1 }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_name_versions_and_latest_follows_the_newest() {
    let (rig, first) = rig().await;
    let second = another(&rig, 7).await;
    let tags = format!("{LAMBDA}/tags");
    let request = json!({ "tag_name": "live", "version": first["version"] });
    let tag = rig.post(&tags, request).await["data"].clone();
    assert_eq!(tag, json!({ "tag_name": "live", "version": first }));
    let latest = json!({ "tag_name": "latest", "version": second });
    assert_eq!(rig.get(&tags).await["data"], json!([latest, tag]));
    let live = format!("{tags}/live");
    assert_eq!(rig.get(&live).await["data"], tag);
    let rows = rig.post(&live, json!({})).await["results"].clone();
    assert_eq!(rows, json!([{ "x": 2 }]));

    let request = json!({ "tag_name": "live", "version": second["version"] });
    rig.post(&tags, request).await;
    let rows = rig.post(&live, json!({})).await["results"].clone();
    assert_eq!(rows, json!([{ "v": 7 }]));
    let third = another(&rig, 8).await;
    let rows = rig.post(&format!("{tags}/latest"), json!({})).await;
    assert_eq!(rows["results"], json!([{ "v": 8 }]));

    let path = format!("{LAMBDA}/version/{}", name(&third));
    let removed = rig.call("DELETE", &path, None).await.ok()["data"].clone();
    assert_eq!(removed["version"], third["version"]);
    let latest = rig.get(&format!("{tags}/latest")).await["data"].clone();
    assert_eq!(latest["version"]["version"], second["version"]);
    let deleted = rig.call("DELETE", &live, None).await.ok()["data"].clone();
    assert_eq!(deleted["version"]["version"], second["version"]);
    for path in [&live, &format!("{tags}/none")] {
        rig.call("GET", path, None).await.failure(404, "NOTFOUND");
        rig.call("POST", path, None).await.failure(404, "NOTFOUND");
        rig.call("DELETE", path, None)
            .await
            .failure(404, "NOTFOUND");
    }
    let latest = rig.call("DELETE", &format!("{tags}/latest"), None).await;
    latest.failure(400, "INVALIDINPUT");
    let request = json!({ "tag_name": "latest", "version": first["version"] });
    let latest = rig.call("POST", &tags, Some(request)).await;
    latest.failure(400, "INVALIDINPUT");
    let request = json!({ "tag_name": "t", "version": "0000000000000000" });
    let missing = rig.call("POST", &tags, Some(request)).await;
    let error = missing.failure(404, "NOTFOUND");
    let message =
        "Query Lambda \"q\" (version \"0000000000000000\") not found in workspace \"commons\".";
    assert_eq!(error["message"], message);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_version_takes_the_query_lambda_along() {
    let (rig, version) = rig().await;
    let path = format!("{LAMBDA}/version/{}", name(&version));
    rig.call("DELETE", &path, None).await.ok();
    assert_eq!(rig.get(LAMBDAS).await["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_the_caller_come_before_default_ones() {
    let (rig, version) = rig().await;
    let path = format!("{LAMBDA}/versions/{}", name(&version));
    let answer = rig.call("POST", &path, None).await.ok();
    assert_eq!(answer["results"], json!([{ "x": 2 }]));
    let lambda_path = format!("commons.q::{}", name(&version));
    assert_eq!(answer["query_lambda_path"], lambda_path);
    assert_eq!(answer["collections"], json!(["commons.c"]));
    let given = |kind: &str, value: &str| json!({ "parameters": [{ "name": "x", "type": kind, "value": value }] });
    let rows = rig.post(&path, given("int", "1")).await["results"].clone();
    assert_eq!(rows, json!([{ "x": 1 }]));
    let rows = rig.post(&path, given("string", "2")).await["results"].clone();
    assert_eq!(rows, json!([{ "x": "2" }]));
    let elsewhere = json!({ "virtual_instance_id": "rrn:vi:local:other" });
    let answer = rig.call("POST", &path, Some(elsewhere)).await;
    answer.failure(404, "NOTFOUND");
    let sql = json!({ "query": "SELECT x FROM c" });
    let all = rig
        .post(LAMBDAS, json!({ "name": "all", "sql": sql }))
        .await;
    let path = format!("{LAMBDAS}/all/versions/{}", name(&all["data"]));
    let rows = rig.post(&path, json!({ "default_row_limit": 2 })).await["results"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn default_values_are_shown_as_text() {
    let rig = Rig::start().await;
    let parameters = json!([
        { "name": "i", "type": "int", "value": 7 },
        { "name": "s", "type": "string", "value": "7" },
        { "name": "a", "type": "array", "value": [1, "x"] },
        { "name": "n", "type": "null", "value": null },
    ]);
    let query = "SELECT :i + 1 AS i, :s AS s, :a AS a, :n AS n";
    let sql = json!({ "query": query, "default_parameters": parameters });
    let made = rig.post(LAMBDAS, json!({ "name": "q", "sql": sql })).await["data"].clone();
    let shown: Vec<&Value> = made["sql"]["default_parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| &parameter["value"])
        .collect();
    assert_eq!(shown, ["7", "7", "[1,\"x\"]", "null"]);
    let path = format!("{LAMBDA}/versions/{}", name(&made));
    let rows = rig.post(&path, json!({})).await["results"].clone();
    let expected = json!([{ "i": 8, "s": "7", "a": [1, "x"], "n": null }]);
    assert_eq!(rows, expected);

    let parameters = json!([{ "name": "x", "type": "int", "value": null }]);
    let sql = json!({ "query": "SELECT :x", "default_parameters": parameters });
    let error = rig
        .call("POST", LAMBDAS, Some(json!({ "name": "r", "sql": sql })))
        .await;
    let error = error.failure(400, "INVALIDINPUT");
    assert_eq!(error["message"], "the default parameter `x` has no `value`");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_is_kept_and_says_so() {
    let rig = Rig::start().await;
    for (name, sql) in [
        ("a", json!({ "query": "SELECT * FROM nowhere" })),
        ("b", json!({ "query": "SELEC 1" })),
        (
            "d",
            json!({
                "query": "SELECT :x AS x",
                "default_parameters": [{ "name": "x", "type": "int", "value": "one" }],
            }),
        ),
    ] {
        let made = rig.post(LAMBDAS, json!({ "name": name, "sql": sql })).await["data"].clone();
        assert_eq!(made["state"], "INVALID_SQL", "{name}");
        assert_eq!(made["sql"]["query"], sql["query"]);
        let path = format!("{LAMBDAS}/{name}/versions/{}", self::name(&made));
        let error = rig.call("POST", &path, None).await.json();
        assert!(error["query_id"].is_string(), "{error}");
        let stats = rig.get(&path).await["data"]["stats"].clone();
        assert_eq!(stats["last_execution_error_message"], error["message"]);
        assert!(stats["last_execution_error"].is_string());
        assert_eq!(stats["last_executed_by"], made["created_by"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_one_is_executed_without_a_key_and_writes_nothing() {
    let (rig, version) = rig().await;
    let request = json!({ "sql": version["sql"], "is_public": true });
    let versions = format!("{LAMBDA}/versions");
    let shared = rig.post(&versions, request).await["data"].clone();
    assert_eq!(shared["version"], version["version"]);
    let id = shared["public_access_id"].as_str().unwrap();
    let path = format!("/v1/public/shared_lambdas/{id}");
    let json_body = [("content-type", "application/json")];
    let answer = rig.send("POST", &path, &json_body, "{}").await.ok();
    assert_eq!(answer["results"], json!([{ "x": 2 }]));
    let body = json!({ "parameters": [{ "name": "x", "type": "int", "value": "1" }] });
    let answer = rig.send("POST", &path, &json_body, body.to_string()).await;
    assert_eq!(answer.ok()["results"], json!([{ "x": 1 }]));
    let options = json!({ "async": true, "max_initial_results": 0 }).to_string();
    let answer = rig.send("POST", &path, &json_body, options).await.ok();
    assert_eq!(answer["results"], json!([{ "x": 2 }]));
    let unknown = "/v1/public/shared_lambdas/none";
    let answer = rig.send("POST", unknown, &json_body, "{}").await;
    answer.failure(404, "NOTFOUND");

    let sql = json!({ "query": "INSERT INTO commons.c SELECT 9 AS x" });
    let request = json!({ "name": "w", "sql": sql, "is_public": true });
    let writer = rig.post(LAMBDAS, request).await["data"].clone();
    let id = writer["public_access_id"].as_str().unwrap();
    let path = format!("/v1/public/shared_lambdas/{id}");
    let answer = rig.send("POST", &path, &json_body, "{}").await;
    answer.failure(403, "FORBIDDEN");
    let request = json!({ "sql": version["sql"] });
    let private = rig.post(&versions, request).await["data"].clone();
    assert_eq!(private["version"], version["version"]);
    assert_eq!(private["public_access_id"], Value::Null);
    let path = format!(
        "/v1/public/shared_lambdas/{}",
        shared["public_access_id"].as_str().unwrap()
    );
    let answer = rig.send("POST", &path, &json_body, "{}").await;
    answer.failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_say_what_is_wrong() {
    let (rig, version) = rig().await;
    for (path, request, error_type) in [
        (
            LAMBDAS,
            json!({ "name": "q", "sql": version["sql"] }),
            "ALREADYEXISTS",
        ),
        (LAMBDAS, json!({ "sql": version["sql"] }), "INVALIDINPUT"),
        (LAMBDAS, json!({ "name": "r" }), "INVALIDINPUT"),
        (
            LAMBDAS,
            json!({ "name": "a b", "sql": version["sql"] }),
            "INVALIDINPUT",
        ),
        (
            &format!("{LAMBDA}/tags"),
            json!({ "version": version["version"] }),
            "INVALIDINPUT",
        ),
        (
            &format!("{LAMBDA}/tags"),
            json!({ "tag_name": "t" }),
            "INVALIDINPUT",
        ),
    ] {
        let answer = rig.call("POST", path, Some(request)).await;
        answer.failure(400, error_type);
    }
    let workspace = "/v1/orgs/self/ws/none/lambdas";
    rig.call("GET", workspace, None)
        .await
        .failure(404, "NOTFOUND");
    rig.post("/v1/orgs/self/ws", json!({ "name": "w" })).await;
    let request = json!({ "name": "q", "sql": { "query": "SELECT 1" } });
    rig.post("/v1/orgs/self/ws/w/lambdas", request).await;
    let error = rig.call("DELETE", "/v1/orgs/self/ws/w", None).await;
    error.failure(400, "DEPENDENTRESOURCES");
}
