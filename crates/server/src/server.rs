//! Starting and stopping a server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use outcrop_catalog::{Catalog, CatalogError};
use outcrop_query::{EngineOptions, MemoryGauge};
use outcrop_storage::{Store, StoreError};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::admission::Admission;
use crate::app::App;
use crate::config::ServerConfig;
use crate::events::{self, Events};
use crate::handlers::Executions;
use crate::ingest::transformations::Transformations;
use crate::instances::Instances;
use crate::listener::Listener;
use crate::memory::ProcessMemory;
use crate::metrics::Metrics;
use crate::queries::Queries;
use crate::query_source::CatalogSource;
use crate::router;
use crate::scheduler::Scheduler;
use crate::tls::{self, TlsError};
use crate::upload::Decoder;

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A server cannot start or stop as it should.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be opened or closed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalog cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The query engine cannot start.
    #[error("cannot start the query engine")]
    Engine(#[source] io::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The start was broken off by a panic.
    #[error("the start broke off")]
    Broken(#[from] tokio::task::JoinError),
}

/// A server that accepts requests.
pub struct RunningServer {
    app: Arc<App>,
    https_addr: Option<SocketAddr>,
    bootstrap_key: Option<String>,
    stop: watch::Sender<bool>,
    /// What goes on by itself.
    tasks: [JoinHandle<()>; 3],
    /// How long a shutdown waits.
    grace: Duration,
    listeners: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for RunningServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RunningServer")
            .field("http_addr", &self.http_addr())
            .field("https_addr", &self.https_addr)
            .finish_non_exhaustive()
    }
}

/// What was opened before the listeners.
struct Opened {
    catalog: Arc<Catalog>,
    queries: Queries,
    instances: Instances,
    bootstrap_key: Option<String>,
    tls: Option<TlsAcceptor>,
}

impl Server {
    /// Opens the data folder, recovers what a crash left, and accepts requests.
    ///
    /// The addresses are bound first, so that a port in use is told before a long recovery;
    /// connections are taken when everything is ready.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(mut config: ServerConfig) -> Result<RunningServer, StartError> {
        let http = listen(config.http).await?;
        let https = match config.https {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let http_addr = local_address(&http, config.http)?;
        let https_addr = match (&https, config.https) {
            (Some(socket), Some(address)) => Some(local_address(socket, address)?),
            _ => None,
        };
        let memory = config.memory_bytes_max.map(|bytes| {
            let clock = Arc::clone(&config.environment.clock);
            Arc::new(ProcessMemory::new(bytes, config.give_memory_back, clock))
        });
        let gauge = memory.clone().map(|memory| memory as Arc<dyn MemoryGauge>);
        config.engine.memory_gauge.clone_from(&gauge);
        let limits = config.limits.clone();
        let memory_bytes_max = config.memory_bytes_max;
        let decoder = Decoder::new(config.decoder.take(), &limits);
        let grace = config.shutdown_grace;
        let reveals_api_keys = config.reveal_api_keys;
        let opened = tokio::task::spawn_blocking(move || open(config)).await??;
        if let Some(memory) = memory {
            memory.lend_to(opened.catalog.store().column_cache());
        }
        let main = opened.catalog.organization().main_virtual_instance_id;
        let metrics = Metrics::new(main).expect("the names of families are valid and differ");
        let app = Arc::new(App {
            events: Events::new(limits.query_events_max, metrics.events_left_out.clone()),
            metrics,
            catalog: opened.catalog,
            instances: Arc::new(opened.instances),
            transformations: Transformations::default(),
            queries: opened.queries,
            executions: Executions::default(),
            memory_bytes_max,
            admission: Admission::new(&limits, gauge),
            limits,
            decoder,
            reveals_api_keys,
            http_addr,
        });
        let (stop, stopped) = watch::channel(false);
        let connections = Arc::new(Semaphore::new(app.limits.connections_max));
        let router = router::router(Arc::clone(&app));
        let listener = |socket, tls| Listener {
            socket,
            tls,
            router: router.clone(),
            connections: Arc::clone(&connections),
            stop: stopped.clone(),
            grace,
        };
        let mut listeners = vec![tokio::spawn(listener(http, None).run())];
        if let Some(socket) = https {
            listeners.push(tokio::spawn(listener(socket, opened.tls).run()));
        }
        let scheduler = Scheduler {
            app: Arc::clone(&app),
            stop: stopped.clone(),
            grace,
        };
        let instances = Arc::clone(&app.instances);
        let tasks = [
            tokio::spawn(scheduler.run()),
            tokio::spawn(instances.keep(stopped.clone())),
            tokio::spawn(events::run(Arc::clone(&app), stopped)),
        ];
        tracing::info!(http.address = %http_addr, "ready");
        Ok(RunningServer {
            app,
            https_addr,
            bootstrap_key: opened.bootstrap_key,
            stop,
            tasks,
            grace,
            listeners,
        })
    }
}

