//! A disk that keeps flushes and compactions waiting, so that a test can write meanwhile.

use std::io;
use std::sync::{Arc, Condvar, Mutex};

use bytes::Bytes;
use outcrop_storage::env::{AppendFile, Disk, DiskLock, MemoryDisk, WriteContents};
use outcrop_storage::{Environment, ObjectPath, Store, StoreOptions};

/// A disk on which segments are not written while the gate is shut.
#[derive(Debug, Default)]
pub(crate) struct GatedDisk {
    disk: MemoryDisk,
    shut: Mutex<bool>,
    /// Whether a segment is to be held back although the gate is open, and whether one is.
    hold: Mutex<Hold>,
    changed: Condvar,
    released: Condvar,
}

#[derive(Debug, Default)]
struct Hold {
    wanted: Option<Wanted>,
    held: bool,
}

/// Which segment is held back.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Next,
    /// That of the thread for compactions.
    Compacted,
}

impl Wanted {
    fn is_here(self) -> bool {
        match self {
            Self::Next => true,
            Self::Compacted => std::thread::current().name() == Some("outcrop-compaction"),
        }
    }
}

impl GatedDisk {
    pub(crate) fn inner(&self) -> &MemoryDisk {
        &self.disk
    }

    pub(crate) fn set_shut(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.changed.notify_all();
    }
}

impl GatedDisk {
    /// Holds the next segment back, and no other, until [`release`](Self::release).
    pub(crate) fn hold_next(&self) {
        self.hold.lock().unwrap().wanted = Some(Wanted::Next);
    }

    /// As [`hold_next`](Self::hold_next), for what is written by compactions in the background.
    pub(crate) fn hold_compaction(&self) {
        self.hold.lock().unwrap().wanted = Some(Wanted::Compacted);
    }

    /// Waits until a segment is held back.
    pub(crate) fn wait_until_held(&self) {
        let guard = self.hold.lock().unwrap();
        drop(self.released.wait_while(guard, |hold| !hold.held).unwrap());
    }

    pub(crate) fn release(&self) {
        *self.hold.lock().unwrap() = Hold::default();
        self.released.notify_all();
    }

    fn pass(&self) {
        let guard = self.shut.lock().unwrap();
        drop(self.changed.wait_while(guard, |shut| *shut).unwrap());
        let mut hold = self.hold.lock().unwrap();
        if hold.wanted.take_if(|wanted| wanted.is_here()).is_some() {
            hold.held = true;
            self.released.notify_all();
            drop(self.released.wait_while(hold, |hold| hold.held).unwrap());
        }
    }
}

impl Disk for GatedDisk {
    fn read(&self, path: &ObjectPath) -> io::Result<Bytes> {
        self.disk.read(path)
    }

    fn create(&self, path: &ObjectPath, contents: WriteContents<'_>) -> io::Result<u64> {
        if path.as_str().contains("/segments/") {
            self.pass();
        }
        self.disk.create(path, contents)
    }

    fn append(&self, path: &ObjectPath) -> io::Result<Box<dyn AppendFile>> {
        self.disk.append(path)
    }

    fn list(&self, folder: &ObjectPath) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn remove(&self, path: &ObjectPath) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_folder(&self, folder: &ObjectPath) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }

    fn remove_folder(&self, folder: &ObjectPath) -> io::Result<()> {
        self.disk.remove_folder(folder)
    }

    fn lock(&self, path: &ObjectPath) -> io::Result<Box<dyn DiskLock>> {
        self.disk.lock(path)
    }

    fn location(&self) -> String {
        self.disk.location()
    }
}

pub(crate) fn open_gated(disk: &Arc<GatedDisk>, options: StoreOptions) -> Arc<Store> {
    let memory = Environment::in_memory(Arc::default(), disk.disk.operations());
    let environment = Environment {
        disk: Arc::<GatedDisk>::clone(disk),
        ..memory
    };
    Store::open(environment, options).unwrap()
}
