//! The catalog: opening, reading, and the one way of changing it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use outcrop_storage::env::{Environment, Random};
use outcrop_storage::{CollectionId, Store};
use parking_lot::{Mutex, MutexGuard};

use crate::api_key::KeyIndex;
use crate::collection::{CollectionEntry, CollectionRecord, EVENTS};
use crate::error::CatalogError;
use crate::history::History;
use crate::life_cycle;
use crate::namespace;
use crate::organization::Organization;
use crate::schedule::Schedule;
use crate::sealing::Sealing;
use crate::state::{State, VERSION};
use crate::virtual_instance::VirtualInstanceRecord;
use crate::workspace::{COMMONS, WorkspaceRecord};

/// What exists in one data folder. See the crate's documentation.
#[derive(Debug)]
pub struct Catalog {
    store: Arc<Store>,
    view: ArcSwap<View>,
    history: Mutex<History>,
    pub(crate) sealing: Sealing,
    pub(crate) schedule: Mutex<Schedule>,
}

/// What readers see: the newest durable state, the ready collections by id, and the keys by hash.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) state: State,
    pub(crate) entries: HashMap<CollectionId, Arc<CollectionEntry>>,
    pub(crate) keys: KeyIndex,
}

impl Catalog {
    /// Reads the catalog of `store`, makes it at the first start, and finishes what a crash left
    /// half done. Blocks.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] or [`CatalogError::Version`] if the newest state cannot be used,
    /// [`CatalogError::DataMissing`] if a ready collection has no data, and those of storage.
    pub fn open(store: Arc<Store>) -> Result<Arc<Self>, CatalogError> {
        let (mut history, state) = History::open(&store)?;
        let is_new = state.is_none();
        let mut state = state.unwrap_or_else(|| first_state(store.environment()));
        if add_events(store.environment(), &mut state) || is_new {
            history.append(&state)?;
        }
        let sealing = Sealing::open(&store)?;
        let schedule = Mutex::new(Schedule::open(&store)?);
        let entries = life_cycle::entries(&store, &state)?;
        let keys = KeyIndex::default().follow(&state);
        let view = ArcSwap::from_pointee(View {
            state,
            entries,
            keys,
        });
        let catalog = Arc::new(Self {
            store,
            view,
            history: Mutex::new(history),
            sealing,
            schedule,
        });
        catalog.recover();
        Ok(catalog)
    }

    /// The data folder.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The organisation.
    pub fn organization(&self) -> Organization {
        self.view().state.organization.clone()
    }

    pub(crate) fn view(&self) -> Guard<Arc<View>> {
        self.view.load()
    }

    pub(crate) fn now_micros(&self) -> i64 {
        self.store.environment().clock.now_micros()
    }

    pub(crate) fn random(&self) -> &dyn Random {
        self.store.environment().random.as_ref()
    }

    /// Waits for the turn to change something.
    pub(crate) fn changes(&self) -> Changes<'_> {
        Changes {
            catalog: self,
            history: self.history.lock(),
        }
    }
}

/// The turn to change something: nobody else changes anything until it is dropped.
pub(crate) struct Changes<'a> {
    catalog: &'a Catalog,
    history: MutexGuard<'a, History>,
}

impl Changes<'_> {
    /// The data folder.
    pub(crate) fn store(&self) -> &Store {
        &self.catalog.store
    }

    /// A copy of the state, to be changed and committed.
    pub(crate) fn state(&self) -> State {
        self.catalog.view().state.clone()
    }

    /// Makes `state` durable, then shows it to readers.
    ///
    /// # Errors
    /// [`CatalogError::State`]; readers then still see the state before.
    pub(crate) fn commit(&mut self, state: State) -> Result<(), CatalogError> {
        self.commit_with(state, None)
    }

    /// As [`Self::commit`], with a collection that became ready.
    pub(crate) fn commit_with(
        &mut self,
        state: State,
        ready: Option<Arc<CollectionEntry>>,
    ) -> Result<(), CatalogError> {
        self.history.append(&state)?;
        let mut entries = self.catalog.view().entries.clone();
        entries.extend(ready.map(|entry| (entry.record().id, entry)));
        let alive = state.collections.iter().filter(|record| record.is_alive());
        let alive: HashSet<CollectionId> = alive.map(|record| record.id).collect();
        entries.retain(|id, _| alive.contains(id));
        let keys = self.catalog.view().keys.follow(&state);
        self.catalog.view.store(Arc::new(View {
            state,
            entries,
            keys,
        }));
        Ok(())
    }
}

/// Adds the collection of events to a state that has none, and tells whether it did. Its name may be taken in a data
/// folder of a version that did not have it.
fn add_events(environment: &Environment, state: &mut State) -> bool {
    if namespace::kind(state, COMMONS, EVENTS).is_some() {
        return false;
    }
    let Err(place) = state.collection_place(COMMONS, EVENTS) else {
        return false;
    };
    let id = CollectionId::generate(environment.random.as_ref());
    let events = CollectionRecord::events(id, environment.clock.now_micros());
    state.collections.insert(place, events);
    true
}

/// The state of a new data folder.
pub(crate) fn first_state(environment: &Environment) -> State {
    let organization = Organization::generate(environment);
    let commons = WorkspaceRecord::commons(organization.created_at_micros);
    State {
        version: VERSION,
        virtual_instances: vec![VirtualInstanceRecord::main(&organization)],
        default_virtual_instance: None,
        organization,
        workspaces: vec![commons],
        collections: Vec::new(),
        aliases: Vec::new(),
        views: Vec::new(),
        query_lambdas: Vec::new(),
        scheduled_lambdas: Vec::new(),
        integrations: Vec::new(),
        users: Vec::new(),
        roles: Vec::new(),
        api_keys: Vec::new(),
    }
}
