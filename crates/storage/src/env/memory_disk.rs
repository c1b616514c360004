//! A disk in memory that can be made to fail, fill up and lose power; for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use super::disk::{AppendFile, Disk, DiskLock, WriteContents};
use crate::paths::ObjectPath;

/// Holds objects in memory and fails as told.
///
/// Every call that reaches a real disk counts as one operation, and [`fail_nth`](Self::fail_nth)
/// makes one of them fail. [`crash`](Self::crash) takes away what was not synced, as a power cut
/// does.
#[derive(Debug, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<ObjectPath, Object>,
    locks: BTreeSet<ObjectPath>,
    operations: u64,
    fault: Option<Fault>,
    sync_fault: Option<ErrorKind>,
    create_fault: Option<ObjectPath>,
    capacity_bytes: Option<u64>,
    /// Raised by a crash: handles of an earlier life write nowhere.
    life: u64,
}

#[derive(Debug, Default)]
struct Object {
    bytes: Vec<u8>,
    /// What survives a crash.
    synced: Vec<u8>,
}

#[derive(Debug)]
struct Fault {
    at_operation: u64,
    kind: ErrorKind,
}

impl MemoryDisk {
    /// An empty disk without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the operation that comes after `n` others fail with `kind`, once; 0 is the next.
    pub fn fail_nth(&self, n: u64, kind: ErrorKind) {
        let mut state = self.state.lock();
        state.fault = Some(Fault {
            at_operation: state.operations + n,
            kind,
        });
    }

    /// Makes every sync of an append-only file fail with `kind`, or work again.
    pub fn fail_syncs(&self, kind: Option<ErrorKind>) {
        self.state.lock().sync_fault = kind;
    }

    /// Makes the creation of this object fail, once.
    pub fn fail_create_of(&self, path: &ObjectPath) {
        self.state.lock().create_fault = Some(path.clone());
    }

    /// Takes planned failures back, and says whether one was still to come.
    pub fn clear_fault(&self) -> bool {
        self.state.lock().fault.take().is_some()
    }

    /// Operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Limits the sum of all objects to `bytes`; writes beyond it fail with `StorageFull`, after
    /// writing what fits.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity_bytes = bytes;
    }

    /// Bytes in all objects.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.state.lock().used_bytes()
    }

    /// Cuts the power: what was not synced is gone, locks are free, open files are dead.
    pub fn crash(&self) {
        self.crash_keeping(0);
    }

    /// As [`crash`](Self::crash), but of each file the first `bytes` bytes that were not synced
    /// survive, since a disk may have written them on its own.
    pub fn crash_keeping(&self, bytes: usize) {
        let mut state = self.state.lock();
        state.life += 1;
        state.locks.clear();
        state.fault = None;
        state.sync_fault = None;
        for object in state.objects.values_mut() {
            let grown = object.bytes.starts_with(&object.synced);
            let kept = if grown {
                object.bytes.len().min(object.synced.len() + bytes)
            } else {
                0
            };
            if grown {
                object.bytes.truncate(kept);
            } else {
                object.bytes.clone_from(&object.synced);
            }
            object.synced.clone_from(&object.bytes);
        }
    }

    /// The object's bytes, as they are now.
    #[must_use]
    pub fn contents(&self, path: &ObjectPath) -> Option<Vec<u8>> {
        self.state
            .lock()
            .objects
            .get(path)
            .map(|object| object.bytes.clone())
    }

    /// Puts an object there, whatever was there before.
    pub fn set_contents(&self, path: &ObjectPath, bytes: Vec<u8>) {
        let object = Object {
            synced: bytes.clone(),
            bytes,
        };
        self.state.lock().objects.insert(path.clone(), object);
    }

    /// Flips the lowest bit of the byte at `offset`, if there is one.
    pub fn flip_bit(&self, path: &ObjectPath, offset: u64) {
        let mut state = self.state.lock();
        let object = state.objects.get_mut(path);
        let byte = usize::try_from(offset)
            .ok()
            .and_then(|offset| object?.bytes.get_mut(offset));
        if let Some(byte) = byte {
            *byte ^= 1;
        }
    }

    /// The paths of all objects, ascending.
    #[must_use]
    pub fn paths(&self) -> Vec<ObjectPath> {
        self.state.lock().objects.keys().cloned().collect()
    }

    fn operation(&self) -> io::Result<MutexGuard<'_, State>> {
        begin(&self.state)
    }
}

/// Counts one operation, and fails if it is the one that is to fail.
fn begin(state: &Mutex<State>) -> io::Result<MutexGuard<'_, State>> {
    let mut state = state.lock();
    let operation = state.operations;
    state.operations += 1;
    if let Some(fault) = state.fault.take_if(|fault| fault.at_operation == operation) {
        return Err(io::Error::new(fault.kind, "injected fault"));
    }
    Ok(state)
}

impl State {
    fn used_bytes(&self) -> u64 {
        self.objects
            .values()
            .map(|object| object.bytes.len() as u64)
            .sum()
    }

