//! Checksums over everything in a segment, so that Parquet never sees a damaged byte.
//!
//! The file up to its *tail* (row groups and index) is cut into blocks of [`BLOCK_BYTES`], each
//! with a CRC32C in a table. The tail (that table, the type counts, Parquet's page index and
//! footer) has one CRC32C, which stands in the footer itself. The tail is verified when a segment
//! is opened, a block when it is first read.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// Bytes that one checksum of the table covers: a page or two, 2 µs of work.
pub(crate) const BLOCK_BYTES: usize = 16 * 1024;

/// Bytes of one checksum in the table.
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// What the value of the key [`CHECK_KEY`] starts with; it is followed by the tail's CRC32C in
/// eight hexadecimal digits, `:`, and the tail's offset in sixteen.
const CHECK_PREFIX: &[u8] = b"outcrop-check:";
const CHECK_BYTES: usize = CHECK_PREFIX.len() + 8 + 1 + 16;

/// Key of the footer's metadata under which the tail's checksum stands.
pub(crate) const CHECK_KEY: &str = "outcrop.check";

/// Bytes at the end of a Parquet file: the footer's length and the magic number.
const TRAILER_BYTES: usize = 8;

/// The value to write under [`CHECK_KEY`]; [`ChecksumSink::finish`] fills in the checksum.
pub(crate) fn check_value(tail_offset: u64) -> String {
    let prefix = str::from_utf8(CHECK_PREFIX).expect("the prefix is ASCII");
    format!("{prefix}{:08x}:{tail_offset:016x}", 0)
}

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
        let check = find_check(&tail, 0)
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

/// The place and content of the tail's checksum in a footer.
struct Check {
    /// Where its eight digits start.
    crc_offset: usize,
    crc: u32,
    tail_offset: u64,
}

/// Finds the last checksum value at or behind `start` of `bytes`.
///
/// Column statistics may hold the same bytes, taken from a document, but they stand before the
/// key-value metadata.
fn find_check(bytes: &[u8], start: usize) -> Option<Check> {
    let last = bytes.len().checked_sub(CHECK_BYTES)?;
    let at = (start..=last)
        .rev()
        .find(|at| bytes[*at..].starts_with(CHECK_PREFIX))?;
    let digits = &bytes[at + CHECK_PREFIX.len()..at + CHECK_BYTES];
    let digits = str::from_utf8(digits).ok()?;
    let (crc, tail_offset) = digits.split_once(':')?;
    Some(Check {
        crc_offset: at + CHECK_PREFIX.len(),
        crc: u32::from_str_radix(crc, 16).ok()?,
        tail_offset: u64::from_str_radix(tail_offset, 16).ok()?,
    })
}

/// Why bytes of a segment cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChecksumError {
    /// They changed since they were written.
    #[error("the block at byte {offset} fails its checksum")]
    Damaged { offset: u64 },
    /// They lie behind the end of the file, or no checksum was found.
    #[error("{detail}")]
    Format { detail: &'static str },
}

/// Where the tail of a segment starts, once its checksum was found right.
///
/// # Errors
/// [`ChecksumError`] if this is not a segment, or its tail is damaged.
pub(crate) fn verify_tail(file: &[u8]) -> Result<usize, ChecksumError> {
    const NOT_A_SEGMENT: ChecksumError = ChecksumError::Format {
        detail: "the footer of a segment is missing",
    };
    let trailer = file.len().checked_sub(TRAILER_BYTES).ok_or(NOT_A_SEGMENT)?;
    let (length, magic) = file[trailer..].split_at(4);
    if magic != b"PAR1" {
        return Err(NOT_A_SEGMENT);
    }
    let length = length
        .try_into()
        .map(u32::from_le_bytes)
        .map_err(|_| NOT_A_SEGMENT)?;
    let footer = trailer.checked_sub(length as usize).ok_or(NOT_A_SEGMENT)?;
    let check = find_check(file, footer).ok_or(NOT_A_SEGMENT)?;
    let damaged = ChecksumError::Damaged {
        offset: footer as u64,
    };
    let tail = usize::try_from(check.tail_offset).map_err(|_| damaged)?;
    if tail > footer {
        return Err(damaged);
    }
    let crc = crc32c::crc32c(&file[tail..check.crc_offset]);
    let crc = crc32c::crc32c_append(crc, b"00000000");
    let crc = crc32c::crc32c_append(crc, &file[check.crc_offset + 8..]);
    if crc != check.crc {
        return Err(ChecksumError::Damaged {
            offset: tail as u64,
        });
    }
    Ok(tail)
}

