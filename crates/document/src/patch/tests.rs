use super::*;
use crate::json;

fn object(text: &str) -> Object {
    json::parse(text.as_bytes())
        .unwrap()
        .as_object()
        .unwrap()
        .clone()
}

/// Applies `patch` to `document`; the result is JSON or the message of the error.
fn check(document: &str, patch: &str, expected: &str) {
    let patch = Patch::parse(&json::parse(patch.as_bytes()).unwrap());
    let result = match patch.and_then(|patch| patch.apply(&object(document))) {
        Ok(document) => json::to_string(&Value::Object(document)),
        Err(error) => error.to_string(),
    };
    assert_eq!(result, expected);
}

#[test]
fn every_operation_in_any_case() {
    check(
        r#"{}"#,
        r#"[{"op":"add","path":"/a","value":1}]"#,
        r#"{"a":1}"#,
    );
    check(
        r#"{"a":1}"#,
        r#"[{"op":"Replace","path":"/a","value":"x"}]"#,
        r#"{"a":"x"}"#,
    );
    check(
        r#"{"a":1,"b":2}"#,
        r#"[{"op":"REMOVE","path":"/a"}]"#,
        r#"{"b":2}"#,
    );
    check(
        r#"{"a":1}"#,
        r#"[{"op":"COPY","path":"/b","from":"/a"}]"#,
        r#"{"a":1,"b":1}"#,
    );
    check(
        r#"{"a":1}"#,
        r#"[{"op":"MOVE","path":"/b","from":"/a"}]"#,
        r#"{"b":1}"#,
    );
    check(
        r#"{"a":1}"#,
        r#"[{"op":"TEST","path":"/a","value":1.0}]"#,
        r#"{"a":1}"#,
    );
    check(
        r#"{"a":1}"#,
        r#"[{"op":"INCREMENT","path":"/a","value":-3}]"#,
        r#"{"a":-2}"#,
    );
    check(
        r#"{"a":1}"#,
        r#"[{"op":"INCREMENT","path":"/a","value":0.5}]"#,
        r#"{"a":1.5}"#,
    );
}

#[test]
fn arrays_insert_and_append() {
    let document = r#"{"a":[1,2]}"#;
    check(
        document,
        r#"[{"op":"ADD","path":"/a/1","value":9}]"#,
        r#"{"a":[1,9,2]}"#,
    );
    check(
        document,
        r#"[{"op":"ADD","path":"/a/-","value":9}]"#,
        r#"{"a":[1,2,9]}"#,
    );
    check(
        document,
        r#"[{"op":"ADD","path":"/a/2","value":9}]"#,
        r#"{"a":[1,2,9]}"#,
    );
    check(
        document,
        r#"[{"op":"REMOVE","path":"/a/0"}]"#,
        r#"{"a":[2]}"#,
    );
    check(
        document,
        r#"[{"op":"MOVE","from":"/a/0","path":"/a/-"}]"#,
        r#"{"a":[2,1]}"#,
    );
    check(
        document,
        r#"[{"op":"ADD","path":"/a/3","value":9}]"#,
        "operation 0 (ADD) has no array position `/a/3`: the array has 2 elements",
    );
    check(
        document,
        r#"[{"op":"ADD","path":"/a/01","value":9}]"#,
        "operation 0 (ADD) has no array position `/a/01`: the array has 2 elements",
    );
    check(
        document,
        r#"[{"op":"REMOVE","path":"/a/-"}]"#,
        "operation 0 (REMOVE) finds nothing at `/a/-`",
    );
}

#[test]
fn operations_build_on_each_other_and_fail_together() {
    check(
        r#"{"n":1}"#,
        r#"[{"op":"ADD","path":"/o","value":{}},{"op":"ADD","path":"/o/x~1y","value":[]},
            {"op":"ADD","path":"/o/x~1y/-","value":null}]"#,
        r#"{"n":1,"o":{"x/y":[null]}}"#,
    );
    let patch = r#"[{"op":"REPLACE","path":"/n","value":2},{"op":"TEST","path":"/n","value":3}]"#;
    check(
        r#"{"n":1}"#,
        patch,
        "operation 1 (TEST) finds another value at `/n`",
    );
}

