//! Blocks of objects, in memory and in a folder of the local disk.
//!
//! Objects never change and their names are never used again, so that a block, once here, is right
//! for ever. It leaves when others are needed more. Both tiers evict with `quick_cache`, which one
//! long scan does not empty.

mod folder;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use self::folder::FolderCache;
use super::disk::BucketOptions;
use super::ranged::BLOCK_BYTES;

/// Names a block: the object and which of its blocks.
type BlockKey = (Arc<str>, u64);

/// What a block costs beyond its bytes.
const BLOCK_OVERHEAD_BYTES: u64 = 128;

/// See the module.
#[derive(Debug)]
pub(super) struct BlockCache {
    memory: Cache<BlockKey, Bytes, BlockWeight>,
    folder: Option<FolderCache>,
}

#[derive(Clone, Debug)]
struct BlockWeight;

impl Weighter<BlockKey, Bytes> for BlockWeight {
    fn weight(&self, _key: &BlockKey, block: &Bytes) -> u64 {
        block.len() as u64 + BLOCK_OVERHEAD_BYTES
    }
}

impl BlockCache {
    /// The cache of the bucket at `location`, with what an earlier process left in the folder.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub(super) fn open(location: &str, options: &BucketOptions) -> io::Result<Self> {
        let bytes = options.memory_cache_bytes;
        let folder = options
            .cache_folder
            .as_ref()
            .map(|folder| FolderCache::open(folder, location, options.disk_cache_bytes))
            .transpose()?;
        Ok(Self {
            memory: Cache::with_weighter(items(bytes), bytes, BlockWeight),
            folder,
        })
    }

    /// The block, if it is here. It has `bytes` bytes.
    pub(super) fn get(&self, object: &Path, block: u64, bytes: u64) -> Option<Bytes> {
        let key = key(object, block);
        if let Some(found) = self.memory.get(&key) {
            return Some(found);
        }
        let found = self.folder.as_ref()?.get(object, block)?;
        if found.len() as u64 != bytes {
            return None;
        }
        self.memory.insert(key, found.clone());
        Some(found)
    }

    /// Whether the block is here.
    pub(super) fn contains(&self, object: &Path, block: u64) -> bool {
        self.memory.contains_key(&key(object, block))
            || self
                .folder
                .as_ref()
                .is_some_and(|folder| folder.contains(object, block))
    }

    /// Keeps a block, and returns it in memory of its own: `bytes` may be part of a longer fetch.
    pub(super) fn insert(&self, object: &Path, block: u64, bytes: &[u8]) -> Bytes {
        let kept = Bytes::copy_from_slice(bytes);
        self.memory.insert(key(object, block), kept.clone());
        if let Some(folder) = &self.folder {
            folder.insert(object, block, bytes);
        }
        kept
    }

    /// Keeps all blocks of an object.
    pub(super) fn insert_object(&self, object: &Path, contents: &Bytes) {
        let block_bytes = usize::try_from(BLOCK_BYTES).expect("256 KiB fit");
        for (block, bytes) in (0..).zip(contents.chunks(block_bytes)) {
            drop(self.insert(object, block, bytes));
        }
    }
}

fn key(object: &Path, block: u64) -> BlockKey {
    (Arc::from(object.as_ref()), block)
}

/// How many blocks fit into `bytes`.
fn items(bytes: u64) -> usize {
    usize::try_from(bytes / BLOCK_BYTES)
        .unwrap_or(usize::MAX)
        .max(16)
}
