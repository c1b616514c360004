//! Random ids and secrets.

use outcrop_storage::env::Random;

/// The characters of a key.
const ALPHANUMERICS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A random UUID (version 4), lower case with hyphens.
pub(crate) fn uuid(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .hyphenated()
        .to_string()
}

/// `count` random bytes as lower-case hex digits.
pub(crate) fn hex_digits(random: &dyn Random, count: usize) -> String {
    let mut bytes = vec![0; count];
    random.fill(&mut bytes);
    hex(&bytes)
}

/// `bytes` as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// `count` random letters and digits, all equally likely.
pub(crate) fn alphanumerics(random: &dyn Random, count: usize) -> String {
    // Bytes from 248 = 4 * 62 on would make the first letters likelier, and are drawn again.
    const FAIR_MAX: u8 = 4 * 62;
    let mut text = String::with_capacity(count);
    let mut bytes = [0; 64];
    while text.len() < count {
        random.fill(&mut bytes);
        let fair = bytes.iter().filter(|byte| **byte < FAIR_MAX);
        let letters = fair.map(|byte| char::from(ALPHANUMERICS[usize::from(byte % 62)]));
        text.extend(letters.take(count - text.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use outcrop_storage::env::SeededRandom;

    use super::*;

    #[test]
    fn ids_and_secrets_have_their_form() {
        let random = SeededRandom::new(1);
        let key = alphanumerics(&random, 64);
        assert_eq!(key.len(), 64);
        assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(key, alphanumerics(&random, 64));
        assert_eq!(hex_digits(&random, 32).len(), 64);
        assert_eq!(uuid(&random).len(), 36);
        assert_eq!(hex(&[0, 255, 26]), "00ff1a");
    }
}
