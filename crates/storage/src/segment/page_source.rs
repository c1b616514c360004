//! Hands Parquet's reader the bytes of a segment, each block verified before it is first used.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::checksums::CheckedBytes;

/// A segment's bytes as Parquet reads them.
#[derive(Clone, Debug)]
pub(crate) struct PageSource(pub(crate) Arc<CheckedBytes>);

impl Length for PageSource {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for PageSource {
    type T = PageStream;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(PageStream {
            bytes: Arc::clone(&self.0),
            next: start,
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0
            .slice(start, length)
            .map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// The bytes from one position on. Parquet reads so only where it has no page index.
pub(crate) struct PageStream {
    bytes: Arc<CheckedBytes>,
    next: u64,
}

impl Read for PageStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left =
            usize::try_from(self.bytes.len().saturating_sub(self.next)).unwrap_or(usize::MAX);
        let count = out.len().min(left);
        let bytes = self
            .bytes
            .slice(self.next, count)
            .map_err(io::Error::other)?;
        out[..count].copy_from_slice(&bytes);
        self.next += count as u64;
        Ok(count)
    }
}
