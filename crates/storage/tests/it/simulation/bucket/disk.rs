//! The bucket as one process sees it, whose threads take turns.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use outcrop_storage::ObjectPath;
use outcrop_storage::env::{
    AppendFile, BucketDisk, Disk, DiskLock, ObjectSource, WriteContents, outcome_is_unknown,
};
use parking_lot::Mutex;

use super::world::World;
use crate::bucket::faulty::FaultyStore;
use crate::simulation::gate::Gate;
use crate::simulation::writes::WRITER;

/// See the module.
#[derive(Debug)]
pub(super) struct TurnDisk {
    pub(super) disk: BucketDisk,
    pub(super) requests: Arc<FaultyStore>,
    /// Where the writer thread waits for more batches.
    pub(super) log_gate: Gate,
    /// Where flushes and compactions wait while writes go on.
    pub(super) object_gate: Gate,
    /// Where the writer thread waits before it tries a write of unknown outcome again.
    pub(super) settle_gate: Gate,
    pub(super) is_dead: AtomicBool,
    pub(super) world: Arc<Mutex<World>>,
    pub(super) process: u64,
    /// The newest object of the log that this process has made.
    pub(super) newest_log: AtomicU64,
    pub(super) reading: Mutex<()>,
}

impl TurnDisk {
    /// The process is gone: nothing waits any more.
    pub(super) fn kill(&self) {
        self.is_dead.store(true, Ordering::Release);
        self.requests.kill();
        for gate in [&self.log_gate, &self.object_gate, &self.settle_gate] {
            gate.open();
        }
    }

    /// Whether another process has put its fence behind what this one has written.
    pub(super) fn is_fenced(&self) -> bool {
        let folder = ObjectPath::new("wal");
        let listed = self.requests.calm(|| self.disk.list(&folder));
        let newest = listed.unwrap_or_default().pop();
        let newest = newest.map_or(0, |name| name.parse().expect("a number"));
        newest > self.newest_log.load(Ordering::Acquire)
    }

    fn pass(&self, path: &ObjectPath) {
        for gate in [&self.settle_gate, &self.log_gate, &self.object_gate] {
            gate.pass(path.as_str());
        }
    }

    fn count_rejection(&self, path: &ObjectPath) {
        let mut world = self.world.lock();
        if world.owner == self.process {
            return;
        }
        let path = path.as_str();
        if path.starts_with("wal/") {
            world.count("fence rejection on the log");
        } else if path.starts_with("catalog/") {
            world.count("fence rejection on the catalog");
        } else if path.contains("/manifest/") {
            world.count("fence rejection on a manifest");
        }
    }
}

impl Disk for TurnDisk {
    fn read(&self, path: &ObjectPath) -> io::Result<Bytes> {
        self.pass(path);
        if std::thread::current().name().is_none() {
            // Several read the log at the same time, in an order that is not ours to choose.
            let _turn = self.reading.lock();
            return self.requests.calm(|| self.disk.read(path));
        }
        self.disk.read(path)
    }

    fn open(&self, path: &ObjectPath, bytes: u64) -> io::Result<ObjectSource> {
        self.disk.open(path, bytes)
    }

    fn create(&self, path: &ObjectPath, contents: WriteContents<'_>) -> io::Result<u64> {
        self.pass(path);
        let created = self.disk.create(path, contents);
        if let (Ok(_), Some(number)) = (&created, path.as_str().strip_prefix("wal/")) {
            let number = number.parse().expect("objects of the log have numbers");
            self.newest_log.store(number, Ordering::Release);
        }
        if let Err(error) = &created {
            if error.kind() == ErrorKind::AlreadyExists {
                self.count_rejection(path);
            }
            let is_writer = std::thread::current().name() == Some(WRITER);
            if is_writer && outcome_is_unknown(error) && !self.is_dead.load(Ordering::Acquire) {
                self.settle_gate.shut(WRITER, "wal/");
            }
        }
        created
    }

    fn append(&self, path: &ObjectPath) -> io::Result<Box<dyn AppendFile>> {
        self.disk.append(path)
    }

    fn list(&self, folder: &ObjectPath) -> io::Result<Vec<String>> {
        self.pass(folder);
        self.disk.list(folder)
    }

    fn remove(&self, path: &ObjectPath) -> io::Result<()> {
        self.pass(path);
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

    fn is_shared(&self) -> bool {
        true
    }

    fn location(&self) -> String {
        "simulation".to_owned()
    }
}
