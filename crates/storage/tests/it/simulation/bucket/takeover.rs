//! The end of a process: it is killed before or after a request, or another one takes over then.

use std::sync::Arc;

use outcrop_storage::{NumberedError, Store, StoreError, WriteError};
use rand::RngExt;

use super::book::Book;
use super::process::Process;
use super::world::Place;
use super::write::drive;
use crate::simulation::disk::Phase;
use crate::simulation::model::Change;

/// Steps of a process that has taken over while the request of the one before is under way.
const QUIET_STEPS_MAX: u64 = 6;

impl Process {
    /// Ends the process in the middle of a request.
    pub(super) fn plan_kill(&self, request: u64, after: bool) {
        let (disk, world) = (Arc::clone(&self.disk), Arc::clone(&self.place.world));
        self.disk.requests.hook(request, after, move || {
            let mut world = world.lock();
            world.counters.crashes += 1;
            let path = match world.phase {
                Phase::Write => "kill during a write",
                Phase::Flush => "kill during a flush",
                Phase::Compaction => "kill during a compaction",
                Phase::Recovery => "kill during recovery",
                Phase::Making => "kill while a collection is made",
                Phase::Dropping => "kill while a collection is dropped",
                Phase::Closing => "kill while the store is closed",
            };
            world.count(path);
            if world.is_removing {
                world.count("kill while objects are removed");
            }
            drop(world);
            disk.kill();
        });
    }

    /// Lets another process take over in the middle of a request, and work for a while.
    pub(super) fn plan_takeover(&self, request: u64, after: bool, depth: u32) {
        let (place, successor) = (self.place.clone(), Arc::clone(&self.successor));
        self.disk.requests.hook(request, after, move || {
            let phase = {
                let mut world = place.world.lock();
                world.counters.crashes += 1;
                let path = match world.phase {
                    Phase::Write => Some("takeover during a write"),
                    Phase::Flush => Some("takeover during a flush"),
                    Phase::Compaction => Some("takeover during a compaction"),
                    Phase::Recovery => Some("takeover during the other's recovery"),
                    Phase::Making => Some("takeover while a collection is made"),
                    Phase::Dropping => Some("takeover while a collection is dropped"),
                    Phase::Closing => None,
                };
                if let Some(path) = path {
                    world.count(path);
                }
                if world.is_removing {
                    world.count("takeover while objects are removed");
                }
                world.phase
            };
            let next = Self::take_over(&place, depth);
            place.world.lock().phase = phase;
            *successor.lock() = Some(next);
        });
    }

    /// Another process starts while this one lives, and works for a while.
    pub(super) fn take_over(place: &Place, depth: u32) -> Self {
        let mut next = Self::start(place, depth);
        next.is_quiet = true;
        let steps = place.world.lock().random.random_range(0..QUIET_STEPS_MAX);
        for _ in 0..steps {
            next.quiet_step();
        }
        next.is_quiet = false;
        next
    }

    /// This process was overtaken. It goes on until it notices, acknowledges nothing, and then
    /// removes nothing any more. Unless the other one `has_claimed` all that there is, only the log is
    /// certain to be lost for this one.
    pub(super) fn go_on_until_fenced(mut self, has_claimed: bool) {
        self.disk.requests.clear_hook();
        self.is_outage = false;
        self.disk.requests.set_down(false);
        self.set_faults(0);
        if !self.is_dead()
            && let Some(store) = self.store.clone()
        {
            let first = self.place.world.lock().random.random_range(0..3);
            for work in [first, (first + 1) % 3, (first + 2) % 3] {
                match work {
                    0 => drop(self.write_in_vain()),
                    1 => self.flush_in_vain(),
                    _ if has_claimed => self.change_catalog_in_vain(&store),
                    _ => {}
                }
            }
            let has_noticed = self.write_in_vain();
            let removed = self.disk.requests.removed();
            self.flush_in_vain();
            if has_claimed {
                self.change_collections_in_vain(&store, has_noticed);
            }
            drop(store.close());
            if has_noticed {
                assert_eq!(self.disk.requests.removed(), removed);
            }
        }
        self.end();
    }

