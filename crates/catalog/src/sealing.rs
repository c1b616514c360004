//! Secrets at rest: those of integrations, and API keys.
//!
//! Of a key a hash is kept, see [`Sealing::fingerprint`]. Each other secret is sealed with AES-256-GCM under the folder's sealing key, a numbered object of its own beside
//! the catalog: whoever sees states of the catalog or copies of them sees no secret.
//! Whoever can read the whole folder or bucket has the key as well. A sealed text is
//! `sealed:` and the base64 of nonce, ciphertext and tag. What it belongs to is authenticated with it, so that it
//! opens nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outcrop_storage::Store;
use outcrop_storage::env::Random;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use crate::error::CatalogError;
use crate::random;

/// The prefix of the numbered object that holds the key.
const PREFIX: &str = "sealing-key";

/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// What the key of [`Sealing::fingerprint`] is made from, so that it is not that of sealed texts.
const FINGERPRINTS: &[u8] = b"fingerprints of API keys";

/// What sealed texts begin with.
const MARK: &str = "sealed:";

/// Seals and opens secrets.
pub struct Sealing {
    key: LessSafeKey,
    fingerprints: hmac::Key,
}

impl std::fmt::Debug for Sealing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sealing").finish_non_exhaustive()
    }
}

impl Sealing {
    /// The key of `store`, made if there is none yet.
    ///
    /// # Errors
    /// [`CatalogError::State`], and [`CatalogError::SealingKey`] if the object is not a key.
    pub(crate) fn open(store: &Store) -> Result<Self, CatalogError> {
        let failed = |action| move |source| CatalogError::State { action, source };
        let objects = store.numbered(PREFIX);
        let found = objects
            .newest()
            .map_err(failed("read the sealing key of"))?;
        let bytes = match found {
            Some(object) => object.payload.to_vec(),
            None => {
                let mut bytes = vec![0; KEY_BYTES];
                store.environment().random.fill(&mut bytes);
                let created = objects.create(1, &bytes);
                created.map_err(failed("write the sealing key of"))?;
                bytes
            }
        };
        Self::new(&bytes)
    }

    fn new(bytes: &[u8]) -> Result<Self, CatalogError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| CatalogError::SealingKey)?;
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), FINGERPRINTS);
        Ok(Self {
            key: LessSafeKey::new(key),
            fingerprints: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
        })
    }

    /// What is kept of an API key: its HMAC-SHA-256 as 64 hex digits. Whoever sees a state of the catalog, but
    /// not the sealing key, cannot even try guesses.
    pub fn fingerprint(&self, secret: &str) -> String {
        random::hex(hmac::sign(&self.fingerprints, secret.as_bytes()).as_ref())
    }

    /// `secret`, sealed for `place`.
    pub fn seal(&self, random: &dyn Random, place: &str, secret: &str) -> String {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut sealed = secret.as_bytes().to_vec();
        let place = Aad::from(place.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), place, &mut sealed)
            .expect("a secret is shorter than 64 GiB");
        let bytes = [&nonce[..], &sealed].concat();
        format!("{MARK}{}", STANDARD.encode(bytes))
    }

    /// The secret that was sealed for `place`; none if the text was not made by [`Self::seal`] with
    /// this key and place.
    pub fn open_text(&self, place: &str, text: &str) -> Option<String> {
        let mut bytes = STANDARD.decode(text.strip_prefix(MARK)?).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let place = Aad::from(place.as_bytes());
        let opened = self.key.open_in_place(nonce, place, sealed).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use outcrop_storage::env::SeededRandom;

    use super::*;

    fn sealing(byte: u8) -> Sealing {
        Sealing::new(&[byte; KEY_BYTES]).unwrap()
    }

    #[test]
    fn fingerprints_differ_by_secret_and_by_key() {
        let fingerprint = sealing(1).fingerprint("secret");
        assert_eq!(fingerprint.len(), 64);
        assert_eq!(fingerprint, sealing(1).fingerprint("secret"));
        assert_ne!(fingerprint, sealing(1).fingerprint("secret2"));
        assert_ne!(fingerprint, sealing(2).fingerprint("secret"));
    }

    #[test]
    fn a_secret_opens_with_its_key_at_its_place_only() {
        let random = SeededRandom::new(1);
        let text = sealing(1).seal(&random, "a/s3", "secret");
        assert!(!text.contains("secret"));
        assert_ne!(text, sealing(1).seal(&random, "a/s3", "secret"));
        assert_eq!(sealing(1).open_text("a/s3", &text).unwrap(), "secret");
        assert_eq!(sealing(2).open_text("a/s3", &text), None);
        assert_eq!(sealing(1).open_text("b/s3", &text), None);
        let mut damaged = text.clone().into_bytes();
        damaged[MARK.len() + 20] ^= 1;
        let damaged = String::from_utf8(damaged).unwrap();
        assert_eq!(sealing(1).open_text("a/s3", &damaged), None);
        for text in ["", "sealed:", "sealed:AAAA", "secret"] {
            assert_eq!(sealing(1).open_text("a/s3", text), None);
        }
    }
}
