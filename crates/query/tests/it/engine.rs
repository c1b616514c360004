//! What an engine promises around the rows: names, limits, cancellation, errors.

use std::time::{Duration, Instant};

use outcrop_query::{Engine, EngineOptions, QueryError};

use crate::fixture::{Fixture, Layout, document, documents, parameters, request, rows, run};

fn engine_with(options: EngineOptions, rows: usize) -> Engine {
    let documents = (0..rows)
        .map(|i| {
            document(&format!(
                r#"{{"_id": "{i}", "n": {i}, "text": "text of {i}"}}"#
            ))
        })
        .collect::<Vec<_>>();
    let mut fixture = Fixture::default();
    fixture.insert("commons.t", Layout::Delta.snapshot(&documents));
    fixture.insert(
        "ws.sub.u",
        Layout::Delta.snapshot(&self::documents(r#"[{"_id": "1"}]"#)),
    );
    fixture.engine_with(options)
}

fn engine() -> Engine {
    engine_with(
        EngineOptions {
            partitions: 2,
            ..EngineOptions::default()
        },
        3,
    )
}

#[tokio::test]
async fn an_answer_names_its_collections_and_columns() {
    let sql = "SELECT t.n AS b, t.text AS a FROM t, ws.sub.u, commons.t AS again LIMIT 1";
    let output = run(&engine(), sql).await.unwrap();
    assert_eq!(output.collections, ["commons.t", "ws.sub.u"]);
    assert_eq!(output.column_fields.unwrap(), ["b", "a"]);
    assert_eq!(output.row_count, 1);
}

#[tokio::test]
async fn unnamed_columns_are_named_after_their_function() {
    let output = run(&engine(), "SELECT count(*), 1 + 1, MAX(n), 2 FROM t")
        .await
        .unwrap();
    assert_eq!(
        output.column_fields.unwrap(),
        ["?count", "?field0", "?max", "?field1"]
    );
}

#[tokio::test]
async fn a_default_limit_yields_to_a_written_one() {
    let engine = engine();
    for (sql, expected) in [
        ("SELECT n FROM t", 2),
        ("SELECT n FROM t LIMIT 3", 3),
        ("SELECT n FROM (SELECT n FROM t LIMIT 3) s", 2),
    ] {
        let mut request = request(sql);
        request.default_row_limit = Some(2);
        assert_eq!(
            engine.execute(request).await.unwrap().row_count,
            expected,
            "{sql}"
        );
    }
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped() {
    let engine = engine_with(
        EngineOptions {
            partitions: 2,
            ..EngineOptions::default()
        },
        5_000,
    );
    let mut request =
        request("SELECT COUNT(*) FROM t a, t b, t c WHERE a.n + b.n + c.n = 1 AND a.text < b.text");
    request.timeout = Duration::from_millis(300);
    let started = Instant::now();
    let error = engine.execute(request).await.unwrap_err();
    assert!(matches!(error, QueryError::Timeout), "{error:?}");
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    // The threads are free again.
    assert_eq!(
        rows(&engine, "SELECT COUNT(*) AS c FROM t WHERE n < 10").await,
        r#"[{"c":10}]"#
    );
}

#[tokio::test]
async fn a_result_beyond_its_bound_is_refused() {
    let options = EngineOptions {
        partitions: 1,
        result_bytes_max: 1_000,
        ..EngineOptions::default()
    };
    let engine = engine_with(options, 1_000);
    let error = run(&engine, "SELECT * FROM t").await.unwrap_err();
    assert!(
        matches!(error, QueryError::ResultTooLarge { limit_bytes: 1_000 }),
        "{error:?}"
    );
    assert_eq!(
        run(&engine, "SELECT * FROM t LIMIT 3")
            .await
            .unwrap()
            .row_count,
        3
    );
}

#[tokio::test]
async fn a_query_beyond_its_memory_is_refused() {
    let options = EngineOptions {
        partitions: 1,
        memory_bytes_max: 100_000,
        ..EngineOptions::default()
    };
    let engine = engine_with(options, 20_000);
    let sql = "SELECT text, COUNT(*) FROM t GROUP BY text ORDER BY text";
    let error = run(&engine, sql).await.unwrap_err();
    assert!(matches!(error, QueryError::MemoryLimit { .. }), "{error:?}");
    assert_eq!(
        rows(&engine, "SELECT COUNT(*) AS c FROM t WHERE n < 10").await,
        r#"[{"c":10}]"#
    );
}

#[tokio::test]
async fn rows_that_a_window_keeps_count_as_its_memory() {
    let options = EngineOptions {
        partitions: 1,
        memory_bytes_max: 100_000,
        ..EngineOptions::default()
    };
    let engine = engine_with(options, 20_000);
    let keeps_all = "SELECT text, COUNT(*) OVER () AS c FROM t LIMIT 1";
    let error = run(&engine, keeps_all).await.unwrap_err();
    assert!(matches!(error, QueryError::MemoryLimit { .. }), "{error:?}");
    let keeps_few = "SELECT MAX(r) AS m FROM (SELECT n, ROW_NUMBER() OVER () AS r FROM t)";
    assert_eq!(rows(&engine, keeps_few).await, r#"[{"m":20000}]"#);
}

#[tokio::test]
async fn errors_say_what_and_where() {
    let engine = engine();
    let error = run(&engine, "SELECT\n  nope(1)").await.unwrap_err();
    assert!(
        matches!(error, QueryError::UnknownFunction { .. }),
        "{error:?}"
    );
    let position = error.position().unwrap();
    assert_eq!((position.line, position.column), (2, 3));

    let error = run(&engine, "SELECT * FROM ws.none").await.unwrap_err();
    assert!(matches!(&error, QueryError::UnknownCollection { name, .. } if name == "ws.none"));

    let error = run(&engine, "SELECT 1 / (n - n) FROM t").await.unwrap_err();
    assert!(matches!(error, QueryError::Runtime { .. }), "{error:?}");
    assert_eq!(error.to_string(), "division by zero");
}

#[tokio::test]
async fn explain_gives_the_plan_as_rows_of_text() {
    let output = run(&engine(), "EXPLAIN SELECT n FROM t WHERE n > 1")
        .await
        .unwrap();
    assert_eq!(output.column_fields.unwrap(), ["plan"]);
    let text = String::from_utf8(output.rows_json).unwrap();
    assert!(text.starts_with(r#"[{"plan":""#), "{text}");
    assert!(
        text.contains("CollectionScan: commons.t, columns=[n]"),
        "{text}"
    );
}

#[tokio::test]
async fn validation_names_collections_and_parameters() {
    let engine = engine();
    let validation = engine
        .validate("SELECT :a, :b FROM t WHERE n = :a", "commons")
        .unwrap();
    assert_eq!(validation.collections, ["commons.t"]);
    assert_eq!(validation.parameters, ["a", "b"]);
    let found = engine.validate("SELECT * FROM u", "ws.sub").unwrap();
    assert_eq!(found.collections, ["ws.sub.u"]);
    assert!(matches!(
        engine.validate("SELECT * FROM none", "commons"),
        Err(QueryError::UnknownCollection { .. })
    ));
    assert!(matches!(
        engine.validate("SELECT FROM WHERE", "commons"),
        Err(QueryError::Syntax { .. })
    ));
}

#[tokio::test]
async fn parameters_are_values_not_text() {
    let engine = engine();
    let mut request = request("SELECT :p AS p, TYPEOF(:p) AS t");
    request.parameters = parameters(r#"[{"name": "p", "type": "string", "value": "1; DROP"}]"#);
    let output = engine.execute(request).await.unwrap();
    assert_eq!(output.rows_json, br#"[{"p":"1; DROP","t":"string"}]"#);
}

#[tokio::test]
async fn long_chains_and_deep_nesting_end_in_an_answer_or_an_error() {
    let engine = engine();
    let chain = |operator: &str| vec!["n = 1"; 2_000].join(operator);
    let statements = [
        format!("SELECT 1{} AS x", " + 1".repeat(200_000)),
        format!("SELECT COUNT(*) AS c FROM t WHERE {}", chain(" OR ")),
        format!("SELECT COUNT(*) AS c FROM t WHERE {}", chain(" AND ")),
        format!("SELECT {}TRUE AS x", "NOT ".repeat(100_000)),
        format!("SELECT n{} FROM t", ".a".repeat(100_000)),
        format!("SELECT {}1{} AS x", "ABS(".repeat(190), ")".repeat(190)),
        format!(
            "SELECT CASE {} END AS x",
            "WHEN 1 = 2 THEN 3 ".repeat(1_000)
        ),
        format!(
            "SELECT n FROM t WHERE n IN ({})",
            vec!["1"; 10_000].join(", ")
        ),
    ];
    for sql in statements {
        let start = &sql[..40];
        let outcome = run(&engine, &sql).await;
        assert_eq!(
            outcome.is_ok(),
            engine.validate(&sql, "commons").is_ok(),
            "{start}"
        );
        let is_bug = matches!(outcome, Err(QueryError::Internal { .. }));
        assert!(!is_bug, "{start}: {outcome:?}");
    }
}
