//! Views: queries that are kept under a name. What they read is noted when they are written, so that
//! nothing they need goes away.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::alias::{Creator, Definer};
use crate::catalog::Catalog;
use crate::error::{CatalogError, ObjectKind};
use crate::namespace::{self, InWorkspace};
use crate::state::State;

/// A view as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewRecord {
    /// Its workspace.
    pub workspace: String,
    /// Its name, unique in the workspace among collections, aliases and views.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Its query.
    pub query: ViewQuery,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// Microseconds since 1970.
    pub modified_at_micros: i64,
    /// E-mail of the creator.
    pub created_by: String,
    /// Name of the key that created it.
    pub created_by_key: String,
}

/// The query of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewQuery {
    /// Its text.
    pub sql: String,
    /// Full names of the collections, aliases and views that the text names.
    pub entities: Vec<String>,
    /// Who wrote it.
    pub definer: Definer,
}

impl ViewRecord {
    /// `workspace.name`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.workspace, self.name)
    }
}

impl InWorkspace for ViewRecord {
    fn workspace(&self) -> &str {
        &self.workspace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Catalog {
    /// Makes a view. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::WorkspaceMissing`], [`CatalogError::AlreadyExists`],
    /// [`CatalogError::EntityMissing`], and those of storage.
    pub fn create_view(
        &self,
        workspace: &str,
        name: &str,
        description: Option<String>,
        query: ViewQuery,
        creator: Creator,
    ) -> Result<ViewRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        namespace::check_free(&state, ObjectKind::View, workspace, name)?;
        check_entities(&state, &query)?;
        let now = self.now_micros();
        let record = ViewRecord {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            description,
            query,
            created_at_micros: now,
            modified_at_micros: now,
            created_by: creator.email,
            created_by_key: creator.key,
        };
        namespace::insert(&mut state.views, record.clone());
        changes.commit(state)?;
        Ok(record)
    }

    /// Gives a view another query, and another description if there is one. Blocks until it is
    /// durable.
    ///
    /// # Errors
    /// [`CatalogError::ViewMissing`], [`CatalogError::EntityMissing`], [`CatalogError::ViewCycle`],
    /// and those of storage.
    pub fn update_view(
        &self,
        workspace: &str,
        name: &str,
        description: Option<String>,
        query: ViewQuery,
    ) -> Result<ViewRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = namespace::place(&state.views, workspace, name);
        let place = place.map_err(|_| missing(workspace, name))?;
        check_entities(&state, &query)?;
        let record = &mut state.views[place];
        record.query = query;
        record.description = description.or(record.description.take());
        record.modified_at_micros = self.now_micros();
        let record = record.clone();
        check_acyclic(&state, &record)?;
        changes.commit(state)?;
        Ok(record)
    }

    /// Removes a view and returns what it was. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::ViewMissing`], [`CatalogError::InUse`] if another view uses it, and those of
    /// storage.
    pub fn delete_view(&self, workspace: &str, name: &str) -> Result<ViewRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = namespace::place(&state.views, workspace, name);
        let place = place.map_err(|_| missing(workspace, name))?;
        namespace::check_unused(&state, ObjectKind::View, workspace, name)?;
        let record = state.views.remove(place);
        changes.commit(state)?;
        Ok(record)
    }

    /// The view of this name.
    ///
    /// # Errors
    /// [`CatalogError::ViewMissing`], also when the workspace is missing.
    pub fn stored_view(&self, workspace: &str, name: &str) -> Result<ViewRecord, CatalogError> {
        let view = self.view();
        let place = namespace::place(&view.state.views, workspace, name);
        place
            .map(|place| view.state.views[place].clone())
            .map_err(|_| missing(workspace, name))
    }

    /// The views of all workspaces, by workspace and name.
    pub fn stored_views(&self) -> Vec<ViewRecord> {
        self.view().state.views.clone()
    }

    /// The views of one workspace, by name.
    ///
    /// # Errors
    /// [`CatalogError::WorkspaceMissing`].
    pub fn stored_views_in(&self, workspace: &str) -> Result<Vec<ViewRecord>, CatalogError> {
        let view = self.view();
        namespace::check_workspace(&view.state, workspace)?;
        Ok(namespace::of_workspace(&view.state.views, workspace).to_vec())
    }
}

/// What the query was bound against may have gone since.
fn check_entities(state: &State, query: &ViewQuery) -> Result<(), CatalogError> {
    let missing = query.entities.iter().find(|entity| {
        let parts = entity.rsplit_once('.');
        parts.is_none_or(|(workspace, name)| namespace::kind(state, workspace, name).is_none())
    });
    match missing {
        None => Ok(()),
        Some(entity) => Err(CatalogError::EntityMissing {
            name: entity.clone(),
        }),
    }
}

/// Follows the views that `record` uses, as `state` has them, until they come back to it.
fn check_acyclic(state: &State, record: &ViewRecord) -> Result<(), CatalogError> {
    let own = record.full_name();
    let mut seen = HashSet::new();
    let mut open: Vec<&String> = record.query.entities.iter().collect();
    while let Some(entity) = open.pop() {
        if *entity == own {
            return Err(CatalogError::ViewCycle { name: own });
        }
        if seen.insert(entity)
            && let Some((workspace, name)) = entity.rsplit_once('.')
            && let Ok(place) = namespace::place(&state.views, workspace, name)
        {
            open.extend(&state.views[place].query.entities);
        }
    }
    Ok(())
}

fn missing(workspace: &str, name: &str) -> CatalogError {
    CatalogError::ViewMissing {
        workspace: workspace.to_owned(),
        name: name.to_owned(),
    }
}
