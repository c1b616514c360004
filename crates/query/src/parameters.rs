//! Values for the parameters of a statement.
//!
//! Clients send `{name, type, value}` with the value as text that the type word explains; newer ones
//! leave the type out and send (extended) JSON. Both are read here.

use outcrop_document::{Date, Datetime, Time, Timestamp, Value, json};

use crate::error::QueryError;

/// A named value: `:name` in the statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The name, without the colon.
    pub name: String,
    /// The value that stands in its place.
    pub value: Value,
}

impl Parameter {
    /// Reads a parameter as a client sent it.
    ///
    /// `type_word` is taken in any case. When it is empty, absent or none of the known words, a text
    /// that is valid JSON is taken as extended JSON and any other text as a string. A value that came
    /// as JSON and not as text is taken as it is where the type leaves room for it.
    ///
    /// # Errors
    /// [`QueryError::Semantic`] if the value is not of the type.
    pub fn interpret(
        name: &str,
        type_word: Option<&str>,
        value: &serde_json::Value,
    ) -> Result<Self, QueryError> {
        let word = type_word.unwrap_or_default().to_ascii_lowercase();
        let value = read(&word, value).map_err(|reason| {
            QueryError::semantic(format!("parameter `{name}`: {reason}"), None)
        })?;
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

fn read(word: &str, value: &serde_json::Value) -> Result<Value, String> {
    if word == "null" {
        return Ok(Value::Null);
    }
    let text = match value {
        serde_json::Value::String(text) => text,
        serde_json::Value::Null => return Ok(Value::Null),
        other => {
            let value = extended_json(&other.to_string())?;
            return fits(word, &value)
                .then_some(())
                .map_or_else(|| read_text(word, &other.to_string()), |()| Ok(value));
        }
    };
    read_text(word, text)
}

/// Whether a value that came as JSON is of the type already.
fn fits(word: &str, value: &Value) -> bool {
    match (word, value) {
        ("int" | "integer", Value::Int(_))
        | ("float", Value::Float(_))
        | ("bool" | "boolean", Value::Bool(_))
        | ("array", Value::Array(_))
        | ("object", Value::Object(_)) => true,
        _ => !is_known(word),
    }
}

fn is_known(word: &str) -> bool {
    matches!(
        word,
        "int"
            | "integer"
            | "float"
            | "bool"
            | "boolean"
            | "string"
            | "date"
            | "time"
            | "datetime"
            | "timestamp"
            | "array"
            | "object"
    )
}

fn read_text(word: &str, text: &str) -> Result<Value, String> {
    let mismatch = || format!("`{text}` is not a value of type `{word}`");
    match word {
        "int" | "integer" => text.trim().parse().map(Value::Int).map_err(|_| mismatch()),
        "float" => text
            .trim()
            .parse()
            .map(Value::Float)
            .map_err(|_| mismatch()),
        "bool" | "boolean" => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(mismatch()),
        },
        "string" => Ok(Value::String(text.to_owned())),
        "date" => Date::parse(text.trim())
            .map(Value::Date)
            .map_err(|_| mismatch()),
        "time" => Time::parse(text.trim())
            .map(Value::Time)
            .map_err(|_| mismatch()),
        "datetime" => Datetime::parse(text.trim())
            .map(Value::Datetime)
            .map_err(|_| mismatch()),
        "timestamp" => Timestamp::parse(text.trim())
            .map(Value::Timestamp)
            .map_err(|_| mismatch()),
        "array" => match extended_json(text)? {
            value @ Value::Array(_) => Ok(value),
            _ => Err(mismatch()),
        },
        "object" => match extended_json(text)? {
            value @ Value::Object(_) => Ok(value),
            _ => Err(mismatch()),
        },
        _ => match json::parse(text.as_bytes()) {
            Ok(value) => json::resolve_typed(value).map_err(|error| error.to_string()),
            Err(_) => Ok(Value::String(text.to_owned())),
        },
    }
}

/// JSON in which objects with `__rockset_type` are typed values.
fn extended_json(text: &str) -> Result<Value, String> {
    let value = json::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    json::resolve_typed(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(type_word: &str, value: &str, expected: Value) {
        let sent = serde_json::Value::String(value.to_owned());
        let parameter = Parameter::interpret("p", Some(type_word), &sent).unwrap();
        assert_eq!(parameter.value, expected, "{type_word} {value}");
    }

    #[track_caller]
    fn refused(type_word: &str, value: &str) {
        let sent = serde_json::Value::String(value.to_owned());
        let error = Parameter::interpret("p", Some(type_word), &sent).unwrap_err();
        assert!(error.to_string().starts_with("parameter `p`"), "{error}");
    }

    #[test]
    fn text_is_read_by_its_type_word_in_any_case() {
        check("int", "42", Value::Int(42));
        check("INTEGER", "-7", Value::Int(-7));
        check("float", "1e-05", Value::Float(1e-5));
        check("bool", "True", Value::Bool(true));
        check("string", "42", Value::String("42".to_owned()));
        check("null", "anything", Value::Null);
        check(
            "date",
            "2020-01-02",
            Value::Date(Date::parse("2020-01-02").unwrap()),
        );
        check(
            "array",
            "[1, \"a\"]",
            Value::Array(vec![Value::Int(1), Value::String("a".into())]),
        );
    }

    #[test]
    fn python_writes_a_blank_where_iso_has_a_t() {
        let expected = Timestamp::parse("2020-01-01T00:00:00Z").unwrap();
        check(
            "timestamp",
            "2020-01-01 00:00:00+00:00",
            Value::Timestamp(expected),
        );
        check(
            "timestamp",
            "2020-01-01 00:00:00",
            Value::Timestamp(expected),
        );
    }

    #[test]
    fn without_a_known_type_json_is_json_and_the_rest_is_text() {
        check(
            "",
            "[0.5, 2]",
            Value::Array(vec![Value::Float(0.5), Value::Int(2)]),
        );
        check("vector", "7", Value::Int(7));
        check("", "plain text", Value::String("plain text".to_owned()));
        let typed = r#"{"__rockset_type": "date", "value": "2020-01-02"}"#;
        check("", typed, Value::Date(Date::parse("2020-01-02").unwrap()));
    }

    #[test]
    fn json_in_place_of_text_is_accepted() {
        for (word, sent, expected) in [
            ("int", serde_json::json!(5), Value::Int(5)),
            ("float", serde_json::json!(5), Value::Float(5.0)),
            (
                "",
                serde_json::json!([true]),
                Value::Array(vec![Value::Bool(true)]),
            ),
            (
                "string",
                serde_json::json!(5),
                Value::String("5".to_owned()),
            ),
        ] {
            assert_eq!(
                Parameter::interpret("p", Some(word), &sent).unwrap().value,
                expected
            );
        }
    }

    #[test]
    fn a_value_that_is_not_of_the_type_is_refused_by_name() {
        refused("int", "4.5");
        refused("bool", "yes");
        refused("timestamp", "soon");
        refused("object", "[1]");
        refused("array", "[1");
    }
}
