//! The thread that looks after segments: retention, compaction, garbage collection.
//!
//! It is a thread of its own, so that a long compaction does not keep flushes waiting, and one
//! alone, so that compactions never take more than one core and one chunk's memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use crate::CollectionId;
use crate::collection::Collection;
use crate::context::Context;
use crate::error::{StoreError, report};

/// How often it looks without being woken.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a collection rests after a compaction of it that failed: the next one may read
/// gigabytes before it fails in the same way.
const RETRY: Duration = Duration::from_secs(30);

/// Looks after `collections` until the store is closed.
pub(crate) fn run(
    context: &Context,
    collections: &RwLock<BTreeMap<CollectionId, Arc<Collection>>>,
) {
    let mut resting: HashMap<CollectionId, Duration> = HashMap::new();
    let mut next_retention = context.now();
    while context.maintenance_signal.wait(INTERVAL) && !context.is_fenced() {
        let all: Vec<_> = collections.read().values().map(Arc::clone).collect();
        resting.retain(|_, until| *until > context.now());
        if context.now() >= next_retention {
            next_retention = context.now() + context.options.retention_interval;
            all.iter().for_each(|collection| expire(collection));
        }
        let mut busy = true;
        while std::mem::take(&mut busy) {
            // One compaction of each in turn: none waits for all of another's.
            for collection in &all {
                if context.maintenance_signal.is_stopped() || context.is_fenced() {
                    return;
                }
                if resting.contains_key(&collection.id()) {
                    continue;
                }
                match collection.compact_in_background() {
                    Ok(worked) => busy |= worked,
                    Err(error) => {
                        log(collection, "cannot compact a collection", &error);
                        resting.insert(collection.id(), context.now() + RETRY);
                    }
                }
            }
        }
        context.collect_garbage();
    }
}

fn expire(collection: &Collection) {
    if let Err(error) = collection.expire_blocking() {
        log(
            collection,
            "cannot remove documents past their retention",
            &error,
        );
    }
}

fn log(collection: &Collection, message: &str, error: &StoreError) {
    if matches!(error, StoreError::Closed) {
        return;
    }
    let (error, id) = (report(error), collection.id());
    tracing::warn!(error, collection.id = %id, "{message}");
}
