//! Strings: case, trimming, padding, searching, cutting.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::native;
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use datafusion::functions::{string as df_string, unicode as df_unicode};
use outcrop_document::Value;

const S: Kinds = Kinds::STRING;
const STRING: Returns = Returns::Type(SqlType::String);
const INT: Returns = Returns::Type(SqlType::Int);
const BOOL: Returns = Returns::Type(SqlType::Bool);

/// Longest string that padding may make, in bytes: a slip of the pen must not fill the memory.
const PADDED_BYTES_MAX: usize = 4 << 20;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["LOWER"],
        &[S],
        STRING,
        |x| Ok(Value::String(text(&x[0]).to_lowercase())),
        "The text in lower case, whatever the locale.",
    )
    .native(|x| native::string_call(df_string::lower(), x)),
    ScalarFunction::new(
        &["UPPER"],
        &[S],
        STRING,
        |x| Ok(Value::String(text(&x[0]).to_uppercase())),
        "The text in upper case, whatever the locale.",
    )
    .native(|x| native::string_call(df_string::upper(), x)),
    ScalarFunction::new(
        &["CONCAT"],
        &[S],
        STRING,
        |x| Ok(Value::String(x.iter().map(text).collect())),
        "The texts one after the other; null when any is null.",
    )
    .rest(S),
    ScalarFunction::new(
        &["TRIM", "BTRIM"],
        &[S, S],
        STRING,
        |x| Ok(Value::String(trimmed(x, true, true).to_owned())),
        "The text without whitespace, or the given characters, at both ends.",
    )
    .requires(1),
    ScalarFunction::new(
        &["LTRIM"],
        &[S, S],
        STRING,
        |x| Ok(Value::String(trimmed(x, true, false).to_owned())),
        "The text without whitespace, or the given characters, at the start.",
    )
    .requires(1),
    ScalarFunction::new(
        &["RTRIM"],
        &[S, S],
        STRING,
        |x| Ok(Value::String(trimmed(x, false, true).to_owned())),
        "The text without whitespace, or the given characters, at the end.",
    )
    .requires(1),
    ScalarFunction::new(
        &["LPAD"],
        &[S, Kinds::INT, S],
        STRING,
        |x| pad(x, "LPAD", true),
        "The text brought to a number of characters by padding at the start \
             or cutting the end.",
    )
    .requires(2),
    ScalarFunction::new(
        &["RPAD"],
        &[S, Kinds::INT, S],
        STRING,
        |x| pad(x, "RPAD", false),
        "The text brought to a number of characters by padding or cutting \
             the end.",
    )
    .requires(2),
    ScalarFunction::new(
        &["CHR"],
        &[Kinds::INT],
        STRING,
        chr,
        "The character of a code point.",
    ),
    ScalarFunction::new(
        &["CODEPOINT", "ASCII"],
        &[S],
        INT,
        codepoint,
        "The code point of the first character.",
    ),
    ScalarFunction::new(
        &["STARTS_WITH"],
        &[S, S],
        BOOL,
        |x| Ok(Value::Bool(text(&x[0]).starts_with(text(&x[1])))),
        "Whether the text starts with another.",
    )
    .native(|x| native::predicate_call(df_string::starts_with(), x)),
    ScalarFunction::new(
        &["ENDS_WITH"],
        &[S, S],
        BOOL,
        |x| Ok(Value::Bool(text(&x[0]).ends_with(text(&x[1])))),
        "Whether the text ends with another.",
    )
    .native(|x| native::predicate_call(df_string::ends_with(), x)),
    ScalarFunction::new(
        &["STRPOS", "POSITION"],
        &[S, S],
        INT,
        |x| Ok(strpos(x)),
        "`STRPOS(s, needle)`: where the needle first stands, from 1; 0 when \
             it does not.",
    )
    .native(|x| native::count_call(df_unicode::strpos(), x)),
    ScalarFunction::new(
        &["REPLACE"],
        &[S, S, S],
        STRING,
        replace,
        "Every occurrence of a text replaced by another, or removed.",
    )
    .requires(2),
    ScalarFunction::new(
        &["REVERSE"],
        &[S.or(Kinds::BYTES).or(Kinds::ARRAY)],
        Returns::First,
        reverse,
        "Characters, bytes or elements in reverse order.",
    ),
    ScalarFunction::new(
        &["SUBSTR", "SUBSTRING"],
        &[Kinds::TEXT, Kinds::INT, Kinds::INT],
        Returns::First,
        substr,
        "`SUBSTR(s, start [, length])`: counted from 1, a negative start \
             from the end.",
    )
    .requires(2),
    ScalarFunction::new(
        &["TRANSLATE"],
        &[S, S, S],
        STRING,
        translate,
        "Each character of the second argument replaced by its counterpart \
             in the third, or removed.",
    ),
    ScalarFunction::new(
        &["LEVENSHTEIN_DISTANCE"],
        &[S, S],
        INT,
        levenshtein,
        "The least number of single-character edits between two texts.",
    ),
    ScalarFunction::new(
        &["OUTCROP_LIKE_PATTERN"],
        &[S, S],
        STRING,
        like_pattern,
        "A LIKE pattern with its escape character turned into the backslash.",
    ),
];

/// The text of a string argument; empty for anything else, which the parameter types rule out.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// The int of an int argument, if there is such an argument.
pub(super) fn int(arguments: &[Value], index: usize) -> Option<i64> {
    match arguments.get(index) {
        Some(Value::Int(value)) => Some(*value),
        _ => None,
    }
}