    fn change_collections_in_vain(&self, store: &Store, has_noticed: bool) {
        let new = self.new_collection_id();
        if !has_noticed {
            // It may have made the first manifest by the time that it notices.
            let mut world = self.place.world.lock();
            world.doubtful.insert(new, Book::default());
        }
        store.create_collection(new).unwrap_err();
        for id in store.collection_ids().into_iter().take(1) {
            if store.drop_collection(id).is_ok() {
                // An earlier try was carried out, and its answer lost, before the takeover.
                let is_known = self.place.world.lock().books.contains_key(&id);
                assert!(self.dropped.contains(&id) && !is_known, "{self:?}: {id}");
            }
        }
    }

    /// Lets the writer find out about a write of unknown outcome, after the takeover.
    pub(super) fn release_writer(&mut self) {
        if self.disk.settle_gate.is_shut() {
            self.is_outage = false;
            self.disk.requests.set_down(false);
            self.set_faults(0);
            self.write_in_vain();
        }
    }

    /// True if the process knows now that it was overtaken.
    fn write_in_vain(&self) -> bool {
        let ids = self
            .store
            .as_ref()
            .map(|store| (store, store.collection_ids()));
        let Some((store, Some(id))) = ids.map(|(store, ids)| (store, ids.first().copied())) else {
            return false;
        };
        let collection = store.collection(id).expect("its id was listed");
        loop {
            let changes = vec![Change::Put("in vain".to_owned(), 1)];
            let batches = vec![(Arc::clone(&collection), changes)];
            let answers = drive(&self.disk, &batches, false, || {
                self.disk.settle_gate.open();
            });
            match answers.into_iter().next().expect("one for each batch") {
                Err(WriteError::Unavailable { .. }) => self.wait_until_settling(),
                Err(WriteError::Fenced | WriteError::Closed) => return true,
                // The new owner has removed what this one still reads.
                Err(WriteError::Dropped { .. } | WriteError::Segment { .. }) => return false,
                other => panic!("{self:?} was overtaken, and answers {other:?}"),
            }
        }
    }

    /// The writer waits at its gate if there is a write of unknown outcome.
    pub(super) fn wait_until_settling(&self) {
        if self.disk.settle_gate.is_shut() {
            self.disk.settle_gate.wait_for_arrival(|| false);
        }
    }

    fn flush_in_vain(&self) {
        let Some(store) = &self.store else { return };
        if self.disk.settle_gate.is_shut() {
            // A flush would wait for the log, which waits for us.
            self.write_in_vain();
            // One that did not get as far as the log has left the gate shut.
            self.disk.settle_gate.open();
        }
        for id in store.collection_ids() {
            let collection = store.collection(id).expect("its id was listed");
            for result in [collection.flush_blocking(), collection.compact_blocking()] {
                match result {
                    // There was nothing to do, or it is closed.
                    Ok(()) | Err(StoreError::Fenced | StoreError::Closed) => {}
                    // The new owner has removed what this one still reads.
                    Err(error) if has_vanished(&error) => {}
                    Err(error) => panic!("{self:?} was overtaken, and fails with {error:?}"),
                }
            }
        }
    }

    fn change_catalog_in_vain(&self, store: &Store) {
        if self.catalog_number == 0 {
            // Nobody can claim a series without a state: of two first starts at once, the one that comes
            // second to the first state fails with `Taken` and has to be started again.
            return;
        }
        let series = store.numbered("catalog");
        let changed = series.append(self.catalog_number + 1, b"in vain!");
        let is_taken = matches!(changed, Err(NumberedError::Taken { .. }));
        assert!(is_taken, "{self:?} changes the catalog: {changed:?}");
    }
}

/// Whether the error says that an object is not there.
fn has_vanished(error: &(dyn std::error::Error + 'static)) -> bool {
    let text = format!("{error:?}");
    text.contains("NotFound") || text.contains("not found")
}
