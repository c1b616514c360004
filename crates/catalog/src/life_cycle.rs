//! How collections come and go.
//!
//! Creating: the name is taken durably (`Created`), storage makes the collection, the record turns
//! `Ready`. Dropping: the record turns `Deleted` durably, storage drops the collection, the record
//! goes. A crash or a full disk may stop either between two steps; then the next start, or the next
//! use of the name, finishes it. So no name is ever lost.

use std::collections::HashMap;
use std::sync::Arc;

use outcrop_storage::{CollectionId, Store, StoreError};

use crate::catalog::{Catalog, Changes};
use crate::collection::{
    CollectionEntry, CollectionRecord, CollectionSettings, CollectionStatus, EVENTS,
};
use crate::error::{CatalogError, ObjectKind};
use crate::name;
use crate::namespace;
use crate::source;
use crate::state::State;
use crate::workspace::COMMONS;

impl Catalog {
    /// Makes a collection and returns it as it was when its name was taken, with the status
    /// `Created`; it is ready when this returns. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::WorkspaceMissing`],
    /// [`CatalogError::AlreadyExists`], [`CatalogError::IntegrationMissing`],
    /// [`CatalogError::IntegrationKind`], and those of storage.
    pub fn create_collection(
        &self,
        workspace: &str,
        name: &str,
        settings: CollectionSettings,
        created_by: &str,
        created_by_key: &str,
    ) -> Result<CollectionRecord, CatalogError> {
        name::check(ObjectKind::Collection, name)?;
        let mut changes = self.changes();
        let mut state = changes.state();
        namespace::check_workspace(&state, workspace)?;
        for source in &settings.sources {
            source::check(&state, source)?;
        }
        // What is left of a collection of this name is dealt with below.
        let taken = namespace::kind(&state, workspace, name);
        if let Some(kind) = taken.filter(|kind| *kind != ObjectKind::Collection) {
            return Err(CatalogError::AlreadyExists {
                kind,
                name: format!("{workspace}.{name}"),
            });
        }
        let record = CollectionRecord {
            id: CollectionId::generate(self.random()),
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            status: CollectionStatus::Created,
            created_at_micros: self.now_micros(),
            created_by: Some(created_by.to_owned()),
            created_by_key: Some(created_by_key.to_owned()),
            settings,
        };
        match state.collection_place(workspace, name) {
            Err(place) => state.collections.insert(place, record.clone()),
            Ok(place) => {
                clear_leftover(self.store(), &state.collections[place])?;
                state.collections[place] = record.clone();
            }
        }
        changes.commit(state)?;
        if let Err(error) = make_ready(self.store(), &mut changes, &record) {
            forget(&mut changes, &record);
            return Err(error);
        }
        Ok(record)
    }

    /// Changes the settings of a collection by `change` and returns what it is now. Blocks until
    /// that is durable. What storage has to know of them it is told afterwards, or at the next start.
    ///
    /// # Errors
    /// Those of [`Self::collection_to_change`], and those of storage.
    pub fn update_collection(
        &self,
        workspace: &str,
        name: &str,
        change: impl FnOnce(&mut CollectionSettings),
    ) -> Result<CollectionRecord, CatalogError> {
        self.try_update_collection(workspace, name, |_, record| {
            change(&mut record.settings);
            Ok(())
        })
    }

    /// As [`Self::update_collection`], by a `change` that looks at the catalog and may fail.
    pub(crate) fn try_update_collection(
        &self,
        workspace: &str,
        name: &str,
        change: impl FnOnce(&State, &mut CollectionRecord) -> Result<(), CatalogError>,
    ) -> Result<CollectionRecord, CatalogError> {
        let mut changes = self.changes();
        let entry = self.collection_to_change(workspace, name)?;
        let mut state = changes.state();
        let mut record = entry.record().clone();
        change(&state, &mut record)?;
        if record == *entry.record() {
            return Ok(record);
        }
        let place = state.collection_place(workspace, name);
        let place = place.map_err(|_| missing(workspace, name))?;
        state.collections[place] = record.clone();
        let updated = Arc::new(entry.with_record(record.clone()));
        changes.commit_with(state, Some(updated))?;
        let handle = entry.handle();
        if *handle.options() != record.settings.storage {
            let told = handle.set_options_blocking(record.settings.storage.clone());
            told.map_err(|source| CatalogError::Storage {
                action: "change the settings of the collection in storage",
                source,
            })?;
        }
        Ok(record)
    }

