//! Objects from front to back, each byte once.
//!
//! [`Node`] finds the end of a value before it looks inside, which a walk through all of a document
//! would pay for at every level.

use std::borrow::Cow;

use super::cursor::{self, Cursor};
use super::marks::Marks;
use super::{DecodeError, Node, class};

/// Walks through an object and the objects in it.
#[derive(Clone, Debug)]
pub struct Walker<'a> {
    cursor: Cursor<'a>,
    marks: Marks<'a>,
}

/// A value that a [`Walker`] has come to.
#[derive(Clone, Debug)]
pub enum Walked<'a> {
    /// An object. What comes next are its members, up to its end.
    Object,
    /// The bytes of a string, which have not been checked to be UTF-8.
    String(Cow<'a, [u8]>),
    /// Any other value.
    Other(Node<'a>),
}

impl<'a> Walker<'a> {
    /// Before the root of `k`.
    ///
    /// # Errors
    /// When the bytes are so damaged that the end of the key cannot be found.
    pub fn new(k: &'a [u8]) -> Result<Self, DecodeError> {
        let (key, marks) = cursor::split(k)?;
        Ok(Self {
            cursor: Cursor::new(key),
            marks,
        })
    }

    /// The name of the next member, unchecked bytes as well, which [`value`](Self::value) has to
    /// follow; none at the end of the object, which this steps over.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn name(&mut self) -> Result<Option<Cow<'a, [u8]>>, DecodeError> {
        match self.cursor.next_item()? {
            true => self.cursor.text().map(Some),
            false => Ok(None),
        }
    }

    /// Steps over the next value.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn skip_value(&mut self) -> Result<(), DecodeError> {
        self.cursor.skip(1)
    }

    /// The next value. Unless it is an object, this steps over it.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn value(&mut self) -> Result<Walked<'a>, DecodeError> {
        let (start, first) = (self.cursor.offset, self.cursor.numbers);
        match self.cursor.byte()? {
            class::OBJECT => Ok(Walked::Object),
            class::STRING => self.cursor.text().map(Walked::String),
            _ => {
                self.cursor.offset = start;
                self.cursor.skip(1)?;
                let key = self.cursor.since(start);
                Ok(Walked::Other(Node::part(key, self.marks, first)))
            }
        }
    }
}
