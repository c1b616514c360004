//! The result encoding, one function per type; shared by values and K bytes.

use std::fmt::Display;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::scan;
use crate::{Date, Datetime, Geography, Object, Time, Timestamp, Value};

/// The member that makes an object a typed value.
pub(crate) const TYPE_MEMBER: &str = "__rockset_type";
/// The member that holds a typed value's value.
pub(crate) const VALUE_MEMBER: &str = "value";

pub(crate) fn value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => bool(*value, out),
        Value::Int(value) => int(*value, out),
        Value::Float(value) => float(*value, out),
        Value::String(value) => string(value, out),
        Value::Bytes(value) => bytes(value, out),
        Value::Date(value) => date(*value, out),
        Value::Datetime(value) => datetime(*value, out),
        Value::Time(value) => time(*value, out),
        Value::Timestamp(value) => timestamp(*value, out),
        Value::MonthInterval(value) => month_interval(*value, out),
        Value::MicrosecondInterval(value) => microsecond_interval(*value, out),
        Value::Array(elements) => array(elements, out),
        Value::Object(members) => object(members, out),
        Value::Geography(value) => geography(value, out),
    }
}

fn array(elements: &[Value], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        value(element, out);
    }
    out.push(b']');
}

fn object(members: &Object, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (name, member)) in members.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(name, out);
        out.push(b':');
        value(member, out);
    }
    out.push(b'}');
}

pub(crate) fn bool(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

pub(crate) fn int(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The shortest text that reads back as this float, always with a point or an exponent.
pub(crate) fn float(value: f64, out: &mut Vec<u8>) {
    match non_finite_name(value) {
        Some(name) => string(name, out),
        None => out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes()),
    }
}

/// What stands for a float that JSON has no number for; `None` if it has.
pub(crate) fn non_finite_name(value: f64) -> Option<&'static str> {
    if value.is_finite() {
        None
    } else if value.is_nan() {
        Some("NaN")
    } else if value > 0.0 {
        Some("Infinity")
    } else {
        Some("-Infinity")
    }
}

/// A string with its quotes; only quotes, backslashes and control characters are escaped.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(scan::plain_len(rest));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else {
            break;
        };
        rest = after;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let [high, low] = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xF)]];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
    }
    out.push(b'"');
}

pub(crate) fn bytes(value: &[u8], out: &mut Vec<u8>) {
    string(&STANDARD.encode(value), out);
}

pub(crate) fn timestamp(value: Timestamp, out: &mut Vec<u8>) {
    quoted(value, out);
}

pub(crate) fn date(value: Date, out: &mut Vec<u8>) {
    typed("DATE", out, |out| quoted(value, out));
}

pub(crate) fn datetime(value: Datetime, out: &mut Vec<u8>) {
    typed("DATETIME", out, |out| quoted(value, out));
}

pub(crate) fn time(value: Time, out: &mut Vec<u8>) {
    typed("TIME", out, |out| quoted(value, out));
}

pub(crate) fn month_interval(months: i64, out: &mut Vec<u8>) {
    typed("MONTH_INTERVAL", out, |out| int(months, out));
}

pub(crate) fn microsecond_interval(micros: i64, out: &mut Vec<u8>) {
    typed("MICROSECOND_INTERVAL", out, |out| int(micros, out));
}

pub(crate) fn geography(value: &Geography, out: &mut Vec<u8>) {
    typed("GEOGRAPHY", out, |out| value.write_geojson(out));
}

/// A text of plain ASCII in quotes.
fn quoted(value: impl Display, out: &mut Vec<u8>) {
    write!(out, "\"{value}\"").expect("writing to memory cannot fail");
}

fn typed(type_word: &str, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"__rockset_type\":\"");
    out.extend_from_slice(type_word.as_bytes());
    out.extend_from_slice(b"\",\"value\":");
    write(out);
    out.push(b'}');
}
