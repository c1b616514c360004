//! Random documents and predicates: every access path and every layout gives the rows that the rules
//! of the dialect give, worked out here one document at a time.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use outcrop_document::{Object, Timestamp, Value, ValueType, json};
use proptest::prelude::*;
use proptest::sample::select;
use tokio::runtime::Runtime;

use crate::fixture::{Fixture, Layout, rows};

/// Longer than what the index keeps of a text, and alike up to there.
const LONG: &str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqr";

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["", "a", "ab", "abc", "b", "1", "a\u{0}b", "é"]).prop_map(str::to_owned),
        "[xy]{0,2}".prop_map(|end| format!("{LONG}{end}")),
    ]
}

fn mixed() -> impl Strategy<Value = Value> {
    let exact = 1_i64 << 53;
    prop_oneof![
        1 => Just(Value::Null),
        4 => (-2_i64..4).prop_map(Value::Int),
        1 => select(vec![exact, exact + 1, i64::MAX, i64::MIN]).prop_map(Value::Int),
        2 => select(vec![0.0, -0.0, 1.0, 1.5, -2.5, 1e300]).prop_map(Value::Float),
        3 => text().prop_map(Value::String),
        2 => any::<bool>().prop_map(Value::Bool),
        1 => prop::collection::vec((0_i64..3).prop_map(Value::Int), 0..3).prop_map(Value::Array),
        1 => Just(Value::Object(Object::from([("z".to_owned(), Value::Int(1))]))),
    ]
}

/// A field, present or not.
type Member = Option<(String, Value)>;

fn member(
    name: &'static str,
    value: impl Strategy<Value = Value> + 'static,
) -> impl Strategy<Value = Member> {
    let some = value.prop_map(move |value| Some((name.to_owned(), value)));
    prop_oneof![1 => Just(None), 3 => some]
}

/// Elements of any type, or so many floats that the index takes them for a vector.
fn list() -> impl Strategy<Value = Vec<Value>> {
    prop_oneof![
        5 => prop::collection::vec(mixed(), 0..4),
        1 => prop::collection::vec(select(vec![0.0, 1.0, 1.5]).prop_map(Value::Float), 16..18),
    ]
}

/// `m` holds values of any type, the others of one type each, or null.
fn document() -> impl Strategy<Value = Object> {
    let or_null =
        |value: BoxedStrategy<Value>| prop_oneof![1 => Just(Value::Null), 7 => value].boxed();
    let time = |micros: i64| Value::Timestamp(Timestamp(micros * 1_000_000));
    let fields = (
        member("m", mixed()),
        member("i", or_null((-3_i64..6).prop_map(Value::Int).boxed())),
        member("s", or_null(text().prop_map(Value::String).boxed())),
        member(
            "f",
            select(vec![-1.5, -0.0, 0.0, 0.5, 2.0]).prop_map(Value::Float),
        ),
        member("b", any::<bool>().prop_map(Value::Bool)),
        member("at", (0_i64..5).prop_map(time)),
        member("l", or_null(list().prop_map(Value::Array).boxed())),
        member("e", mixed()),
    );
    fields.prop_map(|(m, i, s, f, b, t, l, e)| {
        let mut document: Object = [m, i, s, f, b, t, l].into_iter().flatten().collect();
        if let Some((name, value)) = e {
            let deep = Object::from([(name, value)]);
            document.insert("d".to_owned(), Value::Object(deep));
        }
        document
    })
}

fn numbered(documents: Vec<Object>) -> Vec<Value> {
    let documents = documents.into_iter().enumerate();
    let numbered = documents.map(|(row, mut document)| {
        document.insert("_id".to_owned(), Value::String(format!("{row:03}")));
        let time = Value::Timestamp(Timestamp(1_704_067_200_000_000));
        document.insert("_event_time".to_owned(), time);
        Value::Object(document)
    });
    numbered.collect()
}

