//! K out of scalars and out of other K, without a [`Value`](crate::Value) in between.

use std::collections::BTreeMap;

use super::encode::Encoder;
use super::marks::MarkWriter;
use super::{DecodeError, Node, class};
use crate::{Date, Datetime, Time, Timestamp};

/// Appends K of null.
pub fn encode_null(out: &mut Vec<u8>) {
    out.push(class::NULL);
}

/// Appends K of a bool.
pub fn encode_bool(bool: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(&[class::BOOL, u8::from(bool)]);
}

/// Appends K of an int.
pub fn encode_int(int: i64, out: &mut Vec<u8>) {
    with_encoder(out, |encoder| encoder.int(int));
}

/// Appends K of a float.
pub fn encode_float(float: f64, out: &mut Vec<u8>) {
    with_encoder(out, |encoder| encoder.float(float));
}

/// Appends K of a string.
pub fn encode_str(text: &str, out: &mut Vec<u8>) {
    with_encoder(out, |encoder| encoder.text(class::STRING, text.as_bytes()));
}

/// Appends K of bytes.
pub fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    with_encoder(out, |encoder| encoder.text(class::BYTES, bytes));
}

/// Appends K of a date.
pub fn encode_date(date: Date, out: &mut Vec<u8>) {
    with_encoder(out, |encoder| encoder.date(date.0));
}

/// Appends K of a datetime.
pub fn encode_datetime(datetime: Datetime, out: &mut Vec<u8>) {
    with_encoder(out, |encoder| encoder.int64(class::DATETIME, datetime.0));
}

/// Appends K of a time.
pub fn encode_time(time: Time, out: &mut Vec<u8>) {
    with_encoder(out, |encoder| encoder.int64(class::TIME, time.0));
}

/// Appends K of a timestamp.
pub fn encode_timestamp(timestamp: Timestamp, out: &mut Vec<u8>) {
    with_encoder(out, |encoder| encoder.int64(class::TIMESTAMP, timestamp.0));
}

/// Appends K of a month interval.
pub fn encode_month_interval(months: i64, out: &mut Vec<u8>) {
    with_encoder(out, |encoder| encoder.int64(class::MONTH_INTERVAL, months));
}

/// Appends K of a microsecond interval.
pub fn encode_microsecond_interval(micros: i64, out: &mut Vec<u8>) {
    with_encoder(out, |encoder| {
        encoder.int64(class::MICROSECOND_INTERVAL, micros)
    });
}

fn with_encoder(out: &mut Vec<u8>, write: impl FnOnce(&mut Encoder<'_>)) {
    let mut encoder = Encoder::new(out);
    write(&mut encoder);
    encoder.finish();
}

/// Makes K of an array out of the K of its elements.
#[derive(Debug)]
pub struct ArrayBuilder {
    out: Vec<u8>,
    marks: MarkWriter,
}

impl Default for ArrayBuilder {
    fn default() -> Self {
        Self {
            out: vec![class::ARRAY],
            marks: MarkWriter::default(),
        }
    }
}

impl ArrayBuilder {
    /// An array with no elements yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an element.
    ///
    /// # Errors
    /// When `k` is damaged; the array then is as before.
    pub fn push(&mut self, k: &[u8]) -> Result<(), DecodeError> {
        self.push_node(&Node::root(k)?)
    }

    /// Appends an element that is part of other bytes.
    ///
    /// # Errors
    /// When its bytes are damaged; the array then is as before.
    pub fn push_node(&mut self, node: &Node<'_>) -> Result<(), DecodeError> {
        let marks = std::mem::take(&mut self.marks);
        let mut encoder = Encoder {
            out: &mut self.out,
            marks,
        };
        let result = node.append_to(&mut encoder);
        self.marks = encoder.marks;
        result
    }

    /// K of the array.
    pub fn finish(self) -> Vec<u8> {
        let mut out = self.out;
        let mut encoder = Encoder {
            out: &mut out,
            marks: self.marks,
        };
        encoder.end();
        encoder.finish();
        out
    }
}

/// Makes K of an object out of the K of its members, in any order.
#[derive(Debug, Default)]
pub struct ObjectBuilder {
    members: BTreeMap<String, Vec<u8>>,
}

impl ObjectBuilder {
    /// An object with no members yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a member; the last one of a name stays.
    pub fn insert(&mut self, name: impl Into<String>, k: Vec<u8>) {
        self.members.insert(name.into(), k);
    }

    /// K of the object.
    ///
    /// # Errors
    /// When the K of a member is damaged.
    pub fn finish(self) -> Result<Vec<u8>, DecodeError> {
        let mut out = vec![class::OBJECT];
        let mut encoder = Encoder::new(&mut out);
        for (name, k) in &self.members {
            encoder.name(name);
            Node::root(k)?.append_to(&mut encoder)?;
        }
        encoder.end();
        encoder.finish();
        Ok(out)
    }
}
