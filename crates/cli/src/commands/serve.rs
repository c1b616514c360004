//! `outcrop serve`: the server in the foreground.

use crate::allocator;
use anyhow::{Context, Result, bail};
use bytesize::ByteSize;
use clap::Args;
use outcrop_server::{
    BucketOptions, CA_PATH, DecoderCommand, Environment, Limits, MEMORY_BYTES_MIN, RunningServer,
    Server, ServerConfig, is_bucket_url,
};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};
use tracing_subscriber::EnvFilter;

/// Limits up to this have no room for free pages. Above it they are worth more than they take: fresh pages cost a fault each.
const SMALL_MEMORY: usize = 1 << 30;

/// Run the server on a local folder or a bucket.
///
/// The first start makes the folder and an admin key, which is printed once. To choose the key yourself, set
/// OUTCROP_API_KEY. SIGTERM and Ctrl-C write everything to disk and end the server with exit code 0.
///
/// In a bucket (s3://, gs:// or az://) nothing that must be kept is on local disk. Keys, region and endpoint
/// come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL and the
/// like, or the variables of Google Cloud (GOOGLE_...) and Azure (AZURE_...). A server that starts on a bucket
/// takes it over from one that runs on it.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of the data, made at the first start, or a bucket: s3://bucket/prefix, gs://..., az://...
    #[arg(
        long,
        env = "OUTCROP_DATA",
        default_value = "./outcrop-data",
        value_name = "DIR|URL"
    )]
    data: String,
    /// With a bucket: folder for parts of it that were read; may be emptied at any time
    #[arg(long, env = "OUTCROP_CACHE_DIR", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// With a bucket: how large that folder may become
    #[arg(
        long,
        env = "OUTCROP_CACHE_BYTES",
        default_value_t = BucketOptions::default().disk_cache_bytes,
        value_name = "BYTES"
    )]
    cache_bytes: u64,
    /// With a bucket: memory for parts of it that were read; 1/8 of --memory if not given
    #[arg(long, env = "OUTCROP_MEMORY_CACHE_BYTES", value_name = "BYTES")]
    memory_cache_bytes: Option<u64>,
    /// Memory of the process, such as 4GiB; 3/4 of the machine's or the container's if not given
    ///
    /// Queries that need more write to disk or fail, and writes wait. Pages of data files that the
    /// operating system keeps in memory come on top of it, as long as nobody else needs the room.
    #[arg(long, env = "OUTCROP_MEMORY", value_name = "SIZE")]
    memory: Option<ByteSize>,
    /// Folder for what queries have no room for in memory: part of the data folder if not given, or
    /// with a bucket the operating system's for temporary files
    #[arg(long, env = "OUTCROP_SPILL_DIR", value_name = "DIR")]
    spill_dir: Option<PathBuf>,
    /// Address to serve HTTP on; port 0 takes a free one
    #[arg(
        long,
        env = "OUTCROP_HTTP",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    http: SocketAddr,
    /// Address to serve HTTPS on as well, with a certificate that is made at the first start
    #[arg(long, env = "OUTCROP_HTTPS", value_name = "ADDRESS")]
    https: Option<SocketAddr>,
    /// Keep API keys that are made from now on, sealed, so that `reveal=true` shows them again
    #[arg(long, env = "OUTCROP_REVEAL_API_KEYS")]
    reveal_api_keys: bool,
    /// Queries of each second to note in `commons._events` and in query logs
    #[arg(
        long,
        env = "OUTCROP_QUERY_EVENTS",
        value_name = "N",
        default_value_t = Limits::default().query_events_max
    )]
    query_events: usize,
    /// What to log to standard error: a level, or filters such as `info,outcrop_storage=debug`
    #[arg(
        long,
        env = "OUTCROP_LOG",
        default_value = "warn",
        value_name = "FILTER"
    )]
    log: String,
}

/// Runs until SIGTERM or SIGINT, then writes everything to disk.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    start_logging(&arguments.log)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the server")?;
    let result = runtime.block_on(serve(arguments));
    // A recovery that was broken off may still be reading; nothing waits for it.
    runtime.shutdown_background();
    result.map(|()| ExitCode::SUCCESS)
}

