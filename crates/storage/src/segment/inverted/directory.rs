//! What the index knows of each path: its types, and where its terms are.
//!
//! ```text
//! row count
//! Bloom filter of `_id`: offset, bytes
//! path count; per path, ascending:
//!   path: length, bytes
//!   type count; per type: number, rows, then 0 if those are all rows, else
//!     1 + bytes of the list, offset of the list
//!   rows without terms; if there are any: bytes of the list, offset of the list
//!   terms that are cut, terms, rows of all terms
//!   block count, offset of the block table, its bytes
//! ```
//!
//! Numbers are LEB128; offsets count from the start of the section.

use std::collections::BTreeMap;

use outcrop_document::ValueType;

use super::super::varint;
use super::block::Totals;
use super::index_path::IndexPath;
use super::postings::ListRef;

/// The rows that have values of one type at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeRows {
    pub(super) value_type: ValueType,
    pub(super) count: u32,
    /// None if these are all rows of the segment.
    pub(super) list: Option<ListRef>,
}

/// A path of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathEntry {
    pub(super) types: Vec<TypeRows>,
    /// Rows that have values here which were not indexed, with their number.
    pub(super) unindexed: Option<(u32, ListRef)>,
    pub(super) cut_terms: u64,
    pub(super) totals: Totals,
    pub(super) table: ListRef,
    pub(super) block_count: usize,
}

/// The end of the section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) row_count: u32,
    pub(super) filter: ListRef,
    pub(super) paths: BTreeMap<IndexPath, PathEntry>,
}

impl Directory {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        varint::write(self.row_count.into(), &mut out);
        write_list(self.filter, &mut out);
        varint::write(self.paths.len() as u64, &mut out);
        for (path, entry) in &self.paths {
            let path = path.as_bytes();
            varint::write(path.len() as u64, &mut out);
            out.extend_from_slice(path);
            entry.encode(&mut out);
        }
        out
    }

    /// Reads back what [`encode`](Self::encode) wrote; none for any other bytes.
    pub(super) fn decode(mut input: &[u8]) -> Option<Self> {
        let input = &mut input;
        let row_count = u32::try_from(varint::read(input)?).ok()?;
        let filter = read_list(input)?;
        let mut paths = BTreeMap::new();
        for _ in 0..varint::read(input)? {
            let path = IndexPath::from_bytes(varint::read_bytes(input)?)?;
            paths.insert(path, PathEntry::decode(input, row_count)?);
        }
        input.is_empty().then_some(Self {
            row_count,
            filter,
            paths,
        })
    }
}

impl PathEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        varint::write(self.types.len() as u64, out);
        for rows in &self.types {
            varint::write(u64::from(rows.value_type as u8), out);
            varint::write(rows.count.into(), out);
            match rows.list {
                None => varint::write(0, out),
                Some(list) => {
                    varint::write(list.bytes as u64 + 1, out);
                    varint::write(list.offset, out);
                }
            }
        }
        match self.unindexed {
            None => varint::write(0, out),
            Some((count, list)) => {
                varint::write(count.into(), out);
                write_list(list, out);
            }
        }
        for number in [self.cut_terms, self.totals.terms, self.totals.rows] {
            varint::write(number, out);
        }
        varint::write(self.block_count as u64, out);
        write_list(self.table, out);
    }

    fn decode(input: &mut &[u8], row_count: u32) -> Option<Self> {
        let mut types = Vec::new();
        for _ in 0..varint::read(input)? {
            types.push(decode_type(input, row_count)?);
        }
        let unindexed = match read_count(input, row_count)? {
            0 => None,
            count => Some((count, read_list(input)?)),
        };
        Some(Self {
            types,
            unindexed,
            cut_terms: varint::read(input)?,
            totals: Totals {
                terms: varint::read(input)?,
                rows: varint::read(input)?,
            },
            block_count: usize::try_from(varint::read(input)?).ok()?,
            table: read_list(input)?,
        })
    }
}

fn decode_type(input: &mut &[u8], row_count: u32) -> Option<TypeRows> {
    let number = usize::try_from(varint::read(input)?).ok()?;
    let value_type = *ValueType::ALL.get(number)?;
    let count = read_count(input, row_count)?;
    let list = match varint::read(input)? {
        0 if count == row_count => None,
        0 => return None,
        bytes => Some(ListRef {
            bytes: usize::try_from(bytes - 1).ok()?,
            offset: varint::read(input)?,
        }),
    };
    Some(TypeRows {
        value_type,
        count,
        list,
    })
}

fn read_count(input: &mut &[u8], row_count: u32) -> Option<u32> {
    let count = u32::try_from(varint::read(input)?).ok()?;
    (count <= row_count).then_some(count)
}

fn write_list(list: ListRef, out: &mut Vec<u8>) {
    varint::write(list.bytes as u64, out);
    varint::write(list.offset, out);
}

fn read_list(input: &mut &[u8]) -> Option<ListRef> {
    Some(ListRef {
        bytes: usize::try_from(varint::read(input)?).ok()?,
        offset: varint::read(input)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_reads_back_and_cut_bytes_do_not() {
        let list = |offset, bytes| ListRef { offset, bytes };
        let entry = PathEntry {
            types: vec![
                TypeRows {
                    value_type: ValueType::Null,
                    count: 3,
                    list: Some(list(9, 0)),
                },
                TypeRows {
                    value_type: ValueType::String,
                    count: 10,
                    list: None,
                },
            ],
            unindexed: Some((2, list(1 << 40, 7))),
            cut_terms: 1,
            totals: Totals { terms: 4, rows: 10 },
            table: list(300, 80),
            block_count: 2,
        };
        let path = IndexPath::default().member("a");
        let directory = Directory {
            row_count: 10,
            filter: list(5, 32),
            paths: [(path.elements(), entry.clone()), (path, entry)].into(),
        };
        let bytes = directory.encode();
        assert_eq!(Directory::decode(&bytes), Some(directory));
        (0..bytes.len()).for_each(|end| assert_eq!(Directory::decode(&bytes[..end]), None));
    }
}
