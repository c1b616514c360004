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
    changed: Condvar,
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

impl Disk for GatedDisk {
    fn read(&self, path: &ObjectPath) -> io::Result<Bytes> {
        self.disk.read(path)
    }

    fn create(&self, path: &ObjectPath, contents: WriteContents<'_>) -> io::Result<u64> {
        if path.as_str().contains("/segments/") {
            let guard = self.shut.lock().unwrap();
            drop(self.changed.wait_while(guard, |shut| *shut).unwrap());
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
