//! Takes the log over from whoever wrote it before, and reads it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use super::log::ObjectLog;
use super::object::{self, WalObject};
use crate::env::Disk;
use crate::paths::{self, ObjectPath};
use crate::wal::error::WalError;
use crate::wal::group::Group;
use crate::wal::owner::Owner;
use crate::wal::reader::RecoveredRecord;
use crate::wal::writer::SealedFile;

/// How often the number for the fence may be taken by the owner before: it writes ten times a
/// second, a claim takes a few requests.
const ATTEMPTS_MAX: u32 = 1000;

/// Objects that are read at the same time.
const READS_AT_ONCE: usize = 16;

/// The log is ours; what the owners before have written is still to be read.
#[derive(Debug)]
pub(crate) struct Claim {
    disk: Arc<dyn Disk>,
    owner: Owner,
}

/// Fences all owners before. From here on none of their writes is acknowledged.
///
/// # Errors
/// [`WalError::Fenced`] if another process takes over at the same time; those of the disk; damage.
pub(crate) fn claim(disk: &Arc<dyn Disk>, id: [u8; 16]) -> Result<Claim, WalError> {
    let mut newest = numbers(disk)?.last().copied();
    for _ in 0..ATTEMPTS_MAX {
        let owner = next_owner(disk, newest, id)?;
        let bytes = object::encode(owner.fence, &owner, Group::default());
        let path = paths::wal().numbered(owner.fence);
        match disk.create(&path, &mut |writer| writer.write_all(&bytes)) {
            Ok(_bytes) => {
                // Somebody may have gone far ahead since the listing, and removed what was at our
                // number: then it was not the end of the log.
                if numbers(disk)?.last() != Some(&owner.fence) {
                    return Err(WalError::Fenced);
                }
                return Ok(Claim {
                    disk: Arc::clone(disk),
                    owner,
                });
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                newest = Some(owner.fence);
            }
            Err(error) => return Err(WalError::io("create", &path)(error)),
        }
    }
    Err(WalError::Fenced)
}

/// The owner that follows the writer of the object `newest`.
fn next_owner(disk: &Arc<dyn Disk>, newest: Option<u64>, id: [u8; 16]) -> Result<Owner, WalError> {
    let Some(newest) = newest else {
        return Ok(Owner {
            epoch: 1,
            id,
            first: 1,
            fence: 1,
            earlier_fences: Vec::new(),
        });
    };
    let before = read(disk, newest)?.owner;
    let mut fences = if before.fence == newest {
        before.earlier_fences
    } else {
        read(disk, before.fence)?.owner.earlier_fences
    };
    fences.push(before.fence);
    Ok(Owner {
        epoch: before.epoch + 1,
        id,
        first: before.first,
        fence: newest + 1,
        earlier_fences: fences,
    })
}

fn numbers(disk: &Arc<dyn Disk>) -> Result<Vec<u64>, WalError> {
    let folder = paths::wal();
    let names = disk.list(&folder).map_err(WalError::io("list", &folder))?;
    Ok(names
        .iter()
        .filter_map(|name| paths::parse_number(name))
        .collect())
}

fn read(disk: &Arc<dyn Disk>, number: u64) -> Result<WalObject, WalError> {
    let path = paths::wal().numbered(number);
    let bytes = disk.read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => WalError::Missing { path: path.clone() },
        _ => WalError::io("read", &path)(error),
    })?;
    object::decode(number, &bytes)
}

impl Claim {
    /// The epoch of this owner.
    pub(crate) fn epoch(&self) -> u64 {
        self.owner.epoch
    }

    /// Reads the log up to the fence, gives each record to `replay`, and returns the log to write
    /// to. Objects that earlier owners have left behind are removed.
    ///
    /// # Errors
    /// [`WalError::Damaged`] and [`WalError::Missing`] if the log is not what was written; those of
    /// the disk and of `replay`.
    pub(crate) fn read<E: From<WalError>>(
        self,
        mut replay: impl FnMut(RecoveredRecord) -> Result<(), E>,
    ) -> Result<ObjectLog, E> {
        self.remove_leftovers();
        let Self { disk, owner } = self;
        let mut sealed = VecDeque::new();
        let numbers: Vec<u64> = (owner.first..owner.fence).collect();
        for some in numbers.chunks(READS_AT_ONCE) {
            for (number, object) in some.iter().zip(read_all(&disk, some)) {
                let mut newest = HashMap::new();
                for record in object?.records {
                    newest.insert(record.collection, record.seqno);
                    replay(record)?;
                }
                sealed.push_back(SealedFile {
                    number: *number,
                    newest,
                });
            }
        }
        Ok(ObjectLog::new(disk, owner, sealed))
    }

    /// Removes objects before the beginning of the log, which an owner did not live to remove.
    fn remove_leftovers(&self) {
        let found = numbers(&self.disk).unwrap_or_default();
        let is_leftover = |number: &&u64| {
            **number < self.owner.first && !self.owner.earlier_fences.contains(number)
        };
        for number in found.iter().filter(is_leftover) {
            let path: ObjectPath = paths::wal().numbered(*number);
            if let Err(error) = self.disk.remove(&path) {
                tracing::warn!(%error, path = %path, "cannot remove an old object of the log");
            }
        }
    }
}

fn read_all(disk: &Arc<dyn Disk>, numbers: &[u64]) -> Vec<Result<WalObject, WalError>> {
    if let [number] = numbers {
        return vec![read(disk, *number)];
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = numbers
            .iter()
            .map(|number| scope.spawn(|| read(disk, *number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("reading does not panic"))
            .collect()
    })
}
