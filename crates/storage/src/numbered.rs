//! Numbered objects: the primitive behind manifests and the catalog.
//!
//! A state is kept as `prefix/<n>`; the newest number counts, and a change is made by creating the
//! next number, which fails if somebody else created it first. It needs nothing of the disk but
//! create-if-absent, so it works the same on a local folder and on a bucket.
//!
//! The bytes are drawn in `docs/formats/manifest.md`.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::env::Disk;
use crate::paths::{self, ObjectPath};

/// First bytes of every numbered object; the last one is the version of the envelope.
const MAGIC: [u8; 8] = *b"OUTCNUM\x01";

/// Magic, CRC32C and four zero bytes.
const HEADER_BYTES: usize = 16;

/// How many of the older numbers are kept, so that a person can look back after a mishap.
pub const NUMBERS_KEPT: u64 = 8;

/// A series of numbered objects under one prefix.
#[derive(Clone, Debug)]
pub struct NumberedObjects {
    disk: Arc<dyn Disk>,
    prefix: ObjectPath,
}

/// One object of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedObject {
    /// Its number, from 1.
    pub number: u64,
    /// What was given to [`NumberedObjects::create`].
    pub payload: Bytes,
}

/// A numbered object could not be read or created.
#[derive(Debug, thiserror::Error)]
pub enum NumberedError {
    /// Somebody else created this number: the state that the caller started from is stale.
    #[error("`{path}` exists already")]
    Taken {
        /// The object that was to be created.
        path: ObjectPath,
    },
    /// The object is not what was written.
    #[error("`{path}` is damaged: {reason}")]
    Damaged {
        /// The object.
        path: ObjectPath,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The disk refused.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was being done: a verb.
        action: &'static str,
        /// The object or folder.
        path: ObjectPath,
        /// Why.
        source: io::Error,
    },
}

impl NumberedObjects {
    pub(crate) fn new(disk: Arc<dyn Disk>, prefix: ObjectPath) -> Self {
        Self { disk, prefix }
    }

    /// The path of the object `number`.
    #[must_use]
    pub fn path(&self, number: u64) -> ObjectPath {
        self.prefix.numbered(number)
    }

    /// All numbers there are, ascending. Names that are no numbers are passed over.
    ///
    /// # Errors
    /// [`NumberedError::Io`] if the folder cannot be read.
    pub fn numbers(&self) -> Result<Vec<u64>, NumberedError> {
        let names = self
            .disk
            .list(&self.prefix)
            .map_err(io_error("list", &self.prefix))?;
        Ok(names
            .iter()
            .filter_map(|name| paths::parse_number(name))
            .collect())
    }

    /// The object with the highest number, or `None` if there is none.
    ///
    /// # Errors
    /// [`NumberedError::Damaged`] if it fails its checksum: an older one is never taken in its
    /// place. [`NumberedError::Io`] if the disk refuses.
    pub fn newest(&self) -> Result<Option<NumberedObject>, NumberedError> {
        let Some(number) = self.numbers()?.pop() else {
            return Ok(None);
        };
        let payload = self.read(number)?;
        Ok(Some(NumberedObject { number, payload }))
    }

    /// The payload of the object `number`.
    ///
    /// # Errors
    /// As [`newest`](Self::newest).
    pub fn read(&self, number: u64) -> Result<Bytes, NumberedError> {
        let path = self.path(number);
        let bytes = self.disk.read(&path).map_err(io_error("read", &path))?;
        unwrap(&bytes).map_err(|reason| NumberedError::Damaged { path, reason })
    }

