//! Bytes to values. Strict: only what the encoder writes is accepted.

use super::cursor::{self, Cursor, check_depth};
use super::marks::Marks;
use super::{DecodeError, class, shape};
use crate::{Date, Datetime, Object, Time, Timestamp, Value};

/// The value of a whole K.
pub(super) fn decode(k: &[u8]) -> Result<Value, DecodeError> {
    let (key, marks) = cursor::split(k)?;
    let mut cursor = Cursor::new(key);
    let value = value(&mut cursor, marks, 0)?;
    if !cursor.is_at_end() {
        return Err(cursor.not_canonical("bytes after the value"));
    }
    match marks.is_canonical(cursor.numbers) {
        true => Ok(value),
        false => Err(DecodeError::NotCanonical {
            offset: key.len(),
            what: "trailer",
        }),
    }
}

/// The value at the cursor, which is inside `depth` containers.
pub(super) fn value(
    cursor: &mut Cursor<'_>,
    marks: Marks<'_>,
    depth: usize,
) -> Result<Value, DecodeError> {
    let offset = cursor.offset;
    Ok(match cursor.byte()? {
        class::NULL => Value::Null,
        class::BOOL => Value::Bool(cursor.bool()?),
        class::NUMBER => {
            let index = cursor.numbers;
            cursor.number()?.value(marks, index, offset)?
        }
        class::STRING => Value::String(cursor.string()?.into_owned()),
        class::BYTES => Value::Bytes(cursor.text()?.into_owned()),
        class::DATE => Value::Date(Date(cursor.int32()?)),
        class::DATETIME => Value::Datetime(Datetime(cursor.int64()?)),
        class::TIME => Value::Time(Time(cursor.int64()?)),
        class::TIMESTAMP => Value::Timestamp(Timestamp(cursor.int64()?)),
        class::MONTH_INTERVAL => Value::MonthInterval(cursor.int64()?),
        class::MICROSECOND_INTERVAL => Value::MicrosecondInterval(cursor.int64()?),
        class::ARRAY => {
            check_depth(depth)?;
            Value::Array(array(cursor, marks, depth + 1)?)
        }
        class::OBJECT => {
            check_depth(depth)?;
            Value::Object(object(cursor, marks, depth + 1)?)
        }
        class::GEOGRAPHY => Value::Geography(shape::read(cursor)?),
        byte => return Err(DecodeError::UnknownByte { offset, byte }),
    })
}

fn object(cursor: &mut Cursor<'_>, marks: Marks<'_>, depth: usize) -> Result<Object, DecodeError> {
    let mut members = Object::new();
    let mut name_before = None;
    while cursor.next_item()? {
        let name = cursor.string()?;
        if name_before.as_ref() >= Some(&name) {
            return Err(cursor.not_canonical("member names out of order"));
        }
        members.insert(name.to_string(), value(cursor, marks, depth)?);
        name_before = Some(name);
    }
    Ok(members)
}

fn array(
    cursor: &mut Cursor<'_>,
    marks: Marks<'_>,
    depth: usize,
) -> Result<Vec<Value>, DecodeError> {
    let mut elements = Vec::new();
    while cursor.next_element()? {
        elements.push(value(cursor, marks, depth)?);
    }
    Ok(elements)
}
