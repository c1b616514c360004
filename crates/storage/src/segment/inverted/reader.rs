//! The inverted index of an open segment.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;
use outcrop_document::k;

use super::super::bloom;
use super::super::checksums::{CheckedBytes, ChecksumError};
use super::super::hash::hash64;
use super::super::reader::checksum_error;
use super::block::BlockTable;
use super::directory::{Directory, PathEntry};
use super::index_path::IndexPath;
use super::path_index::{PathIndex, Source};
use super::postings::ListRef;
use super::writer::{TRAILER_BYTES, id_path};
use crate::segment::SegmentError;

/// The bytes of an index are not as they were written, although their checksums hold.
pub(super) const MALFORMED: ChecksumError = ChecksumError::Format {
    detail: "the inverted index is malformed",
};

/// The inverted index, read in place.
#[derive(Debug)]
pub(crate) struct InvertedIndex {
    section: IndexSection,
    row_count: u32,
    filter: ListRef,
    paths: BTreeMap<IndexPath, OpenPath>,
    id_path: IndexPath,
}

/// A path with its block table, which is read when it is first needed.
#[derive(Debug)]
struct OpenPath {
    entry: PathEntry,
    table: OnceLock<BlockTable>,
}

/// Where the index lies in its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexSection {
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

impl IndexSection {
    /// The bytes of a part of the section.
    pub(super) fn read(&self, file: &CheckedBytes, part: ListRef) -> Result<Bytes, ChecksumError> {
        let end = part.offset.checked_add(part.bytes as u64);
        if end.is_none_or(|end| end > self.bytes) {
            return Err(MALFORMED);
        }
        file.slice(self.offset + part.offset, part.bytes)
    }
}

impl InvertedIndex {
    /// The index at `offset` of `file`, `bytes` long. Reads its directory.
    ///
    /// # Errors
    /// [`ChecksumError`] if what is read is damaged or does not fit.
    pub(crate) fn open(
        file: &CheckedBytes,
        offset: u64,
        bytes: u64,
    ) -> Result<Self, ChecksumError> {
        let section = IndexSection { offset, bytes };
        let trailer = ListRef {
            offset: bytes.checked_sub(TRAILER_BYTES as u64).ok_or(MALFORMED)?,
            bytes: TRAILER_BYTES,
        };
        let trailer = section.read(file, trailer)?;
        let (numbers, _) = trailer.as_chunks::<8>();
        let directory = ListRef {
            offset: u64::from_le_bytes(numbers[0]),
            bytes: usize::try_from(u64::from_le_bytes(numbers[1])).map_err(|_| MALFORMED)?,
        };
        let directory = section.read(file, directory)?;
        let directory = Directory::decode(&directory).ok_or(MALFORMED)?;
        let open = |(path, entry)| {
            let table = OnceLock::new();
            (path, OpenPath { entry, table })
        };
        Ok(Self {
            section,
            row_count: directory.row_count,
            filter: directory.filter,
            paths: directory.paths.into_iter().map(open).collect(),
            id_path: id_path(),
        })
    }

    /// Number of rows of the segment, as the index counts them.
    pub(crate) fn row_count(&self) -> u32 {
        self.row_count
    }

    /// The paths of the index in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &IndexPath> {
        self.paths.keys()
    }

    /// The index of one path; none if no document has a value there.
    ///
    /// `name` stands for the file in errors.
    ///
    /// # Errors
    /// [`SegmentError::Checksum`] if its block table is damaged.
    pub(crate) fn path<'a>(
        &'a self,
        name: &'a str,
        file: &'a CheckedBytes,
        path: &IndexPath,
    ) -> Result<Option<PathIndex<'a>>, SegmentError> {
        let Some((path, OpenPath { entry, table })) = self.paths.get_key_value(path) else {
            return Ok(None);
        };
        let table = match table.get() {
            Some(table) => table,
            None => {
                let read = self.section.read(file, entry.table);
                let read =
                    read.and_then(|read| BlockTable::new(read, entry.block_count).ok_or(MALFORMED));
                let read = read.map_err(|error| checksum_error(name, error))?;
                table.get_or_init(|| read)
            }
        };
        let source = Source {
            name,
            file,
            section: self.section,
            row_count: self.row_count,
        };
        Ok(Some(PathIndex::new(source, path, entry, table)))
    }

    /// The row of the document `id`.
    ///
    /// # Errors
    /// [`SegmentError::Checksum`] if the bytes that were looked at are damaged.
    pub(crate) fn row_of(
        &self,
        name: &str,
        file: &CheckedBytes,
        id: &str,
    ) -> Result<Option<u32>, SegmentError> {
        let mut key = Vec::with_capacity(id.len() + 2);
        k::encode_str(id, &mut key);
        let may_hold = self.may_hold_id(file, hash64(&key));
        if !may_hold.map_err(|error| checksum_error(name, error))? {
            return Ok(None);
        }
        let Some(path) = self.path(name, file, &self.id_path)? else {
            return Ok(None);
        };
        match path.find(&key)? {
            Some(postings) => {
                let mut rows = Vec::with_capacity(1);
                path.push_rows(&postings, &mut rows)?;
                Ok(rows.first().copied())
            }
            None => Ok(None),
        }
    }

    fn may_hold_id(&self, file: &CheckedBytes, hash: u64) -> Result<bool, ChecksumError> {
        let offset = bloom::block_offset(hash, self.filter.bytes).ok_or(MALFORMED)?;
        let block = ListRef {
            offset: self.filter.offset + offset as u64,
            bytes: bloom::BLOCK_BYTES,
        };
        let block = self.section.read(file, block)?;
        Ok(bloom::block_contains(&block, hash))
    }
}
