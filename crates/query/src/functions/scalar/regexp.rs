//! Regular expressions, in the syntax of RE2.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::{int, text};
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::Value;
use regex::{Captures, Regex};
use std::cell::RefCell;
use std::collections::HashMap;

const S: Kinds = Kinds::STRING;
const STRING: Returns = Returns::Type(SqlType::String);
const ARRAY: Returns = Returns::Type(SqlType::Array);

/// Compiled patterns kept per thread. Patterns are constants as a rule; a column of patterns makes
/// the cache start anew now and then.
const CACHED_PATTERNS_MAX: usize = 64;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["REGEXP_LIKE"],
        &[S, S],
        Returns::Type(SqlType::Bool),
        |x| {
            with_regex("REGEXP_LIKE", text(&x[1]), |regex| {
                Ok(Value::Bool(regex.is_match(text(&x[0]))))
            })
        },
        "Whether the pattern matches anywhere in the text.",
    ),
    ScalarFunction::new(
        &["REGEXP_EXTRACT"],
        &[S, S, Kinds::INT],
        STRING,
        extract,
        "The first match, or a group of it; null when there is none.",
    )
    .requires(2),
    ScalarFunction::new(
        &["REGEXP_EXTRACT_ALL"],
        &[S, S, Kinds::INT],
        ARRAY,
        extract_all,
        "Every match, or a group of each.",
    )
    .requires(2),
    ScalarFunction::new(
        &["REGEXP_REPLACE"],
        &[S, S, S],
        STRING,
        replace,
        "Every match replaced; `\\0` to `\\9` in the replacement are the \
             match and its groups.",
    )
    .requires(2),
    ScalarFunction::new(
        &["REGEXP_SPLIT"],
        &[S, S],
        ARRAY,
        split,
        "The pieces between matches.",
    ),
    ScalarFunction::new(
        &["REGEXP_COUNT"],
        &[S, S],
        Returns::Type(SqlType::Int),
        |x| {
            with_regex("REGEXP_COUNT", text(&x[1]), |regex| {
                Ok(super::string::count(regex.find_iter(text(&x[0])).count()))
            })
        },
        "The number of matches.",
    ),
];

thread_local! {
    static PATTERNS: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
}

fn with_regex<T>(
    function: &'static str,
    pattern: &str,
    run: impl FnOnce(&Regex) -> Result<T, EvaluationError>,
) -> Result<T, EvaluationError> {
    PATTERNS.with_borrow_mut(|patterns| {
        if let Some(regex) = patterns.get(pattern) {
            return run(regex);
        }
        let regex = Regex::new(pattern)
            .map_err(|error| EvaluationError::argument(function, error.to_string()))?;
        if patterns.len() >= CACHED_PATTERNS_MAX {
            patterns.clear();
        }
        run(patterns.entry(pattern.to_owned()).or_insert(regex))
    })
}

/// The group that a call asks for; the whole match unless it says otherwise.
fn group(function: &'static str, x: &[Value], regex: &Regex) -> Result<usize, EvaluationError> {
    let wanted = int(x, 2).unwrap_or(0);
    usize::try_from(wanted)
        .ok()
        .filter(|group| *group < regex.captures_len())
        .ok_or_else(|| {
            EvaluationError::argument(function, format!("the pattern has no group {wanted}"))
        })
}

fn captured(captures: &Captures<'_>, group: usize) -> Value {
    captures.get(group).map_or(Value::Null, |found| {
        Value::String(found.as_str().to_owned())
    })
}

fn extract(x: &[Value]) -> Evaluated {
    with_regex("REGEXP_EXTRACT", text(&x[1]), |regex| {
        let group = group("REGEXP_EXTRACT", x, regex)?;
        Ok(regex
            .captures(text(&x[0]))
            .map_or(Value::Null, |captures| captured(&captures, group)))
    })
}

fn extract_all(x: &[Value]) -> Evaluated {
    with_regex("REGEXP_EXTRACT_ALL", text(&x[1]), |regex| {
        let group = group("REGEXP_EXTRACT_ALL", x, regex)?;
        let matches = regex.captures_iter(text(&x[0]));
        Ok(Value::Array(
            matches.map(|captures| captured(&captures, group)).collect(),
        ))
    })
}

fn replace(x: &[Value]) -> Evaluated {
    let template = x.get(2).map_or("", text);
    with_regex("REGEXP_REPLACE", text(&x[1]), |regex| {
        let replaced = regex.replace_all(text(&x[0]), |captures: &Captures<'_>| {
            expand(template, captures)
        });
        Ok(Value::String(replaced.into_owned()))
    })
}

/// The replacement for one match. A backslash before anything but a digit stands for what follows.
fn expand(template: &str, captures: &Captures<'_>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut characters = template.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some(digit) if digit.is_ascii_digit() => {
                let group = digit
                    .to_digit(10)
                    .and_then(|group| usize::try_from(group).ok());
                let found = group.and_then(|group| captures.get(group));
                out.push_str(found.map_or("", |found| found.as_str()));
            }
            Some(escaped) => out.push(escaped),
            None => out.push('\\'),
        }
    }
    out
}

fn split(x: &[Value]) -> Evaluated {
    with_regex("REGEXP_SPLIT", text(&x[1]), |regex| {
        let pieces = regex.split(text(&x[0]));
        Ok(Value::Array(
            pieces
                .map(|piece| Value::String(piece.to_owned()))
                .collect(),
        ))
    })
}
