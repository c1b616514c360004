//! From `_id` to row: a Bloom filter, then sorted front-coded blocks.
//!
//! A lookup reads 32 bytes of the filter, and if those allow the key, a binary search over the
//! blocks' first keys and one block of about 4 KiB. Drawn in `docs/formats/segment.md`.

use super::bloom;
use super::checksums::{CheckedBytes, ChecksumError};
use super::hash::hash64;
use super::varint;

/// Bytes after which a block is closed.
const BLOCK_BYTES_TARGET: usize = 4096;

/// Bytes of one entry of the block table: end of the first key, end of the block.
const TABLE_ENTRY_BYTES: usize = 8;

/// Bytes of the header: lengths of filter, blocks and first keys, number of blocks.
const HEADER_BYTES: usize = 32;

/// Two rows have the same key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DuplicateKey {
    /// Position of one of them.
    pub(crate) row: u32,
}

/// The index of `keys`, where the key at position n belongs to row n.
///
/// # Errors
/// [`DuplicateKey`] if two keys are the same.
pub(crate) fn build(keys: &[&str]) -> Result<Vec<u8>, DuplicateKey> {
    let mut rows: Vec<u32> =
        (0..u32::try_from(keys.len()).expect("a segment has at most 2^32 rows")).collect();
    rows.sort_unstable_by_key(|row| keys[*row as usize]);

    let hashes: Vec<u64> = keys.iter().map(|key| hash64(key.as_bytes())).collect();
    let filter = bloom::build(&hashes);
    let mut blocks = BlockWriter::default();
    let mut before: Option<&str> = None;
    for row in rows {
        let key = keys[row as usize];
        if before == Some(key) {
            return Err(DuplicateKey { row });
        }
        blocks.add(before.unwrap_or_default().as_bytes(), key.as_bytes(), row);
        before = Some(key);
    }
    Ok(blocks.finish(&filter))
}

#[derive(Default)]
struct BlockWriter {
    blocks: Vec<u8>,
    block_start: usize,
    first_keys: Vec<u8>,
    table: Vec<u8>,
}

impl BlockWriter {
    fn add(&mut self, before: &[u8], key: &[u8], row: u32) {
        if self.blocks.len() - self.block_start >= BLOCK_BYTES_TARGET {
            self.end_block();
        }
        let first = self.blocks.len() == self.block_start;
        if first {
            self.first_keys.extend_from_slice(key);
        }
        let shared = if first { 0 } else { shared_prefix(before, key) };
        varint::write(shared as u64, &mut self.blocks);
        varint::write((key.len() - shared) as u64, &mut self.blocks);
        self.blocks.extend_from_slice(&key[shared..]);
        varint::write(u64::from(row), &mut self.blocks);
    }

    fn end_block(&mut self) {
        for end in [self.first_keys.len(), self.blocks.len()] {
            let end = u32::try_from(end).expect("the index of a segment stays below 4 GiB");
            self.table.extend_from_slice(&end.to_le_bytes());
        }
        self.block_start = self.blocks.len();
    }

