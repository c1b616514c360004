//! What is stored of the aggregates of a rollup. A rollup goes on from what an earlier release stored, so
//! none of these may ever change; a change of DataFusion that does must be met by code that reads both.

use std::sync::Arc;

use outcrop_document::{Object, Timestamp, Value, json, k};
use outcrop_query::{Engine, GroupPart};

use crate::fixture::{Fixture, documents};

const NOW: Timestamp = Timestamp(0);

/// Each aggregate with its state over the documents of [`input`], as JSON.
const STATES: [(&str, &str); 31] = [
    ("COUNT(*)", r#"[1,[4]]"#),
    ("COUNT(n)", r#"[1,[3]]"#),
    ("COUNT_IF(n > 2)", r#"[1,[2]]"#),
    (
        "SUM(n)",
        r#"[1,["YBi/8AAAAAAAABiAAAAAAAAAABjAHAAAAAAAABjABAAAAAAAAAA="]]"#,
    ),
    ("AVG(n)", r#"[1,[3,9.5]]"#),
    ("MIN(m)", r#"[1,[2]]"#),
    ("MAX(m)", r#"[1,[[1]]]"#),
    ("MIN_BY(s, n)", r#"[1,["YCBhABi/8AAAAAAAAAA="]]"#),
    ("MAX_BY(s, n)", r#"[1,["YCBjABjAGAAAAAAAAAA="]]"#),
    ("ARBITRARY(m)", r#"[1,[2]]"#),
    (
        "ARRAY_AGG(n)",
        r#"[1,["YBi/8AAAAAAAABjABAAAAAAAAAgYwBgAAAAAAAAA"]]"#,
    ),
    ("STRING_AGG(s)", r#"[1,["YCBhLGIsYixjACAsAAA="]]"#),
    (
        "MAP_AGG(s, n)",
        r#"[1,["aAFhABi/8AAAAAAAAAFiAAgBYwAYwBgAAAAAAAAA"]]"#,
    ),
    (
        "MAP_AGG(s, n, op)",
        r#"[1,["aAFhAGBgAGAYv/AAAAAAAAAAAAFiAGBgCABgCAAAAWMAYGAAEAEAAA=="]]"#,
    ),
    (
        "HMAP_AGG(s, n, op)",
        r#"[1,["aAFhAGBgAGAYv/AAAAAAAAAAAAFiAGBgCABgCAAAAWMAYGAAEAEAAA=="]]"#,
    ),
    ("MAP_UNION({'a': n})", r#"[1,["aAFhABjAGAAAAAAAAAA="]]"#),
    (
        "HISTOGRAM(s)",
        r#"[1,["aAFhABi/8AAAAAAAAAFiABjAAAAAAAAAAAFjABi/8AAAAAAAAAA="]]"#,
    ),
    ("CHECKSUM(s)", r#"[1,["GMPPeMS4TimBgKo="]]"#),
    (
        "APPROX_DISTINCT(s)",
        r#"[1,["YBjDhFVQTB6obIAPGMPeJ+osezFAfxcYPDCeRlXT8fOAdQA="]]"#,
    ),
    ("BITWISE_AND_AGG(LENGTH(s))", r#"[1,[1]]"#),
    ("BITWISE_OR_AGG(LENGTH(s))", r#"[1,[1]]"#),
    ("BITWISE_XOR_AGG(LENGTH(s))", r#"[1,[0]]"#),
    ("BOOL_AND(n > 2)", r#"[1,[false]]"#),
    ("BOOL_OR(n > 2)", r#"[1,[true]]"#),
    (
        "STDDEV_SAMP(n)",
        r#"[1,[3,3.1666666666666665,13.166666666666666]]"#,
    ),
    (
        "STDDEV_POP(n)",
        r#"[1,[3,3.1666666666666665,13.166666666666666]]"#,
    ),
    (
        "VAR_SAMP(n)",
        r#"[1,[3,3.1666666666666665,13.166666666666666]]"#,
    ),
    (
        "VAR_POP(n)",
        r#"[1,[3,3.1666666666666665,13.166666666666666]]"#,
    ),
    (
        "CORR(n, n)",
        r#"[1,[3,3.1666666666666665,13.166666666666666,3.1666666666666665,13.166666666666666,13.166666666666666]]"#,
    ),
    (
        "COVAR_SAMP(n, n)",
        r#"[1,[3,3.1666666666666665,3.1666666666666665,13.166666666666666]]"#,
    ),
    (
        "COVAR_POP(n, n)",
        r#"[1,[3,3.1666666666666665,3.1666666666666665,13.166666666666666]]"#,
    ),
];

fn objects(text: &str) -> Vec<Object> {
    let object = |value| match value {
        Value::Object(object) => object,
        other => panic!("{other:?} is no document"),
    };
    documents(text).into_iter().map(object).collect()
}

fn input() -> Vec<Object> {
    objects(
        r#"[
            {"_id": "1", "n": 1, "m": "x", "s": "a", "op": "UPDATE"},
            {"_id": "2", "n": 2.5, "m": 2, "s": "b", "op": "INSERT"},
            {"_id": "3", "n": null, "s": "b", "op": "UPSERT"},
            {"_id": "4", "n": 6, "m": [1], "s": "c", "op": "DELETE"}
        ]"#,
    )
}

async fn parts(engine: &Engine, sql: &str, documents: Vec<Object>) -> Vec<GroupPart> {
    let rollup = Arc::new(engine.compile(sql).await.unwrap());
    let rolled_up = engine.roll_up(rollup, documents, NOW).await.unwrap();
    for document in rolled_up.documents {
        document.unwrap();
    }
    rolled_up.parts
}

fn text(state: &[u8]) -> String {
    let mut text = Vec::new();
    json::write_json(&k::decode(state).unwrap(), &mut text);
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn states_are_stored_as_ever() {
    let engine = Fixture::default().engine();
    let mut found = Vec::new();
    for (aggregate, _) in STATES {
        let sql = format!("SELECT {aggregate} AS x FROM _input");
        let parts = parts(&engine, &sql, input()).await;
        let (_, state) = parts[0].merge(None).unwrap();
        found.push((aggregate, text(&state)));
    }
    let expected = STATES.map(|(aggregate, state)| (aggregate, state.to_owned()));
    assert_eq!(found, expected);
}

async fn ids(text: &str) -> Vec<String> {
    let engine = Fixture::default().engine();
    let sql = "SELECT a, b, COUNT(*) AS n FROM _input GROUP BY a, b";
    let parts = parts(&engine, sql, objects(text)).await;
    parts.iter().map(|part| part.id().to_owned()).collect()
}

#[tokio::test]
async fn the_id_of_a_group_depends_on_its_terms_alone() {
    // Equal values are one group, and so are null and undefined.
    let known = ids(r#"[{"_id": "1", "a": 1, "b": "x"}, {"_id": "2", "a": 1.0, "b": "x"}]"#).await;
    assert_eq!(known, ["4f94a9f5a2f542917fdb291833332bbc"]);
    let none = ids(r#"[{"_id": "1"}, {"_id": "2", "a": null}]"#).await;
    assert_eq!(none, ["96a296d224f285c67bee93c30f8a3091"]);
    let apart = ids(r#"[{"_id": "1", "a": "x", "b": 1}, {"_id": "2", "a": "x1"}]"#).await;
    assert_eq!(apart.len(), 2);
}

#[tokio::test]
async fn a_foreign_or_damaged_state_is_an_error() {
    let engine = Fixture::default().engine();
    let parts = parts(&engine, "SELECT SUM(n) AS x FROM _input", input()).await;
    for state in [
        k::encode(&Value::Int(1)),
        k::encode(&Value::Array(vec![Value::Int(2), Value::Array(vec![])])),
        k::encode(&Value::Array(vec![Value::Int(1)])),
        k::encode(&Value::Array(vec![Value::Int(1), Value::Array(vec![])])),
        vec![0xFF],
    ] {
        assert!(parts[0].merge(Some(&state)).is_err(), "{state:?}");
    }
}
