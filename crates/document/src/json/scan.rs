//! Scanning strings eight bytes at a time.

/// One in each byte of a word.
const ONES: u64 = u64::MAX / 0xFF;
/// The highest bit of each byte of a word.
const HIGHS: u64 = ONES << 7;

/// How many bytes come before the first quote, backslash or control character.
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let tail_start = words.len() * 8;
    let tail = &bytes[tail_start..];
    tail_start
        + tail
            .iter()
            .position(|byte| is_special(*byte))
            .unwrap_or(tail.len())
}

/// Whether a string stops at this byte.
pub(super) fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Has the high bit of the lowest special byte set, and of no byte below that one.
///
/// Borrows of the subtractions can only disturb the bytes above a special one (Warren, "Hacker's
/// Delight", 6-1).
fn special_bytes(word: u64) -> u64 {
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = is_zero(word ^ (ONES * b'"' as u64));
    let backslash = is_zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGHS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_agree_with_bytes(
            bytes in prop::collection::vec(
                prop_oneof![
                    4 => any::<u8>(),
                    8 => 0x20u8..0x7F,
                    1 => prop::sample::select(vec![b'"', b'\\', 0x1F, 0x20, 0x21, 0x23, 0x5B, 0x5D, 0x80, 0xFF]),
                ],
                0..40,
            ),
        ) {
            let expected = bytes.iter().position(|byte| is_special(*byte)).unwrap_or(bytes.len());
            prop_assert_eq!(plain_len(&bytes), expected);
        }
    }
}
