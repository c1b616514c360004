//! Limits of size and concurrency.

use std::time::Duration;

use serde_json::json;

use crate::Rig;
use crate::client::COLLECTION;

fn docs() -> String {
    format!("{COLLECTION}/docs")
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_documents_are_refused_as_a_whole() {
    let rig = Rig::start_with(|config| config.limits.write_documents_max = 2).await;
    rig.create_collection("c").await;
    rig.add(json!([{}, {}])).await;
    let body = json!({ "data": [{}, {}, {}] });
    let answer = rig.call("POST", &docs(), Some(body)).await;
    answer.failure(400, "INVALIDINPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_larger_limit_lets_larger_bodies_in_but_not_larger_documents() {
    let rig = Rig::start_with(|config| {
        config.limits.write_body_bytes_max = 4_000;
        config.limits.document_bytes_max = 1_000;
    })
    .await;
    rig.create_collection("c").await;
    let data = rig
        .add(json!([{ "a": "x".repeat(500) }, { "a": "x".repeat(1_500) }]))
        .await;
    assert_eq!(data[0]["status"], "ADDED");
    assert_eq!(data[1]["status"], "ERROR");
    assert_eq!(data[1]["error"]["type"], "CONTENTTOOLARGE");
    let body = json!({ "data": [{ "a": "x".repeat(5_000) }] });
    rig.call("POST", &docs(), Some(body))
        .await
        .failure(413, "CONTENTTOOLARGE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_that_grows_too_large_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let rig = Rig::start_with(|config| config.limits.write_body_bytes_max = 1_000).await;
    rig.create_collection("c").await;
    let mut stream = tokio::net::TcpStream::connect(rig.server().http_addr())
        .await
        .unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: ApiKey test-key\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        docs()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..10 {
        let chunk = format!("c8\r\n{}\r\n", "x".repeat(200));
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
    assert!(response.contains("CONTENTTOOLARGE"), "{response}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_queries_and_writes_are_429() {
    let rig = Rig::start_with(|config| {
        config.limits.queries_max = 0;
        config.limits.queries_waiting_max = 0;
        config.limits.writes_max = 0;
    })
    .await;
    rig.create_collection("c").await;
    let query = json!({ "sql": { "query": "SELECT 1" } });
    let answer = rig.call("POST", "/v1/orgs/self/queries", Some(query)).await;
    answer.failure(429, "RATELIMITEXCEEDED");
    assert_eq!(answer.headers["retry-after"], "1");
    let answer = rig
        .call("POST", &docs(), Some(json!({ "data": [{}] })))
        .await;
    answer.failure(429, "RATELIMITEXCEEDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_is_not_waited_for_at_shutdown() {
    let rig = Rig::start_with(|config| config.shutdown_grace = Duration::from_millis(50)).await;
    let _idle = tokio::net::TcpStream::connect(rig.server().http_addr())
        .await
        .unwrap();
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_stops_its_query() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let rig = Rig::start_with(|config| {
        config.limits.queries_max = 1;
        config.limits.queries_waiting_max = 0;
    })
    .await;
    let sql = "SELECT COUNT(*) FROM UNNEST(SEQUENCE(1, 3000)) AS a CROSS JOIN \
               UNNEST(SEQUENCE(1, 3000)) AS b CROSS JOIN UNNEST(SEQUENCE(1, 3000)) AS d";
    let body = json!({ "sql": { "query": sql } }).to_string();
    let mut stream = tokio::net::TcpStream::connect(rig.server().http_addr())
        .await
        .unwrap();
    let head = format!(
        "POST /v1/orgs/self/queries HTTP/1.1\r\nhost: x\r\nauthorization: ApiKey test-key\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Until it has the one place: a query that came in between would take it, and this one be refused.
    let answered = tokio::time::timeout(Duration::from_millis(500), stream.read_u8()).await;
    assert!(answered.is_err(), "the long query was answered");
    let other = || json!({ "sql": { "query": "SELECT 1 AS x" } });
    let path = "/v1/orgs/self/queries";
    let mut refused = false;
    for _ in 0..200 {
        refused = rig.call("POST", path, Some(other())).await.status == 429;
        if refused {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(refused, "the long query never ran");
    drop(stream);
    for _ in 0..500 {
        if rig.call("POST", path, Some(other())).await.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the query goes on although nobody waits for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_lose_nothing() {
    let rig = std::sync::Arc::new(Rig::start().await);
    rig.create_collection("c").await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let rig = std::sync::Arc::clone(&rig);
        writers.spawn(async move {
            for batch in 0..10 {
                let id = |number: u32| format!("{writer}-{batch}-{number}");
                let documents = [id(0), id(1), id(2)].map(|id| json!({ "_id": id }));
                let statuses = rig.add(json!(documents)).await;
                assert!(statuses.iter().all(|status| status["status"] == "ADDED"));
            }
        });
    }
    writers.join_all().await;
    let count = rig.get(COLLECTION).await["data"]["stats"]["doc_count"].clone();
    assert_eq!(count, 16 * 10 * 3);
}
