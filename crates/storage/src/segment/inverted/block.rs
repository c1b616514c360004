//! Blocks of front-coded terms, and the table that finds the block of a term.
//!
//! ```text
//! entry    shared: bytes in common with the term before (0 for the first) LEB128
//!          suffix: length LEB128, bytes
//!          count of rows LEB128
//!          up to INLINE_ROWS_MAX rows: the rows as distances; else the bytes of the list LEB128
//! ```
//!
//! The lists of a block's terms stand right before the block, in their order, so that an entry needs
//! only their length. A block is compressed if that makes it a quarter smaller.

use bytes::Bytes;

use super::super::varint;
use super::postings::{INLINE_ROWS_MAX, ListRef, Place, Postings, skip_distances, write_distances};

/// Bytes after which a block is closed: about what decompresses in 5 µs.
pub(super) const BLOCK_BYTES_TARGET: usize = 16 * 1024;

/// Bytes of one entry of a block table.
pub(super) const TABLE_ENTRY_BYTES: usize = 40;

/// Largest block that a reader decompresses: one term of an `_id` of the largest size fits.
const RAW_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Terms of one block as they are added.
#[derive(Default)]
pub(super) struct BlockBuilder {
    raw: Vec<u8>,
    last: Vec<u8>,
    first_bytes: usize,
    terms: u32,
    rows: u64,
    list_bytes: u64,
}

impl BlockBuilder {
    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Bytes so far, before compression.
    pub(super) fn bytes(&self) -> usize {
        self.raw.len()
    }

    /// Adds `term`, which is above all before, with its rows or the length of their list.
    pub(super) fn add(&mut self, term: &[u8], rows: &[u32], list_bytes: Option<usize>) {
        let shared = match self.raw.is_empty() {
            true => 0,
            false => shared_prefix(&self.last, term),
        };
        if self.raw.is_empty() {
            self.first_bytes = term.len();
        }
        varint::write(shared as u64, &mut self.raw);
        varint::write((term.len() - shared) as u64, &mut self.raw);
        self.raw.extend_from_slice(&term[shared..]);
        varint::write(rows.len() as u64, &mut self.raw);
        match list_bytes {
            None => write_distances(rows, &mut self.raw),
            Some(bytes) => {
                varint::write(bytes as u64, &mut self.raw);
                self.list_bytes += bytes as u64;
            }
        }
        self.last.truncate(shared);
        self.last.extend_from_slice(&term[shared..]);
        self.terms += 1;
        self.rows += rows.len() as u64;
    }

    /// Ends the block: the bytes to store, and what the table says of it. Starts anew.
    pub(super) fn finish(&mut self, start: u64, before: &mut Totals) -> (Vec<u8>, BlockEntry) {
        let raw = std::mem::take(&mut self.raw);
        let raw_bytes = raw.len();
        let first = first_term(&raw, self.first_bytes).to_vec();
        let compressed = lz4_flex::block::compress(&raw);
        let (stored, is_compressed) = match compressed.len() * 4 <= raw_bytes * 3 {
            true => (compressed, true),
            false => (raw, false),
        };
        let entry = BlockEntry {
            first,
            lists: start,
            block: start + self.list_bytes,
            stored_bytes: fit(stored.len()),
            raw_bytes: if is_compressed { fit(raw_bytes) } else { 0 },
            before: *before,
        };
        before.terms += u64::from(self.terms);
        before.rows += self.rows;
        *self = Self::default();
        (stored, entry)
    }
}

fn fit(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a block ends with the term that brings it to its size")
}

/// The first term of a block, whole in its first entry.
fn first_term(raw: &[u8], bytes: usize) -> &[u8] {
    let mut rest = raw;
    let header = varint::read(&mut rest).and_then(|_shared| varint::read(&mut rest));
    debug_assert_eq!(header, Some(bytes as u64));
    &rest[..bytes]
}

fn shared_prefix(left: &[u8], right: &[u8]) -> usize {
    left.iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count()
}

/// Terms and rows of a path, or of its first blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) terms: u64,
    pub(super) rows: u64,
}

/// What the table of a path says of one block. Offsets count from the start of the section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlockEntry {
    pub(super) first: Vec<u8>,
    /// Where the lists of the block's terms start.
    pub(super) lists: u64,
    /// Where the block starts, and the lists end.
    pub(super) block: u64,
    pub(super) stored_bytes: u32,
    /// Bytes before compression; 0 if the block is not compressed.
    pub(super) raw_bytes: u32,
    /// What all blocks before hold.
    pub(super) before: Totals,
}

/// The table of blocks as bytes: fixed entries, then the first terms.
///
/// ```text
/// entry    end of the first term u32 | stored bytes u32 | raw bytes u32 | bytes of the lists u32
///          start of the lists u64 | terms before u64 | rows before u64
/// ```
pub(super) fn encode_table(entries: &[BlockEntry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * (TABLE_ENTRY_BYTES + 16));
    let mut end = 0_usize;
    for entry in entries {
        end += entry.first.len();
        out.extend_from_slice(&fit(end).to_le_bytes());
        out.extend_from_slice(&entry.stored_bytes.to_le_bytes());
        out.extend_from_slice(&entry.raw_bytes.to_le_bytes());
        let list_bytes = u32::try_from(entry.block - entry.lists);
        let list_bytes = list_bytes.expect("lists of one block stay below 4 GiB");
        out.extend_from_slice(&list_bytes.to_le_bytes());
        out.extend_from_slice(&entry.lists.to_le_bytes());
        out.extend_from_slice(&entry.before.terms.to_le_bytes());
        out.extend_from_slice(&entry.before.rows.to_le_bytes());
    }
    for entry in entries {
        out.extend_from_slice(&entry.first);
    }
    out
}

