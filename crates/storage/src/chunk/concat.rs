//! Joins chunks, dropping dead rows.
//!
//! Documents are copied once; values move by column and views are pointed at their documents' new
//! places, so nothing is decoded again.

use std::collections::BTreeMap;
use std::sync::Arc;

use outcrop_document::{FieldPath, ValueType};

use super::column::INLINE_BYTES_MAX;
use super::{
    Chunk, ChunkColumn, ColumnBuilder, DOCUMENTS, RowSet, ViewBuffers, check_size, ints, offset,
    view_aside,
};
use crate::deletion_vector::DeletionVector;
use crate::segment::SegmentError;
use crate::sub_column::{SubColumn, SubColumnKind};
use crate::type_counts::{PathTypes, TypeCounts};

/// For each row of one joined chunk its row in the new one; none if it was dead.
pub type Remap = Vec<Option<u32>>;

/// See [`Chunk::concat`].
pub(super) fn concat(
    parts: &[(Arc<Chunk>, DeletionVector)],
) -> Result<(Chunk, Vec<Remap>), SegmentError> {
    let remaps = remaps(parts);
    let rows = remaps.iter().flatten().flatten().count();
    let (documents, offsets) = copy_documents(parts, &remaps, rows)?;
    let mut aside = Vec::new();
    let mut builders = Vec::new();
    for (name, sources) in by_name(parts.iter().map(|(chunk, _)| chunk.as_ref())) {
        let mut builder = ColumnBuilder::new(name.kind);
        for (part, column) in sources {
            let (chunk, remap) = (&parts[part].0, &remaps[part]);
            column.append_to(&mut builder, remap, |view, row| {
                let new_row = remap[row as usize].unwrap_or_default();
                let places = (chunk.offsets[row as usize], offsets[new_row as usize]);
                move_view(view, places, &chunk.buffers.aside, &mut aside)
            });
        }
        if builder.rows.len() > 0 {
            builders.push((name.clone(), builder));
        }
    }
    let buffers = ViewBuffers {
        documents: documents.into(),
        aside: aside.into(),
    };
    let columns = builders
        .into_iter()
        .map(|(name, builder)| Ok((name, builder.finish(&buffers)?)))
        .collect::<Result<Vec<_>, SegmentError>>()?;
    let objects = join_objects(parts, &remaps);
    let types = count_types(&columns, &objects);
    let chunk = Chunk::new(buffers, offsets, columns, objects, types)?;
    Ok((chunk, remaps))
}

/// Numbers the live rows of all parts.
fn remaps(parts: &[(Arc<Chunk>, DeletionVector)]) -> Vec<Remap> {
    let mut next = 0;
    let mut number = |dead: bool| {
        (!dead).then(|| {
            next += 1;
            next - 1
        })
    };
    parts
        .iter()
        .map(|(chunk, deletions)| {
            (0..chunk.row_count())
                .map(|row| number(deletions.contains(row)))
                .collect()
        })
        .collect()
}

/// The bytes of the live documents and where each one starts.
fn copy_documents(
    parts: &[(Arc<Chunk>, DeletionVector)],
    remaps: &[Remap],
    rows: usize,
) -> Result<(Vec<u8>, Vec<u32>), SegmentError> {
    let live = || {
        parts.iter().zip(remaps).flat_map(|((chunk, _), remap)| {
            let kept = (0_u32..)
                .zip(remap)
                .filter(|(_, new_row)| new_row.is_some());
            kept.filter_map(|(row, _)| Some(&chunk.buffers.documents[chunk.document_range(row)?]))
        })
    };
    let bytes = live().map(<[u8]>::len).sum();
    check_size(rows, bytes)?;
    let mut documents = Vec::with_capacity(bytes);
    let mut offsets = Vec::with_capacity(rows + 1);
    for document in live() {
        offsets.push(offset(documents.len()));
        documents.extend_from_slice(document);
    }
    offsets.push(offset(documents.len()));
    Ok((documents, offsets))
}

/// The columns of all parts, those of the same name together, each with the index of its part.
pub(super) fn by_name<'a>(
    parts: impl Iterator<Item = &'a Chunk>,
) -> BTreeMap<&'a SubColumn, Vec<(usize, &'a ChunkColumn)>> {
    let mut columns: BTreeMap<&SubColumn, Vec<_>> = BTreeMap::new();
    for (part, chunk) in parts.enumerate() {
        for (name, column) in chunk.columns() {
            columns.entry(name).or_default().push((part, column));
        }
    }
    columns
}

/// The view of the same value in the new buffers, given the old and the new place of its document.
pub(super) fn move_view(
    old: u128,
    places: (u32, u32),
    old_aside: &[u8],
    aside: &mut Vec<u8>,
) -> u128 {
    // Arrow's layout of a long view, from the lowest bits: length, prefix, buffer, offset.
    const OFFSET_SHIFT: u32 = 96;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the fields are 32 bits wide"
    )]
    let (length, buffer, start) = (old as u32, (old >> 64) as u32, (old >> OFFSET_SHIFT) as u32);
    if length <= INLINE_BYTES_MAX {
        return old;
    }
    if buffer == DOCUMENTS {
        let moved = start - places.0 + places.1;
        let rest = old & ((1 << OFFSET_SHIFT) - 1);
        return rest | u128::from(moved) << OFFSET_SHIFT;
    }
    view_aside(&old_aside[start as usize..][..length as usize], aside)
}

/// The rows that have objects, by path.
fn join_objects(
    parts: &[(Arc<Chunk>, DeletionVector)],
    remaps: &[Remap],
) -> Vec<(Arc<FieldPath>, RowSet)> {
    let mut objects: BTreeMap<&Arc<FieldPath>, RowSet> = BTreeMap::new();
    for ((chunk, _), remap) in parts.iter().zip(remaps) {
        for (path, rows) in &chunk.objects {
            let joined = objects.entry(path).or_default();
            let live = rows.iter().filter_map(|row| remap[row as usize]);
            live.for_each(|row| joined.push(row));
        }
    }
    let some = objects.into_iter().filter(|(_, rows)| rows.len() > 0);
    some.map(|(path, rows)| (Arc::clone(path), rows)).collect()
}

/// Counts what is left, so that types that only dead rows had are gone.
pub(super) fn count_types(
    columns: &[(SubColumn, ChunkColumn)],
    objects: &[(Arc<FieldPath>, RowSet)],
) -> PathTypes {
    let mut types = PathTypes::default();
    for (name, column) in columns {
        let counts = types.entry(Arc::new(name.path.clone()));
        counts.add_many(name.kind.value_type(), column.rows.len() as u64);
        if name.kind == SubColumnKind::Int {
            widen(counts, ints(column.values.as_ref()));
        }
    }
    for (path, rows) in objects {
        types
            .entry(Arc::clone(path))
            .add_many(ValueType::Object, rows.len() as u64);
    }
    types
}

fn widen(counts: &mut TypeCounts, ints: &[i64]) {
    if let (Some(low), Some(high)) = (ints.iter().min(), ints.iter().max()) {
        counts.widen_ints(*low, *high);
    }
}
