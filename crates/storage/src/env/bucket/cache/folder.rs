//! Blocks in a folder, one file each.
//!
//! Nothing is synced: a file carries a checksum over its contents and its name, and one that does
//! not match is as good as none. Errors of the disk only make the cache smaller.
//!
//! ```text
//! offset  bytes  field
//!      0      8  magic: "OUTCBLK" and the version, 0x01
//!      8      4  CRC32C of everything behind this field, little-endian
//!     12      4  bytes of the name, little-endian
//!     16      n  name: location of the bucket, path of the object, number of the block
//!                the block
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "the cache is a folder of the machine, whatever disk holds the data"
)]

use std::fs;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use object_store::path::Path;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};

const MAGIC: [u8; 8] = *b"OUTCBLK\x01";

/// Bytes before the name.
const HEADER_BYTES: usize = 16;

/// How the names of files begin that are being written.
const TEMPORARY_PREFIX: &str = "new-";

/// See the module.
#[derive(Debug)]
pub(super) struct FolderCache {
    folder: PathBuf,
    location: String,
    /// The files, by name, with their sizes.
    files: Cache<String, u64, FileWeight, DefaultHashBuilder, RemoveFiles>,
    temporary_count: AtomicU64,
    /// Whether it was logged that files cannot be written.
    complained: AtomicBool,
}

#[derive(Clone, Debug)]
struct FileWeight;

impl Weighter<String, u64> for FileWeight {
    fn weight(&self, _name: &String, bytes: &u64) -> u64 {
        (*bytes).max(1)
    }
}

/// Removes the file of a block that is evicted.
#[derive(Clone, Debug)]
struct RemoveFiles {
    folder: PathBuf,
}

impl Lifecycle<String, u64> for RemoveFiles {
    type RequestState = <DefaultLifecycle<String, u64> as Lifecycle<String, u64>>::RequestState;

    fn begin_request(&self) -> Self::RequestState {
        DefaultLifecycle::<String, u64>::default().begin_request()
    }

    fn on_evict(&self, _state: &mut Self::RequestState, name: String, _bytes: u64) {
        // Another process may have removed it.
        drop(fs::remove_file(place(&self.folder, &name)));
    }
}

impl FolderCache {
    /// The cache in `folder`, which is made if it is not there, for the bucket at `location`.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub(super) fn open(folder: &FilePath, location: &str, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let cache = Self {
            folder: folder.to_owned(),
            location: location.to_owned(),
            files: Cache::with(
                super::items(bytes_max),
                bytes_max,
                FileWeight,
                DefaultHashBuilder::default(),
                RemoveFiles {
                    folder: folder.to_owned(),
                },
            ),
            temporary_count: AtomicU64::new(0),
            complained: AtomicBool::new(false),
        };
        cache.find_files()?;
        Ok(cache)
    }

    /// Takes up what an earlier process left.
    fn find_files(&self) -> io::Result<()> {
        for group in fs::read_dir(&self.folder)? {
            let group = group?;
            if !group.file_type()?.is_dir() || group.file_name().len() != GROUP_NAME_BYTES {
                continue;
            }
            for file in fs::read_dir(group.path())? {
                let file = file?;
                let name = file.file_name().to_string_lossy().into_owned();
                if name.starts_with(TEMPORARY_PREFIX) {
                    // Of a process that was killed, or of one that is at it right now, which will
                    // then do without this block.
                    drop(fs::remove_file(file.path()));
                } else if place(&self.folder, &name) == file.path() {
                    self.files.insert(name, file.metadata()?.len());
                }
            }
        }
        Ok(())
    }

    /// The block, if it is here and whole.
    pub(super) fn get(&self, object: &Path, block: u64) -> Option<Bytes> {
        let name = file_name(object, block)?;
        self.files.get(&name)?;
        let place = place(&self.folder, &name);
        let found = fs::read(&place)
            .ok()
            .and_then(|contents| self.decode(contents, object, block));
        if found.is_none() {
            self.files.remove(&name);
            drop(fs::remove_file(place));
        }
        found
    }

    /// Whether there is a file for the block.
    pub(super) fn contains(&self, object: &Path, block: u64) -> bool {
        file_name(object, block).is_some_and(|name| self.files.contains_key(&name))
    }

    /// Keeps a block, as far as the disk allows.
    pub(super) fn insert(&self, object: &Path, block: u64, bytes: &[u8]) {
        let Some(name) = file_name(object, block) else {
            return;
        };
        let contents = self.encode(bytes, object, block);
        match self.write(&name, &contents) {
            Ok(()) => self.files.insert(name, contents.len() as u64),
            Err(error) => {
                if !self.complained.swap(true, Ordering::Relaxed) {
                    let folder = self.folder.display();
                    tracing::warn!(%error, cache.folder = %folder, "cannot write to the cache");
                }
            }
        }
    }

    fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        let place = place(&self.folder, name);
        let group = place.parent().unwrap_or(&self.folder);
        let count = self.temporary_count.fetch_add(1, Ordering::Relaxed);
        let temporary = group.join(format!("{TEMPORARY_PREFIX}{}-{count}", std::process::id()));
        if !group.is_dir() {
            fs::create_dir_all(group)?;
        }
        fs::write(&temporary, contents)
            .and_then(|()| fs::rename(&temporary, &place))
            .inspect_err(|_| drop(fs::remove_file(&temporary)))
    }

    fn full_name(&self, object: &Path, block: u64) -> String {
        format!("{} {object} {block}", self.location)
    }

    fn encode(&self, bytes: &[u8], object: &Path, block: u64) -> Vec<u8> {
        let name = self.full_name(object, block);
        let length = u32::try_from(name.len()).expect("names are short");
        let mut contents = Vec::with_capacity(HEADER_BYTES + name.len() + bytes.len());
        contents.extend_from_slice(&MAGIC);
        contents.extend_from_slice(&[0; 4]);
        contents.extend_from_slice(&length.to_le_bytes());
        contents.extend_from_slice(name.as_bytes());
        contents.extend_from_slice(bytes);
        let checksum = crc32c::crc32c(&contents[12..]);
        contents[8..12].copy_from_slice(&checksum.to_le_bytes());
        contents
    }

    fn decode(&self, contents: Vec<u8>, object: &Path, block: u64) -> Option<Bytes> {
        let name = self.full_name(object, block);
        let header = contents.first_chunk::<HEADER_BYTES>()?;
        let checksum = crc32c::crc32c(&contents[12..]);
        let is_whole = header[..8] == MAGIC && header[8..12] == checksum.to_le_bytes();
        let start = HEADER_BYTES + name.len();
        let is_ours = contents.get(HEADER_BYTES..start)? == name.as_bytes()
            && header[12..] == u32::try_from(name.len()).ok()?.to_le_bytes();
        (is_whole && is_ours).then(|| Bytes::from(contents).slice(start..))
    }
}