impl RunningServer {
    /// Where plain HTTP is served.
    pub fn http_addr(&self) -> SocketAddr {
        self.app.http_addr
    }

    /// Where TLS is served, if it is.
    pub fn https_addr(&self) -> Option<SocketAddr> {
        self.https_addr
    }

    /// The secret of the admin key, if this start made one: the only time that it can be shown.
    pub fn bootstrap_key(&self) -> Option<&str> {
        self.bootstrap_key.as_deref()
    }

    /// What exists; for programs that embed a server.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.app.catalog
    }

    /// Takes no new connections, lets open requests finish within the grace time, flushes all
    /// documents and closes the data folder.
    ///
    /// # Errors
    /// [`StartError::Store`] if flushing fails. Acknowledged documents are in the write-ahead log
    /// all the same.
    pub async fn shutdown(self) -> Result<(), StartError> {
        // Nobody listening any more is as good as everybody having been told.
        let _ = self.stop.send(true);
        for listener in self.listeners {
            listener.await?;
        }
        for task in self.tasks {
            task.await?;
        }
        let last = events::write(&self.app);
        if tokio::time::timeout(self.grace, last).await.is_err() {
            tracing::warn!("the last events are lost: they could not be written in time");
        }
        let store = Arc::clone(self.app.catalog.store());
        tokio::task::spawn_blocking(move || store.close()).await??;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Opens everything that blocks.
fn open(mut config: ServerConfig) -> Result<Opened, StartError> {
    let tls = config.https.is_some();
    let store = Store::open(config.environment, config.store)?;
    let catalog = Catalog::open(Arc::clone(&store))?;
    let bootstrap = catalog.bootstrap(config.api_key.as_deref())?;
    let generated = bootstrap.filter(|_| config.api_key.is_none());
    let tls = match tls {
        true => Some(TlsAcceptor::from(tls::server_config(store.environment())?)),
        false => None,
    };
    let results_bytes_max = config.limits.results_bytes_max;
    let queries = Queries::new(store.environment().clone(), results_bytes_max);
    let nobody = Arc::new(CatalogSource::of_nobody(Arc::clone(&catalog)));
    let spill = config.engine.spill_directory.take();
    let spill = spill.or_else(|| store.environment().disk.temporary_folder());
    let engine = EngineOptions {
        spill_directory: Some(spill.unwrap_or_else(std::env::temp_dir)),
        ..config.engine
    };
    let instances = Instances::new(Arc::clone(&catalog), nobody, engine, &config.limits);
    let instances = instances.map_err(StartError::Engine)?;
    Ok(Opened {
        catalog,
        queries,
        instances,
        bootstrap_key: generated.map(|key| key.secret),
        tls,
    })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })
}

fn local_address(socket: &TcpListener, address: SocketAddr) -> Result<SocketAddr, StartError> {
    socket
        .local_addr()
        .map_err(|source| StartError::Listen { address, source })
}
