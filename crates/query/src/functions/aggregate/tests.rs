//! Aggregates over two partitions that each hold all the rows: every input counts twice.

use crate::functions::{AggregateCall, aggregate_call};
use crate::operators::{SortKey, Typed, binary, literal};
use crate::testing::{Column, aggregate};
use crate::types::DYNAMIC;
use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::BinaryOperator;
use outcrop_document::{Value, json};

fn j(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn call(arguments: Vec<Typed>) -> AggregateCall {
    AggregateCall {
        arguments,
        distinct: false,
        filter: None,
        order_by: vec![],
    }
}

fn distinct(arguments: Vec<Typed>) -> AggregateCall {
    AggregateCall {
        distinct: true,
        ..call(arguments)
    }
}

/// Ints, and the same as a mix of ints, floats and nulls.
fn table() -> Vec<Column> {
    let ints = [1, 2, 3, 4].map(Value::Int);
    let mixed = [
        Value::Int(1),
        Value::Float(1.0),
        Value::Float(2.5),
        Value::Null,
    ];
    let texts = ["a", "b", "a", "b"].map(Value::from);
    vec![
        Column::new("i", DataType::Int64, &ints),
        Column::new("m", DYNAMIC, &mixed),
        Column::new("s", DataType::Utf8View, &texts),
    ]
}

fn columns() -> (Typed, Typed, Typed) {
    let table = table();
    (table[0].typed(), table[1].typed(), table[2].typed())
}

fn total(name: &str, call: AggregateCall) -> Value {
    let typed = aggregate_call(name, call).unwrap();
    aggregate(&typed, None, &table())
        .unwrap()
        .remove(0)
        .remove(0)
}

#[test]
fn counts() {
    let (i, m, _) = columns();
    assert_eq!(total("COUNT", call(vec![])), Value::Int(8));
    assert_eq!(total("COUNT", call(vec![m.clone()])), Value::Int(6));
    assert_eq!(total("COUNT", distinct(vec![m.clone()])), Value::Int(2));
    let more = binary(&BinaryOperator::Gt, i.clone(), literal(&Value::Int(1))).unwrap();
    assert_eq!(total("COUNT_IF", call(vec![more.clone()])), Value::Int(6));
    let filtered = AggregateCall {
        filter: Some(more),
        ..call(vec![])
    };
    assert_eq!(total("count", filtered), Value::Int(6));
    assert_eq!(total("APPROX_DISTINCT", call(vec![i])), Value::Int(4));
    assert_eq!(total("APPROX_DISTINCT", call(vec![m])), Value::Int(2));
}

#[test]
fn sums_are_ints_when_all_inputs_are() {
    let (i, m, _) = columns();
    assert_eq!(total("SUM", call(vec![i.clone()])), Value::Int(20));
    assert_eq!(total("SUM", distinct(vec![i.clone()])), Value::Int(10));
    assert_eq!(total("SUM", call(vec![m.clone()])), Value::Float(9.0));
    assert_eq!(total("SUM", distinct(vec![m.clone()])), Value::Float(3.5));
    assert_eq!(total("AVG", call(vec![i])), Value::Float(2.5));
    assert_eq!(total("AVG", call(vec![m])), Value::Float(1.5));
}

#[test]
fn a_sum_beyond_64_bits_is_an_error() {
    let big = || vec![Column::new("i", DataType::Int64, &[Value::Int(i64::MAX)])];
    let typed = aggregate_call("SUM", call(vec![big()[0].typed()])).unwrap();
    let error = aggregate(&typed, None, &big()).unwrap_err();
    assert!(error.to_string().contains("overflow in `SUM`"), "{error}");
}

#[test]
fn extremes_and_their_companions() {
    let (i, m, s) = columns();
    assert_eq!(total("MIN", call(vec![s.clone()])), Value::from("a"));
    assert_eq!(total("MAX", call(vec![m.clone()])), Value::Float(2.5));
    assert_eq!(total("MIN", call(vec![m.clone()])), Value::Int(1));
    assert_eq!(
        total("MAX_BY", call(vec![s.clone(), i.clone()])),
        Value::from("b")
    );
    assert_eq!(total("MIN_BY", call(vec![i.clone(), m])), Value::Int(1));
    let arbitrary = total("ARBITRARY", call(vec![i]));
    assert!(matches!(arbitrary, Value::Int(1..=4)));
}

#[test]
fn collections_of_inputs() {
    let (i, m, s) = columns();
    let order_by = vec![SortKey {
        operand: i.clone(),
        ascending: false,
        nulls_first: false,
    }];
    let ordered = AggregateCall {
        order_by: order_by.clone(),
        ..distinct(vec![i.clone()])
    };
    assert_eq!(total("ARRAY_AGG", ordered), j("[4, 3, 2, 1]"));
    let Value::Array(all) = total("ARRAY_AGG", call(vec![m])) else {
        panic!()
    };
    assert_eq!(all.len(), 8);
    assert_eq!(all.iter().filter(|value| **value == Value::Null).count(), 2);
    let keyed = AggregateCall {
        order_by,
        ..call(vec![s.clone(), i])
    };
    assert_eq!(total("MAP_AGG", keyed), j(r#"{"a": 1, "b": 2}"#));
    let joined = distinct(vec![s, literal(&Value::from("-"))]);
    let Value::String(joined) = total("STRING_AGG", joined) else {
        panic!()
    };
    assert!(["a-b", "b-a"].contains(&joined.as_str()));
}

#[test]
fn groups_keep_apart() {
    let (i, m, s) = columns();
    for (name, argument, expected) in [
        ("SUM", i, [Value::Int(8), Value::Int(12)]),
        ("SUM", m.clone(), [Value::Float(7.0), Value::Float(2.0)]),
        ("MAX", m, [Value::Float(2.5), Value::Float(1.0)]),
    ] {
        let typed = aggregate_call(name, call(vec![argument])).unwrap();
        let rows = aggregate(&typed, Some(&s), &table()).unwrap();
        let found: Vec<Value> = rows.into_iter().map(|mut row| row.remove(1)).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn statistics_and_bits() {
    let (i, _, _) = columns();
    assert_eq!(total("VAR_POP", call(vec![i.clone()])), Value::Float(1.25));
    assert_eq!(
        total("BITWISE_OR_AGG", call(vec![i.clone()])),
        Value::Int(7)
    );
    assert_eq!(total("MEDIAN", call(vec![i.clone()])), Value::Float(2.5));
    let Value::Float(corr) = total("CORR", call(vec![i.clone(), i.clone()])) else {
        panic!()
    };
    assert!((corr - 1.0).abs() < 1e-9);
    let Value::Float(mean) = total("GEOMETRIC_MEAN", call(vec![i.clone()])) else {
        panic!()
    };
    assert!((mean - 24f64.powf(0.25)).abs() < 1e-9);
    let large = binary(&BinaryOperator::Lt, i, literal(&Value::Int(4))).unwrap();
    assert_eq!(
        total("BOOL_AND", call(vec![large.clone()])),
        Value::Bool(false)
    );
    assert_eq!(
        total("EVERY", call(vec![large.clone()])),
        Value::Bool(false)
    );
    assert_eq!(total("BOOL_OR", call(vec![large])), Value::Bool(true));
}

#[test]
fn wrong_types_are_found_before_anything_runs() {
    let (_, _, s) = columns();
    let error = aggregate_call("SUM", call(vec![s])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "function `SUM`: argument 1 must be int or float, found string"
    );
}
