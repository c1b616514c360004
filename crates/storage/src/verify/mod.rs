//! Reads every byte of a stopped store and tells what is wrong with it.
//!
//! Opening a store checks what it needs; this checks everything, and changes nothing: each numbered
//! object, the segments and deletion vectors that the newest manifests name, in each segment the
//! columns, type counts and index against the documents, and the write-ahead log.
//!
//! - `collection`: manifests and what they name; `segment`: one file against itself;
//! - `log`: the write-ahead log against the manifests.

mod collection;
mod log;
mod segment;

use std::collections::BTreeMap;
use std::fmt;

use crate::CollectionId;
use crate::env::Environment;
use crate::error::{StoreError, report};
use crate::numbered::{NumberedError, NumberedObjects};
use crate::paths::ObjectPath;
use crate::segment::SegmentError;
use crate::store;

/// What was read, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Verification {
    /// Objects and files that were read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Live documents of all segments.
    pub documents: u64,
    /// Damage: documents are lost, or would be wrong or missing in answers.
    pub problems: Vec<Problem>,
    /// What an interrupted process has left; the next start removes it.
    pub remarks: Vec<Problem>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The object or file.
    pub path: ObjectPath,
    /// Where in it, if that is known.
    pub offset: Option<u64>,
    /// What is the matter.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.path)?;
        if let Some(offset) = self.offset {
            write!(formatter, " at byte {offset}")?;
        }
        write!(formatter, ": {}", self.reason)
    }
}

/// Checks a whole data folder, and the numbered objects below `series`, which are not storage's own.
///
/// Needs memory for a few times the largest segment.
///
/// # Errors
/// [`StoreError::Locked`] if a process has the folder open; those of listing it. Damage is no
/// error but a [`Problem`].
pub fn verify(environment: &Environment, series: &[&str]) -> Result<Verification, StoreError> {
    let _lock = store::lock(environment)?;
    let disk = &environment.disk;
    let mut found = Verification::default();
    for prefix in series {
        let objects =
            NumberedObjects::new(std::sync::Arc::clone(disk), ObjectPath::new(*prefix), 0);
        found.read_series(&objects)?;
    }
    let mut flushed: BTreeMap<CollectionId, u64> = BTreeMap::new();
    collection::verify_all(disk, &mut found, &mut flushed)?;
    log::verify(disk, &mut found, &flushed)?;
    Ok(found)
}

impl Verification {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn count(&mut self, bytes: usize) {
        self.objects += 1;
        self.bytes += bytes as u64;
    }

    fn problem(&mut self, path: &ObjectPath, offset: Option<u64>, reason: impl Into<String>) {
        self.problems.push(Problem {
            path: path.clone(),
            offset,
            reason: reason.into(),
        });
    }

    fn remark(&mut self, path: &ObjectPath, offset: Option<u64>, reason: impl Into<String>) {
        self.remarks.push(Problem {
            path: path.clone(),
            offset,
            reason: reason.into(),
        });
    }

    /// A problem that an error tells.
    fn failed(&mut self, path: &ObjectPath, error: &dyn std::error::Error) {
        self.problem(path, None, report(error));
    }

    /// A problem of a segment.
    fn segment_failed(&mut self, path: &ObjectPath, error: &SegmentError) {
        match error {
            SegmentError::Checksum { offset, .. } => {
                self.problem(path, Some(*offset), "the block fails its checksum");
            }
            error => self.failed(path, error),
        }
    }

    /// Reads every object of a series.
    fn read_series(&mut self, objects: &NumberedObjects) -> Result<(), StoreError> {
        for number in objects.numbers()? {
            match objects.read(number) {
                Ok(payload) => self.count(payload.len()),
                Err(error @ (NumberedError::Damaged { .. } | NumberedError::Io { .. })) => {
                    self.problem(&objects.path(number), Some(0), report(&error));
                }
                Err(error @ NumberedError::Taken { .. }) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
