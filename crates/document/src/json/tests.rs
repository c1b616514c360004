use proptest::prelude::*;

use super::*;
use crate::{Date, Object, strategies};

fn parsed(text: &str) -> Value {
    parse(text.as_bytes()).unwrap()
}

fn resolved(text: &str) -> Result<Value, String> {
    resolve_typed(parsed(text)).map_err(|error| error.to_string())
}

/// The JSON of the value that the extended JSON `text` describes.
fn echo(text: &str) -> String {
    resolved(text).map_or_else(|error| error, |value| to_string(&value))
}

#[test]
fn numbers_are_ints_only_without_point_and_within_64_bits() {
    assert_eq!(parsed("9223372036854775807"), Value::Int(i64::MAX));
    assert_eq!(parsed("-9223372036854775808"), Value::Int(i64::MIN));
    assert_eq!(
        parsed("9223372036854775808"),
        Value::Float(9_223_372_036_854_775_808.0)
    );
    assert_eq!(
        parsed("18446744073709551615"),
        Value::Float(18_446_744_073_709_551_615.0)
    );
    assert_eq!(
        parsed("123456789012345678901234567890"),
        Value::Float(1.234_567_890_123_456_8e29)
    );
    assert_eq!(
        parsed("-9223372036854775809"),
        Value::Float(-9_223_372_036_854_775_808.0)
    );
    assert_eq!(parsed("1.0"), Value::Float(1.0));
    assert_eq!(parsed("-0"), Value::Int(0));
    assert_eq!(to_string(&parsed("[-0.0, -0e1, 0.0]")), "[-0.0,-0.0,0.0]");
    assert_eq!(parsed("1e2"), Value::Float(100.0));
    assert_eq!(
        parsed("9007199254740993"),
        Value::Int(9_007_199_254_740_993)
    );
}