#[test]
fn missing_targets_are_errors() {
    for (patch, expected) in [
        (
            r#"{"op":"REPLACE","path":"/x","value":1}"#,
            "operation 0 (REPLACE) finds nothing at `/x`",
        ),
        (
            r#"{"op":"REMOVE","path":"/n/x"}"#,
            "operation 0 (REMOVE) finds nothing at `/n/x`",
        ),
        (
            r#"{"op":"COPY","path":"/y","from":"/x"}"#,
            "operation 0 (COPY) finds nothing at `/x`",
        ),
        (
            r#"{"op":"TEST","path":"/x","value":null}"#,
            "operation 0 (TEST) finds nothing at `/x`",
        ),
        (
            r#"{"op":"INCREMENT","path":"/x","value":1}"#,
            "operation 0 (INCREMENT) finds nothing at `/x`",
        ),
        (
            r#"{"op":"ADD","path":"/x/y","value":1}"#,
            "operation 0 (ADD) cannot add at `/x/y`: there is no array or object for it",
        ),
        (
            r#"{"op":"INCREMENT","path":"/s","value":1}"#,
            "operation 0 increments `/s`, which is a string",
        ),
        (
            r#"{"op":"INCREMENT","path":"/n","value":9223372036854775807}"#,
            "operation 0 increments `/n` beyond the range of an int",
        ),
    ] {
        check(r#"{"n":1,"s":"t"}"#, &format!("[{patch}]"), expected);
    }
}

#[test]
fn malformed_operations_are_refused_without_a_document() {
    for (patch, expected) in [
        (
            r#"{"path":"/a"}"#,
            "a patch is an array of operations, found object",
        ),
        (r#"[1]"#, "operation 0 must be an object, found int"),
        (r#"[{"path":"/a"}]"#, "operation 0 needs the member `op`"),
        (
            r#"[{"op":"ADD","path":null,"value":1}]"#,
            "operation 0 needs the member `path`",
        ),
        (
            r#"[{"op":"ADD","path":"/a"}]"#,
            "operation 0 needs the member `value`",
        ),
        (
            r#"[{"op":"COPY","path":"/a","from":null}]"#,
            "operation 0 needs the member `from`",
        ),
        (
            r#"[{"op":1,"path":"/a"}]"#,
            "member `op` of operation 0 must be a string, found int",
        ),
        (
            r#"[{"op":"UPSERT","path":"/a"}]"#,
            "operation 0 has the unknown op `UPSERT`: use ADD, REPLACE, REMOVE, COPY, MOVE, TEST \
             or INCREMENT",
        ),
        (
            r#"[{"op":"REMOVE","path":"a"}]"#,
            "`a` in operation 0 is not a JSON pointer: it must start with `/`",
        ),
        (
            r#"[{"op":"INCREMENT","path":"/a","value":"1"}]"#,
            "operation 0 increments by a string, which is not a number",
        ),
        (
            r#"[{"op":"MOVE","path":"/a/b","from":"/a"}]"#,
            "operation 0 moves `/a` into itself",
        ),
        (
            r#"[{"op":"ADD","path":"/a","value":{"__rockset_type":"DATE","value":"x"}}]"#,
            "the value of operation 0 cannot be read: typed value: cannot parse `x` as date: \
             expected `YYYY-MM-DD`",
        ),
    ] {
        let error = Patch::parse(&json::parse(patch.as_bytes()).unwrap()).unwrap_err();
        assert!(error.is_malformed(), "{error}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn null_members_that_an_operation_does_not_need_are_ignored() {
    let patch = r#"[{"op":"REMOVE","path":"/a","value":null,"from":null}]"#;
    check(r#"{"a":1}"#, patch, "{}");
    check(
        r#"{}"#,
        r#"[{"op":"ADD","path":"/a","value":null,"from":null}]"#,
        r#"{"a":null}"#,
    );
}

#[test]
fn protected_fields_are_read_only() {
    let document = r#"{"_id":"x","a":1}"#;
    for (patch, field) in [
        (r#"{"op":"REPLACE","path":"/_id","value":"y"}"#, "_id"),
        (r#"{"op":"REMOVE","path":"/_event_time"}"#, "_event_time"),
        (r#"{"op":"ADD","path":"/_meta/k","value":1}"#, "_meta"),
        (r#"{"op":"MOVE","path":"/a","from":"/_id"}"#, "_id"),
        (r#"{"op":"REPLACE","path":"","value":{}}"#, "_id"),
    ] {
        let expected = format!("operation 0 would change the protected field `{field}`");
        check(document, &format!("[{patch}]"), &expected);
    }
    let reading = r#"[{"op":"TEST","path":"/_id","value":"x"},
                      {"op":"COPY","from":"/_id","path":"/a"}]"#;
    check(document, reading, r#"{"_id":"x","a":"x"}"#);
}

#[test]
fn copies_of_copies_stop_at_the_limits() {
    let deeper = r#"{"op":"COPY","from":"/a","path":"/a/x"}"#;
    let patch = format!("[{}]", vec![deeper; 130].join(","));
    check(
        r#"{"a":{}}"#,
        &patch,
        "the patched document is nested deeper than 128 levels",
    );

    let doubling = (0..60).map(|n| format!(r#"{{"op":"COPY","from":"/a","path":"/a/{n}"}}"#));
    let patch = format!("[{}]", doubling.collect::<Vec<_>>().join(","));
    let document = format!(r#"{{"a":{{"s":"{}"}}}}"#, "x".repeat(1 << 20));
    check(
        &document,
        &patch,
        "the patched document is larger than 41943040 bytes",
    );
}
