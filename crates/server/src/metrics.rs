//! What the server counts for Prometheus.
//!
//! Rockset's families keep their names and labels, since its dashboards ask for them; those that begin
//! with `outcrop_` are our own. Requests are counted as they are answered, everything else is read
//! when somebody asks.

use std::time::Duration;

use outcrop_api::error::ErrorType;
use outcrop_catalog::Catalog;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// Upper bounds of the buckets of durations, in seconds.
const DURATION_BUCKETS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0,
];

const INSTANCE: &str = "virtual_instance_id";

/// Counts of a running server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// The main virtual instance, which has all collections.
    main: String,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    queries: IntCounterVec,
    query_errors: IntCounterVec,
    query_seconds: HistogramVec,
    /// Events that were not noted.
    pub(crate) events_left_out: IntCounter,
}

impl Metrics {
    pub(crate) fn new(main: String) -> Result<Self, prometheus::Error> {
        let buckets = |name: &str, help: &str| {
            HistogramOpts::new(name, help).buckets(DURATION_BUCKETS.to_vec())
        };
        let metrics = Self {
            registry: Registry::new(),
            main,
            requests: IntCounterVec::new(
                Opts::new("outcrop_requests", "Requests answered."),
                &["operation", "status"],
            )?,
            request_seconds: HistogramVec::new(
                buckets("outcrop_request_seconds", "Time to answer a request."),
                &["operation"],
            )?,
            queries: IntCounterVec::new(
                Opts::new(
                    "rockset_queries",
                    "Queries answered, those that failed included.",
                ),
                &[INSTANCE],
            )?,
            query_errors: IntCounterVec::new(
                Opts::new("rockset_query_errors", "Queries that failed."),
                &[INSTANCE, "error_code"],
            )?,
            query_seconds: HistogramVec::new(
                buckets("rockset_query_latency_seconds", "Time to answer a query."),
                &[INSTANCE],
            )?,
            events_left_out: IntCounter::new(
                "outcrop_events_left_out",
                "Events and queries that were not written to `commons._events`.",
            )?,
        };
        for collector in [&metrics.requests, &metrics.queries, &metrics.query_errors] {
            metrics.registry.register(Box::new(collector.clone()))?;
        }
        for collector in [&metrics.request_seconds, &metrics.query_seconds] {
            metrics.registry.register(Box::new(collector.clone()))?;
        }
        let left_out = metrics.events_left_out.clone();
        metrics.registry.register(Box::new(left_out))?;
        // A family without a sample would not be shown.
        metrics.queries.with_label_values(&[&metrics.main]);
        metrics.query_seconds.with_label_values(&[&metrics.main]);
        Ok(metrics)
    }

    /// Counts a request that was answered.
    pub(crate) fn count(&self, operation: &str, status: u16, duration: Duration) {
        if operation.is_empty() {
            // Not an operation: no path of a stranger becomes a label.
            return;
        }
        let seconds = duration.as_secs_f64();
        let status = status.to_string();
        self.requests.with_label_values(&[operation, &status]).inc();
        let request_seconds = self.request_seconds.with_label_values(&[operation]);
        request_seconds.observe(seconds);
    }

    /// Counts a query of the virtual instance `id` that was answered.
    pub(crate) fn count_query(&self, id: &str, error_type: Option<ErrorType>, duration: Duration) {
        self.queries.with_label_values(&[id]).inc();
        let seconds = self.query_seconds.with_label_values(&[id]);
        seconds.observe(duration.as_secs_f64());
        if let Some(error_type) = error_type {
            let code = error_type.to_string();
            self.query_errors.with_label_values(&[id, &code]).inc();
        }
    }

    /// Everything in Prometheus's text format.
    pub(crate) fn text(
        &self,
        catalog: &Catalog,
        now_micros: i64,
    ) -> Result<String, prometheus::Error> {
        let mut families = self.registry.gather();
        families.extend(self.of_collections(catalog, now_micros)?.gather());
        families.sort_by(|left, right| left.name().cmp(right.name()));
        TextEncoder::new().encode_to_string(&families)
    }

    fn of_collections(
        &self,
        catalog: &Catalog,
        now_micros: i64,
    ) -> Result<Registry, prometheus::Error> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let labels = [INSTANCE, "workspace_name", "collection_name"];
        let count = gauge("rockset_collections", "Collections.", &labels[..2])?;
        let size = gauge(
            "rockset_collection_size_bytes",
            "Size on disk and in memory.",
            &labels,
        )?;
        let documents = gauge("rockset_collection_documents", "Documents.", &labels)?;
        let ingested = gauge(
            "rockset_collection_total_ingest_bytes",
            "Encoded size of documents written since the start.",
            &labels,
        )?;
        let errors = gauge(
            "rockset_collection_parse_errors",
            "Documents that the ingest transformation failed for since the start.",
            &labels,
        )?;
        let segments = gauge("outcrop_collection_segments", "Segments.", &labels)?;
        let delta = gauge(
            "outcrop_collection_delta_bytes",
            "Memory of recent documents.",
            &labels,
        )?;
        let updated = gauge(
            "rockset_metrics_updated_at",
            "When these figures were taken, in seconds since 1970.",
            &labels[..1],
        )?;
        let instance = self.main.as_str();
        updated
            .with_label_values(&[instance])
            .set(now_micros / 1_000_000);
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for record in catalog.collections() {
            let Ok(entry) = catalog.collection(&record.workspace, &record.name) else {
                continue;
            };
            let stats = entry.handle().stats();
            let labels = [instance, &record.workspace, &record.name];
            count.with_label_values(&labels[..2]).inc();
            for (family, value) in [
                (&size, stats.segment_bytes + stats.delta_bytes),
                (&documents, stats.doc_count),
                (&ingested, stats.bytes_inserted),
                (&errors, entry.transformation_errors().count),
                (&segments, stats.segment_count),
                (&delta, stats.delta_bytes),
            ] {
                family.with_label_values(&labels).set(number(value));
            }
        }
        Ok(registry)
    }
}
