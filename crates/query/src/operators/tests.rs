//! Operators over native and dynamic columns.

use super::*;
use crate::dynamic::{arithmetic as rules, order};
use crate::testing::{Column, constant, evaluate};
use crate::types::DYNAMIC;
use datafusion::arrow::datatypes::DataType;
use outcrop_document::{Date, Datetime, Timestamp, Value, json};
use proptest::prelude::*;

const COMPARISONS: [(BinaryOperator, Comparison); 6] = [
    (BinaryOperator::Eq, Comparison::Equal),
    (BinaryOperator::NotEq, Comparison::NotEqual),
    (BinaryOperator::Lt, Comparison::Less),
    (BinaryOperator::LtEq, Comparison::LessOrEqual),
    (BinaryOperator::Gt, Comparison::Greater),
    (BinaryOperator::GtEq, Comparison::GreaterOrEqual),
];

fn j(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn v(value: impl Into<Value>) -> Typed {
    literal(&value.into())
}

fn value(typed: &Typed) -> Value {
    constant(typed).unwrap()
}

/// Every way to pair the columns of two values: native, dynamic, constants.
fn pairs(left: &Value, right: &Value) -> Vec<(Typed, Typed, Vec<Column>)> {
    let mut pairs = vec![];
    for (left_dynamic, right_dynamic) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        let data_type = |value: &Value, dynamic: bool| {
            if dynamic || *value == Value::Null {
                DYNAMIC
            } else {
                literal(value).data_type
            }
        };
        let rows = |value: &Value| vec![value.clone(), Value::Null];
        let a = Column::new("a", data_type(left, left_dynamic), &rows(left));
        let b = Column::new("b", data_type(right, right_dynamic), &rows(right));
        let constant = if right_dynamic {
            to_dynamic(literal(right))
        } else {
            literal(right)
        };
        pairs.push((
            a.typed(),
            constant,
            vec![Column::new("a", data_type(left, left_dynamic), &rows(left))],
        ));
        pairs.push((a.typed(), b.typed(), vec![a, b]));
    }
    pairs
}

#[track_caller]
fn check_binary(op: &BinaryOperator, left: &Value, right: &Value, expected: &Value) {
    for (a, b, columns) in pairs(left, right) {
        let typed = binary(op, a, b).unwrap();
        let found = evaluate(&typed, &columns).unwrap().remove(0);
        assert_eq!(
            &found, expected,
            "{left:?} {op} {right:?} as {}",
            typed.expr
        );
    }
}

#[test]
fn unlike_types_compare_to_null() {
    check_binary(
        &BinaryOperator::Eq,
        &Value::Int(5),
        &Value::from("5"),
        &Value::Null,
    );
    check_binary(
        &BinaryOperator::Lt,
        &Value::Bool(true),
        &Value::Int(1),
        &Value::Null,
    );
    check_binary(&BinaryOperator::Eq, &j("[1]"), &Value::Int(1), &Value::Null);
}

#[test]
fn numbers_compare_by_value() {
    check_binary(
        &BinaryOperator::Eq,
        &Value::Int(1),
        &Value::Float(1.0),
        &Value::Bool(true),
    );
    check_binary(
        &BinaryOperator::Lt,
        &Value::Int(1),
        &Value::Float(1.5),
        &Value::Bool(true),
    );
    check_binary(
        &BinaryOperator::GtEq,
        &Value::Float(1.5),
        &Value::Int(2),
        &Value::Bool(false),
    );
    check_binary(
        &BinaryOperator::Eq,
        &Value::Float(-0.0),
        &Value::Float(0.0),
        &Value::Bool(true),
    );
    check_binary(
        &BinaryOperator::Lt,
        &Value::Float(-0.0),
        &Value::Int(0),
        &Value::Bool(false),
    );
    check_binary(
        &BinaryOperator::Eq,
        &j("[1, 2.0]"),
        &j("[1.0, 2]"),
        &Value::Bool(true),
    );
}

#[test]
fn calendar_types_compare_in_utc_from_midnight() {
    let day = 86_400_000_000;
    let date = Value::Date(Date(1));
    let datetime = Value::Datetime(Datetime(day));
    let timestamp = Value::Timestamp(Timestamp(day + 1));
    check_binary(&BinaryOperator::Eq, &date, &datetime, &Value::Bool(true));
    check_binary(
        &BinaryOperator::Gt,
        &timestamp,
        &datetime,
        &Value::Bool(true),
    );
    check_binary(&BinaryOperator::Lt, &date, &timestamp, &Value::Bool(true));
}

