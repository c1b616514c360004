//! Bytes as text and back: hex, base64, UTF-8.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::text;
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use outcrop_document::Value;
use std::fmt::Write;

const TEXT: &[Kinds] = &[Kinds::TEXT];
const STRING: Returns = Returns::Type(SqlType::String);
const BYTES: Returns = Returns::Type(SqlType::Bytes);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["TO_HEX"],
        TEXT,
        STRING,
        |x| Ok(Value::String(hex(bytes(&x[0])))),
        "Bytes as lower-case hex digits.",
    ),
    ScalarFunction::new(
        &["FROM_HEX"],
        &[Kinds::STRING],
        BYTES,
        from_hex,
        "Bytes of hex digits in any case.",
    ),
    ScalarFunction::new(
        &["TO_BASE64"],
        TEXT,
        STRING,
        |x| Ok(Value::String(STANDARD.encode(bytes(&x[0])))),
        "Bytes in base64.",
    ),
    ScalarFunction::new(
        &["FROM_BASE64"],
        &[Kinds::STRING],
        BYTES,
        from_base64,
        "Bytes out of base64, plain or URL-safe.",
    ),
    ScalarFunction::new(
        &["TO_UTF8"],
        &[Kinds::STRING],
        BYTES,
        |x| Ok(Value::Bytes(bytes(&x[0]).to_vec())),
        "The UTF-8 bytes of a string.",
    ),
    ScalarFunction::new(
        &["FROM_UTF8"],
        &[Kinds::BYTES],
        STRING,
        from_utf8,
        "The string of UTF-8 bytes.",
    ),
];

/// The bytes of a bytes argument, or of the UTF-8 text of a string argument.
pub(super) fn bytes(value: &Value) -> &[u8] {
    match value {
        Value::Bytes(bytes) => bytes,
        Value::String(text) => text.as_bytes(),
        _ => &[],
    }
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
}

fn from_hex(x: &[Value]) -> Evaluated {
    let digits = text(&x[0]).as_bytes();
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    let decoded = digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect::<Option<Vec<u8>>>();
    decoded.map(Value::Bytes).ok_or_else(|| {
        EvaluationError::argument("FROM_HEX", "the text must be pairs of hex digits")
    })
}

fn from_base64(x: &[Value]) -> Evaluated {
    let source = text(&x[0]);
    let decoded = STANDARD
        .decode(source)
        .or_else(|error| URL_SAFE.decode(source).map_err(|_| error));
    decoded
        .map(Value::Bytes)
        .map_err(|error| EvaluationError::argument("FROM_BASE64", error.to_string()))
}

fn from_utf8(x: &[Value]) -> Evaluated {
    match std::str::from_utf8(bytes(&x[0])) {
        Ok(text) => Ok(Value::String(text.to_owned())),
        Err(error) => Err(EvaluationError::argument("FROM_UTF8", error.to_string())),
    }
}
