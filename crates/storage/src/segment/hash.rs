//! The 64-bit hash of `_id`s: part of the file format, hence spelled out here.

/// Odd constants from the fractional part of the golden ratio and of √3.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const MULTIPLIER: u64 = 0xBB67_AE85_84CA_A73B;

/// Hash of `bytes`: folded multiplication over words of eight bytes, little endian.
///
/// 1. `h = SEED ^ length`.
/// 2. For each eight bytes, the last ones padded with zeros: `h = fold((h ^ word) * MULTIPLIER)`.
/// 3. Once more with the word `SEED`.
///
/// `fold` is the xor of the two halves of the 128-bit product. Not for keyed or hostile uses.
pub(crate) fn hash64(bytes: &[u8]) -> u64 {
    let mut hash = SEED ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = fold(hash ^ u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = fold(hash ^ u64::from_le_bytes(word));
    }
    fold(hash ^ SEED)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the two halves of the product"
)]
fn fold(factor: u64) -> u64 {
    let product = u128::from(factor) * u128::from(MULTIPLIER);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_stay() {
        // A change here makes every segment written before unreadable.
        let hashes = ["", "a", "12345678", "0f8fad5b-d9cb-469f-a165-70867728950e"]
            .map(|text| hash64(text.as_bytes()));
        let distinct = std::collections::BTreeSet::from(hashes);
        assert_eq!(distinct.len(), hashes.len());
        assert_eq!(hashes, KNOWN);
    }

    const KNOWN: [u64; 4] = [
        0x0000_0000_0000_0000,
        0x576D_2183_801B_216C,
        0xCFCA_C6EC_7072_6630,
        0xA218_8F12_BDA1_3F6D,
    ];
}
