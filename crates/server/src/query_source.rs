//! The catalog's collections, aliases and views, as the query engine looks them up.

use std::sync::Arc;

use outcrop_catalog::Catalog;
use outcrop_query::{Collections, Indirection};
use outcrop_storage::Snapshot;

/// Finds names in a catalog.
pub(crate) struct CatalogSource(pub(crate) Arc<Catalog>);

impl Collections for CatalogSource {
    fn snapshot(&self, workspace: &str, name: &str) -> Option<Arc<Snapshot>> {
        let entry = self.0.collection(workspace, name).ok()?;
        Some(entry.handle().snapshot())
    }

    fn indirection(&self, workspace: &str, name: &str) -> Option<Indirection> {
        if let Ok(alias) = self.0.alias(workspace, name) {
            return Some(Indirection::Alias {
                workspace: alias.collection.workspace,
                name: alias.collection.name,
            });
        }
        let view = self.0.stored_view(workspace, name).ok()?;
        Some(Indirection::View {
            sql: view.query.sql,
        })
    }
}
