//! Names in FROM, looked up among the collections there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use outcrop_storage::Snapshot;
use parking_lot::Mutex;

use crate::error::QueryError;
use crate::scan::{CollectionTable, ResolvedTable, Resolver};

/// Where an engine finds its collections.
pub trait Collections: Send + Sync {
    /// The newest version of a collection; `None` if there is none of that name.
    fn snapshot(&self, workspace: &str, name: &str) -> Option<Arc<Snapshot>>;
}

/// The collections as one statement sees them.
///
/// A collection is pinned when it is first named, so that a statement that names it twice reads the
/// same snapshot twice.
pub(crate) struct StatementResolver<'a> {
    collections: &'a dyn Collections,
    default_workspace: &'a str,
    chains: BTreeSet<Vec<String>>,
    pinned: Mutex<BTreeMap<String, Arc<CollectionTable>>>,
}

impl<'a> StatementResolver<'a> {
    /// A resolver for a statement in which the identifier chains are `chains`.
    pub(crate) fn new(
        collections: &'a dyn Collections,
        default_workspace: &'a str,
        chains: BTreeSet<Vec<String>>,
    ) -> Self {
        Self {
            collections,
            default_workspace,
            chains,
            pinned: Mutex::default(),
        }
    }
}

impl Resolver for StatementResolver<'_> {
    fn resolve(&self, parts: &[String]) -> Result<ResolvedTable, QueryError> {
        let (workspace, name) = match parts {
            [] => (self.default_workspace.to_owned(), String::new()),
            [name] => (self.default_workspace.to_owned(), name.clone()),
            [workspace @ .., name] => (workspace.join("."), name.clone()),
        };
        let full_name = format!("{workspace}.{name}");
        if let Some(table) = self.pinned.lock().get(&full_name) {
            return Ok(ResolvedTable {
                full_name,
                table: Arc::clone(table),
            });
        }
        let Some(snapshot) = self.collections.snapshot(&workspace, &name) else {
            return Err(QueryError::UnknownCollection {
                name: full_name,
                position: None,
            });
        };
        let table = Arc::new(CollectionTable::new(
            full_name.as_str(),
            snapshot,
            &self.chains,
        ));
        self.pinned
            .lock()
            .insert(full_name.clone(), Arc::clone(&table));
        Ok(ResolvedTable { full_name, table })
    }
}
