//! The scan gives the same rows however documents lie, and reads no more than it must.

use outcrop_query::{Engine, EngineOptions};
use outcrop_storage::DeletionVector;

use crate::fixture::{
    Fixture, Layout, chunk, document, documents, rows, run, segment_of, snapshot,
};

fn engine(layout: Layout, text: &str) -> Engine {
    let mut fixture = Fixture::of(layout);
    fixture.insert("commons.t", layout.snapshot(&documents(text)));
    fixture.engine()
}

/// The rows of `sql` over the same documents in every layout, which must agree.
async fn check(text: &str, sql: &str, expected: &str) {
    for layout in Layout::ALL {
        assert_eq!(
            rows(&engine(layout, text), sql).await,
            expected,
            "{layout:?}: {sql}"
        );
    }
}

const TYPES: &str = r#"[
    {"_id": "a", "x": 1, "y": 1},
    {"_id": "b", "x": "1", "y": 2.5},
    {"_id": "c", "x": {"z": [1, 2.0]}, "y": 3},
    {"_id": "d", "x": null},
    {"_id": "e"},
    {"_id": "f", "x": 1.0, "y": null},
    {"_id": "g", "x": [true], "w": {"deep": {"er": "q"}}}
]"#;

#[tokio::test]
async fn values_keep_their_types_in_every_layout() {
    check(
        TYPES,
        "SELECT _id, x, y FROM t ORDER BY _id",
        concat!(
            r#"[{"_id":"a","x":1,"y":1},{"_id":"b","x":"1","y":2.5},"#,
            r#"{"_id":"c","x":{"z":[1,2.0]},"y":3},{"_id":"d","x":null,"y":null},"#,
            r#"{"_id":"e","x":null,"y":null},{"_id":"f","x":1.0,"y":null},"#,
            r#"{"_id":"g","x":[true],"y":null}]"#,
        ),
    )
    .await;
}

#[tokio::test]
async fn filters_reach_the_values_of_every_part() {
    let ids = |ids: &str| {
        let rows = ids
            .chars()
            .map(|id| format!(r#"{{"_id":"{id}"}}"#))
            .collect::<Vec<_>>();
        format!("[{}]", rows.join(","))
    };
    for (condition, expected) in [
        ("x = 1", "af"),
        ("x = '1'", "b"),
        ("y > 1", "bc"),
        ("y = 1.0", "a"),
        ("x IS UNDEFINED", "e"),
        ("x IS NULL", "de"),
        ("y IS NULL", "defg"),
        ("x.z[2] = 2", "c"),
        ("w.deep.er = 'q'", "g"),
        ("_id = 'c'", "c"),
        ("_id IN ('a', 'z', 'g')", "ag"),
        ("_id = 'c' AND x = 1", ""),
        ("nothing = 1", ""),
    ] {
        let sql = format!("SELECT _id FROM t WHERE {condition} ORDER BY _id");
        check(TYPES, &sql, &ids(expected)).await;
    }
}

#[tokio::test]
async fn count_of_all_rows_is_known_without_reading() {
    for layout in Layout::ALL {
        let engine = engine(layout, TYPES);
        assert_eq!(
            rows(&engine, "SELECT COUNT(*) AS c FROM t").await,
            r#"[{"c":7}]"#
        );
        let plan = rows(&engine, "EXPLAIN SELECT COUNT(*) FROM t").await;
        assert!(!plan.contains("CollectionScan"), "{layout:?}: {plan}");
        let plan = rows(&engine, "EXPLAIN SELECT COUNT(*) FROM t WHERE y = 3").await;
        assert!(plan.contains("CollectionScan"), "{layout:?}: {plan}");
    }
}

#[tokio::test]
async fn an_id_is_looked_up_and_a_filter_is_pushed_down() {
    let engine = engine(Layout::Segments, TYPES);
    let plan = rows(&engine, "EXPLAIN SELECT x FROM t WHERE _id = 'a' AND y = 1").await;
    assert!(
        plan.contains("access=lookup of 1 document by `_id`"),
        "{plan}"
    );
    assert!(plan.contains("filters=[y"), "{plan}");
    assert!(!plan.contains("FilterExec"), "{plan}");
}

#[tokio::test]
async fn parts_without_the_field_are_not_read() {
    let engine = engine(Layout::Segments, TYPES);
    let plan = rows(
        &engine,
        "EXPLAIN ANALYZE SELECT _id FROM t WHERE w.deep.er = 'q'",
    )
    .await;
    assert!(plan.contains("parts_ruled_out=2"), "{plan}");
    assert!(plan.contains("output_rows=1"), "{plan}");
}

#[tokio::test]
async fn many_partitions_give_every_row_once() {
    let documents = (0..50_000)
        .map(|i| document(&format!(r#"{{"_id": "{i:05}", "n": {i}, "g": {}}}"#, i % 7)))
        .collect::<Vec<_>>();
    let in_chunks = vec![chunk(&documents, DeletionVector::default())];
    let in_segments = documents
        .chunks(9_000)
        .map(|some| segment_of(some, &[]))
        .collect();
    for parts in [in_chunks, in_segments] {
        let mut fixture = Fixture::default();
        fixture.insert("commons.t", snapshot(parts));
        let options = EngineOptions {
            partitions: 3,
            ..EngineOptions::default()
        };
        let engine = fixture.engine_with(options);
        let sql = "SELECT COUNT(*) AS c, SUM(n) AS s, COUNT(DISTINCT g) AS d FROM t WHERE n >= 100";
        assert_eq!(
            rows(&engine, sql).await,
            r#"[{"c":49900,"s":1249970050,"d":7}]"#
        );
        let output = run(&engine, "SELECT n FROM t LIMIT 10").await.unwrap();
        assert_eq!(output.row_count, 10);
        let sql = "SELECT n FROM t ORDER BY n DESC LIMIT 3";
        assert_eq!(
            rows(&engine, sql).await,
            r#"[{"n":49999},{"n":49998},{"n":49997}]"#
        );
    }
}
