//! A disk, as a trait: the operations that storage needs and nothing more.

use std::fmt::Debug;
use std::io::{self, Write};

use bytes::Bytes;

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

    /// Makes an object that must not exist yet; it appears whole or not at all, and has reached
    /// the disk, name included, when the call returns. Returns its size in bytes.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken; that of `contents`; nothing is left behind.
    fn create(&self, path: &ObjectPath, contents: WriteContents<'_>) -> io::Result<u64>;

    /// Opens a file for appending, and makes it (durably, empty) if it is not there.
    ///
    /// # Errors
    /// Those of the disk.
    fn append(&self, path: &ObjectPath) -> io::Result<Box<dyn AppendFile>>;

    /// The names directly in `folder`, ascending; a folder that does not exist has none.
    ///
    /// # Errors
    /// Those of the disk, among them a folder that may not be read.
    fn list(&self, folder: &ObjectPath) -> io::Result<Vec<String>>;

    /// Removes an object, durably. Readers that hold its bytes keep them.
    ///
    /// # Errors
    /// `NotFound` if there is no such object.
    fn remove(&self, path: &ObjectPath) -> io::Result<()>;

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

    /// Where the objects are, for messages to people: a folder, or a word for a disk in memory.
    fn location(&self) -> String;
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
