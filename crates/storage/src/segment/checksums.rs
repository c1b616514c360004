//! Checksums over everything in a segment, so that Parquet never sees a damaged byte.
//!
//! The file up to its *tail* (row groups and index) is cut into blocks of [`BLOCK_BYTES`], each
//! with a CRC32C in a table. The tail (that table, the type counts, Parquet's page index and
//! footer) has one CRC32C, which stands in the footer itself. The tail is verified when a segment
//! is opened, a block when it is first read.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::tail::{Check, Tail};
use crate::env::ObjectSource;

/// Bytes that one checksum of the table covers: a page or two, 2 µs of work.
pub(crate) const BLOCK_BYTES: usize = 16 * 1024;

/// Bytes of one checksum in the table.
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// Passes bytes on and computes their checksums.
pub(crate) struct ChecksumSink<'a> {
    sink: &'a mut (dyn Write + Send),
    table: Vec<u8>,
    block_crc: u32,
    block_bytes: usize,
    /// The tail is held back until its checksum is known.
    tail: Option<Vec<u8>>,
    written: u64,
}

impl<'a> ChecksumSink<'a> {
    pub(crate) fn new(sink: &'a mut (dyn Write + Send)) -> Self {
        Self {
            sink,
            table: Vec::new(),
            block_crc: 0,
            block_bytes: 0,
            tail: None,
            written: 0,
        }
    }

    /// Ends the last block and starts the tail; returns the table of checksums so far.
    pub(crate) fn begin_tail(&mut self) -> Vec<u8> {
        if self.block_bytes > 0 {
            self.end_block();
        }
        self.tail = Some(Vec::new());
        std::mem::take(&mut self.table)
    }

    /// Writes the tail with its checksum; returns the number of bytes of the whole file.
    pub(crate) fn finish(self) -> io::Result<u64> {
        let mut tail = self.tail.unwrap_or_default();
        let check = Check::find(&tail, 0)
            .ok_or_else(|| io::Error::other("the footer lacks the place of its checksum"))?;
        let crc = crc32c::crc32c(&tail);
        tail[check.crc_offset..check.crc_offset + 8]
            .copy_from_slice(format!("{crc:08x}").as_bytes());
        self.sink.write_all(&tail)?;
        Ok(self.written + tail.len() as u64)
    }

    fn end_block(&mut self) {
        self.table.extend_from_slice(&self.block_crc.to_le_bytes());
        (self.block_crc, self.block_bytes) = (0, 0);
    }
}

impl Write for ChecksumSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(tail) = &mut self.tail {
            return tail.write(bytes);
        }
        let room = BLOCK_BYTES - self.block_bytes;
        let count = self.sink.write(&bytes[..bytes.len().min(room)])?;
        self.block_crc = crc32c::crc32c_append(self.block_crc, &bytes[..count]);
        self.block_bytes += count;
        self.written += count as u64;
        if self.block_bytes == BLOCK_BYTES {
            self.end_block();
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// How the message of [`ChecksumError::Read`] begins: Parquet's reader keeps nothing but the text.
pub(super) const READ_FAILED: &str = "cannot fetch bytes of the segment";

/// Why bytes of a segment cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ChecksumError {
    /// They changed since they were written.
    #[error("the block at byte {offset} fails its checksum")]
    Damaged { offset: u64 },
    /// They lie behind the end of the file, or no checksum was found.
    #[error("{detail}")]
    Format { detail: &'static str },
    /// They could not be fetched.
    #[error("{READ_FAILED}: {source}")]
    Read { source: Arc<io::Error> },
}

pub(super) fn read_error(error: io::Error) -> ChecksumError {
    let source = Arc::new(error);
    ChecksumError::Read { source }
}

/// The bytes of a segment, handed out after their checksums were found right.
#[derive(Debug)]
pub(crate) struct CheckedBytes {
    source: ObjectSource,
    tail: Tail,
    table: Bytes,
    /// One bit per block: found right before. Only of a file in memory, where the bytes stay.
    verified: Vec<AtomicU64>,
    /// Where damage was seen first.
    damage: OnceLock<u64>,
}

impl CheckedBytes {
    /// The file `source`, with its verified tail and its checksum table.
    ///
    /// # Errors
    /// [`ChecksumError::Format`] if the table has not one entry per block.
    pub(crate) fn new(
        source: ObjectSource,
        tail: Tail,
        table: Bytes,
    ) -> Result<Self, ChecksumError> {
        let blocks = usize::try_from(tail.offset.div_ceil(BLOCK_BYTES as u64)).ok();
        if blocks.and_then(|blocks| blocks.checked_mul(CHECKSUM_BYTES)) != Some(table.len()) {
            return Err(ChecksumError::Format {
                detail: "the table of checksums is incomplete",
            });
        }
        let verified = match &source {
            ObjectSource::Whole(_) => (0..(table.len() / CHECKSUM_BYTES).div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect(),
            ObjectSource::Ranged(_) => Vec::new(),
        };
        Ok(Self {
            source,
            tail,
            table,
            verified,
            damage: OnceLock::new(),
        })
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> u64 {
        self.source.bytes()
    }

    /// The damage that was seen first, if any was.
    pub(crate) fn damage(&self) -> Option<ChecksumError> {
        self.damage
            .get()
            .map(|offset| ChecksumError::Damaged { offset: *offset })
    }

    /// The bytes from `offset` on, `length` of them.
    ///
    /// # Errors
    /// [`ChecksumError`] if they are damaged, lie outside the file or cannot be fetched.
    pub(crate) fn slice(&self, offset: u64, length: usize) -> Result<Bytes, ChecksumError> {
        const OUTSIDE: ChecksumError = ChecksumError::Format {
            detail: "an offset lies behind the end of the file",
        };
        let end = offset
            .checked_add(length as u64)
            .filter(|end| *end <= self.len())
            .ok_or(OUTSIDE)?;
        if length == 0 {
            return Ok(Bytes::new());
        }
        if let Some(bytes) = self.tail.slice(offset, length as u64) {
            return Ok(bytes);
        }
        // Whole blocks of the body, and what is wanted of the tail.
        let start = offset - offset % BLOCK_BYTES as u64;
        let body_end = end
            .min(self.tail.offset)
            .next_multiple_of(BLOCK_BYTES as u64);
        let read_end = body_end.min(self.tail.offset).max(end);
        let read_length = usize::try_from(read_end - start).map_err(|_| OUTSIDE)?;
        let bytes = self.source.read(start, read_length).map_err(read_error)?;
        let body = usize::try_from(self.tail.offset - start).unwrap_or(usize::MAX);
        let first = usize::try_from(start / BLOCK_BYTES as u64).map_err(|_| OUTSIDE)?;
        for (block, bytes) in (first..).zip(bytes[..bytes.len().min(body)].chunks(BLOCK_BYTES)) {
            self.verify(block, bytes)?;
        }
        let skipped = usize::try_from(offset - start).map_err(|_| OUTSIDE)?;
        Ok(bytes.slice(skipped..skipped + length))
    }

    fn verify(&self, block: usize, bytes: &[u8]) -> Result<(), ChecksumError> {
        let bit = 1 << (block % 64);
        let word = self.verified.get(block / 64);
        if word.is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0) {
            return Ok(());
        }
        let entry = &self.table[block * CHECKSUM_BYTES..][..CHECKSUM_BYTES];
        if entry != crc32c::crc32c(bytes).to_le_bytes() {
            let offset = (block * BLOCK_BYTES) as u64;
            self.damage.get_or_init(|| offset);
            return Err(ChecksumError::Damaged { offset });
        }
        if let Some(word) = word {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }
}
