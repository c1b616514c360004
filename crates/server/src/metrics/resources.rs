//! What the server has and does beside answering: memory, processors, the log, flushes and compactions.

use std::time::Duration;

use outcrop_storage::Work;
use parking_lot::Mutex;
use prometheus::proto::MetricFamily;
use prometheus::{Counter, GaugeVec, IntCounter, IntGauge, Opts, Registry};

use super::INSTANCE;
use crate::app::App;
use crate::process;

/// Shares of processors and memory under all names that Rockset's dashboards ask for: there are no leaves and aggregators
/// here, so that they are the same.
const PROCESSORS: &[&str] = &[
    "rockset_leaf_cpu_utilization_percentage",
    "rockset_agg_cpu_utilization_percentage",
];
const MEMORY: &[&str] = &[
    "rockset_leaf_memory_utilization_percentage",
    "rockset_agg_memory_utilization_percentage",
];

/// What shares of processors are told from.
#[derive(Debug, Default)]
pub(super) struct Resources(Mutex<Seen>);

/// What was seen when somebody asked last.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Time on the monotonic clock.
    at: Duration,
    processor_time: Duration,
    /// Share of all processors, in percent, between that time and the one before.
    percent: f64,
}

impl Resources {
    /// The families. The share of processors is that since somebody asked before.
    pub(super) fn gather(
        &self,
        app: &App,
        instance: &str,
    ) -> Result<Vec<MetricFamily>, prometheus::Error> {
        let registry = Registry::new();
        of_process(&registry, app, instance, self.processor_percent(app))?;
        of_store(&registry, app)?;
        Ok(registry.gather())
    }

    fn processor_percent(&self, app: &App) -> Option<f64> {
        let (at, processor_time) = (app.monotonic(), process::processor_time()?);
        let mut seen = self.0.lock();
        let passed = at.saturating_sub(seen.at).as_secs_f64();
        if passed > 0.0 {
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            let used = processor_time.saturating_sub(seen.processor_time);
            *seen = Seen {
                at,
                processor_time,
                percent: 100.0 * used.as_secs_f64() / (passed * processors as f64),
            };
        }
        Some(seen.percent)
    }
}

fn of_process(
    registry: &Registry,
    app: &App,
    instance: &str,
    processor_percent: Option<f64>,
) -> Result<(), prometheus::Error> {
    let share = |names: &[&str], help: &str, percent: f64| {
        for name in names {
            let gauge = GaugeVec::new(Opts::new(*name, help), &[INSTANCE])?;
            gauge.with_label_values(&[instance]).set(percent);
            registry.register(Box::new(gauge))?;
        }
        Ok::<_, prometheus::Error>(())
    };
    if let Some(percent) = processor_percent {
        let help = "Share of all processors since the last time that this was asked.";
        share(PROCESSORS, help, percent)?;
    }
    if let Some(time) = process::processor_time() {
        let counter = Counter::new("outcrop_processor_seconds", "Processor time.")?;
        counter.inc_by(time.as_secs_f64());
        registry.register(Box::new(counter))?;
    }
    let used = process::anonymous_bytes();
    if let Some(used) = used {
        let help = "Memory of the process without pages of files.";
        bytes(registry, "outcrop_memory_bytes", help, used as u64)?;
    }
    if let Some(most) = app.memory_bytes_max {
        let help = "Limit of that memory.";
        bytes(registry, "outcrop_memory_limit_bytes", help, most as u64)?;
        if let Some(used) = used {
            let percent = 100.0 * used as f64 / most as f64;
            share(MEMORY, "Share of the limit of memory.", percent)?;
        }
    }
    Ok(())
}

fn of_store(registry: &Registry, app: &App) -> Result<(), prometheus::Error> {
    let stats = app.catalog.store().stats();
    let help = "Groups of writes that became durable together.";
    counter(registry, "outcrop_wal_groups", help, stats.wal_groups)?;
    let help = "Size of what was written to the write-ahead log.";
    counter(registry, "outcrop_wal_bytes", help, stats.wal_bytes)?;
    let help = "Recent documents that became a segment";
    work(registry, ["flushes", "flush"], help, &stats.flushes)?;
    let help = "Segments that became one";
    work(
        registry,
        ["compactions", "compaction"],
        help,
        &stats.compactions,
    )?;
    let help = "Memory of recent documents of all collections.";
    bytes(registry, "outcrop_delta_bytes", help, stats.delta_bytes)?;
    let help = "Memory of columns that are kept decoded.";
    bytes(
        registry,
        "outcrop_column_cache_bytes",
        help,
        stats.column_cache_bytes,
    )
}

/// The counters of work in the background, which is called so as many and as one.
fn work(
    registry: &Registry,
    [many, one]: [&str; 2],
    help: &str,
    done: &Work,
) -> Result<(), prometheus::Error> {
    let name = format!("outcrop_{many}");
    counter(registry, &name, &format!("{help}."), done.count)?;
    let (name, size) = (
        format!("outcrop_{one}_bytes"),
        format!("{help}: their size."),
    );
    counter(registry, &name, &size, done.bytes)?;
    let (name, time) = (
        format!("outcrop_{one}_seconds"),
        format!("{help}: the time it took."),
    );
    let seconds = Counter::new(name, time)?;
    seconds.inc_by(done.time.as_secs_f64());
    registry.register(Box::new(seconds))
}

fn counter(
    registry: &Registry,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), prometheus::Error> {
    let counter = IntCounter::new(name, help)?;
    counter.inc_by(value);
    registry.register(Box::new(counter))
}

fn bytes(registry: &Registry, name: &str, help: &str, value: u64) -> Result<(), prometheus::Error> {
    let gauge = IntGauge::new(name, help)?;
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(Box::new(gauge))
}
