//! JSON text and the values in it.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::text;
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::{Value, json};

const S: Kinds = Kinds::STRING;
/// JSON text, or a value that is already parsed.
const JSON: Kinds = Kinds::ANY;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["JSON_PARSE"],
        &[S],
        Returns::Type(SqlType::Dynamic),
        |x| parse("JSON_PARSE", &x[0]),
        "The value of JSON text; numbers without point or exponent are ints.",
    ),
    ScalarFunction::new(
        &["JSON_EXTRACT"],
        &[JSON, S],
        Returns::Type(SqlType::Dynamic),
        |x| extract("JSON_EXTRACT", x),
        "The value at a path such as `$.a.b[0]`, indexes counting from 0; \
             null when there is none.",
    ),
    ScalarFunction::new(
        &["JSON_EXTRACT_SCALAR"],
        &[JSON, S],
        Returns::Type(SqlType::String),
        extract_scalar,
        "The value at a path as a string; null when there is none, or an \
             array or object.",
    ),
];

fn parse(function: &'static str, source: &Value) -> Evaluated {
    json::parse(text(source).as_bytes())
        .map_err(|error| EvaluationError::argument(function, error.to_string()))
}

fn extract(function: &'static str, x: &[Value]) -> Evaluated {
    let parsed;
    let mut current = match &x[0] {
        Value::String(_) => {
            parsed = parse(function, &x[0])?;
            &parsed
        }
        value => value,
    };
    for step in steps(text(&x[1])).ok_or_else(|| {
        EvaluationError::argument(function, format!("`{}` is no path", text(&x[1])))
    })? {
        let next = match (current, &step) {
            (Value::Object(members), Step::Key(key)) => members.get(key),
            (Value::Array(elements), Step::Index(index)) => elements.get(*index),
            _ => None,
        };
        match next {
            Some(next) => current = next,
            None => return Ok(Value::Null),
        }
    }
    Ok(current.clone())
}

fn extract_scalar(x: &[Value]) -> Evaluated {
    Ok(match extract("JSON_EXTRACT_SCALAR", x)? {
        Value::Null | Value::Array(_) | Value::Object(_) => Value::Null,
        scalar => Value::String(crate::cast::to_text(&scalar)?),
    })
}

enum Step {
    Key(String),
    Index(usize),
}

/// `$`, `.key`, `["key"]`, `['key']` and `[0]`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 {
                return None;
            }
            steps.push(Step::Key(after[..end].to_owned()));
            rest = &after[end..];
        } else {
            let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = |quote: char| inside.strip_prefix(quote)?.strip_suffix(quote);
            steps.push(match quoted('"').or_else(|| quoted('\'')) {
                Some(key) => Step::Key(key.to_owned()),
                None => Step::Index(inside.parse().ok()?),
            });
            rest = after;
        }
    }
    Some(steps)
}
