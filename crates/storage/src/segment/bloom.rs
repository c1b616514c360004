//! A split-block Bloom filter: one 32-byte block per key, one bit in each of its eight words.
//!
//! The layout and the salts are those of Parquet's filters; only the hash is our own
//! ([`hash64`](super::hash::hash64)). About 12 bits per key give one false answer in 250.

/// Bytes of one block.
pub(crate) const BLOCK_BYTES: usize = 32;

const BITS_PER_KEY: usize = 12;

const SALTS: [u32; 8] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// The filter of all `hashes`, as bytes.
pub(crate) fn build(hashes: &[u64]) -> Vec<u8> {
    let blocks = (hashes.len() * BITS_PER_KEY)
        .div_ceil(BLOCK_BYTES * 8)
        .max(1);
    let mut bytes = vec![0; blocks * BLOCK_BYTES];
    for hash in hashes {
        let start = block_of(*hash, blocks) * BLOCK_BYTES;
        let (words, _) = bytes[start..start + BLOCK_BYTES].as_chunks_mut::<4>();
        for (word, mask) in words.iter_mut().zip(masks(*hash)) {
            *word = (u32::from_le_bytes(*word) | mask).to_le_bytes();
        }
    }
    bytes
}

/// Where the block of `hash` starts in a filter of `filter_bytes`; none if that is no filter.
pub(crate) fn block_offset(hash: u64, filter_bytes: usize) -> Option<usize> {
    let blocks = filter_bytes / BLOCK_BYTES;
    (blocks > 0).then(|| block_of(hash, blocks) * BLOCK_BYTES)
}

/// Whether `block` may hold the key of `hash`.
pub(crate) fn block_contains(block: &[u8], hash: u64) -> bool {
    let (words, _) = block.as_chunks::<4>();
    words
        .iter()
        .zip(masks(hash))
        .all(|(word, mask)| u32::from_le_bytes(*word) & mask != 0)
}

/// Spreads the upper half of the hash over the blocks without a division.
fn block_of(hash: u64, blocks: usize) -> usize {
    let product = u128::from(hash >> 32) * blocks as u128;
    usize::try_from(product >> 32).expect("a factor below 1 times the number of blocks")
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half of the hash is meant"
)]
fn masks(hash: u64) -> impl Iterator<Item = u32> {
    let key = hash as u32;
    SALTS
        .into_iter()
        .map(move |salt| 1 << (key.wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::hash::hash64;

    #[test]
    fn all_keys_are_found_and_few_others() {
        let hash = |number: u32| hash64(format!("key-{number}").as_bytes());
        let hashes: Vec<u64> = (0..10_000).map(hash).collect();
        let filter = build(&hashes);
        let contains = |hash: u64| {
            let offset = block_offset(hash, filter.len()).unwrap();
            block_contains(&filter[offset..offset + BLOCK_BYTES], hash)
        };
        assert!(hashes.iter().all(|hash| contains(*hash)));
        let false_answers = (10_000..110_000)
            .filter(|number| contains(hash(*number)))
            .count();
        assert!(false_answers < 800, "{false_answers} of 100,000");
        assert_eq!(block_offset(1, 0), None);
        assert!(!build(&[]).is_empty());
    }
}
