//! One sub-column of a chunk, as it is built and as it is read.
//!
//! A column holds its values densely, with the rows they belong to beside them, so that a path
//! that few documents have costs memory for those documents only. Strings and K values are views
//! into the documents' own bytes (buffer [`DOCUMENTS`]); the few that do not stand there verbatim
//! lie in a buffer of their own (buffer [`ASIDE`]).

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BinaryViewArray, BooleanArray,
    BooleanBufferBuilder, Date32Array, Float64Array, Int64Array, StringViewArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt32Array, make_view, new_null_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::{
    Date32Type, Float64Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::row_set::RowSet;
use crate::sub_column::SubColumnKind;

/// Buffer index of the documents in view arrays.
pub(crate) const DOCUMENTS: u32 = 0;
/// Buffer index of the values that are not part of the documents' bytes as they are.
pub(crate) const ASIDE: u32 = 1;

/// Longest value that a view holds in itself.
pub(crate) const INLINE_BYTES_MAX: u32 = 12;

/// The buffers that the views of a chunk point into.
#[derive(Clone, Debug)]
pub(crate) struct ViewBuffers {
    /// The documents' K bytes, one after the other.
    pub(crate) documents: Buffer,
    /// Values that do not stand in the documents verbatim.
    pub(crate) aside: Buffer,
}

impl ViewBuffers {
    pub(super) fn list(&self) -> Arc<[Buffer]> {
        [self.documents.clone(), self.aside.clone()].into()
    }
}

/// The view of `value`, which stands at `offset` of buffer `buffer`.
pub(crate) fn view(value: &[u8], buffer: u32, offset: usize) -> u128 {
    let offset = u32::try_from(offset).expect("a chunk's buffers stay below 4 GiB");
    make_view(value, buffer, offset)
}

/// The view of `value`, copied to the end of `aside` unless it fits the view itself.
pub(crate) fn view_aside(value: &[u8], aside: &mut Vec<u8>) -> u128 {
    let offset = aside.len();
    if value.len() > INLINE_BYTES_MAX as usize {
        aside.extend_from_slice(value);
    }
    view(value, ASIDE, offset)
}

/// Values of one sub-column while documents are added.
#[derive(Debug)]
pub(crate) struct ColumnBuilder {
    kind: SubColumnKind,
    pub(crate) rows: RowSet,
    pub(crate) values: Values,
}

/// Dense values in the form that fits their kind.
#[derive(Debug)]
pub(crate) enum Values {
    /// Nothing to keep: the rows say it all.
    Null,
    /// Bits.
    Bool(BooleanBufferBuilder),
    /// Ints, times, datetimes, timestamps.
    Int(Vec<i64>),
    /// Floats.
    Float(Vec<f64>),
    /// Days.
    Date(Vec<i32>),
    /// Views of strings or of K.
    View(Vec<u128>),
    /// Bytes, copied.
    Bytes(BinaryBuilder),
}

impl ColumnBuilder {
    pub(crate) fn new(kind: SubColumnKind) -> Self {
        let values = match kind {
            SubColumnKind::Null => Values::Null,
            SubColumnKind::Bool => Values::Bool(BooleanBufferBuilder::new(0)),
            SubColumnKind::Int
            | SubColumnKind::Time
            | SubColumnKind::Datetime
            | SubColumnKind::Timestamp => Values::Int(Vec::new()),
            SubColumnKind::Float => Values::Float(Vec::new()),
            SubColumnKind::Date => Values::Date(Vec::new()),
            SubColumnKind::Bytes => Values::Bytes(BinaryBuilder::new()),
            SubColumnKind::String
            | SubColumnKind::MonthInterval
            | SubColumnKind::MicrosecondInterval
            | SubColumnKind::Array
            | SubColumnKind::Geography => Values::View(Vec::new()),
        };
        Self {
            kind,
            rows: RowSet::default(),
            values,
        }
    }

    /// The finished column.
    ///
    /// # Errors
    /// If a string is not UTF-8 or a view points outside its buffers: the document's bytes are bad.
    pub(crate) fn finish(self, buffers: &ViewBuffers) -> Result<ChunkColumn, ArrowError> {
        let values: ArrayRef = match (self.values, self.kind) {
            (Values::Null, _) => Arc::new(BooleanArray::new(
                BooleanBuffer::new_set(self.rows.len()),
                None,
            )),
            (Values::Bool(mut bits), _) => Arc::new(BooleanArray::new(bits.finish(), None)),
            (Values::Int(values), kind) => int_array(kind, values.into()),
            (Values::Float(values), _) => Arc::new(Float64Array::new(values.into(), None)),
            (Values::Date(values), _) => Arc::new(Date32Array::new(values.into(), None)),
            (Values::Bytes(mut builder), _) => Arc::new(builder.finish()),
            (Values::View(views), SubColumnKind::String) => Arc::new(StringViewArray::try_new(
                views.into(),
                buffers.list(),
                None,
            )?),
            (Values::View(views), _) => Arc::new(BinaryViewArray::try_new(
                views.into(),
                buffers.list(),
                None,
            )?),
        };
        Ok(ChunkColumn {
            rows: self.rows,
            values,
        })
    }
}

fn int_array(kind: SubColumnKind, values: ScalarBuffer<i64>) -> ArrayRef {
    match kind {
        SubColumnKind::Time => Arc::new(Time64MicrosecondArray::new(values, None)),
        SubColumnKind::Datetime => Arc::new(TimestampMicrosecondArray::new(values, None)),
        SubColumnKind::Timestamp => {
            Arc::new(TimestampMicrosecondArray::new(values, None).with_timezone("UTC"))
        }
        _ => Arc::new(Int64Array::new(values, None)),
    }
}

/// One sub-column of a chunk: its values without gaps, and the rows that have them.
#[derive(Clone, Debug)]
pub(crate) struct ChunkColumn {
    pub(crate) rows: RowSet,
    pub(crate) values: ArrayRef,
}

impl ChunkColumn {
    /// The values of `rows`, which ascend; null where a row has none.
    pub(crate) fn project(&self, rows: &[u32]) -> Result<ArrayRef, ArrowError> {
        if let Some(range) = contiguous(rows) {
            let places = self.rows.places_within(range.clone());
            if places.len() == rows.len() {
                return Ok(self.values.slice(places.start, places.len()));
            }
            if places.is_empty() {
                return Ok(new_null_array(self.values.data_type(), rows.len()));
            }
        }
        let indices: UInt32Array = self.rows.places(rows).collect();
        take(&self.values, &indices, None)
    }

    /// Appends the values whose rows `remap` keeps to `builder`, under their new rows.
    ///
    /// `review` gives the view of a value in the new buffers, from its old view and row.
    pub(crate) fn append_to(
        &self,
        builder: &mut ColumnBuilder,
        remap: &[Option<u32>],
        mut review: impl FnMut(u128, u32) -> u128,
    ) {
        let kept = self.rows.iter().enumerate().filter_map(|(place, row)| {
            remap
                .get(row as usize)
                .copied()
                .flatten()
                .map(|new_row| (place, row, new_row))
        });
        let rows = &mut builder.rows;
        match &mut builder.values {
            Values::Null => kept.for_each(|(_, _, new_row)| rows.push(new_row)),
            Values::Bool(bits) => {
                let values = self.values.as_boolean().values();
                for (place, _, new_row) in kept {
                    bits.append(values.value(place));
                    rows.push(new_row);
                }
            }
            Values::Int(out) => extend(out, rows, ints(self.values.as_ref()), kept),
            Values::Float(out) => {
                extend(
                    out,
                    rows,
                    self.values.as_primitive::<Float64Type>().values(),
                    kept,
                );
            }
            Values::Date(out) => {
                extend(
                    out,
                    rows,
                    self.values.as_primitive::<Date32Type>().values(),
                    kept,
                );
            }
            Values::View(out) => {
                let views = views(self.values.as_ref());
                for (place, row, new_row) in kept {
                    out.push(review(views[place], row));
                    rows.push(new_row);
                }
            }
            Values::Bytes(out) => {
                let values: &BinaryArray = self.values.as_binary();
                for (place, _, new_row) in kept {
                    out.append_value(values.value(place));
                    rows.push(new_row);
                }
            }
        }
    }

    /// Bytes of memory, without the buffers that views point into.
    pub(crate) fn bytes(&self) -> usize {
        let values = match self.values.as_binary_opt::<i32>() {
            Some(bytes) => bytes.get_buffer_memory_size(),
            None => self.values.len() * value_bytes(self.values.as_ref()),
        };
        self.rows.bytes() + values
    }
}

/// Bytes of memory of one value.
fn value_bytes(values: &dyn Array) -> usize {
    values
        .data_type()
        .primitive_width()
        .unwrap_or(size_of::<u128>())
}

fn extend<T: Copy>(
    out: &mut Vec<T>,
    rows: &mut RowSet,
    values: &[T],
    kept: impl Iterator<Item = (usize, u32, u32)>,
) {
    for (place, _, new_row) in kept {
        out.push(values[place]);
        rows.push(new_row);
    }
}

/// The 64-bit numbers of an int, time, datetime or timestamp array.
pub(crate) fn ints(values: &dyn Array) -> &[i64] {
    if let Some(array) = values.as_primitive_opt::<Int64Type>() {
        array.values()
    } else if let Some(array) = values.as_primitive_opt::<Time64MicrosecondType>() {
        array.values()
    } else {
        values.as_primitive::<TimestampMicrosecondType>().values()
    }
}

pub(super) fn views(values: &dyn Array) -> &[u128] {
    match values.as_string_view_opt() {
        Some(array) => array.views(),
        None => values.as_binary_view().views(),
    }
}

/// The range that ascending `rows` fill without gaps; none for no rows.
fn contiguous(rows: &[u32]) -> Option<Range<u32>> {
    let (first, last) = (*rows.first()?, *rows.last()?);
    let end = last.checked_add(1)?;
    (end - first == u32::try_from(rows.len()).ok()?).then_some(first..end)
}
