//! Lookups in the index of one path.

use std::ops::Bound;

use bytes::Bytes;
use outcrop_document::ValueType;
use roaring::RoaringBitmap;

use super::super::checksums::CheckedBytes;
use super::super::reader::checksum_error;
use super::block::{BlockCursor, BlockTable, Totals};
use super::directory::PathEntry;
use super::index_path::IndexPath;
use super::key_range::KeyRange;
use super::postings::{
    ListRef, Place, Postings, add_sorted, collect_list, decode_list, push_list, read_distances,
};
use super::reader::{IndexSection, MALFORMED};
use super::row_sorter::RowSorter;
use super::term::Length;
use super::writer::length_of;
use crate::scan::all_rows;
use crate::segment::SegmentError;

/// The file that an index is read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// Names the file in errors.
    pub(super) name: &'a str,
    pub(super) file: &'a CheckedBytes,
    pub(super) section: IndexSection,
    pub(super) row_count: u32,
}

impl Source<'_> {
    fn read(&self, part: ListRef) -> Result<Bytes, SegmentError> {
        let read = self.section.read(self.file, part);
        read.map_err(|error| checksum_error(self.name, error))
    }

    fn malformed(&self) -> SegmentError {
        checksum_error(self.name, MALFORMED)
    }

    /// What was read, if it made sense.
    fn sound<T>(&self, read: Option<T>) -> Result<T, SegmentError> {
        read.ok_or_else(|| self.malformed())
    }
}

/// How much of a segment a range of values selects at one path, deleted rows included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matches {
    /// Number of distinct terms.
    pub terms: u64,
    /// Rows of these terms, added up. At a path without elements of arrays a row counts once.
    pub rows: u64,
    /// Whether every row found holds a value in the range. Otherwise, rows are candidates, and the
    /// values themselves have to be looked at.
    pub exact: bool,
}

/// Which way terms are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest value first.
    Ascending,
    /// Largest value first.
    Descending,
}

/// The terms and types of one path in one segment.
#[derive(Debug)]
pub struct PathIndex<'a> {
    source: Source<'a>,
    length: Length,
    entry: &'a PathEntry,
    table: &'a BlockTable,
}

impl<'a> PathIndex<'a> {
    pub(super) fn new(
        source: Source<'a>,
        path: &IndexPath,
        entry: &'a PathEntry,
        table: &'a BlockTable,
    ) -> Self {
        Self {
            source,
            length: length_of(path),
            entry,
            table,
        }
    }

