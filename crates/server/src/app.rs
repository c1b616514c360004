//! What every request can reach.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use outcrop_catalog::Catalog;
use outcrop_query::Engine;
use outcrop_storage::Environment;

use crate::admission::Admission;
use crate::config::Limits;
use crate::events::Events;
use crate::handlers::Executions;
use crate::ingest::transformations::Transformations;
use crate::instances::Instances;
use crate::metrics::Metrics;
use crate::queries::Queries;
use crate::upload::Decoder;

/// The parts of a running server.
pub(crate) struct App {
    /// What exists.
    pub(crate) catalog: Arc<Catalog>,
    /// What runs SQL.
    pub(crate) instances: Arc<Instances>,
    /// The ingest transformations of the collections.
    pub(crate) transformations: Transformations,
    /// Queries that run or have ended.
    pub(crate) queries: Queries,
    /// What is to be written to the collection of events.
    pub(crate) events: Events,
    /// How executions of query lambdas went.
    pub(crate) executions: Executions,
    /// What is counted for Prometheus.
    pub(crate) metrics: Metrics,
    /// What one client may ask for.
    pub(crate) limits: Limits,
    /// The limit of the process's memory, if it has one.
    pub(crate) memory_bytes_max: Option<usize>,
    /// Which writes may be in flight.
    pub(crate) admission: Admission,
    /// What reads uploaded files that the server does not read itself.
    pub(crate) decoder: Decoder,
    /// Whether API keys are kept so that they can be shown again.
    pub(crate) reveals_api_keys: bool,
    /// Where plain HTTP is served.
    pub(crate) http_addr: SocketAddr,
}

impl App {
    /// What plans and runs what belongs to no query: that of the main virtual instance.
    pub(crate) fn engine(&self) -> &Engine {
        self.instances.main().engine()
    }

    /// Clock, randomness and disk.
    pub(crate) fn environment(&self) -> &Environment {
        self.catalog.store().environment()
    }

    /// Microseconds since 1970.
    pub(crate) fn now_micros(&self) -> i64 {
        self.environment().clock.now_micros()
    }

    /// Time since some moment of this process; never goes back.
    pub(crate) fn monotonic(&self) -> Duration {
        self.environment().clock.monotonic()
    }
}
