//! The manifest of a collection: which segments are alive, and up to which write they go.
//!
//! It is a numbered object (`numbered.rs`) with JSON inside, so that a person can read it; the
//! bytes are described in `docs/formats/manifest.md`. Each flush writes the next number. Segments
//! and deletion vectors are on disk before the manifest that names them, and are removed only after
//! the manifest that no longer does.

mod log;

use serde::{Deserialize, Serialize};

use crate::CollectionId;
use crate::collection_options::CollectionOptions;
use crate::paths::{self, ObjectPath};

pub(crate) use log::{Found, ManifestLog};

/// The version of the JSON inside a manifest.
const VERSION: u32 = 1;

/// What a collection consists of, on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    version: u32,
    pub(crate) collection: CollectionId,
    /// Raised each time the data folder is opened: tells the owner that wrote this from others.
    pub(crate) epoch: u64,
    /// All writes up to this one are in the segments; later ones are in the write-ahead log.
    pub(crate) seqno: u64,
    /// When it was written, in microseconds since 1970; for people.
    pub(crate) written_at_micros: i64,
    /// What its creator chose; absent if that is nothing.
    #[serde(default, skip_serializing_if = "CollectionOptions::is_default")]
    pub(crate) options: CollectionOptions,
    /// Oldest first.
    pub(crate) segments: Vec<SegmentEntry>,
    /// The collection has ceased to exist. In a bucket this manifest stays, so that nobody who
    /// missed that can bring the collection back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dropped: bool,
}

/// A live segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentEntry {
    /// Names its file.
    pub(crate) ulid: String,
    /// Rows in the file, dead ones included.
    pub(crate) rows: u32,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// The rows that are gone; absent if none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletions: Option<DeletionsEntry>,
}

impl SegmentEntry {
    /// Where its deletion vector is, if it has one.
    pub(crate) fn deletions_path(&self, id: CollectionId) -> Option<ObjectPath> {
        let deletions = self.deletions?;
        Some(paths::deletion_vector(id, &self.ulid, deletions.number))
    }
}

/// A deletion vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeletionsEntry {
    /// Drawn at random; with the segment's name it makes its own.
    pub(crate) number: u64,
    /// How many rows it has.
    pub(crate) rows: u64,
}

/// A manifest does not make sense, although its bytes are as they were written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The payload is not the JSON of a manifest.
    #[error("manifest `{path}` cannot be understood")]
    Parse {
        /// The object, below the data folder.
        path: ObjectPath,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The manifest was written by a newer program.
    #[error("manifest `{path}` has version {found}, this program reads version {VERSION}")]
    Version {
        /// The object, below the data folder.
        path: ObjectPath,
        /// Its version.
        found: u32,
    },
    /// The manifest belongs to another collection than the folder it is in.
    #[error("manifest `{path}` belongs to collection `{found}`")]
    Collection {
        /// The object, below the data folder.
        path: ObjectPath,
        /// The collection that it names.
        found: CollectionId,
    },
    /// The manifest and the file of a segment disagree.
    #[error("manifest `{path}` expects {expected} rows in segment `{ulid}`, which has {found}")]
    Rows {
        /// The manifest, below the data folder.
        path: ObjectPath,
        /// Names the segment.
        ulid: String,
        /// Rows according to the manifest.
        expected: u32,
        /// Rows in the file.
        found: u32,
    },
}

impl Manifest {
    /// The first manifest of a new collection.
    pub(crate) fn empty(collection: CollectionId, epoch: u64, written_at_micros: i64) -> Self {
        Self {
            version: VERSION,
            collection,
            epoch,
            seqno: 0,
            written_at_micros,
            options: CollectionOptions::default(),
            segments: Vec::new(),
            dropped: false,
        }
    }

    /// The payload of the numbered object.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest has only text keys and numbers")
    }

    /// Reads the payload of the object at `path`, which lies in the folder of `collection`.
    ///
    /// # Errors
    /// [`ManifestError`] if it is not one of this collection and version.
    pub(crate) fn decode(
        payload: &[u8],
        path: &ObjectPath,
        collection: CollectionId,
    ) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let parse = |source| ManifestError::Parse {
            path: path.clone(),
            source,
        };
        let Versioned { version } = serde_json::from_slice(payload).map_err(parse)?;
        if version != VERSION {
            return Err(ManifestError::Version {
                path: path.clone(),
                found: version,
            });
        }
        let manifest: Self = serde_json::from_slice(payload).map_err(parse)?;
        if manifest.collection != collection {
            let found = manifest.collection;
            return Err(ManifestError::Collection {
                path: path.clone(),
                found,
            });
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> CollectionId {
        CollectionId::from_bytes([3; 16])
    }

    fn decode(payload: &[u8]) -> Result<Manifest, ManifestError> {
        Manifest::decode(payload, &ObjectPath::new("m/1"), id())
    }

    #[test]
    fn a_manifest_round_trips() {
        let mut manifest = Manifest::empty(id(), 7, 1);
        manifest.options.retention_secs = Some(3600);
        manifest.segments = vec![
            SegmentEntry {
                ulid: "A".into(),
                rows: 5,
                bytes: 100,
                deletions: None,
            },
            SegmentEntry {
                ulid: "B".into(),
                rows: 6,
                bytes: 90,
                deletions: Some(DeletionsEntry { number: 4, rows: 2 }),
            },
        ];
        assert_eq!(decode(&manifest.encode()).unwrap(), manifest);
    }

    #[test]
    fn a_manifest_without_options_is_read() {
        let manifest = Manifest::empty(id(), 7, 1);
        assert!(
            !String::from_utf8(manifest.encode())
                .unwrap()
                .contains("options")
        );
        assert_eq!(decode(&manifest.encode()).unwrap(), manifest);
    }

    #[test]
    fn other_versions_and_collections_are_refused_by_name() {
        let mut manifest = Manifest::empty(id(), 1, 1);
        manifest.version = 2;
        let error = decode(&manifest.encode()).unwrap_err().to_string();
        assert_eq!(
            error,
            "manifest `m/1` has version 2, this program reads version 1"
        );
        let other = Manifest::empty(CollectionId::from_bytes([4; 16]), 1, 1);
        assert!(matches!(
            decode(&other.encode()),
            Err(ManifestError::Collection { .. })
        ));
        assert!(matches!(decode(b"{}"), Err(ManifestError::Parse { .. })));
    }
}