fn start_logging(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter)
        .with_context(|| format!("`--log {filter}` is not a filter for log messages"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}

/// The folder or the bucket.
fn environment(arguments: &Arguments, memory: usize) -> Result<Environment> {
    let data = &arguments.data;
    if is_bucket_url(data) {
        let options = BucketOptions {
            memory_cache_bytes: arguments.memory_cache_bytes.unwrap_or(memory as u64 / 8),
            cache_folder: arguments.cache_dir.clone(),
            disk_cache_bytes: arguments.cache_bytes,
            ..BucketOptions::default()
        };
        return Ok(Environment::bucket(data, options)?);
    }
    if data.contains("://") {
        bail!("`--data {data}` is neither a folder nor the URL of a bucket (s3://, gs://, az://)");
    }
    Ok(Environment::local(data))
}

/// The memory limit in bytes.
fn memory(asked: Option<ByteSize>) -> Result<usize> {
    let Some(asked) = asked else {
        let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(memory);
        let container = system.cgroup_limits().map(|limits| limits.total_memory);
        let machine = system.total_memory();
        let available = container.map_or(machine, |container| container.min(machine));
        let share = usize::try_from(available / 4 * 3).unwrap_or(usize::MAX);
        return Ok(share.max(MEMORY_BYTES_MIN));
    };
    match usize::try_from(asked.as_u64()) {
        Ok(bytes) if bytes >= MEMORY_BYTES_MIN => Ok(bytes),
        _ => bail!(
            "`--memory {asked}` is not possible here; the least is {}",
            ByteSize(MEMORY_BYTES_MIN as u64)
        ),
    }
}

/// Lets the process have as many files as it is allowed to ask for: connections and segments are files, and what it
/// gets without asking is often 1,024.
#[cfg(unix)]
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let files = Resource::RLIMIT_NOFILE;
    let raised = getrlimit(files).and_then(|(_, hard)| setrlimit(files, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(not(unix))]
fn raise_file_limit() {}

async fn serve(arguments: Arguments) -> Result<()> {
    // Before the start, so that a signal during a long recovery is heard.
    let mut stop = StopSignals::listen().context("cannot listen for signals")?;
    let memory = memory(arguments.memory)?;
    if memory <= SMALL_MEMORY {
        allocator::keep_nothing();
    }
    let environment = environment(&arguments, memory)?;
    let mut config = ServerConfig::with_environment(environment, arguments.http);
    config.limit_memory(memory);
    config.give_memory_back = Some(allocator::give_back);
    config.engine.spill_directory = arguments.spill_dir;
    config.https = arguments.https;
    config.reveal_api_keys = arguments.reveal_api_keys;
    config.limits.query_events_max = arguments.query_events;
    config.decoder = Some(DecoderCommand {
        program: std::env::current_exe().context("cannot find the program's own file")?,
        arguments: vec!["decode".into()],
    });
    config.api_key = std::env::var("OUTCROP_API_KEY")
        .ok()
        .filter(|key| !key.is_empty());
    let server = tokio::select! {
        started = Server::start(config) => started?,
        () = stop.received() => return Ok(()),
    };
    print!("{}", start_message(&server, &arguments.data));
    std::io::stdout()
        .flush()
        .context("cannot write to standard output")?;
    stop.received().await;
    eprintln!("Stopping: everything is written to disk first.");
    tokio::select! {
        stopped = server.shutdown() => Ok(stopped?),
        () = stop.received() => bail!("stopped at once; the next start recovers from the write-ahead log"),
    }
}

/// SIGTERM and SIGINT.
#[cfg(unix)]
struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next of them.
    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Waits for the next one; without a console, for ever.
    async fn received(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What a user needs to begin: addresses, the key at the first start, and a line to copy.
///
/// Programs that start a server wait for the line that begins with `Ready`, which is the last.
fn start_message(server: &RunningServer, data: &str) -> String {
    let mut message = format!("Outcrop {}\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, text: &str| {
        writeln!(message, "  {name:<6} {text}").expect("writing to a string cannot fail");
    };
    line("data", data);
    let http = format!("http://{}", server.http_addr());
    line("http", &http);
    if let Some(address) = server.https_addr() {
        line("https", &format!("https://{address}"));
        let authority = if is_bucket_url(data) {
            // Whoever needs it copies it from there.
            format!("{data}/{CA_PATH}")
        } else {
            let folder = std::path::absolute(data).unwrap_or(data.into());
            folder.join(CA_PATH).display().to_string()
        };
        line(
            "",
            &format!("clients trust it with SSL_CERT_FILE={authority}"),
        );
        line(
            "",
            &format!("(Python's requests: REQUESTS_CA_BUNDLE={authority})"),
        );
    }
    if let Some(key) = server.bootstrap_key() {
        line(
            "key",
            &format!("{key}  (an admin key; keep it, it is not shown again)"),
        );
    }
    let key = server.bootstrap_key().unwrap_or("$OUTCROP_API_KEY");
    write!(
        message,
        "\nTry it:\n\n  curl {http}/v1/orgs/self/queries -H \"Authorization: ApiKey {key}\" \\\n    \
         -H \"Content-Type: application/json\" -d '{{\"sql\": {{\"query\": \"SELECT 1 AS one\"}}}}'\n\n\
         Ready. Ctrl-C stops the server.\n"
    )
    .expect("writing to a string cannot fail");
    message
}
