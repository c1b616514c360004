//! Aliases: further names of collections, which queries follow and which can be pointed elsewhere.

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::error::{CatalogError, ObjectKind};
use crate::namespace::{self, InWorkspace};
use crate::state::State;

/// An alias as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasRecord {
    /// Its workspace.
    pub workspace: String,
    /// Its name, unique in the workspace among collections, aliases and views.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// The collection that it names.
    pub collection: CollectionName,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// Microseconds since 1970.
    pub modified_at_micros: i64,
    /// E-mail of the creator.
    pub created_by: String,
    /// Name of the key that created it.
    pub created_by_key: String,
}

/// A collection by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionName {
    /// Its workspace.
    pub workspace: String,
    /// Its name there.
    pub name: String,
}

impl CollectionName {
    /// Reads `workspace.name`, of which the workspace may have dots too.
    pub fn parse(full_name: &str) -> Option<Self> {
        let (workspace, name) = full_name.rsplit_once('.')?;
        Some(Self {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// `workspace.name`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.workspace, self.name)
    }
}

/// Who makes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creator {
    /// E-mail.
    pub email: String,
    /// Name of the key.
    pub key: String,
    /// Role of the key, which bounds what a view or query lambda may read; none if it has none.
    pub role: Option<String>,
}

/// Whose rights a stored query reads with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definer {
    /// E-mail of who wrote it.
    pub email: String,
    /// Role of the key that it was written with, beyond which it reads nothing; none if it had none.
    pub role: Option<String>,
}

impl From<&Creator> for Definer {
    fn from(creator: &Creator) -> Self {
        Self {
            email: creator.email.clone(),
            role: creator.role.clone(),
        }
    }
}

impl InWorkspace for AliasRecord {
    fn workspace(&self) -> &str {
        &self.workspace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Catalog {
    /// Makes an alias of a collection. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::WorkspaceMissing`], [`CatalogError::AlreadyExists`],
    /// [`CatalogError::CollectionMissing`], and those of storage.
    pub fn create_alias(
        &self,
        workspace: &str,
        name: &str,
        description: Option<String>,
        collection: CollectionName,
        creator: Creator,
    ) -> Result<AliasRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        namespace::check_free(&state, ObjectKind::Alias, workspace, name)?;
        check_target(&state, &collection)?;
        let now = self.now_micros();
        let record = AliasRecord {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            description,
            collection,
            created_at_micros: now,
            modified_at_micros: now,
            created_by: creator.email,
            created_by_key: creator.key,
        };
        namespace::insert(&mut state.aliases, record.clone());
        changes.commit(state)?;
        Ok(record)
    }

    /// Points an alias to another collection, and gives it another description if there is one.
    /// Queries from then on read the new one. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::AliasMissing`], [`CatalogError::CollectionMissing`], and those of storage.
    pub fn update_alias(
        &self,
        workspace: &str,
        name: &str,
        description: Option<String>,
        collection: CollectionName,
    ) -> Result<AliasRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = namespace::place(&state.aliases, workspace, name);
        let place = place.map_err(|_| missing(workspace, name))?;
        check_target(&state, &collection)?;
        let record = &mut state.aliases[place];
        record.collection = collection;
        record.description = description.or(record.description.take());
        record.modified_at_micros = self.now_micros();
        let record = record.clone();
        changes.commit(state)?;
        Ok(record)
    }

    /// Removes an alias and returns what it was. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::AliasMissing`], [`CatalogError::InUse`] if a view uses it, and those of
    /// storage.
    pub fn delete_alias(&self, workspace: &str, name: &str) -> Result<AliasRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = namespace::place(&state.aliases, workspace, name);
        let place = place.map_err(|_| missing(workspace, name))?;
        namespace::check_unused(&state, ObjectKind::Alias, workspace, name)?;
        let record = state.aliases.remove(place);
        changes.commit(state)?;
        Ok(record)
    }

    /// The alias of this name.
    ///
    /// # Errors
    /// [`CatalogError::AliasMissing`], also when the workspace is missing.
    pub fn alias(&self, workspace: &str, name: &str) -> Result<AliasRecord, CatalogError> {
        let view = self.view();
        let place = namespace::place(&view.state.aliases, workspace, name);
        place
            .map(|place| view.state.aliases[place].clone())
            .map_err(|_| missing(workspace, name))
    }

    /// The aliases of all workspaces, by workspace and name.
    pub fn aliases(&self) -> Vec<AliasRecord> {
        self.view().state.aliases.clone()
    }

    /// The aliases of one workspace, by name.
    ///
    /// # Errors
    /// [`CatalogError::WorkspaceMissing`].
    pub fn aliases_in(&self, workspace: &str) -> Result<Vec<AliasRecord>, CatalogError> {
        let view = self.view();
        namespace::check_workspace(&view.state, workspace)?;
        Ok(namespace::of_workspace(&view.state.aliases, workspace).to_vec())
    }
}

fn check_target(state: &State, collection: &CollectionName) -> Result<(), CatalogError> {
    let CollectionName { workspace, name } = collection;
    match state.collection_place(workspace, name) {
        Ok(place) if state.collections[place].is_alive() => Ok(()),
        _ => Err(CatalogError::CollectionMissing {
            workspace: workspace.clone(),
            name: name.clone(),
        }),
    }
}

fn missing(workspace: &str, name: &str) -> CatalogError {
    CatalogError::AliasMissing {
        workspace: workspace.to_owned(),
        name: name.to_owned(),
    }
}