/// The bytes of a segment, handed out after their checksums were found right.
#[derive(Debug)]
pub(crate) struct CheckedBytes {
    bytes: Bytes,
    tail: usize,
    table: Bytes,
    /// One bit per block: found right before.
    verified: Vec<AtomicU64>,
    /// Where damage was seen first.
    damage: OnceLock<u64>,
}

impl CheckedBytes {
    /// The file `bytes`, whose tail was verified and starts at `tail`, with its checksum table.
    ///
    /// # Errors
    /// [`ChecksumError::Format`] if the table has not one entry per block.
    pub(crate) fn new(bytes: Bytes, tail: usize, table: Bytes) -> Result<Self, ChecksumError> {
        let blocks = tail.div_ceil(BLOCK_BYTES);
        if tail > bytes.len() || table.len() != blocks * CHECKSUM_BYTES {
            return Err(ChecksumError::Format {
                detail: "the table of checksums is incomplete",
            });
        }
        let verified = (0..blocks.div_ceil(64))
            .map(|_| AtomicU64::new(0))
            .collect();
        Ok(Self {
            bytes,
            tail,
            table,
            verified,
            damage: OnceLock::new(),
        })
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The damage that was seen first, if any was.
    pub(crate) fn damage(&self) -> Option<ChecksumError> {
        self.damage
            .get()
            .map(|offset| ChecksumError::Damaged { offset: *offset })
    }

    /// The bytes from `offset` on, `length` of them, to be kept.
    ///
    /// # Errors
    /// [`ChecksumError`] if they are damaged or lie outside the file.
    pub(crate) fn slice(&self, offset: u64, length: usize) -> Result<Bytes, ChecksumError> {
        self.get(offset, length)
            .map(|bytes| self.bytes.slice_ref(bytes))
    }

    /// The bytes from `offset` on, `length` of them.
    ///
    /// # Errors
    /// [`ChecksumError`] if they are damaged or lie outside the file.
    pub(crate) fn get(&self, offset: u64, length: usize) -> Result<&[u8], ChecksumError> {
        const OUTSIDE: ChecksumError = ChecksumError::Format {
            detail: "an offset lies behind the end of the file",
        };
        let start = usize::try_from(offset).map_err(|_| OUTSIDE)?;
        let end = start
            .checked_add(length)
            .filter(|end| *end <= self.bytes.len())
            .ok_or(OUTSIDE)?;
        if start < end {
            let blocks =
                start.min(self.tail) / BLOCK_BYTES..end.min(self.tail).div_ceil(BLOCK_BYTES);
            blocks
                .into_iter()
                .try_for_each(|block| self.verify(block))?;
        }
        Ok(&self.bytes[start..end])
    }

    fn verify(&self, block: usize) -> Result<(), ChecksumError> {
        let (word, bit) = (&self.verified[block / 64], 1 << (block % 64));
        if word.load(Ordering::Relaxed) & bit != 0 {
            return Ok(());
        }
        let start = block * BLOCK_BYTES;
        let crc = crc32c::crc32c(&self.bytes[start..(start + BLOCK_BYTES).min(self.tail)]);
        let entry = &self.table[block * CHECKSUM_BYTES..][..CHECKSUM_BYTES];
        if entry != crc.to_le_bytes() {
            self.damage.get_or_init(|| start as u64);
            return Err(ChecksumError::Damaged {
                offset: start as u64,
            });
        }
        word.fetch_or(bit, Ordering::Relaxed);
        Ok(())
    }
}
