//! The catalog's collections, as the query engine looks them up.

use std::sync::Arc;

use outcrop_catalog::Catalog;
use outcrop_query::Collections;
use outcrop_storage::Snapshot;

/// Finds collections in a catalog.
pub(crate) struct CatalogSource(pub(crate) Arc<Catalog>);

impl Collections for CatalogSource {
    fn snapshot(&self, workspace: &str, name: &str) -> Option<Arc<Snapshot>> {
        let entry = self.0.collection(workspace, name).ok()?;
        Some(entry.handle().snapshot())
    }
}
