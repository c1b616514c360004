//! Workspaces: namespaces of collections, aliases and views.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::error::{CatalogError, ObjectKind};
use crate::name;
use crate::namespace;
use crate::state::State;

/// The workspace that always exists, and the default one of queries.
pub const COMMONS: &str = "commons";

/// A workspace as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceRecord {
    /// Unique name.
    pub name: String,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// E-mail of the creator; none for [`COMMONS`].
    pub created_by: Option<String>,
    /// Free text.
    pub description: Option<String>,
}

impl WorkspaceRecord {
    /// The workspace of every new organisation.
    pub(crate) fn commons(now_micros: i64) -> Self {
        Self {
            name: COMMONS.to_owned(),
            created_at_micros: now_micros,
            created_by: None,
            description: Some("default workspace".to_owned()),
        }
    }
}

/// A workspace with the number of collections that are not being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// What is kept of it.
    pub record: WorkspaceRecord,
    /// Collections in it.
    pub collection_count: u64,
}

impl Catalog {
    /// Makes a workspace. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::AlreadyExists`], and those of storage.
    pub fn create_workspace(
        &self,
        name: &str,
        description: Option<String>,
        created_by: &str,
    ) -> Result<Workspace, CatalogError> {
        name::check(ObjectKind::Workspace, name)?;
        let mut changes = self.changes();
        let mut state = changes.state();
        let Err(place) = state.workspace_place(name) else {
            let name = name.to_owned();
            return Err(CatalogError::AlreadyExists {
                kind: ObjectKind::Workspace,
                name,
            });
        };
        let record = WorkspaceRecord {
            name: name.to_owned(),
            created_at_micros: self.now_micros(),
            created_by: Some(created_by.to_owned()),
            description,
        };
        state.workspaces.insert(place, record.clone());
        changes.commit(state)?;
        Ok(Workspace {
            record,
            collection_count: 0,
        })
    }

    /// The workspace called `name`.
    ///
    /// # Errors
    /// [`CatalogError::WorkspaceMissing`].
    pub fn workspace(&self, name: &str) -> Result<Workspace, CatalogError> {
        let view = self.view();
        let place = view
            .state
            .workspace_place(name)
            .map_err(|_| missing(name))?;
        Ok(with_count(&view.state, &view.state.workspaces[place]))
    }

    /// All workspaces, by name.
    pub fn workspaces(&self) -> Vec<Workspace> {
        let view = Arc::clone(&self.view());
        view.state
            .workspaces
            .iter()
            .map(|record| with_count(&view.state, record))
            .collect()
    }

    /// Removes an empty workspace, and returns what it was. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::WorkspaceMissing`], [`CatalogError::Protected`] for [`COMMONS`],
    /// [`CatalogError::NotEmpty`], and those of storage.
    pub fn delete_workspace(&self, name: &str) -> Result<Workspace, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = state.workspace_place(name).map_err(|_| missing(name))?;
        if name == COMMONS {
            return Err(CatalogError::Protected {
                workspace: name.to_owned(),
            });
        }
        let collection_count = with_count(&state, &state.workspaces[place]).collection_count;
        let alias_count = namespace::of_workspace(&state.aliases, name).len();
        let view_count = namespace::of_workspace(&state.views, name).len();
        let lambda_count = namespace::of_workspace(&state.query_lambdas, name).len();
        if collection_count > 0 || alias_count + view_count + lambda_count > 0 {
            return Err(CatalogError::NotEmpty {
                workspace: name.to_owned(),
                collection_count,
                alias_count,
                view_count,
                lambda_count,
            });
        }
        let record = state.workspaces.remove(place);
        changes.commit(state)?;
        Ok(Workspace {
            record,
            collection_count: 0,
        })
    }
}

fn missing(name: &str) -> CatalogError {
    CatalogError::WorkspaceMissing {
        workspace: name.to_owned(),
    }
}

fn with_count(state: &State, record: &WorkspaceRecord) -> Workspace {
    let collections = state.collections_in(&record.name).iter();
    let collection_count = collections
        .filter(|collection| collection.is_alive())
        .count() as u64;
    Workspace {
        record: record.clone(),
        collection_count,
    }
}
