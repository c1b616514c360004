//! Files of Parquet, Avro and XML as documents, in a process of its own.
//!
//! Such files come from anybody, and what reads them takes as much memory and time as they say. So the server does not
//! link this crate: it starts `outcrop decode`, which is [`run`] under limits, and speaks with it over pipes. In goes
//! one line of JSON, the [`Format`], and then the file. Out come frames, see `frames.rs`.

mod avro;
mod columns;
mod error;
mod format;
mod frames;
mod parquet;
mod scalars;
mod xml;

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use outcrop_document::Value;

pub use error::DecodeError;
pub use format::Format;
pub use xml::{Encoding, XmlOptions};

use frames::FrameWriter;

/// Longest line with the format.
const FORMAT_BYTES_MAX: u64 = 1 << 20;

/// A document, or why one record is none.
pub type Record = Result<Value, String>;

/// Takes the records of a file, one after another.
type Sink<'a> = dyn FnMut(Record) -> io::Result<()> + 'a;

/// Hands the records of a file to `sink`.
///
/// # Errors
/// [`DecodeError::File`] for a file that is damaged or not of the format, after the records before that place;
/// [`DecodeError::Output`] with what `sink` says.
pub fn decode(
    format: &Format,
    file: Vec<u8>,
    sink: &mut dyn FnMut(Record) -> io::Result<()>,
) -> Result<(), DecodeError> {
    match format {
        Format::Parquet => parquet::read(file, sink),
        Format::Avro => avro::read(&file, sink),
        Format::Xml(options) => xml::read(&file, options, sink),
    }
}

/// Reads one file with its format and writes its records as frames.
///
/// What is wrong with the file is told in a frame.
///
/// # Errors
/// What reading and writing fail with.
pub fn run(input: impl Read, output: impl Write) -> io::Result<()> {
    let mut input = BufReader::new(input);
    let mut output = FrameWriter::new(BufWriter::new(output));
    let mut line = Vec::new();
    input
        .by_ref()
        .take(FORMAT_BYTES_MAX)
        .read_until(b'\n', &mut line)?;
    let mut file = Vec::new();
    input.read_to_end(&mut file)?;
    let decoded = match serde_json::from_slice(&line) {
        Ok(format) => decode(&format, file, &mut |record| output.record(record)),
        Err(error) => Err(DecodeError::File(format!(
            "the parameters are not valid: {error}"
        ))),
    };
    match decoded {
        Ok(()) => output.end(),
        Err(DecodeError::File(reason)) => output.failed(&reason),
        Err(DecodeError::Output(error)) => Err(error),
    }
}
