//! Everything that storage takes from outside: time, randomness and a disk.
//!
//! They come in as traits so that a run can be replayed from a seed and every I/O error can be
//! provoked in a test. This module is the only one of the crate that may touch `std::fs` or the
//! system clock.

mod bucket;
mod clock;
mod disk;
mod local_disk;
mod memory_disk;
mod object_source;
mod random;
mod ulid;

use std::path::Path;
use std::sync::Arc;

pub(crate) use bucket::read_error_of_text;
pub use bucket::{
    BucketDisk, BucketOptions, BucketUrlError, RetryOptions, is_bucket_url, is_unavailable,
    outcome_is_unknown,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use disk::{AppendFile, Disk, DiskLock, WriteContents};
pub use local_disk::LocalDisk;
pub use memory_disk::MemoryDisk;
pub use object_source::{ObjectSource, RangedObject};
pub use random::{OsRandom, Random, SeededRandom};
pub(crate) use ulid::new_ulid;

/// The outside world of one [`Store`](crate::Store).
#[derive(Clone, Debug)]
pub struct Environment {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes, for the names of new objects.
    pub random: Arc<dyn Random>,
    /// Holds the data.
    pub disk: Arc<dyn Disk>,
}

impl Environment {
    /// The real clock, the random numbers of the operating system, and the folder `root`, which
    /// is made when the store is opened.
    pub fn local(root: impl AsRef<Path>) -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(OsRandom),
            disk: Arc::new(LocalDisk::new(root.as_ref())),
        }
    }

    /// The real clock, the random numbers of the operating system, and the bucket that `url`
    /// names, with keys and endpoint from the environment variables of its vendor.
    ///
    /// # Errors
    /// [`BucketUrlError`] if the URL or the variables make no sense; nothing is sent yet.
    pub fn bucket(url: &str, options: BucketOptions) -> Result<Self, BucketUrlError> {
        Ok(Self {
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(OsRandom),
            disk: Arc::new(BucketDisk::connect(url, options)?),
        })
    }

    /// A world in memory for tests: a clock that moves when told to, seeded random numbers, and
    /// `disk`.
    #[must_use]
    pub fn in_memory(disk: Arc<MemoryDisk>, seed: u64) -> Self {
        Self {
            clock: Arc::new(ManualClock::new()),
            random: Arc::new(SeededRandom::new(seed)),
            disk,
        }
    }
}
