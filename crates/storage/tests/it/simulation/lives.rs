//! How the store of a run ends and begins again, and the check of what is there then.

use std::collections::BTreeMap;
use std::sync::Arc;

use outcrop_storage::env::SeededRandom;
use outcrop_storage::{CollectionId, Environment, PartData, Store, StoreOptions};
use rand::RngExt;

use super::disk::{Phase, SimulatedDisk};
use super::model::{Model, contents};
use super::run::{Run, Slot};

impl Run {
    /// Ends the store in one of three ways, and opens it again.
    pub(super) fn restart(&mut self) {
        match self.random.random_range(0..3) {
            0 => self.close(),
            1 => {
                self.stop();
                self.disk.kill_process();
                self.disk.count("kill without a crash");
            }
            _ => self.disk.cut_power(),
        }
        if self.disk.is_on() {
            self.open();
        }
    }

    fn close(&mut self) {
        self.phase(Phase::Closing);
        if let Some(store) = &self.store
            && let Err(error) = store.close()
            && !self.disk.left_behind()
        {
            self.check_cause(&error);
        }
        self.stop();
        if self.disk.is_on() {
            self.disk.kill_process();
        }
    }

    /// The process is gone, with all that it had in memory but the snapshots that are held.
    fn stop(&mut self) {
        if self.is_poisoned && self.disk.sync_failed() {
            self.disk.count("failed sync, then recovery");
        }
        for slot in std::mem::take(&mut self.slots) {
            self.doubtful_or_certain(slot);
        }
        self.store = None;
    }

    pub(super) fn recover_from_crash(&mut self) {
        self.stop();
        self.disk.restore_power();
        self.open();
        self.check_held();
    }

    /// Opens the store, however often that fails, and checks it.
    pub(super) fn open(&mut self) {
        self.phase(Phase::Recovery);
        self.is_poisoned = false;
        let mut failed = false;
        let store = loop {
            if self.chance(1, 8) {
                let calls = self.random.random_range(0..30);
                self.disk.crash_in(calls);
            } else if self.chance(1, 8) {
                self.plan_fault();
            }
            let faults = self.disk.counters().faults;
            match self.try_open() {
                Ok(store) => break store,
                Err(_) if !self.disk.is_on() => self.disk.restore_power(),
                Err(_) if self.disk.counters().faults > faults => {
                    self.disk.kill_process();
                    failed = true;
                }
                Err(error) => panic!("the store does not open: {}", chain(&*error)),
            }
        };
        if failed {
            self.disk.count("failed open that worked later");
        }
        self.store = Some(store);
        self.settle();
    }

    fn try_open(&mut self) -> Result<Arc<Store>, Box<dyn std::error::Error>> {
        let environment = Environment {
            clock: Arc::<super::clock::SimulatedClock>::clone(&self.clock),
            random: Arc::new(SeededRandom::new(self.random.random())),
            disk: Arc::<SimulatedDisk>::clone(&self.disk),
        };
        let options = StoreOptions {
            background_flush: false,
            wal_file_bytes: self.random.random_range(500..6000),
            ..StoreOptions::default()
        };
        Ok(Store::open(environment, options)?)
    }

    /// Compares everything that was found with what may be there.
    fn settle(&mut self) {
        let store = Arc::clone(self.store.as_ref().expect("it was just opened"));
        let mut certain = std::mem::take(&mut self.certain);
        for id in store.collection_ids() {
            let collection = store.collection(id).expect("its id was listed");
            let found = contents(&collection.snapshot());
            self.disk
                .note(format_args!("found {id} at {}", found.seqno));
            let known = certain.remove(&id).or_else(|| self.doubtful.remove(&id));
            let mut model = known.unwrap_or_else(|| panic!("collection {id} was dropped"));
            match model.settle(found) {
                Ok(true) => self.disk.count("unacknowledged write came back whole"),
                Ok(false) => {}
                Err(difference) => panic!("collection {id} is not what was written\n{difference}"),
            }
            let parts = collection.snapshot();
            let is_replayed =
                |part: &Arc<_>| matches!(outcrop_storage::Part::data(part), PartData::Chunk(_));
            if self.disk.removed_segment() && parts.parts().iter().any(is_replayed) {
                self.disk.count("replay over a half flush");
            }
            self.slots.push(Slot {
                id,
                collection,
                model,
                is_dropped: false,
            });
        }
        assert!(certain.is_empty(), "collections are lost: {certain:?}");
        self.disk.with_counters(|counters| counters.recoveries += 1);
    }

    fn doubtful_or_certain(&mut self, slot: Slot) {
        let Slot {
            id,
            mut model,
            is_dropped,
            ..
        } = slot;
        model.recent.clear();
        let there: &mut BTreeMap<CollectionId, Model> = if is_dropped {
            &mut self.doubtful
        } else {
            &mut self.certain
        };
        there.insert(id, model);
    }
}

/// The chain of messages of an error.
fn chain(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}
