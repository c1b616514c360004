//! Garbage collection: files that no manifest names go when nobody reads them any more.
//!
//! A segment that a newer manifest leaves out may still be read: by a query whose snapshot pins
//! it, or by a compaction. Its file waits here until the last such reader has dropped it. A crash
//! forgets the list, which does no harm: at the next open nobody reads, and every file that the
//! manifest does not name is removed (`recovery.rs`).

use std::io::ErrorKind;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::env::Disk;
use crate::paths::ObjectPath;
use crate::segment::Segment;

/// The files that wait to be removed.
#[derive(Debug, Default)]
pub(crate) struct Garbage {
    waiting: Mutex<Vec<Doomed>>,
}

/// A file that no manifest names.
#[derive(Debug)]
pub(crate) struct Doomed {
    path: ObjectPath,
    /// Who may be reading it; dead when nobody is.
    reader: Weak<Segment>,
}

impl Doomed {
    /// The file of `segment`.
    pub(crate) fn segment(path: ObjectPath, segment: &Arc<Segment>) -> Self {
        let reader = Arc::downgrade(segment);
        Self { path, reader }
    }

    /// A file that is only read when a collection is opened.
    pub(crate) fn unread(path: ObjectPath) -> Self {
        let reader = Weak::new();
        Self { path, reader }
    }
}

impl Garbage {
    /// Adds files that the newest manifest does not name.
    pub(crate) fn add(&self, doomed: impl IntoIterator<Item = Doomed>) {
        self.waiting.lock().extend(doomed);
    }

    /// Removes what nobody reads. What cannot be removed stays on the list.
    pub(crate) fn sweep(&self, disk: &dyn Disk) {
        let unread = {
            let mut waiting = self.waiting.lock();
            let (unread, read) = std::mem::take(&mut *waiting)
                .into_iter()
                .partition(|doomed| doomed.reader.strong_count() == 0);
            *waiting = read;
            unread
        };
        let unread: Vec<Doomed> = unread;
        for doomed in unread {
            match disk.remove(&doomed.path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    let path = &doomed.path;
                    tracing::warn!(%error, path = %path, "cannot remove an object that is not needed");
                    self.waiting.lock().push(doomed);
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
}
