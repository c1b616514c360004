//! The rows of one part that are gone.
//!
//! A vector is copied on write: a snapshot keeps the one it was published with, while the writer
//! inserts into its own. On disk it is a small object of its own beside the segment:
//!
//! ```text
//! magic "ODV1" 4 | crc32c of the rest, u32 little endian 4 | roaring bitmap in its portable format
//! ```

use std::sync::Arc;

use roaring::RoaringBitmap;

const MAGIC: &[u8; 4] = b"ODV1";
const HEADER_BYTES: usize = 8;

/// A set of row ids of one part, cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeletionVector {
    rows: Arc<RoaringBitmap>,
}

/// Bytes that are not an encoded deletion vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeletionVectorError {
    /// Too short, or written by something else.
    #[error("not a deletion vector of a known version")]
    Magic,
    /// The bytes changed since they were written.
    #[error("deletion vector fails its checksum")]
    Checksum,
    /// The checksum holds but the bitmap inside is not one.
    #[error("deletion vector holds no valid bitmap")]
    Bitmap,
}

impl DeletionVector {
    /// Marks `row` as gone; false if it was gone before.
    pub fn insert(&mut self, row: u32) -> bool {
        Arc::make_mut(&mut self.rows).insert(row)
    }

    /// Whether `row` is gone.
    pub fn contains(&self, row: u32) -> bool {
        self.rows.contains(row)
    }

    /// Number of rows that are gone.
    pub fn len(&self) -> u64 {
        self.rows.len()
    }

    /// Whether no row is gone.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows that are gone, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.rows.iter()
    }

    /// The rows as a bitmap.
    pub fn rows(&self) -> &RoaringBitmap {
        &self.rows
    }

    /// The largest row that is gone.
    pub fn max(&self) -> Option<u32> {
        self.rows.max()
    }

    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.rows.serialized_size());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[0; 4]);
        self.rows
            .serialize_into(&mut bytes)
            .expect("writing to a vector does not fail");
        let checksum = crc32c::crc32c(&bytes[HEADER_BYTES..]);
        bytes[4..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads back what [`DeletionVector::encode`] wrote.
    ///
    /// # Errors
    /// A [`DeletionVectorError`] for any other bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DeletionVectorError> {
        let (header, body) = bytes
            .split_at_checked(HEADER_BYTES)
            .ok_or(DeletionVectorError::Magic)?;
        if !header.starts_with(MAGIC) {
            return Err(DeletionVectorError::Magic);
        }
        if header[4..] != crc32c::crc32c(body).to_le_bytes() {
            return Err(DeletionVectorError::Checksum);
        }
        let rows =
            RoaringBitmap::deserialize_from(body).map_err(|_| DeletionVectorError::Bitmap)?;
        Ok(Self {
            rows: Arc::new(rows),
        })
    }
}

impl From<RoaringBitmap> for DeletionVector {
    fn from(rows: RoaringBitmap) -> Self {
        Self {
            rows: Arc::new(rows),
        }
    }
}

impl FromIterator<u32> for DeletionVector {
    fn from_iter<I: IntoIterator<Item = u32>>(rows: I) -> Self {
        Self {
            rows: Arc::new(rows.into_iter().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_does_not_see_later_inserts() {
        let mut vector = DeletionVector::from_iter([1, 2]);
        let pinned = vector.clone();
        assert!(vector.insert(9));
        assert!(!vector.insert(9));
        assert_eq!((pinned.len(), vector.len()), (2, 3));
        assert!(vector.contains(9) && !pinned.contains(9));
    }

    #[test]
    fn encoded_bytes_read_back_and_any_changed_byte_is_reported() {
        for vector in [DeletionVector::default(), (0..5000).step_by(3).collect()] {
            let bytes = vector.encode();
            assert_eq!(DeletionVector::decode(&bytes), Ok(vector));
            for offset in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[offset] ^= 0x40;
                assert!(DeletionVector::decode(&damaged).is_err(), "byte {offset}");
            }
            assert!(DeletionVector::decode(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
