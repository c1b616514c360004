//! Transforming documents and then reading them gives what a query gives over the documents as they
//! were. In the query, expressions have the types that the collection counted; in the
//! transformation, all are dynamic.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::Rig;

/// Pairs of servers and collections cost more than what they test.
const CASES: u32 = 48;

const EXPRESSIONS: [&str; 28] = [
    "a",
    "b.x",
    "b",
    "a + 1",
    "TRY_CAST(b AS int) * 2",
    "ABS(TRY_CAST(a AS float))",
    "a = b",
    "a < b",
    "a IS NULL",
    "a IS UNDEFINED",
    "TYPEOF(a)",
    "COALESCE(a, b)",
    "CASE WHEN a > b THEN a ELSE b END",
    "IF(a IS NULL, 'none', b)",
    "[a, b]",
    "{'k': a, 'l': b}",
    "TRY_CAST(a AS string)",
    "UPPER(TRY_CAST(b AS string))",
    "CONCAT(TRY_CAST(a AS string), '-', TRY_CAST(c AS string))",
    "c[1]",
    "LENGTH(c)",
    "ARRAY_CONTAINS(TRY_CAST(c AS array), 1)",
    "a IN (1, 'x', b)",
    "TRY_CAST(a AS string) LIKE 'x%'",
    "a BETWEEN 0 AND 2",
    "NULLIF(a, 1)",
    "DATE_TRUNC('DAY', _event_time)",
    "JSON_FORMAT(b)",
];

const CONDITIONS: [&str; 8] = [
    "true",
    "a > 0",
    "a IS NOT NULL AND NOT (a = b)",
    "b.x = 1 OR a = 'x'",
    "TYPEOF(a) = 'int'",
    "a IN (0, 1, 'x')",
    "c IS UNDEFINED",
    "a <> b",
];

fn value() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(Value::Null)),
        4 => (-2..4_i64).prop_map(|int| Some(json!(int))),
        2 => select(vec![0.0, 1.0, 1.5, -2.5]).prop_map(|float| Some(json!(float))),
        3 => select(vec!["", "x", "xy", "1"]).prop_map(|text| Some(json!(text))),
        1 => any::<bool>().prop_map(|bool| Some(json!(bool))),
        1 => (0..3_i64).prop_map(|x| Some(json!({ "x": x }))),
        1 => Just(Some(json!([1, null, "x"]))),
    ]
}

/// Values of one field, of all kinds or of one, so that its column is dynamic or native.
fn field(count: usize) -> impl Strategy<Value = Vec<Option<Value>>> {
    let one = prop_oneof![
        (-2..4_i64).prop_map(|int| Some(json!(int))),
        Just(None),
        Just(Some(Value::Null)),
    ];
    prop_oneof![
        prop::collection::vec(value(), count),
        prop::collection::vec(one, count),
    ]
}

fn documents() -> impl Strategy<Value = Vec<Value>> {
    (1..24_usize)
        .prop_flat_map(|count| (field(count), field(count), field(count)))
        .prop_map(|(a, b, c)| {
            let rows = a.into_iter().zip(b).zip(c).enumerate();
            let document = |(row, ((a, b), c))| {
                let mut document = json!({
                    "_id": format!("{row:02}"),
                    "_event_time": {
                        "__rockset_type": "timestamp",
                        "value": "2024-02-03T04:05:06.000000Z",
                    },
                });
                for (name, value) in [("a", a), ("b", b), ("c", c)] {
                    if let Some(value) = value {
                        document[name] = value;
                    }
                }
                document
            };
            rows.map(document).collect()
        })
}

/// The server of all cases, and the number of the present one.
struct Bench {
    runtime: Runtime,
    rig: Rig,
    case: Cell<u32>,
}

impl Bench {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let rig = runtime.block_on(Rig::start());
        Self {
            runtime,
            rig,
            case: Cell::new(0),
        }
    }

    async fn add(&self, collection: &str, documents: &[Value]) -> usize {
        let path = format!("/v1/orgs/self/ws/commons/collections/{collection}/docs");
        let answer = self.rig.post(&path, json!({ "data": documents })).await;
        let statuses = answer["data"].as_array().unwrap().iter();
        statuses
            .filter(|status| status["status"] == "ERROR")
            .count()
    }

    async fn check(&self, documents: &[Value], items: &[&str], condition: &str) {
        let case = self.case.get();
        self.case.set(case + 1);
        let (plain, made) = (format!("plain{case}"), format!("made{case}"));
        let listed = items.iter().enumerate();
        let listed: Vec<_> = listed.map(|(n, item)| format!("{item} AS x{n}")).collect();
        let names: Vec<_> = (0..items.len()).map(|n| format!("x{n}")).collect();
        let sql = format!(
            "SELECT _id, {} FROM _input WHERE {condition}",
            listed.join(", ")
        );
        self.rig.create_collection(&plain).await;
        let collection = json!({ "name": made, "field_mapping_query": { "sql": sql } });
        self.rig
            .post("/v1/orgs/self/ws/commons/collections", collection)
            .await;
        assert_eq!(self.add(&plain, documents).await, 0);
        let failed = self.add(&made, documents).await;

        let query = sql.replace("_input", &format!("commons.{plain}"));
        let body = json!({ "sql": { "query": format!("{query} ORDER BY _id") } });
        let answer = self
            .rig
            .call("POST", "/v1/orgs/self/queries", Some(body))
            .await;
        if answer.status != 200 {
            // Some value was no operand. The transformation may have had to reject it alone.
            return;
        }
        assert_eq!(failed, 0, "{sql}");
        let read = format!(
            "SELECT _id, {} FROM commons.{made} ORDER BY _id",
            names.join(", ")
        );
        let rows = self.rig.rows(&read).await;
        assert_eq!(rows, answer.json()["results"], "{sql}\n{documents:?}");
    }
}

#[test]
fn transforming_and_reading_gives_what_a_query_gives() {
    let bench = Bench::start();
    let strategy = (
        documents(),
        subsequence(EXPRESSIONS.to_vec(), 1..6),
        select(CONDITIONS.to_vec()),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(CASES));
    let result = runner.run(&strategy, |(documents, items, condition)| {
        bench
            .runtime
            .block_on(bench.check(&documents, &items, condition));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
