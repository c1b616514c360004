//! Cutting a file into documents, whatever it holds.

use super::{Format, csv, json};
use std::io::BufRead;

/// The largest document that is read into memory. The server's own limit for a request is lower, so that a
/// document between the two is refused there, with its line.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What was found in a file.
pub(crate) enum Record {
    /// Text of one JSON object.
    Document {
        /// Where it begins; the first line is 1.
        line: u64,
        /// The object.
        json: Vec<u8>,
    },
    /// Something that is not a document.
    Bad {
        /// Where it begins; the first line is 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why the rest of a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("cannot read on")]
    Io(#[from] std::io::Error),
    #[error("cannot read the CSV header")]
    Header(#[source] ::csv::Error),
    #[error("the header of the CSV names no column {0}")]
    UnnamedColumn(usize),
    #[error("the header of the CSV names the column `{0}` twice")]
    RepeatedColumn(String),
    #[error("line {line}: the array is not closed")]
    UnclosedArray { line: u64 },
    #[error("line {line}: expected `,` or `]` between the documents of the array")]
    ArraySyntax { line: u64 },
}

/// Takes a record; false if no more are wanted.
pub(crate) type Sink<'a> = dyn FnMut(Record) -> bool + 'a;

/// Reads a file to its end, or until `sink` wants no more.
///
/// # Errors
/// Only for what makes the rest of the file unreadable; a bad line goes to `sink`.
pub(crate) fn read(
    mut input: Box<dyn BufRead>,
    format: Format,
    delimiter: u8,
    sink: &mut Sink<'_>,
) -> Result<(), ReadError> {
    skip_byte_order_mark(&mut input)?;
    match format {
        Format::Csv => csv::read(input, delimiter, sink),
        Format::Json | Format::Auto => json::read(input, sink),
    }
}

fn skip_byte_order_mark(input: &mut dyn BufRead) -> std::io::Result<()> {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    if input.fill_buf()?.starts_with(MARK) {
        input.consume(MARK.len());
    }
    Ok(())
}
