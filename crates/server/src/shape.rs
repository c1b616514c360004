//! Objects of the API that are kept as they were sent, described by tables.
//!
//! Integrations and sources have some twenty types, each with members of its own that mean something
//! to its connector alone. Here they are checked, completed with `null` for what is absent, as
//! Rockset's service did, and relieved of their secrets.

use serde_json::{Map, Value, json};

use crate::error::{ApiError, ApiResult};

/// A member of an object.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) rule: Rule,
}

/// What values a member has.
pub(crate) enum Shape {
    Text,
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    Int,
    Bool,
    Texts,
    /// An object whose members are free.
    Map,
    Object(&'static [Field]),
}

/// Where the value comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Optional,
    Required,
    /// Optional, and never shown again.
    Secret,
    /// Required, and never shown again.
    RequiredSecret,
    /// The server fills it in; what a client sends is passed over.
    Server,
    /// As [`Self::Server`], and not shown to everybody.
    ServerSecret,
}

impl Rule {
    fn is_secret(self) -> bool {
        matches!(
            self,
            Self::Secret | Self::RequiredSecret | Self::ServerSecret
        )
    }

    fn is_the_servers(self) -> bool {
        matches!(self, Self::Server | Self::ServerSecret)
    }

    fn is_required(self) -> bool {
        matches!(self, Self::Required | Self::RequiredSecret)
    }
}

/// `value` with all members of `fields`, those that are absent as `null`, and no others. `path` names it in
/// errors.
///
/// # Errors
/// `INVALIDINPUT` for a member that is required and absent, and for one of another type.
pub(crate) fn check(fields: &[Field], value: &Value, path: &str) -> ApiResult<Value> {
    let Value::Object(members) = value else {
        return Err(ApiError::invalid(format!("`{path}` has to be an object")));
    };
    let mut checked = Map::with_capacity(fields.len());
    for field in fields {
        let path = format!("{path}.{}", field.name);
        let given = members.get(field.name).filter(|value| !value.is_null());
        let value = match given {
            _ if field.rule.is_the_servers() => Value::Null,
            Some(value) => field.shape.check(value, &path)?,
            None if field.rule.is_required() => {
                return Err(ApiError::invalid(format!("`{path}` is required")));
            }
            None => Value::Null,
        };
        checked.insert(field.name.to_owned(), value);
    }
    Ok(Value::Object(checked))
}

impl Shape {
    fn check(&self, value: &Value, path: &str) -> ApiResult<Value> {
        let wrong = |wanted: &str| ApiError::invalid(format!("`{path}` has to be {wanted}"));
        let fits = match self {
            Self::Choice(words) => {
                let text = value.as_str();
                let word = words
                    .iter()
                    .find(|word| text.is_some_and(|text| text.eq_ignore_ascii_case(word)));
                let word = word.ok_or_else(|| wrong(&format!("one of {}", words.join(", "))))?;
                return Ok(Value::from(*word));
            }
            Self::Object(fields) => return check(fields, value, path),
            Self::Text => value.is_string(),
            Self::Int => value.is_i64(),
            Self::Bool => value.is_boolean(),
            Self::Texts => {
                let texts = value.as_array();
                texts.is_some_and(|texts| texts.iter().all(Value::is_string))
            }
            Self::Map => value.is_object(),
        };
        match fits {
            true => Ok(value.clone()),
            false => Err(wrong(self.name())),
        }
    }

    fn schema(&self, is_request: bool) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Choice(words) if is_request => {
                let text = format!("One of {}, in any case.", words.join(", "));
                json!({ "type": "string", "description": text })
            }
            Self::Choice(words) => json!({ "type": "string", "enum": words }),
            Self::Int => json!({ "type": "integer", "format": "int64" }),
            Self::Bool => json!({ "type": "boolean" }),
            Self::Texts => json!({ "type": "array", "items": { "type": "string" } }),
            Self::Map => json!({ "type": "object" }),
            Self::Object(fields) => schema(fields, is_request),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Text | Self::Choice(_) => "a string",
            Self::Int => "an integer",
            Self::Bool => "a boolean",
            Self::Texts => "an array of strings",
            Self::Map | Self::Object(_) => "an object",
        }
    }
}

/// The schema of what [`check`] takes, or of what it gives.
pub(crate) fn schema(fields: &[Field], is_request: bool) -> Value {
    let fields = fields
        .iter()
        .filter(|field| !is_request || !field.rule.is_the_servers());
    let properties = fields.map(|field| {
        let mut schema = field.shape.schema(is_request);
        allow_null(&mut schema);
        if field.rule.is_secret() {
            schema["format"] = "password".into();
        }
        if is_request && field.rule.is_required() {
            // What is changed keeps it.
            schema["description"] = "Required to make one.".into();
        }
        (field.name.to_owned(), schema)
    });
    let properties: Map<String, Value> = properties.collect();
    json!({ "type": "object", "properties": properties })
}