    fn finish(mut self, filter: &[u8]) -> Vec<u8> {
        if self.blocks.len() > self.block_start {
            self.end_block();
        }
        let block_count = self.table.len() / TABLE_ENTRY_BYTES;
        let lengths = [
            filter.len(),
            self.blocks.len(),
            self.first_keys.len(),
            block_count,
        ];
        let mut bytes: Vec<u8> = lengths
            .iter()
            .flat_map(|length| (*length as u64).to_le_bytes())
            .collect();
        for part in [filter, &self.blocks, &self.first_keys, &self.table] {
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

fn shared_prefix(left: &[u8], right: &[u8]) -> usize {
    left.iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count()
}

/// The index of a segment, read in place.
#[derive(Debug)]
pub(crate) struct IdIndex {
    filter: Span,
    blocks: Span,
    first_keys: Span,
    table: Span,
    block_count: usize,
}

/// A part of the file.
#[derive(Debug, Clone, Copy)]
struct Span {
    offset: u64,
    bytes: usize,
}

impl Span {
    /// The bytes of `range` within this part.
    fn get<'a>(
        &self,
        file: &'a CheckedBytes,
        start: usize,
        end: usize,
    ) -> Result<&'a [u8], ChecksumError> {
        if start > end || end > self.bytes {
            return Err(MALFORMED);
        }
        file.get(self.offset + start as u64, end - start)
    }
}

const MALFORMED: ChecksumError = ChecksumError::Format {
    detail: "the `_id` index is malformed",
};

impl IdIndex {
    /// The index at `offset` of `file`, `bytes` long.
    ///
    /// # Errors
    /// [`ChecksumError`] if its header is damaged or does not fit these bytes.
    pub(crate) fn open(
        file: &CheckedBytes,
        offset: u64,
        bytes: u64,
    ) -> Result<Self, ChecksumError> {
        let header = file.get(offset, HEADER_BYTES)?;
        let (lengths, _) = header.as_chunks::<8>();
        let lengths: Vec<u64> = lengths
            .iter()
            .map(|length| u64::from_le_bytes(*length))
            .collect();
        let block_count = *lengths.last().ok_or(MALFORMED)?;
        let table = block_count
            .checked_mul(TABLE_ENTRY_BYTES as u64)
            .ok_or(MALFORMED)?;
        let mut next = offset + HEADER_BYTES as u64;
        let mut span = |length: u64| -> Result<Span, ChecksumError> {
            let span = Span {
                offset: next,
                bytes: usize::try_from(length).map_err(|_| MALFORMED)?,
            };
            next = next.checked_add(length).ok_or(MALFORMED)?;
            Ok(span)
        };
        let index = Self {
            filter: span(lengths[0])?,
            blocks: span(lengths[1])?,
            first_keys: span(lengths[2])?,
            table: span(table)?,
            block_count: usize::try_from(block_count).map_err(|_| MALFORMED)?,
        };
        if next != offset + bytes {
            return Err(MALFORMED);
        }
        Ok(index)
    }

    /// The row of `key`.
    ///
    /// # Errors
    /// [`ChecksumError`] if the bytes that were looked at are damaged.
    pub(crate) fn find(
        &self,
        file: &CheckedBytes,
        key: &[u8],
    ) -> Result<Option<u32>, ChecksumError> {
        let hash = hash64(key);
        let block = bloom::block_offset(hash, self.filter.bytes).ok_or(MALFORMED)?;
        let block = self.filter.get(file, block, block + bloom::BLOCK_BYTES)?;
        if !bloom::block_contains(block, hash) {
            return Ok(None);
        }
        match self.block_of(file, key)? {
            Some((start, end)) => find_in_block(self.blocks.get(file, start, end)?, key),
            None => Ok(None),
        }
    }