#[test]
fn int_arithmetic_truncates_and_checks() {
    check_binary(
        &BinaryOperator::Divide,
        &Value::Int(7),
        &Value::Int(2),
        &Value::Int(3),
    );
    check_binary(
        &BinaryOperator::Modulo,
        &Value::Int(-7),
        &Value::Int(2),
        &Value::Int(-1),
    );
    check_binary(
        &BinaryOperator::Divide,
        &Value::Int(7),
        &Value::Float(2.0),
        &Value::Float(3.5),
    );
    for (op, left, right, message) in [
        (BinaryOperator::Divide, 1, 0, "division by zero"),
        (BinaryOperator::Modulo, 1, 0, "division by zero"),
        (BinaryOperator::Plus, i64::MAX, 1, "overflow in `+`"),
        (BinaryOperator::Multiply, i64::MIN, -1, "overflow in `*`"),
    ] {
        for (a, b, columns) in pairs(&Value::Int(left), &Value::Int(right)) {
            let error = evaluate(&binary(&op, a, b).unwrap(), &columns).unwrap_err();
            let found = crate::dynamic::EvaluationError::find(&error)
                .unwrap()
                .to_string();
            assert_eq!(found, message);
        }
    }
}

#[test]
fn wrong_operands_are_errors_before_or_at_run_time() {
    let error = binary(&BinaryOperator::Plus, v("a"), v(1i64)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "operator `+` does not take string and int"
    );
    let dynamic = binary(&BinaryOperator::Plus, to_dynamic(v("a")), v(1i64)).unwrap();
    assert!(
        constant(&dynamic)
            .unwrap_err()
            .to_string()
            .contains("does not take string and int")
    );
}

#[test]
fn dates_and_intervals() {
    let hour = Value::MicrosecondInterval(3_600_000_000);
    let start = Value::Timestamp(Timestamp(0));
    let later = Value::Timestamp(Timestamp(3_600_000_000));
    check_binary(&BinaryOperator::Plus, &start, &hour, &later);
    check_binary(&BinaryOperator::Plus, &hour, &start, &later);
    check_binary(&BinaryOperator::Minus, &later, &start, &hour);
    check_binary(
        &BinaryOperator::Multiply,
        &hour,
        &Value::Float(0.5),
        &Value::MicrosecondInterval(1_800_000_000),
    );
    check_binary(
        &BinaryOperator::Minus,
        &Value::Date(Date(2)),
        &Value::Date(Date(1)),
        &Value::MicrosecondInterval(86_400_000_000),
    );
    // The type of a moved date: whole days known from the text keep it a date.
    let day = v(Date(0));
    let moved = binary(
        &BinaryOperator::Plus,
        day.clone(),
        literal(&Value::MicrosecondInterval(86_400_000_000)),
    );
    assert_eq!(moved.unwrap().data_type, DataType::Date32);
    let moved = binary(&BinaryOperator::Minus, day, literal(&hour)).unwrap();
    assert_eq!(value(&moved), Value::Datetime(Datetime(-3_600_000_000)));
}

#[test]
fn concatenation() {
    check_binary(
        &BinaryOperator::StringConcat,
        &Value::from("a"),
        &Value::from("b"),
        &Value::from("ab"),
    );
    let arrays = binary(
        &BinaryOperator::StringConcat,
        v(vec![Value::Int(1)]),
        v(vec![Value::Int(2)]),
    );
    assert_eq!(value(&arrays.unwrap()), j("[1, 2]"));
    assert!(binary(&BinaryOperator::StringConcat, v("a"), v(1i64)).is_err());
}

#[test]
fn logic_is_three_valued() {
    let (yes, no, unknown) = (v(true), v(false), literal(&Value::Null));
    let and =
        |a: &Typed, b: &Typed| value(&binary(&BinaryOperator::And, a.clone(), b.clone()).unwrap());
    let or =
        |a: &Typed, b: &Typed| value(&binary(&BinaryOperator::Or, a.clone(), b.clone()).unwrap());
    assert_eq!(and(&no, &unknown), Value::Bool(false));
    assert_eq!(and(&yes, &unknown), Value::Null);
    assert_eq!(or(&yes, &unknown), Value::Bool(true));
    assert_eq!(or(&to_dynamic(no), &unknown), Value::Null);
    assert_eq!(
        value(&unary(&UnaryOperator::Not, to_dynamic(yes)).unwrap()),
        Value::Bool(false)
    );
    assert!(binary(&BinaryOperator::And, v(1i64), v(true)).is_err());
}

