//! What a decoder answers, frame by frame; `crates/decode/src/frames.rs` says how they look.

use outcrop_document::k;

use super::Record;

const DOCUMENT: u8 = b'd';
const ERROR: u8 = b'e';
const FAILED: u8 = b'f';
const END: u8 = b'.';

/// How an answer ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The file was read to its end.
    Whole,
    /// It cannot be read, for this reason.
    Failed(String),
    /// The decoder broke off, or answered nonsense.
    Missing,
}

/// The records of an answer, and its end.
pub(super) fn read(mut answer: &[u8]) -> (Vec<Record>, End) {
    let mut records = Vec::new();
    loop {
        let Some((kind, content, rest)) = frame(answer) else {
            return (records, End::Missing);
        };
        answer = rest;
        match kind {
            DOCUMENT => match k::decode(content) {
                Ok(document) => records.push(Ok(document)),
                Err(_) => return (records, End::Missing),
            },
            ERROR => records.push(Err(text(content))),
            FAILED => return (records, End::Failed(text(content))),
            END => return (records, End::Whole),
            _ => return (records, End::Missing),
        }
    }
}

fn text(content: &[u8]) -> String {
    String::from_utf8_lossy(content).into_owned()
}

/// The first frame and what is behind it.
fn frame(answer: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = answer.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*kind, content, rest))
}
