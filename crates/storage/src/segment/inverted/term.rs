//! How the key of a value becomes a term of the index.
//!
//! A short key is its own term. Of a long one (a paragraph of text, say) only the beginning is
//! kept, with a hash of the whole: enough to find it, though not to be certain, and most of what
//! sentences would cost is saved. `_id`s are never cut, as they must be certain.

use std::borrow::Cow;
use std::ops::Bound;

use super::super::hash::hash64;
use super::key_range::KeyRange;

/// Longest key that is a term as it is. UUIDs, dates as text, e-mail addresses and most names fit.
pub(super) const TERM_BYTES_MAX: usize = 64;

/// Bytes of the hash that ends a cut term.
const HASH_BYTES: usize = 8;

/// Whether the terms of a path are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// They are whole keys, whatever their length.
    Whole,
    /// Long ones are cut.
    Cut,
}

impl Length {
    /// The term of `key`.
    pub(super) fn term(self, key: &[u8]) -> Cow<'_, [u8]> {
        if self == Self::Whole || key.len() <= TERM_BYTES_MAX {
            return Cow::Borrowed(key);
        }
        let mut term = Vec::with_capacity(TERM_BYTES_MAX + HASH_BYTES);
        term.extend_from_slice(&key[..TERM_BYTES_MAX]);
        term.extend_from_slice(&hash64(key).to_be_bytes());
        Cow::Owned(term)
    }

    /// Whether `term` is not the whole key.
    pub(super) fn is_cut(self, term: &[u8]) -> bool {
        self == Self::Cut && term.len() > TERM_BYTES_MAX
    }

    /// The terms of the keys in `range`: all of them, and perhaps some of other keys.
    pub(super) fn terms_of<'a>(self, range: &'a KeyRange) -> Cow<'a, KeyRange> {
        if !self.is_ambiguous(range) {
            return Cow::Borrowed(range);
        }
        if let Some(key) = range.single() {
            return Cow::Owned(KeyRange::equal(self.term(key).into_owned()));
        }
        let low = match &range.low {
            Bound::Included(key) | Bound::Excluded(key) if key.len() > TERM_BYTES_MAX => {
                Bound::Included(key[..TERM_BYTES_MAX].to_vec())
            }
            other => other.clone(),
        };
        let high = match &range.high {
            Bound::Included(key) | Bound::Excluded(key) if key.len() > TERM_BYTES_MAX => {
                let mut end = key[..TERM_BYTES_MAX].to_vec();
                end.extend_from_slice(&[u8::MAX; HASH_BYTES]);
                Bound::Included(end)
            }
            other => other.clone(),
        };
        Cow::Owned(KeyRange { low, high })
    }

    /// Whether the terms alone cannot tell which keys lie in `range`: a bound is longer than what
    /// is kept. Bounds up to that length are decided by the bytes that every term has.
    pub(super) fn is_ambiguous(self, range: &KeyRange) -> bool {
        let is_long = |bound: &Bound<Vec<u8>>| match bound {
            Bound::Included(key) | Bound::Excluded(key) => key.len() > TERM_BYTES_MAX,
            Bound::Unbounded => false,
        };
        self == Self::Cut && (is_long(&range.low) || is_long(&range.high))
    }
}

#[cfg(test)]
mod tests {
    use outcrop_document::{Value, k};
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let text = prop_oneof!["[ab]{0,8}", "a{50,70}[ab]{0,3}", "[ab\u{0}]{60,66}"];
        text.prop_map(|text| k::encode(&Value::String(text)))
    }

    fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
        prop_oneof![
            text().prop_map(Bound::Included),
            text().prop_map(Bound::Excluded),
            Just(Bound::Unbounded),
        ]
    }

    proptest! {
        #[test]
        fn a_range_of_keys_is_within_the_range_of_their_terms(
            keys in prop::collection::vec(text(), 1..20), low in bound(), high in bound(),
        ) {
            let range = KeyRange { low, high };
            let terms = Length::Cut.terms_of(&range);
            for key in keys {
                let in_range = range.compare(&key).is_eq();
                let found = terms.compare(&Length::Cut.term(&key)).is_eq();
                prop_assert!(found || !in_range);
                if !Length::Cut.is_ambiguous(&range) {
                    prop_assert_eq!(found, in_range);
                }
            }
        }
    }
}
