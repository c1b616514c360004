//! Where the bytes of an immutable object come from: memory, or reads of parts of it.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

/// An object to read from.
#[derive(Clone, Debug)]
pub enum ObjectSource {
    /// All of it is at hand: in memory, or mapped into it.
    Whole(Bytes),
    /// Parts of it are fetched when they are read.
    Ranged(Arc<dyn RangedObject>),
}

/// An object whose parts are far away.
pub trait RangedObject: Debug + Send + Sync {
    /// Size of the object.
    fn bytes(&self) -> u64;

    /// The bytes from `offset` on, exactly `length` of them. Blocks.
    ///
    /// # Errors
    /// `NotFound` if the object is gone, `UnexpectedEof` if the range is not within it, those of
    /// the network.
    fn read(&self, offset: u64, length: usize) -> io::Result<Bytes>;
}

impl ObjectSource {
    /// Size of the object.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Ranged(object) => object.bytes(),
        }
    }

    /// The bytes from `offset` on, exactly `length` of them.
    ///
    /// # Errors
    /// See [`RangedObject::read`].
    pub fn read(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        match self {
            Self::Whole(bytes) => usize::try_from(offset)
                .ok()
                .and_then(|start| Some(start..start.checked_add(length)?))
                .filter(|range| range.end <= bytes.len())
                .map(|range| bytes.slice(range))
                .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof)),
            Self::Ranged(object) => object.read(offset, length),
        }
    }
}

impl From<Bytes> for ObjectSource {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl From<Vec<u8>> for ObjectSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(bytes.into())
    }
}
