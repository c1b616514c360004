//! Reads a log of files back at open, and decides what to do with a record that cannot be read.
//!
//! A crash can leave the last group half-written, in any of its parts; none of it was acknowledged.
//! So the first bad record of the last file is a *torn tail*, and cut, unless a record of a later
//! group follows it: that group was only written once everything before it had been synced, so the
//! bad record had been on disk whole and is *damage*. In any earlier file it is damage too.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::error::WalError;
use super::record::{
    FILE_HEADER_BYTES, RECORD_HEADER_BYTES, RECORD_MAGIC, RecordHeader, RecordKind, file_header,
};
use super::writer::SealedFile;
use crate::CollectionId;
use crate::env::Disk;
use crate::paths::{self, ObjectPath};

/// A record that was read back whole.
#[derive(Clone, Debug)]
pub(crate) struct RecoveredRecord {
    pub(crate) path: ObjectPath,
    pub(crate) offset: u64,
    pub(crate) collection: CollectionId,
    pub(crate) seqno: u64,
    pub(crate) payload: Bytes,
}

/// Reads all files in order, gives each record to `replay`, cuts a torn tail off, and returns the
/// files, which are not to be appended to any more.
///
/// # Errors
/// [`WalError::Damaged`] and [`WalError::Missing`] if the log is not what was written; those of
/// the disk and of `replay`.
pub(crate) fn read_log<E: From<WalError>>(
    disk: &Arc<dyn Disk>,
    mut replay: impl FnMut(RecoveredRecord) -> Result<(), E>,
) -> Result<Vec<SealedFile>, E> {
    let numbers = file_numbers(disk)?;
    let mut files = Vec::with_capacity(numbers.len());
    for (index, &number) in numbers.iter().enumerate() {
        let path = paths::wal().numbered(number);
        let bytes = disk.read(&path).map_err(WalError::io("read", &path))?;
        let mut newest: HashMap<CollectionId, u64> = HashMap::new();
        let is_last = index + 1 == numbers.len();
        let end = read_file(number, &bytes, is_last, |record| {
            newest.insert(record.collection, record.seqno);
            replay(record)
        })?;
        if let Some(reason) = end.torn {
            tracing::warn!(
                wal.file = %path, offset = end.bytes, torn_bytes = bytes.len() as u64 - end.bytes, reason,
                "cutting a write off the write-ahead log that was never acknowledged"
            );
        }
        drop(bytes);
        if is_last && end.bytes == 0 {
            disk.remove(&path).map_err(WalError::io("remove", &path))?;
            continue;
        }
        if is_last {
            make_durable(disk, &path, end.bytes).map_err(WalError::io("sync", &path))?;
        }
        files.push(SealedFile { number, newest });
    }
    Ok(files)
}

/// How far a file of the log goes.
pub(crate) struct FileEnd {
    /// Where its last good record ends.
    pub(crate) bytes: u64,
    /// Why what follows is no record, if anything does: a write that was never acknowledged.
    pub(crate) torn: Option<&'static str>,
}

/// Gives each record of the file `number` to `visit`. Only the last file may have a torn tail.
///
/// # Errors
/// [`WalError::Damaged`]; those of `visit`.
pub(crate) fn read_file<E: From<WalError>>(
    number: u64,
    bytes: &Bytes,
    is_last: bool,
    mut visit: impl FnMut(RecoveredRecord) -> Result<(), E>,
) -> Result<FileEnd, E> {
    let path = paths::wal().numbered(number);
    let scan = scan(number, bytes, |header, payload| {
        visit(RecoveredRecord {
            path: path.clone(),
            offset: header.offset,
            collection: header.collection,
            seqno: header.seqno,
            payload,
        })
    })?;
    let end = FileEnd {
        bytes: scan.end as u64,
        torn: scan.problem,
    };
    match scan.problem {
        Some(reason) if !is_last || later_group_follows(number, bytes, scan.end) => {
            let offset = end.bytes;
            Err(WalError::Damaged {
                path,
                offset,
                reason,
            }
            .into())
        }
        _ => Ok(end),
    }
}