/// A predicate of SQL.
#[derive(Clone, Debug)]
enum Predicate {
    Compare(&'static str, &'static str, Value),
    In(&'static str, Vec<Value>),
    Between(&'static str, Value, Value),
    Starts(&'static str, String),
    IsNull(&'static str),
    IsUndefined(&'static str),
    IsTrue(&'static str),
    /// Whether an array has one of these elements.
    Contains(&'static str, Vec<Value>),
    Not(Box<Predicate>),
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
}

use Predicate::{
    And, Between, Compare, Contains, In, IsNull, IsTrue, IsUndefined, Not, Or, Starts,
};

const PATHS: [&str; 7] = ["m", "i", "s", "f", "b", "at", "d.e"];
const OPERATORS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

fn scalar() -> impl Strategy<Value = Value> {
    mixed().prop_filter("is a scalar that compares", |value| {
        !matches!(value, Value::Null | Value::Array(_) | Value::Object(_))
    })
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let path = || select(PATHS.to_vec());
    let leaf = prop_oneof![
        6 => (path(), select(OPERATORS.to_vec()), scalar())
            .prop_map(|(path, op, value)| Compare(path, op, value)),
        2 => (path(), prop::collection::vec(scalar(), 1..4))
            .prop_map(|(path, values)| In(path, values)),
        1 => (path(), scalar(), scalar()).prop_map(|(path, low, high)| Between(path, low, high)),
        1 => "[ab]{1,2}|abcdefghijklmnop".prop_map(|prefix| Starts("s", prefix)),
        1 => path().prop_map(IsNull),
        1 => path().prop_map(IsUndefined),
        1 => Just(IsTrue("b")),
        1 => scalar().prop_map(|value| Contains("l", vec![value])),
        1 => prop::collection::vec(scalar(), 2..4).prop_map(|values| Contains("l", values)),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let pair = || (inner.clone(), inner.clone());
        prop_oneof![
            1 => inner.clone().prop_map(|one| Not(Box::new(one))),
            2 => pair().prop_map(|(one, two)| And(Box::new(one), Box::new(two))),
            2 => pair().prop_map(|(one, two)| Or(Box::new(one), Box::new(two))),
        ]
    })
}

fn literal(value: &Value) -> String {
    match value {
        Value::Int(int) => int.to_string(),
        // As text, since a sign in front of a literal is an operator of its own.
        Value::Float(float) => format!("CAST('{float:?}' AS float)"),
        Value::String(text) => format!("'{text}'"),
        Value::Bool(bool) => bool.to_string(),
        other => unreachable!("{other:?} is no scalar of these tests"),
    }
}

impl Predicate {
    fn sql(&self) -> String {
        match self {
            Compare(path, op, value) => format!("{path} {op} {}", literal(value)),
            In(path, values) => {
                let values: Vec<String> = values.iter().map(literal).collect();
                format!("{path} IN ({})", values.join(", "))
            }
            Between(path, low, high) => {
                format!("{path} BETWEEN {} AND {}", literal(low), literal(high))
            }
            Starts(path, prefix) => format!("{path} LIKE '{prefix}%'"),
            IsNull(path) => format!("{path} IS NULL"),
            IsUndefined(path) => format!("{path} IS UNDEFINED"),
            IsTrue(path) => (*path).to_owned(),
            Contains(path, values) => {
                let literals: Vec<String> = values.iter().map(literal).collect();
                match literals.as_slice() {
                    [one] => format!("ARRAY_CONTAINS({path}, {one})"),
                    more => format!("ARRAY_CONTAINS_ANY({path}, [{}])", more.join(", ")),
                }
            }
            Not(inner) => format!("NOT ({})", inner.sql()),
            And(left, right) => format!("({}) AND ({})", left.sql(), right.sql()),
            Or(left, right) => format!("({}) OR ({})", left.sql(), right.sql()),
        }
    }

    /// Its truth for a document; none for "unknown".
    fn truth(&self, document: &Value) -> Option<bool> {
        match self {
            Compare(path, op, value) => compare(at(document, path), op, value),
            In(path, values) => {
                let one = |value| compare(at(document, path), "=", value);
                values.iter().map(one).fold(Some(false), or)
            }
            Between(path, low, high) => and(
                compare(at(document, path), ">=", low),
                compare(at(document, path), "<=", high),
            ),
            Starts(path, prefix) => match at(document, path) {
                Some(Value::String(text)) => Some(text.starts_with(prefix.as_str())),
                _ => None,
            },
            IsNull(path) => Some(matches!(at(document, path), None | Some(Value::Null))),
            IsUndefined(path) => Some(at(document, path).is_none()),
            IsTrue(path) => match at(document, path) {
                Some(Value::Bool(bool)) => Some(*bool),
                _ => None,
            },
            Contains(path, values) => match at(document, path) {
                Some(Value::Array(array)) => Some(array.iter().any(|element| {
                    let equals = |value| compare(Some(element), "=", value);
                    values.iter().any(|value| equals(value) == Some(true))
                })),
                _ => None,
            },
            Not(inner) => inner.truth(document).map(|truth| !truth),
            And(left, right) => and(left.truth(document), right.truth(document)),
            Or(left, right) => or(left.truth(document), right.truth(document)),
        }
    }
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    and(left.map(|truth| !truth), right.map(|truth| !truth)).map(|truth| !truth)
}

fn at<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(document, |value, step| value.as_object()?.get(step))
}

fn compare(value: Option<&Value>, op: &str, constant: &Value) -> Option<bool> {
    let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::Float(_));
    let value = value?;
    let alike =
        value.value_type() == constant.value_type() || (is_number(value) && is_number(constant));
    let ordering = alike.then(|| value.compare(constant))?;
    Some(match op {
        "=" => ordering.is_eq(),
        "<>" => ordering.is_ne(),
        "<" => ordering.is_lt(),
        "<=" => ordering.is_le(),
        ">" => ordering.is_gt(),
        _ => ordering.is_ge(),
    })
}

fn id(document: &Value) -> &str {
    at(document, "_id").and_then(Value::as_str).unwrap()
}

/// Rows of one member, as JSON.
fn one_column<'a>(name: &str, values: impl Iterator<Item = &'a Value>) -> String {
    let rows: Vec<String> = values
        .map(|value| format!(r#"{{"{name}":{}}}"#, json::to_string(value)))
        .collect();
    format!("[{}]", rows.join(","))
}

/// Groups of a field in order, null last, with their counts.
fn groups<'a>(documents: &[&'a Value], path: &str) -> Vec<(&'a Value, usize)> {
    let mut values: Vec<&Value> = documents
        .iter()
        .map(|document| at(document, path).unwrap_or(&Value::Null))
        .collect();
    values.sort_by(|left, right| null_last(left, right));
    let mut groups: Vec<(&Value, usize)> = Vec::new();
    for value in values {
        match groups.last_mut() {
            Some((last, count)) if last.equals(value) => *count += 1,
            _ => groups.push((value, 1)),
        }
    }
    groups
}

fn null_last(left: &Value, right: &Value) -> Ordering {
    let is_null = |value: &Value| value.value_type() == ValueType::Null;
    is_null(left)
        .cmp(&is_null(right))
        .then_with(|| left.compare(right))
}

/// Runs every query in every layout and compares its rows with those expected.
fn check(documents: &[Value], queries: &[(String, String)]) -> Result<(), TestCaseError> {
    let runtime = Runtime::new().unwrap();
    for layout in Layout::ALL {
        let mut fixture = Fixture::of(layout);
        fixture.insert("commons.t", layout.snapshot(documents));
        let engine = fixture.engine();
        for (sql, expected) in queries {
            let found = runtime.block_on(rows(&engine, sql));
            prop_assert_eq!(&found, expected, "{:?}: {}", layout, sql);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 16))]

    #[test]
    fn predicates_keep_the_same_rows_on_every_path(
        documents in prop::collection::vec(document(), 1..25),
        predicates in prop::collection::vec(predicate(), 1..4),
    ) {
        let documents = numbered(documents);
        let mut queries = Vec::new();
        for predicate in &predicates {
            let holds = |document: &&Value| predicate.truth(document) == Some(true);
            let kept: Vec<&Value> = documents.iter().filter(holds).collect();
            let ids: Vec<Value> = kept.iter().map(|document| Value::from(id(document))).collect();
            let condition = predicate.sql();
            queries.push((
                format!("SELECT _id FROM t WHERE {condition} ORDER BY _id"),
                one_column("_id", ids.iter()),
            ));
            queries.push((
                format!("SELECT COUNT(*) AS c FROM t WHERE {condition}"),
                format!(r#"[{{"c":{}}}]"#, kept.len()),
            ));
            let groups = groups(&kept, "i").into_iter().map(|(value, count)| {
                format!(r#"{{"i":{},"c":{count}}}"#, json::to_string(value))
            });
            queries.push((
                format!("SELECT i, COUNT(*) AS c FROM t WHERE {condition} GROUP BY i ORDER BY i"),
                format!("[{}]", groups.collect::<Vec<_>>().join(",")),
            ));
        }
        check(&documents, &queries)?;
    }

    #[test]
    fn aggregates_and_top_rows_are_the_same_on_every_path(
        // Few documents repeated, so that values have many rows each.
        some in prop::collection::vec(document(), 1..6),
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
        path in select(vec!["i", "s", "b", "at", "m", "d.e"]),
        limit in 1_usize..8,
        descending in any::<bool>(),
        nulls_first in any::<bool>(),
    ) {
        let documents = places.iter().map(|place| place.get(&some).clone()).collect();
        let documents = numbered(documents);
        let all: Vec<&Value> = documents.iter().collect();
        let groups = groups(&all, path);
        let values: Vec<&(&Value, usize)> =
            groups.iter().filter(|(value, _)| **value != Value::Null).collect();
        let count: usize = values.iter().map(|(_, count)| count).sum();
        let extreme = |value: Option<&&(&Value, usize)>| {
            value.map_or_else(|| "null".to_owned(), |(value, _)| json::to_string(value))
        };
        let mut order: Vec<&Value> = documents.iter().collect();
        let null = &Value::Null;
        order.sort_by(|left, right| {
            let (a, b) = (at(left, path).unwrap_or(null), at(right, path).unwrap_or(null));
            let nulls = (*a == Value::Null).cmp(&(*b == Value::Null));
            let nulls = if nulls_first { nulls.reverse() } else { nulls };
            let values = a.compare(b);
            nulls.then(if descending { values.reverse() } else { values })
                .then_with(|| id(left).cmp(id(right)))
        });
        let ids: Vec<Value> =
            order.iter().take(limit).map(|document| Value::from(id(document))).collect();
        let direction = if descending { "DESC" } else { "ASC" };
        let nulls = if nulls_first { "FIRST" } else { "LAST" };
        let mut queries = vec![
            (
                format!("SELECT COUNT({path}) AS c, COUNT(*) AS n FROM t"),
                format!(r#"[{{"c":{count},"n":{}}}]"#, documents.len()),
            ),
            (
                format!("SELECT COUNT(DISTINCT {path}) AS c FROM t"),
                format!(r#"[{{"c":{}}}]"#, values.len()),
            ),
            (
                format!("SELECT _id FROM t ORDER BY {path} {direction} NULLS {nulls}, _id LIMIT {limit}"),
                one_column("_id", ids.iter()),
            ),
        ];
        // Which of two equal numbers of unlike types stands for both is not defined.
        if !matches!(path, "m" | "d.e") {
            let rows = groups.iter().map(|(value, count)| {
                format!(r#"{{"v":{},"c":{count}}}"#, json::to_string(value))
            });
            queries.push((
                format!("SELECT {path} AS v, COUNT(*) AS c FROM t GROUP BY {path} ORDER BY v"),
                format!("[{}]", rows.collect::<Vec<_>>().join(",")),
            ));
            queries.push((
                format!("SELECT MIN({path}) AS low, MAX({path}) AS high FROM t"),
                format!(
                    r#"[{{"low":{},"high":{}}}]"#,
                    extreme(values.first()),
                    extreme(values.last()),
                ),
            ));
        }
        check(&documents, &queries)?;
    }
}

/// Documents 0 to 9,999: `rare` has each value ten times, `often` each a thousand times.
fn many() -> Vec<Value> {
    let document = |row: usize| {
        let text = format!(
            r#"{{"_id": "{row:05}", "rare": {}, "often": "{}", "n": {row}, "f": {}.5, "tags": ["r{}", "all"]}}"#,
            row / 10,
            row % 10,
            row % 100,
            row / 10,
        );
        crate::fixture::document(&text)
    };
    (0..10_000).map(document).collect()
}

async fn explain(sql: &str) -> String {
    let documents = many();
    let mut fixture = Fixture::default();
    let parts = vec![
        crate::fixture::segment_of(&documents[..6_000], &[0, 5]),
        crate::fixture::segment_of(&documents[6_000..9_900], &[]),
        crate::fixture::chunk(
            &documents[9_900..],
            outcrop_storage::DeletionVector::default(),
        ),
    ];
    fixture.insert("commons.t", crate::fixture::snapshot(parts));
    let engine = fixture.engine();
    let text = rows(&engine, sql).await;
    let lines: Vec<BTreeMap<String, String>> = serde_json::from_str(&text).unwrap();
    let lines = lines
        .into_iter()
        .map(|mut line| line.remove("plan").unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn explain_names_the_path_of_each_filter_and_why() {
    for (sql, parts) in [
        (
            "EXPLAIN SELECT n FROM t WHERE rare = 7",
            &[
                "rare@0 = 7: delta scan in 1 part (in memory)",
                "index_filter in 1 segment (10 of 6000 rows, fetched)",
                "index_filter in 1 segment (no row has such a value)",
            ][..],
        ),
        (
            "EXPLAIN SELECT n FROM t WHERE often = '3'",
            &["index_filter in 2 segments (990 of 9900 rows, by bitmap)"],
        ),
        (
            "EXPLAIN SELECT n FROM t WHERE often <> '3'",
            &["column_scan in 2 segments (8910 of 9900 rows, too many to fetch)"],
        ),
        (
            "EXPLAIN SELECT n FROM t WHERE ARRAY_CONTAINS(tags, 'r7')",
            &["index_filter in 1 segment (10 of 6000 rows, fetched)"],
        ),
        (
            "EXPLAIN SELECT n FROM t WHERE LENGTH(often) = 1",
            &["column_scan in 2 segments (not of a form that the index answers)"],
        ),
        (
            "EXPLAIN SELECT COUNT(*) FROM t WHERE often <> '3'",
            &["index_only in 2 segments (8910 of 9900 rows)"],
        ),
        (
            "EXPLAIN SELECT n FROM t HINT(access_path=column_scan) WHERE rare = 7",
            &["column_scan in 2 segments (forced by the hint)"],
        ),
        (
            "EXPLAIN SELECT n FROM commons.t AS x HINT(access_path=index_filter) WHERE often <> '3'",
            &["index_filter in 2 segments (8910 of 9900 rows, by bitmap)"],
        ),
        (
            "EXPLAIN SELECT often, COUNT(*) FROM t GROUP BY often",
            &[
                "IndexAggregateExec: commons.t, access=index_only, groups with counts of often, segments=2",
                "CollectionScan: commons.t, columns=[often], access=column_scan, parts=1",
            ],
        ),
        (
            "EXPLAIN SELECT MIN(n), MAX(often), COUNT(rare) FROM t",
            &["access=index_only, min of n, max of often, count of rare, segments=2"],
        ),
        (
            "EXPLAIN SELECT COUNT(DISTINCT often) FROM t",
            &["access=index_only, distinct values of often, segments=2"],
        ),
        (
            "EXPLAIN SELECT n FROM t ORDER BY rare DESC LIMIT 3",
            &["access=index_scan for the last 3 by rare"],
        ),
    ] {
        let plan = explain(sql).await;
        for part in parts {
            assert!(plan.contains(part), "{sql}: no `{part}` in\n{plan}");
        }
    }
}

#[tokio::test]
async fn explain_analyze_counts_the_rows_of_each_filter() {
    let plan = explain("EXPLAIN ANALYZE SELECT n FROM t WHERE rare = 7 AND f > 74").await;
    // Rows 70 to 79, of which `f` leaves 74 to 79; the hundred of the delta are looked at too.
    for part in [
        "rows_by_index=6,",
        "output_rows=6,",
        "filter_0_kept=6,",
        "filter_1_kept=6,",
    ] {
        assert!(plan.contains(part), "no `{part}` in\n{plan}");
    }
}

#[tokio::test]
async fn a_join_looks_the_rows_of_its_other_side_up() {
    let sql = "EXPLAIN ANALYZE SELECT big.n FROM t big JOIN t small ON big.rare = small.n
               WHERE small._id IN ('00003', '00500')";
    let plan = explain(sql).await;
    // Ten rows for each of the two: the index finds them, and no column is scanned for it.
    assert!(plan.contains("rows_by_index=20"), "{plan}");
}

#[tokio::test]
async fn a_join_of_floats_looks_both_zeros_up() {
    let documents = (0..6_000).map(|i| {
        let f = match (i / 10, i % 2) {
            (0, 0) => "0.0".to_owned(),
            (0, _) => "-0.0".to_owned(),
            (tens, _) => format!("{tens}.5"),
        };
        crate::fixture::document(&format!(r#"{{"_id": "{i:05}", "f": {f}}}"#))
    });
    let mut fixture = Fixture::default();
    let segment = crate::fixture::segment_of(&documents.collect::<Vec<_>>(), &[]);
    fixture.insert("commons.t", crate::fixture::snapshot(vec![segment]));
    let engine = fixture.engine();
    for id in ["00000", "00001"] {
        let sql = format!(
            "SELECT COUNT(*) AS n FROM t big JOIN t small ON big.f = small.f
             WHERE small._id IN ('{id}', '00500')"
        );
        assert_eq!(rows(&engine, &sql).await, r#"[{"n":20}]"#, "{id}");
        let plan = rows(&engine, &format!("EXPLAIN ANALYZE {sql}")).await;
        assert!(plan.contains("rows_by_index=20"), "{plan}");
    }
}

#[tokio::test]
async fn a_lookup_join_looks_its_right_side_up_although_most_rows_match() {
    let sql = |hint: &str| {
        format!(
            "EXPLAIN ANALYZE SELECT b.n FROM t a JOIN t b ON a.n = b.rare {hint} WHERE a.rare < 100"
        )
    };
    // The left side has 0 to 999 without 0 and 5, which are deleted; so 18 live rows do not match.
    let found = "rows_by_index=9.88 K,";
    let plan = explain(&sql("HINT(join_strategy=lookup)")).await;
    assert!(plan.contains(found), "{plan}");
    let plan = explain(&sql("")).await;
    assert!(!plan.contains(found), "{plan}");
}

#[tokio::test]
async fn an_unknown_path_in_a_hint_is_a_warning() {
    let mut fixture = Fixture::default();
    fixture.insert("commons.t", Layout::Segments.snapshot(&many()[..10]));
    let engine = fixture.engine();
    let sql = "SELECT COUNT(*) AS c FROM t HINT(access_path=magic) WHERE rare = 0";
    let output = crate::fixture::run(&engine, sql).await.unwrap();
    assert_eq!(output.rows_json, br#"[{"c":10}]"#);
    assert_eq!(
        output.warnings,
        ["the access path `magic` is not known: the hint has no effect"]
    );
}
