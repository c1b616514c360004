//! Values that borrow their strings from the JSON text that they were read from.
//!
//! What a document becomes is bytes; its strings and names need no memory of their own on the way.

use std::borrow::Cow;

use super::write::TYPE_MEMBER;
use crate::{Object, Value};

/// A value of JSON text.
#[derive(Clone, Debug, PartialEq)]
pub enum BorrowedValue<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without point or exponent that fits 64 bits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text, owned if it has escapes.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<BorrowedValue<'a>>),
    /// Members.
    Object(BorrowedObject<'a>),
    /// A value that was put in later, of any type.
    Owned(Box<Value>),
}

impl BorrowedValue<'_> {
    /// The value with memory of its own.
    pub fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(bool) => Value::Bool(bool),
            Self::Int(int) => Value::Int(int),
            Self::Float(float) => Value::Float(float),
            Self::String(text) => Value::String(text.into_owned()),
            Self::Array(elements) => {
                Value::Array(elements.into_iter().map(Self::into_value).collect())
            }
            Self::Object(object) => Value::Object(object.into_object()),
            Self::Owned(value) => *value,
        }
    }

    /// Whether [`resolve_typed`](super::resolve_typed) has anything to do here.
    pub fn has_typed_values(&self) -> bool {
        match self {
            Self::Array(elements) => elements.iter().any(Self::has_typed_values),
            Self::Object(object) => object.has_typed_values(),
            _ => false,
        }
    }
}

/// The members of an object, in the order of their names, which are distinct.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BorrowedObject<'a>(Vec<(Cow<'a, str>, BorrowedValue<'a>)>);

impl<'a> BorrowedObject<'a> {
    /// Puts members in order; of equal names the last stays.
    pub(super) fn new(mut members: Vec<(Cow<'a, str>, BorrowedValue<'a>)>) -> Self {
        if !members.is_sorted_by(|left, right| left.0 < right.0) {
            // Stable, so that of equal names the last one read is the last.
            members.sort_by(|left, right| left.0.cmp(&right.0));
            members.dedup_by(|later, kept| {
                let is_same = later.0 == kept.0;
                if is_same {
                    std::mem::swap(later, kept);
                }
                is_same
            });
        }
        Self(members)
    }

    /// The members in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BorrowedValue<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The value of the member `name`.
    pub fn get(&self, name: &str) -> Option<&BorrowedValue<'a>> {
        let place = self.place(name).ok()?;
        Some(&self.0[place].1)
    }

    /// Takes the member `name` out.
    pub fn remove(&mut self, name: &str) -> Option<BorrowedValue<'a>> {
        let place = self.place(name).ok()?;
        Some(self.0.remove(place).1)
    }

    /// Sets the member `name`.
    pub fn insert(&mut self, name: &'a str, value: BorrowedValue<'a>) {
        match self.place(name) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (Cow::Borrowed(name), value)),
        }
    }

    /// The object with memory of its own.
    pub fn into_object(self) -> Object {
        let members = self.0.into_iter();
        members
            .map(|(name, value)| (name.into_owned(), value.into_value()))
            .collect()
    }

    /// Whether [`resolve_typed`](super::resolve_typed) has anything to do here.
    pub fn has_typed_values(&self) -> bool {
        let mut members = self.0.iter();
        members.any(|(name, value)| name == TYPE_MEMBER || value.has_typed_values())
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(other, _)| other.as_ref().cmp(name))
    }
}
