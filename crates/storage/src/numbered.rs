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

/// First bytes of a numbered object in a folder; the last one is the version of the envelope.
const MAGIC: [u8; 8] = *b"OUTCNUM\x01";

/// First bytes of a numbered object in a bucket, which names the epoch of its writer.
const SHARED_MAGIC: [u8; 8] = *b"OUTCNUM\x02";

/// Magic, CRC32C, and the epoch or four zero bytes.
const HEADER_BYTES: usize = 16;

/// How many of the older numbers are kept, so that a person can look back after a mishap.
pub const NUMBERS_KEPT: u64 = 8;

/// A series of numbered objects under one prefix.
#[derive(Clone, Debug)]
pub struct NumberedObjects {
    disk: Arc<dyn Disk>,
    prefix: ObjectPath,
    /// Who writes, if the disk is shared.
    epoch: Option<u32>,
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
    /// The series below `prefix`. In a bucket its writer is the owner of this epoch.
    pub(crate) fn new(disk: Arc<dyn Disk>, prefix: ObjectPath, epoch: u64) -> Self {
        let epoch = disk
            .is_shared()
            .then(|| u32::try_from(epoch).expect("there are fewer starts than that"));
        Self {
            disk,
            prefix,
            epoch,
        }
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

    /// The object with the highest number, or `None` if there is none. It stays the newest, even if
    /// whoever made it failed to sync its name: what it does not name may be removed.
    ///
    /// # Errors
    /// [`NumberedError::Damaged`] if it fails its checksum: an older one is never taken in its
    /// place. [`NumberedError::Io`] if the disk refuses.
    pub fn newest(&self) -> Result<Option<NumberedObject>, NumberedError> {
        self.disk
            .sync_folder(&self.prefix)
            .map_err(io_error("sync", &self.prefix))?;
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
        self.read_with_epoch(number)
            .map(|(_epoch, payload)| payload)
    }

    /// The epoch of the writer, 0 in a folder, and the payload of the object `number`.
    fn read_with_epoch(&self, number: u64) -> Result<(u32, Bytes), NumberedError> {
        let path = self.path(number);
        let bytes = self.disk.read(&path).map_err(io_error("read", &path))?;
        unwrap(&bytes).map_err(|reason| NumberedError::Damaged { path, reason })
    }

    /// Creates the first object from `from` on, durably, and returns its number.
    ///
    /// An object of this writer that is there already is passed over: an earlier call failed, but
    /// had its effect all the same. The new one counts then.
    ///
    /// # Errors
    /// [`NumberedError::Taken`] if another process writes the series now, [`NumberedError::Io`] if
    /// the disk refuses; it may then be there or not.
    pub fn append(&self, from: u64, payload: &[u8]) -> Result<u64, NumberedError> {
        let mut number = from;
        loop {
            match self.create(number, payload) {
                Ok(()) => break,
                Err(taken @ NumberedError::Taken { .. }) => {
                    let (epoch, _payload) = self.read_with_epoch(number)?;
                    if self.epoch.is_some_and(|ours| ours != epoch) {
                        return Err(taken);
                    }
                    number += 1;
                }
                Err(error) => return Err(error),
            }
        }
        if self.epoch.is_some() {
            self.check_newest(number)?;
        }
        Ok(number)
    }

    /// Others may have gone so far ahead that they have removed the number that we then created.
    fn check_newest(&self, number: u64) -> Result<(), NumberedError> {
        match self.numbers()?.pop() {
            Some(newest) if newest > number => Err(NumberedError::Taken {
                path: self.path(newest),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Takes the series over from its writer before, by creating the number that is next for that
    /// one, with what `renew` makes of the newest payload. None if there is no object; if `renew`
    /// gives none, nobody is going to write the series and it stays as it is.
    ///
    /// # Errors
    /// [`NumberedError::Taken`] if a later owner has claimed the series; those of the disk and of
    /// `renew`.
    pub(crate) fn claim<E: From<NumberedError>>(
        &self,
        renew: impl Fn(&NumberedObject) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Option<NumberedObject>, E> {
        loop {
            let Some(number) = self.numbers()?.pop() else {
                return Ok(None);
            };
            let (epoch, payload) = match self.read_with_epoch(number) {
                // Numbers only go up: another listing shows a higher one.
                Err(error) if error.is_not_found() => continue,
                read => read?,
            };
            let path = self.path(number);
            if self.epoch.is_some_and(|ours| ours < epoch) {
                return Err(NumberedError::Taken { path }.into());
            }
            let newest = NumberedObject { number, payload };
            let Some(renewed) = renew(&newest)? else {
                return Ok(Some(newest));
            };
            match self.append(number + 1, &renewed) {
                Ok(number) => {
                    let payload = renewed.into();
                    return Ok(Some(NumberedObject { number, payload }));
                }
                // The owner before was faster. It is fenced in the log, so this ends.
                Err(NumberedError::Taken { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Creates the object `number`, durably.
    ///
    /// # Errors
    /// [`NumberedError::Taken`] if the number exists, [`NumberedError::Io`] if the disk refuses.
    pub fn create(&self, number: u64, payload: &[u8]) -> Result<(), NumberedError> {
        let path = self.path(number);
        let header = header_of(payload, self.epoch);
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
        self.remove_below((newest + 1).saturating_sub(NUMBERS_KEPT))
    }

    /// Removes the numbers below `end`.
    ///
    /// # Errors
    /// [`NumberedError::Io`] if the disk refuses; a later call tries again.
    pub(crate) fn remove_below(&self, end: u64) -> Result<(), NumberedError> {
        for number in self.numbers()? {
            if number < end {
                self.remove(number)?;
            }
        }
        Ok(())
    }

    /// Whether others may write to the series at the same time.
    pub(crate) fn is_shared(&self) -> bool {
        self.epoch.is_some()
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

impl NumberedError {
    fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

fn header_of(payload: &[u8], epoch: Option<u32>) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let checksum = match epoch {
        Some(epoch) => {
            header[..8].copy_from_slice(&SHARED_MAGIC);
            header[12..].copy_from_slice(&epoch.to_le_bytes());
            crc32c::crc32c_append(crc32c::crc32c(&header[12..]), payload)
        }
        None => {
            header[..8].copy_from_slice(&MAGIC);
            crc32c::crc32c(payload)
        }
    };
    header[8..12].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// The epoch of the writer, 0 in a folder, and the payload.
fn unwrap(bytes: &Bytes) -> Result<(u32, Bytes), &'static str> {
    let Some((header, _payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err("it is shorter than its header");
    };
    let payload = bytes.slice(HEADER_BYTES..);
    let epoch = u32::from_le_bytes([header[12], header[13], header[14], header[15]]);
    let expected = match header[..8] {
        ref magic if *magic == MAGIC => None,
        ref magic if *magic == SHARED_MAGIC => Some(epoch),
        _ => return Err("it is not a numbered object of a version that this program knows"),
    };
    if *header != header_of(&payload, expected) {
        return Err("its checksum does not match");
    }
    Ok((epoch, payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::MemoryDisk;

    fn series(disk: &Arc<MemoryDisk>) -> NumberedObjects {
        NumberedObjects::new(Arc::<MemoryDisk>::clone(disk), ObjectPath::new("things"), 1)
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
