//! The index of a chunk.

use std::collections::BTreeMap;
use std::io::Write;

use arrow::array::AsArray;
use arrow::datatypes::{Date32Type, Float64Type};
use outcrop_document::{Date, Datetime, Time, Timestamp, ValueType, k};

use super::collect::{FixedKeys, TermTable};
use super::elements::{ElementValues, Elements};
use super::index_path::IndexPath;
use super::term::{Length, TERM_BYTES_MAX};
use super::writer::{IndexWriter, id_path, length_of};
use crate::chunk::{Chunk, ChunkColumn, ints};
use crate::segment::SegmentError;
use crate::sub_column::SubColumnKind;

/// Writes the index of all rows of `chunk` to `sink` and returns its bytes.
///
/// # Errors
/// [`SegmentError::Write`] if the sink fails, [`SegmentError::DuplicateId`] if two rows have the
/// same `_id`, [`SegmentError::Document`] if an array's bytes are not K.
pub(crate) fn build(chunk: &Chunk, sink: &mut dyn Write) -> Result<u64, SegmentError> {
    let mut writer = IndexWriter::new(chunk.row_count(), sink);
    for (path, values) in values_by_path(chunk)? {
        match values {
            PathValues::Fields(fields) => fields.write(path, &mut writer)?,
            PathValues::Elements(elements) => elements.write(path, &mut writer)?,
        }
    }
    Ok(writer.finish()?)
}

/// What the documents of a chunk have at one path.
enum PathValues<'a> {
    Fields(Fields<'a>),
    Elements(ElementValues),
}

/// Values outside of arrays, column by column.
#[derive(Default)]
struct Fields<'a> {
    /// By type, in the order of the types.
    columns: Vec<(SubColumnKind, &'a ChunkColumn)>,
    objects: Vec<u32>,
}

fn values_by_path(chunk: &Chunk) -> Result<BTreeMap<IndexPath, PathValues<'_>>, SegmentError> {
    let mut fields: BTreeMap<IndexPath, Fields<'_>> = BTreeMap::new();
    let mut elements = Elements::default();
    for (name, column) in chunk.columns() {
        let path = IndexPath::of(&name.path);
        if name.kind == SubColumnKind::Array {
            let arrays = column.values.as_binary_view();
            for (place, row) in column.rows.iter().enumerate() {
                elements
                    .add(&path, arrays.value(place), row)
                    .map_err(|source| SegmentError::Document { row, source })?;
            }
        }
        let at_path = fields.entry(path).or_default();
        at_path.columns.push((name.kind, column));
    }
    for (path, rows) in chunk.objects() {
        let at_path = fields.entry(IndexPath::of(path)).or_default();
        at_path.objects = rows.iter().collect();
    }
    let fields = fields
        .into_iter()
        .map(|(path, fields)| (path, PathValues::Fields(fields)));
    let elements = elements
        .finish()
        .map(|(path, elements)| (path, PathValues::Elements(elements)));
    Ok(fields.chain(elements).collect())
}

impl Fields<'_> {
    fn write(self, path: IndexPath, writer: &mut IndexWriter<'_>) -> Result<(), SegmentError> {
        let columns = self.columns.iter();
        let mut types: Vec<(ValueType, Vec<u32>)> = columns
            .map(|(kind, column)| (kind.value_type(), column.rows.iter().collect()))
            .chain([(ValueType::Object, self.objects)])
            .collect();
        types.sort_by_key(|(value_type, _)| *value_type);
        types.retain(|(_, rows)| !rows.is_empty());
        if types.is_empty() {
            return Ok(());
        }
        let length = length_of(&path);
        let is_id = path == id_path();
        let types = types.iter().map(|(one, rows)| (*one, rows.as_slice()));
        writer.begin_path(path, types)?;
        let mut add = |term: &[u8], rows: &[u32]| {
            if is_id && rows.len() > 1 {
                return Err(duplicate_id(term));
            }
            writer.term(term, rows).map_err(SegmentError::from)
        };
        let column = |kind| {
            let mut columns = self.columns.iter();
            columns.find_map(|(other, column)| (*other == kind).then_some(*column))
        };
        for kinds in CLASSES {
            let columns = kinds
                .iter()
                .filter_map(|kind| Some((*kind, column(*kind)?)));
            let columns: Vec<_> = columns.collect();
            write_class(&columns, length, &mut add)?;
        }
        Ok(())
    }
}

