//! The payload of a geography: a kind byte, then a position or a list of them.

use super::cursor::Cursor;
use super::{DecodeError, END, ITEM, number};
use crate::{Geography, Position};

/// Appends kind and vertices.
pub(super) fn write(geography: &Geography, out: &mut Vec<u8>) {
    out.push(geography.kind());
    match geography {
        Geography::Point(position) => write_position(position, out),
        Geography::LineString(positions) => write_list(positions, out, write_position),
        Geography::Polygon(rings) => write_rings(rings, out),
        Geography::MultiPolygon(polygons) => {
            write_list(polygons, out, |rings, out| write_rings(rings, out));
        }
    }
}

fn write_rings(rings: &[Vec<Position>], out: &mut Vec<u8>) {
    write_list(rings, out, |ring, out| {
        write_list(ring, out, write_position)
    });
}

fn write_list<T>(list: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    for item in list {
        out.push(ITEM);
        write(item, out);
    }
    out.push(END);
}

fn write_position(position: &Position, out: &mut Vec<u8>) {
    for degrees in [position.longitude(), position.latitude()] {
        out.extend_from_slice(&number::to_ordered(degrees).to_be_bytes());
    }
}

/// Reads kind and vertices.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Geography, DecodeError> {
    let offset = cursor.offset;
    let geography = match cursor.byte()? {
        1 => return Ok(Geography::Point(read_position(cursor)?)),
        2 => Geography::line_string(read_list(cursor, read_position)?),
        3 => Geography::polygon(read_rings(cursor)?),
        4 => Geography::multi_polygon(read_list(cursor, read_rings)?),
        byte => return Err(DecodeError::UnknownByte { offset, byte }),
    };
    geography.map_err(|source| DecodeError::Geography { offset, source })
}

fn read_rings(cursor: &mut Cursor<'_>) -> Result<Vec<Vec<Position>>, DecodeError> {
    read_list(cursor, |cursor| {
        let ring = read_list(cursor, read_position)?;
        match ring.first() == ring.last() {
            true => Ok(ring),
            false => Err(cursor.not_canonical("ring that is not closed")),
        }
    })
}

fn read_list<T>(
    cursor: &mut Cursor<'_>,
    read: impl Fn(&mut Cursor<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut list = Vec::new();
    while cursor.next_item()? {
        list.push(read(cursor)?);
    }
    Ok(list)
}

fn read_position(cursor: &mut Cursor<'_>) -> Result<Position, DecodeError> {
    let offset = cursor.offset;
    let [longitude, latitude] = [read_degrees(cursor)?, read_degrees(cursor)?];
    Position::new(longitude, latitude).map_err(|source| DecodeError::Geography { offset, source })
}

fn read_degrees(cursor: &mut Cursor<'_>) -> Result<f64, DecodeError> {
    let ordered = u64::from_be_bytes(cursor.array()?);
    let degrees = number::from_ordered(ordered);
    match number::to_ordered(degrees) == ordered {
        true => Ok(degrees),
        false => Err(cursor.not_canonical("negative zero in a position")),
    }
}
