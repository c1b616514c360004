//! A disk, as a trait: the operations that storage needs and nothing more.
//!
//! There are two kinds. A folder belongs to one process, which locks it; files can grow. A bucket
//! is [shared](Disk::is_shared): any process may write to it at any time, objects appear whole, and
//! who owns the data is settled by creating objects (`wal/objects`).

use std::fmt::Debug;
use std::io::{self, Write};
use std::path::PathBuf;

use bytes::Bytes;

use super::object_source::ObjectSource;
use crate::paths::ObjectPath;

/// Writes the contents of a new object.
pub type WriteContents<'a> = &'a mut dyn FnMut(&mut (dyn Write + Send)) -> io::Result<()>;

/// Holds immutable objects, append-only files and a lock, all named by [`ObjectPath`]s.
///
/// Every method blocks until it is done. Folders come into being with their first object.
/// Errors keep their [`io::ErrorKind`], above all `NotFound`, `AlreadyExists` and `StorageFull`.
pub trait Disk: Debug + Send + Sync {
    /// The whole object. Cheap for large ones: the local disk maps it into memory.
    ///
    /// # Errors
    /// `NotFound` if there is no such object.
    fn read(&self, path: &ObjectPath) -> io::Result<Bytes>;

    /// An object that is read in parts, when they are needed. It has `bytes` bytes; a disk that has
    /// to read it whole need not look at that.
    ///
    /// # Errors
    /// `NotFound` if there is no such object, here or when it is read.
    fn open(&self, path: &ObjectPath, bytes: u64) -> io::Result<ObjectSource> {
        let _ = bytes;
        self.read(path).map(ObjectSource::Whole)
    }

    /// Makes an object that must not exist yet; it appears whole or not at all, and has reached
    /// the disk, name included, when the call returns. Returns its size in bytes.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken; that of `contents`; nothing is left behind, unless
    /// [`outcome_is_unknown`](super::outcome_is_unknown) says so. Creating an object again with the
    /// same contents settles that. After `StorageFull` and `QuotaExceeded` nothing is there, not
    /// even after a power cut; after any other error a power cut may bring the object back.
    fn create(&self, path: &ObjectPath, contents: WriteContents<'_>) -> io::Result<u64>;

    /// Opens a file for appending, and makes it (durably, empty) if it is not there.
    ///
    /// # Errors
    /// Those of the disk; `Unsupported` if it is shared.
    fn append(&self, path: &ObjectPath) -> io::Result<Box<dyn AppendFile>>;

    /// The names directly in `folder`, ascending; a folder that does not exist has none.
    ///
    /// # Errors
    /// Those of the disk, among them a folder that may not be read.
    fn list(&self, folder: &ObjectPath) -> io::Result<Vec<String>>;

    /// Removes an object, durably. Readers that hold its bytes keep them.
    ///
    /// # Errors
    /// `NotFound` if there is no such object; a shared disk may pass over that.
    fn remove(&self, path: &ObjectPath) -> io::Result<()>;

    /// Waits until it is on disk which names there are in `folder`, and that there is this folder.
    /// A process before may have failed to sync one that is seen all the same: a power cut could
    /// still take it away, or bring back one that is gone. A folder that does not exist is fine.
    ///
    /// # Errors
    /// Those of the disk, after which what was listed may not stay.
    fn sync_folder(&self, folder: &ObjectPath) -> io::Result<()>;

    /// Removes a folder with everything in it; one that does not exist is fine.
    ///
    /// # Errors
    /// Those of the disk; a part may then be gone.
    fn remove_folder(&self, folder: &ObjectPath) -> io::Result<()>;

    /// Takes the lock at `path` for this process until the returned value is dropped.
    ///
    /// # Errors
    /// `WouldBlock` if another process (or another store of this one) has it.
    fn lock(&self, path: &ObjectPath) -> io::Result<Box<dyn DiskLock>>;

    /// Whether other processes may write to it at the same time. Nothing is then locked or appended
    /// to, and ownership is claimed with objects.
    fn is_shared(&self) -> bool {
        false
    }

    /// Where the objects are, for messages to people: a folder, or a word for a disk in memory.
    fn location(&self) -> String;

    /// A folder of the operating system for files that need not outlive the process, which the
    /// next open empties; `None` if there is none beside the objects.
    fn temporary_folder(&self) -> Option<PathBuf> {
        None
    }
}

/// A file that grows at its end.
pub trait AppendFile: Debug + Send {
    /// Bytes in the file now.
    fn bytes(&self) -> u64;

    /// Writes `data` at the end. It reaches the disk with the next [`sync`](Self::sync).
    ///
    /// # Errors
    /// Those of the disk, after which any part of `data` may be at the end of the file.
    fn append(&mut self, data: &[u8]) -> io::Result<()>;

    /// Waits until everything that was appended or cut is on disk.
    ///
    /// # Errors
    /// Those of the disk, after which it is unknown what is on it: do not try again.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to its first `bytes` bytes.
    ///
    /// # Errors
    /// Those of the disk.
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;
}

/// Held as long as the lock is.
pub trait DiskLock: Debug + Send + Sync {}
