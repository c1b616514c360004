//! The documents of a rollup are the rows of the same query over the documents that came in, whatever
//! their order, their batches and what was on disk meanwhile.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::Rig;

/// Pairs of servers and collections cost more than what they test.
const CASES: u32 = 40;

/// None of them depends on the order of documents, or on that of additions: the floats are exact.
const ITEMS: [&str; 22] = [
    "COUNT(*)",
    "COUNT(a)",
    "COUNT_IF(a > 0)",
    "SUM(TRY_CAST(a AS float))",
    "SUM(CASE WHEN TYPEOF(a) IN ('int', 'float') THEN a END)",
    "SUM(TRY_CAST(b AS int)) * 2 + COUNT(*)",
    "AVG(TRY_CAST(a AS float))",
    "MIN(a)",
    "MAX(a)",
    "MIN(b)",
    "MAX(b.x)",
    "MIN_BY(n, n)",
    "MAX_BY(a, n)",
    "ARBITRARY(1)",
    "APPROX_DISTINCT(a)",
    "BITWISE_OR_AGG(n)",
    "BOOL_AND(a > b)",
    "BOOL_OR(a IS NULL)",
    "HISTOGRAM(TRY_CAST(a AS string))",
    "CHECKSUM(a)",
    "MAP_AGG(CONCAT('k', TRY_CAST(n AS string)), a)",
    "COUNT(*) FILTER (WHERE b IS NOT NULL)",
];

const TERMS: [&str; 6] = ["k", "a", "b.x", "TYPEOF(b)", "n % 3", "COALESCE(k, b)"];

const CONDITIONS: [&str; 4] = ["true", "a IS NOT NULL", "n % 2 = 0", "k = 1 OR b = 'x'"];

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

/// Batches of documents, and after each of them what is done to the server.
fn batches() -> impl Strategy<Value = Vec<(Vec<Value>, Between)>> {
    let key = prop_oneof![value(), Just(Some(json!(1))), Just(Some(json!(1.0)))];
    let document = (key, value(), value());
    let between = select(vec![Between::Nothing, Between::Nothing, Between::Flush]);
    let batch = (prop::collection::vec(document, 1..12), between);
    prop::collection::vec(batch, 1..5).prop_map(|batches| {
        let mut number = 0;
        let mut document = |(k, a, b)| {
            number += 1;
            let mut document = json!({ "_id": format!("{number:03}"), "n": number });
            for (name, value) in [("k", k), ("a", a), ("b", b)] {
                if let Some(value) = value {
                    document[name] = value;
                }
            }
            document
        };
        let batches = batches.into_iter();
        batches
            .map(|(rows, between)| (rows.into_iter().map(&mut document).collect(), between))
            .collect()
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Between {
    Nothing,
    Flush,
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

    /// Whether all documents were taken in.
    async fn add(&self, collection: &str, documents: &[Value]) -> bool {
        let path = format!("/v1/orgs/self/ws/commons/collections/{collection}/docs");
        let body = json!({ "data": documents });
        let answer = self.rig.call("POST", &path, Some(body)).await;
        let body = answer.json();
        let statuses = body["data"].as_array();
        answer.status == 200
            && statuses.is_some_and(|all| all.iter().all(|one| one["status"] != "ERROR"))
    }

    async fn check(
        &self,
        batches: &[(Vec<Value>, Between)],
        terms: &[&str],
        items: &[&str],
        condition: &str,
    ) {
        let case = self.case.get();
        self.case.set(case + 1);
        let (plain, made) = (format!("plain{case}"), format!("made{case}"));
        let terms_and_items = terms.iter().chain(items).enumerate();
        let listed: Vec<_> = terms_and_items
            .map(|(n, item)| format!("{item} AS x{n}"))
            .collect();
        let names: Vec<_> = (0..listed.len()).map(|n| format!("x{n}")).collect();
        let groups: Vec<_> = (0..terms.len()).map(|n| format!("x{n}")).collect();
        let group_by = match groups.is_empty() {
            true => String::new(),
            false => format!(" GROUP BY {}", groups.join(", ")),
        };
        let sql = format!(
            "SELECT {} FROM _input WHERE {condition}{group_by}",
            listed.join(", ")
        );
        self.rig.create_collection(&plain).await;
        let collection = json!({ "name": made, "field_mapping_query": { "sql": sql } });
        self.rig
            .post("/v1/orgs/self/ws/commons/collections", collection)
            .await;
        let mut all_taken = true;
        for (documents, between) in batches {
            assert!(self.add(&plain, documents).await);
            all_taken &= self.add(&made, documents).await;
            if *between == Between::Flush {
                let catalog = self.rig.server().catalog();
                let entry = catalog.collection("commons", &made).unwrap();
                entry.handle().flush().await.unwrap();
            }
        }
        let query = sql.replace("_input", &format!("commons.{plain}"));
        let body = json!({ "sql": { "query": query } });
        let answer = self
            .rig
            .call("POST", "/v1/orgs/self/queries", Some(body))
            .await;
        if answer.status != 200 {
            // Some value was no operand. The rollup rejected it.
            return;
        }
        assert!(all_taken, "{sql}\n{batches:?}");
        let mut expected = answer.json()["results"].clone();
        let matched = format!("SELECT COUNT(*) AS n FROM commons.{plain} WHERE {condition}");
        if self.rig.rows(&matched).await[0]["n"] == 0 {
            // Without documents there is no group, where a query has a row about nothing.
            expected = json!([]);
        }
        let read = format!("SELECT {} FROM commons.{made}", names.join(", "));
        let rows = self.rig.rows(&read).await;
        assert_eq!(sorted(&rows), sorted(&expected), "{sql}\n{batches:?}");
    }
}

fn sorted(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    let mut rows: Vec<_> = rows.map(Value::to_string).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn rolling_up_and_reading_gives_what_a_query_gives() {
    let bench = Bench::start();
    let strategy = (
        batches(),
        subsequence(TERMS.to_vec(), 0..3),
        subsequence(ITEMS.to_vec(), 1..8),
        select(CONDITIONS.to_vec()),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(CASES));
    let result = runner.run(&strategy, |(batches, terms, items, condition)| {
        bench
            .runtime
            .block_on(bench.check(&batches, &terms, &items, condition));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
