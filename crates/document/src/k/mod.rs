//! K: the one binary form of a value. Byte order is value order.
//!
//! K of a value is its *key* followed by its *trailer*. The key describes itself, ends where it
//! says, and compares by `memcmp` as values compare by [`Value::compare`]; equal values have equal
//! keys, so `1` and `1.0` share one. The trailer tells such ints and floats apart: two bits per
//! number that could be either, and no byte at all when each of them is an int. The bytes are drawn in
//! `docs/formats/k.md`.
//!
//! K serves as document row, log payload, index key and as the dynamic column of a query, so most
//! uses read a little of it without decoding the rest:
//!
//! - [`encode()`], [`encode_borrowed`], [`decode()`]: a whole [`Value`], or what JSON text holds;
//! - [`key`], [`key_length`], [`value_type`], [`get`], [`element`], [`entries`], [`elements`]: parts of the bytes;
//! - [`Node`]: the same without copying; [`Walker`]: all members of an object, one after the other;
//! - [`write_json`]: the result encoding, straight from the bytes;
//! - [`ArrayBuilder`], [`ObjectBuilder`], [`encode_int`] and its siblings: K out of K.
//!
//! Reading never panics and never recurses deeper than [`DEPTH_MAX`], whatever the bytes.

mod build;
mod cursor;
mod decode;
mod encode;
mod escape;
mod json;
mod marks;
mod node;
mod number;
mod shape;
mod walk;

use std::borrow::Cow;

pub use build::{
    ArrayBuilder, ObjectBuilder, encode_bool, encode_bytes, encode_date, encode_datetime,
    encode_float, encode_int, encode_microsecond_interval, encode_month_interval, encode_null,
    encode_str, encode_time, encode_timestamp,
};
pub use node::{Elements, Entries, Node, View};
pub use walk::{Walked, Walker};

use crate::json::BorrowedObject;
use crate::{GeographyError, Value, ValueType};

/// The most containers that may enclose a value for it to be read again.
///
/// Twice what documents may nest ([`NESTING_MAX`](crate::NESTING_MAX)), so that queries can put
/// documents into arrays and objects, and little enough for the stack of a thread in a debug build.
pub const DEPTH_MAX: usize = 256;

/// The first byte of a key, by type; the order of the bytes is the order of the types.
///
/// Every key of a class lies in `[CLASS]..[CLASS + 1]`, see [`end`](class::end).
pub mod class {
    /// Null.
    pub const NULL: u8 = 0x08;
    /// Bool.
    pub const BOOL: u8 = 0x10;
    /// Int and float, interleaved by value.
    pub const NUMBER: u8 = 0x18;
    /// String.
    pub const STRING: u8 = 0x20;
    /// Bytes.
    pub const BYTES: u8 = 0x28;
    /// Date.
    pub const DATE: u8 = 0x30;
    /// Datetime.
    pub const DATETIME: u8 = 0x38;
    /// Time.
    pub const TIME: u8 = 0x40;
    /// Timestamp.
    pub const TIMESTAMP: u8 = 0x48;
    /// Month interval.
    pub const MONTH_INTERVAL: u8 = 0x50;
    /// Microsecond interval.
    pub const MICROSECOND_INTERVAL: u8 = 0x58;
    /// Array.
    pub const ARRAY: u8 = 0x60;
    /// Object.
    pub const OBJECT: u8 = 0x68;
    /// Geography.
    pub const GEOGRAPHY: u8 = 0x70;

    /// The byte above every key of that class: the exclusive upper bound of a range over it.
    pub const fn end(class: u8) -> u8 {
        class + 1
    }

    /// The class of a type.
    pub const fn of(value_type: crate::ValueType) -> u8 {
        use crate::ValueType;
        match value_type {
            ValueType::Null => NULL,
            ValueType::Bool => BOOL,
            ValueType::Int | ValueType::Float => NUMBER,
            ValueType::String => STRING,
            ValueType::Bytes => BYTES,
            ValueType::Date => DATE,
            ValueType::Datetime => DATETIME,
            ValueType::Time => TIME,
            ValueType::Timestamp => TIMESTAMP,
            ValueType::MonthInterval => MONTH_INTERVAL,
            ValueType::MicrosecondInterval => MICROSECOND_INTERVAL,
            ValueType::Array => ARRAY,
            ValueType::Object => OBJECT,
            ValueType::Geography => GEOGRAPHY,
        }
    }
}

/// Ends an array, an object, a list of a geography, and (unescaped) a string.
const END: u8 = 0x00;
/// Stands before each member of an object and each item of a geography's list.
const ITEM: u8 = 0x01;

