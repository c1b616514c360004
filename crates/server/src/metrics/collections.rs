//! What collections hold.

use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Opts, Registry};

use super::INSTANCE;
use crate::app::App;

/// The families of collections, all of which the virtual instance `instance` has.
pub(super) fn gather(app: &App, instance: &str) -> Result<Vec<MetricFamily>, prometheus::Error> {
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
    let replaced = gauge(
        "outcrop_collection_replaced_documents",
        "Documents that took the place of an older version since the start.",
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
    updated
        .with_label_values(&[instance])
        .set(app.now_micros() / 1_000_000);
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    for record in app.catalog.collections() {
        let Ok(entry) = app.catalog.collection(&record.workspace, &record.name) else {
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
            (&replaced, stats.replaced_count),
            (&segments, stats.segment_count),
            (&delta, stats.delta_bytes),
        ] {
            family.with_label_values(&labels).set(number(value));
        }
    }
    Ok(registry.gather())
}
