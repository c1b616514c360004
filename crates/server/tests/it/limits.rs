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