/// A table of blocks, read in place.
#[derive(Clone, Debug)]
pub(super) struct BlockTable {
    bytes: Bytes,
    count: usize,
}

impl BlockTable {
    /// The table of `count` blocks in `bytes`; none if it does not fit.
    pub(super) fn new(bytes: Bytes, count: usize) -> Option<Self> {
        (count.checked_mul(TABLE_ENTRY_BYTES)? <= bytes.len()).then_some(Self { bytes, count })
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The first term of block `index`.
    pub(super) fn first(&self, index: usize) -> Option<&[u8]> {
        let names = self.count * TABLE_ENTRY_BYTES;
        let start = match index {
            0 => 0,
            index => self.u32(index - 1, 0)? as usize,
        };
        let end = self.u32(index, 0)? as usize;
        self.bytes.get(names..)?.get(start..end)
    }

    /// All that is known of block `index` but its first term.
    pub(super) fn entry(&self, index: usize) -> Option<BlockEntry> {
        let lists = self.u64(index, 16)?;
        Some(BlockEntry {
            first: Vec::new(),
            lists,
            block: lists.checked_add(u64::from(self.u32(index, 12)?))?,
            stored_bytes: self.u32(index, 4)?,
            raw_bytes: self.u32(index, 8)?,
            before: self.before(index)?,
        })
    }

    /// What the blocks before `index` hold.
    pub(super) fn before(&self, index: usize) -> Option<Totals> {
        Some(Totals {
            terms: self.u64(index, 24)?,
            rows: self.u64(index, 32)?,
        })
    }

    /// How many blocks start at or before `term`: the last of them may hold it.
    pub(super) fn blocks_up_to(&self, term: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if self.first(middle)? <= term {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    fn u32(&self, index: usize, field: usize) -> Option<u32> {
        let bytes = self.field(index, field)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }

    fn u64(&self, index: usize, field: usize) -> Option<u64> {
        let bytes = self.field(index, field)?.first_chunk()?;
        Some(u64::from_le_bytes(*bytes))
    }

    fn field(&self, index: usize, field: usize) -> Option<&[u8]> {
        debug_assert!(index < self.count);
        self.bytes.get(index * TABLE_ENTRY_BYTES + field..)
    }
}

/// Walks the terms of one block.
#[derive(Clone, Debug)]
pub(super) struct BlockCursor {
    raw: Bytes,
    at: usize,
    next_list: u64,
    term: Vec<u8>,
}

/// One entry of a block.
#[derive(Clone, Debug)]
struct Entry {
    count: u32,
    place: EntryPlace,
}

#[derive(Clone, Debug)]
enum EntryPlace {
    Inline { start: usize, end: usize },
    List(ListRef),
}

impl BlockCursor {
    /// A cursor before the first term of a block with these bytes, as they are stored.
    pub(super) fn new(stored: Bytes, entry: &BlockEntry) -> Option<Self> {
        let raw = match entry.raw_bytes {
            0 => stored,
            bytes if bytes as usize > RAW_BYTES_MAX => return None,
            bytes => lz4_flex::block::decompress(&stored, bytes as usize)
                .ok()
                .filter(|raw| raw.len() == bytes as usize)?
                .into(),
        };
        Some(Self {
            raw,
            at: 0,
            next_list: entry.lists,
            term: Vec::new(),
        })
    }

    /// The term that [`next`](Self::next) stepped on.
    pub(super) fn term(&self) -> &[u8] {
        &self.term
    }

    /// Steps on the next term and gives its postings; `Some(None)` behind the last one, `None` if
    /// the bytes are no block.
    pub(super) fn next(&mut self) -> Option<Option<Postings>> {
        if self.at == self.raw.len() {
            return Some(None);
        }
        let entry = self.step()?;
        let place = match entry.place {
            EntryPlace::Inline { start, end } => Place::Inline(self.raw.slice(start..end)),
            EntryPlace::List(list) => Place::List(list),
        };
        Some(Some(Postings::new(entry.count, place)))
    }

    /// The number of rows of the next term, without their place.
    pub(super) fn next_count(&mut self) -> Option<Option<u32>> {
        if self.at == self.raw.len() {
            return Some(None);
        }
        Some(Some(self.step()?.count))
    }

    fn step(&mut self) -> Option<Entry> {
        let raw = &self.raw[..];
        let mut rest = &raw[self.at..];
        let shared = usize::try_from(varint::read(&mut rest)?).ok()?;
        if shared > self.term.len() {
            return None;
        }
        let suffix = varint::read_bytes(&mut rest)?;
        self.term.truncate(shared);
        self.term.extend_from_slice(suffix);
        let count = u32::try_from(varint::read(&mut rest)?).ok()?;
        let place = if count as usize > INLINE_ROWS_MAX {
            let bytes = usize::try_from(varint::read(&mut rest)?).ok()?;
            let list = ListRef {
                offset: self.next_list,
                bytes,
            };
            self.next_list = self.next_list.checked_add(bytes as u64)?;
            EntryPlace::List(list)
        } else {
            let start = raw.len() - rest.len();
            skip_distances(&mut rest, count)?;
            let end = raw.len() - rest.len();
            EntryPlace::Inline { start, end }
        };
        self.at = raw.len() - rest.len();
        Some(Entry { count, place })
    }
}
