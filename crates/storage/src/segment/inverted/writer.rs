//! Terms and their rows to bytes, path by path, each in ascending order.
//!
//! Everything goes to the sink as soon as it is complete, so that an index of any size is written
//! with one block in memory.

use std::io::{self, Write};

use outcrop_document::ValueType;

use super::super::bloom;
use super::super::hash::hash64;
use super::block::{BLOCK_BYTES_TARGET, BlockBuilder, BlockEntry, Totals, encode_table};
use super::directory::{Directory, PathEntry, TypeRows};
use super::index_path::IndexPath;
use super::postings::{INLINE_ROWS_MAX, ListRef, encode_list};
use super::term::Length;

/// Bytes of the end of the section: offset and length of the directory, u64 each.
pub(super) const TRAILER_BYTES: usize = 16;

/// Writes the section of the inverted index.
pub(super) struct IndexWriter<'a> {
    sink: &'a mut dyn Write,
    position: u64,
    directory: Directory,
    /// Hashes of all `_id`s.
    id_hashes: Vec<u64>,
    path: Option<OpenPath>,
}

/// The path whose terms are being written.
struct OpenPath {
    path: IndexPath,
    length: Length,
    entry: PathEntry,
    block: BlockBuilder,
    block_start: u64,
    table: Vec<BlockEntry>,
}

impl<'a> IndexWriter<'a> {
    /// A writer for a segment of `row_count` rows.
    pub(super) fn new(row_count: u32, sink: &'a mut dyn Write) -> Self {
        Self {
            sink,
            position: 0,
            directory: Directory {
                row_count,
                ..Directory::default()
            },
            id_hashes: Vec::new(),
            path: None,
        }
    }

    /// Goes on to `path`, which is above all before. `types` are in their order, each with its rows.
    ///
    /// # Errors
    /// Those of the sink.
    pub(super) fn begin_path<'r>(
        &mut self,
        path: IndexPath,
        types: impl Iterator<Item = (ValueType, &'r [u32])>,
    ) -> io::Result<()> {
        self.end_path()?;
        let mut entry = PathEntry {
            types: Vec::new(),
            unindexed: None,
            cut_terms: 0,
            totals: Totals::default(),
            table: ListRef::default(),
            block_count: 0,
        };
        for (value_type, rows) in types.filter(|(_, rows)| !rows.is_empty()) {
            let count = row_number(rows.len());
            let list = match count == self.directory.row_count {
                true => None,
                false => Some(self.write_list(rows)?),
            };
            entry.types.push(TypeRows {
                value_type,
                count,
                list,
            });
        }
        self.path = Some(OpenPath {
            length: length_of(&path),
            path,
            entry,
            block: BlockBuilder::default(),
            block_start: self.position,
            table: Vec::new(),
        });
        Ok(())
    }

    /// Notes the rows whose values at this path have no terms.
    ///
    /// # Errors
    /// Those of the sink.
    pub(super) fn unindexed(&mut self, rows: &[u32]) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let list = self.write_list(rows)?;
        let path = self.path.as_mut().expect("a path was begun");
        path.entry.unindexed = Some((row_number(rows.len()), list));
        // The lists of the first block come after this one.
        path.block_start = self.position;
        Ok(())
    }

    /// Adds a term, which is above all before of this path, with its rows, which ascend.
    ///
    /// # Errors
    /// Those of the sink.
    pub(super) fn term(&mut self, term: &[u8], rows: &[u32]) -> io::Result<()> {
        debug_assert!(rows.is_sorted_by(|left, right| left < right) && !rows.is_empty());
        let path = self.path.as_ref().expect("a path was begun");
        if path.block.bytes() >= path.block_bytes_target() {
            self.end_block()?;
        }
        let list_bytes = match rows.len() > INLINE_ROWS_MAX {
            true => Some(self.write_list(rows)?.bytes),
            false => None,
        };
        let path = self.path.as_mut().expect("a path was begun");
        path.block.add(term, rows, list_bytes);
        path.entry.cut_terms += u64::from(path.length.is_cut(term));
        if path.is_id() {
            self.id_hashes.push(hash64(term));
        }
        Ok(())
    }

    /// Writes the end of the section and returns the bytes of all of it.
    ///
    /// # Errors
    /// Those of the sink.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.end_path()?;
        let filter = bloom::build(&self.id_hashes);
        self.directory.filter = self.write(&filter)?;
        let directory = self.directory.encode();
        let directory = self.write(&directory)?;
        let mut trailer = [0; TRAILER_BYTES];
        trailer[..8].copy_from_slice(&directory.offset.to_le_bytes());
        trailer[8..].copy_from_slice(&(directory.bytes as u64).to_le_bytes());
        self.write(&trailer)?;
        Ok(self.position)
    }

    fn end_path(&mut self) -> io::Result<()> {
        if self
            .path
            .as_ref()
            .is_some_and(|path| !path.block.is_empty())
        {
            self.end_block()?;
        }
        let Some(mut path) = self.path.take() else {
            return Ok(());
        };
        path.entry.block_count = path.table.len();
        path.entry.table = self.write(&encode_table(&path.table))?;
        self.directory.paths.insert(path.path, path.entry);
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        let path = self.path.as_mut().expect("a path was begun");
        let (stored, entry) = path.block.finish(path.block_start, &mut path.entry.totals);
        debug_assert_eq!(entry.block, self.position, "lists stand before their block");
        path.table.push(entry);
        self.write(&stored)?;
        if let Some(path) = &mut self.path {
            path.block_start = self.position;
        }
        Ok(())
    }

    fn write_list(&mut self, rows: &[u32]) -> io::Result<ListRef> {
        self.write(&encode_list(rows))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<ListRef> {
        self.sink.write_all(bytes)?;
        let offset = self.position;
        self.position += bytes.len() as u64;
        Ok(ListRef {
            offset,
            bytes: bytes.len(),
        })
    }
}

impl OpenPath {
    fn is_id(&self) -> bool {
        self.length == Length::Whole
    }

    /// A lookup of an `_id` walks half a block, so these are shorter.
    fn block_bytes_target(&self) -> usize {
        match self.is_id() {
            true => BLOCK_BYTES_TARGET / 4,
            false => BLOCK_BYTES_TARGET,
        }
    }
}

/// How the terms of `path` are made: those of `_id` are whole.
pub(super) fn length_of(path: &IndexPath) -> Length {
    match *path == id_path() {
        true => Length::Whole,
        false => Length::Cut,
    }
}

/// The path of `_id`.
pub(super) fn id_path() -> IndexPath {
    IndexPath::default().member("_id")
}

fn row_number(rows: usize) -> u32 {
    u32::try_from(rows).expect("a segment has fewer than 2^32 rows")
}
