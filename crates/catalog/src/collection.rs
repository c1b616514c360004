//! What is known of a collection, and its handle into storage.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use outcrop_storage::{Collection, CollectionId, CollectionOptions};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::error::CatalogError;
use crate::source::SourceRecord;
use crate::workspace::COMMONS;

/// The collection of [`COMMONS`] that the server itself writes: what happened in the organisation.
pub const EVENTS: &str = "_events";

/// For how long [`EVENTS`] keeps documents: 30 days.
const EVENTS_RETENTION_SECS: u64 = 30 * 24 * 60 * 60;

/// Retention in seconds: an hour to ten years, as in Rockset.
pub(crate) const RETENTION_SECS: std::ops::RangeInclusive<u64> = 3_600..=315_359_999;

/// Where a collection is in its life: `Created`, `Ready`, `Deleted`, then gone.
///
/// Each step is durable before the next one starts, so that a crash leaves one of these and the
/// next start finishes what was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CollectionStatus {
    /// Its name is taken; storage may not have it yet.
    Created,
    /// It can be written and queried.
    Ready,
    /// It is being dropped; storage may still have it.
    Deleted,
}

impl CollectionStatus {
    /// The status as the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Ready => "READY",
            Self::Deleted => "DELETED",
        }
    }
}

/// The compression that the creator asked for. It is kept and echoed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Compression {
    /// LZ4.
    #[default]
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// The compression as the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lz4 => "LZ4",
            Self::Zstd => "ZSTD",
        }
    }
}

/// What the creator of a collection chooses, besides its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionSettings {
    /// Free text.
    pub description: Option<String>,
    /// What storage has to know: the clustering key and the retention.
    #[serde(flatten)]
    pub storage: CollectionOptions,
    /// The ingest transformation as it was given.
    pub field_mapping_sql: Option<String>,
    /// See [`Compression`].
    #[serde(default)]
    pub compression: Compression,
    /// Where documents come from by themselves.
    #[serde(default)]
    pub sources: Vec<SourceRecord>,
}

impl CollectionSettings {
    /// Checks a retention in seconds.
    ///
    /// # Errors
    /// [`CatalogError::BadRetention`] if it is out of range.
    pub fn check_retention(seconds: i64) -> Result<u64, CatalogError> {
        u64::try_from(seconds)
            .ok()
            .filter(|seconds| RETENTION_SECS.contains(seconds))
            .ok_or(CatalogError::BadRetention {
                seconds,
                min: *RETENTION_SECS.start(),
                max: *RETENTION_SECS.end(),
            })
    }
}

/// A collection as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionRecord {
    /// Its name in storage.
    pub id: CollectionId,
    /// Its workspace.
    pub workspace: String,
    /// Its name, unique in the workspace.
    pub name: String,
    /// Where it is in its life.
    pub status: CollectionStatus,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// E-mail of the creator; none for [`EVENTS`].
    pub created_by: Option<String>,
    /// Name of the key that created it.
    pub created_by_key: Option<String>,
    /// What the creator chose.
    pub settings: CollectionSettings,
}

impl CollectionRecord {
    /// [`EVENTS`] of a new organisation.
    pub(crate) fn events(id: CollectionId, now_micros: i64) -> Self {
        let storage = CollectionOptions {
            retention_secs: Some(EVENTS_RETENTION_SECS),
            ..CollectionOptions::default()
        };
        Self {
            id,
            workspace: COMMONS.to_owned(),
            name: EVENTS.to_owned(),
            status: CollectionStatus::Created,
            created_at_micros: now_micros,
            created_by: None,
            created_by_key: None,
            settings: CollectionSettings {
                storage,
                ..CollectionSettings::default()
            },
        }
    }

    /// Whether the server alone writes it: nobody made it.
    pub fn is_system(&self) -> bool {
        self.created_by.is_none()
    }

    /// Whether it exists for users: it is not being deleted.
    pub fn is_alive(&self) -> bool {
        self.status != CollectionStatus::Deleted
    }

    /// `workspace.name`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.workspace, self.name)
    }
}

/// A ready collection.
#[derive(Debug)]
pub struct CollectionEntry {
    record: CollectionRecord,
    handle: Arc<Collection>,
    usage: Arc<Usage>,
}

/// What happened to a collection since the start; it outlives changes of the record.
#[derive(Debug, Default)]
struct Usage {
    last_queried_micros: AtomicI64,
    transformation_errors: Mutex<TransformationErrors>,
}

/// Documents that the ingest transformation of a collection failed for, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransformationErrors {
    /// How many.
    pub count: u64,
    /// Why the last one did.
    pub last_message: Option<String>,
}

impl CollectionEntry {
    pub(crate) fn new(record: CollectionRecord, handle: Arc<Collection>) -> Self {
        Self {
            record,
            handle,
            usage: Arc::default(),
        }
    }

    /// The same collection with other settings.
    pub(crate) fn with_record(&self, record: CollectionRecord) -> Self {
        Self {
            record,
            handle: Arc::clone(&self.handle),
            usage: Arc::clone(&self.usage),
        }
    }

    /// What is kept of it.
    pub fn record(&self) -> &CollectionRecord {
        &self.record
    }

    /// Its documents.
    pub fn handle(&self) -> Arc<Collection> {
        Arc::clone(&self.handle)
    }

    /// Notes that a query read it at this time, in microseconds since 1970.
    pub fn mark_queried(&self, now_micros: i64) {
        self.usage
            .last_queried_micros
            .fetch_max(now_micros, Ordering::Relaxed);
    }

    /// When a query last read it, in microseconds since 1970; 0 if never since the start.
    pub fn last_queried_micros(&self) -> i64 {
        self.usage.last_queried_micros.load(Ordering::Relaxed)
    }

    /// Counts documents that the ingest transformation failed for, the last one with `message`.
    pub fn add_transformation_errors(&self, count: u64, message: &str) {
        let mut errors = self.usage.transformation_errors.lock();
        errors.count += count;
        errors.last_message = Some(message.to_owned());
    }

    /// Documents that the ingest transformation failed for, since the start.
    pub fn transformation_errors(&self) -> TransformationErrors {
        self.usage.transformation_errors.lock().clone()
    }
}
