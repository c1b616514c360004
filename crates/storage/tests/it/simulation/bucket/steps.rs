//! The steps of a process.

use std::sync::Arc;
use std::thread;

use outcrop_storage::{Collection, CollectionId, NumberedError, StoreError};
use rand::RngExt;

use super::book::Book;
use super::process::Process;
use crate::simulation::disk::Phase;
use crate::simulation::steps::{COLLECTIONS_MAX, HOLDS, WORKER};

impl Process {
    pub(super) fn step(&mut self) {
        if self.is_outage && self.place.world.lock().chance(1, 4) {
            self.is_outage = false;
            self.disk.requests.set_down(false);
        }
        if self.collections().is_empty() {
            return self.make_collection();
        }
        let choice = self.place.world.lock().random.random_range(0..1000);
        match choice {
            0..500 => self.write(1),
            500..570 => {
                let count = self.place.world.lock().random.random_range(2..6);
                self.write(count);
            }
            570..680 => self.work(Phase::Flush),
            680..740 => self.work(Phase::Compaction),
            740..760 => self.fold(),
            760..775 => self.make_collection(),
            775..783 => self.drop_collection(),
            783..815 => self.change_catalog(),
            815..830 => {
                let seconds = self.place.world.lock().random.random_range(0..100_000);
                self.place.clock.advance(seconds);
            }
            830..870 => {
                let (_, request, after) = self.draw_plan(30);
                self.plan_kill(request, after);
            }
            870..910 => {
                let (_, request, after) = self.draw_plan(30);
                self.plan_takeover(request, after, 1);
            }
            910..945 => {
                let faults = [0, 6, 40][self.place.world.lock().random.random_range(0..3)];
                self.set_faults(faults);
            }
            945..955 => {
                self.place.world.lock().count("outage");
                self.is_outage = true;
                self.disk.requests.set_down(true);
            }
            955..975 => self.restart(),
            _ => self.check(),
        }
    }

    /// A step while the request of another process is under way.
    pub(super) fn quiet_step(&mut self) {
        if self.collections().is_empty() {
            return;
        }
        let choice = self.place.world.lock().random.random_range(0..6);
        match choice {
            0 | 1 => self.work(Phase::Flush),
            2 => self.work(Phase::Compaction),
            3 => self.change_catalog(),
            _ => self.write(1),
        }
    }

    fn is_certain(&self) -> bool {
        !self.is_dead() && !self.is_overtaken()
    }

    /// A process that says that it is fenced is. A fence that arrives late has no living owner.
    pub(super) fn check_fence(&self) {
        assert!(self.disk.is_fenced(), "{self:?} is fenced by nobody");
        if !self.is_overtaken() {
            self.disk.kill();
        }
    }

    /// Errors come from lost requests.
    fn check_cause(&self, error: &dyn std::fmt::Debug) {
        let has_cause = self.faults > 0 || self.is_outage || !self.is_certain();
        assert!(has_cause, "an error without a cause: {error:?}");
    }

    /// Flushes or compacts, on a thread that may be held while writes go on.
    fn work(&mut self, phase: Phase) {
        let Some(store) = self.store.clone() else {
            return;
        };
        let ids = self.collections();
        let (id, hold) = {
            let random = &mut self.place.world.lock().random;
            let id = ids[random.random_range(0..ids.len())];
            let hold = HOLDS[random.random_range(0..HOLDS.len())];
            (id, random.random::<bool>().then_some(hold))
        };
        let collection = store.collection(id).expect("it is one of ours");
        let work = if phase == Phase::Flush {
            Collection::flush_blocking
        } else {
            Collection::compact_blocking
        };
        self.phase(phase);
        if let Some(hold) = hold {
            self.disk.object_gate.shut(WORKER, hold);
        }
        let worker = thread::Builder::new().name(WORKER.to_owned());
        let on_thread = Arc::clone(&collection);
        let worker = worker.spawn(move || work(&on_thread)).unwrap();
        let gate = |process: &Self| {
            process
                .disk
                .object_gate
                .wait_for_arrival(|| worker.is_finished())
        };
        if hold.is_some() && gate(self) {
            let writes = self.place.world.lock().random.random_range(1..3);
            for _ in 0..writes {
                if self.is_certain() {
                    self.write(1);
                }
            }
            if self.is_overtaken() {
                // The log has to be free for the worker.
                self.release_writer();
            }
            self.phase(phase);
            self.disk.object_gate.open();
        }
        let result = worker.join().expect("the work does not panic");
        self.disk.object_gate.open();
        if let Err(error) = result {
            self.check_cause(&error);
            if matches!(error, StoreError::Fenced) {
                self.check_fence();
            }
            self.try_again(&collection, work);
        }
        if self.is_certain() {
            self.check();
        }
    }

