//! The records that are written together.

use super::record::{RECORD_HEADER_BYTES, RecordHeader, RecordKind};
use crate::CollectionId;

/// Records that are to be written and synced together.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Headers and payloads; the headers are filled in when the place in the file is known.
    bytes: Vec<u8>,
    records: Vec<GroupRecord>,
}

#[derive(Debug)]
struct GroupRecord {
    start: usize,
    payload_bytes: u32,
    payload_checksum: u32,
    collection: CollectionId,
    seqno: u64,
}

impl Group {
    /// Adds a record. The payload has at most [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX)
    /// bytes.
    pub(crate) fn push(&mut self, collection: CollectionId, seqno: u64, payload: &[u8]) {
        self.records.push(GroupRecord {
            start: self.bytes.len(),
            payload_bytes: u32::try_from(payload.len()).expect("payloads are below 1 GiB"),
            payload_checksum: crc32c::crc32c(payload),
            collection,
            seqno,
        });
        self.bytes.extend_from_slice(&[0; RECORD_HEADER_BYTES]);
        self.bytes.extend_from_slice(payload);
    }

    /// Size so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The highest sequence number of each collection.
    pub(crate) fn newest(&self) -> impl Iterator<Item = (CollectionId, u64)> + '_ {
        // Later records of a collection have higher numbers, and a map takes the last one.
        self.records
            .iter()
            .map(|record| (record.collection, record.seqno))
    }

    /// The bytes of a group that begins at `offset` of the file `file`.
    pub(crate) fn fill_headers(&mut self, file: u64, offset: u64) -> &[u8] {
        for record in &self.records {
            let header = RecordHeader {
                kind: RecordKind::Batch,
                payload_bytes: record.payload_bytes,
                payload_checksum: record.payload_checksum,
                offset: offset + record.start as u64,
                file,
                group_distance: u32::try_from(record.start)
                    .expect("a group ends with the record that brings it to 32 MiB"),
                collection: record.collection,
                seqno: record.seqno,
            };
            self.bytes[record.start..record.start + RECORD_HEADER_BYTES]
                .copy_from_slice(&header.encode());
        }
        &self.bytes
    }
}
