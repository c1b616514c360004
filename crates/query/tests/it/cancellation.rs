//! A query that is stopped gives its thread back, whatever it is at.

use std::time::Duration;

use outcrop_query::{EngineOptions, QueryError, QueryRequest};

use crate::fixture::{Fixture, Layout, documents, request, rows};

/// Documents that all have the same key: three of them are in eight billion ways in a row.
const DOCUMENTS: usize = 2000;

/// Each would take hours.
const JOINS: &[&str] = &[
    "SELECT COUNT(*) FROM t a JOIN t b ON a.k = b.k JOIN t c ON b.k = c.k WHERE a.n + b.n + c.n = -1",
    "SELECT SUM(a.n + b.n + c.n) FROM t a JOIN t b ON a.k = b.k JOIN t c ON b.k = c.k",
    "SELECT COUNT(*) FROM t a JOIN t b ON a.n < b.n + 9999 JOIN t c ON b.n < c.n + 9999 AND a.n + c.n = -1",
    "SELECT MAX(a.n + b.n + c.n) FROM t a, t b, t c",
];

#[tokio::test]
async fn joins_stop_with_their_query() {
    let texts = (0..DOCUMENTS).map(|n| format!(r#"{{"_id": "{n}", "k": 1, "n": {n}}}"#));
    let text = format!("[{}]", texts.collect::<Vec<_>>().join(","));
    let mut fixture = Fixture::of(Layout::Delta);
    fixture.insert("commons.t", Layout::Delta.snapshot(&documents(&text)));
    // One thread: who does not give it back holds everybody up.
    let engine = fixture.engine_with(EngineOptions {
        partitions: 1,
        ..EngineOptions::default()
    });
    for sql in JOINS {
        let request = QueryRequest {
            timeout: Duration::from_millis(200),
            ..request(sql)
        };
        let stopped = engine.execute(request).await;
        assert!(
            matches!(stopped, Err(QueryError::Timeout)),
            "{sql}: {stopped:?}"
        );
        assert_eq!(rows(&engine, "SELECT 1 AS one").await, r#"[{"one":1}]"#);
    }
}