/// The kinds of scalars that share a class of K, in the order of the classes. Null has no term: its
/// rows are those of its type; neither have arrays, whose elements have.
const CLASSES: &[&[SubColumnKind]] = &[
    &[SubColumnKind::Bool],
    &[SubColumnKind::Int, SubColumnKind::Float],
    &[SubColumnKind::String],
    &[SubColumnKind::Bytes],
    &[SubColumnKind::Date],
    &[SubColumnKind::Datetime],
    &[SubColumnKind::Time],
    &[SubColumnKind::Timestamp],
    &[SubColumnKind::MonthInterval],
    &[SubColumnKind::MicrosecondInterval],
    &[SubColumnKind::Geography],
];

fn write_class(
    columns: &[(SubColumnKind, &ChunkColumn)],
    length: Length,
    mut add: impl FnMut(&[u8], &[u32]) -> Result<(), SegmentError>,
) -> Result<(), SegmentError> {
    match columns {
        [] => return Ok(()),
        [(SubColumnKind::String, column)] => return write_strings(column, length, add),
        [(kind, column)] => {
            if let Some(encode) = int_encoder(*kind) {
                return write_ints(column, encode, add);
            }
        }
        [_, ..] => {}
    }
    let mut fixed = FixedKeys::default();
    let mut terms = TermTable::default();
    for (kind, column) in columns {
        each_key(*kind, column, |key, row| match kind {
            SubColumnKind::Bytes | SubColumnKind::Geography => {
                terms.push(&length.term(key), row);
            }
            _ => fixed.push(key, row),
        })
        .map_err(|(row, source)| SegmentError::Document { row, source })?;
    }
    fixed.for_each(k_bytes, &mut add)?;
    terms.for_each(add)
}

/// Longest text that is looked up as it is: its key, of which zeros may make twice as much, is no
/// longer than a term.
const PLAIN_BYTES_MAX: usize = TERM_BYTES_MAX / 2 - 1;

/// Texts repeat themselves often, so that a short one is encoded once for all of its rows.
fn write_strings(
    column: &ChunkColumn,
    length: Length,
    add: impl FnMut(&[u8], &[u32]) -> Result<(), SegmentError>,
) -> Result<(), SegmentError> {
    let texts = column.values.as_string_view();
    let mut terms = TermTable::default();
    let mut key = Vec::new();
    for (place, row) in column.rows.iter().enumerate() {
        let text = texts.value(place);
        if text.len() <= PLAIN_BYTES_MAX {
            terms.push(text.as_bytes(), row);
        } else {
            key.clear();
            k::encode_str(text, &mut key);
            terms.push(&length.term(&key), row);
        }
    }
    terms.for_each_encoded(
        |pushed, out| match std::str::from_utf8(pushed) {
            Ok(text) if pushed.len() <= PLAIN_BYTES_MAX => k::encode_str(text, out),
            Ok(_) | Err(_) => out.extend_from_slice(pushed),
        },
        add,
    )
}

/// Values that order as their keys do.
fn write_ints(
    column: &ChunkColumn,
    encode: fn(i64, &mut Vec<u8>),
    mut add: impl FnMut(&[u8], &[u32]) -> Result<(), SegmentError>,
) -> Result<(), SegmentError> {
    let values = ints(column.values.as_ref()).iter().copied();
    let mut values: Vec<(i64, u32)> = values.zip(column.rows.iter()).collect();
    // Stable: the rows of a value stay in order.
    values.sort_by_key(|(value, _)| *value);
    let (mut key, mut rows) = (Vec::new(), Vec::new());
    for group in values.chunk_by(|left, right| left.0 == right.0) {
        key.clear();
        encode(group[0].0, &mut key);
        rows.clear();
        rows.extend(group.iter().map(|(_, row)| *row));
        add(&key, &rows)?;
    }
    Ok(())
}