#[test]
fn null_and_undefined() {
    assert_eq!(
        value(&is_null(literal(&Value::Null), false).unwrap()),
        Value::Bool(true)
    );
    let explicit = Typed::new(
        datafusion::logical_expr::lit(datafusion::common::ScalarValue::BinaryView(Some(
            outcrop_document::k::encode(&Value::Null),
        ))),
        DYNAMIC,
    );
    assert_eq!(
        value(&is_null(explicit.clone(), false).unwrap()),
        Value::Bool(true)
    );
    assert_eq!(
        value(&is_undefined(explicit.clone(), false).unwrap()),
        Value::Bool(false)
    );
    let undefined = field(to_dynamic(v(j(r#"{"a": 1}"#))), "b").unwrap();
    assert_eq!(
        value(&is_undefined(undefined.clone(), false).unwrap()),
        Value::Bool(true)
    );
    let same = is_distinct(explicit, undefined, true).unwrap();
    assert_eq!(value(&same), Value::Bool(true));
    assert_eq!(
        value(&is_distinct(v(1i64), v("1"), false).unwrap()),
        Value::Bool(true)
    );
    assert_eq!(
        value(&is_distinct(v(1i64), v(1.0), false).unwrap()),
        Value::Bool(false)
    );
}

#[test]
fn membership_and_ranges() {
    let member = |x: Typed, list: Vec<Typed>| value(&in_list(x, list, false).unwrap());
    assert_eq!(member(v(2i64), vec![v(1i64), v(2.0)]), Value::Bool(true));
    assert_eq!(member(v(2i64), vec![v(1i64), v("2")]), Value::Null);
    assert_eq!(member(v(2i64), vec![v(1i64), v(3i64)]), Value::Bool(false));
    assert_eq!(
        member(to_dynamic(v(2i64)), vec![v("a"), v(2.0)]),
        Value::Bool(true)
    );
    assert_eq!(
        member(to_dynamic(v("b")), vec![v("a"), v(2i64)]),
        Value::Null
    );
    assert_eq!(member(v(0.0), vec![v(-0.0)]), Value::Bool(true));
    let inside = between(to_dynamic(v(2i64)), v(1i64), v(2.0), false).unwrap();
    assert_eq!(value(&inside), Value::Bool(true));
    let outside = between(v("b"), v("a"), v("b"), true).unwrap();
    assert_eq!(value(&outside), Value::Bool(false));
}

#[test]
fn patterns_and_their_escapes() {
    let matches = |text: &str, pattern: &str, escape: Option<char>| {
        value(&like(v(text), v(pattern), escape, false).unwrap())
    };
    assert_eq!(matches("hello", "h_l%", None), Value::Bool(true));
    assert_eq!(matches("a_b", r"a\_b", None), Value::Bool(true));
    assert_eq!(matches("axb", r"a\_b", None), Value::Bool(false));
    assert_eq!(matches("50%", "50!%", Some('!')), Value::Bool(true));
    assert_eq!(matches("50x", "50!%", Some('!')), Value::Bool(false));
    let dynamic = like(to_dynamic(v("abc")), v("a%"), None, true).unwrap();
    assert_eq!(value(&dynamic), Value::Bool(false));
    assert!(like(v(1i64), v("1"), None, false).is_err());
    assert!(constant(&like(to_dynamic(v(1i64)), v("1"), None, false).unwrap()).is_err());
}

#[test]
fn branches_of_unlike_types_keep_them() {
    let mixed = case(None, vec![(v(true), v(1i64))], Some(v("x"))).unwrap();
    assert_eq!(mixed.data_type, DYNAMIC);
    assert_eq!(value(&mixed), Value::Int(1));
    let numbers = case(None, vec![(v(false), v(1i64))], Some(v(2.0))).unwrap();
    assert_eq!(value(&numbers), Value::Float(2.0));
    let simple = case(
        Some(v(1i64)),
        vec![(v("1"), v("no")), (v(1.0), v("yes"))],
        None,
    )
    .unwrap();
    assert_eq!(simple.data_type, DataType::Utf8View);
    assert_eq!(value(&simple), Value::from("yes"));
}

#[test]
fn a_branch_that_is_not_taken_does_not_fail() {
    let divided = binary(&BinaryOperator::Divide, v(1i64), to_dynamic(v(0i64))).unwrap();
    let guarded = case(None, vec![(v(true), v(0i64))], Some(divided)).unwrap();
    assert_eq!(value(&guarded), Value::Int(0));
}

#[test]
fn parts_of_dynamic_values() {
    let document = to_dynamic(v(j(r#"{"a": {"b": [10, 20]}}"#)));
    let array = field(field(document.clone(), "a").unwrap(), "b").unwrap();
    assert_eq!(
        value(&subscript(array.clone(), v(1i64)).unwrap()),
        Value::Int(10)
    );
    assert_eq!(
        value(&subscript(array.clone(), v(0i64)).unwrap()),
        Value::Null
    );
    assert_eq!(value(&subscript(array, v(3i64)).unwrap()), Value::Null);
    assert_eq!(
        value(&subscript(document.clone(), v("a")).unwrap()),
        j(r#"{"b": [10, 20]}"#)
    );
    assert!(constant(&subscript(document, v(1i64)).unwrap()).is_err());
    assert!(subscript(v(5i64), v(1i64)).is_err());
}

#[test]
fn constructors_keep_nulls_and_drop_undefined_members() {
    let undefined = Column::new("u", DYNAMIC, &[Value::Null]);
    let built = array(vec![v(1i64), undefined.typed(), v("x")]).unwrap();
    assert_eq!(
        evaluate(&built, &[Column::new("u", DYNAMIC, &[Value::Null])]).unwrap(),
        [j(r#"[1, null, "x"]"#)]
    );
    let built = object(vec![(v("k"), v(1.0)), (v("u"), undefined.typed())]).unwrap();
    assert_eq!(
        evaluate(&built, &[undefined]).unwrap(),
        [j(r#"{"k": 1.0}"#)]
    );
}

#[test]
fn conditions_merge_null_with_false_and_hash_equality() {
    let x = Column::new(
        "x",
        DYNAMIC,
        &[
            Value::Int(5),
            Value::from("5"),
            Value::Float(5.0),
            Value::Null,
        ],
    );
    let equal = binary(&BinaryOperator::Eq, x.typed(), v(5i64)).unwrap();
    let condition = to_condition(equal).unwrap();
    assert!(
        matches!(condition, datafusion::logical_expr::Expr::BinaryExpr(_)),
        "{condition}"
    );
    let kept = evaluate(&Typed::new(condition, DataType::Boolean), &[x]).unwrap();
    assert_eq!(
        kept,
        [
            Value::Bool(true),
            Value::Bool(false),
            Value::Bool(true),
            Value::Null
        ]
    );
    assert!(to_condition(v(1i64)).is_err());
}

#[test]
fn keys_of_equal_values_are_equal() {
    let x = Column::new(
        "x",
        DYNAMIC,
        &[Value::Int(1), Value::Float(1.0), Value::from("1")],
    );
    let keys = evaluate(&group_key(x.typed()), &[x]).unwrap();
    assert_eq!(keys, [Value::Int(1), Value::Int(1), Value::from("1")]);
}

fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-3i64..4).prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        (-3i8..4).prop_map(|x| Value::Float(f64::from(x) / 2.0)),
        "[ab]{0,2}".prop_map(Value::String),
        (-2i32..3).prop_map(|days| Value::Date(Date(days))),
        (-2i64..3).prop_map(|days| Value::Datetime(Datetime(days * 43_200_000_000))),
        (-2i64..3).prop_map(|days| Value::Timestamp(Timestamp(days * 43_200_000_000))),
        (-2i64..3).prop_map(Value::MonthInterval),
        (-2i64..3).prop_map(|n| Value::MicrosecondInterval(n * 43_200_000_000)),
    ];
    scalar.prop_recursive(2, 6, 3, |inner| {
        prop::collection::vec(inner, 0..3).prop_map(Value::Array)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn dynamic_comparison_follows_the_rules_for_values(a in any_value(), b in any_value()) {
        let (x, y) = (to_dynamic(literal(&a)), Column::new("y", DYNAMIC, std::slice::from_ref(&b)));
        for (op, comparison) in &COMPARISONS {
            let typed = binary(op, x.clone(), y.typed()).unwrap();
            let y = Column::new("y", DYNAMIC, std::slice::from_ref(&b));
            let expected = order::compare(&a, &b)
                .map_or(Value::Null, |ordering| Value::Bool(comparison.holds(ordering)));
            prop_assert_eq!(evaluate(&typed, &[y]).unwrap().remove(0), expected);
        }
    }

    #[test]
    fn dynamic_arithmetic_follows_the_rules_for_values(a in any_value(), b in any_value()) {
        let ops = [
            (BinaryOperator::Plus, ArithmeticOperator::Add),
            (BinaryOperator::Minus, ArithmeticOperator::Subtract),
            (BinaryOperator::Multiply, ArithmeticOperator::Multiply),
            (BinaryOperator::Divide, ArithmeticOperator::Divide),
            (BinaryOperator::Modulo, ArithmeticOperator::Modulo),
        ];
        for (op, rule) in ops {
            let x = Column::new("x", DYNAMIC, std::slice::from_ref(&a));
            let typed = binary(&op, x.typed(), to_dynamic(literal(&b))).unwrap();
            let found = evaluate(&typed, &[x]).map(|mut rows| rows.remove(0));
            match rules::arithmetic(rule, &a, &b) {
                Ok(expected) => prop_assert!(found.unwrap().equals(&expected)),
                Err(_) => prop_assert!(found.is_err()),
            }
        }
    }
}
