//! DESCRIBE and SHOW COLUMNS: a row for each type of each field.

use crate::fixture::{Fixture, Layout, documents, rows, run};

const DOCUMENTS: &str = r#"[
    {"_id": "1", "_event_time": {"__rockset_type": "timestamp", "value": "2024-01-01T00:00:00Z"},
     "a": {"b": 1, "c": {"d": null}}, "t": ["x", 1, [true], {"u": 2}, {"u": [3], "v": 4}]},
    {"_id": "2", "_event_time": {"__rockset_type": "timestamp", "value": "2024-01-01T00:00:00Z"},
     "a": {"b": 2.5}, "odd.name": true},
    {"_id": "3", "_event_time": {"__rockset_type": "timestamp", "value": "2024-01-01T00:00:00Z"},
     "a": 7}
]"#;

fn fixture(layout: Layout) -> Fixture {
    let mut fixture = Fixture::default();
    fixture.insert("ws.c", layout.snapshot(&documents(DOCUMENTS)));
    fixture.insert("ws.empty", layout.snapshot(&[]));
    fixture
}

#[tokio::test]
async fn fields_have_a_row_for_each_type() {
    for layout in [Layout::Delta, Layout::Segments, Layout::Compacted] {
        let engine = fixture(layout).engine();
        let expected = [
            (r#"["_event_time"]"#, "timestamp", 3, 3),
            (r#"["_id"]"#, "string", 3, 3),
            (r#"["a"]"#, "int", 1, 3),
            (r#"["a"]"#, "object", 2, 3),
            (r#"["a","b"]"#, "int", 1, 2),
            (r#"["a","b"]"#, "float", 1, 2),
            (r#"["a","c"]"#, "object", 1, 2),
            (r#"["a","c","d"]"#, "null", 1, 1),
            (r#"["odd.name"]"#, "bool", 1, 3),
            (r#"["t"]"#, "array", 1, 3),
            (r#"["t","*"]"#, "int", 1, 1),
            (r#"["t","*"]"#, "string", 1, 1),
            (r#"["t","*"]"#, "array", 1, 1),
            (r#"["t","*"]"#, "object", 1, 1),
            (r#"["t","*","*"]"#, "bool", 1, 1),
            (r#"["t","*","u"]"#, "int", 1, 1),
            (r#"["t","*","u"]"#, "array", 1, 1),
            (r#"["t","*","u","*"]"#, "int", 1, 1),
            (r#"["t","*","v"]"#, "int", 1, 1),
        ];
        let row = |(field, name, occurrences, total): &(&str, &str, u64, u64)| {
            format!(
                r#"{{"field":{field},"type":"{name}","occurrences":{occurrences},"total":{total}}}"#
            )
        };
        let shown = |rows: &[(&str, &str, u64, u64)]| {
            let rows: Vec<_> = rows.iter().map(row).collect();
            format!("[{}]", rows.join(","))
        };
        assert_eq!(rows(&engine, "DESCRIBE ws.c").await, shown(&expected));
        assert_eq!(
            rows(&engine, "SHOW COLUMNS FROM ws.c").await,
            shown(&expected)
        );
        let top: Vec<_> = expected
            .into_iter()
            .filter(|row| !row.0.contains(','))
            .collect();
        let sql = "DESC \"ws\".\"c\" OPTION(max_field_depth=1);";
        assert_eq!(rows(&engine, sql).await, shown(&top));
        assert_eq!(rows(&engine, "DESCRIBE ws.empty").await, "[]");
    }
}

#[tokio::test]
async fn a_description_names_its_collection_and_columns() {
    let engine = fixture(Layout::Delta).engine();
    let output = run(&engine, "OPTION(default_workspace='ws') DESCRIBE c")
        .await
        .unwrap();
    assert_eq!(output.collections, ["ws.c"]);
    let names = output.column_fields.unwrap();
    assert_eq!(names, ["field", "type", "occurrences", "total"]);
    let error = run(&engine, "DESCRIBE ws.nothing").await.unwrap_err();
    assert!(
        error.to_string().contains("`ws.nothing` does not exist"),
        "{error}"
    );
    assert!(error.position().is_some());
    let error = run(&engine, "DESCRIBE ws.c WHERE a = 1").await.unwrap_err();
    assert!(
        error.to_string().contains("DESCRIBE takes a collection"),
        "{error}"
    );
}
