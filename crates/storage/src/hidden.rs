//! The hidden member of a document: bytes that belong to whoever writes the document, such as what a
//! rollup needs to go on.
//!
//! Storage keeps it with the rest of the document, in the log, in memory and in segments, and gives it
//! to the functions of [`Operation::decide`](crate::Operation::decide). It has no column, no index and
//! no count of types, and who shows documents takes it off with [`without_hidden`].

use std::borrow::Cow;

use outcrop_document::k::{self, DecodeError};

/// Name of the member. Its value has to be bytes. No document from outside may have it.
pub const HIDDEN_FIELD: &str = "\0state";

/// How the K of a document begins that has the member: an object, a member, its name with the zero
/// byte escaped, and the class of bytes. Names ascend, so it comes first unless there is an empty name.
const HEAD: &[u8] = b"\x68\x01\x00\xFFstate\x00\x28";

/// Bytes of an object before its first member.
const OBJECT_BYTES: usize = 1;

/// A document in the K encoding without its hidden member.
///
/// Bytes hold no numbers, so the marks at the end of K are those of the other members.
///
/// # Errors
/// [`DecodeError`] if the member is damaged.
pub fn without_hidden(document: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
    if !document.starts_with(HEAD) {
        return Ok(Cow::Borrowed(document));
    }
    let value = HEAD.len() - 1;
    let end = value + k::key_length(&document[value..])?;
    let rest = &document[end..];
    Ok(Cow::Owned([&document[..OBJECT_BYTES], rest].concat()))
}

#[cfg(test)]
mod tests {
    use outcrop_document::{Object, Value};

    use super::*;

    #[test]
    fn the_member_goes_and_all_others_stay() {
        let others = [
            ("_id", Value::from("a")),
            ("f", Value::Float(1.0)),
            ("i", Value::Int(1)),
        ];
        let plain: Object = others.map(|(name, value)| (name.to_owned(), value)).into();
        let encoded = k::encode(&Value::Object(plain.clone()));
        assert_eq!(without_hidden(&encoded).unwrap(), encoded);
        for bytes in [vec![], vec![0, 0xFF, 0, 0x28, 1], vec![0; 300]] {
            let mut document = plain.clone();
            document.insert(HIDDEN_FIELD.to_owned(), Value::Bytes(bytes));
            let document = k::encode(&Value::Object(document));
            assert!(document.starts_with(HEAD));
            assert_eq!(without_hidden(&document).unwrap(), encoded);
        }
    }

    #[test]
    fn a_damaged_member_is_an_error() {
        assert!(without_hidden(HEAD).is_err());
    }
}
