//! Strings taken apart and put together: splitting, formatting, normal forms, and the length of
//! whatever has one.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::native;
use super::string::{count, int, text};
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::Value;

const S: Kinds = Kinds::STRING;
const STRING: Returns = Returns::Type(SqlType::String);
const ARRAY: Returns = Returns::Type(SqlType::Array);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["LENGTH", "CARDINALITY"],
        &[Kinds::TEXT.or(Kinds::ARRAY).or(Kinds::OBJECT)],
        Returns::Type(SqlType::Int),
        length,
        "Characters of a string, bytes, elements of an array, members of an object.",
    )
    .native(|x| native::count_call(datafusion::functions::unicode::character_length(), x)),
    ScalarFunction::new(
        &["SPLIT"],
        &[S, S, Kinds::INT],
        ARRAY,
        split,
        "The pieces between delimiters; with a limit, the last piece keeps the remainder.",
    )
    .requires(2),
    ScalarFunction::new(
        &["SPLIT_PART"],
        &[S, S, Kinds::INT],
        STRING,
        split_part,
        "The n-th piece between delimiters, from 1; null when there are fewer.",
    ),
    ScalarFunction::new(
        &["FORMAT"],
        &[S],
        STRING,
        format,
        "The pattern with each `{}` replaced by the next argument.",
    )
    .rest(Kinds::ANY),
];

fn length(x: &[Value]) -> Evaluated {
    Ok(count(match &x[0] {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(elements) => elements.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    }))
}

fn split(x: &[Value]) -> Evaluated {
    let (source, delimiter) = (text(&x[0]), text(&x[1]));
    let piece = |piece: &str| Value::String(piece.to_owned());
    if delimiter.is_empty() {
        return Err(EvaluationError::argument(
            "SPLIT",
            "the delimiter must not be empty",
        ));
    }
    let pieces = match int(x, 2) {
        None => source.split(delimiter).map(piece).collect(),
        Some(limit) if limit > 0 => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            source.splitn(limit, delimiter).map(piece).collect()
        }
        Some(_) => {
            return Err(EvaluationError::argument(
                "SPLIT",
                "the limit must be positive",
            ));
        }
    };
    Ok(Value::Array(pieces))
}

fn split_part(x: &[Value]) -> Evaluated {
    let delimiter = text(&x[1]);
    let index = int(x, 2)
        .and_then(|index| usize::try_from(index).ok())
        .filter(|index| *index > 0);
    let Some(index) = index else {
        return Err(EvaluationError::argument(
            "SPLIT_PART",
            "the position must be positive",
        ));
    };
    if delimiter.is_empty() {
        return Err(EvaluationError::argument(
            "SPLIT_PART",
            "the delimiter must not be empty",
        ));
    }
    let part = text(&x[0]).split(delimiter).nth(index - 1);
    Ok(part.map_or(Value::Null, |part| Value::String(part.to_owned())))
}

/// `{}` takes the next argument, `{0}` one by position, `{{` and `}}` are braces.
fn format(x: &[Value]) -> Evaluated {
    let fail = |message: &str| Err(EvaluationError::argument("FORMAT", message));
    let mut out = String::new();
    let mut characters = text(&x[0]).chars().peekable();
    let mut next = 1;
    while let Some(character) = characters.next() {
        match character {
            '{' if characters.next_if_eq(&'{').is_some() => out.push('{'),
            '}' if characters.next_if_eq(&'}').is_some() => out.push('}'),
            '{' => {
                let mut field = String::new();
                while let Some(inner) = characters.next_if(|c| *c != '}') {
                    field.push(inner);
                }
                if characters.next().is_none() {
                    return fail("a `{` is not closed");
                }
                let index = if field.is_empty() {
                    next += 1;
                    next - 1
                } else if let Ok(position) = field.parse::<usize>() {
                    position.saturating_add(1)
                } else {
                    return fail("only `{}` and `{n}` are understood");
                };
                match x.get(index) {
                    Some(value) => out.push_str(&crate::cast::to_text(value)?),
                    None => return fail("there are fewer arguments than `{}`"),
                }
            }
            '}' => return fail("a `}` is not opened"),
            other => out.push(other),
        }
    }
    Ok(Value::String(out))
}
