//! The files of segments and deletion vectors: how they are made, opened and removed.

use std::io::{self, Write};
use std::sync::Arc;

use crate::CollectionId;
use crate::context::Context;
use crate::deletion_vector::DeletionVector;
use crate::env::{Disk, new_ulid};
use crate::error::StoreError;
use crate::manifest::{DeletionsEntry, Manifest, ManifestLog, SegmentEntry};
use crate::paths::{self, ObjectPath};
use crate::segment::{Segment, SegmentSummary};
use crate::state::SegmentPart;

/// Takes the bytes of a segment.
pub(crate) type Sink<'a> = &'a mut (dyn Write + Send);

/// Objects that the next manifest is going to name.
#[derive(Debug, Default)]
pub(crate) struct NewObjects {
    paths: Vec<ObjectPath>,
}

impl NewObjects {
    /// Makes a new segment of what `write` writes, and opens it. `write` may be called again.
    ///
    /// # Errors
    /// Those of the disk and of `write`; nothing new is left behind.
    pub(crate) fn create_segment(
        &mut self,
        context: &Context,
        id: CollectionId,
        write: &mut dyn FnMut(Sink<'_>) -> Result<SegmentSummary, StoreError>,
    ) -> Result<(SegmentEntry, SegmentPart), StoreError> {
        let ulid = new_ulid(&context.environment);
        let path = paths::segment(id, &ulid);
        let mut failure: Option<StoreError> = None;
        let created = context.environment.disk.create(&path, &mut |sink| {
            write(sink).map(drop).map_err(|error| {
                let message = io::Error::other(error.to_string());
                failure = Some(error);
                message
            })
        });
        let bytes = match (created, failure) {
            (Ok(bytes), _) => bytes,
            (Err(_), Some(error)) => return Err(error),
            (Err(error), None) => return Err(StoreError::io("create", &path)(error)),
        };
        self.paths.push(path.clone());
        let source = context
            .environment
            .disk
            .open(&path, bytes)
            .map_err(StoreError::io("read", &path))?;
        let segment = Segment::open(path.to_string(), source)?;
        let segment = Arc::new(segment.with_cache(&context.column_cache));
        let rows = segment.row_count();
        let entry = SegmentEntry {
            ulid: ulid.clone(),
            rows,
            bytes,
            deletions: None,
        };
        Ok((
            entry,
            SegmentPart::new(ulid, segment, DeletionVector::default()),
        ))
    }

    /// Writes a deletion vector of the segment `ulid`.
    ///
    /// # Errors
    /// Those of the disk; nothing new is left behind.
    pub(crate) fn create_deletions(
        &mut self,
        context: &Context,
        id: CollectionId,
        ulid: &str,
        deletions: &DeletionVector,
    ) -> Result<DeletionsEntry, StoreError> {
        let entry = DeletionsEntry {
            number: new_deletions_number(context),
            rows: deletions.len(),
        };
        let path = paths::deletion_vector(id, ulid, entry.number);
        let bytes = deletions.encode();
        let disk = &context.environment.disk;
        disk.create(&path, &mut |writer| writer.write_all(&bytes))
            .map_err(StoreError::io("create", &path))?;
        self.paths.push(path);
        Ok(entry)
    }

    /// Writes the manifest that names the objects.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn commit(
        self,
        context: &Context,
        log: &mut ManifestLog,
        manifest: Manifest,
    ) -> Result<(), StoreError> {
        let appended = log
            .append(manifest)
            .map_err(|error| context.note_fence(error));
        if appended.as_ref().is_err_and(StoreError::is_disk_full) {
            // The manifest is certainly not there, and the space is needed. After other errors
            // that is not certain: its objects stay until the next open finds out.
            self.remove(context);
        }
        appended
    }

    /// Removes the objects: no manifest is going to name them.
    pub(crate) fn remove(self, context: &Context) {
        remove_objects(context, &self.paths);
    }
}

/// A number that no other deletion vector has. It is drawn, and not that of the manifest to come: a
/// flush whose manifest failed leaves its vectors there, and the next one needs other names.
fn new_deletions_number(context: &Context) -> u64 {
    let mut bytes = [0; 8];
    context.environment.random.fill(&mut bytes);
    // Numbers of 53 bits stay exact in every reader of JSON.
    u64::from_le_bytes(bytes) >> 11
}

/// Removes what is left of a dropped collection: in a bucket all but its last manifest, which says
/// that it was dropped.
///
/// # Errors
/// Those of the disk.
pub(crate) fn remove_dropped(disk: &Arc<dyn Disk>, id: CollectionId) -> Result<(), StoreError> {
    let folders = if disk.is_shared() {
        vec![paths::segments(id), paths::deletions(id)]
    } else {
        vec![paths::collection(id)]
    };
    for folder in folders {
        disk.remove_folder(&folder)
            .map_err(StoreError::io("remove", &folder))?;
    }
    Ok(())
}

/// Removes objects that nothing refers to. One that cannot be removed is found at the next open.
pub(crate) fn remove_objects(context: &Context, paths: &[ObjectPath]) {
    if context.is_fenced() {
        // They are the new owner's business now.
        return;
    }
    for path in paths {
        match context.environment.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %path, "cannot remove an object that is not needed");
            }
            Ok(()) | Err(_) => {}
        }
    }
}