/// How the values of a kind that is stored as `i64` become keys.
fn int_encoder(kind: SubColumnKind) -> Option<fn(i64, &mut Vec<u8>)> {
    Some(match kind {
        SubColumnKind::Int => k::encode_int,
        SubColumnKind::Datetime => |value, out| k::encode_datetime(Datetime(value), out),
        SubColumnKind::Time => |value, out| k::encode_time(Time(value), out),
        SubColumnKind::Timestamp => |value, out| k::encode_timestamp(Timestamp(value), out),
        _ => return None,
    })
}

/// The length of the key of fixed size that `bytes` start with.
fn k_bytes(bytes: &[u8]) -> usize {
    k::key_length(bytes).expect("the key was written by the encoder")
}

/// Gives the key of each value of a column with its row, for the kinds that have no way of their own.
fn each_key(
    kind: SubColumnKind,
    column: &ChunkColumn,
    mut found: impl FnMut(&[u8], u32),
) -> Result<(), (u32, k::DecodeError)> {
    let values = &column.values;
    let rows = column.rows.iter();
    // That of a float may follow its key. What was K before is not trusted.
    let has_trailer = kind == SubColumnKind::Float || kind.is_k();
    let mut key = Vec::new();
    let mut each = |row: u32, encode: &mut dyn FnMut(&mut Vec<u8>)| {
        key.clear();
        encode(&mut key);
        let length = match has_trailer {
            true => k::key_length(&key).map_err(|source| (row, source))?,
            false => key.len(),
        };
        found(&key[..length], row);
        Ok(())
    };
    match kind {
        SubColumnKind::Null
        | SubColumnKind::Array
        | SubColumnKind::String
        | SubColumnKind::Datetime
        | SubColumnKind::Time
        | SubColumnKind::Timestamp => Ok(()),
        SubColumnKind::Bool => {
            let values = values.as_boolean();
            rows.enumerate().try_for_each(|(place, row)| {
                each(row, &mut |out| k::encode_bool(values.value(place), out))
            })
        }
        SubColumnKind::Float => {
            let values = values.as_primitive::<Float64Type>().values();
            rows.zip(values.iter())
                .try_for_each(|(row, value)| each(row, &mut |out| k::encode_float(*value, out)))
        }
        SubColumnKind::Date => {
            let values = values.as_primitive::<Date32Type>().values();
            rows.zip(values.iter()).try_for_each(|(row, value)| {
                each(row, &mut |out| k::encode_date(Date(*value), out))
            })
        }
        SubColumnKind::Int => rows
            .zip(ints(values.as_ref()))
            .try_for_each(|(row, value)| each(row, &mut |out| k::encode_int(*value, out))),
        SubColumnKind::Bytes => {
            let values = values.as_binary::<i32>();
            rows.enumerate().try_for_each(|(place, row)| {
                each(row, &mut |out| k::encode_bytes(values.value(place), out))
            })
        }
        SubColumnKind::MonthInterval
        | SubColumnKind::MicrosecondInterval
        | SubColumnKind::Geography => {
            let values = values.as_binary_view();
            rows.enumerate().try_for_each(|(place, row)| {
                each(row, &mut |out| out.extend_from_slice(values.value(place)))
            })
        }
    }
}

/// The error for an `_id` of two rows.
pub(super) fn duplicate_id(term: &[u8]) -> SegmentError {
    let id = match k::decode(term) {
        Ok(outcrop_document::Value::String(id)) => id,
        Ok(_) | Err(_) => String::from_utf8_lossy(term).into_owned(),
    };
    SegmentError::DuplicateId { id }
}
