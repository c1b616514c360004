//! The catalog over a disk in memory that fails, fills up and loses power as told.
#![expect(
    clippy::unwrap_used,
    reason = "in a test, what does not hold ends the test"
)]

mod events;
mod keys;
mod life_cycle;
mod names;
mod schedule;
mod workspaces;

use std::sync::Arc;

use outcrop_catalog::{Catalog, CollectionSettings, CollectionStatus};
use outcrop_storage::env::MemoryDisk;
use outcrop_storage::{Environment, Store, StoreOptions};

/// Opens the catalog of a disk.
fn open(disk: &Arc<MemoryDisk>) -> anyhow::Result<Arc<Catalog>> {
    let environment = Environment::in_memory(Arc::clone(disk), disk.operations());
    let options = StoreOptions {
        background_flush: false,
        ..StoreOptions::default()
    };
    Ok(Catalog::open(Store::open(environment, options)?)?)
}

/// Opens the catalog of a disk that works.
fn reopen(disk: &Arc<MemoryDisk>, catalog: Arc<Catalog>) -> Arc<Catalog> {
    drop(catalog);
    disk.clear_fault();
    disk.crash();
    open(disk).unwrap()
}

/// Creates a collection of `commons` with default settings.
fn create(catalog: &Catalog, name: &str) -> Result<(), outcrop_catalog::CatalogError> {
    let settings = CollectionSettings::default();
    let record = catalog.create_collection("commons", name, settings, "me@localhost", "key")?;
    assert_eq!(record.status, CollectionStatus::Created);
    Ok(())
}
