//! Documents through chunks and segments, against row-at-a-time oracles.

mod cached;
mod corruption;
mod index;
mod oracle;
mod properties;
mod shapes;

use std::sync::Arc;

use bytes::Bytes;
use outcrop_document::{Object, k};

use super::writer::{SegmentLimits, write_chunk};
use super::{Segment, SegmentError, SegmentSummary};
use crate::chunk::Chunk;
use crate::deletion_vector::DeletionVector;
use crate::part::Part;

/// The documents as one chunk.
fn chunk(documents: &[Object]) -> Arc<Chunk> {
    let encoded: Vec<Vec<u8>> = documents.iter().map(encode).collect();
    Arc::new(Chunk::build(&encoded).unwrap())
}

fn encode(document: &Object) -> Vec<u8> {
    k::encode(&outcrop_document::Value::Object(document.clone()))
}

/// The rows of `chunk` as the bytes of a segment.
fn segment_bytes(chunk: &Chunk, limits: SegmentLimits) -> (Vec<u8>, SegmentSummary) {
    let mut bytes = Vec::new();
    let summary = write_chunk(chunk, None, &mut bytes, limits).unwrap();
    assert_eq!(summary.bytes, bytes.len() as u64);
    (bytes, summary)
}

fn open(bytes: Vec<u8>) -> Result<Segment, SegmentError> {
    Segment::open("some/segment.parquet", Bytes::from(bytes))
}

/// The rows of `chunk` as an open segment.
fn segment(chunk: &Chunk, limits: SegmentLimits) -> Arc<Segment> {
    Arc::new(open(segment_bytes(chunk, limits).0).unwrap())
}

/// A part of these rows without deletions.
fn segment_part(chunk: &Chunk, limits: SegmentLimits) -> Part {
    Part::from_segment(segment(chunk, limits), DeletionVector::default())
}