    /// The types of values here with the number of rows of each, deleted ones included.
    pub fn types(&self) -> impl Iterator<Item = (ValueType, u32)> + '_ {
        self.entry
            .types
            .iter()
            .map(|rows| (rows.value_type, rows.count))
    }

    /// Number of rows that have a value of `value_type` here.
    #[must_use]
    pub fn type_count(&self, value_type: ValueType) -> u32 {
        let mut types = self.types();
        types
            .find(|(found, _)| *found == value_type)
            .map_or(0, |(_, count)| count)
    }

    /// The rows that have a value of `value_type` here.
    pub fn type_rows(&self, value_type: ValueType) -> Result<RoaringBitmap, SegmentError> {
        let found = self
            .entry
            .types
            .iter()
            .find(|rows| rows.value_type == value_type);
        let mut rows = RoaringBitmap::new();
        match found.map(|found| (found.count, found.list)) {
            None => {}
            Some((count, None)) => return Ok(all_rows(count)),
            Some((count, Some(list))) => self.add_list(list, count, &mut rows)?,
        }
        Ok(rows)
    }

    /// Number of rows that have values here which are not in the index, such as vectors.
    #[must_use]
    pub fn unindexed_count(&self) -> u32 {
        self.entry.unindexed.map_or(0, |(count, _)| count)
    }

    /// The rows that have values here which are not in the index.
    ///
    /// # Errors
    /// [`SegmentError::Checksum`] if their list is damaged.
    pub fn unindexed_rows(&self) -> Result<RoaringBitmap, SegmentError> {
        let mut rows = RoaringBitmap::new();
        if let Some((count, list)) = self.entry.unindexed {
            self.add_list(list, count, &mut rows)?;
        }
        Ok(rows)
    }

    /// Number of distinct terms. Two long texts may, in theory, share one.
    #[must_use]
    pub fn term_count(&self) -> u64 {
        self.entry.totals.terms
    }

    /// Whether each term is the whole key of its value.
    #[must_use]
    pub fn has_whole_terms(&self) -> bool {
        self.entry.cut_terms == 0
    }

    /// How much `ranges`, which do not overlap, select together: exact counts, read from the
    /// dictionary alone. Single values in ascending order are found in one walk.
    ///
    /// # Errors
    /// [`SegmentError::Checksum`] if the index is damaged.
    pub fn matches(&self, ranges: &[KeyRange]) -> Result<Matches, SegmentError> {
        let unindexed = self.unindexed_count();
        let mut matches = Matches {
            terms: 0,
            rows: unindexed.into(),
            exact: unindexed == 0,
        };
        let mut open = None;
        for range in ranges {
            let found = self.totals_in(&mut open, range)?;
            matches.terms += found.terms;
            matches.rows += found.rows;
            matches.exact &= self.is_exact(range);
        }
        Ok(matches)
    }

    fn totals_in(
        &self,
        open: &mut Option<OpenBlock>,
        range: &KeyRange,
    ) -> Result<Totals, SegmentError> {
        let terms = self.length.terms_of(range);
        if terms.is_empty() {
            return Ok(Totals::default());
        }
        if let Some(term) = terms.single() {
            let found = self.find_term(open, term)?;
            return Ok(found.map_or(Totals::default(), |postings| Totals {
                terms: 1,
                rows: postings.count().into(),
            }));
        }
        let high = self.totals_below(&terms.high, Side::High)?;
        let low = self.totals_below(&terms.low, Side::Low)?;
        Ok(Totals {
            terms: high.terms.saturating_sub(low.terms),
            rows: high.rows.saturating_sub(low.rows),
        })
    }

    /// Adds the rows whose values lie in one of `ranges`, deleted ones included, to `rows`. If this
    /// is not [exact](Matches::exact), some of them are only candidates. Single values in ascending
    /// order are found in one walk.
    ///
    /// # Errors
    /// [`SegmentError::Checksum`] if the index is damaged.
    pub fn add_rows(
        &self,
        ranges: &[KeyRange],
        rows: &mut RoaringBitmap,
    ) -> Result<(), SegmentError> {
        if let Some((count, list)) = self.entry.unindexed {
            self.add_list(list, count, rows)?;
        }
        let row_count = self.source.row_count;
        let mut few = Vec::new();
        let mut add = |postings: &Postings| match &postings.place {
            Place::Inline(bytes) => self.read_inline(bytes, postings.count(), |row| few.push(row)),
            Place::List(list) => {
                let bytes = self.source.read(*list)?;
                let collected = collect_list(&bytes, postings.count(), row_count, &mut few, rows);
                self.source.sound(collected)
            }
        };
        let mut open = None;
        for range in ranges {
            if let Some(key) = range.single() {
                if let Some(postings) = self.find_term(&mut open, &self.length.term(key))? {
                    add(&postings)?;
                }
                continue;
            }
            let mut terms = self.terms(range, Direction::Ascending)?;
            while let Some(postings) = terms.advance()? {
                add(&postings)?;
            }
        }
        RowSorter::new(row_count).sort(&mut few);
        add_sorted(few, rows);
        Ok(())
    }

    /// The postings of the value with this key; candidates if the key is long.
    pub fn find(&self, key: &[u8]) -> Result<Option<Postings>, SegmentError> {
        self.find_term(&mut None, &self.length.term(key))
    }

    /// The rows of `postings`, deleted ones included.
    pub fn rows(&self, postings: &Postings) -> Result<RoaringBitmap, SegmentError> {
        let mut rows = RoaringBitmap::new();
        self.add_postings(postings, &mut rows)?;
        Ok(rows)
    }

    /// Appends the rows of `postings`, deleted ones included, in ascending order.
    pub(super) fn push_rows(
        &self,
        postings: &Postings,
        rows: &mut Vec<u32>,
    ) -> Result<(), SegmentError> {
        match &postings.place {
            Place::Inline(bytes) => self.read_inline(bytes, postings.count(), |row| rows.push(row)),
            Place::List(list) => {
                let bytes = self.source.read(*list)?;
                let count = postings.count();
                self.source
                    .sound(push_list(&bytes, count, self.source.row_count, rows))
            }
        }
    }

    /// Walks the terms of the values in `range`.
    pub fn terms(&self, range: &KeyRange, direction: Direction) -> Result<Terms<'a>, SegmentError> {
        let range = self.length.terms_of(range).into_owned();
        let blocks = self.blocks_of(&range)?;
        Ok(Terms {
            path: Self { ..*self },
            range,
            direction,
            blocks,
            block: Block::None,
            term: Vec::new(),
        })
    }

    /// Whether the terms in `range` are just those of the keys in it.
    fn is_exact(&self, range: &KeyRange) -> bool {
        self.has_whole_terms() || !self.length.is_ambiguous(range)
    }

    /// Finds a term; `open` is the block where the term before was looked for, and is walked on if
    /// this one may stand further on in it.
    fn find_term(
        &self,
        open: &mut Option<OpenBlock>,
        term: &[u8],
    ) -> Result<Option<Postings>, SegmentError> {
        let blocks = self.source.sound(self.table.blocks_up_to(term))?;
        let Some(index) = blocks.checked_sub(1) else {
            return Ok(None);
        };
        let open = match open {
            Some(block) if block.index == index && block.cursor.term() <= term => block,
            _ => open.insert(OpenBlock {
                index,
                cursor: self.block(index)?,
                postings: None,
            }),
        };
        loop {
            if let Some(postings) = &open.postings {
                match open.cursor.term().cmp(term) {
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal => return Ok(Some(postings.clone())),
                    std::cmp::Ordering::Greater => return Ok(None),
                }
            }
            let Some(postings) = self.source.sound(open.cursor.next())? else {
                return Ok(None);
            };
            open.postings = Some(postings);
        }
    }

    /// Terms and rows before a bound: before those in the range at its low side, up to the last one
    /// in the range at its high side.
    fn totals_below(&self, bound: &Bound<Vec<u8>>, side: Side) -> Result<Totals, SegmentError> {
        let (term, includes_equal) = match (bound, side) {
            (Bound::Unbounded, Side::Low) => return Ok(Totals::default()),
            (Bound::Unbounded, Side::High) => return Ok(self.entry.totals),
            (Bound::Included(term), Side::Low) | (Bound::Excluded(term), Side::High) => {
                (term, false)
            }
            (Bound::Excluded(term), Side::Low) | (Bound::Included(term), Side::High) => {
                (term, true)
            }
        };
        let blocks = self.source.sound(self.table.blocks_up_to(term))?;
        let Some(block) = blocks.checked_sub(1) else {
            return Ok(Totals::default());
        };
        let mut totals = self.source.sound(self.table.before(block))?;
        let mut cursor = self.block(block)?;
        while let Some(count) = self.source.sound(cursor.next_count())? {
            let is_below = match includes_equal {
                true => cursor.term() <= term.as_slice(),
                false => cursor.term() < term.as_slice(),
            };
            if !is_below {
                break;
            }
            totals.terms += 1;
            totals.rows += u64::from(count);
        }
        Ok(totals)
    }

    /// The blocks that may hold terms of `range`.
    fn blocks_of(&self, range: &KeyRange) -> Result<std::ops::Range<usize>, SegmentError> {
        if range.is_empty() {
            return Ok(0..0);
        }
        let up_to = |bound: &Bound<Vec<u8>>| match bound {
            Bound::Unbounded => Ok(None),
            Bound::Included(term) | Bound::Excluded(term) => {
                self.source.sound(self.table.blocks_up_to(term)).map(Some)
            }
        };
        let start = up_to(&range.low)?.unwrap_or(0).saturating_sub(1);
        let end = up_to(&range.high)?.unwrap_or(self.table.len());
        Ok(start..end.max(start))
    }

    fn block(&self, index: usize) -> Result<BlockCursor, SegmentError> {
        let entry = self.source.sound(self.table.entry(index))?;
        let place = ListRef {
            offset: entry.block,
            bytes: entry.stored_bytes as usize,
        };
        let stored = self.source.read(place)?;
        self.source.sound(BlockCursor::new(stored, &entry))
    }

    fn add_postings(
        &self,
        postings: &Postings,
        rows: &mut RoaringBitmap,
    ) -> Result<(), SegmentError> {
        match &postings.place {
            Place::Inline(bytes) => self.read_inline(bytes, postings.count(), |row| {
                rows.insert(row);
            }),
            Place::List(list) => self.add_list(*list, postings.count(), rows),
        }
    }

    fn read_inline(
        &self,
        mut bytes: &[u8],
        count: u32,
        found: impl FnMut(u32),
    ) -> Result<(), SegmentError> {
        self.source.sound(read_distances(
            &mut bytes,
            count,
            self.source.row_count,
            found,
        ))
    }

    fn add_list(
        &self,
        list: ListRef,
        count: u32,
        rows: &mut RoaringBitmap,
    ) -> Result<(), SegmentError> {
        let bytes = self.source.read(list)?;
        self.source
            .sound(decode_list(&bytes, count, self.source.row_count, rows))
    }
}

