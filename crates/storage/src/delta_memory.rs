//! Memory of the deltas of all collections together.
//!
//! Each collection has limits of its own; without a common one, many collections of which each is
//! below its limits could take any amount.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::error::StoreError;

/// See the module.
#[derive(Debug)]
pub(crate) struct DeltaMemory {
    bytes: AtomicU64,
    bytes_max: u64,
    /// Why the last attempt to make room failed; none if it did not.
    error: Mutex<Option<Arc<StoreError>>>,
}

impl DeltaMemory {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            bytes: AtomicU64::new(0),
            bytes_max,
            error: Mutex::new(None),
        }
    }

    /// How much they take.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The delta of a collection has `new` bytes and had `old`.
    pub(crate) fn replace(&self, old: u64, new: u64) {
        // Two operations: the sum may be too large for a moment, but never wraps below zero.
        self.bytes.fetch_add(new, Ordering::Relaxed);
        self.bytes.fetch_sub(old, Ordering::Relaxed);
    }

    /// Whether it is time to flush, before writes have to wait.
    pub(crate) fn is_tight(&self) -> bool {
        self.bytes() >= self.bytes_max / 2
    }

    /// Whether writes have to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes() > self.bytes_max
    }

    /// Notes how an attempt to make room ended.
    pub(crate) fn note(&self, error: Option<Arc<StoreError>>) {
        *self.error.lock() = error;
    }

    /// Why there is no room, if making some was tried and failed.
    pub(crate) fn error(&self) -> Option<Arc<StoreError>> {
        self.error.lock().clone()
    }
}
