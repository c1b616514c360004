//! One object of the log: the header of a file, who wrote it, and a group of records.

use bytes::Bytes;

use crate::CollectionId;
use crate::paths;
use crate::wal::error::WalError;
use crate::wal::group::Group;
use crate::wal::owner::Owner;
use crate::wal::reader::{RecoveredRecord, read_record};
use crate::wal::record::{
    FILE_HEADER_BYTES, RECORD_HEADER_BYTES, RecordHeader, RecordKind, file_header,
};

/// The bytes of the object `number`.
pub(super) fn encode(number: u64, owner: &Owner, mut group: Group) -> Bytes {
    let owner = owner.encode();
    let header = RecordHeader {
        kind: RecordKind::Owner,
        payload_bytes: u32::try_from(owner.len()).expect("eight bytes for each start ever made"),
        payload_checksum: crc32c::crc32c(&owner),
        offset: FILE_HEADER_BYTES as u64,
        file: number,
        group_distance: 0,
        collection: CollectionId::from_bytes([0; 16]),
        seqno: 0,
    };
    let start = FILE_HEADER_BYTES + RECORD_HEADER_BYTES + owner.len();
    let records = group.fill_headers(number, start as u64);
    let mut bytes = Vec::with_capacity(start + records.len());
    bytes.extend_from_slice(&file_header(number));
    bytes.extend_from_slice(&header.encode());
    bytes.extend_from_slice(&owner);
    bytes.extend_from_slice(records);
    bytes.into()
}

/// An object that was read back.
#[derive(Clone, Debug)]
pub(super) struct WalObject {
    pub(super) owner: Owner,
    pub(super) records: Vec<RecoveredRecord>,
}

/// Reads the bytes of the object `number`.
///
/// # Errors
/// [`WalError::Damaged`] if they are not what was written: an object is there whole or not at all,
/// so there is no torn tail.
pub(super) fn decode(number: u64, bytes: &Bytes) -> Result<WalObject, WalError> {
    let path = paths::wal().numbered(number);
    let damaged = |offset: usize, reason| WalError::Damaged {
        path: path.clone(),
        offset: offset as u64,
        reason,
    };
    if !bytes.starts_with(&file_header(number)) {
        let reason = "its header is not that of a log object of this number and version";
        return Err(damaged(0, reason));
    }
    let mut owner = None;
    let mut records = Vec::new();
    let mut offset = FILE_HEADER_BYTES;
    while offset < bytes.len() {
        let (header, payload) =
            read_record(bytes, offset, number).map_err(|reason| damaged(offset, reason))?;
        let end = offset + RECORD_HEADER_BYTES + payload.len();
        match (header.kind, &owner) {
            (RecordKind::Owner, None) => {
                let decoded = Owner::decode(&payload)
                    .ok_or_else(|| damaged(offset, "the record of its owner is malformed"))?;
                owner = Some(decoded);
            }
            (RecordKind::Batch, Some(_)) => records.push(RecoveredRecord {
                path: path.clone(),
                offset: header.offset,
                collection: header.collection,
                seqno: header.seqno,
                payload,
            }),
            (RecordKind::Owner, Some(_)) | (RecordKind::Batch, None) => {
                return Err(damaged(
                    offset,
                    "its first record, and only that, names its owner",
                ));
            }
        }
        offset = end;
    }
    let owner = owner.ok_or_else(|| damaged(offset, "it does not name its owner"))?;
    Ok(WalObject { owner, records })
}
