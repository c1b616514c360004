//! Reads parts of an object, in blocks, through the cache.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use parking_lot::Mutex;

use super::cache::BlockCache;
use super::disk::Requests;
use crate::env::object_source::RangedObject;

/// Bytes of one block: a request for so much takes hardly longer than for less.
pub(super) const BLOCK_BYTES: u64 = 256 * 1024;

/// Blocks that one request fetches at most, 4 MiB.
const RUN_BLOCKS_MAX: u64 = 16;

/// How many readers that go forward through the object at the same time are noticed: the columns
/// of a scan.
const STREAMS_MAX: usize = 32;

/// An object of a bucket.
#[derive(Debug)]
pub(super) struct BucketObject {
    requests: Arc<Requests>,
    cache: Arc<BlockCache>,
    path: Path,
    bytes: u64,
    /// Where the last fetches ended, and how many blocks they had.
    streams: Mutex<VecDeque<(u64, u64)>>,
}

impl BucketObject {
    pub(super) fn new(
        requests: Arc<Requests>,
        cache: Arc<BlockCache>,
        path: Path,
        bytes: u64,
    ) -> Self {
        Self {
            requests,
            cache,
            path,
            bytes,
            streams: Mutex::new(VecDeque::new()),
        }
    }

    /// The bytes of these blocks within the object.
    fn extent(&self, blocks: &Range<u64>) -> Range<u64> {
        blocks.start * BLOCK_BYTES..(blocks.end * BLOCK_BYTES).min(self.bytes)
    }

    /// The blocks of `wanted`, from the cache and, those that are missing there, from the bucket.
    fn blocks(&self, wanted: Range<u64>) -> io::Result<Vec<Bytes>> {
        let mut found: Vec<Option<Bytes>> = wanted
            .clone()
            .map(|block| self.cache.get(&self.path, block, self.block_bytes(block)))
            .collect();
        let missing = missing_runs(&found, wanted.start);
        if !missing.is_empty() {
            let runs: Vec<Range<u64>> = missing.into_iter().map(|run| self.extend(run)).collect();
            let extents: Vec<_> = runs.iter().map(|run| self.extent(run)).collect();
            let fetched = self.requests.get_ranges(&self.path, &extents)?;
            for (run, bytes) in runs.into_iter().zip(fetched) {
                let extent = self.extent(&run);
                if bytes.len() as u64 != extent.end - extent.start {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                for block in run {
                    let part = self.extent(&(block..block + 1));
                    let part =
                        to_usize(part.start - extent.start)?..to_usize(part.end - extent.start)?;
                    let part = self.cache.insert(&self.path, block, &bytes.slice(part));
                    if let Some(place) = block.checked_sub(wanted.start)
                        && let Some(slot) = found.get_mut(to_usize(place)?)
                    {
                        *slot = Some(part);
                    }
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn block_bytes(&self, block: u64) -> u64 {
        let extent = self.extent(&(block..block + 1));
        extent.end.saturating_sub(extent.start)
    }

    /// The run, and what is likely to be read next if it goes on where an earlier fetch ended.
    fn extend(&self, run: Range<u64>) -> Range<u64> {
        let blocks = self.bytes.div_ceil(BLOCK_BYTES);
        let mut streams = self.streams.lock();
        let earlier = streams.iter().position(|(end, _)| *end == run.start);
        let ahead = earlier
            .and_then(|place| streams.remove(place))
            .map_or(0, |(_, length)| (length * 2).min(RUN_BLOCKS_MAX));
        let mut end = run.end.max((run.start + ahead).min(blocks));
        // What is there already need not come again.
        while end > run.end && self.cache.contains(&self.path, end - 1) {
            end -= 1;
        }
        if streams.len() == STREAMS_MAX {
            streams.pop_front();
        }
        streams.push_back((end, end - run.start));
        run.start..end
    }
}

impl RangedObject for BucketObject {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let end = offset.checked_add(length as u64);
        let end = end
            .filter(|end| *end <= self.bytes)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        if length == 0 {
            return Ok(Bytes::new());
        }
        let first = offset / BLOCK_BYTES;
        let blocks = self.blocks(first..end.div_ceil(BLOCK_BYTES))?;
        let start = to_usize(offset - first * BLOCK_BYTES)?;
        if let [block] = &blocks[..] {
            return Ok(block.slice(start..start + length));
        }
        let mut joined = BytesMut::with_capacity(length);
        let mut skip = start;
        for block in &blocks {
            let part = &block[skip..block.len().min(skip + length - joined.len())];
            joined.extend_from_slice(part);
            skip = 0;
        }
        Ok(joined.freeze())
    }
}

/// The blocks that were not found, as runs of neighbours of bounded length.
fn missing_runs(found: &[Option<Bytes>], first: u64) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for (block, _) in (first..).zip(found).filter(|(_, found)| found.is_none()) {
        match runs.last_mut() {
            Some(run) if run.end == block && run.end - run.start < RUN_BLOCKS_MAX => run.end += 1,
            _ => runs.push(block..block + 1),
        }
    }
    runs
}

fn to_usize(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes).map_err(io::Error::other)
}