    /// Drops a collection with its documents and returns what it was. Blocks until it is durable.
    ///
    /// When the last steps fail the collection is gone for users all the same, and its files go
    /// later.
    ///
    /// # Errors
    /// [`CatalogError::CollectionMissing`], [`CatalogError::SystemCollection`], [`CatalogError::InUse`] if an alias
    /// or view uses it, and those of storage.
    pub fn delete_collection(
        &self,
        workspace: &str,
        name: &str,
    ) -> Result<CollectionRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = state.collection_place(workspace, name).ok();
        let place = place.filter(|place| state.collections[*place].is_alive());
        let place = place.ok_or_else(|| missing(workspace, name))?;
        check_not_system(&state.collections[place])?;
        namespace::check_unused(&state, ObjectKind::Collection, workspace, name)?;
        state.collections[place].status = CollectionStatus::Deleted;
        let record = state.collections[place].clone();
        for instance in &mut state.virtual_instances {
            instance
                .mounts
                .retain(|mount| mount.collection != record.id);
        }
        changes.commit(state)?;
        if let Err(error) = finish_drop(self.store(), &mut changes, &record) {
            tracing::warn!(
                collection.name = %record.full_name(),
                error = &error as &dyn std::error::Error,
                "the files of a dropped collection stay until the next start"
            );
        }
        Ok(record)
    }

    /// The collection, if it can be written and queried.
    ///
    /// # Errors
    /// [`CatalogError::CollectionMissing`], also when the workspace is missing, and
    /// [`CatalogError::CollectionNotReady`].
    pub fn collection(
        &self,
        workspace: &str,
        name: &str,
    ) -> Result<Arc<CollectionEntry>, CatalogError> {
        let view = self.view();
        let place = view.state.collection_place(workspace, name).ok();
        let record = place.map(|place| &view.state.collections[place]);
        let record = record.filter(|record| record.is_alive());
        let record = record.ok_or_else(|| missing(workspace, name))?;
        view.entries
            .get(&record.id)
            .cloned()
            .ok_or_else(|| CatalogError::CollectionNotReady {
                workspace: workspace.to_owned(),
                name: name.to_owned(),
            })
    }

    /// The collection, if users can write it.
    ///
    /// # Errors
    /// Those of [`Self::collection`], and [`CatalogError::SystemCollection`].
    pub fn collection_to_change(
        &self,
        workspace: &str,
        name: &str,
    ) -> Result<Arc<CollectionEntry>, CatalogError> {
        let entry = self.collection(workspace, name)?;
        check_not_system(entry.record())?;
        Ok(entry)
    }

    /// The collection of events, if it can be written. That of a data folder may be a user's.
    ///
    /// # Errors
    /// Those of [`Self::collection`].
    pub fn events(&self) -> Result<Arc<CollectionEntry>, CatalogError> {
        let entry = self.collection(COMMONS, EVENTS)?;
        match entry.record().is_system() {
            true => Ok(entry),
            false => Err(missing(COMMONS, EVENTS)),
        }
    }

    /// What is kept of the collection, also while it is being created or dropped.
    ///
    /// # Errors
    /// [`CatalogError::CollectionMissing`], also when the workspace is missing.
    pub fn collection_record(
        &self,
        workspace: &str,
        name: &str,
    ) -> Result<CollectionRecord, CatalogError> {
        let view = self.view();
        let place = view.state.collection_place(workspace, name).ok();
        place
            .map(|place| view.state.collections[place].clone())
            .ok_or_else(|| missing(workspace, name))
    }

    /// The collections of all workspaces, by workspace and name, those being dropped included.
    pub fn collections(&self) -> Vec<CollectionRecord> {
        self.view().state.collections.clone()
    }

    /// The collections of all workspaces that `is_wanted` says so of, by workspace and name.
    pub fn collections_where(
        &self,
        is_wanted: impl Fn(&CollectionRecord) -> bool,
    ) -> Vec<CollectionRecord> {
        let view = self.view();
        let collections = view.state.collections.iter();
        collections
            .filter(|record| is_wanted(record))
            .cloned()
            .collect()
    }

    /// The collections of one workspace, by name, those being dropped included.
    ///
    /// # Errors
    /// [`CatalogError::WorkspaceMissing`].
    pub fn collections_in(&self, workspace: &str) -> Result<Vec<CollectionRecord>, CatalogError> {
        let view = self.view();
        if view.state.workspace_place(workspace).is_err() {
            return Err(CatalogError::WorkspaceMissing {
                workspace: workspace.to_owned(),
            });
        }
        Ok(view.state.collections_in(workspace).to_vec())
    }

    /// Finishes what a crash left half done. What cannot be finished now, for example because the
    /// disk is full, is logged and stays as it is.
    pub(crate) fn recover(&self) {
        let mut changes = self.changes();
        for record in changes.state().collections {
            let finished = match record.status {
                CollectionStatus::Ready => {
                    take_over_options(self.store(), &record);
                    continue;
                }
                CollectionStatus::Created => make_ready(self.store(), &mut changes, &record),
                CollectionStatus::Deleted => finish_drop(self.store(), &mut changes, &record),
            };
            match finished {
                Ok(()) => tracing::info!(
                    collection.name = %record.full_name(),
                    collection.status = record.status.name(),
                    "finished what the last run had begun"
                ),
                Err(error) => tracing::warn!(
                    collection.name = %record.full_name(),
                    collection.status = record.status.name(),
                    error = &error as &dyn std::error::Error,
                    "cannot finish what the last run had begun"
                ),
            }
        }
    }
}

