//! One value inside K bytes, without copying it.

use std::borrow::Cow;

use super::cursor::{self, Cursor};
use super::encode::Encoder;
use super::marks::Marks;
use super::{DecodeError, class, decode, shape};
use crate::{Date, Datetime, Geography, Time, Timestamp, Value, ValueType};

/// A value inside the bytes of K: the root, or a member or element of another node.
///
/// A node is a few words, borrows the bytes, and is read as far as it is asked for.
#[derive(Copy, Clone, Debug)]
pub struct Node<'a> {
    /// The key of this value alone.
    key: &'a [u8],
    /// The trailer of the root.
    marks: Marks<'a>,
    /// How many marks come before this value's.
    first: usize,
}

/// A node's value, as far as one step shows it.
#[derive(Clone, Debug)]
pub enum View<'a> {
    /// Null.
    Null,
    /// A bool.
    Bool(bool),
    /// An int.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string; borrowed unless it has a zero character.
    String(Cow<'a, str>),
    /// Bytes; borrowed unless they have a zero byte.
    Bytes(Cow<'a, [u8]>),
    /// A date.
    Date(Date),
    /// A datetime.
    Datetime(Datetime),
    /// A time.
    Time(Time),
    /// A timestamp.
    Timestamp(Timestamp),
    /// A month interval.
    MonthInterval(i64),
    /// A microsecond interval.
    MicrosecondInterval(i64),
    /// An array's elements.
    Array(Elements<'a>),
    /// An object's members.
    Object(Entries<'a>),
    /// A geography.
    Geography(Geography),
}

impl<'a> Node<'a> {
    /// The value of all of `k`.
    ///
    /// # Errors
    /// When the bytes are so damaged that the end of the key cannot be found.
    pub fn root(k: &'a [u8]) -> Result<Self, DecodeError> {
        let (key, marks) = cursor::split(k)?;
        Ok(Self {
            key,
            marks,
            first: 0,
        })
    }

    /// The value of all of `k` as far as its [`key`](Self::key) and those of its members tell it:
    /// whether a number is an int or a float is not known here.
    ///
    /// Nothing is looked for or checked in advance, so a member near the front is found at once.
    pub fn keys_of(k: &'a [u8]) -> Self {
        Self::part(k, Marks(&[]), 0)
    }

    /// A value of which `key` is the key, behind `first` marks of the root.
    pub(super) fn part(key: &'a [u8], marks: Marks<'a>, first: usize) -> Self {
        Self { key, marks, first }
    }

    /// The type of the value.
    ///
    /// # Errors
    /// When there is no value.
    pub fn value_type(&self) -> Result<ValueType, DecodeError> {
        match self.key.first().copied().and_then(cursor::class_type) {
            Some(value_type) => Ok(value_type),
            None => match self.key.first() {
                Some(&class::NUMBER) => cursor::number_type(self.key, self.marks, self.first),
                Some(&byte) => Err(DecodeError::UnknownByte { offset: 0, byte }),
                None => Err(DecodeError::Truncated { offset: 0 }),
            },
        }
    }

    /// The key bytes of this value alone: for equality, hashing and order.
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// The value; of containers, the way in.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn view(&self) -> Result<View<'a>, DecodeError> {
        let mut cursor = self.cursor();
        Ok(match cursor.byte()? {
            class::NULL => View::Null,
            class::BOOL => View::Bool(cursor.bool()?),
            class::NUMBER => match cursor.number()?.value(self.marks, self.first, 0)? {
                Value::Int(int) => View::Int(int),
                Value::Float(float) => View::Float(float),
                other => unreachable!("a number is an int or a float, not {}", other.value_type()),
            },
            class::STRING => View::String(cursor.string()?),
            class::BYTES => View::Bytes(cursor.text()?),
            class::DATE => View::Date(Date(cursor.int32()?)),
            class::DATETIME => View::Datetime(Datetime(cursor.int64()?)),
            class::TIME => View::Time(Time(cursor.int64()?)),
            class::TIMESTAMP => View::Timestamp(Timestamp(cursor.int64()?)),
            class::MONTH_INTERVAL => View::MonthInterval(cursor.int64()?),
            class::MICROSECOND_INTERVAL => View::MicrosecondInterval(cursor.int64()?),
            class::ARRAY => View::Array(self.elements()),
            class::OBJECT => View::Object(self.entries()),
            class::GEOGRAPHY => View::Geography(shape::read(&mut cursor)?),
            byte => return Err(DecodeError::UnknownByte { offset: 0, byte }),
        })
    }

    /// The elements of an array; none of any other type.
    pub fn elements(&self) -> Elements<'a> {
        Elements(Items::new(self, class::ARRAY))
    }

    /// The members of an object in the order of their names; none of any other type.
    pub fn entries(&self) -> Entries<'a> {
        Entries(Items::new(self, class::OBJECT))
    }

    /// The member of that name; `None` if this is no object or has no such member.
    ///
    /// # Errors
    /// When the bytes before it are damaged.
    pub fn get(&self, name: &str) -> Result<Option<Self>, DecodeError> {
        let mut items = Items::new(self, class::OBJECT);
        while items.is_open && items.cursor.next_item()? {
            // Names are in order, so the search ends at the first that is not below.
            let ordering = items.cursor.text()?.as_ref().cmp(name.as_bytes());
            if ordering.is_gt() {
                return Ok(None);
            }
            let node = items.node()?;
            if ordering.is_eq() {
                return Ok(Some(node));
            }
        }
        Ok(None)
    }

    /// K of this value alone: borrowed unless its trailer has to be written anew.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn to_k(&self) -> Result<Cow<'a, [u8]>, DecodeError> {
        if self.marks.is_empty() {
            return Ok(Cow::Borrowed(self.key));
        }
        let count = self.mark_count()?;
        if self.marks.are_ints(self.first, count) {
            return Ok(Cow::Borrowed(self.key));
        }
        let mut out = Vec::with_capacity(self.key.len() + 1 + count / 4);
        let mut encoder = Encoder::new(&mut out);
        encoder.key(self.key, self.marks, self.first, count);
        encoder.finish();
        Ok(Cow::Owned(out))
    }

    /// The value as a [`Value`].
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn to_value(&self) -> Result<Value, DecodeError> {
        decode::value(&mut self.cursor(), self.marks, 0)
    }

    /// Appends this value to what an encoder writes.
    pub(super) fn append_to(&self, encoder: &mut Encoder<'_>) -> Result<(), DecodeError> {
        encoder.key(self.key, self.marks, self.first, self.mark_count()?);
        Ok(())
    }

    fn mark_count(&self) -> Result<usize, DecodeError> {
        let mut cursor = Cursor::new(self.key);
        cursor.skip(0)?;
        Ok(cursor.numbers)
    }

    fn cursor(&self) -> Cursor<'a> {
        let mut cursor = Cursor::new(self.key);
        cursor.numbers = self.first;
        cursor
    }
}

