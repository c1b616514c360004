//! Walking over the bytes of a key.

use std::borrow::Cow;

use super::marks::Marks;
use super::number::{self, Number};
use super::{DEPTH_MAX, DecodeError, END, ITEM, class, escape, shape};
use crate::ValueType;

/// A place in a key, and how many marks the numbers before it have.
#[derive(Copy, Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) offset: usize,
    pub(super) numbers: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            offset: 0,
            numbers: 0,
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.offset >= self.bytes.len()
    }

    /// The bytes from `start` to here.
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.offset).unwrap_or_default()
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self
            .bytes
            .get(self.offset..)
            .and_then(|rest| rest.first_chunk());
        let bytes = bytes.ok_or(DecodeError::Truncated {
            offset: self.bytes.len(),
        })?;
        self.offset += N;
        Ok(*bytes)
    }

    /// An `i64` in its order-preserving form.
    pub(super) fn int64(&mut self) -> Result<i64, DecodeError> {
        Ok((u64::from_be_bytes(self.array()?) ^ (1 << 63)).cast_signed())
    }

    /// An `i32` in its order-preserving form.
    pub(super) fn int32(&mut self) -> Result<i32, DecodeError> {
        Ok((u32::from_be_bytes(self.array()?) ^ (1 << 31)).cast_signed())
    }

    /// A bool's payload.
    pub(super) fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.not_canonical("bool that is neither 0 nor 1")),
        }
    }

    /// A number's payload; counts its mark.
    pub(super) fn number(&mut self) -> Result<Number, DecodeError> {
        let offset = self.offset;
        let ordered = u64::from_be_bytes(self.array()?);
        let residual = match number::residual_len(ordered) {
            0 => None,
            _ => Some(u16::from_be_bytes(self.array()?)),
        };
        let number = number::read(ordered, residual, offset)?;
        self.numbers += usize::from(number.int.is_some());
        Ok(number)
    }

    /// Text or bytes, without their escapes.
    pub(super) fn text(&mut self) -> Result<Cow<'a, [u8]>, DecodeError> {
        let (end, escaped) = escape::find_end(self.bytes, self.offset)?;
        let bytes = self.bytes.get(self.offset..end).unwrap_or_default();
        self.offset = end + 1;
        Ok(escape::unescape(bytes, escaped))
    }

    /// Text that must be UTF-8.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        let offset = self.offset;
        let invalid = DecodeError::Utf8 { offset };
        match self.text()? {
            Cow::Borrowed(text) => std::str::from_utf8(text)
                .map(Cow::Borrowed)
                .map_err(|_| invalid),
            Cow::Owned(text) => String::from_utf8(text).map(Cow::Owned).map_err(|_| invalid),
        }
    }

    /// Whether a container has another member or item; steps over the byte that says so.
    pub(super) fn next_item(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            END => Ok(false),
            ITEM => Ok(true),
            byte => Err(DecodeError::UnknownByte {
                offset: self.offset - 1,
                byte,
            }),
        }
    }

    /// Whether an array has another element; steps over its end only.
    pub(super) fn next_element(&mut self) -> Result<bool, DecodeError> {
        match self.bytes.get(self.offset) {
            Some(&END) => {
                self.offset += 1;
                Ok(false)
            }
            Some(_) => Ok(true),
            None => Err(DecodeError::Truncated {
                offset: self.offset,
            }),
        }
    }

    /// Steps over one value inside `depth` containers.
    pub(super) fn skip(&mut self, depth: usize) -> Result<(), DecodeError> {
        match self.byte()? {
            class::NULL => {}
            class::BOOL => {
                self.byte()?;
            }
            class::NUMBER => self.skip_number()?,
            class::STRING | class::BYTES => self.skip_text()?,
            class::DATE => {
                self.array::<4>()?;
            }
            class::DATETIME
            | class::TIME
            | class::TIMESTAMP
            | class::MONTH_INTERVAL
            | class::MICROSECOND_INTERVAL => {
                self.array::<8>()?;
            }
            class::ARRAY => {
                check_depth(depth)?;
                while self.next_element()? {
                    self.skip(depth + 1)?;
                }
            }
            class::OBJECT => {
                check_depth(depth)?;
                while self.next_item()? {
                    self.skip_text()?;
                    self.skip(depth + 1)?;
                }
            }
            class::GEOGRAPHY => {
                shape::read(self)?;
            }
            byte => {
                return Err(DecodeError::UnknownByte {
                    offset: self.offset - 1,
                    byte,
                });
            }
        }
        Ok(())
    }

    /// Steps over a number's payload; checks it only as far as counting its mark needs.
    fn skip_number(&mut self) -> Result<(), DecodeError> {
        let start = self.offset;
        match number::is_small_int(u64::from_be_bytes(self.array()?)) {
            Some(is_int) => self.numbers += usize::from(is_int),
            None => {
                self.offset = start;
                self.number()?;
            }
        }
        Ok(())
    }

    fn skip_text(&mut self) -> Result<(), DecodeError> {
        self.offset = escape::find_end(self.bytes, self.offset)?.0 + 1;
        Ok(())
    }

    /// The error for what was read just before this place.
    pub(super) fn not_canonical(&self, what: &'static str) -> DecodeError {
        DecodeError::NotCanonical {
            offset: self.offset.saturating_sub(1),
            what,
        }
    }
}

