//! One index out of those of several segments, without looking at a document: a union in order of
//! paths and terms, with the rows renumbered.

use std::collections::BTreeSet;
use std::io::Write;

use outcrop_document::ValueType;
use roaring::RoaringBitmap;

use super::index_path::IndexPath;
use super::key_range::KeyRange;
use super::path_index::{Direction, PathIndex, Terms};
use super::postings::Postings;
use super::row_sorter::RowSorter;
use super::writer::{IndexWriter, id_path};
use crate::segment::{Segment, SegmentError};

/// In a [`MergeInput`], the new row of a row that is left out.
pub(crate) const DEAD_ROW: u32 = u32::MAX;

/// A segment to merge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MergeInput<'a> {
    pub(crate) segment: &'a Segment,
    /// For each row its row in the result, or [`DEAD_ROW`]. No two rows go to the same one.
    pub(crate) rows: &'a [u32],
}

/// Writes the index of a segment of `row_count` rows, which come from `inputs`, to `sink`, and
/// returns its bytes.
///
/// Terms are streamed; what is held in memory is a block of each input, and the rows of one term.
///
/// # Errors
/// [`SegmentError::Write`] if the sink fails, [`SegmentError::DuplicateId`] if two live rows have
/// the same `_id`, those of reading the inputs.
pub(crate) fn merge(
    inputs: &[MergeInput<'_>],
    row_count: u32,
    sink: &mut dyn Write,
) -> Result<u64, SegmentError> {
    let paths: BTreeSet<&IndexPath> = inputs
        .iter()
        .flat_map(|input| input.segment.index_paths())
        .collect();
    let mut writer = IndexWriter::new(row_count, sink);
    let mut sorter = RowSorter::new(row_count);
    for path in paths {
        let mut sources = Vec::new();
        for input in inputs {
            if let Some(index) = input.segment.index(path)? {
                sources.push(Source { index, input });
            }
        }
        merge_path(path, &sources, &mut sorter, &mut writer)?;
    }
    Ok(writer.finish()?)
}

/// One input at one path.
struct Source<'a> {
    index: PathIndex<'a>,
    input: &'a MergeInput<'a>,
}

impl Source<'_> {
    /// Replaces the rows from `start` on by the new ones, without the dead.
    fn renumber(&self, rows: &mut Vec<u32>, start: usize) -> Result<(), SegmentError> {
        let mut end = start;
        for place in start..rows.len() {
            let row = rows[place];
            let new = self.input.rows.get(row as usize);
            let new = *new.ok_or(SegmentError::NoSuchRow { row })?;
            if new != DEAD_ROW {
                rows[end] = new;
                end += 1;
            }
        }
        rows.truncate(end);
        Ok(())
    }
}

fn merge_path(
    path: &IndexPath,
    sources: &[Source<'_>],
    sorter: &mut RowSorter,
    writer: &mut IndexWriter<'_>,
) -> Result<(), SegmentError> {
    let mut types = Vec::new();
    for value_type in ValueType::ALL {
        let rows = union(sources, sorter, |index| index.type_rows(value_type))?;
        if !rows.is_empty() {
            types.push((value_type, rows));
        }
    }
    let unindexed = union(sources, sorter, PathIndex::unindexed_rows)?;
    if types.is_empty() && unindexed.is_empty() {
        return Ok(());
    }
    let is_id = *path == id_path();
    let types = types.iter().map(|(one, rows)| (*one, rows.as_slice()));
    writer.begin_path(path.clone(), types)?;
    writer.unindexed(&unindexed)?;

    let mut cursors = Vec::with_capacity(sources.len());
    for source in sources {
        cursors.extend(Cursor::open(source)?);
    }
    let (mut term, mut rows) = (Vec::new(), Vec::new());
    while let Some(least) = cursors.iter().map(|cursor| cursor.terms.term()).min() {
        term.clear();
        term.extend_from_slice(least);
        rows.clear();
        let mut failed = Ok(());
        cursors.retain_mut(|cursor| {
            if failed.is_err() || cursor.terms.term() != term {
                return true;
            }
            match cursor.take(&mut rows) {
                Ok(has_more) => has_more,
                Err(error) => {
                    failed = Err(error);
                    true
                }
            }
        });
        failed?;
        sorter.sort(&mut rows);
        match rows.len() {
            0 => {}
            2.. if is_id => return Err(super::build::duplicate_id(&term)),
            _ => writer.term(&term, &rows)?,
        }
    }
    Ok(())
}

/// The renumbered rows of all sources, ascending.
fn union<'a>(
    sources: &[Source<'a>],
    sorter: &mut RowSorter,
    rows_of: impl Fn(&PathIndex<'a>) -> Result<RoaringBitmap, SegmentError>,
) -> Result<Vec<u32>, SegmentError> {
    let mut rows = Vec::new();
    for source in sources {
        let start = rows.len();
        rows.extend(rows_of(&source.index)?);
        source.renumber(&mut rows, start)?;
    }
    sorter.sort(&mut rows);
    Ok(rows)
}

/// A source at one of its terms.
struct Cursor<'s, 'a> {
    source: &'s Source<'a>,
    terms: Terms<'s>,
    postings: Postings,
}

impl<'s, 'a> Cursor<'s, 'a> {
    /// A cursor at the first term; none if there is no term.
    fn open(source: &'s Source<'a>) -> Result<Option<Self>, SegmentError> {
        let mut terms = source.index.terms(&KeyRange::all(), Direction::Ascending)?;
        Ok(terms.advance()?.map(|postings| Self {
            source,
            terms,
            postings,
        }))
    }

    /// Appends the rows of this term and goes on to the next; false if there is none.
    fn take(&mut self, rows: &mut Vec<u32>) -> Result<bool, SegmentError> {
        let start = rows.len();
        self.source.index.push_rows(&self.postings, rows)?;
        self.source.renumber(rows, start)?;
        match self.terms.advance()? {
            Some(postings) => self.postings = postings,
            None => return Ok(false),
        }
        Ok(true)
    }
}