    /// Creates the object `number`, durably.
    ///
    /// # Errors
    /// [`NumberedError::Taken`] if the number exists, [`NumberedError::Io`] if the disk refuses.
    pub fn create(&self, number: u64, payload: &[u8]) -> Result<(), NumberedError> {
        let path = self.path(number);
        let header = header_of(payload);
        let created = self.disk.create(&path, &mut |writer| {
            writer.write_all(&header)?;
            writer.write_all(payload)
        });
        match created {
            Ok(_bytes) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(NumberedError::Taken { path })
            }
            Err(error) => Err(io_error("create", &path)(error)),
        }
    }

    /// Removes the numbers that are [`NUMBERS_KEPT`] or more below `newest`.
    ///
    /// # Errors
    /// [`NumberedError::Io`] if the disk refuses; a later call tries again.
    pub fn remove_old(&self, newest: u64) -> Result<(), NumberedError> {
        for number in self.numbers()? {
            if number.saturating_add(NUMBERS_KEPT) <= newest {
                self.remove(number)?;
            }
        }
        Ok(())
    }

    /// Removes every number, the newest last: until that is gone the state stays as it was.
    ///
    /// # Errors
    /// [`NumberedError::Io`] if the disk refuses.
    pub(crate) fn remove_all(&self) -> Result<(), NumberedError> {
        self.numbers()?
            .into_iter()
            .try_for_each(|number| self.remove(number))
    }

    fn remove(&self, number: u64) -> Result<(), NumberedError> {
        let path = self.path(number);
        self.disk.remove(&path).map_err(io_error("remove", &path))
    }
}

fn io_error(action: &'static str, path: &ObjectPath) -> impl FnOnce(io::Error) -> NumberedError {
    let path = path.clone();
    move |source| NumberedError::Io {
        action,
        path,
        source,
    }
}

fn header_of(payload: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    header
}

fn unwrap(bytes: &Bytes) -> Result<Bytes, &'static str> {
    if bytes.len() < HEADER_BYTES {
        return Err("it is shorter than its header");
    }
    let payload = bytes.slice(HEADER_BYTES..);
    let header = &bytes[..HEADER_BYTES];
    if header[..8] != MAGIC {
        return Err("it is not a numbered object of a version that this program knows");
    }
    if header != header_of(&payload) {
        return Err("its checksum does not match");
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::MemoryDisk;

    fn series(disk: &Arc<MemoryDisk>) -> NumberedObjects {
        NumberedObjects::new(Arc::<MemoryDisk>::clone(disk), ObjectPath::new("things"))
    }

    #[test]
    fn the_highest_number_is_the_newest() {
        let objects = series(&Arc::new(MemoryDisk::new()));
        assert_eq!(objects.newest().unwrap(), None);
        for number in 1..=11 {
            objects
                .create(number, format!("state {number}").as_bytes())
                .unwrap();
        }
        let newest = objects.newest().unwrap().unwrap();
        assert_eq!((newest.number, &newest.payload[..]), (11, &b"state 11"[..]));
    }

    #[test]
    fn a_number_is_given_once() {
        let objects = series(&Arc::new(MemoryDisk::new()));
        objects.create(1, b"mine").unwrap();
        let error = objects.create(1, b"yours").unwrap_err();
        assert!(matches!(error, NumberedError::Taken { .. }), "{error}");
        assert_eq!(&objects.read(1).unwrap()[..], b"mine");
    }

    #[test]
    fn every_damaged_byte_is_noticed_and_the_file_is_named() {
        let disk = Arc::new(MemoryDisk::new());
        let objects = series(&disk);
        objects.create(1, b"state").unwrap();
        let path = objects.path(1);
        for offset in 0..HEADER_BYTES + 5 {
            disk.flip_bit(&path, offset as u64);
            let error = objects.newest().unwrap_err();
            assert!(
                error.to_string().contains("things/00000000000000000001"),
                "{error}"
            );
            disk.flip_bit(&path, offset as u64);
        }
        assert!(objects.newest().is_ok());
    }

    #[test]
    fn old_numbers_go_and_a_few_stay() {
        let objects = series(&Arc::new(MemoryDisk::new()));
        for number in 1..=20 {
            objects.create(number, b"").unwrap();
        }
        objects.remove_old(20).unwrap();
        assert_eq!(objects.numbers().unwrap(), (13..=20).collect::<Vec<_>>());
    }
}
