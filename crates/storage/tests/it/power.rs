//! The power goes while writers, flushes, folds and compactions all run.

use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use outcrop_storage::env::{AppendFile, Disk, DiskLock, MemoryDisk, WriteContents};
use outcrop_storage::{Collection, Environment, ObjectPath, Operation, Store, StoreOptions};

use crate::support::*;

const WRITERS: i64 = 4;

/// What one process sees of a disk: nothing happens on it any more once the power is cut.
#[derive(Debug)]
struct PoweredDisk {
    disk: Arc<MemoryDisk>,
    is_on: Arc<RwLock<bool>>,
}

impl PoweredDisk {
    fn new(disk: &Arc<MemoryDisk>) -> Self {
        Self {
            disk: Arc::clone(disk),
            is_on: Arc::new(RwLock::new(true)),
        }
    }

    fn cut(&self) {
        let mut is_on = self.is_on.write().unwrap();
        *is_on = false;
        self.disk.crash();
    }

    fn powered<T>(&self, operation: impl FnOnce(&MemoryDisk) -> io::Result<T>) -> io::Result<T> {
        if_on(&self.is_on, || operation(&self.disk))
    }
}

fn if_on<T>(is_on: &RwLock<bool>, operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let is_on = is_on.read().unwrap();
    if *is_on {
        operation()
    } else {
        Err(io::Error::other("the power is cut"))
    }
}

impl Disk for PoweredDisk {
    fn read(&self, path: &ObjectPath) -> io::Result<Bytes> {
        self.powered(|disk| disk.read(path))
    }

    fn create(&self, path: &ObjectPath, contents: WriteContents<'_>) -> io::Result<u64> {
        self.powered(|disk| disk.create(path, contents))
    }

    fn append(&self, path: &ObjectPath) -> io::Result<Box<dyn AppendFile>> {
        let file = self.powered(|disk| disk.append(path))?;
        Ok(Box::new(PoweredFile {
            file,
            is_on: Arc::clone(&self.is_on),
        }))
    }

    fn list(&self, folder: &ObjectPath) -> io::Result<Vec<String>> {
        self.powered(|disk| disk.list(folder))
    }

    fn remove(&self, path: &ObjectPath) -> io::Result<()> {
        self.powered(|disk| disk.remove(path))
    }

    fn sync_folder(&self, folder: &ObjectPath) -> io::Result<()> {
        self.powered(|disk| disk.sync_folder(folder))
    }

    fn remove_folder(&self, folder: &ObjectPath) -> io::Result<()> {
        self.powered(|disk| disk.remove_folder(folder))
    }

    fn lock(&self, path: &ObjectPath) -> io::Result<Box<dyn DiskLock>> {
        self.powered(|disk| disk.lock(path))
    }

    fn location(&self) -> String {
        self.disk.location()
    }
}

#[derive(Debug)]
struct PoweredFile {
    file: Box<dyn AppendFile>,
    is_on: Arc<RwLock<bool>>,
}

impl AppendFile for PoweredFile {
    fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    fn append(&mut self, data: &[u8]) -> io::Result<()> {
        if_on(&self.is_on, || self.file.append(data))
    }

    fn sync(&mut self) -> io::Result<()> {
        if_on(&self.is_on, || self.file.sync())
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        if_on(&self.is_on, || self.file.truncate(bytes))
    }
}

fn open_powered(disk: &Arc<PoweredDisk>) -> Arc<Store> {
    let busy = StoreOptions {
        flush_documents: 40,
        delta_bytes_max: 20_000,
        wal_file_bytes: 3000,
        ..StoreOptions::default()
    };
    let memory = Environment::in_memory(Arc::default(), disk.disk.operations());
    let environment = Environment {
        disk: Arc::<PoweredDisk>::clone(disk),
        ..memory
    };
    Store::open(environment, busy).unwrap()
}

/// Writes batches until one is refused. Each puts `n` into the documents `writer-0` to `writer-4`,
/// and deletes and adds another one.
fn write_until_refused(collection: &Collection, writer: i64, next: &AtomicI64) {
    loop {
        let n = next.load(Ordering::Relaxed);
        let mut operations: Vec<_> = (0..5).map(|k| put(&format!("{writer}-{k}"), n)).collect();
        operations.push(Operation::delete(format!("{writer}-odd-{}", n - 1)));
        operations.push(put(&format!("{writer}-odd-{n}"), n));
        if try_write(collection, operations).is_err() {
            return;
        }
        next.store(n + 1, Ordering::Relaxed);
    }
}

#[test]
fn a_power_cut_in_the_middle_of_everything_loses_nothing_acknowledged() {
    let memory = Arc::new(MemoryDisk::new());
    let next: Vec<Arc<AtomicI64>> = (0..WRITERS).map(|_| Arc::default()).collect();
    for round in 0..12_u64 {
        let disk = Arc::new(PoweredDisk::new(&memory));
        let store = open_powered(&disk);
        let collection = collection(&store);
        let found = contents(&collection);
        for (writer, next) in (0..).zip(&next) {
            // The write under way when the power went may be there, whole, or not.
            let acknowledged = next.load(Ordering::Relaxed) - 1;
            let Some(&last) = found.get(&format!("{writer}-0")) else {
                assert_eq!(acknowledged, -1);
                continue;
            };
            assert!(
                last == acknowledged || last == acknowledged + 1,
                "{last} {acknowledged}"
            );
            assert!((0..5).all(|k| found[&format!("{writer}-{k}")] == last));
            assert_eq!(found[&format!("{writer}-odd-{last}")], last);
            next.store(last + 1, Ordering::Relaxed);
        }
        let expected = next
            .iter()
            .filter(|next| next.load(Ordering::Relaxed) > 0)
            .count()
            * 6;
        assert_eq!(found.len(), expected);

        let writers: Vec<_> = (0..WRITERS)
            .zip(&next)
            .map(|(writer, next)| {
                let (collection, next) = (Arc::clone(&collection), Arc::clone(next));
                thread::spawn(move || write_until_refused(&collection, writer, &next))
            })
            .collect();
        thread::sleep(Duration::from_millis(60 + round * 37 % 90));
        disk.cut();
        for writer in writers {
            writer.join().unwrap();
        }
    }
    assert!(next.iter().all(|next| next.load(Ordering::Relaxed) > 10));
}