fn file_numbers(disk: &Arc<dyn Disk>) -> Result<Vec<u64>, WalError> {
    let folder = paths::wal();
    let names = disk.list(&folder).map_err(WalError::io("list", &folder))?;
    let numbers: Vec<u64> = names
        .iter()
        .filter_map(|name| paths::parse_number(name))
        .collect();
    match numbers.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
        Some(pair) => Err(WalError::Missing {
            path: folder.numbered(pair[0] + 1),
        }),
        None => Ok(numbers),
    }
}

/// Cuts the last file to what could be read, and syncs it. Records of a group that was written but
/// not synced are there as long as the machine does not go down; from now on readers see them, so
/// they have to stay.
fn make_durable(disk: &Arc<dyn Disk>, path: &ObjectPath, bytes: u64) -> io::Result<()> {
    let mut file = disk.append(path)?;
    if file.bytes() > bytes {
        file.truncate(bytes)?;
    }
    file.sync()
}

/// How far a file could be read.
pub(super) struct Scan {
    /// Where the last good record ends.
    pub(super) end: usize,
    /// What is wrong there, unless the file ends there.
    pub(super) problem: Option<&'static str>,
}

/// Reads the records of the file `number` up to the first bad one.
pub(super) fn scan<E>(
    number: u64,
    bytes: &Bytes,
    mut visit: impl FnMut(&RecordHeader, Bytes) -> Result<(), E>,
) -> Result<Scan, E> {
    if !bytes.starts_with(&file_header(number)) {
        let reason = "the header of the file is not that of a log file of this number and version";
        return Ok(Scan {
            end: 0,
            problem: Some(reason),
        });
    }
    let mut end = FILE_HEADER_BYTES;
    while end < bytes.len() {
        match read_record(bytes, end, number).and_then(only_batches) {
            Ok((header, payload)) => {
                visit(&header, payload.clone())?;
                end += RECORD_HEADER_BYTES + payload.len();
            }
            Err(reason) => {
                return Ok(Scan {
                    end,
                    problem: Some(reason),
                });
            }
        }
    }
    Ok(Scan { end, problem: None })
}

/// Files have one writer, and do not say which.
fn only_batches(
    (header, payload): (RecordHeader, Bytes),
) -> Result<(RecordHeader, Bytes), &'static str> {
    match header.kind {
        RecordKind::Batch => Ok((header, payload)),
        RecordKind::Owner => Err("the record is one of a bucket's log"),
    }
}

/// The record at `offset` of the file `file`; the error says what is wrong with it.
pub(super) fn read_record(
    bytes: &Bytes,
    offset: usize,
    file: u64,
) -> Result<(RecordHeader, Bytes), &'static str> {
    const CUT: &str = "the file ends within a record";
    let header = RecordHeader::decode(bytes, offset, file)?;
    let start = offset + RECORD_HEADER_BYTES;
    let end = usize::try_from(header.payload_bytes)
        .ok()
        .and_then(|length| start.checked_add(length));
    let end = end.filter(|end| *end <= bytes.len()).ok_or(CUT)?;
    let payload = bytes.slice(start..end);
    if crc32c::crc32c(&payload) != header.payload_checksum {
        return Err("the payload of the record fails its checksum");
    }
    Ok((header, payload))
}

/// Whether a record of a group that began after `bad` is somewhere behind it.
fn later_group_follows(number: u64, bytes: &[u8], bad: usize) -> bool {
    let mut from = bad + 1;
    while let Some(distance) = find_magic(bytes.get(from..).unwrap_or_default()) {
        let offset = from + distance;
        let header = RecordHeader::decode(bytes, offset, number);
        if header.is_ok_and(|header| header.group_offset() > bad as u64) {
            return true;
        }
        from = offset + 1;
    }
    false
}

fn find_magic(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(RECORD_MAGIC.len())
        .position(|window| window == RECORD_MAGIC)
}