fn trimmed(x: &[Value], start: bool, end: bool) -> &str {
    let characters = x.get(1).map(text);
    let strip = |c: char| characters.map_or(c.is_whitespace(), |characters| characters.contains(c));
    let mut rest = text(&x[0]);
    if start {
        rest = rest.trim_start_matches(strip);
    }
    if end {
        rest = rest.trim_end_matches(strip);
    }
    rest
}

fn pad(x: &[Value], function: &'static str, left: bool) -> Evaluated {
    let (source, fill) = (text(&x[0]), x.get(2).map_or(" ", text));
    let length = int(x, 1).and_then(|length| usize::try_from(length).ok());
    let Some(length) = length.filter(|length| *length <= PADDED_BYTES_MAX / 4) else {
        return Err(EvaluationError::argument(
            function,
            "the length is out of range",
        ));
    };
    if fill.is_empty() {
        return Err(EvaluationError::argument(
            function,
            "the padding must not be empty",
        ));
    }
    let count = source.chars().count();
    if count >= length {
        return Ok(Value::String(source.chars().take(length).collect()));
    }
    let padding: String = fill.chars().cycle().take(length - count).collect();
    Ok(Value::String(if left {
        padding + source
    } else {
        source.to_owned() + &padding
    }))
}

fn chr(x: &[Value]) -> Evaluated {
    let character = int(x, 0)
        .and_then(|code| u32::try_from(code).ok())
        .and_then(char::from_u32);
    match character {
        Some(character) => Ok(Value::String(character.to_string())),
        None => Err(EvaluationError::argument("CHR", "not a code point")),
    }
}

fn codepoint(x: &[Value]) -> Evaluated {
    Ok(text(&x[0])
        .chars()
        .next()
        .map_or(Value::Null, |first| Value::Int(i64::from(u32::from(first)))))
}

fn strpos(x: &[Value]) -> Value {
    let (haystack, needle) = (text(&x[0]), text(&x[1]));
    let position = haystack
        .find(needle)
        .map_or(0, |at| haystack[..at].chars().count() + 1);
    count(position)
}

/// A length as an int.
pub(super) fn count(length: usize) -> Value {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

fn replace(x: &[Value]) -> Evaluated {
    let (source, find, by) = (text(&x[0]), text(&x[1]), x.get(2).map_or("", text));
    if find.is_empty() {
        return Ok(x[0].clone());
    }
    Ok(Value::String(source.replace(find, by)))
}

fn reverse(x: &[Value]) -> Evaluated {
    Ok(match &x[0] {
        Value::String(text) => Value::String(text.chars().rev().collect()),
        Value::Bytes(bytes) => Value::Bytes(bytes.iter().rev().copied().collect()),
        Value::Array(elements) => Value::Array(elements.iter().rev().cloned().collect()),
        other => other.clone(),
    })
}

/// The zero-based range that `SUBSTR` means in something of `length` units.
fn window(x: &[Value], length: usize) -> (usize, usize) {
    let length_int = i64::try_from(length).unwrap_or(i64::MAX);
    let start = match int(x, 1).unwrap_or(1) {
        0 => return (0, 0),
        start if start < 0 => start.saturating_add(length_int),
        start => start - 1,
    };
    if start < 0 || start >= length_int {
        return (0, 0);
    }
    let end = match int(x, 2) {
        Some(wanted) => start.saturating_add(wanted.max(0)).min(length_int),
        None => length_int,
    };
    let unit = |at: i64| usize::try_from(at).unwrap_or(0);
    (unit(start), unit(end))
}

fn substr(x: &[Value]) -> Evaluated {
    Ok(match &x[0] {
        Value::Bytes(bytes) => {
            let (start, end) = window(x, bytes.len());
            Value::Bytes(bytes[start..end].to_vec())
        }
        other => {
            let source = text(other);
            let (start, end) = window(x, source.chars().count());
            Value::String(source.chars().skip(start).take(end - start).collect())
        }
    })
}

fn translate(x: &[Value]) -> Evaluated {
    let from: Vec<char> = text(&x[1]).chars().collect();
    let to: Vec<char> = text(&x[2]).chars().collect();
    let translated = text(&x[0]).chars().filter_map(|character| {
        match from.iter().position(|candidate| *candidate == character) {
            Some(index) => to.get(index).copied(),
            None => Some(character),
        }
    });
    Ok(Value::String(translated.collect()))
}

fn levenshtein(x: &[Value]) -> Evaluated {
    /// Above it the quadratic table takes seconds.
    const CHARACTERS_MAX: usize = 10_000;
    let left: Vec<char> = text(&x[0]).chars().collect();
    let right: Vec<char> = text(&x[1]).chars().collect();
    if left.len().max(right.len()) > CHARACTERS_MAX {
        let message = format!("a text is longer than {CHARACTERS_MAX} characters");
        return Err(EvaluationError::argument("LEVENSHTEIN_DISTANCE", message));
    }
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let substitution = previous[column] + usize::from(a != b);
            current.push(
                substitution
                    .min(previous[column + 1] + 1)
                    .min(current[column] + 1),
            );
        }
        previous = current;
    }
    Ok(count(previous[right.len()]))
}

fn like_pattern(x: &[Value]) -> Evaluated {
    let mut escape = text(&x[1]).chars();
    match (escape.next(), escape.next()) {
        (Some(escape), None) => Ok(Value::String(crate::operators::with_backslash_escapes(
            text(&x[0]),
            escape,
        ))),
        _ => Err(EvaluationError::argument(
            "LIKE",
            "the escape must be one character",
        )),
    }
}
