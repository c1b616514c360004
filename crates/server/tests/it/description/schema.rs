//! A value against a schema, by the part of JSON Schema that the description uses.

use serde_json::Value;

use super::DOCUMENT;

/// Whether members that the schema does not name are wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    Wrong,
    PassedOver,
}

/// What a schema refers to, if it is a reference, else itself.
pub(super) fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => {
            let target = document.pointer(path.strip_prefix('#').unwrap());
            resolved(document, target.unwrap())
        }
        None => schema,
    }
}

/// Checks a value.
///
/// # Errors
/// What does not fit, and where.
pub(super) fn check(
    schema: &Value,
    value: &Value,
    unknown: Unknown,
    place: &str,
) -> Result<(), String> {
    let Value::Object(keywords) = schema else {
        assert_eq!(*schema, true, "{place}: a schema is an object or `true`");
        return Ok(());
    };
    let wrong = |what: String| Err(format!("{place}: {what}"));
    for (keyword, argument) in keywords {
        match keyword.as_str() {
            "$ref" => check(resolved(&DOCUMENT, schema), value, unknown, place)?,
            "type" => {
                let types = match argument {
                    Value::Array(types) => types.clone(),
                    one => vec![one.clone()],
                };
                if !types.iter().any(|one| is_of_type(value, one)) {
                    return wrong(format!("{value} is no {argument}"));
                }
            }
            "const" if value != argument => return wrong(format!("{value} is not {argument}")),
            "enum" if !argument.as_array().unwrap().contains(value) => {
                return wrong(format!("{value} is none of {argument}"));
            }
            "anyOf" | "oneOf" => {
                let mut alternatives = argument.as_array().unwrap().iter();
                if !alternatives.any(|one| check(one, value, unknown, place).is_ok()) {
                    return wrong(format!("{value} fits none of {argument}"));
                }
            }
            "minimum" if value.as_f64() < argument.as_f64() && value.is_number() => {
                return wrong(format!("{value} is less than {argument}"));
            }
            "maximum" if value.as_f64() > argument.as_f64() && value.is_number() => {
                return wrong(format!("{value} is more than {argument}"));
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(argument, item, unknown, &format!("{place}[{index}]"))?;
                }
            }
            "required" => {
                for name in argument.as_array().unwrap() {
                    let name = name.as_str().unwrap();
                    if value.is_object() && value.get(name).is_none() {
                        return wrong(format!("has no `{name}`"));
                    }
                }
            }
            "properties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    match argument.get(name) {
                        Some(schema) => check(schema, member, unknown, &format!("{place}.{name}"))?,
                        None if unknown == Unknown::PassedOver => {}
                        None => return wrong(format!("has the unknown member `{name}`")),
                    }
                }
            }
            // Nothing is described by them but objects whose members are free.
            "additionalProperties" => assert_eq!(*argument, true, "{place}"),
            "const" | "enum" | "minimum" | "maximum" | "format" | "default" | "description" => {}
            other => panic!("{place}: the keyword `{other}` is not checked"),
        }
    }
    Ok(())
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("`{other}` is no type"),
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "a": { "type": ["integer", "null"], "minimum": 0 },
            "b": { "type": "array", "items": { "enum": ["x", "y"] } },
            "c": { "anyOf": [{ "const": "z" }, { "type": "null" }] },
        },
        "required": ["a"],
    });
    for (value, expected) in [
        (r#"{"a": 1, "b": ["x"], "c": null}"#, None),
        (r#"{"a": null}"#, None),
        (r#"[]"#, Some(r#"$: [] is no "object""#)),
        (r#"{"b": []}"#, Some("$: has no `a`")),
        (
            r#"{"a": 1.0}"#,
            Some(r#"$.a: 1.0 is no ["integer","null"]"#),
        ),
        (r#"{"a": -1}"#, Some("$.a: -1 is less than 0")),
        (
            r#"{"a": 1, "b": ["z"]}"#,
            Some(r#"$.b[0]: "z" is none of ["x","y"]"#),
        ),
        (
            r#"{"a": 1, "c": "x"}"#,
            Some(r#"$.c: "x" fits none of [{"const":"z"},{"type":"null"}]"#),
        ),
        (r#"{"a": 1, "d": 1}"#, Some("$: has the unknown member `d`")),
    ] {
        let value: Value = serde_json::from_str(value).unwrap();
        let found = check(&schema, &value, Unknown::Wrong, "$").err();
        assert_eq!(found.as_deref(), expected);
    }
    let unknown = serde_json::json!({ "a": 1, "d": 1 });
    assert!(check(&schema, &unknown, Unknown::PassedOver, "$").is_ok());
}
