//! Names for new objects: ULIDs, which sort by the time of their making.

use super::Environment;

/// Crockford's base 32: no I, L, O or U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a ULID: 48 bits of time and 80 random bits, five bits to a character.
const LENGTH: usize = 26;

/// A new ULID (<https://github.com/ulid/spec>): milliseconds since 1970, then 80 random bits.
pub(crate) fn new_ulid(environment: &Environment) -> String {
    let mut bytes = [0; 16];
    environment.random.fill(&mut bytes[6..]);
    let millis = environment
        .clock
        .now_micros()
        .div_euclid(1000)
        .to_be_bytes();
    bytes[..6].copy_from_slice(&millis[2..]);
    encode(u128::from_be_bytes(bytes))
}

fn encode(value: u128) -> String {
    let digit = |place: usize| {
        let bits = (value >> (5 * place)) & 31;
        char::from(DIGITS[usize::try_from(bits).expect("five bits fit")])
    };
    (0..LENGTH).rev().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_the_specification() {
        assert_eq!(encode(0), "00000000000000000000000000");
        assert_eq!(encode(u128::MAX), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_eq!(encode(33), "00000000000000000000000011");
    }
}
