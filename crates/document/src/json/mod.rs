//! JSON text to values and back.
//!
//! - [`parse`]: plain JSON. A number without point or exponent that fits 64 bits is an int, every
//!   other one a float; of duplicate names the last wins; an object with `__rockset_type` stays an
//!   object;
//! - [`parse_borrowed`]: the same as a value whose strings are parts of the text;
//! - [`parse_list`]: the same, element by element of a list in an object;
//! - [`resolve_typed`]: turns such objects into dates, bytes and so on (extended JSON);
//! - [`write_json`]: the encoding of query results, which `resolve_typed` mostly reads back.
//!
//! `Value` also implements serde's traits, so that it can stand inside other types; what such a
//! parser makes of `-0.0` and of long floats is its own affair, so documents go through [`parse`].

mod borrowed;
mod de;
mod parser;
mod scan;
mod ser;
mod typed;
pub(crate) mod write;

pub use borrowed::{BorrowedObject, BorrowedValue};
pub use typed::{TypedValueError, TypedValueReason, resolve_typed};

use crate::Value;

/// The most containers that may enclose a value in JSON text.
///
/// Real documents nest a dozen levels; this bounds recursion for everything that walks a document.
pub const NESTING_MAX: usize = 128;

/// Text that is not the JSON of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line} column {column}")]
pub struct JsonError {
    /// What is wrong, in lower case.
    pub message: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// The place in the line in bytes, from 1.
    pub column: usize,
    /// The byte, from 0.
    pub offset: usize,
}

/// Reads one JSON value; only blanks may follow it.
///
/// # Errors
/// When the text is malformed, not UTF-8, nested deeper than [`NESTING_MAX`], or has a number
/// beyond the range of a float. `NaN` and `Infinity` are not JSON.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_borrowed(bytes).map(BorrowedValue::into_value)
}

/// As [`parse`], without copying names and strings.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_borrowed(bytes: &[u8]) -> Result<BorrowedValue<'_>, JsonError> {
    parser::parse(bytes)
}

/// A member of a JSON object that should be a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListMember<T> {
    /// The text is JSON, but not of an object.
    NoObject,
    /// The object does not have the member, or it is no list.
    NoList,
    /// What was made of its elements.
    List(Vec<T>),
}

/// Reads an object and gives the elements of its list `member` to `read` one by one, each with its
/// place, so that no more than one of them is in memory.
///
/// # Errors
/// Those of [`parse`]; what was made of the elements before is lost then.
pub fn parse_list<'a, T>(
    bytes: &'a [u8],
    member: &str,
    read: impl FnMut(usize, BorrowedValue<'a>) -> T,
) -> Result<ListMember<T>, JsonError> {
    parser::parse_list(bytes, member, read)
}

/// Appends the JSON of `value` as query results carry it.
///
/// Floats keep a point or exponent and read back as the same float; NaN and the infinities are
/// the strings `"NaN"`, `"Infinity"` and `"-Infinity"`. Bytes are base64 text, timestamps ISO text
/// in UTC with six digits; dates, times, datetimes, intervals and geographies are objects with an
/// upper-case `__rockset_type` and a `value`.
pub fn write_json(value: &Value, out: &mut Vec<u8>) {
    write::value(value, out);
}

/// The JSON of `value` as text, see [`write_json`].
pub fn to_string(value: &Value) -> String {
    let mut out = Vec::new();
    write_json(value, &mut out);
    String::from_utf8(out).expect("strings are UTF-8 and everything else is ASCII")
}

impl JsonError {
    fn at(bytes: &[u8], offset: usize, message: &'static str) -> Self {
        let before = &bytes[..offset];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        Self {
            message,
            line,
            column: offset - line_start + 1,
            offset,
        }
    }
}

#[cfg(test)]
mod tests;
