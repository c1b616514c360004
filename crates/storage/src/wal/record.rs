//! The bytes of a write-ahead log file: its header and the headers of its records.
//!
//! Drawn in `docs/formats/wal.md`. All numbers are little-endian.

use crate::CollectionId;

/// First bytes of every file; the last one is the version.
const FILE_MAGIC: [u8; 8] = *b"OUTCWAL\x01";

/// Magic, file number, CRC32C of both, four zero bytes.
pub(crate) const FILE_HEADER_BYTES: usize = 24;

/// First bytes of every record.
pub(crate) const RECORD_MAGIC: [u8; 4] = *b"OCWR";

/// Bytes before the payload of a record.
pub(crate) const RECORD_HEADER_BYTES: usize = 64;

/// Largest payload of a record: it keeps every length and distance within 32 bits, and is far
/// above what one request may bring.
pub(crate) const PAYLOAD_BYTES_MAX: u64 = 1 << 30;

/// What a record holds. Kinds that this program does not know are refused, not passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// A batch of a collection.
    Batch,
    /// Who wrote this object of a bucket: `owner.rs`.
    Owner,
}

impl RecordKind {
    fn code(self) -> u8 {
        match self {
            Self::Batch => 1,
            Self::Owner => 2,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::Batch, Self::Owner]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// The header of the file `number`.
pub(crate) fn file_header(number: u64) -> [u8; FILE_HEADER_BYTES] {
    let mut header = [0; FILE_HEADER_BYTES];
    header[..8].copy_from_slice(&FILE_MAGIC);
    header[8..16].copy_from_slice(&number.to_le_bytes());
    let checksum = crc32c::crc32c(&header[..16]);
    header[16..20].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// The header of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) kind: RecordKind,
    pub(crate) payload_bytes: u32,
    pub(crate) payload_checksum: u32,
    /// Where the record begins in its file: payload bytes that look like a record are not one.
    pub(crate) offset: u64,
    /// The number of the file.
    pub(crate) file: u64,
    /// Bytes from the beginning of the group to this record. Everything before the group was on
    /// disk when the group was written.
    pub(crate) group_distance: u32,
    pub(crate) collection: CollectionId,
    pub(crate) seqno: u64,
}

impl RecordHeader {
    /// Where the record's group begins in the file.
    pub(crate) fn group_offset(&self) -> u64 {
        self.offset.saturating_sub(u64::from(self.group_distance))
    }

    pub(crate) fn encode(&self) -> [u8; RECORD_HEADER_BYTES] {
        let mut header = [0; RECORD_HEADER_BYTES];
        header[..4].copy_from_slice(&RECORD_MAGIC);
        header[8..12].copy_from_slice(&self.payload_bytes.to_le_bytes());
        header[12..16].copy_from_slice(&self.payload_checksum.to_le_bytes());
        header[16..24].copy_from_slice(&self.offset.to_le_bytes());
        header[24..32].copy_from_slice(&self.file.to_le_bytes());
        header[32..36].copy_from_slice(&self.group_distance.to_le_bytes());
        header[36] = self.kind.code();
        header[40..56].copy_from_slice(&self.collection.to_bytes());
        header[56..64].copy_from_slice(&self.seqno.to_le_bytes());
        let checksum = crc32c::crc32c(&header[8..]);
        header[4..8].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    /// Reads the header at `offset` of the file with these `bytes` and this number; the error
    /// says what is wrong.
    pub(crate) fn decode(bytes: &[u8], offset: usize, file: u64) -> Result<Self, &'static str> {
        let header = bytes
            .get(offset..)
            .and_then(|rest| rest.first_chunk::<RECORD_HEADER_BYTES>())
            .ok_or("the file ends within the header of a record")?;
        if header[..4] != RECORD_MAGIC {
            return Err("no record begins here");
        }
        if u32_at(header, 4) != crc32c::crc32c(&header[8..]) {
            return Err("the header of the record fails its checksum");
        }
        let kind = RecordKind::from_code(header[36])
            .ok_or("the record is of a kind that this program does not know")?;
        let mut id = [0; 16];
        id.copy_from_slice(&header[40..56]);
        let record = Self {
            kind,
            payload_bytes: u32_at(header, 8),
            payload_checksum: u32_at(header, 12),
            offset: u64_at(header, 16),
            file: u64_at(header, 24),
            group_distance: u32_at(header, 32),
            collection: CollectionId::from_bytes(id),
            seqno: u64_at(header, 56),
        };
        if record.offset != offset as u64 || record.file != file {
            return Err("the record belongs to another place");
        }
        Ok(record)
    }
}

fn u32_at(header: &[u8; RECORD_HEADER_BYTES], offset: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&header[offset..offset + 4]);
    u32::from_le_bytes(bytes)
}

fn u64_at(header: &[u8; RECORD_HEADER_BYTES], offset: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&header[offset..offset + 8]);
    u64::from_le_bytes(bytes)
}
