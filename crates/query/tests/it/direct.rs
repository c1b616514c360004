//! Statements that are planned without an optimizer, which give the rows that they would give with one.

use serde_json::Value;

use crate::fixture::{Fixture, Layout, documents, rows};

const DOCUMENTS: &str = r#"[
    {"_id": "a", "n": 1, "x": 1, "s": "p", "t": true, "u": {"v": [1]}},
    {"_id": "b", "n": 2, "x": "1", "s": "q", "t": false},
    {"_id": "c", "n": 3, "x": {"z": 1}, "s": "p", "t": null},
    {"_id": "d", "n": 4, "x": null, "s": "r"},
    {"_id": "e", "n": 5, "s": "p", "u": 7},
    {"_id": "f", "n": 6, "x": 1.0, "s": null, "t": true},
    {"_id": "g", "n": 7, "x": [true], "s": "q"}
]"#;

/// Each without what it orders or limits.
const DIRECT: &[&str] = &[
    "SELECT * FROM t",
    "SELECT _id, n, x FROM t",
    "SELECT * FROM t WHERE _id = 'c'",
    "SELECT x AS y, s, t.u FROM t WHERE _id IN ('a', 'e', 'none')",
    "SELECT * FROM t WHERE s = 'p' AND n > 1",
    "SELECT _id FROM t WHERE x = 1",
    "SELECT _id, x FROM t WHERE x IS NULL",
    "SELECT _id, none FROM t WHERE n <> 3",
    "SELECT 7 AS seven FROM t WHERE n >= 5",
];

/// Something is to be folded, shared or rearranged.
const OTHERS: &[&str] = &[
    "SELECT _id FROM t WHERE n = 1 OR s = 'q'",
    "SELECT _id FROM t WHERE NOT n = 1",
    "SELECT n * n + n * n AS m FROM t",
    "SELECT COUNT(*) AS count FROM t",
    "SELECT _id FROM t ORDER BY n",
    "SELECT DISTINCT s FROM t",
    "SELECT a._id FROM t a JOIN t b ON a.n = b.n",
    "SELECT _id FROM t WHERE n = (SELECT MAX(n) FROM t)",
    "SELECT _id FROM (SELECT _id, n FROM t) q WHERE n = 1",
];

fn sorted(rows: &str) -> Vec<String> {
    let rows: Vec<Value> = serde_json::from_str(rows).unwrap();
    let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn they_give_the_rows_that_an_optimized_plan_gives() {
    for layout in Layout::ALL {
        let mut fixture = Fixture::of(layout);
        fixture.insert("commons.t", layout.snapshot(&documents(DOCUMENTS)));
        let engine = fixture.engine();
        for sql in DIRECT {
            let direct = rows(&engine, sql).await;
            let optimized = rows(&engine, &format!("SELECT * FROM ({sql}) q LIMIT 100")).await;
            assert_eq!(sorted(&direct), sorted(&optimized), "{layout:?}: {sql}");
            let count = sorted(&direct).len();
            for (skip, most) in [(0, 1), (1, 2), (6, 5), (9, 1), (0, 0)] {
                let limited = format!("{sql} LIMIT {most} OFFSET {skip}");
                let limited = sorted(&rows(&engine, &limited).await).len();
                let expected = count.saturating_sub(skip).min(most);
                assert_eq!(limited, expected, "{layout:?}: {sql}");
            }
        }
    }
}

#[tokio::test]
async fn the_form_of_a_statement_decides_how_it_is_planned() {
    let mut fixture = Fixture::of(Layout::Delta);
    fixture.insert("commons.t", Layout::Delta.snapshot(&documents(DOCUMENTS)));
    let engine = fixture.engine();
    let cases = DIRECT.iter().map(|sql| (sql, true));
    for (sql, is_direct) in cases.chain(OTHERS.iter().map(|sql| (sql, false))) {
        let plan = rows(&engine, &format!("EXPLAIN {sql} LIMIT 3")).await;
        // The optimizer puts it into the scan or another operator.
        let keeps_limit = plan.contains("GlobalLimitExec: skip=0, fetch=3");
        assert_eq!(keeps_limit, is_direct, "{sql}: {plan}");
    }
}
