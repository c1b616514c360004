//! K bytes to JSON text.

use super::cursor::{self, Cursor, check_depth};
use super::marks::Marks;
use super::{DecodeError, class, shape};
use crate::json::write;
use crate::{Date, Datetime, Time, Timestamp, Value};

/// Appends the JSON of a whole K.
pub(super) fn write_json(k: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let (key, marks) = cursor::split(k)?;
    write_value(&mut Cursor::new(key), marks, out, 0)
}

/// Appends the JSON of the value at the cursor, which is inside `depth` containers.
fn write_value(
    cursor: &mut Cursor<'_>,
    marks: Marks<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), DecodeError> {
    let offset = cursor.offset;
    match cursor.byte()? {
        class::NULL => out.extend_from_slice(b"null"),
        class::BOOL => write::bool(cursor.bool()?, out),
        class::NUMBER => {
            let index = cursor.numbers;
            match cursor.number()?.value(marks, index, offset)? {
                Value::Int(int) => write::int(int, out),
                Value::Float(float) => write::float(float, out),
                other => unreachable!("a number is an int or a float, not {}", other.value_type()),
            }
        }
        class::STRING => write::string(&cursor.string()?, out),
        class::BYTES => write::bytes(&cursor.text()?, out),
        class::DATE => write::date(Date(cursor.int32()?), out),
        class::DATETIME => write::datetime(Datetime(cursor.int64()?), out),
        class::TIME => write::time(Time(cursor.int64()?), out),
        class::TIMESTAMP => write::timestamp(Timestamp(cursor.int64()?), out),
        class::MONTH_INTERVAL => write::month_interval(cursor.int64()?, out),
        class::MICROSECOND_INTERVAL => write::microsecond_interval(cursor.int64()?, out),
        class::ARRAY => {
            check_depth(depth)?;
            write_array(cursor, marks, out, depth + 1)?;
        }
        class::OBJECT => {
            check_depth(depth)?;
            write_object(cursor, marks, out, depth + 1)?;
        }
        class::GEOGRAPHY => write::geography(&shape::read(cursor)?, out),
        byte => return Err(DecodeError::UnknownByte { offset, byte }),
    }
    Ok(())
}

fn write_array(
    cursor: &mut Cursor<'_>,
    marks: Marks<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), DecodeError> {
    let mut separator = b'[';
    while cursor.next_element()? {
        out.push(separator);
        separator = b',';
        write_value(cursor, marks, out, depth)?;
    }
    if separator == b'[' {
        out.push(b'[');
    }
    out.push(b']');
    Ok(())
}

fn write_object(
    cursor: &mut Cursor<'_>,
    marks: Marks<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), DecodeError> {
    let mut separator = b'{';
    while cursor.next_item()? {
        out.push(separator);
        separator = b',';
        write::string(&cursor.string()?, out);
        out.push(b':');
        write_value(cursor, marks, out, depth)?;
    }
    if separator == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(())
}
