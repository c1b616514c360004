//! Input that is wrong, huge or hostile: a clear answer, no panic, nothing lost.

use serde_json::{Value, json};

use crate::Rig;
use crate::client::COLLECTION;

async fn rig() -> Rig {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "_id": "kept", "a": 1 }])).await;
    rig
}

async fn check_alive(rig: &Rig) {
    let data = rig.add(json!([{ "_id": "alive" }])).await;
    assert_ne!(data[0]["status"], "ERROR");
    assert!(rig.stored("kept").is_some());
}

fn docs() -> String {
    format!("{COLLECTION}/docs")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_is_refused_as_a_whole() {
    let rig = rig().await;
    let bodies: Vec<Vec<u8>> = vec![
        b"{\"data\": [{\"a\": 1}".to_vec(),
        b"not json".to_vec(),
        b"{\"data\": [{\"a\": NaN}]}".to_vec(),
        b"{\"data\": [{\"a\": Infinity}]}".to_vec(),
        b"{\"data\": [{\"a\": 01}]}".to_vec(),
        b"{\"data\": [{\"a\": 1,}]}".to_vec(),
        b"{\"data\": [{\"a\": \"\xff\xfe\"}]}".to_vec(),
        b"{\"data\": [{\"a\": \"\\ud800\"}]}".to_vec(),
        b"{\"data\": []} trailing".to_vec(),
        b"\xef\xbb\xbf{".to_vec(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let answer = rig.call_bytes("POST", &docs(), body).await;
        assert_eq!(answer.status, 400, "{shown}: {answer:?}");
        answer.failure(400, "INVALIDINPUT");
    }
    check_alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_list_of_documents_is_refused() {
    let rig = rig().await;
    for body in [
        json!({}),
        json!([]),
        json!({ "data": null }),
        json!({ "data": {} }),
        json!(1),
    ] {
        for method in ["POST", "PATCH", "DELETE"] {
            let answer = rig.call(method, &docs(), Some(body.clone())).await;
            answer.failure(400, "INVALIDINPUT");
        }
    }
    rig.call("POST", &docs(), None)
        .await
        .failure(400, "INVALIDINPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_keys_keep_the_last_value() {
    let rig = rig().await;
    let body = r#"{"data": [{"_id": "d", "a": 1, "a": 2, "o": {"x": 1, "x": 3}}]}"#;
    rig.call_bytes("POST", &docs(), body).await.ok();
    let document = rig.stored("d").unwrap();
    assert_eq!(document["a"], outcrop_document::Value::Int(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_levels_are_refused() {
    let rig = rig().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let body = format!("{{\"data\": [{{\"_id\": \"deep\", \"a\": {deep}}}]}}");
        let answer = rig.call_bytes("POST", &docs(), body).await;
        let message = answer.failure(400, "INVALIDINPUT")["message"].clone();
        assert!(message.as_str().unwrap().contains("nest"), "{message}");
    }
    let query = json!({ "sql": { "query": "SELECT 1", "parameters": [] } }).to_string();
    let query = query.replace(
        "[]",
        &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
    );
    rig.call_bytes("POST", "/v1/orgs/self/queries", query)
        .await
        .failure(400, "INVALIDINPUT");
    check_alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_40_mb_is_refused_with_the_limit() {
    let rig = rig().await;
    let body = format!("{{\"data\": [{{\"a\": \"{}\"}}]}}", "x".repeat(40_000_000));
    let answer = rig.call_bytes("POST", &docs(), body).await;
    let body = answer.failure(413, "CONTENTTOOLARGE");
    assert!(
        body["message"].as_str().unwrap().contains("10485760"),
        "{body}"
    );
    check_alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_document_within_the_limit_is_kept() {
    let rig = rig().await;
    let body = json!({ "data": [{ "_id": "large", "a": "x".repeat(9_000_000) }] });
    let answer = rig.call("POST", &docs(), Some(body)).await.ok();
    assert_eq!(answer["data"][0]["status"], "ADDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_to_what_does_not_exist_is_404() {
    let rig = rig().await;
    for (path, key) in [
        (
            "/v1/orgs/self/ws/commons/collections/none/docs",
            "COLLECTION_DOES_NOT_EXIST",
        ),
        (
            "/v1/orgs/self/ws/none/collections/c/docs",
            "COLLECTION_DOES_NOT_EXIST",
        ),
    ] {
        for method in ["POST", "PATCH", "DELETE"] {
            let answer = rig.call(method, path, Some(json!({ "data": [{}] }))).await;
            assert_eq!(answer.failure(404, "NOTFOUND")["message_key"], key);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_of_fields_are_kept() {
    let rig = rig().await;
    let document = json!({ "_id": "odd", "": 1, "a.b": 2, "ü ñ": 3, "_x": 4, "\u{0}": 5, "\"": 6 });
    let data = rig.add(json!([document])).await;
    assert_eq!(data[0]["status"], "ADDED", "{data:?}");
    let names: Vec<String> = rig.stored("odd").unwrap().into_keys().collect();
    assert_eq!(
        names,
        ["", "\u{0}", "\"", "_event_time", "_id", "_x", "a.b", "ü ñ"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_a_query_are_checked() {
    let rig = rig().await;
    let path = "/v1/orgs/self/queries";
    let cases: [(Value, u16, &str); 7] = [
        (json!({}), 400, "INVALIDINPUT"),
        (json!({ "sql": null }), 400, "INVALIDINPUT"),
        (json!({ "sql": {} }), 400, "INVALIDINPUT"),
        (json!({ "sql": { "query": 5 } }), 400, "INVALIDINPUT"),
        (
            json!({ "sql": { "query": "SELECT 1" }, "timeout_ms": 0 }),
            400,
            "INVALIDINPUT",
        ),
        (
            json!({ "sql": { "query": "SELECT 1", "default_row_limit": -1 } }),
            400,
            "INVALIDINPUT",
        ),
        (
            json!({ "sql": { "query": "SELECT :p", "parameters": [{ "name": "p", "type": "int", "value": "x" }] } }),
            400,
            "QUERY_ERROR",
        ),
    ];
    for (body, status, error_type) in cases {
        rig.call("POST", path, Some(body))
            .await
            .failure(status, error_type);
    }
}
