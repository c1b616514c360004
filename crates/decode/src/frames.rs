//! Records on their way to the server.
//!
//! A frame is a byte that says what it is, the length of its content as a 32-bit number, lowest byte first, and the
//! content. Documents are K-encoded, since JSON would lose their types. The last frame is the end or a failure; without
//! one the process broke off. `crates/server/src/upload/frames.rs` reads them.

use std::io::{self, Write};

use outcrop_document::k;

use crate::Record;

const DOCUMENT: u8 = b'd';
const ERROR: u8 = b'e';
const FAILED: u8 = b'f';
const END: u8 = b'.';

/// Writes frames.
pub(crate) struct FrameWriter<W> {
    out: W,
    scratch: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            scratch: Vec::new(),
        }
    }

    /// A document, or why a record is none.
    pub(crate) fn record(&mut self, record: Record) -> io::Result<()> {
        match record {
            Err(reason) => self.frame(ERROR, reason.as_bytes()),
            Ok(document) => {
                let mut bytes = std::mem::take(&mut self.scratch);
                bytes.clear();
                k::encode_into(&document, &mut bytes);
                let written = self.frame(DOCUMENT, &bytes);
                self.scratch = bytes;
                written
            }
        }
    }

    /// The file is read to its end.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.frame(END, &[])?;
        self.out.flush()
    }

    /// The file cannot be read any further.
    pub(crate) fn failed(mut self, reason: &str) -> io::Result<()> {
        self.frame(FAILED, reason.as_bytes())?;
        self.out.flush()
    }

    fn frame(&mut self, kind: u8, content: &[u8]) -> io::Result<()> {
        let length = u32::try_from(content.len())
            .map_err(|_| io::Error::other("a document has more than 4 GiB"))?;
        self.out.write_all(&[kind])?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(content)
    }
}