/// Bytes in the name of a folder that holds a part of the files.
const GROUP_NAME_BYTES: usize = 2;

/// The name of the file for a block. None for objects that have no name.
fn file_name(object: &Path, block: u64) -> Option<String> {
    let stem = object.filename()?.split('.').next()?;
    (stem.len() >= GROUP_NAME_BYTES).then(|| format!("{block}-{stem}"))
}

/// Where the file `name` is: in the folder that the last two characters name, which are random.
fn place(folder: &FilePath, name: &str) -> PathBuf {
    let group = name.len().saturating_sub(GROUP_NAME_BYTES);
    folder.join(name.get(group..).unwrap_or("00")).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn object() -> Path {
        Path::from("collections/c/segments/01JDDQ7VQ3M2Y7S0Z9K4T8XW5B.parquet")
    }

    #[test]
    fn blocks_survive_a_restart_and_belong_to_one_bucket() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FolderCache::open(folder.path(), "s3://a", MIB).unwrap();
        cache.insert(&object(), 3, b"block");
        drop(cache);
        let cache = FolderCache::open(folder.path(), "s3://a", MIB).unwrap();
        assert_eq!(cache.get(&object(), 3).as_deref(), Some(&b"block"[..]));
        assert_eq!(cache.get(&object(), 4), None);
        let other = FolderCache::open(folder.path(), "s3://b", MIB).unwrap();
        assert_eq!(other.get(&object(), 3), None);
    }

    #[test]
    fn every_damaged_byte_makes_a_block_absent() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FolderCache::open(folder.path(), "s3://a", MIB).unwrap();
        cache.insert(&object(), 0, b"block");
        let file = place(folder.path(), &file_name(&object(), 0).unwrap());
        let whole = fs::read(&file).unwrap();
        for offset in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[offset] ^= 1;
            assert_eq!(cache.decode(damaged, &object(), 0), None, "byte {offset}");
        }
        for length in 0..whole.len() {
            let cut = whole[..length].to_vec();
            assert_eq!(cache.decode(cut, &object(), 0), None, "{length} bytes");
        }
        fs::write(&file, &whole[1..]).unwrap();
        assert_eq!(cache.get(&object(), 0), None);
        assert!(!file.exists());
    }

    #[test]
    fn the_folder_stays_within_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FolderCache::open(folder.path(), "s3://a", MIB).unwrap();
        for block in 0..100 {
            cache.insert(&object(), block, &[7; 64 * 1024]);
        }
        let group = place(folder.path(), &file_name(&object(), 0).unwrap());
        let files = fs::read_dir(group.parent().unwrap()).unwrap();
        let bytes: u64 = files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        assert!(bytes <= MIB && bytes > MIB / 2, "{bytes}");
    }
}
