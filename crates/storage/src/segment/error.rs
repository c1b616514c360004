//! What can go wrong with columnar data, in memory and on disk.

use std::io;
use std::sync::Arc;

use arrow::error::ArrowError;
use outcrop_document::k::DecodeError;
use parquet::errors::ParquetError;

/// An error of building, writing or reading chunks and segments.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// Bytes of a segment changed since they were written.
    #[error("segment `{path}`: the block at byte {offset} fails its checksum")]
    Checksum {
        /// The segment's file.
        path: String,
        /// Where the block, or the tail of the file, starts.
        offset: u64,
    },
    /// The file is not a segment, or its parts contradict each other.
    #[error("segment `{path}`: {detail}")]
    Format {
        /// The segment's file.
        path: String,
        /// What was expected and not found.
        detail: &'static str,
    },
    /// Bytes of the segment could not be fetched.
    #[error("cannot fetch bytes of segment `{path}`")]
    Read {
        /// The segment's file.
        path: String,
        /// What the disk or the bucket says.
        source: Arc<io::Error>,
    },
    /// The file was written by a newer program.
    #[error("segment `{path}` has format version {found}, this program reads {supported}")]
    Version {
        /// The segment's file.
        path: String,
        /// Version in the file.
        found: u32,
        /// The newest version that can be read.
        supported: u32,
    },
    /// The Parquet layer failed on a segment.
    #[error("cannot read segment `{path}`")]
    Parquet {
        /// The segment's file.
        path: String,
        /// What the Parquet layer says.
        source: ParquetError,
    },
    /// The Parquet layer failed while a segment was written.
    #[error("cannot write segment")]
    Write {
        /// What the Parquet layer says; an I/O error of the sink is inside.
        source: ParquetError,
    },
    /// A document's bytes are not K.
    #[error("document in row {row} cannot be decoded")]
    Document {
        /// Index of the document in its chunk or segment.
        row: u32,
        /// What is wrong with the bytes.
        source: DecodeError,
    },
    /// A term of the inverted index is not K.
    #[error("a term of the index cannot be decoded")]
    Term {
        /// What is wrong with the bytes.
        source: DecodeError,
    },
    /// A document is not an object, or has no `_id` that is a string.
    #[error("document in row {row} has no `_id`")]
    MissingId {
        /// Index of the document in its chunk.
        row: u32,
    },
    /// Two live documents of one segment have the same `_id`.
    #[error("two live documents have the `_id` `{id}`")]
    DuplicateId {
        /// The `_id`.
        id: String,
    },
    /// A row id at or behind the number of rows.
    #[error("there is no row {row}")]
    NoSuchRow {
        /// The row id.
        row: u32,
    },
    /// More rows or bytes than row ids and offsets can address.
    #[error("a chunk of {rows} documents and {bytes} bytes is too large")]
    TooLarge {
        /// Number of documents.
        rows: usize,
        /// Bytes of their K.
        bytes: usize,
    },
    /// A scan predicate or the assembling of a batch failed.
    #[error("cannot scan")]
    Scan {
        /// What the Arrow layer or the predicate says.
        #[from]
        source: ArrowError,
    },
}

impl From<ParquetError> for SegmentError {
    fn from(source: ParquetError) -> Self {
        Self::Write { source }
    }
}

impl From<io::Error> for SegmentError {
    fn from(source: io::Error) -> Self {
        Self::Write {
            source: source.into(),
        }
    }
}
