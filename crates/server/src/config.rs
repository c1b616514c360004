//! How a server is set up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use outcrop_query::EngineOptions;
use outcrop_storage::{Environment, StoreOptions};

use crate::memory::{self, MEMORY_BYTES_MIN};
use crate::upload::DecoderCommand;

/// One mebibyte.
const MIB: usize = 1024 * 1024;

/// Everything that [`Server::start`](crate::Server::start) needs.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The clock, the random numbers and the data folder.
    pub environment: Environment,
    /// Where plain HTTP is served; port 0 takes a free one.
    pub http: SocketAddr,
    /// Where TLS is served, if at all; port 0 takes a free one.
    pub https: Option<SocketAddr>,
    /// A secret that works as the admin key. Without one, the first start makes a random key.
    pub api_key: Option<String>,
    /// Whether API keys that are made from now on can be shown again with `reveal=true`; they are then kept,
    /// sealed, and not as hashes alone.
    pub reveal_api_keys: bool,
    /// What decodes uploaded files of XML, Parquet and Avro. Without it they are refused.
    pub decoder: Option<DecoderCommand>,
    /// What one client may ask for.
    pub limits: Limits,
    /// Sizes and times of storage.
    pub store: StoreOptions,
    /// Memory and threads of queries.
    pub engine: EngineOptions,
    /// Memory of the process beyond which queries get no more and writes have to wait. Set by
    /// [`limit_memory`](Self::limit_memory).
    pub memory_bytes_max: Option<usize>,
    /// Gives memory that the allocator has free back to the operating system; called when the
    /// limit is near.
    pub give_memory_back: Option<fn()>,
    /// How long a shutdown waits for requests that are being answered.
    pub shutdown_grace: Duration,
}

impl ServerConfig {
    /// A server on the folder `data` and the address `http`, with everything else by default.
    pub fn new(data: impl Into<PathBuf>, http: SocketAddr) -> Self {
        Self::with_environment(Environment::local(data.into()), http)
    }

    /// A server in the given environment, with everything else by default.
    pub fn with_environment(environment: Environment, http: SocketAddr) -> Self {
        Self {
            environment,
            http,
            https: None,
            api_key: None,
            reveal_api_keys: false,
            decoder: None,
            limits: Limits::default(),
            store: StoreOptions::default(),
            engine: EngineOptions::default(),
            memory_bytes_max: None,
            give_memory_back: None,
            shutdown_grace: Duration::from_secs(10),
        }
    }

    /// Keeps the memory of the process below `bytes`, of which queries, writes and recent documents
    /// get their shares.
    ///
    /// # Panics
    /// If it is less than [`MEMORY_BYTES_MIN`].
    pub fn limit_memory(&mut self, bytes: usize) {
        assert!(bytes >= MEMORY_BYTES_MIN, "{bytes} bytes are not enough");
        memory::share_out(bytes, &mut self.limits, &mut self.store, &mut self.engine);
        self.memory_bytes_max = Some(bytes);
    }
}

/// What one client may ask for. The defaults are those of Rockset's service where it had one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest body of a request that is not a write.
    pub body_bytes_max: usize,
    /// Largest body of a write.
    pub write_body_bytes_max: usize,
    /// Most documents in one write.
    pub write_documents_max: usize,
    /// Largest document.
    pub document_bytes_max: usize,
    /// Time of a query that does not say how long it may run.
    pub query_timeout: Duration,
    /// Longest time that a query may ask for; longer ones are cut to it.
    pub query_timeout_max: Duration,
    /// Bytes of results that are kept for pages; beyond it the oldest go.
    pub results_bytes_max: u64,
    /// Queries that run at the same time on the main virtual instance, and of which others have their share;
    /// further ones wait.
    pub queries_max: usize,
    /// Queries that wait for their turn on one virtual instance; further ones are refused.
    pub queries_waiting_max: usize,
    /// Queries of a second that are noted in `commons._events` and query logs; further ones are only counted.
    pub query_events_max: usize,
    /// Writes in flight; further ones are refused.
    pub writes_max: usize,
    /// Bytes of bodies of writes in flight; further ones wait for a while, then are refused.
    pub write_bytes_in_flight_max: usize,
    /// Uploaded files that are decoded at the same time; further ones wait for as long as one may take.
    pub decoders_max: usize,
    /// Memory for decoding one of them, beside that of the server.
    pub decoder_memory_bytes_max: usize,
    /// Time for decoding one of them.
    pub decoder_timeout: Duration,
    /// Open connections; further ones wait to be accepted.
    pub connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 10 * MIB,
            write_body_bytes_max: 10 * MIB,
            write_documents_max: 20_000,
            document_bytes_max: 40 * MIB,
            query_timeout: Duration::from_secs(120),
            query_timeout_max: Duration::from_secs(30 * 60),
            results_bytes_max: 1 << 30,
            queries_max: 100,
            queries_waiting_max: 1_000,
            query_events_max: 100,
            writes_max: 1_000,
            write_bytes_in_flight_max: 256 * MIB,
            decoders_max: 2,
            decoder_memory_bytes_max: 256 * MIB,
            decoder_timeout: Duration::from_secs(30),
            connections_max: 10_000,
        }
    }
}