/// A place between the items of a container.
#[derive(Clone, Debug)]
struct Items<'a> {
    cursor: Cursor<'a>,
    marks: Marks<'a>,
    /// Whether items may follow.
    is_open: bool,
}

impl<'a> Items<'a> {
    fn new(node: &Node<'a>, class: u8) -> Self {
        let mut cursor = node.cursor();
        let is_open = cursor.byte() == Ok(class);
        Self {
            cursor,
            marks: node.marks,
            is_open,
        }
    }

    /// The node at the cursor; steps over it.
    fn node(&mut self) -> Result<Node<'a>, DecodeError> {
        let (start, first) = (self.cursor.offset, self.cursor.numbers);
        self.cursor.skip(1)?;
        Ok(Node {
            key: self.cursor.since(start),
            marks: self.marks,
            first,
        })
    }

    /// Runs one step; the end and an error are final.
    fn step<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<Option<T>, DecodeError>,
    ) -> Option<Result<T, DecodeError>> {
        if !self.is_open {
            return None;
        }
        let item = step(self).transpose();
        self.is_open = matches!(item, Some(Ok(_)));
        item
    }
}

/// The elements of an array. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Elements<'a>(Items<'a>);

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Node<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.step(|items| match items.cursor.next_element()? {
            true => items.node().map(Some),
            false => Ok(None),
        })
    }
}

/// The members of an object in the order of their names. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Entries<'a>(Items<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(Cow<'a, str>, Node<'a>), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.step(|items| match items.cursor.next_item()? {
            true => {
                let name = items.cursor.string()?;
                Ok(Some((name, items.node()?)))
            }
            false => Ok(None),
        })
    }
}
