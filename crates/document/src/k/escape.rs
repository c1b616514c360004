//! Zero bytes inside strings: `0x00` becomes `0x00 0xFF`, and a bare `0x00` ends the string.
//!
//! After the end comes a type byte, a member's value, `END` or nothing, and none of these is
//! `0xFF`; so the two cannot be confused, and a string sorts before its extensions.

use std::borrow::Cow;

use super::{DecodeError, END};

/// Follows a zero byte that belongs to the text.
const ESCAPED: u8 = 0xFF;

/// Appends the text with its end.
pub(super) fn write(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(zero) = memchr::memchr(0, rest) {
        out.extend_from_slice(&rest[..=zero]);
        out.push(ESCAPED);
        rest = &rest[zero + 1..];
    }
    out.extend_from_slice(rest);
    out.push(END);
}

/// Finds the end of the text that starts at `start`: the offset of its closing zero byte, and
/// whether zero bytes are escaped inside.
pub(super) fn find_end(bytes: &[u8], start: usize) -> Result<(usize, bool), DecodeError> {
    let mut escaped = false;
    let mut from = start;
    loop {
        let rest = bytes.get(from..).unwrap_or_default();
        let end = match memchr::memchr(0, rest) {
            Some(zero) => from + zero,
            None => {
                return Err(DecodeError::Truncated {
                    offset: bytes.len(),
                });
            }
        };
        if bytes.get(end + 1) != Some(&ESCAPED) {
            return Ok((end, escaped));
        }
        escaped = true;
        from = end + 2;
    }
}

/// The text without escapes, given the bytes up to its closing zero byte.
pub(super) fn unescape(bytes: &[u8], escaped: bool) -> Cow<'_, [u8]> {
    if !escaped {
        return Cow::Borrowed(bytes);
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(zero) = memchr::memchr(0, rest) {
        text.extend_from_slice(&rest[..=zero]);
        rest = rest.get(zero + 2..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}
