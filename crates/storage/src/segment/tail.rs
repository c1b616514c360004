//! The tail of a segment: found from the end of the file, and verified before anything in it is used.

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use super::checksums::{ChecksumError, read_error};
use crate::env::ObjectSource;

/// What the value of the key [`CHECK_KEY`] starts with; it is followed by the tail's CRC32C in
/// eight hexadecimal digits, `:`, and the tail's offset in sixteen.
const CHECK_PREFIX: &[u8] = b"outcrop-check:";
const CHECK_BYTES: usize = CHECK_PREFIX.len() + 8 + 1 + 16;

/// Key of the footer's metadata under which the tail's checksum stands.
pub(crate) const CHECK_KEY: &str = "outcrop.check";

/// Bytes at the end of a Parquet file: the footer's length and the magic number.
const TRAILER_BYTES: usize = 8;

/// The value to write under [`CHECK_KEY`]; `ChecksumSink::finish` fills in the checksum.
pub(crate) fn check_value(tail_offset: u64) -> String {
    let prefix = str::from_utf8(CHECK_PREFIX).expect("the prefix is ASCII");
    format!("{prefix}{:08x}:{tail_offset:016x}", 0)
}

/// The place and content of the tail's checksum in a footer.
pub(super) struct Check {
    /// Where its eight digits start.
    pub(super) crc_offset: usize,
    crc: u32,
    tail_offset: u64,
}

impl Check {
    /// Finds the last checksum value at or behind `start` of `bytes`.
    ///
    /// Column statistics may hold the same bytes, taken from a document, but they stand before the
    /// key-value metadata.
    pub(super) fn find(bytes: &[u8], start: usize) -> Option<Self> {
        let last = bytes.len().checked_sub(CHECK_BYTES)?;
        let at = (start..=last)
            .rev()
            .find(|at| bytes[*at..].starts_with(CHECK_PREFIX))?;
        let digits = &bytes[at + CHECK_PREFIX.len()..at + CHECK_BYTES];
        let digits = str::from_utf8(digits).ok()?;
        let (crc, tail_offset) = digits.split_once(':')?;
        Some(Self {
            crc_offset: at + CHECK_PREFIX.len(),
            crc: u32::from_str_radix(crc, 16).ok()?,
            tail_offset: u64::from_str_radix(tail_offset, 16).ok()?,
        })
    }
}

/// The end of a segment, whose checksum was found right.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    /// Where it starts in the file.
    pub(crate) offset: u64,
    pub(crate) bytes: Bytes,
}

/// How much of the end is read first: the whole tail of most segments.
const TAIL_BYTES_FIRST: u64 = 64 * 1024;

impl Tail {
    /// Reads the tail of the segment and verifies it.
    ///
    /// # Errors
    /// [`ChecksumError`] if this is not a segment, or its tail is damaged or cannot be read.
    pub(crate) fn read(source: &ObjectSource) -> Result<Self, ChecksumError> {
        let end = source.bytes();
        let end_of = |offset: u64| -> Result<Bytes, ChecksumError> {
            let length = usize::try_from(end - offset).map_err(|_| NOT_A_SEGMENT)?;
            source.read(offset, length).map_err(read_error)
        };
        let mut bytes = end_of(end.saturating_sub(TAIL_BYTES_FIRST))?;
        let trailer = bytes
            .len()
            .checked_sub(TRAILER_BYTES)
            .ok_or(NOT_A_SEGMENT)?;
        let (length, magic) = bytes[trailer..].split_at(4);
        if magic != b"PAR1" {
            return Err(NOT_A_SEGMENT);
        }
        let length = length
            .try_into()
            .map(u32::from_le_bytes)
            .map_err(|_| NOT_A_SEGMENT)?;
        let footer = (end - TRAILER_BYTES as u64)
            .checked_sub(u64::from(length))
            .ok_or(NOT_A_SEGMENT)?;
        if footer < end - bytes.len() as u64 {
            bytes = end_of(footer)?;
        }
        let start = end - bytes.len() as u64;
        let footer_start = usize::try_from(footer - start).map_err(|_| NOT_A_SEGMENT)?;
        let check = Check::find(&bytes, footer_start).ok_or(NOT_A_SEGMENT)?;
        let offset = check.tail_offset;
        if offset > footer {
            return Err(ChecksumError::Damaged { offset: footer });
        }
        let crc_offset = start + check.crc_offset as u64;
        if offset < start {
            bytes = end_of(offset)?;
        } else {
            bytes = bytes.slice(usize::try_from(offset - start).map_err(|_| NOT_A_SEGMENT)?..);
        }
        let crc_offset = usize::try_from(crc_offset - offset).map_err(|_| NOT_A_SEGMENT)?;
        let crc = crc32c::crc32c(&bytes[..crc_offset]);
        let crc = crc32c::crc32c_append(crc, b"00000000");
        let crc = crc32c::crc32c_append(crc, &bytes[crc_offset + 8..]);
        if crc != check.crc {
            return Err(ChecksumError::Damaged { offset });
        }
        Ok(Self { offset, bytes })
    }

    /// The bytes from `offset` of the file on, if they are in the tail.
    pub(crate) fn slice(&self, offset: u64, length: u64) -> Option<Bytes> {
        let start = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        (end <= self.bytes.len()).then(|| self.bytes.slice(start..end))
    }
}

const NOT_A_SEGMENT: ChecksumError = ChecksumError::Format {
    detail: "the footer of a segment is missing",
};

/// Parquet's footer and page index lie in the tail, and name places in the file.
impl Length for Tail {
    fn len(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl ChunkReader for Tail {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let length = self.len().saturating_sub(start);
        Ok(bytes::Buf::reader(self.chunk(start, length)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.chunk(start, length as u64)
    }
}

impl Tail {
    fn chunk(&self, start: u64, length: u64) -> ParquetResult<Bytes> {
        let outside = || ParquetError::General("the page index lies outside the tail".to_owned());
        self.slice(start, length).ok_or_else(outside)
    }
}
