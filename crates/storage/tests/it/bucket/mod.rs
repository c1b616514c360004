//! Stores in a bucket: takeovers, outages, lost answers, and reads through the cache.

mod failing;
pub(crate) mod faulty;
mod model;
mod outage;
mod reads;
mod takeover;

use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use outcrop_storage::env::{
    BucketDisk, BucketOptions, ManualClock, Random, RetryOptions, SeededRandom,
};
use outcrop_storage::{
    Collection, Environment, Operation, Store, StoreError, StoreOptions, WriteError,
};

use self::faulty::FaultyStore;
use crate::support::try_write;

/// Nothing happens by itself, and nothing waits.
fn options() -> StoreOptions {
    StoreOptions {
        wal_interval: Duration::ZERO,
        ..crate::support::options()
    }
}

pub(crate) fn bucket_options(attempts_max: u32) -> BucketOptions {
    BucketOptions {
        retry: RetryOptions {
            attempts_max,
            pause: Duration::ZERO,
        },
        memory_cache_bytes: 1024 * 1024,
        ..BucketOptions::default()
    }
}

/// The world of one process that uses `store`.
fn environment(store: Arc<dyn ObjectStore>, seed: u64, options: &BucketOptions) -> Environment {
    let random: Arc<dyn Random> = Arc::new(SeededRandom::new(seed));
    Environment {
        clock: Arc::new(ManualClock::new()),
        random: Arc::clone(&random),
        disk: Arc::new(BucketDisk::new(store, random, options).unwrap()),
    }
}

fn try_open(store: &Arc<FaultyStore>, seed: u64) -> Result<Arc<Store>, StoreError> {
    let store = Arc::<FaultyStore>::clone(store);
    Store::open(environment(store, seed, &bucket_options(3)), options())
}

/// A process that opens the bucket for the first time since `seed`.
fn open(store: &Arc<FaultyStore>, seed: u64) -> Arc<Store> {
    try_open(store, seed).expect("the store opens")
}

/// Waits until the fate of a write is known: nothing is answered before that.
fn settle(collection: &Collection) {
    let nothing = || vec![Operation::delete("nothing")];
    while let Err(WriteError::Unavailable { .. }) = try_write(collection, nothing()) {
        std::thread::yield_now();
    }
}

/// A new bucket, and one process's way to it.
fn new_bucket() -> (Arc<InMemory>, Arc<FaultyStore>) {
    let bucket = Arc::new(InMemory::new());
    let store = Arc::new(FaultyStore::new(Arc::clone(&bucket), 1));
    (bucket, store)
}
