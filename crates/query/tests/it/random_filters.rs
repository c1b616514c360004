//! Random documents and filters: every layout gives the rows that a plain reading of the rules gives.

use std::cmp::Ordering;

use outcrop_document::{Object, Timestamp, Value, ValueType, json};
use proptest::prelude::*;
use proptest::sample::select;
use tokio::runtime::Runtime;

use crate::fixture::{Fixture, Layout, rows};

/// Values whose comparisons are the hard ones: types side by side, numbers at the edge of exactness.
fn value() -> impl Strategy<Value = Option<Value>> {
    let exact = 1_i64 << 53;
    let ints = select(vec![
        0,
        1,
        2,
        -1,
        exact,
        exact + 1,
        -exact - 1,
        i64::MAX,
        i64::MIN,
    ]);
    let floats = select(vec![
        0.0,
        -0.0,
        1.0,
        1.5,
        -1.0,
        9_007_199_254_740_992.0,
        1e300,
        -0.5,
    ]);
    let texts = select(vec!["", "1", "a", "b", "true"]);
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(Value::Null)),
        4 => ints.prop_map(|int| Some(Value::Int(int))),
        3 => floats.prop_map(|float| Some(Value::Float(float))),
        3 => texts.prop_map(|text| Some(Value::from(text))),
        1 => any::<bool>().prop_map(|bool| Some(Value::Bool(bool))),
        1 => Just(Some(Value::Array(vec![Value::Int(1), Value::Null]))),
        1 => Just(Some(Value::Object(Object::from([("b".to_owned(), Value::Int(1))])))),
    ]
}

/// Which of the types above a test has: few types make native columns, many make dynamic ones.
fn values(count: usize) -> impl Strategy<Value = Vec<Option<Value>>> {
    let types = vec![
        ValueType::Int,
        ValueType::Float,
        ValueType::String,
        ValueType::Bool,
    ];
    let kept = proptest::sample::subsequence(types, 1..=4);
    (kept, prop::collection::vec(value(), count), any::<bool>()).prop_map(|(kept, values, all)| {
        let keep = |value: &Value| all || kept.contains(&value.value_type());
        values.into_iter().map(|value| value.filter(keep)).collect()
    })
}

fn documents(values: &[Option<Value>]) -> Vec<Value> {
    let document = |(row, value): (usize, &Option<Value>)| {
        let time = Timestamp::parse("2024-01-01T00:00:00Z").unwrap();
        let mut members = Object::from([
            ("_id".to_owned(), Value::String(format!("{row:03}"))),
            ("_event_time".to_owned(), Value::Timestamp(time)),
        ]);
        members.extend(value.clone().map(|value| ("x".to_owned(), value)));
        Value::Object(members)
    };
    values.iter().enumerate().map(document).collect()
}

/// Values that a filter compares with, as values and as SQL.
fn constant() -> impl Strategy<Value = (Value, String)> {
    let scalar = value().prop_filter_map("scalars are written easily", |value| {
        let value = value?;
        let text = match &value {
            Value::Int(int) => int.to_string(),
            // As text, since a sign in front of a literal is an operator of its own.
            Value::Float(float) => format!("CAST('{float:?}' AS float)"),
            Value::String(text) => format!("'{text}'"),
            Value::Bool(bool) => bool.to_string(),
            _ => return None,
        };
        Some((value, text))
    });
    scalar.boxed()
}

type Holds = fn(Ordering) -> bool;

const OPERATORS: [(&str, Holds); 6] = [
    ("=", Ordering::is_eq),
    ("<>", Ordering::is_ne),
    ("<", Ordering::is_lt),
    ("<=", Ordering::is_le),
    (">", Ordering::is_gt),
    (">=", Ordering::is_ge),
];

/// Whether `value op constant` is true: never for null, undefined and unlike types.
fn passes(value: Option<&Value>, holds: Holds, constant: &Value) -> bool {
    let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::Float(_));
    value.is_some_and(|value| {
        let alike = value.value_type() == constant.value_type()
            || (is_number(value) && is_number(constant));
        alike && holds(value.compare(constant))
    })
}