    /// What failed because of lost requests works without them.
    fn try_again(
        &mut self,
        collection: &Collection,
        work: fn(&Collection) -> Result<(), StoreError>,
    ) {
        if !self.is_certain() || self.is_outage {
            return;
        }
        self.disk.requests.clear_hook();
        self.set_faults(0);
        work(collection).expect("it works without faults");
        self.place
            .world
            .lock()
            .count("failed flush that worked later");
    }

    fn fold(&self) {
        let Some(store) = &self.store else { return };
        for id in self.collections() {
            let collection = store.collection(id).expect("it is one of ours");
            collection.fold_blocking().unwrap();
        }
        self.check();
    }

    fn make_collection(&mut self) {
        let Some(store) = self.store.clone() else {
            return;
        };
        if store.collection_ids().len() >= COLLECTIONS_MAX {
            return;
        }
        self.phase(Phase::Making);
        let id = self.new_collection_id();
        let mut world = self.place.world.lock();
        world.doubtful.insert(id, Book::default());
        drop(world);
        match store.create_collection(id) {
            Ok(_) if self.is_overtaken() => {
                let known = self.place.world.lock().books.contains_key(&id);
                assert!(
                    known,
                    "{self:?} makes a collection that its successor does not have"
                );
            }
            Ok(_) => {
                let mut world = self.place.world.lock();
                let book = world.doubtful.remove(&id).expect("nobody else has it");
                world.books.insert(id, book);
            }
            Err(error) => self.check_cause(&error),
        }
    }

    pub(super) fn new_collection_id(&self) -> CollectionId {
        let mut bytes = [0; 16];
        let number = self.place.world.lock().next_number();
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        CollectionId::from_bytes(bytes)
    }

    fn drop_collection(&mut self) {
        let Some(store) = self.store.clone() else {
            return;
        };
        let ids = self.collections();
        let id = {
            let world = &mut *self.place.world.lock();
            let id = ids[world.random.random_range(0..ids.len())];
            let book = world.books.remove(&id).expect("it is one of ours");
            world.doubtful.insert(id, book);
            id
        };
        self.dropped.insert(id);
        self.phase(Phase::Dropping);
        match store.drop_collection(id) {
            Ok(()) => {
                let mut world = self.place.world.lock();
                world.doubtful.remove(&id);
                let is_there = world.books.contains_key(&id);
                assert!(!is_there, "{self:?} drops what its successor has");
            }
            Err(error) => self.check_cause(&error),
        }
    }

    pub(super) fn change_catalog(&mut self) {
        let Some(store) = self.store.clone() else {
            return;
        };
        let value = {
            let mut world = self.place.world.lock();
            let value = world.next_number();
            world.catalog.pending.push(value);
            value
        };
        let series = store.numbered("catalog");
        match series.append(self.catalog_number + 1, &value.to_le_bytes()) {
            Ok(number) => {
                self.catalog_number = number;
                let catalog = &mut self.place.world.lock().catalog;
                if self.is_overtaken() {
                    assert!(
                        catalog.found.contains(&value),
                        "a state of the catalog is lost"
                    );
                } else {
                    catalog.acknowledged = Some(value);
                    catalog.pending.clear();
                }
            }
            Err(error) => {
                self.check_cause(&error);
                if matches!(error, NumberedError::Taken { .. }) {
                    self.check_fence();
                }
            }
        }
    }

    /// Ends the process, in an orderly way or not. The next one starts after this step.
    fn restart(&mut self) {
        let Some(store) = self.store.clone() else {
            return;
        };
        if self.place.world.lock().chance(1, 2) {
            self.phase(Phase::Closing);
            if let Err(error) = store.close() {
                self.check_cause(&error);
            }
        }
        if !self.is_overtaken() {
            self.disk.kill();
        }
    }
}