/// Refuses a container inside `depth` others if that is too many.
pub(super) fn check_depth(depth: usize) -> Result<(), DecodeError> {
    if depth < DEPTH_MAX {
        Ok(())
    } else {
        Err(DecodeError::TooDeep)
    }
}

/// Parts `k` into key and trailer.
pub(super) fn split(k: &[u8]) -> Result<(&[u8], Marks<'_>), DecodeError> {
    let is_container = matches!(k.first(), Some(&(class::ARRAY | class::OBJECT)));
    if is_container && k.last() == Some(&END) {
        // No trailer ends with a zero byte, so these bytes are the key alone.
        return Ok((k, Marks(&[])));
    }
    let mut cursor = Cursor::new(k);
    cursor.skip(0)?;
    let (key, trailer) = k.split_at(cursor.offset);
    Ok((key, Marks(trailer)))
}

/// The type of the value that `k` holds.
pub(super) fn root_type(k: &[u8]) -> Result<ValueType, DecodeError> {
    let first = *k.first().ok_or(DecodeError::Truncated { offset: 0 })?;
    if first != class::NUMBER {
        return class_type(first).ok_or(DecodeError::UnknownByte {
            offset: 0,
            byte: first,
        });
    }
    let (key, marks) = split(k)?;
    number_type(key, marks, 0)
}

/// The type of the number that `key` is; its mark is at `index`.
pub(super) fn number_type(
    key: &[u8],
    marks: Marks<'_>,
    index: usize,
) -> Result<ValueType, DecodeError> {
    let mut cursor = Cursor::new(key);
    cursor.byte()?;
    let is_int = cursor.number()?.int.is_some() && marks.bits(index) == 0;
    Ok(if is_int {
        ValueType::Int
    } else {
        ValueType::Float
    })
}

/// The type of a class that has just one; `None` for numbers and unknown bytes.
pub(super) fn class_type(class: u8) -> Option<ValueType> {
    Some(match class {
        class::NULL => ValueType::Null,
        class::BOOL => ValueType::Bool,
        class::STRING => ValueType::String,
        class::BYTES => ValueType::Bytes,
        class::DATE => ValueType::Date,
        class::DATETIME => ValueType::Datetime,
        class::TIME => ValueType::Time,
        class::TIMESTAMP => ValueType::Timestamp,
        class::MONTH_INTERVAL => ValueType::MonthInterval,
        class::MICROSECOND_INTERVAL => ValueType::MicrosecondInterval,
        class::ARRAY => ValueType::Array,
        class::OBJECT => ValueType::Object,
        class::GEOGRAPHY => ValueType::Geography,
        _ => return None,
    })
}
