//! Tables on their own, planned by DataFusion without the binder.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;
use outcrop_query::scan::{CollectionTable, PathUse};

use crate::fixture::{Layout, documents};

const DOCUMENTS: &str = r#"[
    {"_id": "a", "i": 1, "n": 1, "x": 1, "o": {"p": "q"}},
    {"_id": "b", "i": 2, "n": 2.5, "x": "s", "o": 7},
    {"_id": "c", "i": 3, "n": null, "x": null, "o": {"p": 5}},
    {"_id": "d", "n": 4, "big": 9007199254740993},
    {"_id": "e", "i": 5, "n": -0.5, "big": 0.5, "x": [1]}
]"#;

fn table(layout: Layout) -> CollectionTable {
    let chains = ["_id", "i", "n", "x", "t.o.p", "big", "absent"];
    let chains = chains
        .iter()
        .map(|chain| chain.split('.').map(str::to_owned).collect());
    let snapshot = layout.snapshot(&documents(DOCUMENTS));
    CollectionTable::new("commons.t", snapshot, &chains.collect::<BTreeSet<_>>())
}

fn steps(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

#[test]
fn a_path_is_bound_to_the_types_that_the_snapshot_has() {
    let table = table(Layout::Segments);
    let column = |path: &str, wanted| {
        table
            .path(&steps(path), wanted)
            .map(|(name, data_type)| (name.to_owned(), data_type))
    };
    let named = |name: &str, data_type| Some((name.to_owned(), data_type));
    assert_eq!(column("i", PathUse::Value), named("i", DataType::Int64));
    assert_eq!(
        column("i", PathUse::Dynamic),
        named("i#dyn", DataType::BinaryView)
    );
    assert_eq!(column("i", PathUse::NullMark), None);
    assert_eq!(
        column("n", PathUse::Value),
        named("n", DataType::BinaryView)
    );
    assert_eq!(
        column("n", PathUse::Number),
        named("n#num", DataType::Float64)
    );
    assert_eq!(
        column("n", PathUse::NullMark),
        named("n#null", DataType::Boolean)
    );
    assert_eq!(
        column("x", PathUse::Value),
        named("x", DataType::BinaryView)
    );
    assert_eq!(column("x", PathUse::Number), None);
    assert_eq!(
        column("o", PathUse::Value),
        named("o", DataType::BinaryView)
    );
    assert_eq!(
        column("o.p", PathUse::Value),
        named("o.p", DataType::BinaryView)
    );
    assert_eq!(
        column("big", PathUse::Number),
        None,
        "an int beyond 2^53 is no float"
    );
    assert_eq!(column("absent", PathUse::Value), None);
    assert_eq!(column("absent", PathUse::Dynamic), None);
}

/// Runs DataFusion's own SQL over the table in every layout.
async fn check(sql: &str, expected: &[&str]) {
    // The churned layout gives other types to the same paths, which needs the binder.
    for layout in [Layout::Delta, Layout::Segments] {
        let context = SessionContext::new();
        context
            .register_table("t", Arc::new(table(layout)))
            .unwrap();
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();

        let text = pretty_format_batches(&batches).unwrap().to_string();
        let rows = text.lines().filter(|line| line.starts_with('|')).skip(1);
        let cells = |line: &str| {
            let cells = line.trim_matches('|').split('|').map(str::trim);
            cells.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            rows.map(cells).collect::<Vec<_>>(),
            expected,
            "{layout:?}: {sql}"
        );
    }
}

#[tokio::test]
async fn native_and_numeric_columns_are_read_and_filtered() {
    check(
        r#"SELECT "_id", i FROM t WHERE i > 1 ORDER BY 1"#,
        &["b 2", "c 3", "e 5"],
    )
    .await;
    check(
        r##"SELECT "_id", "n#num" FROM t WHERE "n#num" > 0 ORDER BY 2"##,
        &["a 1.0", "b 2.5", "d 4.0"],
    )
    .await;
    check(r##"SELECT "_id" FROM t WHERE "n#null" ORDER BY 1"##, &["c"]).await;
    check(r#"SELECT COUNT(*), COUNT(i), SUM(i) FROM t"#, &["5 4 11"]).await;
    check(r#"SELECT COUNT(*) FROM t WHERE "_id" >= 'c'"#, &["3"]).await;
    check(
        r#"SELECT COUNT(*) FROM t WHERE "_id" IN ('a', 'e', 'q')"#,
        &["2"],
    )
    .await;
    check(r#"SELECT i FROM t WHERE "_id" = 'e'"#, &["5"]).await;
}

#[tokio::test]
async fn dynamic_columns_are_null_where_there_is_no_value() {
    check(r#"SELECT COUNT(x) FROM t"#, &["3"]).await;
    check(r##"SELECT COUNT("x#dyn") FROM t"##, &["4"]).await;
    check(r#"SELECT COUNT(o), COUNT("o.p") FROM t"#, &["3 2"]).await;
    check(
        r#"SELECT "_id" FROM t WHERE "o.p" IS NOT NULL ORDER BY 1"#,
        &["a", "c"],
    )
    .await;
    check(r#"SELECT COUNT("_doc") FROM t"#, &["5"]).await;
}

#[tokio::test]
async fn a_join_and_a_top_n_filter_the_scan_as_they_go() {
    check(
        r#"SELECT a."_id", b."_id" FROM t a JOIN t b ON a.i = b.i - 1 ORDER BY 1"#,
        &["a b", "b c"],
    )
    .await;
    check(
        r#"SELECT i FROM t ORDER BY i DESC NULLS LAST LIMIT 2"#,
        &["5", "3"],
    )
    .await;
}
