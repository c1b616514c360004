//! The name of a collection inside storage: 128 random bits, never reused.
//!
//! Workspaces and collection names that people choose live in the catalog, which maps them to
//! these ids; storage knows nothing else of a collection's name, so that renaming is free.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::env::Random;

/// Identifies one collection for its whole life.
///
/// Displayed and parsed as a lower-case UUID (`8-4-4-4-12` hexadecimal digits), which is also its
/// folder name on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionId(Uuid);

impl CollectionId {
    /// A new id out of 122 random bits (UUID version 4).
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// The id with exactly these bits, most significant byte first.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The bits of the id, most significant byte first.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }
}

impl fmt::Display for CollectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.as_hyphenated())
    }
}

/// The text is not a collection id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a collection id")]
pub struct ParseCollectionIdError {
    text: String,
}

impl FromStr for CollectionId {
    type Err = ParseCollectionIdError;

    /// Accepts the displayed form only, so that a folder has one name and not four.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text)
            .ok()
            .map(Self)
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| ParseCollectionIdError {
                text: text.to_owned(),
            })
    }
}

impl Serialize for CollectionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CollectionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_forms_round_trip() {
        let id = CollectionId::from_bytes([7; 16]);
        assert_eq!(id.to_string(), "07070707-0707-0707-0707-070707070707");
        assert_eq!(id.to_string().parse(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<CollectionId>(&json).unwrap(), id);
    }

    #[test]
    fn only_the_displayed_form_is_accepted() {
        for text in [
            "",
            "x",
            "07070707070707070707070707070707",
            "{07070707-0707-0707-0707-070707070707}",
        ] {
            assert!(text.parse::<CollectionId>().is_err(), "{text}");
        }
    }
}