/// Why bytes are not K.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a value.
    #[error("value is cut off at byte {offset}")]
    Truncated {
        /// Where more bytes were needed.
        offset: usize,
    },
    /// A byte that starts no value, member or list.
    #[error("byte {byte:#04x} at byte {offset} starts no value")]
    UnknownByte {
        /// Where it stands.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// A string or member name is not UTF-8.
    #[error("text at byte {offset} is not valid UTF-8")]
    Utf8 {
        /// Where the text starts.
        offset: usize,
    },
    /// Bytes that the encoder would have written in another way.
    #[error("bytes at {offset} are not in canonical form: {what}")]
    NotCanonical {
        /// Where they stand.
        offset: usize,
        /// What is wrong with them.
        what: &'static str,
    },
    /// Containers are nested deeper than [`DEPTH_MAX`].
    #[error("value is nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// A geography that cannot be.
    #[error("geography at byte {offset} is not valid")]
    Geography {
        /// Where it starts.
        offset: usize,
        /// Why not.
        source: GeographyError,
    },
}

/// K of `value`.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    encode_into(value, &mut out);
    out
}

/// Appends K of `value` to `out`.
pub fn encode_into(value: &Value, out: &mut Vec<u8>) {
    let mut encoder = encode::Encoder::new(out);
    encoder.value(value);
    encoder.finish();
}

/// K of an object of JSON text.
pub fn encode_borrowed(object: &BorrowedObject<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut encoder = encode::Encoder::new(&mut out);
    encoder.borrowed_object(object);
    encoder.finish();
    out
}

/// The value of `k`.
///
/// # Errors
/// When the bytes are not exactly one K in canonical form, or nested too deep.
pub fn decode(k: &[u8]) -> Result<Value, DecodeError> {
    decode::decode(k)
}

/// The key: `k` without its trailer, for equality, hashing, grouping and order.
///
/// A string is its own key, and so is a document without integral floats; both cost nothing.
///
/// # Errors
/// When the bytes are so damaged that the end of the key cannot be found.
pub fn key(k: &[u8]) -> Result<&[u8], DecodeError> {
    Ok(cursor::split(k)?.0)
}

/// The length of the key that `bytes` start with, whatever follows it.
///
/// # Errors
/// When the bytes start with no key.
pub fn key_length(bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut cursor = cursor::Cursor::new(bytes);
    cursor.skip(0)?;
    Ok(cursor.offset)
}

/// The type of the value, without decoding it.
///
/// # Errors
/// When there is no value.
pub fn value_type(k: &[u8]) -> Result<ValueType, DecodeError> {
    cursor::root_type(k)
}

/// K of the value at the end of `steps`; `None` (undefined) if a step has no member to follow.
///
/// No steps give `k` itself. The result borrows from `k` unless its trailer had to be written anew.
///
/// # Errors
/// When bytes on the way are damaged.
pub fn get<'a>(
    k: &'a [u8],
    steps: &[impl AsRef<str>],
) -> Result<Option<Cow<'a, [u8]>>, DecodeError> {
    let mut node = Node::root(k)?;
    for step in steps {
        match node.get(step.as_ref())? {
            Some(member) => node = member,
            None => return Ok(None),
        }
    }
    node.to_k().map(Some)
}

/// K of the element at `index` (from 0); `None` if `k` is no array or has no such element.
///
/// # Errors
/// When bytes on the way are damaged.
pub fn element(k: &[u8], index: usize) -> Result<Option<Cow<'_, [u8]>>, DecodeError> {
    match Node::root(k)?.elements().nth(index) {
        Some(element) => element?.to_k().map(Some),
        None => Ok(None),
    }
}

/// One member of an object: its name and its K.
pub type Member<'a> = (Cow<'a, str>, Cow<'a, [u8]>);

/// The members of an object in the order of their names; none if `k` is no object.
///
/// # Errors
/// When the bytes are damaged; the iterator ends after an error.
pub fn entries(
    k: &[u8],
) -> Result<impl Iterator<Item = Result<Member<'_>, DecodeError>>, DecodeError> {
    let entries = Node::root(k)?.entries();
    Ok(entries.map(|entry| entry.and_then(|(name, node)| Ok((name, node.to_k()?)))))
}

/// The elements of an array as K; none if `k` is no array.
///
/// # Errors
/// When the bytes are damaged; the iterator ends after an error.
pub fn elements(
    k: &[u8],
) -> Result<impl Iterator<Item = Result<Cow<'_, [u8]>, DecodeError>>, DecodeError> {
    let elements = Node::root(k)?.elements();
    Ok(elements.map(|element| element.and_then(|node| node.to_k())))
}

/// Appends the JSON of the value, in the result encoding of [`json::write_json`](crate::json::write_json).
///
/// # Errors
/// When the bytes are damaged; `out` then holds a part of the text.
pub fn write_json(k: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    json::write_json(k, out)
}

#[cfg(test)]
mod tests;
