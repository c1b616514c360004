//! Avro's object container files: a document for each record.
//!
//! Our own, because the two crates that there are take damage for data: `arrow-avro` compares no sync markers and takes
//! a file that is cut off for a short one, `apache-avro` makes nulls of what is missing and brings some twenty crates. The
//! format is a page of its specification. `cursor.rs` reads numbers and bytes, `schema.rs` the types, `value.rs` the
//! values, `codec.rs` unpacks blocks.

mod codec;
mod cursor;
mod schema;
mod value;

use std::collections::HashMap;

use crate::{DecodeError, Sink};
use codec::Codec;
use cursor::Cursor;
use schema::Schema;
use value::Decoder;

/// What a file begins with.
const MAGIC: &[u8] = b"Obj\x01";
/// Bytes between blocks.
const SYNC_BYTES: usize = 16;

/// Hands the records to `sink`.
pub(crate) fn read(file: &[u8], sink: &mut Sink<'_>) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(file);
    if cursor.take(MAGIC.len()) != Ok(MAGIC) {
        return Err(DecodeError::file("it does not begin as such files do"));
    }
    let metadata = metadata(&mut cursor).map_err(DecodeError::file)?;
    let schema = metadata
        .get("avro.schema")
        .ok_or_else(|| DecodeError::file("it has no schema"))?;
    let schema = Schema::parse(schema).map_err(DecodeError::file)?;
    let codec = metadata.get("avro.codec").copied().unwrap_or(b"null");
    let codec = Codec::of(codec).map_err(DecodeError::file)?;
    let sync = cursor.take(SYNC_BYTES).map_err(DecodeError::file)?;
    let mut number = 0;
    while !cursor.is_at_end() {
        let at = cursor.offset();
        let damaged =
            |reason: String| DecodeError::File(format!("the block at byte {at}: {reason}"));
        let count = cursor.length().map_err(damaged)?;
        let packed = cursor.bytes().map_err(damaged)?;
        if cursor.take(SYNC_BYTES) != Ok(sync) {
            return Err(damaged("there is no sync marker behind it".to_owned()));
        }
        let block = codec.unpack(packed).map_err(damaged)?;
        let mut records = Cursor::new(&block);
        for _ in 0..count {
            number += 1;
            let record = Decoder::new(&schema, &mut records).record();
            let record = record.map_err(|reason| damaged(format!("record {number}: {reason}")))?;
            sink(record.map_err(|reason| format!("record {number}: {reason}")))?;
        }
        if !records.is_at_end() {
            return Err(damaged("it holds more than its records".to_owned()));
        }
    }
    Ok(())
}

/// What a file tells about itself.
fn metadata<'a>(cursor: &mut Cursor<'a>) -> Result<HashMap<&'a str, &'a [u8]>, String> {
    let mut metadata = HashMap::new();
    loop {
        let count = cursor.items()?;
        if count == 0 {
            return Ok(metadata);
        }
        for _ in 0..count {
            metadata.insert(cursor.text()?, cursor.bytes()?);
        }
    }
}
