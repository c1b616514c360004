//! One segment against itself: every block, and columns, type counts and index against the
//! documents.
//!
//! The documents are taken apart and indexed once more, in memory, and the results compared. So
//! nothing here knows how a segment is laid out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use bytes::Bytes;

use super::Verification;
use crate::chunk::Chunk;
use crate::deletion_vector::DeletionVector;
use crate::paths::ObjectPath;
use crate::scan::ScanRequest;
use crate::segment::{self, Direction, IndexPath, KeyRange, PathIndex, Segment, SegmentError};
use crate::sub_column::SubColumn;

/// Sub-columns that are compared at once.
const COLUMNS_AT_ONCE: usize = 16;

/// Checks the file `bytes`, and returns the `_id` of each row unless it cannot be read.
pub(super) fn verify(
    path: &ObjectPath,
    bytes: Bytes,
    found: &mut Verification,
) -> Option<Vec<String>> {
    let segment = match Segment::open(path.to_string(), bytes) {
        Ok(segment) => Arc::new(segment),
        Err(error) => {
            found.segment_failed(path, &error);
            return None;
        }
    };
    let damaged = segment.damaged_blocks();
    for offset in &damaged {
        found.problem(path, Some(*offset), "the block fails its checksum");
    }
    if !damaged.is_empty() {
        return None;
    }
    let mut differences = Vec::new();
    match compare(&segment, &mut differences) {
        Ok(ids) => {
            for difference in differences {
                found.problem(path, None, difference);
            }
            Some(ids)
        }
        Err(error) => {
            found.segment_failed(path, &error);
            None
        }
    }
}

/// Compares a segment with one that is made from its documents.
fn compare(
    segment: &Arc<Segment>,
    differences: &mut Vec<String>,
) -> Result<Vec<String>, SegmentError> {
    let chunk = Arc::new(Chunk::build(&documents(segment)?)?);
    let ids: Vec<String> = chunk.ids().map(str::to_owned).collect();
    if chunk.row_count() != segment.row_count() {
        differences.push("it has not as many documents as rows".to_owned());
        return Ok(ids);
    }
    if chunk.types() != segment.types() {
        differences.push("its type counts are not those of its documents".to_owned());
    }
    for (row, id) in (0..).zip(&ids) {
        if segment.row_of(id)? != Some(row) {
            differences.push(format!("its index does not lead from `{id}` to row {row}"));
        }
    }
    compare_columns(segment, &chunk, differences)?;
    let mut bytes = Vec::new();
    segment::write(&[(chunk, DeletionVector::default())], &mut bytes)?;
    let made = Segment::open("memory", Bytes::from(bytes))?;
    compare_indexes(segment, &made, differences)?;
    Ok(ids)
}

fn documents(segment: &Arc<Segment>) -> Result<Vec<Vec<u8>>, SegmentError> {
    let request = ScanRequest {
        document: true,
        ..ScanRequest::default()
    };
    let mut documents = Vec::with_capacity(segment.row_count() as usize);
    for batch in segment.scan(&DeletionVector::default(), &request)? {
        let batch = batch?;
        let column = batch.column(0).as_binary_view();
        documents.extend((0..column.len()).map(|row| column.value(row).to_vec()));
    }
    Ok(documents)
}

fn compare_columns(
    segment: &Arc<Segment>,
    chunk: &Arc<Chunk>,
    differences: &mut Vec<String>,
) -> Result<(), SegmentError> {
    let mut columns: Vec<SubColumn> = segment.stored_columns().cloned().collect();
    columns.sort();
    for columns in columns.chunks(COLUMNS_AT_ONCE) {
        let request = ScanRequest {
            columns: columns.to_vec(),
            ..ScanRequest::default()
        };
        let none = DeletionVector::default();
        let stored = read(segment.scan(&none, &request)?, columns.len())?;
        let expected = read(chunk.scan(&none, &request), columns.len())?;
        for ((column, stored), expected) in columns.iter().zip(&stored).zip(&expected) {
            if stored != expected {
                let name = column.name();
                differences.push(format!("its column `{name}` is not that of its documents"));
            }
        }
    }
    Ok(())
}

/// Each column in one piece.
fn read(
    batches: crate::scan::BatchIterator,
    columns: usize,
) -> Result<Vec<Option<ArrayRef>>, SegmentError> {
    let mut pieces: Vec<Vec<ArrayRef>> = vec![Vec::new(); columns];
    for batch in batches {
        let batch = batch?;
        for (place, pieces) in pieces.iter_mut().enumerate() {
            pieces.push(Arc::clone(batch.column(place)));
        }
    }
    let join = |pieces: Vec<ArrayRef>| {
        let pieces: Vec<&dyn Array> = pieces.iter().map(|piece| &**piece).collect();
        if pieces.is_empty() {
            return Ok(None);
        }
        Ok(Some(arrow::compute::concat(&pieces)?))
    };
    pieces.into_iter().map(join).collect()
}

fn compare_indexes(
    segment: &Segment,
    made: &Segment,
    differences: &mut Vec<String>,
) -> Result<(), SegmentError> {
    if !segment.index_paths().eq(made.index_paths()) {
        differences.push("its index has not the paths of its documents".to_owned());
        return Ok(());
    }
    for path in segment.index_paths() {
        let (Some(stored), Some(expected)) = (segment.index(path)?, made.index(path)?) else {
            continue;
        };
        if !is_same(&stored, &expected)? {
            differences.push(index_differs(path));
        }
    }
    Ok(())
}

fn index_differs(path: &IndexPath) -> String {
    format!("its index of `{path}` is not that of its documents")
}

fn is_same(stored: &PathIndex<'_>, expected: &PathIndex<'_>) -> Result<bool, SegmentError> {
    if !stored.types().eq(expected.types()) {
        return Ok(false);
    }
    for (value_type, _count) in expected.types() {
        if stored.type_rows(value_type)? != expected.type_rows(value_type)? {
            return Ok(false);
        }
    }
    if stored.unindexed_rows()? != expected.unindexed_rows()? {
        return Ok(false);
    }
    let all = KeyRange::all();
    let mut left = stored.terms(&all, Direction::Ascending)?;
    let mut right = expected.terms(&all, Direction::Ascending)?;
    loop {
        match (left.advance()?, right.advance()?) {
            (None, None) => return Ok(true),
            (Some(these), Some(those)) => {
                if left.term() != right.term() || stored.rows(&these)? != expected.rows(&those)? {
                    return Ok(false);
                }
            }
            _ => return Ok(false),
        }
    }
}