/// The ready collections with their handles.
///
/// # Errors
/// [`CatalogError::DataMissing`] if storage lacks one: an empty one in its place would hide a loss.
pub(crate) fn entries(
    store: &Store,
    state: &State,
) -> Result<HashMap<CollectionId, Arc<CollectionEntry>>, CatalogError> {
    let ready = state
        .collections
        .iter()
        .filter(|record| record.status == CollectionStatus::Ready);
    ready
        .map(|record| match store.collection(record.id) {
            Some(handle) => Ok((
                record.id,
                Arc::new(CollectionEntry::new(record.clone(), handle)),
            )),
            None => Err(CatalogError::DataMissing {
                workspace: record.workspace.clone(),
                name: record.name.clone(),
                id: record.id,
            }),
        })
        .collect()
}

/// Second half of creating: storage makes the collection, then the record turns `Ready`.
fn make_ready(
    store: &Store,
    changes: &mut Changes<'_>,
    record: &CollectionRecord,
) -> Result<(), CatalogError> {
    let handle = match store.collection(record.id) {
        Some(handle) => handle,
        None => store
            .create_collection_with(record.id, record.settings.storage.clone())
            .map_err(|source| CatalogError::Storage {
                action: "create the collection in storage",
                source,
            })?,
    };
    let mut state = changes.state();
    let Some(kept) = state
        .collections
        .iter_mut()
        .find(|kept| kept.id == record.id)
    else {
        return Err(missing(&record.workspace, &record.name));
    };
    kept.status = CollectionStatus::Ready;
    let entry = Arc::new(CollectionEntry::new(kept.clone(), handle));
    changes.commit_with(state, Some(entry))
}

/// Tells storage the settings of a collection that it has others of: it was made by a version that
/// kept them in the catalog alone.
fn take_over_options(store: &Store, record: &CollectionRecord) {
    let Some(handle) = store.collection(record.id) else {
        return;
    };
    if *handle.options() == record.settings.storage {
        return;
    }
    if let Err(error) = handle.set_options_blocking(record.settings.storage.clone()) {
        tracing::warn!(
            collection.name = %record.full_name(),
            error = &error as &dyn std::error::Error,
            "cannot take over the settings of a collection"
        );
    }
}

/// Second half of dropping: storage drops the collection, then the record goes.
fn finish_drop(
    store: &Store,
    changes: &mut Changes<'_>,
    record: &CollectionRecord,
) -> Result<(), CatalogError> {
    drop_data(store, record.id)?;
    let mut state = changes.state();
    state.collections.retain(|kept| kept.id != record.id);
    changes.commit(state)
}

/// Takes back a creation that failed. If that fails too the record stays `Created`: the next
/// creation under this name, or the next start, deals with it.
fn forget(changes: &mut Changes<'_>, record: &CollectionRecord) {
    let mut state = changes.state();
    state.collections.retain(|kept| kept.id != record.id);
    let taken_back = drop_data(changes.store(), record.id).and_then(|()| changes.commit(state));
    if let Err(error) = taken_back {
        tracing::warn!(
            collection.name = %record.full_name(),
            error = &error as &dyn std::error::Error,
            "cannot take back the creation of a collection"
        );
    }
}

/// Makes room for a new collection under the name of one that was left half created or half
/// dropped. Turns are exclusive, so nobody is still at work on it.
///
/// # Errors
/// [`CatalogError::AlreadyExists`] if that one is in use; those of storage.
fn clear_leftover(store: &Store, leftover: &CollectionRecord) -> Result<(), CatalogError> {
    match leftover.status {
        CollectionStatus::Ready => Err(CatalogError::AlreadyExists {
            kind: ObjectKind::Collection,
            name: leftover.full_name(),
        }),
        CollectionStatus::Created | CollectionStatus::Deleted => drop_data(store, leftover.id),
    }
}

/// Drops the data of a collection; none is fine.
fn drop_data(store: &Store, id: CollectionId) -> Result<(), CatalogError> {
    match store.drop_collection(id) {
        Ok(()) | Err(StoreError::CollectionMissing { .. }) => Ok(()),
        Err(source) => Err(CatalogError::Storage {
            action: "drop the collection in storage",
            source,
        }),
    }
}

fn check_not_system(record: &CollectionRecord) -> Result<(), CatalogError> {
    match record.is_system() {
        false => Ok(()),
        true => Err(CatalogError::SystemCollection {
            name: record.full_name(),
        }),
    }
}

fn missing(workspace: &str, name: &str) -> CatalogError {
    CatalogError::CollectionMissing {
        workspace: workspace.to_owned(),
        name: name.to_owned(),
    }
}
