//! A folder of the local file system.
//!
//! A new object is written to a temporary file, synced, linked to its name (which fails if the
//! name is taken) and made durable by syncing its folder: after a power cut it is there whole or
//! not at all.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place that touches `std::fs`"
)]

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::disk::{AppendFile, Disk, DiskLock, WriteContents};
use crate::paths::{self, ObjectPath};

/// Buffer between a writer of an object and its file; segments come in pages of about this size.
const WRITE_BUFFER_BYTES: usize = 256 * 1024;

/// A folder of the local file system, made when it is first written to.
#[derive(Debug)]
pub struct LocalDisk {
    root: PathBuf,
    /// Tells the temporary files of this process apart.
    temporary_count: AtomicU64,
}

impl LocalDisk {
    /// The disk whose objects lie below `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            temporary_count: AtomicU64::new(0),
        }
    }

    fn place(&self, path: &ObjectPath) -> PathBuf {
        self.root.join(path.as_str())
    }

    /// Makes the folder that will hold `place`, durably: each new level is synced into the one
    /// above it.
    fn make_parent(&self, place: &Path) -> io::Result<()> {
        let parent = place.parent().unwrap_or(&self.root);
        if parent.is_dir() {
            return Ok(());
        }
        let missing: Vec<&Path> = parent
            .ancestors()
            .take_while(|folder| !folder.is_dir())
            .collect();
        fs::create_dir_all(parent).map_err(at(parent))?;
        let synced = missing.iter().try_for_each(|folder| sync_parent(folder));
        if synced.is_err() {
            // The next call must not take them for durable. They are empty, the lowest one first.
            for folder in missing {
                drop(fs::remove_dir(folder));
            }
        }
        synced
    }

    fn temporary_place(&self) -> PathBuf {
        let count = self.temporary_count.fetch_add(1, Ordering::Relaxed);
        self.place(&paths::temporary().child(&format!("{}-{count}", std::process::id())))
    }

    fn write_and_link(
        &self,
        temporary: &Path,
        place: &Path,
        contents: WriteContents<'_>,
    ) -> io::Result<u64> {
        let file = private_files()
            .write(true)
            .create_new(true)
            .open(temporary)?;
        let mut writer = BufWriter::with_capacity(WRITE_BUFFER_BYTES, file);
        contents(&mut writer)?;
        let file = writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::hard_link(temporary, place)?;
        Ok(file.metadata()?.len())
    }
}

/// Adds to an error which file it was about.
fn at(place: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("`{}`: {error}", place.display()))
}

/// Options for files that only their owner may read: they hold people's data and private keys.
fn private_files() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the entry of `place` in its folder durable.
fn sync_parent(place: &Path) -> io::Result<()> {
    let parent = match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|folder| folder.sync_all())
        .map_err(at(parent))
}

impl Disk for LocalDisk {
    #[expect(
        unsafe_code,
        reason = "mapping a file is unsafe: another process could change it"
    )]
    fn read(&self, path: &ObjectPath) -> io::Result<Bytes> {
        let place = self.place(path);
        let file = File::open(&place).map_err(at(&place))?;
        if file.metadata()?.len() == 0 {
            return Ok(Bytes::new());
        }
        // SAFETY: objects never change once they have their name, and the folder is locked
        // against other processes of ours. Write-ahead log files are cut only when no reader of
        // them is left.
        let map = unsafe { memmap2::Mmap::map(&file).map_err(at(&place))? };
        Ok(Bytes::from_owner(map))
    }

    fn create(&self, path: &ObjectPath, contents: WriteContents<'_>) -> io::Result<u64> {
        let place = self.place(path);
        let temporary = self.temporary_place();
        self.make_parent(&temporary)?;
        self.make_parent(&place)?;
        let written = self.write_and_link(&temporary, &place, contents);
        // A temporary file that cannot be removed now is removed at the next open.
        drop(fs::remove_file(&temporary));
        let bytes = written.map_err(at(&place))?;
        if let Err(error) = sync_parent(&place) {
            // The caller is told that there is no such object, so there had better be none.
            drop(fs::remove_file(&place));
            // A power cut may bring it back, so this is never an error of the kind of a full disk,
            // after which it is certain that it does not.
            return Err(io::Error::other(error.to_string()));
        }
        Ok(bytes)
    }

    fn append(&self, path: &ObjectPath) -> io::Result<Box<dyn AppendFile>> {
        let place = self.place(path);
        self.make_parent(&place)?;
        let mut file = private_files()
            .read(true)
            .append(true)
            .create(true)
            .open(&place)
            .map_err(at(&place))?;
        sync_parent(&place)?;
        let bytes = file.seek(SeekFrom::End(0))?;
        Ok(Box::new(LocalAppendFile { file, bytes }))
    }

    fn list(&self, folder: &ObjectPath) -> io::Result<Vec<String>> {
        let place = self.place(folder);
        let entries = match fs::read_dir(&place) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at(&place)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(
                entry
                    .map_err(at(&place))?
                    .file_name()
                    .to_string_lossy()
                    .into_owned(),
            );
        }
        names.sort_unstable();
        Ok(names)
    }

    fn remove(&self, path: &ObjectPath) -> io::Result<()> {
        let place = self.place(path);
        fs::remove_file(&place).map_err(at(&place))?;
        sync_parent(&place)
    }

    fn sync_folder(&self, folder: &ObjectPath) -> io::Result<()> {
        let place = self.place(folder);
        if !place.is_dir() {
            return Ok(());
        }
        File::open(&place)
            .and_then(|folder| folder.sync_all())
            .map_err(at(&place))?;
        // The folders above hold its own name.
        let own = place.ancestors();
        own.take_while(|folder| folder.starts_with(&self.root))
            .try_for_each(sync_parent)
    }

    fn remove_folder(&self, folder: &ObjectPath) -> io::Result<()> {
        let place = self.place(folder);
        match fs::remove_dir_all(&place) {
            Ok(()) => sync_parent(&place),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(at(&place)(error)),
        }
    }

    fn lock(&self, path: &ObjectPath) -> io::Result<Box<dyn DiskLock>> {
        let place = self.place(path);
        self.make_parent(&place)?;
        let mut file = private_files()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&place)
            .map_err(at(&place))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(lock_held(&mut file)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // The number only helps whoever is refused; a full disk must not keep us from opening.
        if file.set_len(0).is_ok() {
            drop(write!(file, "{}", std::process::id()));
        }
        Ok(Box::new(LocalLock { _file: file }))
    }

    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn temporary_folder(&self) -> Option<PathBuf> {
        Some(self.place(&paths::temporary()))
    }
}

fn lock_held(file: &mut File) -> io::Error {
    let mut holder = String::new();
    let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
    let holder = if known {
        format!("process {}", holder.trim())
    } else {
        "another process".to_owned()
    };
    io::Error::new(
        io::ErrorKind::WouldBlock,
        format!("it is in use by {holder}"),
    )
}

/// The operating system releases the lock when the file is closed, also after a crash.
#[derive(Debug)]
struct LocalLock {
    _file: File,
}

impl DiskLock for LocalLock {}

#[derive(Debug)]
struct LocalAppendFile {
    file: File,
    bytes: u64,
}

impl AppendFile for LocalAppendFile {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn append(&mut self, data: &[u8]) -> io::Result<()> {
        self.file.write_all(data)?;
        self.bytes += data.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)?;
        self.bytes = bytes;
        Ok(())
    }
}
