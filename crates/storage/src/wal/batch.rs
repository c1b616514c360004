//! The payload of a record: what one batch changed, in order, as K bytes.

use bytes::Bytes;

use super::record::PAYLOAD_BYTES_MAX;

const TAG_PUT: u8 = 1;
const TAG_DELETE: u8 = 2;

/// A tag and the length of the K bytes that follow.
const ENTRY_HEADER_BYTES: usize = 5;

/// One change of a batch. Patches are written as the document that they came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BatchEntry {
    /// K of the whole document, with its `_id`.
    Put(Bytes),
    /// K of the `_id`.
    Delete(Bytes),
}

/// Collects the payload of one record.
#[derive(Clone, Debug, Default)]
pub(crate) struct BatchBuilder {
    bytes: Vec<u8>,
}

impl BatchBuilder {
    /// Adds the document with these K bytes.
    pub(crate) fn put(&mut self, document: &[u8]) {
        self.add(TAG_PUT, document);
    }

    /// Adds the deletion of the id with these K bytes.
    pub(crate) fn delete(&mut self, id: &[u8]) {
        self.add(TAG_DELETE, id);
    }

    fn add(&mut self, tag: u8, value: &[u8]) {
        // A value beyond 32 bits makes the payload too large, which is what is checked.
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(value);
    }

    /// The payload, or its size in bytes if it is more than [`PAYLOAD_BYTES_MAX`].
    pub(crate) fn finish(self) -> Result<Vec<u8>, u64> {
        let bytes = self.bytes.len() as u64;
        if bytes > PAYLOAD_BYTES_MAX {
            Err(bytes)
        } else {
            Ok(self.bytes)
        }
    }
}

/// The changes in a payload, in order. An entry that cannot be read is `Err` and the last one.
pub(crate) fn entries(payload: Bytes) -> impl Iterator<Item = Result<BatchEntry, &'static str>> {
    let mut rest = Some(payload);
    std::iter::from_fn(move || {
        let payload = rest.take().filter(|payload| !payload.is_empty())?;
        Some(split_entry(payload).map(|(entry, after)| {
            rest = Some(after);
            entry
        }))
    })
}

fn split_entry(mut payload: Bytes) -> Result<(BatchEntry, Bytes), &'static str> {
    const SHORT: &str = "a batch ends within an entry";
    let header = *payload.first_chunk::<ENTRY_HEADER_BYTES>().ok_or(SHORT)?;
    let [tag, length @ ..] = header;
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_overflow| SHORT)?;
    let end = ENTRY_HEADER_BYTES.checked_add(length).ok_or(SHORT)?;
    if payload.len() < end {
        return Err(SHORT);
    }
    let after = payload.split_off(end);
    let value = payload.slice(ENTRY_HEADER_BYTES..);
    match tag {
        TAG_PUT => Ok((BatchEntry::Put(value), after)),
        TAG_DELETE => Ok((BatchEntry::Delete(value), after)),
        _ => Err("a batch has an entry of an unknown kind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(payload: &[u8]) -> Vec<Result<BatchEntry, &'static str>> {
        entries(Bytes::copy_from_slice(payload)).collect()
    }

    #[test]
    fn entries_come_back_in_order() {
        let mut builder = BatchBuilder::default();
        builder.put(b"document");
        builder.delete(b"id");
        builder.put(b"");
        let payload = builder.finish().unwrap();
        let expected = [
            Ok(BatchEntry::Put(Bytes::from_static(b"document"))),
            Ok(BatchEntry::Delete(Bytes::from_static(b"id"))),
            Ok(BatchEntry::Put(Bytes::new())),
        ];
        assert_eq!(parse(&payload), expected);
    }

    #[test]
    fn a_cut_or_unknown_entry_is_an_error() {
        let mut builder = BatchBuilder::default();
        builder.put(b"document");
        let payload = builder.finish().unwrap();
        for length in 1..payload.len() {
            assert!(
                parse(&payload[..length]).last().unwrap().is_err(),
                "{length}"
            );
        }
        assert!(parse(&[9, 0, 0, 0, 0])[0].is_err());
    }
}
