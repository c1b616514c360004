//! Scalar functions, each called on constants, on native columns and on dynamic columns.

use super::call;
use crate::operators::{Typed, literal, to_dynamic};
use crate::testing::{Column, constant, evaluate};
use crate::types::DYNAMIC;
use datafusion::arrow::datatypes::DataType;
use outcrop_document::{Date, Datetime, Object, Time, Timestamp, Value, json};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A value written as JSON.
fn j(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn ts(text: &str) -> Value {
    Value::Timestamp(Timestamp::parse(text).unwrap())
}

fn dt(text: &str) -> Value {
    Value::Datetime(Datetime::parse(text).unwrap())
}

fn date(text: &str) -> Value {
    Value::Date(Date::parse(text).unwrap())
}

fn time(text: &str) -> Value {
    Value::Time(Time::parse(text).unwrap())
}

fn columns(arguments: &[Value], dynamic: bool) -> (Vec<Column>, Vec<Typed>) {
    let mut columns = vec![];
    for (name, value) in NAMES.into_iter().zip(arguments) {
        let native = literal(value).data_type;
        let data_type = if dynamic || native == DataType::Null {
            DYNAMIC
        } else {
            native
        };
        columns.push(Column::new(
            name,
            data_type,
            &[value.clone(), value.clone(), Value::Null],
        ));
    }
    let typed = columns.iter().map(Column::typed).collect();
    (columns, typed)
}

/// Calls a function in every way it can be called.
fn every_way(name: &str, arguments: &[Value]) -> Vec<Result<Value, String>> {
    let message = |error: &dyn std::fmt::Display| error.to_string();
    let constants: Vec<Typed> = arguments.iter().map(literal).collect();
    let folded = call(name, constants.clone()).map_err(|e| message(&e));
    let mut results = vec![folded.and_then(|typed| constant(&typed).map_err(|e| message(&e)))];
    let dynamic = call(name, constants.into_iter().map(to_dynamic).collect());
    results.push(
        dynamic
            .map_err(|e| message(&e))
            .and_then(|x| constant(&x).map_err(|e| message(&e))),
    );
    if !arguments.is_empty() {
        for dynamic in [false, true] {
            let (columns, typed) = columns(arguments, dynamic);
            let called = call(name, typed)
                .map_err(|e| message(&e))
                .and_then(|typed| {
                    evaluate(&typed, &columns)
                        .map(|rows| rows[0].clone())
                        .map_err(|e| message(&e))
                });
            results.push(called);
        }
    }
    results
}

#[track_caller]
fn check(name: &str, arguments: &[Value], expected: Value) {
    for result in every_way(name, arguments) {
        let found = result.unwrap_or_else(|error| panic!("{name}({arguments:?}): {error}"));
        let both_nan = matches!((&found, &expected), (Value::Float(a), Value::Float(b)) if a.is_nan() && b.is_nan());
        assert!(
            found == expected || both_nan,
            "{name}({arguments:?}) is {found:?}, not {expected:?}"
        );
    }
}

#[track_caller]
fn fails(name: &str, arguments: &[Value], part: &str) {
    // A native row of nulls must not hide the failure, so only the first row counts.
    for result in every_way(name, arguments) {
        let error = result.expect_err("the call should fail");
        assert!(error.contains(part), "`{error}` does not say `{part}`");
    }
}

fn int(value: i64) -> Value {
    Value::Int(value)
}

fn float(value: f64) -> Value {
    Value::Float(value)
}

fn s(text: &str) -> Value {
    Value::from(text)
}

#[test]
fn mathematics() {
    check("ABS", &[int(-3)], int(3));
    check("abs", &[float(-3.5)], float(3.5));
    fails("ABS", &[int(i64::MIN)], "overflow");
    check("FLOOR", &[int(3)], float(3.0));
    check("CEILING", &[float(2.1)], float(3.0));
    check("ROUND", &[float(-2.5)], float(-3.0));
    check("ROUND", &[float(2.345), int(1)], float(2.3));
    check("ROUND", &[int(1250), int(-2)], float(1300.0));
    check("TRUNC", &[float(-2.9)], float(-2.0));
    check("TRUNCATE", &[float(2.987), int(2)], float(2.98));
    check("SIGN", &[float(-0.5)], int(-1));
    check("SIGN", &[int(0)], int(0));
    check("SQRT", &[int(9)], float(3.0));
    check("SQRT", &[int(-1)], float(f64::NAN));
    check("POW", &[int(2), int(10)], float(1024.0));
    check("LN", &[float(0.0)], float(f64::NEG_INFINITY));
    check("LOG", &[int(2), int(8)], float(3.0));
    check("MOD", &[int(-7), int(3)], int(-1));
    check("GREATEST", &[int(1), float(2.5), int(2)], float(2.5));
    check("GREATEST", &[int(1), Value::Null], Value::Null);
    check("LEAST", &[s("b"), s("a")], s("a"));
    fails("LEAST", &[s("b"), int(1)], "cannot compare");
    check("IS_NAN", &[float(f64::NAN)], Value::Bool(true));
    check("IS_NAN", &[int(1)], Value::Bool(false));
    check(
        "WIDTH_BUCKET",
        &[float(5.0), int(0), int(10), int(4)],
        int(3),
    );
    fails("SQRT", &[s("9")], "found string");
}

#[test]
fn bits() {
    check("BIT_COUNT", &[int(-1), int(8)], int(8));
    fails("BIT_COUNT", &[int(300), int(8)], "does not fit");
    check("BITWISE_NOT", &[int(0)], int(-1));
    check("BITWISE_XOR", &[int(6), int(3)], int(5));
    check("BITWISE_LEFT_SHIFT", &[int(1), int(64)], int(0));
    check(
        "BITWISE_RIGHT_SHIFT_ARITHMETIC",
        &[int(-8), int(1)],
        int(-4),
    );
}

#[test]
fn strings() {
    check("UPPER", &[s("straße")], s("STRASSE"));
    check("LOWER", &[s("ÀB")], s("àb"));
    fails("UPPER", &[int(5)], "found int");
    check("CONCAT", &[s("a"), s("b"), s("c")], s("abc"));
    check("CONCAT", &[s("a"), Value::Null], Value::Null);
    check("TRIM", &[s("\t x \n")], s("x"));
    check("LTRIM", &[s("xxax"), s("x")], s("ax"));
    check("LPAD", &[s("7"), int(3), s("0")], s("007"));
    check("RPAD", &[s("abc"), int(2)], s("ab"));
    check("STARTS_WITH", &[s("abc"), s("ab")], Value::Bool(true));
    check("ENDS_WITH", &[s("abc"), s("ab")], Value::Bool(false));
    check("STRPOS", &[s("héllo"), s("l")], int(3));
    check("STRPOS", &[s("abc"), s("z")], int(0));
    check("REPLACE", &[s("banana"), s("an")], s("ba"));
    check("REVERSE", &[s("añb")], s("bña"));
    check("SUBSTR", &[s("hello"), int(2), int(3)], s("ell"));
    check("SUBSTR", &[s("hello"), int(-3)], s("llo"));
    check("SUBSTR", &[s("hello"), int(9)], s(""));
    check("LENGTH", &[s("añb")], int(3));
    check("LENGTH", &[Value::Bytes(vec![1, 2])], int(2));
    check("LENGTH", &[j("[1, 2, 3]")], int(3));
    check("SPLIT", &[s("a,b,c"), s(","), int(2)], j(r#"["a", "b,c"]"#));
    fails("SPLIT", &[s("a"), s(","), int(0)], "must be positive");
    check("SPLIT_PART", &[s("a-b"), s("-"), int(2)], s("b"));
    check(
        "FORMAT",
        &[s("{} is {{{}}}"), s("x"), int(5)],
        s("x is {5}"),
    );
    check("TRANSLATE", &[s("abcba"), s("ab"), s("x")], s("xcx"));
    check("LEVENSHTEIN_DISTANCE", &[s("kitten"), s("sitting")], int(3));
    check("CHR", &[int(955)], s("λ"));
}

#[test]
fn regular_expressions() {
    check(
        "REGEXP_LIKE",
        &[s("error 42"), s(r"\d+")],
        Value::Bool(true),
    );
    check(
        "REGEXP_EXTRACT",
        &[s("k=v"), s("(\\w)=(\\w)"), int(2)],
        s("v"),
    );
    check("REGEXP_EXTRACT", &[s("x"), s("y")], Value::Null);
    check(
        "REGEXP_EXTRACT_ALL",
        &[s("a1b2"), s("[a-z](\\d)"), int(1)],
        j(r#"["1", "2"]"#),
    );
    check(
        "REGEXP_REPLACE",
        &[s("john smith"), s(r"(\w+) (\w+)"), s(r"\2 \1")],
        s("smith john"),
    );
    check("REGEXP_REPLACE", &[s("a1b2"), s(r"\d")], s("ab"));
    check(
        "REGEXP_SPLIT",
        &[s("a1b22c"), s(r"\d+")],
        j(r#"["a", "b", "c"]"#),
    );
    fails("REGEXP_LIKE", &[s("a"), s("(")], "REGEXP_LIKE");
    fails("REGEXP_EXTRACT", &[s("a"), s("a"), int(1)], "no group 1");
}

#[test]
fn arrays() {
    check("ARRAY_POSITION", &[j("[1, 2, 2.0]"), int(2)], int(2));
    check("ARRAY_LAST_POSITION", &[j("[1, 2, 2.0]"), int(2)], int(3));
    check("ARRAY_POSITION", &[j("[1, null]"), Value::Null], int(2));
    check("ARRAY_REMOVE", &[j("[1, 2, 1]"), int(1)], j("[2]"));
    check("ARRAY_DISTINCT", &[j("[2, 1, 2.0]")], j("[2, 1]"));
    check("ARRAY_CONCAT", &[j("[1]"), j(r#"["a"]"#)], j(r#"[1, "a"]"#));
    check(
        "ARRAY_CONTAINS",
        &[j(r#"["a"]"#), s("a")],
        Value::Bool(true),
    );
    check(
        "ARRAY_CONTAINS_ANY",
        &[j("[1, 2]"), j("[5, 2]")],
        Value::Bool(true),
    );
    check(
        "ARRAY_FLATTEN",
        &[j("[[1], [2, [3]], 4]")],
        j("[1, 2, [3], 4]"),
    );
    check("ARRAY_JOIN", &[j(r#"["a", null, 1]"#), s("-")], s("a-1"));
    check(
        "ARRAY_JOIN",
        &[j(r#"["a", null]"#), s("-"), s("?")],
        s("a-?"),
    );
    check("ARRAY_SORT", &[j("[3, null, 1]")], j("[1, 3, null]"));
    check("ARRAY_MAX", &[j("[1, 3, 2]")], int(3));
    check("ARRAY_UNION", &[j("[1, 2]"), j("[2, 3]")], j("[1, 2, 3]"));
    check("ARRAY_EXCEPT", &[j("[1, 2]"), j("[2, 3]")], j("[1]"));
    check("ELEMENT_AT", &[j("[1, 2]"), int(-1)], int(2));
    check("ELEMENT_AT", &[j("[1, 2]"), int(3)], Value::Null);
    check("ELEMENT_AT", &[j(r#"{"k": 1}"#), s("k")], int(1));
    check("REPEAT", &[s("x"), int(2)], j(r#"["x", "x"]"#));
    check("SEQUENCE", &[int(1), int(5), int(2)], j("[1, 3, 5]"));
    check("SEQUENCE", &[int(3), int(1)], j("[3, 2, 1]"));
    check("SLICE", &[j("[1, 2, 3, 4]"), int(-2)], j("[3, 4]"));
    check("SLICE", &[j("[1, 2]"), int(1), int(9)], j("[1, 2]"));
    fails("SLICE", &[j("[1]"), int(0)], "count from 1");
    check("REVERSE", &[j("[1, 2]")], j("[2, 1]"));
}

#[test]
fn objects_and_json() {
    check(
        "OBJECT",
        &[j(r#"["a", "b"]"#), j("[1, 2]")],
        j(r#"{"a": 1, "b": 2}"#),
    );
    fails(
        "OBJECT",
        &[j(r#"["a"]"#), j("[1, 2]")],
        "1 keys but 2 values",
    );
    check("ZIP", &[j(r#"[["a", 1]]"#)], j(r#"{"a": 1}"#));
    check("KEYS", &[j(r#"{"b": 1, "a": 2}"#)], j(r#"["a", "b"]"#));
    check("ITEMS", &[j(r#"{"b": 1}"#)], j(r#"[["b", 1]]"#));
    check(
        "MERGE",
        &[j(r#"{"a": 1, "b": 1}"#), j(r#"{"b": 2}"#)],
        j(r#"{"a": 1, "b": 2}"#),
    );
    check(
        "ERASE",
        &[j(r#"{"a": 1, "b": 1}"#), s("a")],
        j(r#"{"b": 1}"#),
    );
    check(
        "JSON_PARSE",
        &[s(r#"{"a": [1, 2.0]}"#)],
        j(r#"{"a": [1, 2.0]}"#),
    );
    fails("JSON_PARSE", &[s("{")], "JSON_PARSE");
    check(
        "JSON_FORMAT",
        &[j(r#"{"a": [1, "x"]}"#)],
        s(r#"{"a":[1,"x"]}"#),
    );
    check(
        "JSON_EXTRACT",
        &[s(r#"{"a": [{"b": 7}]}"#), s("$.a[0].b")],
        int(7),
    );
    check(
        "JSON_EXTRACT_SCALAR",
        &[j(r#"{"a": true}"#), s("$['a']")],
        s("true"),
    );
    let empty = Value::Object(Object::new());
    check("LENGTH", &[empty], int(0));
}

#[test]
fn hashes_and_encodings() {
    let hex = |name: &str, arguments: &[Value]| {
        let bytes = call(name, arguments.iter().map(literal).collect()).unwrap();
        constant(&call("TO_HEX", vec![bytes]).unwrap()).unwrap()
    };
    assert_eq!(
        hex("MD5", &[s("abc")]),
        s("900150983cd24fb0d6963f7d28e17f72")
    );
    assert_eq!(
        hex("SHA1", &[s("abc")]),
        s("a9993e364706816aba3e25717850c26c9cd0d89d")
    );
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex("HASH", &[s("abc"), s("SHA-256")]), s(sha256));
    // RFC 4231, test case 2.
    let hmac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let message = s("what do ya want for nothing?");
    assert_eq!(hex("HMAC_SHA256", &[message, s("Jefe")]), s(hmac));
    fails("HASH", &[s("a"), s("crc99")], "not known");
    check("FROM_HEX", &[s("fF0a")], Value::Bytes(vec![255, 10]));
    check("TO_BASE64", &[s("hi")], s("aGk="));
    check("FROM_BASE64", &[s("aGk=")], Value::Bytes(b"hi".to_vec()));
    check("FROM_UTF8", &[Value::Bytes("ñ".into())], s("ñ"));
    fails("FROM_UTF8", &[Value::Bytes(vec![0xff])], "FROM_UTF8");
    check(
        "URL_EXTRACT_HOST",
        &[s("https://u@h.org:81/p?q=1#f")],
        s("h.org"),
    );
    check(
        "URL_EXTRACT_PORT",
        &[s("https://u@h.org:81/p?q=1#f")],
        int(81),
    );
    check(
        "URL_EXTRACT_PARAMETER",
        &[s("http://h/p?a=1&b=x%20y"), s("b")],
        s("x y"),
    );
    check("URL_ENCODE", &[s("a b/ñ")], s("a%20b%2F%C3%B1"));
}

#[test]
fn dates_of_parts_and_parts_of_dates() {
    check("DATE", &[int(2022), int(5), int(18)], date("2022-05-18"));
    fails("DATE", &[int(2022), int(2), int(30)], "no such date");
    check(
        "DATE",
        &[ts("2022-05-18T23:30:00Z"), s("Europe/Berlin")],
        date("2022-05-19"),
    );
    check(
        "TIME",
        &[int(1), int(2), int(3), int(456)],
        time("01:02:03.000456"),
    );
    check(
        "DATETIME",
        &[date("2022-05-18"), time("12:00:00")],
        dt("2022-05-18T12:00:00"),
    );
    check(
        "TIMESTAMP",
        &[dt("2022-07-01T12:00:00"), s("America/New_York")],
        ts("2022-07-01T16:00:00Z"),
    );
    check("TIMESTAMP_SECONDS", &[int(-1)], ts("1969-12-31T23:59:59Z"));
    check("UNIX_SECONDS", &[ts("1969-12-31T23:59:59.5Z")], int(-1));
    check("UNIX_MILLIS", &[ts("1970-01-01T00:00:01.5Z")], int(1500));
    let at = dt("2022-05-18T13:14:15.123456");
    for (part, expected) in [
        ("MICROSECOND", 123_456),
        ("millisecond", 123),
        ("SECOND", 15),
        ("MINUTE", 14),
        ("HOUR", 13),
        ("DAY", 18),
        ("DOW", 4),
        ("DOY", 138),
        ("MONTH", 5),
        ("QUARTER", 2),
        ("YEAR", 2022),
        ("ISOWEEK", 20),
        ("ISOYEAR", 2022),
        ("EPOCH", 1_652_879_655),
    ] {
        let extracted = super::extract(part, literal(&at)).unwrap();
        assert_eq!(constant(&extracted).unwrap(), int(expected), "{part}");
    }
    let day = super::extract("DATE", literal(&at)).unwrap();
    assert_eq!(constant(&day).unwrap(), date("2022-05-18"));
    assert!(super::extract("FORTNIGHT", literal(&at)).is_err());
}

#[test]
fn truncation_and_differences() {
    let at = ts("2022-05-18T13:14:15.5Z");
    check(
        "DATE_TRUNC",
        &[s("Hour"), at.clone()],
        ts("2022-05-18T13:00:00Z"),
    );
    check(
        "DATE_TRUNC",
        &[s("week"), date("2022-05-18")],
        date("2022-05-16"),
    );
    check(
        "DATE_TRUNC",
        &[s("quarter"), dt("2022-05-18T13:14:15")],
        dt("2022-04-01T00:00:00"),
    );
    fails("DATE_TRUNC", &[s("fortnight"), at.clone()], "not known");
    check(
        "DATE_DIFF",
        &[s("day"), date("2022-05-18"), ts("2022-05-20T12:00:00Z")],
        int(2),
    );
    check(
        "DATE_DIFF",
        &[s("month"), date("2022-01-31"), date("2022-02-27")],
        int(0),
    );
    check(
        "DATE_DIFF",
        &[s("hour"), at.clone(), ts("2022-05-18T12:14:16Z")],
        int(0),
    );
    let quarter_hour = Value::MicrosecondInterval(900_000_000);
    check(
        "TIME_BUCKET",
        &[quarter_hour, at.clone()],
        ts("2022-05-18T13:00:00Z"),
    );
    check(
        "TIME_BUCKET",
        &[Value::MonthInterval(2), date("2022-04-18")],
        date("2022-03-01"),
    );
    check(
        "DATE_ADD",
        &[s("month"), int(1), dt("2022-01-31T05:00:00")],
        dt("2022-02-28T05:00:00"),
    );
    check(
        "AT_TIME_ZONE",
        &[at, s("Asia/Tokyo")],
        dt("2022-05-18T22:14:15.5"),
    );
    check(
        "AT_TIME_ZONE",
        &[dt("2022-05-18T22:14:15"), s("Asia/Tokyo")],
        ts("2022-05-18T13:14:15Z"),
    );
    fails(
        "AT_TIME_ZONE",
        &[dt("2022-05-18T22:14:15"), s("Moon/Base")],
        "not known",
    );
}

#[test]
fn formatting_and_parsing_times() {
    let at = ts("2022-05-18T13:04:05.25Z");
    check(
        "FORMAT_TIMESTAMP",
        &[s("%Y-%m-%d %H:%M:%E*S %Ez"), at.clone()],
        s("2022-05-18 13:04:05.25 +00:00"),
    );
    check(
        "FORMAT_TIMESTAMP",
        &[s("%b %e %I%p %Z"), at.clone(), s("America/New_York")],
        s("May 18 09AM EDT"),
    );
    check(
        "FORMAT_DATE",
        &[s("%A %j %y"), date("2022-05-18")],
        s("Wednesday 138 22"),
    );
    check("FORMAT_TIME", &[s("%T"), time("01:02:03")], s("01:02:03"));
    check("FORMAT_ISO8601", &[date("2022-05-18")], s("2022-05-18"));
    check(
        "FORMAT_ISO8601",
        std::slice::from_ref(&at),
        s("2022-05-18T13:04:05.250000Z"),
    );
    check(
        "PARSE_DATE",
        &[s("%m/%d/%Y"), s("5/18/2022")],
        date("2022-05-18"),
    );
    fails("PARSE_DATE", &[s("%Y"), s("x")], "PARSE_DATE");
    check("PARSE_TIME", &[s("%H:%M"), s("13:04")], time("13:04:00"));
    check(
        "PARSE_DATETIME",
        &[s("%Y-%m-%d %H:%M:%S"), s("2022-05-18 13:04:05")],
        dt("2022-05-18T13:04:05"),
    );
    check(
        "PARSE_TIMESTAMP",
        &[s("%Y-%m-%d %H:%M %z"), s("2022-05-18 15:04 +0200")],
        ts("2022-05-18T13:04:00Z"),
    );
    check(
        "PARSE_TIMESTAMP",
        &[
            s("%Y-%m-%d %H:%M"),
            s("2022-05-18 09:04"),
            s("America/New_York"),
        ],
        ts("2022-05-18T13:04:00Z"),
    );
    check(
        "PARSE_DATETIME_ISO8601",
        &[s("2022-05-18T13:04:05.250Z")],
        dt("2022-05-18T13:04:05.25"),
    );
    check(
        "PARSE_TIMESTAMP_ISO8601",
        &[s("2022-05-18T13:04:05.25Z")],
        at,
    );
    fails(
        "PARSE_TIMESTAMP_ISO8601",
        &[s("2022-05-18T13:04:05")],
        "zone",
    );
}

#[test]
fn intervals() {
    check(
        "DAYS",
        &[int(2)],
        Value::MicrosecondInterval(172_800_000_000),
    );
    check(
        "HOURS",
        &[float(1.5)],
        Value::MicrosecondInterval(5_400_000_000),
    );
    check("YEARS", &[int(2)], Value::MonthInterval(24));
    check(
        "DURATION_SECONDS",
        &[Value::MicrosecondInterval(-1_500_000)],
        int(-1),
    );
    check("DURATION_MONTHS", &[Value::MonthInterval(5)], int(5));
    check(
        "PARSE_DURATION_SECONDS",
        &[s("P1DT2H0.5S")],
        Value::MicrosecondInterval(93_600_500_000),
    );
    check(
        "PARSE_DURATION_SECONDS",
        &[s("1 02:00:00")],
        Value::MicrosecondInterval(93_600_000_000),
    );
    check(
        "PARSE_DURATION_MONTHS",
        &[s("P1Y2M")],
        Value::MonthInterval(14),
    );
}

#[test]
fn vectors() {
    check("VECTOR_ADD", &[j("[1, 2]"), j("[3, 4]")], j("[4, 6]"));
    check("VECTOR_ADD", &[j("[1, 2]"), float(0.5)], j("[1.5, 2.5]"));
    check("DOT_PRODUCT", &[j("[1, 2]"), j("[3, 4]")], int(11));
    check(
        "EUCLIDEAN_DIST",
        &[j("[0.0, 0.0]"), j("[3.0, 4.0]")],
        float(5.0),
    );
    check("COSINE_SIM", &[j("[1, 0]"), j("[0, 1]")], float(0.0));
    check(
        "VECTOR_ENFORCE",
        &[j("[1, 2]"), int(2), s("int")],
        j("[1, 2]"),
    );
    check(
        "VECTOR_ENFORCE",
        &[j("[1, 2]"), int(2), s("float")],
        Value::Null,
    );
    fails("DOT_PRODUCT", &[j("[1]"), j("[1, 2]")], "1 and 2 elements");
}

#[test]
fn choices() {
    check("COALESCE", &[Value::Null, int(1), s("x")], int(1));
    check("IF", &[Value::Bool(false), int(1), s("x")], s("x"));
    check("IF", &[Value::Null, int(1)], Value::Null);
    check("NULLIF", &[int(1), float(1.0)], Value::Null);
    check("NULLIF", &[int(1), s("1")], int(1));
    check("TYPEOF", &[int(1)], s("int"));
    check("TYPEOF", &[j("[1]")], s("array"));
    check("IS_SCALAR", &[j("[1]")], Value::Bool(false));
    check("ZEROIFNULL", &[Value::Null], int(0));
}

#[test]
fn undefined_and_null_have_types_of_their_own() {
    let column = Column::new("x", DYNAMIC, &[Value::Null]);
    let types = evaluate(&call("TYPEOF", vec![column.typed()]).unwrap(), &[column]).unwrap();
    assert_eq!(types, [s("undefined")]);
    assert_eq!(
        constant(&call("TYPEOF", vec![literal(&Value::Null)]).unwrap()).unwrap(),
        s("null")
    );
}

#[test]
fn wrong_calls_are_found_before_anything_runs() {
    let error = call("no_such", vec![]).unwrap_err();
    assert_eq!(error.to_string(), "function `no_such` not found");
    let error = call("STRPOS", vec![literal(&s("a"))]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "function `STRPOS` takes 2 arguments, found 1"
    );
}

#[test]
fn try_catches_the_rows_that_fail() {
    let text = Column::new("t", DataType::Utf8View, &[s("1"), s("x"), s("3")]);
    let parsed = crate::operators::cast(
        crate::operators::CastKind::Cast,
        text.typed(),
        crate::types::SqlType::Int,
    );
    let tried = call("TRY", vec![parsed.unwrap()]).unwrap();
    assert_eq!(
        evaluate(&tried, &[text]).unwrap(),
        [int(1), Value::Null, int(3)]
    );
}

#[test]
fn the_time_is_that_of_the_query() {
    let now = Timestamp::parse("2022-05-18T23:30:00Z").unwrap();
    let current = |name: &str, zone: Option<&str>| {
        let zone = zone.map(|zone| literal(&s(zone))).into_iter().collect();
        constant(&super::call_at(name, zone, now).unwrap()).unwrap()
    };
    assert_eq!(current("CURRENT_DATE", None), date("2022-05-18"));
    assert_eq!(
        current("current_date", Some("Europe/Berlin")),
        date("2022-05-19")
    );
    assert_eq!(current("CURRENT_TIMESTAMP", None), Value::Timestamp(now));
}

#[test]
fn whole_columns_and_single_rows_agree() {
    let moments: Vec<Value> = (-40..40)
        .map(|n: i64| Value::Timestamp(Timestamp(n * 1_234_567_890_123)))
        .chain([Value::Null])
        .collect();
    let column = || Column::new("t", crate::types::SqlType::Timestamp.arrow(), &moments);
    let dynamic = || Column::new("t", DYNAMIC, &moments);
    let calls: Vec<Box<dyn Fn(Typed) -> Typed>> = vec![
        Box::new(|t| call("DATE_TRUNC", vec![literal(&s("week")), t]).unwrap()),
        Box::new(|t| call("DATE_TRUNC", vec![literal(&s("month")), t]).unwrap()),
        Box::new(|t| call("TIME_BUCKET", vec![literal(&Value::MonthInterval(5)), t]).unwrap()),
        Box::new(|t| call("UNIX_MILLIS", vec![t]).unwrap()),
        Box::new(|t| super::extract("DOY", t).unwrap()),
        Box::new(|t| super::extract("ISOWEEK", t).unwrap()),
        Box::new(|t| super::extract("SECOND", t).unwrap()),
    ];
    for make in calls {
        let (native, rows) = (column(), dynamic());
        let whole = evaluate(&make(native.typed()), &[native]).unwrap();
        assert_eq!(whole, evaluate(&make(rows.typed()), &[rows]).unwrap());
    }
}

#[test]
fn generated_results_have_bounds() {
    fails("REPEAT", &[s("x"), int(1 << 40)], "out of range");
    fails("LPAD", &[s("x"), int(1 << 40)], "out of range");
    fails("SEQUENCE", &[int(1), int(i64::MAX)], "too long");
    let text = Column::new("t", DataType::Utf8View, &vec![s("x"); 8]);
    let padded = call("LPAD", vec![text.typed(), literal(&int(1 << 20))]).unwrap();
    let error = evaluate(&padded, &[text]).unwrap_err().to_string();
    assert!(error.contains("more than 4194304 bytes"), "{error}");
}

#[test]
fn dates_far_outside_the_calendar_do_not_panic() {
    let far = Value::Date(Date(i32::MAX));
    for name in ["DATE_TRUNC", "DATE_PART"] {
        let arguments = vec![literal(&s("month")), to_dynamic(literal(&far))];
        let _ = constant(&call(name, arguments).unwrap());
    }
    let moved = crate::operators::binary(
        &datafusion::sql::sqlparser::ast::BinaryOperator::Plus,
        to_dynamic(literal(&far)),
        literal(&Value::MonthInterval(i64::from(i32::MAX))),
    );
    assert!(constant(&moved.unwrap()).is_err());
}
