//! What the server counts for Prometheus.
//!
//! Rockset's families keep their names and labels, since its dashboards ask for them; those that begin
//! with `outcrop_` are our own. Requests are counted as they are answered, everything else is read
//! when somebody asks.

mod collections;
mod resources;

use std::collections::BTreeSet;
use std::time::Duration;

use outcrop_api::error::ErrorType;
use outcrop_query::AccessKind;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use crate::app::App;
use resources::Resources;

/// Upper bounds of the buckets of durations, in seconds.
const DURATION_BUCKETS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0,
];

const INSTANCE: &str = "virtual_instance_id";

/// The labels of query lambdas; those that are executed by version have no tag.
const LAMBDA: &[&str] = &["query_lambda", "tag", "workspace_name"];

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
    access_kinds: IntCounterVec,
    lambda_queries: IntCounterVec,
    lambda_errors: IntCounterVec,
    lambda_seconds: HistogramVec,
    resources: Resources,
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
            access_kinds: IntCounterVec::new(
                Opts::new(
                    "outcrop_queries_by_access_path",
                    "Queries that came to rows in this way.",
                ),
                &["access_path"],
            )?,
            lambda_queries: IntCounterVec::new(
                Opts::new(
                    "rockset_query_lambda_queries",
                    "Executions of query lambdas, those that failed included.",
                ),
                LAMBDA,
            )?,
            lambda_errors: IntCounterVec::new(
                Opts::new(
                    "rockset_query_lambda_errors",
                    "Executions of query lambdas that failed.",
                ),
                LAMBDA,
            )?,
            lambda_seconds: HistogramVec::new(
                buckets(
                    "rockset_query_lambda_latency_seconds",
                    "Time to execute a query lambda.",
                ),
                LAMBDA,
            )?,
            resources: Resources::default(),
            events_left_out: IntCounter::new(
                "outcrop_events_left_out",
                "Events and queries that were not written to `commons._events`.",
            )?,
        };
        for collector in [
            &metrics.requests,
            &metrics.queries,
            &metrics.query_errors,
            &metrics.access_kinds,
            &metrics.lambda_queries,
            &metrics.lambda_errors,
        ] {
            metrics.registry.register(Box::new(collector.clone()))?;
        }
        for collector in [
            &metrics.request_seconds,
            &metrics.query_seconds,
            &metrics.lambda_seconds,
        ] {
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

    /// Counts how a query came to the rows that it read.
    pub(crate) fn count_access(&self, kinds: &BTreeSet<AccessKind>) {
        for kind in kinds {
            self.access_kinds.with_label_values(&[kind.name()]).inc();
        }
    }

    /// Counts the execution of a query lambda by the values of [`LAMBDA`].
    pub(crate) fn count_lambda(&self, labels: [&str; 3], has_failed: bool, duration: Duration) {
        self.lambda_queries.with_label_values(&labels).inc();
        let seconds = self.lambda_seconds.with_label_values(&labels);
        seconds.observe(duration.as_secs_f64());
        if has_failed {
            self.lambda_errors.with_label_values(&labels).inc();
        }
    }

    /// Everything in Prometheus's text format.
    pub(crate) fn text(&self, app: &App) -> Result<String, prometheus::Error> {
        let mut families = self.registry.gather();
        families.extend(collections::gather(app, &self.main)?);
        families.extend(self.resources.gather(app, &self.main)?);
        families.sort_by(|left, right| left.name().cmp(right.name()));
        TextEncoder::new().encode_to_string(&families)
    }
}
