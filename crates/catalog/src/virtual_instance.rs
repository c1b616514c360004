//! Virtual instances: what queries run on, each with resources of its own. What those are is not known here.

use outcrop_storage::CollectionId;
use serde::{Deserialize, Serialize};

use crate::alias::{CollectionName, Creator};
use crate::catalog::Catalog;
use crate::error::{CatalogError, ObjectKind};
use crate::name;
use crate::organization::Organization;
use crate::random;
use crate::state::State;

/// Name of the virtual instance that is always there.
const MAIN: &str = "main";

/// A virtual instance as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualInstanceRecord {
    /// UUID.
    pub id: String,
    /// Its name, which no other has.
    pub name: String,
    /// Whether it is the one that ingests: it has every collection, and stays as it is.
    pub is_main: bool,
    /// What can be changed.
    pub settings: InstanceSettings,
    /// The collections that it answers queries of; none of the main one, which has all.
    pub mounts: Vec<MountRecord>,
    /// Whether it answers none for now.
    pub is_suspended: bool,
    /// When it was suspended last, in microseconds since 1970.
    pub suspended_at_micros: Option<i64>,
    /// When it was resumed last, in microseconds since 1970.
    pub resumed_at_micros: Option<i64>,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// E-mail of the creator; none for the main one.
    pub created_by: Option<String>,
}

/// What the creator of a virtual instance chooses, besides its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSettings {
    /// Free text.
    pub description: Option<String>,
    /// How much it gets.
    pub size: InstanceSize,
    /// One of Rockset's classes. It is kept and echoed.
    pub class: String,
    /// After that long without queries it suspends itself; never if none.
    pub auto_suspend_seconds: Option<u32>,
    /// Whether suspending it leaves its mounts, to be there again when it is resumed.
    pub enable_remount_on_resume: Option<bool>,
    /// The sizes that it may take by itself. They are kept and echoed.
    pub auto_scaling: Option<AutoScaling>,
}

/// Rockset's sizes, the smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
#[expect(missing_docs, reason = "their order says all")]
pub enum InstanceSize {
    Free,
    Nano,
    Shared,
    Milli,
    XSmall,
    Small,
    Medium,
    Large,
    XLarge,
    XLarge2,
    XLarge4,
    XLarge8,
    XLarge16,
}

impl InstanceSize {
    /// All of them, the smallest first, with their names in the API.
    const NAMES: [(Self, &str); 13] = [
        (Self::Free, "FREE"),
        (Self::Nano, "NANO"),
        (Self::Shared, "SHARED"),
        (Self::Milli, "MILLI"),
        (Self::XSmall, "XSMALL"),
        (Self::Small, "SMALL"),
        (Self::Medium, "MEDIUM"),
        (Self::Large, "LARGE"),
        (Self::XLarge, "XLARGE"),
        (Self::XLarge2, "XLARGE2"),
        (Self::XLarge4, "XLARGE4"),
        (Self::XLarge8, "XLARGE8"),
        (Self::XLarge16, "XLARGE16"),
    ];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        let mut names = Self::NAMES.iter();
        let found = names.find(|(size, _)| *size == self);
        found.map_or("", |(_, name)| name)
    }

    /// The size of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        let mut names = Self::NAMES.iter();
        let found = names.find(|(_, known)| *known == name);
        found.map(|(size, _)| *size)
    }
}

impl From<InstanceSize> for &'static str {
    fn from(size: InstanceSize) -> Self {
        size.name()
    }
}

impl TryFrom<String> for InstanceSize {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::of_name(&name).ok_or_else(|| format!("there is no size `{name}`"))
    }
}

/// Sizes that a virtual instance may take by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoScaling {
    /// Whether it may.
    pub enabled: bool,
    /// The smallest.
    pub min: InstanceSize,
    /// The largest.
    pub max: InstanceSize,
}

/// A collection that a virtual instance answers queries of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountRecord {
    /// UUID.
    pub id: String,
    /// The collection, by id: one that is made later under its name is another.
    pub collection: CollectionId,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
}

