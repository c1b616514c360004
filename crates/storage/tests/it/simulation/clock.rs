//! A clock whose time of day is set forward and back.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use outcrop_storage::env::Clock;

/// 2024-01-01T00:00:00Z.
const START_MICROS: i64 = 1_704_067_200_000_000;

/// Stands still until it is moved.
#[derive(Debug, Default)]
pub(super) struct SimulatedClock {
    day_micros: AtomicI64,
    elapsed_micros: AtomicU64,
}

impl SimulatedClock {
    /// Time passes.
    pub(super) fn advance(&self, seconds: u32) {
        let micros = u64::from(seconds) * 1_000_000;
        self.elapsed_micros.fetch_add(micros, Ordering::Relaxed);
        self.set_by(i64::from(seconds));
    }

    /// Somebody sets the time of day.
    pub(super) fn set_by(&self, seconds: i64) {
        self.day_micros
            .fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for SimulatedClock {
    fn now_micros(&self) -> i64 {
        START_MICROS + self.day_micros.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.elapsed_micros.load(Ordering::Relaxed))
    }
}
