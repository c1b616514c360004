//! Bounds on the writes that are in flight; those on queries are in `instances`.
//!
//! Beyond the bound a request is refused at once with 429 rather than queued without end: the
//! client knows best whether waiting makes sense. Only bytes of bodies are waited for, and
//! only briefly.

use std::sync::Arc;
use std::time::Duration;

use outcrop_api::error::ErrorType;
use outcrop_query::MemoryGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;
use crate::error::{ApiError, ApiResult};

/// Unit in which bodies are counted, so that the counts fit a semaphore of 32 bits.
const UNIT_BYTES: usize = 1024;

/// How long a write waits for others to free memory before it is refused. Short enough for clients
/// whose own timeout is a few seconds.
const BYTES_WAIT_MAX: Duration = Duration::from_secs(5);

/// How often the memory of the process is looked at meanwhile.
const MEMORY_INTERVAL: Duration = Duration::from_millis(20);

/// Memory that a write takes for each byte of its body, about: as text, as values, as columns and
/// as records of the log.
const BODY_FACTOR: usize = 8;

/// Permits for writes.
#[derive(Debug)]
pub(crate) struct Admission {
    writes: Arc<Semaphore>,
    write_units: Arc<Semaphore>,
    write_units_max: u32,
    /// The memory of the process, if it has a limit.
    memory: Option<Arc<dyn MemoryGauge>>,
}

/// Held while a write is in flight.
#[derive(Debug)]
pub(crate) struct WritePermit {
    _write: OwnedSemaphorePermit,
    _units: OwnedSemaphorePermit,
}

impl Admission {
    /// The permits that `limits` allow, as long as `memory` has room.
    pub(crate) fn new(limits: &Limits, memory: Option<Arc<dyn MemoryGauge>>) -> Self {
        let units = limits.write_bytes_in_flight_max.div_ceil(UNIT_BYTES);
        let write_units_max = u32::try_from(units).unwrap_or(u32::MAX).max(1);
        let permits = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self {
            writes: permits(limits.writes_max),
            write_units: permits(write_units_max as usize),
            write_units_max,
            memory,
        }
    }

    /// Permission to take in a write whose body has up to `bytes`.
    ///
    /// # Errors
    /// `RATELIMITEXCEEDED` if as many writes are in flight as may, `RESOURCEEXCEEDED` if their
    /// bodies leave no room for this one within a few seconds.
    pub(crate) async fn write(&self, bytes: usize) -> ApiResult<WritePermit> {
        let write = Arc::clone(&self.writes).try_acquire_owned().map_err(|_| {
            ApiError::new(
                ErrorType::RateLimitExceeded,
                "too many writes are in flight; try again later",
            )
        })?;
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        let units =
            Arc::clone(&self.write_units).acquire_many_owned(units.clamp(1, self.write_units_max));
        let permit = async {
            let units = units.await;
            self.room_for(bytes).await;
            units
        };
        match tokio::time::timeout(BYTES_WAIT_MAX, permit).await {
            Ok(Ok(units)) => Ok(WritePermit {
                _write: write,
                _units: units,
            }),
            Ok(Err(_)) | Err(_) => Err(ApiError::new(
                ErrorType::ResourceExceeded,
                "there is no memory left for the body of this write; try again later",
            )),
        }
    }

    /// Waits until the process has room for a body of `bytes`.
    async fn room_for(&self, bytes: usize) {
        let Some(memory) = &self.memory else { return };
        while !memory.has_room(bytes.saturating_mul(BODY_FACTOR)) {
            tokio::time::sleep(MEMORY_INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_body_larger_than_all_memory_waits_for_all_of_it() {
        let limits = Limits {
            write_bytes_in_flight_max: 4 * UNIT_BYTES,
            ..Limits::default()
        };
        let admission = Admission::new(&limits, None);
        let permit = admission.write(100 * UNIT_BYTES).await.unwrap();
        assert_eq!(admission.write_units.available_permits(), 0);
        drop(permit);
        assert_eq!(admission.write_units.available_permits(), 4);
    }

    /// Has no room for the first looks.
    #[derive(Debug)]
    struct FullAtFirst(AtomicUsize);

    impl MemoryGauge for FullAtFirst {
        fn has_room(&self, _bytes: usize) -> bool {
            self.0.fetch_sub(1, Ordering::Relaxed) == 0
        }
    }

    #[tokio::test]
    async fn a_write_waits_until_the_process_has_memory() {
        let memory = Arc::new(FullAtFirst(AtomicUsize::new(2)));
        let admission = Admission::new(&Limits::default(), Some(Arc::clone(&memory) as _));
        admission.write(1).await.unwrap();
        assert_eq!(memory.0.load(Ordering::Relaxed), usize::MAX);
    }
}
