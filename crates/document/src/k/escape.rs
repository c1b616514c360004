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
    while let Some(zero) = find_zero(rest) {
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
        let end = match find_zero(rest) {
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
    while let Some(zero) = find_zero(rest) {
        text.extend_from_slice(&rest[..=zero]);
        rest = rest.get(zero + 2..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}

/// The place of the first zero byte.
///
/// Names and most strings are short, so the first words are looked at here; `memchr`, which costs
/// a call before it is fast, takes the rest.
#[inline]
fn find_zero(bytes: &[u8]) -> Option<usize> {
    const WORDS_INLINE: usize = 4;
    const ONES: u64 = u64::MAX / 0xFF;
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().take(WORDS_INLINE).enumerate() {
        let word = u64::from_le_bytes(*word);
        // The high bit of the lowest zero byte, see Warren, "Hacker's Delight", 6-1.
        let zeros = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if zeros != 0 {
            return Some(index * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    let start = words.len().min(WORDS_INLINE) * 8;
    memchr::memchr(0, &bytes[start..]).map(|zero| start + zero)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn zero_is_found_wherever_it_is(
            bytes in prop::collection::vec(prop_oneof![1 => Just(0u8), 30 => any::<u8>()], 0..80),
        ) {
            prop_assert_eq!(find_zero(&bytes), bytes.iter().position(|byte| *byte == 0));
        }
    }
}
