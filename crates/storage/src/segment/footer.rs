//! What a segment says about itself in the key-value metadata of its Parquet footer.
//!
//! Other readers ignore these keys. Positions are bytes from the start of the file.

use parquet::file::metadata::KeyValue;
use serde::{Deserialize, Serialize};

/// The version that this program writes, and the newest that it reads.
pub(crate) const FORMAT_VERSION: u32 = 2;

/// Key of the format version, a decimal number.
pub(crate) const VERSION_KEY: &str = "outcrop.version";

/// Key of the sections, a JSON object.
pub(crate) const SECTIONS_KEY: &str = "outcrop.sections";

/// Key of the order of the rows, a JSON list of field paths; not there if they are in no order.
pub(crate) const ORDER_KEY: &str = "outcrop.order";

/// The value of the metadata entry `key`, if there is one.
pub(crate) fn metadata_value<'a>(entries: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let entry = entries.iter().find(|entry| entry.key == key)?;
    entry.value.as_deref()
}

/// Where one section lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Section {
    /// First byte.
    pub(crate) offset: u64,
    /// Number of bytes.
    pub(crate) bytes: u64,
}

/// The sections of a segment between its row groups and Parquet's own footer.
/// Readers pass over names they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sections {
    /// From path and value to rows.
    pub(crate) inverted: Section,
    /// Table of block checksums; the tail of the file starts with it.
    pub(crate) checksums: Section,
    /// Type counts of every path.
    pub(crate) types: Section,
}

/// Why the metadata of a file cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FooterError {
    /// Keys are missing or malformed.
    Malformed(&'static str),
    /// Written by a newer program.
    Version(u32),
}

impl Sections {
    /// The metadata entries to write.
    pub(crate) fn to_metadata(&self) -> [KeyValue; 2] {
        let sections = serde_json::to_string(self).expect("numbers always convert to JSON");
        [
            KeyValue::new(VERSION_KEY.to_owned(), FORMAT_VERSION.to_string()),
            KeyValue::new(SECTIONS_KEY.to_owned(), sections),
        ]
    }

    /// Reads the metadata entries of a file.
    ///
    /// # Errors
    /// [`FooterError`] if they are not those of a segment that this program can read.
    pub(crate) fn from_metadata(entries: &[KeyValue]) -> Result<Self, FooterError> {
        let version = metadata_value(entries, VERSION_KEY)
            .and_then(|version| version.parse().ok())
            .ok_or(FooterError::Malformed("the format version is missing"))?;
        if version != FORMAT_VERSION {
            return Err(FooterError::Version(version));
        }
        metadata_value(entries, SECTIONS_KEY)
            .and_then(|sections| serde_json::from_str(sections).ok())
            .ok_or(FooterError::Malformed("the list of sections is missing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_reads_back_and_a_newer_version_is_refused() {
        let section = |offset| Section { offset, bytes: 7 };
        let sections = Sections {
            inverted: section(4),
            checksums: section(11),
            types: section(18),
        };
        let mut entries = sections.to_metadata();
        assert_eq!(Sections::from_metadata(&entries), Ok(sections));
        assert!(matches!(
            Sections::from_metadata(&entries[..1]),
            Err(FooterError::Malformed(_))
        ));
        entries[0].value = Some("3".to_owned());
        assert_eq!(
            Sections::from_metadata(&entries),
            Err(FooterError::Version(3))
        );
        assert!(matches!(
            Sections::from_metadata(&[]),
            Err(FooterError::Malformed(_))
        ));
    }
}