/// Gives the schema of an object with free members those of `kinds`, each of which may be `null`, and no others.
pub(crate) fn describe_kinds<'a>(
    schema: &mut Value,
    kinds: impl Iterator<Item = (&'a str, &'a [Field])>,
    is_request: bool,
) {
    for (kind, fields) in kinds {
        let mut member = self::schema(fields, is_request);
        allow_null(&mut member);
        schema["properties"][kind] = member;
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("additionalProperties");
    }
}

fn allow_null(schema: &mut Value) {
    schema["type"] = json!([schema["type"], "null"]);
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
}

/// Replaces each secret of a [checked](check) `value` by what `replace` makes of it; it is given where
/// the secret stands too.
pub(crate) fn replace_secrets(
    fields: &[Field],
    value: &mut Value,
    path: &str,
    replace: &mut impl FnMut(&str, &str) -> String,
) {
    for field in fields {
        let Some(member) = value.get_mut(field.name) else {
            continue;
        };
        let path = format!("{path}.{}", field.name);
        match (&field.shape, &mut *member) {
            (Shape::Object(fields), Value::Object(_)) => {
                replace_secrets(fields, member, &path, replace);
            }
            (_, Value::String(secret)) if field.rule.is_secret() => {
                *secret = replace(&path, secret);
            }
            _ => {}
        }
    }
}

/// What the secret at `path` of the object `name` is sealed for.
pub(crate) fn secret_place(name: &str, path: &str) -> String {
    format!("{name}/{path}")
}

/// The members that are named as one of `kinds`, of which there has to be exactly one that is not `null`.
///
/// # Errors
/// `INVALIDINPUT` if there are none, or several.
pub(crate) fn the_one_kind<'a>(
    kinds: &[&'static str],
    members: &'a Map<String, Value>,
) -> ApiResult<(&'static str, &'a Value)> {
    let given = kinds.iter().filter_map(|kind| {
        let value = members.get(*kind).filter(|value| !value.is_null())?;
        Some((*kind, value))
    });
    let given: Vec<_> = given.collect();
    match given.as_slice() {
        [one] => Ok(*one),
        [] => Err(ApiError::invalid(format!(
            "one of the members {} is required",
            kinds.join(", ")
        ))),
        several => {
            let names: Vec<&str> = several.iter().map(|(kind, _)| *kind).collect();
            Err(ApiError::invalid(format!(
                "there has to be one type, but there are {}",
                names.join(" and ")
            )))
        }
    }
}

/// A member for each of `kinds`: `settings` for `kind`, `null` for the others.
pub(crate) fn all_kinds(kinds: &[&str], kind: &str, settings: Value) -> Map<String, Value> {
    let mut members: Map<String, Value> = kinds
        .iter()
        .map(|kind| ((*kind).to_owned(), Value::Null))
        .collect();
    members.insert(kind.to_owned(), settings);
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: &[Field] = &[
        Field {
            name: "id",
            shape: Shape::Text,
            rule: Rule::Required,
        },
        Field {
            name: "secret",
            shape: Shape::Text,
            rule: Rule::RequiredSecret,
        },
    ];
    const FIELDS: &[Field] = &[
        Field {
            name: "key",
            shape: Shape::Object(INNER),
            rule: Rule::Optional,
        },
        Field {
            name: "format",
            shape: Shape::Choice(&["JSON", "AVRO"]),
            rule: Rule::Optional,
        },
        Field {
            name: "status",
            shape: Shape::Map,
            rule: Rule::Server,
        },
    ];

    #[test]
    fn what_is_absent_becomes_null_and_what_is_unknown_goes() {
        let value = json!({"format": "avro", "status": {"a": 1}, "other": 1});
        let checked = check(FIELDS, &value, "x").unwrap();
        assert_eq!(
            checked,
            json!({"key": null, "format": "AVRO", "status": null})
        );
    }

    #[test]
    fn errors_name_the_member() {
        for (value, message) in [
            (json!([]), "`x` has to be an object"),
            (
                json!({"format": "XML"}),
                "`x.format` has to be one of JSON, AVRO",
            ),
            (json!({"key": 1}), "`x.key` has to be an object"),
            (json!({"key": {"id": "a"}}), "`x.key.secret` is required"),
            (
                json!({"key": {"id": 1, "secret": "s"}}),
                "`x.key.id` has to be a string",
            ),
        ] {
            let error = check(FIELDS, &value, "x").unwrap_err();
            assert_eq!(error.model.message, message);
        }
    }

    #[test]
    fn secrets_are_found_wherever_they_stand() {
        let mut value = json!({"key": {"id": "a", "secret": "s"}, "format": null});
        replace_secrets(FIELDS, &mut value, "x", &mut |path, secret| {
            format!("{path}={secret}")
        });
        assert_eq!(value["key"], json!({"id": "a", "secret": "x.key.secret=s"}));
    }
}
