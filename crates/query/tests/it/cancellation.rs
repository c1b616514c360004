//! A query that is stopped gives its thread back, whatever it is at.

use std::time::Duration;

use outcrop_query::{EngineOptions, QueryError, QueryRequest};

use crate::fixture::{Fixture, Layout, documents, request, rows};

/// Documents that all have the same key, and a list: there are eight billion ways to take three of them, and more to take
/// elements.
const DOCUMENTS: usize = 2000;
const ELEMENTS: usize = 100;

/// Each would take hours.
const STATEMENTS: &[&str] = &[
    "SELECT COUNT(*) FROM t a JOIN t b ON a.k = b.k JOIN t c ON b.k = c.k WHERE a.n + b.n + c.n = -1",
    "SELECT SUM(a.n + b.n + c.n) FROM t a JOIN t b ON a.k = b.k JOIN t c ON b.k = c.k",
    "SELECT COUNT(*) FROM t a JOIN t b ON a.n < b.n + 9999 JOIN t c ON b.n < c.n + 9999 AND a.n + c.n = -1",
    "SELECT MAX(a.n + b.n + c.n) FROM t a, t b, t c",
    "SELECT SUM(a + b + c + d) FROM t, UNNEST(t.l) AS a, UNNEST(t.l) AS b, UNNEST(t.l) AS c, UNNEST(t.l) AS d",
];

#[tokio::test]
async fn what_makes_many_rows_of_few_stops_with_its_query() {
    let list = vec!["1"; ELEMENTS].join(",");
    let texts =
        (0..DOCUMENTS).map(|n| format!(r#"{{"_id": "{n}", "k": 1, "n": {n}, "l": [{list}]}}"#));
    let text = format!("[{}]", texts.collect::<Vec<_>>().join(","));
    let mut fixture = Fixture::of(Layout::Delta);
    fixture.insert("commons.t", Layout::Delta.snapshot(&documents(&text)));
    // One thread: who does not give it back holds everybody up.
    let engine = fixture.engine_with(EngineOptions {
        partitions: 1,
        ..EngineOptions::default()
    });
    for sql in STATEMENTS {
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