/// The rows of `SELECT _id, x … ORDER BY _id` for those documents that `keep` keeps.
fn expected(values: &[Option<Value>], keep: impl Fn(Option<&Value>) -> bool) -> String {
    let mut text = b"[".to_vec();
    for (row, value) in values
        .iter()
        .enumerate()
        .filter(|(_, value)| keep(value.as_ref()))
    {
        if text.len() > 1 {
            text.push(b',');
        }
        text.extend_from_slice(format!(r#"{{"_id":"{row:03}","x":"#).as_bytes());
        json::write_json(value.as_ref().unwrap_or(&Value::Null), &mut text);
        text.push(b'}');
    }
    text.push(b']');
    String::from_utf8(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn filters_keep_the_rows_that_the_rules_keep(
        values in values(14),
        (constant, text) in constant(),
        (operator, holds) in select(OPERATORS.to_vec()),
    ) {
        let runtime = Runtime::new().unwrap();
        let documents = documents(&values);
        let keep = |value: Option<&Value>| passes(value, holds, &constant);
        let flipped = |value: Option<&Value>| passes(value, |ordering| !ordering.is_eq(), &constant);
        for layout in Layout::ALL {
            let mut fixture = Fixture::of(layout);
            fixture.insert("commons.t", layout.snapshot(&documents));
            let engine = fixture.engine();
            for (condition, expected) in [
                (format!("x {operator} {text}"), expected(&values, keep)),
                (format!("NOT (x = {text})"), expected(&values, flipped)),
                (format!("x {operator} {text} OR x IS NULL"), expected(&values, |value| {
                    matches!(value, None | Some(Value::Null)) || keep(value)
                })),
                (format!("x IS UNDEFINED OR x {operator} {text}"), expected(&values, |value| {
                    value.is_none() || keep(value)
                })),
            ] {
                let sql = format!("SELECT _id, x FROM t WHERE {condition} ORDER BY _id");
                let found = runtime.block_on(rows(&engine, &sql));
                prop_assert_eq!(found, expected, "{:?}: {}", layout, sql);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn order_groups_and_joins_follow_the_order_of_values(values in values(12)) {
        let runtime = Runtime::new().unwrap();
        let documents = documents(&values);
        let some = |row: usize| values[row].as_ref().filter(|value| **value != Value::Null);
        let present = (0..values.len()).filter_map(some).collect::<Vec<_>>();

        let mut order = (0..values.len()).collect::<Vec<_>>();
        order.sort_by(|a, b| match (some(*a), some(*b)) {
            (Some(a), Some(b)) => a.compare(b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        });
        let ids = order.iter().map(|row| format!(r#"{{"_id":"{row:03}"}}"#)).collect::<Vec<_>>();
        let ids = format!("[{}]", ids.join(","));

        let firsts = present.iter().enumerate();
        let distinct = firsts.filter(|(at, value)| !present[..*at].iter().any(|v| v.equals(value)));
        let distinct = distinct.count();
        let matches = |value: &&Value| present.iter().filter(|v| v.equals(value)).count();
        let pairs = present.iter().map(matches).sum::<usize>();
        let groups = distinct + usize::from(present.len() < values.len());

        for layout in Layout::ALL {
            let mut fixture = Fixture::of(layout);
            fixture.insert("commons.t", layout.snapshot(&documents));
            let engine = fixture.engine();
            for (sql, expected) in [
                ("SELECT _id FROM t ORDER BY x, _id", ids.clone()),
                ("SELECT COUNT(DISTINCT x) AS c FROM t", format!(r#"[{{"c":{distinct}}}]"#)),
                (
                    "SELECT COUNT(*) AS c FROM (SELECT x FROM t GROUP BY x) g",
                    format!(r#"[{{"c":{groups}}}]"#),
                ),
                (
                    "SELECT COUNT(*) AS c FROM t a JOIN t b ON a.x = b.x",
                    format!(r#"[{{"c":{pairs}}}]"#),
                ),
            ] {
                let found = runtime.block_on(rows(&engine, sql));
                prop_assert_eq!(found, expected, "{:?}: {}", layout, sql);
            }
        }
    }
}