impl VirtualInstanceRecord {
    /// The one that is always there.
    pub(crate) fn main(organization: &Organization) -> Self {
        Self {
            id: organization.main_virtual_instance_id.clone(),
            name: MAIN.to_owned(),
            is_main: true,
            settings: InstanceSettings {
                description: None,
                size: InstanceSize::Shared,
                class: "MO_IL".to_owned(),
                auto_suspend_seconds: None,
                enable_remount_on_resume: None,
                auto_scaling: None,
            },
            mounts: Vec::new(),
            is_suspended: false,
            suspended_at_micros: None,
            resumed_at_micros: None,
            created_at_micros: organization.created_at_micros,
            created_by: None,
        }
    }

    /// The mount of a collection; none if it has none, and of the main one.
    pub fn mount(&self, collection: CollectionId) -> Option<&MountRecord> {
        let mut mounts = self.mounts.iter();
        mounts.find(|mount| mount.collection == collection)
    }

    /// Whether it answers queries of a collection.
    pub fn has_mounted(&self, collection: CollectionId) -> bool {
        self.is_main || self.mount(collection).is_some()
    }
}

impl Catalog {
    /// Makes a virtual instance without mounts. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::AlreadyExists`], and those of storage.
    pub fn create_virtual_instance(
        &self,
        name: &str,
        settings: InstanceSettings,
        creator: Creator,
    ) -> Result<VirtualInstanceRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        check_name(&state, name, None)?;
        let record = VirtualInstanceRecord {
            id: random::uuid(self.random()),
            name: name.to_owned(),
            is_main: false,
            settings,
            mounts: Vec::new(),
            is_suspended: false,
            suspended_at_micros: None,
            resumed_at_micros: None,
            created_at_micros: self.now_micros(),
            created_by: Some(creator.email),
        };
        state.virtual_instances.push(record.clone());
        changes.commit(state)?;
        Ok(record)
    }

    /// Gives a virtual instance another name, if one is given, and changes its settings. Blocks until that is
    /// durable.
    ///
    /// # Errors
    /// [`CatalogError::InstanceMissing`], [`CatalogError::MainInstance`] unless only the description of the main one
    /// changes, [`CatalogError::BadName`], [`CatalogError::AlreadyExists`], and those of storage.
    pub fn update_virtual_instance(
        &self,
        id: &str,
        name: Option<&str>,
        change: impl FnOnce(&mut InstanceSettings),
    ) -> Result<VirtualInstanceRecord, CatalogError> {
        self.change_virtual_instance(id, |state, record| {
            let before = record.clone();
            change(&mut record.settings);
            if let Some(name) = name {
                record.name = name.to_owned();
            }
            if before.is_main {
                let mut described = before.clone();
                described.settings.description = record.settings.description.clone();
                return match described == *record {
                    true => Ok(()),
                    false => Err(CatalogError::MainInstance { action: "changed" }),
                };
            }
            match name {
                Some(name) if name != before.name => check_name(state, name, Some(id)),
                _ => Ok(()),
            }
        })
    }

    /// Suspends a virtual instance, or resumes it, and tells what it is now. One that is already so stays
    /// as it is. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::InstanceMissing`], [`CatalogError::MainInstance`], and those of storage.
    pub fn suspend_virtual_instance(
        &self,
        id: &str,
        is_suspended: bool,
    ) -> Result<VirtualInstanceRecord, CatalogError> {
        let now = Some(self.now_micros());
        self.change_virtual_instance(id, |_, record| {
            if record.is_main {
                let action = "suspended or resumed";
                return Err(CatalogError::MainInstance { action });
            }
            if record.is_suspended == is_suspended {
                return Ok(());
            }
            record.is_suspended = is_suspended;
            match is_suspended {
                true => record.suspended_at_micros = now,
                false => record.resumed_at_micros = now,
            }
            if is_suspended && record.settings.enable_remount_on_resume != Some(true) {
                record.mounts.clear();
            }
            Ok(())
        })
    }

    /// Removes a virtual instance and returns what it was. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::InstanceMissing`], [`CatalogError::MainInstance`], [`CatalogError::InstanceIsDefault`], and those of
    /// storage.
    pub fn delete_virtual_instance(&self, id: &str) -> Result<VirtualInstanceRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, id)?;
        let record = &state.virtual_instances[place];
        if record.is_main {
            return Err(CatalogError::MainInstance { action: "deleted" });
        }
        if state.default_virtual_instance.as_deref() == Some(id) {
            let name = record.name.clone();
            return Err(CatalogError::InstanceIsDefault { name });
        }
        let record = state.virtual_instances.remove(place);
        changes.commit(state)?;
        Ok(record)
    }

    /// Mounts collections on a virtual instance, those that are not yet, and tells what it is now. All of them are
    /// mounted on the main one. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::InstanceMissing`], [`CatalogError::CollectionMissing`] for one of them, which leaves all as it was,
    /// and those of storage.
    pub fn mount_collections(
        &self,
        id: &str,
        names: &[CollectionName],
    ) -> Result<VirtualInstanceRecord, CatalogError> {
        let now = self.now_micros();
        self.change_virtual_instance(id, |state, record| {
            for CollectionName { workspace, name } in names {
                let place = state.collection_place(workspace, name).ok();
                let collection = place.map(|place| &state.collections[place]);
                let collection = collection.filter(|collection| collection.is_alive());
                let collection = collection.ok_or_else(|| CatalogError::CollectionMissing {
                    workspace: workspace.clone(),
                    name: name.clone(),
                })?;
                if !record.has_mounted(collection.id) {
                    record.mounts.push(MountRecord {
                        id: random::uuid(self.random()),
                        collection: collection.id,
                        created_at_micros: now,
                    });
                }
            }
            Ok(())
        })
    }

    /// Takes a mount away, if it is there. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::InstanceMissing`], [`CatalogError::MainInstance`], and those of storage.
    pub fn unmount_collection(
        &self,
        id: &str,
        collection: CollectionId,
    ) -> Result<VirtualInstanceRecord, CatalogError> {
        self.change_virtual_instance(id, |_, record| {
            if record.is_main {
                let action = "left without a collection";
                return Err(CatalogError::MainInstance { action });
            }
            record.mounts.retain(|mount| mount.collection != collection);
            Ok(())
        })
    }

    /// Lets queries that name no virtual instance run on this one. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::InstanceMissing`], and those of storage.
    pub fn set_default_virtual_instance(&self, id: &str) -> Result<(), CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        place(&state, id)?;
        state.default_virtual_instance = Some(id.to_owned());
        changes.commit(state)
    }

    /// Where queries run that name no virtual instance.
    pub fn default_virtual_instance(&self) -> VirtualInstanceRecord {
        let view = self.view();
        let chosen = view.state.default_virtual_instance.as_deref();
        let chosen = chosen.and_then(|id| place(&view.state, id).ok());
        // The main one is the first.
        view.state.virtual_instances[chosen.unwrap_or(0)].clone()
    }

    /// The virtual instance of this id.
    ///
    /// # Errors
    /// [`CatalogError::InstanceMissing`].
    pub fn virtual_instance(&self, id: &str) -> Result<VirtualInstanceRecord, CatalogError> {
        let view = self.view();
        let place = place(&view.state, id)?;
        Ok(view.state.virtual_instances[place].clone())
    }

    /// All virtual instances, the main one first, then the oldest.
    pub fn virtual_instances(&self) -> Vec<VirtualInstanceRecord> {
        self.view().state.virtual_instances.clone()
    }

    /// Changes a virtual instance by `change`, which looks at the catalog and may fail.
    fn change_virtual_instance(
        &self,
        id: &str,
        change: impl FnOnce(&State, &mut VirtualInstanceRecord) -> Result<(), CatalogError>,
    ) -> Result<VirtualInstanceRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, id)?;
        let mut record = state.virtual_instances[place].clone();
        change(&state, &mut record)?;
        if record != state.virtual_instances[place] {
            state.virtual_instances[place] = record.clone();
            changes.commit(state)?;
        }
        Ok(record)
    }
}

fn place(state: &State, id: &str) -> Result<usize, CatalogError> {
    let mut records = state.virtual_instances.iter();
    let place = records.position(|record| record.id == id);
    place.ok_or_else(|| CatalogError::InstanceMissing { id: id.to_owned() })
}

/// Checks the name of a virtual instance that is to have it.
fn check_name(state: &State, name: &str, id: Option<&str>) -> Result<(), CatalogError> {
    name::check(ObjectKind::VirtualInstance, name)?;
    let mut others = state.virtual_instances.iter();
    if others.any(|other| other.name == name && Some(other.id.as_str()) != id) {
        return Err(CatalogError::AlreadyExists {
            kind: ObjectKind::VirtualInstance,
            name: name.to_owned(),
        });
    }
    Ok(())
}
