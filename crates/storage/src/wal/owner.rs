//! Who wrote an object of the log, and what the log consists of.
//!
//! It is the payload of the first record of every object, drawn in `docs/formats/wal.md`.

/// Bytes before the list of fences.
const FIXED_BYTES: usize = 40;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Every owner has a higher one than those before.
    pub(crate) epoch: u64,
    /// Random, so that no two processes ever write the same object.
    pub(crate) id: [u8; 16],
    /// The log begins with this object: of those before none is needed, and any may be missing.
    pub(crate) first: u64,
    /// The object with which this owner took over.
    pub(crate) fence: u64,
    /// The fences of all owners before, ascending; only in a fence.
    pub(crate) earlier_fences: Vec<u64>,
}

impl Owner {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + 8 * self.earlier_fences.len());
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.id);
        for number in [self.first, self.fence].iter().chain(&self.earlier_fences) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk::<8>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (numbers, []) = rest.as_chunks::<8>() else {
            return None;
        };
        let mut numbers = numbers.iter().map(|number| u64::from_le_bytes(*number));
        Some(Self {
            epoch: u64::from_le_bytes(*epoch),
            id: *id,
            first: numbers.next()?,
            fence: numbers.next()?,
            earlier_fences: numbers.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_round_trips() {
        for earlier_fences in [Vec::new(), vec![1, 7]] {
            let owner = Owner {
                epoch: 3,
                id: [9; 16],
                first: 5,
                fence: 8,
                earlier_fences,
            };
            let bytes = owner.encode();
            assert_eq!(Owner::decode(&bytes), Some(owner));
            for length in 0..FIXED_BYTES {
                assert_eq!(Owner::decode(&bytes[..length]), None, "{length} bytes");
            }
        }
    }
}
