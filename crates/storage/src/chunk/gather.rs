//! Puts rows of chunks into an order of their own.
//!
//! As with joining, documents are copied once and values move column by column.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryViewArray, BooleanArray, StringViewArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::interleave;
use outcrop_document::FieldPath;

use super::column::views;
use super::concat::{by_name, count_types, move_view};
use super::{Chunk, ChunkColumn, RowSet, ViewBuffers, check_size, offset};
use crate::segment::SegmentError;
use crate::sub_column::SubColumnKind;

/// A row of one of several chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartRow {
    /// Which chunk.
    pub(crate) part: usize,
    /// Its row.
    pub(crate) row: u32,
}

/// See [`Chunk::gather`].
pub(super) fn gather(parts: &[Arc<Chunk>], order: &[PartRow]) -> Result<Chunk, SegmentError> {
    let new_rows = new_rows(parts, order);
    let (documents, offsets) = copy_documents(parts, order)?;
    let documents_at = |from: PartRow| parts[from.part].offsets[from.row as usize];
    let mut aside = Vec::new();
    let mut gathered = Vec::new();
    for (name, sources) in by_name(parts.iter().map(AsRef::as_ref)) {
        let found = find_values(&sources, &new_rows, order.len());
        if found.is_empty() {
            continue;
        }
        let values = if is_view(name.kind) {
            let sources: Vec<(&Chunk, &[u128])> = sources
                .iter()
                .map(|(part, column)| (&*parts[*part], views(column.values.as_ref())))
                .collect();
            let moved = found.iter().map(|value| {
                let (chunk, views) = sources[value.source];
                let from = order[value.new_row as usize];
                let places = (documents_at(from), offsets[value.new_row as usize]);
                move_view(views[value.place], places, &chunk.buffers.aside, &mut aside)
            });
            Gathered::Views(moved.collect())
        } else {
            Gathered::Values(take_values(name.kind, &sources, &found)?)
        };
        let mut rows = RowSet::default();
        found.iter().for_each(|value| rows.push(value.new_row));
        gathered.push((name.clone(), rows, values));
    }
    let buffers = ViewBuffers {
        documents: documents.into(),
        aside: aside.into(),
    };
    let mut columns = Vec::with_capacity(gathered.len());
    for (name, rows, values) in gathered {
        let values: ArrayRef = match values {
            Gathered::Values(values) => values,
            Gathered::Views(views) if name.kind == SubColumnKind::String => Arc::new(
                StringViewArray::try_new(views.into(), buffers.list(), None)?,
            ),
            Gathered::Views(views) => Arc::new(BinaryViewArray::try_new(
                views.into(),
                buffers.list(),
                None,
            )?),
        };
        columns.push((name, ChunkColumn { rows, values }));
    }
    let objects = gather_objects(parts, &new_rows);
    let types = count_types(&columns, &objects);
    Chunk::new(buffers, offsets, columns, objects, types)
}

/// The values of a column in their new order.
enum Gathered {
    Values(ArrayRef),
    /// Views into buffers that are not complete yet.
    Views(Vec<u128>),
}

/// A value and the row that it goes to.
struct Found {
    new_row: u32,
    /// Which of the columns of this name.
    source: usize,
    /// Its place among the values of that column.
    place: usize,
}

/// For each row of each chunk where it goes, if anywhere.
fn new_rows(parts: &[Arc<Chunk>], order: &[PartRow]) -> Vec<Vec<Option<u32>>> {
    let mut new_rows: Vec<Vec<Option<u32>>> = parts
        .iter()
        .map(|chunk| vec![None; chunk.row_count() as usize])
        .collect();
    for (new_row, from) in (0..).zip(order) {
        new_rows[from.part][from.row as usize] = Some(new_row);
    }
    new_rows
}

fn copy_documents(
    parts: &[Arc<Chunk>],
    order: &[PartRow],
) -> Result<(Vec<u8>, Vec<u32>), SegmentError> {
    let document = |from: &PartRow| {
        let chunk = &parts[from.part];
        let range = chunk.document_range(from.row).unwrap_or_default();
        &chunk.buffers.documents[range]
    };
    let bytes = order.iter().map(|from| document(from).len()).sum();
    check_size(order.len(), bytes)?;
    let mut documents = Vec::with_capacity(bytes);
    let mut offsets = Vec::with_capacity(order.len() + 1);
    for from in order {
        offsets.push(offset(documents.len()));
        documents.extend_from_slice(document(from));
    }
    offsets.push(offset(documents.len()));
    Ok((documents, offsets))
}

/// The values of columns in the order of their new rows.
fn find_values(
    sources: &[(usize, &ChunkColumn)],
    new_rows: &[Vec<Option<u32>>],
    row_count: usize,
) -> Vec<Found> {
    let mut slots: Vec<Option<(usize, usize)>> = vec![None; row_count];
    for (source, (part, column)) in sources.iter().enumerate() {
        for (place, row) in column.rows.iter().enumerate() {
            if let Some(new_row) = new_rows[*part][row as usize] {
                slots[new_row as usize] = Some((source, place));
            }
        }
    }
    let found = (0..).zip(slots).filter_map(|(new_row, slot)| {
        slot.map(|(source, place)| Found {
            new_row,
            source,
            place,
        })
    });
    found.collect()
}

fn is_view(kind: SubColumnKind) -> bool {
    kind == SubColumnKind::String || kind.is_k()
}

fn take_values(
    kind: SubColumnKind,
    sources: &[(usize, &ChunkColumn)],
    found: &[Found],
) -> Result<ArrayRef, SegmentError> {
    if kind == SubColumnKind::Null {
        let all = BooleanBuffer::new_set(found.len());
        return Ok(Arc::new(BooleanArray::new(all, None)));
    }
    let arrays: Vec<&dyn Array> = sources
        .iter()
        .map(|(_, column)| column.values.as_ref())
        .collect();
    let places: Vec<(usize, usize)> = found
        .iter()
        .map(|value| (value.source, value.place))
        .collect();
    Ok(interleave(&arrays, &places)?)
}

/// The new rows that have objects, by path.
fn gather_objects(
    parts: &[Arc<Chunk>],
    new_rows: &[Vec<Option<u32>>],
) -> Vec<(Arc<FieldPath>, RowSet)> {
    let mut objects: BTreeMap<&Arc<FieldPath>, Vec<u32>> = BTreeMap::new();
    for (chunk, new_rows) in parts.iter().zip(new_rows) {
        for (path, rows) in &chunk.objects {
            let gathered = objects.entry(path).or_default();
            gathered.extend(rows.iter().filter_map(|row| new_rows[row as usize]));
        }
    }
    let some = objects.into_iter().filter(|(_, rows)| !rows.is_empty());
    some.map(|(path, mut rows)| {
        rows.sort_unstable();
        let mut ascending = RowSet::default();
        rows.into_iter().for_each(|row| ascending.push(row));
        (Arc::clone(path), ascending)
    })
    .collect()
}