    /// Start and end of the last block whose first key is not above `key`.
    fn block_of(
        &self,
        file: &CheckedBytes,
        key: &[u8],
    ) -> Result<Option<(usize, usize)>, ChecksumError> {
        let (mut low, mut high) = (0, self.block_count);
        while low < high {
            let middle = low.midpoint(high);
            let (start, _) = self.ends_before(file, middle)?;
            let (end, _) = self.ends_before(file, middle + 1)?;
            if self.first_keys.get(file, start, end)? <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(block) = low.checked_sub(1) else {
            return Ok(None);
        };
        let (_, start) = self.ends_before(file, block)?;
        let (_, end) = self.ends_before(file, block + 1)?;
        Ok(Some((start, end)))
    }

    /// Where the first keys and the blocks before block `block` end.
    fn ends_before(
        &self,
        file: &CheckedBytes,
        block: usize,
    ) -> Result<(usize, usize), ChecksumError> {
        let Some(entry) = block.checked_sub(1) else {
            return Ok((0, 0));
        };
        let start = entry * TABLE_ENTRY_BYTES;
        let entry = self.table.get(file, start, start + TABLE_ENTRY_BYTES)?;
        let (numbers, _) = entry.as_chunks::<4>();
        match numbers {
            [key, block] => Ok((
                u32::from_le_bytes(*key) as usize,
                u32::from_le_bytes(*block) as usize,
            )),
            _ => Err(MALFORMED),
        }
    }
}

fn find_in_block(block: &[u8], key: &[u8]) -> Result<Option<u32>, ChecksumError> {
    let mut rest = block;
    // Length of the prefix that the last key read has in common with `key`.
    let mut matched = 0;
    while !rest.is_empty() {
        let shared = varint::read(&mut rest).ok_or(MALFORMED)?;
        let suffix = varint::read_bytes(&mut rest).ok_or(MALFORMED)?;
        let row = varint::read(&mut rest).ok_or(MALFORMED)?;
        let shared = usize::try_from(shared).map_err(|_| MALFORMED)?;
        if shared < matched {
            // Keys ascend: this one differs from `key` before the last one did.
            return Ok(None);
        }
        if shared > matched {
            continue;
        }
        let wanted = &key[matched..];
        let common = shared_prefix(suffix, wanted);
        matched += common;
        if common == suffix.len() && common == wanted.len() {
            return u32::try_from(row).map(Some).map_err(|_| MALFORMED);
        }
        let above = match (suffix.get(common), wanted.get(common)) {
            (Some(found), Some(wanted)) => found > wanted,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if above {
            return Ok(None);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checksums::{BLOCK_BYTES, CHECKSUM_BYTES};
    use super::*;

    fn file(index: Vec<u8>) -> CheckedBytes {
        let table: Vec<u8> = index
            .chunks(BLOCK_BYTES)
            .flat_map(|block| crc32c::crc32c(block).to_le_bytes())
            .collect();
        assert_eq!(
            table.len(),
            index.len().div_ceil(BLOCK_BYTES) * CHECKSUM_BYTES
        );
        let tail = index.len();
        CheckedBytes::new(index.into(), tail, table.into()).unwrap()
    }

    fn check(keys: &[&str], others: &[&str]) {
        let bytes = build(keys).unwrap();
        let length = bytes.len() as u64;
        let file = file(bytes);
        let index = IdIndex::open(&file, 0, length).unwrap();
        for (row, key) in (0_u32..).zip(keys) {
            assert_eq!(index.find(&file, key.as_bytes()), Ok(Some(row)), "{key:?}");
        }
        for key in others.iter().filter(|key| !keys.contains(key)) {
            assert_eq!(index.find(&file, key.as_bytes()), Ok(None), "{key:?}");
        }
    }

    #[test]
    fn many_keys_over_many_blocks_are_found() {
        let keys: Vec<String> = (0..20_000_u64)
            .map(|row| format!("user-{}", row.wrapping_mul(7_919) % 20_011))
            .collect();
        let others: Vec<String> = (20_011..21_000).map(|row| format!("user-{row}")).collect();
        let refs = |keys: &[String]| {
            keys.iter()
                .map(|key| key.clone().leak() as &str)
                .collect::<Vec<_>>()
        };
        check(&refs(&keys), &refs(&others));
    }

    #[test]
    fn no_keys_and_the_empty_key_work() {
        check(&[], &["", "a"]);
        check(&[""], &["a"]);
        assert!(build(&["b", "a", "b"]).is_err());
    }

    proptest! {
        #[test]
        fn every_key_is_found_and_no_other(
            keys in prop::collection::hash_set("[ab\u{0}é]{0,6}", 0..200),
            others in prop::collection::vec("[abc\u{0}é]{0,6}", 0..100),
        ) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let others: Vec<&str> = others.iter().map(String::as_str).collect();
            check(&keys, &others);
        }
    }
}
