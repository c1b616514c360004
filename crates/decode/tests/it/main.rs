//! Files of each format as documents.
//!
//! `crates/cli/tests/it/uploads.rs` sends such files to a server.
#![expect(
    clippy::unwrap_used,
    reason = "in a test, what does not hold ends the test"
)]

mod avro;
mod frames;
mod parquet;

use outcrop_decode::{Format, decode};
use outcrop_document::Value;

/// The records of a file, which must be read to its end.
#[track_caller]
fn records(format: &Format, file: &[u8]) -> Vec<Result<Value, String>> {
    let mut records = Vec::new();
    let decoded = decode(format, file.to_vec(), &mut |record| {
        records.push(record);
        Ok(())
    });
    decoded.unwrap();
    records
}

/// Why a file is not read to its end.
#[track_caller]
fn failure(format: &Format, file: &[u8]) -> String {
    let decoded = decode(format, file.to_vec(), &mut |_| Ok(()));
    decoded.unwrap_err().to_string()
}

/// Documents are shown with the types of their values.
fn shown(records: &[Result<Value, String>]) -> Vec<String> {
    let records = records.iter();
    records
        .map(|record| match record {
            Ok(document) => format!("{document:?}"),
            Err(error) => error.clone(),
        })
        .collect()
}
