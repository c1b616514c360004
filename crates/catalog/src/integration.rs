//! Integrations: how to get at systems that documents come from.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alias::Creator;
use crate::catalog::Catalog;
use crate::error::{CatalogError, Dependant, ObjectKind};
use crate::name;
use crate::random;
use crate::sealing::Sealing;
use crate::state::State;

/// Random characters of the key of a receiver, as many as an API key has.
const KEY_CHARACTERS: usize = 64;

/// An integration as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationRecord {
    /// Its name, unique in the organisation.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// The system, as the API spells it: `s3`, `kafka`, …
    pub kind: String,
    /// Address and credentials in the shape that the API has for the kind. Secrets are
    /// [sealed](Sealing::seal).
    pub settings: Value,
    /// Whether documents may be written to the system.
    pub is_write_enabled: Option<bool>,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// E-mail of the creator.
    pub created_by: String,
    /// Name of the key that created it.
    pub created_by_key: String,
}

/// What the creator of an integration chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIntegration {
    /// See [`IntegrationRecord::name`].
    pub name: String,
    /// See [`IntegrationRecord::description`].
    pub description: Option<String>,
    /// See [`IntegrationRecord::kind`].
    pub kind: String,
    /// See [`IntegrationRecord::settings`].
    pub settings: Value,
    /// See [`IntegrationRecord::is_write_enabled`].
    pub is_write_enabled: Option<bool>,
}

impl Catalog {
    /// What seals the secrets of this data folder.
    pub fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    /// Makes an integration. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::AlreadyExists`], and those of storage.
    pub fn create_integration(
        &self,
        new: NewIntegration,
        creator: Creator,
    ) -> Result<IntegrationRecord, CatalogError> {
        name::check(ObjectKind::Integration, &new.name)?;
        let mut changes = self.changes();
        let mut state = changes.state();
        let Err(place) = place(&state, &new.name) else {
            return Err(CatalogError::AlreadyExists {
                kind: ObjectKind::Integration,
                name: new.name,
            });
        };
        let record = IntegrationRecord {
            name: new.name,
            description: new.description,
            kind: new.kind,
            settings: new.settings,
            is_write_enabled: new.is_write_enabled,
            created_at_micros: self.now_micros(),
            created_by: creator.email,
            created_by_key: creator.key,
        };
        state.integrations.insert(place, record.clone());
        changes.commit(state)?;
        Ok(record)
    }

    /// Changes an integration by `change` and returns what it is now. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::IntegrationMissing`], and those of storage.
    pub fn update_integration(
        &self,
        name: &str,
        change: impl FnOnce(&mut IntegrationRecord),
    ) -> Result<IntegrationRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, name).map_err(|_| missing(name))?;
        change(&mut state.integrations[place]);
        let record = state.integrations[place].clone();
        changes.commit(state)?;
        Ok(record)
    }

    /// Removes an integration and returns what it was. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::IntegrationMissing`], [`CatalogError::InUse`] if a collection has a source
    /// that uses it, and those of storage.
    pub fn delete_integration(&self, name: &str) -> Result<IntegrationRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, name).map_err(|_| missing(name))?;
        let alive = state.collections.iter().filter(|record| record.is_alive());
        let users = alive
            .filter(|record| record.uses_integration(name))
            .map(|record| Dependant::in_workspace("collection", &record.workspace, &record.name));
        let users: Vec<Dependant> = users.collect();
        if !users.is_empty() {
            return Err(CatalogError::InUse {
                kind: ObjectKind::Integration,
                name: name.to_owned(),
                users,
            });
        }
        let record = state.integrations.remove(place);
        changes.commit(state)?;
        Ok(record)
    }

    /// The integration of this name.
    ///
    /// # Errors
    /// [`CatalogError::IntegrationMissing`].
    pub fn integration(&self, name: &str) -> Result<IntegrationRecord, CatalogError> {
        let view = self.view();
        let place = place(&view.state, name).map_err(|_| missing(name))?;
        Ok(view.state.integrations[place].clone())
    }

    /// The key of a new receiver: it begins as clients expect it.
    pub fn new_receiver_key(&self) -> String {
        format!(
            "kafka{}",
            random::alphanumerics(self.random(), KEY_CHARACTERS)
        )
    }

    /// All integrations, by name.
    pub fn integrations(&self) -> Vec<IntegrationRecord> {
        self.view().state.integrations.clone()
    }
}

/// Where the integration is, or where it would go.
fn place(state: &State, name: &str) -> Result<usize, usize> {
    state
        .integrations
        .binary_search_by(|record| record.name.as_str().cmp(name))
}

/// Checks that a source of this kind may use the integration.
///
/// # Errors
/// [`CatalogError::IntegrationMissing`], [`CatalogError::IntegrationKind`].
pub(crate) fn check_use(state: &State, name: &str, source_kind: &str) -> Result<(), CatalogError> {
    let place = place(state, name).map_err(|_| missing(name))?;
    let kind = &state.integrations[place].kind;
    if kind == source_kind {
        return Ok(());
    }
    Err(CatalogError::IntegrationKind {
        name: name.to_owned(),
        kind: kind.clone(),
        source_kind: source_kind.to_owned(),
    })
}

fn missing(name: &str) -> CatalogError {
    CatalogError::IntegrationMissing {
        name: name.to_owned(),
    }
}
