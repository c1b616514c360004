//! Random values for property tests, rich in the cases where encodings go wrong.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::{Date, Datetime, Geography, Object, Position, Time, Timestamp, Value};

/// Any value; small, so that two of them are often equal or share a prefix.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map(text(), inner, 0..4).prop_map(Value::Object),
        ]
    })
}

/// Any object.
pub(crate) fn object() -> impl Strategy<Value = Object> {
    btree_map(text(), value(), 0..5)
}

/// A value that JSON can say without typed wrappers.
pub(crate) fn plain() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        int().prop_map(Value::Int),
        float()
            .prop_filter("JSON has no NaN or infinity", |f| f.is_finite())
            .prop_map(Value::Float),
        "(?s).{0,8}".prop_map(Value::String),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map("[a-c\"\\\\\u{0}\n]{0,3}", inner, 0..4).prop_map(Value::Object),
        ]
    })
}

/// Any value without members or elements.
pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![common(), common(), rare()]
}

/// The types that JSON has.
fn common() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        int().prop_map(Value::Int),
        float().prop_map(Value::Float),
        text().prop_map(Value::String),
    ]
}

/// The types that need a typed wrapper.
fn rare() -> impl Strategy<Value = Value> {
    prop_oneof![
        vec(prop_oneof![Just(0u8), Just(0xFF), any::<u8>()], 0..4).prop_map(Value::Bytes),
        any::<i32>().prop_map(|days| Value::Date(Date(days))),
        any::<i64>().prop_map(|micros| Value::Datetime(Datetime(micros))),
        any::<i64>().prop_map(|micros| Value::Time(Time(micros))),
        any::<i64>().prop_map(|micros| Value::Timestamp(Timestamp(micros))),
        any::<i64>().prop_map(Value::MonthInterval),
        any::<i64>().prop_map(Value::MicrosecondInterval),
        geography().prop_map(Value::Geography),
    ]
}

/// Ints near every border: zero, 2⁵³, 2⁶², the ends of the range.
fn int() -> impl Strategy<Value = i64> {
    let borders = [
        0i64,
        1 << 53,
        -(1 << 53),
        1 << 62,
        i64::MAX,
        i64::MIN,
        1_000_000,
    ];
    let near = (prop::sample::select(borders.to_vec()), -1100i64..1100);
    prop_oneof![
        -3i64..3,
        near.prop_map(|(border, step)| border.saturating_add(step)),
        any::<i64>()
    ]
}

/// Floats that are ints, near them, and the special ones.
fn float() -> impl Strategy<Value = f64> {
    let special = [
        0.0,
        -0.0,
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        f64::MIN,
        9_223_372_036_854_775_808.0,
        -9_223_372_036_854_775_808.0,
        1e16,
        0.1,
    ];
    prop_oneof![
        prop::sample::select(special.to_vec()),
        int().prop_map(|int| int as f64),
        -3.0..3.0f64,
        any::<f64>(),
    ]
}

/// Short texts out of few characters, zero and one beyond ASCII among them.
fn text() -> impl Strategy<Value = String> {
    "[ab\u{0}\u{1}é\u{ffff}\u{10ffff}]{0,3}"
}

fn geography() -> impl Strategy<Value = Geography> {
    let degree = prop_oneof![Just(-0.0), Just(1.0), -90.0..=90.0f64];
    let position = (degree.clone(), degree)
        .prop_map(|(longitude, latitude)| Position::new(longitude, latitude).unwrap());
    let ring = vec(position.clone(), 4..6);
    let rings = vec(ring, 1..3);
    prop_oneof![
        position.clone().prop_map(Geography::Point),
        vec(position, 2..4).prop_map(|line| Geography::line_string(line).unwrap()),
        rings
            .clone()
            .prop_filter_map("rings close", |rings| Geography::polygon(rings).ok()),
        vec(rings, 1..3).prop_filter_map("rings close", |p| Geography::multi_polygon(p).ok()),
    ]
}
