//! Values to bytes.

use super::marks::{Mark, MarkWriter, Marks};
use super::{END, ITEM, class, escape, number, shape};
use crate::Value;
use crate::json::{BorrowedObject, BorrowedValue};

/// Writes one key after the bytes that `out` already has, and its trailer at the end.
pub(super) struct Encoder<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) marks: MarkWriter,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            marks: MarkWriter::default(),
        }
    }

    /// Appends the key of `value`.
    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push(class::NULL),
            Value::Bool(bool) => self.out.extend_from_slice(&[class::BOOL, u8::from(*bool)]),
            Value::Int(int) => self.int(*int),
            Value::Float(float) => self.float(*float),
            Value::String(text) => self.text(class::STRING, text.as_bytes()),
            Value::Bytes(bytes) => self.text(class::BYTES, bytes),
            Value::Date(date) => self.date(date.0),
            Value::Datetime(datetime) => self.int64(class::DATETIME, datetime.0),
            Value::Time(time) => self.int64(class::TIME, time.0),
            Value::Timestamp(timestamp) => self.int64(class::TIMESTAMP, timestamp.0),
            Value::MonthInterval(months) => self.int64(class::MONTH_INTERVAL, *months),
            Value::MicrosecondInterval(micros) => self.int64(class::MICROSECOND_INTERVAL, *micros),
            Value::Array(elements) => {
                self.out.push(class::ARRAY);
                elements.iter().for_each(|element| self.value(element));
                self.end();
            }
            Value::Object(members) => {
                self.out.push(class::OBJECT);
                for (name, member) in members {
                    self.name(name);
                    self.value(member);
                }
                self.end();
            }
            Value::Geography(geography) => {
                self.out.push(class::GEOGRAPHY);
                shape::write(geography, self.out);
            }
        }
    }

    /// Appends the key of a value of JSON text.
    fn borrowed(&mut self, value: &BorrowedValue<'_>) {
        match value {
            BorrowedValue::Null => self.out.push(class::NULL),
            BorrowedValue::Bool(bool) => {
                self.out.extend_from_slice(&[class::BOOL, u8::from(*bool)])
            }
            BorrowedValue::Int(int) => self.int(*int),
            BorrowedValue::Float(float) => self.float(*float),
            BorrowedValue::String(text) => self.text(class::STRING, text.as_bytes()),
            BorrowedValue::Array(elements) => {
                self.out.push(class::ARRAY);
                elements.iter().for_each(|element| self.borrowed(element));
                self.end();
            }
            BorrowedValue::Object(object) => self.borrowed_object(object),
            BorrowedValue::Owned(value) => self.value(value),
        }
    }

    /// Appends the key of an object of JSON text.
    pub(super) fn borrowed_object(&mut self, object: &BorrowedObject<'_>) {
        self.out.push(class::OBJECT);
        for (name, member) in object.iter() {
            self.name(name);
            self.borrowed(member);
        }
        self.end();
    }

    pub(super) fn int(&mut self, int: i64) {
        let mark = number::write_int(int, self.out);
        self.marks.push(mark);
    }

    pub(super) fn float(&mut self, float: f64) {
        if let Some(mark) = number::write_float(float, self.out) {
            debug_assert_ne!(mark, Mark::Int, "a float is never marked as an int");
            self.marks.push(mark);
        }
    }

    pub(super) fn text(&mut self, class: u8, text: &[u8]) {
        self.out.push(class);
        escape::write(text, self.out);
    }

    pub(super) fn date(&mut self, days: i32) {
        self.out.push(class::DATE);
        self.out
            .extend_from_slice(&(days.cast_unsigned() ^ (1 << 31)).to_be_bytes());
    }

    pub(super) fn int64(&mut self, class: u8, int: i64) {
        self.out.push(class);
        self.out
            .extend_from_slice(&(int.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    }

    /// Starts a member of an object; names must come in ascending order.
    pub(super) fn name(&mut self, name: &str) {
        self.out.push(ITEM);
        escape::write(name.as_bytes(), self.out);
    }

    /// Ends an array or object.
    pub(super) fn end(&mut self) {
        self.out.push(END);
    }

    /// Appends a key that is already there, with its `count` marks from `first` on.
    pub(super) fn key(&mut self, key: &[u8], marks: Marks<'_>, first: usize, count: usize) {
        self.out.extend_from_slice(key);
        self.marks.extend(marks, first, count);
    }

    /// Appends the trailer.
    pub(super) fn finish(self) {
        self.out.extend_from_slice(self.marks.bytes());
    }
}