    /// How many of `bytes` more bytes fit.
    fn fitting(&self, bytes: usize) -> usize {
        let Some(capacity) = self.capacity_bytes else {
            return bytes;
        };
        let free = capacity.saturating_sub(self.used_bytes());
        bytes.min(usize::try_from(free).unwrap_or(usize::MAX))
    }
}

fn not_found() -> io::Error {
    io::Error::from(ErrorKind::NotFound)
}

impl Disk for MemoryDisk {
    fn read(&self, path: &ObjectPath) -> io::Result<Bytes> {
        let state = self.operation()?;
        state
            .objects
            .get(path)
            .map(|object| Bytes::copy_from_slice(&object.bytes))
            .ok_or_else(not_found)
    }

    fn create(&self, path: &ObjectPath, contents: WriteContents<'_>) -> io::Result<u64> {
        drop(self.operation()?);
        let mut bytes = Vec::new();
        contents(&mut bytes)?;
        let mut state = self.operation()?;
        if state.create_fault.take_if(|fault| fault == path).is_some() {
            return Err(io::Error::other("injected fault"));
        }
        if state.objects.contains_key(path) {
            return Err(io::Error::from(ErrorKind::AlreadyExists));
        }
        if state.fitting(bytes.len()) < bytes.len() {
            return Err(io::Error::from(ErrorKind::StorageFull));
        }
        let count = bytes.len() as u64;
        state.objects.insert(
            path.clone(),
            Object {
                synced: bytes.clone(),
                bytes,
            },
        );
        Ok(count)
    }

    fn append(&self, path: &ObjectPath) -> io::Result<Box<dyn AppendFile>> {
        let mut state = self.operation()?;
        let bytes = state.objects.entry(path.clone()).or_default().bytes.len() as u64;
        let life = state.life;
        let state = Arc::clone(&self.state);
        Ok(Box::new(MemoryAppendFile {
            state,
            path: path.clone(),
            bytes,
            life,
        }))
    }

    fn list(&self, folder: &ObjectPath) -> io::Result<Vec<String>> {
        let state = self.operation()?;
        let prefix = folder.child("");
        let names: BTreeSet<String> = state
            .objects
            .keys()
            .filter_map(|path| path.as_str().strip_prefix(prefix.as_str()))
            .map(|rest| rest.split('/').next().unwrap_or(rest).to_owned())
            .collect();
        Ok(names.into_iter().collect())
    }

    fn remove(&self, path: &ObjectPath) -> io::Result<()> {
        self.operation()?
            .objects
            .remove(path)
            .map(drop)
            .ok_or_else(not_found)
    }

    /// Names are never lost.
    fn sync_folder(&self, _folder: &ObjectPath) -> io::Result<()> {
        self.operation().map(drop)
    }

    fn remove_folder(&self, folder: &ObjectPath) -> io::Result<()> {
        let prefix = folder.child("");
        let mut state = self.operation()?;
        state
            .objects
            .retain(|path, _object| !path.as_str().starts_with(prefix.as_str()));
        Ok(())
    }

    fn lock(&self, path: &ObjectPath) -> io::Result<Box<dyn DiskLock>> {
        let mut state = self.operation()?;
        if !state.locks.insert(path.clone()) {
            return Err(io::Error::new(
                ErrorKind::WouldBlock,
                "it is in use by another store",
            ));
        }
        let life = state.life;
        Ok(Box::new(MemoryLock {
            state: Arc::clone(&self.state),
            path: path.clone(),
            life,
        }))
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

#[derive(Debug)]
struct MemoryLock {
    state: Arc<Mutex<State>>,
    path: ObjectPath,
    life: u64,
}

impl DiskLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        if state.life == self.life {
            state.locks.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct MemoryAppendFile {
    state: Arc<Mutex<State>>,
    path: ObjectPath,
    bytes: u64,
    life: u64,
}

impl MemoryAppendFile {
    /// Changes the object, unless it or the power is gone.
    fn change(
        &self,
        change: impl FnOnce(&mut Object, usize) -> io::Result<()>,
        bytes: usize,
    ) -> io::Result<()> {
        let mut state = begin(&self.state)?;
        if state.life != self.life {
            return Err(io::Error::other("the power is cut"));
        }
        let fitting = state.fitting(bytes);
        let object = state.objects.get_mut(&self.path).ok_or_else(not_found)?;
        change(object, fitting)
    }
}

impl AppendFile for MemoryAppendFile {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn append(&mut self, data: &[u8]) -> io::Result<()> {
        self.change(
            |object, fitting| {
                object.bytes.extend_from_slice(&data[..fitting]);
                if fitting < data.len() {
                    return Err(io::Error::from(ErrorKind::StorageFull));
                }
                Ok(())
            },
            data.len(),
        )?;
        self.bytes += data.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let fault = self.state.lock().sync_fault;
        if let Some(kind) = fault {
            return Err(io::Error::new(kind, "injected fault"));
        }
        self.change(
            |object, _fitting| {
                object.synced.clone_from(&object.bytes);
                Ok(())
            },
            0,
        )
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        self.change(
            |object, _fitting| {
                object.bytes.truncate(length);
                Ok(())
            },
            0,
        )?;
        self.bytes = bytes;
        Ok(())
    }
}