#[test]
fn of_duplicate_names_the_last_wins() {
    assert_eq!(
        to_string(&parsed(r#"{"a":1,"b":2,"a":{"c":3}}"#)),
        r#"{"a":{"c":3},"b":2}"#
    );
}

#[test]
fn malformed_text_is_refused_with_its_place() {
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "NaN",
        "-NaN",
        "Infinity",
        "[1 2]",
        "01",
        "1.",
        ".5",
        "+1",
        "'a'",
        "\"a\nb\"",
        "{a:1}",
        "tru",
        "nulls",
        "1 2",
        "\"\\ud800\"",
        "\"\\x\"",
        "1e999",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text:?} was read");
    }
    assert_eq!(
        parse("{\"é\": [1, 2}".as_bytes()).unwrap_err().to_string(),
        "expected `,` or `]` at line 1 column 13"
    );
    let error = parse(b"{\n  \"a\": 1,\n  \"b\": nope\n}").unwrap_err();
    assert_eq!(error.line, 3, "{error}");
    assert!(error.to_string().contains("at line 3 column"), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[test]
fn errors_say_what_was_expected() {
    let error = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
    for (text, expected) in [
        ("", "unexpected end of text at line 1 column 1"),
        (
            "[NaN]",
            "NaN and Infinity are not JSON numbers at line 1 column 2",
        ),
        ("{\"a\":1", "unexpected end of text at line 1 column 7"),
        ("{\"a\" 1}", "expected `:` at line 1 column 6"),
        (
            "{a:1}",
            "expected a member name in double quotes at line 1 column 2",
        ),
        (
            "[1] x",
            "unexpected text after the value at line 1 column 5",
        ),
        ("[01]", "a number has no leading zeros at line 1 column 3"),
        ("[1.]", "expected a digit at line 1 column 4"),
        (
            "[1e999]",
            "number is out of the range of a float at line 1 column 2",
        ),
        ("\"abc", "a string is not closed at line 1 column 5"),
        (
            "\"a\nb\"",
            "control characters in strings must be escaped at line 1 column 3",
        ),
        ("\"\\x\"", "unknown escape in a string at line 1 column 3"),
        (
            "\"\\ud800\"",
            "a surrogate in a string stands alone at line 1 column 8",
        ),
        (
            "\"\\u12g4\"",
            "`\\u` must be followed by four hex digits at line 1 column 3",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
    assert_eq!(
        parse(b"[\"ok\",\n\"\xff\"]").unwrap_err().to_string(),
        "text is not valid UTF-8 at line 2 column 2"
    );
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    for bytes in [
        &b"\"\xff\""[..],
        b"{\"\xc3\":1}",
        b"\xff",
        b"[1] \xff",
        b"\"\xed\xa0\x80\"",
    ] {
        assert!(parse(bytes).is_err(), "{bytes:?} was read");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(parsed(&nested(NESTING_MAX)).depth(), NESTING_MAX);
    for text in [
        nested(NESTING_MAX + 1),
        nested(100_000),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
    ] {
        let error = parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.message, "nested deeper than 128 levels");
        assert_eq!(error.line, 1);
    }
}

#[test]
fn floats_keep_a_point_or_exponent() {
    for (float, text) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e16, "1e16"),
        (123_456_789.0, "123456789.0"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e308"),
        (f64::NAN, "\"NaN\""),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ] {
        assert_eq!(to_string(&Value::Float(float)), text);
    }
}

#[test]
fn strings_escape_what_json_requires() {
    let text = Value::from("a\"\\/\n\r\t\u{0}\u{1f}\u{7f}é\u{2028}");
    assert_eq!(
        to_string(&text),
        "\"a\\\"\\\\/\\n\\r\\t\\u0000\\u001f\u{7f}é\u{2028}\""
    );
    assert_eq!(parse(to_string(&text).as_bytes()), Ok(text));
}

#[test]
fn typed_values_are_read_in_any_case_and_written_in_upper_case() {
    for (input, output) in [
        (
            r#"{"__rockset_type":"Date","value":"2022/06/21"}"#,
            r#"{"__rockset_type":"DATE","value":"2022-06-21"}"#,
        ),
        (
            r#"{"__rockset_type":"TIME","value":"12:34:56:123000"}"#,
            r#"{"__rockset_type":"TIME","value":"12:34:56.123"}"#,
        ),
        (
            r#"{"__rockset_type":"datetime","value":"2022-06-20T12:00"}"#,
            r#"{"__rockset_type":"DATETIME","value":"2022-06-20T12:00:00"}"#,
        ),
        (
            r#"{"__rockset_type":"timestamp","value":"2020-01-01T10:30:00+02:00"}"#,
            r#""2020-01-01T08:30:00.000000Z""#,
        ),
        (
            r#"{"__rockset_type":"timestamp","value":1573341271561512}"#,
            r#""2019-11-09T23:14:31.561512Z""#,
        ),
        (
            r#"{"__rockset_type":"timestamp","value":"2021-07-01 00:00","timezone":"America/New_York"}"#,
            r#""2021-07-01T04:00:00.000000Z""#,
        ),
        (
            r#"{"__rockset_type":"timestamp","value":"01.07.2021 14","format":"%d.%m.%Y %H","timezone":null}"#,
            r#""2021-07-01T14:00:00.000000Z""#,
        ),
        (
            r#"{"__rockset_type":"date","value":"21.06.22","format":"%d.%m.%y"}"#,
            r#"{"__rockset_type":"DATE","value":"2022-06-21"}"#,
        ),
        (
            r#"{"__rockset_type":"time","value":"0930","format":"%H%M"}"#,
            r#"{"__rockset_type":"TIME","value":"09:30:00"}"#,
        ),
        (
            r#"{"__rockset_type":"datetime","value":"20220621","format":"%Y%m%d"}"#,
            r#"{"__rockset_type":"DATETIME","value":"2022-06-21T00:00:00"}"#,
        ),
        (
            r#"{"__rockset_type":"bytes","value":"AAH/","encoding":"BASE64"}"#,
            r#""AAH/""#,
        ),
        (
            r#"{"__rockset_type":"bytes","value":"0001fF","encoding":"hex"}"#,
            r#""AAH/""#,
        ),
        (
            r#"{"__rockset_type":"month_interval","value":14}"#,
            r#"{"__rockset_type":"MONTH_INTERVAL","value":14}"#,
        ),
        (
            r#"{"__rockset_type":"Microsecond_Interval","value":"-5"}"#,
            r#"{"__rockset_type":"MICROSECOND_INTERVAL","value":-5}"#,
        ),
        (
            r#"{"__rockset_type":"geography","value":{"type":"Point","coordinates":[1,-2.5]}}"#,
            r#"{"__rockset_type":"GEOGRAPHY","value":{"type":"Point","coordinates":[1.0,-2.5]}}"#,
        ),
        (
            r#"{"__rockset_type":"geography","value":"LINESTRING(0 0, 1 1)"}"#,
            r#"{"__rockset_type":"GEOGRAPHY","value":{"type":"LineString","coordinates":[[0.0,0.0],[1.0,1.0]]}}"#,
        ),
        (r#"{"__rockset_type":"int","value":"12"}"#, "12"),
        (r#"{"__rockset_type":"float","value":"12"}"#, "12.0"),
        (r#"{"__rockset_type":"float","value":"NaN"}"#, r#""NaN""#),
        (r#"{"__rockset_type":"bool","value":"TRUE"}"#, "true"),
        (r#"{"__rockset_type":"string","value":"12"}"#, r#""12""#),
        (r#"{"__rockset_type":"date","value":null}"#, "null"),
        (
            r#"{"a":[{"__rockset_type":"int","value":"1"}],"__type":"x"}"#,
            r#"{"__type":"x","a":[1]}"#,
        ),
    ] {
        assert_eq!(echo(input), output, "{input}");
    }
}

#[test]
fn bad_typed_values_say_where_and_why() {
    for (input, error) in [
        (
            r#"{"__rockset_type":"DATE"}"#,
            "typed value: member `value` is missing",
        ),
        (
            r#"{"a":{"b c":[0,{"__rockset_type":"DATE","value":"x"}]}}"#,
            "field `a.\"b c\".\"1\"`: cannot parse `x` as date: expected `YYYY-MM-DD`",
        ),
        (
            r#"{"a":{"__rockset_type":"MONEY","value":1}}"#,
            "field `a`: unknown type `MONEY`",
        ),
        (
            r#"{"__rockset_type":1,"value":1}"#,
            "typed value: `__rockset_type` must be a string, found int",
        ),
        (
            r#"{"__rockset_type":"bytes","value":"AA=="}"#,
            "typed value: member `encoding` is missing",
        ),
        (
            r#"{"__rockset_type":"bytes","value":"0","encoding":"hex"}"#,
            "typed value: bytes are not valid `hex`",
        ),
        (
            r#"{"__rockset_type":"bytes","value":"+f","encoding":"hex"}"#,
            "typed value: bytes are not valid `hex`",
        ),
        (
            r#"{"__rockset_type":"date","value":5}"#,
            "typed value: member `value` of a date cannot be int",
        ),
        (
            r#"{"__rockset_type":"int","value":"1.5"}"#,
            "typed value: cannot read `1.5` as int",
        ),
        (
            r#"{"__rockset_type":"timestamp","value":9223372036854775807}"#,
            "typed value: cannot read `9223372036854775807` as timestamp",
        ),
        (
            r#"{"__rockset_type":"timestamp","value":"2020-01-01","timezone":"Mars/Olympus"}"#,
            "typed value: unknown time zone `Mars/Olympus`",
        ),
        (
            r#"{"__rockset_type":"date","value":"x","format":"%Y"}"#,
            "typed value: cannot read `x` by the format `%Y`",
        ),
        (
            r#"{"__rockset_type":"geography","value":{"type":"Point","coordinates":[1]}}"#,
            "typed value: malformed geography: a position has 2 coordinates, found 1",
        ),
        (
            r#"{"__rockset_type":"geography","value":{"type":"Circle","coordinates":[1,2]}}"#,
            "typed value: geography type `Circle` is not supported: use point, linestring, polygon or multipolygon",
        ),
    ] {
        assert_eq!(resolved(input), Err(error.to_owned()), "{input}");
    }
}

#[test]
fn serde_writes_what_write_json_writes() {
    let value = resolved(
        r#"{"d":{"__rockset_type":"DATE","value":"2022-06-21"},
            "g":{"__rockset_type":"geography","value":"POINT(1 2)"},
            "t":{"__rockset_type":"timestamp","value":0},
            "b":{"__rockset_type":"bytes","value":"AAH/","encoding":"base64"},
            "m":{"__rockset_type":"month_interval","value":1},
            "f":[1.0,{"__rockset_type":"float","value":"inf"}]}"#,
    )
    .unwrap();
    let serialized: Value = serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap();
    assert_eq!(serialized, parsed(&to_string(&value)));
}

/// Text that is JSON, nearly JSON, or JSON with odd numbers and escapes; without `-0`, which the
/// oracle takes for a float.
fn near_json() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u00e9\\n\"",
        "\"\\ud83d\\ude00\"",
        "1",
        "-1.5e3",
        "1e400",
        "123456789012345678901",
        "true",
        "null",
        " ",
        "\n",
        "\"",
        "\\",
        "é",
        "0",
    ]);
    prop_oneof![
        prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat()),
        strategies::plain().prop_map(|value| to_string(&value)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn plain_values_survive(value in strategies::plain()) {
        prop_assert_eq!(parse(to_string(&value).as_bytes()), Ok(value));
    }

    #[test]
    fn parsing_agrees_with_serde_json(text in near_json()) {
        let ours = parse(text.as_bytes()).ok();
        let oracle: Option<Value> = serde_json::from_str(&text).ok();
        // As text, which tells -0.0 from 0.0.
        prop_assert_eq!(format!("{ours:?}"), format!("{oracle:?}"), "{}", text);
    }

    #[test]
    fn any_bytes_are_parsed_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let ours = parse(&bytes).ok();
        let oracle: Option<Value> = serde_json::from_slice(&bytes).ok();
        prop_assert_eq!(ours, oracle);
    }

    #[test]
    fn borrowed_objects_encode_as_owned_ones(text in near_json()) {
        if let Ok(BorrowedValue::Object(object)) = parse_borrowed(text.as_bytes()) {
            let borrowed = crate::k::encode_borrowed(&object);
            let owned = Value::Object(object.into_object());
            prop_assert_eq!(borrowed, crate::k::encode(&owned), "{}", text);
        }
    }

    #[test]
    fn lists_are_read_as_by_the_whole_value(
        list in near_json(), before in near_json(), behind in near_json(),
    ) {
        let text = format!("{{\"d\":{before},\"e\":1,\"d\":{list}}}{behind}");
        let whole = parse(text.as_bytes()).map(|value| match value {
            Value::Object(mut members) => match members.remove("d") {
                Some(Value::Array(elements)) => {
                    ListMember::List(elements.into_iter().enumerate().collect())
                }
                _ => ListMember::NoList,
            },
            _ => ListMember::NoObject,
        });
        let read = |place, value: BorrowedValue<'_>| (place, value.into_value());
        let ours = parse_list(text.as_bytes(), "d", read);
        // As text, which tells -0.0 from 0.0.
        prop_assert_eq!(format!("{ours:?}"), format!("{whole:?}"), "{}", text);
    }

    #[test]
    fn printed_json_is_json(object in strategies::object()) {
        let text = to_string(&Value::Object(object));
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    #[test]
    fn resolving_a_document_without_typed_values_changes_nothing(object in strategies::object()) {
        let plain = Value::Object(object);
        prop_assume!(!format!("{plain:?}").contains("__rockset_type"));
        let resolved = resolve_typed(plain.clone()).unwrap();
        prop_assert_eq!(format!("{resolved:?}"), format!("{plain:?}"));
    }
}

#[test]
fn members_of_a_borrowed_object_are_changed_in_place() {
    let text = r#"{"c":"x\ny","a":1,"b":[{"d":null}],"a":2}"#;
    let Ok(BorrowedValue::Object(mut object)) = parse_borrowed(text.as_bytes()) else {
        panic!("{text} is an object");
    };
    assert_eq!(object.get("a"), Some(&BorrowedValue::Int(2)));
    assert_eq!(object.get("d"), None);
    assert_eq!(object.remove("a"), Some(BorrowedValue::Int(2)));
    assert_eq!(object.remove("a"), None);
    object.insert("bb", BorrowedValue::Owned(Box::new(Value::Date(Date(0)))));
    object.insert("c", BorrowedValue::Bool(true));
    let names: Vec<&str> = object.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["b", "bb", "c"]);
    let owned = Value::Object(object.clone().into_object());
    assert_eq!(
        to_string(&owned),
        r#"{"b":[{"d":null}],"bb":{"__rockset_type":"DATE","value":"1970-01-01"},"c":true}"#
    );
    assert_eq!(crate::k::encode_borrowed(&object), crate::k::encode(&owned));
}

#[test]
fn a_list_member_is_told_from_others() {
    let read = |text: &str| parse_list(text.as_bytes(), "data", |place, _| place);
    assert_eq!(
        read("{\"data\":[1,{},[]]}"),
        Ok(ListMember::List(vec![0, 1, 2]))
    );
    assert_eq!(read("{\"data\":[]}"), Ok(ListMember::List(vec![])));
    assert_eq!(read("{\"data\":[1],\"data\":2}"), Ok(ListMember::NoList));
    assert_eq!(read("{\"a\":[1]}"), Ok(ListMember::NoList));
    assert_eq!(read("[1]"), Ok(ListMember::NoObject));
    for text in ["", "{\"data\":[1]} 2", "{\"data\":[1,]}", "{\"data\":[1}"] {
        let expected = parse(text.as_bytes()).unwrap_err();
        assert_eq!(read(text), Err(expected), "{text}");
    }
    let deep = |levels: usize| format!("{{\"data\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(&deep(NESTING_MAX - 1)).is_ok());
    assert_eq!(
        read(&deep(NESTING_MAX)).map(drop_list),
        parse(deep(NESTING_MAX).as_bytes()).map(|_| ())
    );
}

fn drop_list<T>(_: ListMember<T>) {}

#[test]
fn typed_values_are_seen_at_any_depth() {
    for (text, expected) in [
        (r#"{"a":[{"b":{"__rockset_type":"date"}}]}"#, true),
        (r#"{"__rockset_type":1}"#, true),
        (r#"{"a":"__rockset_type","b":[["__rockset_type"]]}"#, false),
        ("[]", false),
    ] {
        let value = parse_borrowed(text.as_bytes()).unwrap();
        assert_eq!(value.has_typed_values(), expected, "{text}");
    }
}

#[test]
fn an_empty_object_is_an_object() {
    assert_eq!(parsed("{}"), Value::Object(Object::new()));
}
