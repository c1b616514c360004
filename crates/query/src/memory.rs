//! Memory of queries: what operators ask for is counted, and what the process really has is looked at.
//!
//! Counting alone does not hold a limit. Operators count what they keep, not what they work with,
//! and writes, flushes and the allocator take memory that no query knows of.

use std::fmt::{self, Debug, Display, Formatter};
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::common::{Result, resources_datafusion_err};
use datafusion::execution::memory_pool::{
    GreedyMemoryPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
    TrackConsumersPool,
};

/// Largest consumers of memory that an error names.
const CONSUMERS_SHOWN: NonZeroUsize = NonZeroUsize::new(3).expect("3 > 0");

/// Tells how the memory of the process stands.
pub trait MemoryGauge: Debug + Send + Sync {
    /// Whether the process may take `bytes` more.
    fn has_room(&self, bytes: usize) -> bool;
}

/// The pool of an engine: `bytes_max` for all its queries, less if `gauge` says so.
///
/// Who is refused writes to disk what it holds, if it is an operator that can, or fails.
pub(crate) fn pool(bytes_max: usize, gauge: Option<Arc<dyn MemoryGauge>>) -> Arc<dyn MemoryPool> {
    let pool = GaugedPool {
        counted: GreedyMemoryPool::new(bytes_max),
        gauge,
    };
    Arc::new(TrackConsumersPool::new(pool, CONSUMERS_SHOWN))
}

#[derive(Debug)]
struct GaugedPool {
    counted: GreedyMemoryPool,
    gauge: Option<Arc<dyn MemoryGauge>>,
}

impl Display for GaugedPool {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.counted, formatter)
    }
}

impl MemoryPool for GaugedPool {
    fn name(&self) -> &str {
        "queries"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.counted.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.counted.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.counted.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.counted.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if let Some(gauge) = &self.gauge
            && !gauge.has_room(additional)
        {
            return Err(resources_datafusion_err!(
                "the server as a whole has no {additional} bytes left for {}",
                reservation.consumer().name()
            ));
        }
        self.counted.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.counted.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.counted.memory_limit()
    }
}
