//! URLs: their parts, and percent encoding.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::text;
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::Value;
use std::fmt::Write;

const S: &[Kinds] = &[Kinds::STRING];
const STRING: Returns = Returns::Type(SqlType::String);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["URL_EXTRACT_PROTOCOL"],
        S,
        STRING,
        |x| Ok(string(parts(x).protocol)),
        "The protocol of a URL.",
    ),
    ScalarFunction::new(
        &["URL_EXTRACT_HOST"],
        S,
        STRING,
        |x| Ok(string(parts(x).host)),
        "The host of a URL.",
    ),
    ScalarFunction::new(
        &["URL_EXTRACT_PORT"],
        S,
        Returns::Type(SqlType::Int),
        |x| {
            Ok(parts(x)
                .port
                .and_then(|port| port.parse().ok())
                .map_or(Value::Null, Value::Int))
        },
        "The port that a URL names.",
    ),
    ScalarFunction::new(
        &["URL_EXTRACT_PATH"],
        S,
        STRING,
        |x| Ok(string(Some(parts(x).path))),
        "The path of a URL.",
    ),
    ScalarFunction::new(
        &["URL_EXTRACT_QUERY"],
        S,
        STRING,
        |x| Ok(string(parts(x).query)),
        "The query of a URL.",
    ),
    ScalarFunction::new(
        &["URL_EXTRACT_FRAGMENT"],
        S,
        STRING,
        |x| Ok(string(parts(x).fragment)),
        "The fragment of a URL.",
    ),
    ScalarFunction::new(
        &["URL_EXTRACT_PARAMETER"],
        &[Kinds::STRING, Kinds::STRING],
        STRING,
        parameter,
        "The first value of a query parameter.",
    ),
    ScalarFunction::new(
        &["URL_ENCODE"],
        S,
        STRING,
        encode,
        "The text with all but unreserved characters percent-encoded.",
    ),
    ScalarFunction::new(
        &["URL_DECODE"],
        S,
        STRING,
        |x| decode(text(&x[0])).map(Value::String),
        "The text of percent-encoded text.",
    ),
];

fn string(part: Option<&str>) -> Value {
    part.map_or(Value::Null, |part| Value::String(part.to_owned()))
}

/// The parts of a URL, by the generic syntax of RFC 3986.
struct Parts<'a> {
    protocol: Option<&'a str>,
    host: Option<&'a str>,
    port: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

fn parts(x: &[Value]) -> Parts<'_> {
    let url = text(&x[0]);
    let (rest, fragment) = split(url, '#');
    let (rest, query) = split(rest, '?');
    let (protocol, rest) = match rest.split_once(':') {
        Some((protocol, rest)) if !protocol.contains('/') => (Some(protocol), rest),
        _ => (None, rest),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
        None => (None, rest),
    };
    let address =
        authority.map(|authority| authority.rsplit_once('@').map_or(authority, |(_, a)| a));
    let (host, port) = match address {
        Some(address) => match address.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                (Some(host), Some(port))
            }
            _ => (Some(address), None),
        },
        None => (None, None),
    };
    Parts {
        protocol,
        host,
        port,
        path,
        query,
        fragment,
    }
}

fn split(source: &str, at: char) -> (&str, Option<&str>) {
    source
        .split_once(at)
        .map_or((source, None), |(before, after)| (before, Some(after)))
}

fn parameter(x: &[Value]) -> Evaluated {
    let wanted = text(&x[1]);
    for pair in parts(x).query.unwrap_or("").split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decode(name)? == wanted {
            return decode(value).map(Value::String);
        }
    }
    Ok(Value::Null)
}

fn encode(x: &[Value]) -> Evaluated {
    let mut out = String::new();
    for byte in text(&x[0]).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Ok(Value::String(out))
}

fn decode(source: &str) -> Result<String, EvaluationError> {
    let bad = || EvaluationError::argument("URL_DECODE", "the text is not percent-encoded UTF-8");
    let bytes = source.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let digits = source.get(at + 1..at + 3).ok_or_else(bad)?;
                out.push(u8::from_str_radix(digits, 16).map_err(|_| bad())?);
                at += 3;
            }
            b'+' => {
                out.push(b' ');
                at += 1;
            }
            other => {
                out.push(*other);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_err(|_| bad())
}
