//! Names in FROM, looked up in the catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use outcrop_catalog::Catalog;
use parking_lot::Mutex;

use crate::error::QueryError;
use crate::scan::{CollectionTable, ResolvedTable, Resolver};

/// The collections of one catalog, as one statement sees them.
///
/// A collection is pinned when it is first named, so that a statement that names it twice reads the
/// same snapshot twice.
pub(crate) struct CatalogResolver<'a> {
    catalog: &'a Catalog,
    default_workspace: &'a str,
    chains: BTreeSet<Vec<String>>,
    pinned: Mutex<BTreeMap<String, Arc<CollectionTable>>>,
}

impl<'a> CatalogResolver<'a> {
    /// A resolver for a statement in which the identifier chains are `chains`.
    pub(crate) fn new(
        catalog: &'a Catalog,
        default_workspace: &'a str,
        chains: BTreeSet<Vec<String>>,
    ) -> Self {
        Self { catalog, default_workspace, chains, pinned: Mutex::default() }
    }
}

impl Resolver for CatalogResolver<'_> {
    fn resolve(&self, parts: &[String]) -> Result<ResolvedTable, QueryError> {
        let (workspace, name) = match parts {
            [] => (self.default_workspace.to_owned(), String::new()),
            [name] => (self.default_workspace.to_owned(), name.clone()),
            [workspace @ .., name] => (workspace.join("."), name.clone()),
        };
        let full_name = format!("{workspace}.{name}");
        if let Some(table) = self.pinned.lock().get(&full_name) {
            return Ok(ResolvedTable { full_name, table: Arc::clone(table) });
        }
        let unknown = |_| QueryError::UnknownCollection { name: full_name.clone(), position: None };
        let entry = self.catalog.collection(&workspace, &name).map_err(unknown)?;
        let snapshot = entry.handle().snapshot();
        let table = Arc::new(CollectionTable::new(full_name.as_str(), snapshot, &self.chains));
        self.pinned.lock().insert(full_name.clone(), Arc::clone(&table));
        Ok(ResolvedTable { full_name, table })
    }
}