/// A block that terms are looked for in.
struct OpenBlock {
    index: usize,
    cursor: BlockCursor,
    /// Those of the term that the cursor stands on; none before the first.
    postings: Option<Postings>,
}

#[derive(Clone, Copy)]
enum Side {
    Low,
    High,
}

/// Walks terms in order; see [`PathIndex::terms`].
#[derive(Debug)]
pub struct Terms<'a> {
    path: PathIndex<'a>,
    range: KeyRange,
    direction: Direction,
    /// Blocks that were not begun.
    blocks: std::ops::Range<usize>,
    block: Block,
    term: Vec<u8>,
}

/// The block that is being walked.
#[derive(Debug)]
enum Block {
    None,
    Forward(BlockCursor),
    /// The terms that are left, the next one last: front coding reads one way only.
    Backward(Vec<(Vec<u8>, Postings)>),
}

impl Terms<'_> {
    /// The term that [`advance`](Self::advance) stepped on: the key of its value, unless that is
    /// [long](PathIndex::has_whole_terms).
    #[must_use]
    pub fn term(&self) -> &[u8] {
        match &self.block {
            Block::Forward(cursor) => cursor.term(),
            Block::None | Block::Backward(_) => &self.term,
        }
    }

    /// The path that is walked.
    #[must_use]
    pub fn path(&self) -> &PathIndex<'_> {
        &self.path
    }

    /// Steps on the next term in the range; none behind the last one.
    pub fn advance(&mut self) -> Result<Option<Postings>, SegmentError> {
        loop {
            let postings = match &mut self.block {
                Block::None => None,
                Block::Forward(cursor) => self.path.source.sound(cursor.next())?,
                Block::Backward(left) => left.pop().map(|(term, postings)| {
                    self.term = term;
                    postings
                }),
            };
            let Some(postings) = postings else {
                if !self.begin_block()? {
                    self.block = Block::None;
                    return Ok(None);
                }
                continue;
            };
            use std::cmp::Ordering::{Equal, Greater, Less};
            match (self.range.compare(self.term()), self.direction) {
                (Equal, _) => return Ok(Some(postings)),
                (Less, Direction::Ascending) | (Greater, Direction::Descending) => {}
                (Greater, Direction::Ascending) | (Less, Direction::Descending) => {
                    self.block = Block::None;
                    self.blocks = 0..0;
                    return Ok(None);
                }
            }
        }
    }

    fn begin_block(&mut self) -> Result<bool, SegmentError> {
        let next = match self.direction {
            Direction::Ascending => self.blocks.next(),
            Direction::Descending => self.blocks.next_back(),
        };
        let Some(index) = next else {
            return Ok(false);
        };
        let mut cursor = self.path.block(index)?;
        self.block = match self.direction {
            Direction::Ascending => Block::Forward(cursor),
            Direction::Descending => {
                let mut terms = Vec::new();
                while let Some(postings) = self.path.source.sound(cursor.next())? {
                    terms.push((cursor.term().to_vec(), postings));
                }
                Block::Backward(terms)
            }
        };
        Ok(true)
    }
}
