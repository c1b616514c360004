//! The write-ahead log against the manifests: every write that they do not have is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use outcrop_document::k;

use super::Verification;
use crate::CollectionId;
use crate::env::Disk;
use crate::error::{StoreError, report};
use crate::paths;
use crate::replay::{decode_string, document_id};
use crate::wal::{self, BatchEntry, RecoveredRecord, WalError};

/// Checks the log. `flushed` says up to which write each collection is in segments.
pub(super) fn verify(
    disk: &Arc<dyn Disk>,
    found: &mut Verification,
    flushed: &BTreeMap<CollectionId, u64>,
) -> Result<(), StoreError> {
    let folder = paths::wal();
    let names = disk
        .list(&folder)
        .map_err(StoreError::io("list", &folder))?;
    let numbers: Vec<u64> = names
        .iter()
        .filter_map(|name| paths::parse_number(name))
        .collect();
    for pair in numbers.windows(2) {
        for missing in (pair[0] + 1..pair[1]).take(1) {
            found.problem(&folder.numbered(missing), None, "the file is missing");
        }
    }
    let mut newest = flushed.clone();
    for number in &numbers {
        let is_last = Some(number) == numbers.last();
        if !verify_file(disk, *number, is_last, found, &mut newest) {
            // What follows a hole cannot be judged.
            newest.clear();
        }
    }
    Ok(())
}

/// False if records of the file are lost.
fn verify_file(
    disk: &Arc<dyn Disk>,
    number: u64,
    is_last: bool,
    found: &mut Verification,
    newest: &mut BTreeMap<CollectionId, u64>,
) -> bool {
    let path = paths::wal().numbered(number);
    let bytes = match disk.read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            found.failed(&path, &error);
            return false;
        }
    };
    found.count(bytes.len());
    let read = wal::read_file::<WalError>(number, &bytes, is_last, |record| {
        verify_record(&record, found, newest);
        Ok(())
    });
    match read {
        Ok(end) => {
            if let Some(reason) = end.torn {
                let reason = format!("{reason}: a write that was not acknowledged, or damage");
                found.remark(&path, Some(end.bytes), reason);
            }
            true
        }
        Err(WalError::Damaged { offset, reason, .. }) => {
            found.problem(&path, Some(offset), reason);
            false
        }
        Err(error) => {
            found.problem(&path, None, report(&error));
            false
        }
    }
}

fn verify_record(
    record: &RecoveredRecord,
    found: &mut Verification,
    newest: &mut BTreeMap<CollectionId, u64>,
) {
    for entry in wal::entries(record.payload.clone()) {
        if let Err(reason) = entry.and_then(|entry| verify_entry(&entry)) {
            found.problem(&record.path, Some(record.offset), reason);
        }
    }
    // A collection that was dropped has no manifest, and its records are not read at a start.
    let Some(newest) = newest.get_mut(&record.collection) else {
        return;
    };
    if record.seqno > *newest + 1 {
        let (collection, expected) = (record.collection, *newest + 1);
        let reason = format!(
            "the record has write {} of collection `{collection}`, the next to come is {expected}",
            record.seqno
        );
        found.problem(&record.path, Some(record.offset), reason);
    }
    *newest = record.seqno.max(*newest);
}

fn verify_entry(entry: &BatchEntry) -> Result<(), &'static str> {
    match entry {
        BatchEntry::Put(document) => {
            k::decode(document).map_err(|_error| "a document in it is not K")?;
            document_id(document).map(drop)
        }
        BatchEntry::Delete(id) => match decode_string(id) {
            Some(_id) => Ok(()),
            None => Err("a deletion does not name a document"),
        },
    }
}
