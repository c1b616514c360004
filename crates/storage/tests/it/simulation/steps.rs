//! The steps of a run that change something.

use std::sync::Arc;
use std::thread;

use outcrop_storage::{Collection, CollectionId, StoreError, WriteError, WriteReceipt};
use rand::RngExt;

use super::disk::Phase;
use super::model::{Change, Model};
use super::run::{Run, Slot};
use super::writes::write_all;

/// Collections at the same time.
pub(super) const COLLECTIONS_MAX: usize = 3;

/// Different ids per collection: few, so that most writes meet an older version.
const IDS: u32 = 48;

/// The name of the thread that flushes and compacts beside writes.
pub(super) const WORKER: &str = "simulation-worker";

/// Where a flush or a compaction may be held while writes go on.
pub(super) const HOLDS: [&str; 3] = ["/segments/", "/deletions/", "/manifest/"];

impl Run {
    pub(super) fn write(&mut self, batches: usize) {
        self.phase(Phase::Write);
        let batches: Vec<_> = (0..batches).map(|_| self.batch()).collect();
        let count: usize = batches.iter().map(|(_, changes)| changes.len()).sum();
        self.disk
            .with_counters(|counters| counters.operations += count as u64);
        let requests = batches
            .iter()
            .map(|(slot, changes)| (Arc::clone(&self.slots[*slot].collection), &changes[..]));
        // Batches that wait for each other have to reach the log.
        let reach_log = !self.is_poisoned && self.slots.iter().all(|slot| !slot.is_dropped);
        let answers = write_all(&self.disk, requests.collect(), reach_log);
        let mut was_poisoned = self.is_poisoned;
        let mut together = 0;
        for (index, ((slot, changes), answer)) in batches.iter().zip(answers).enumerate() {
            let word = answer.as_ref().map_or("refused", |_| "acknowledged");
            self.disk.note(format_args!("{word}"));
            together += usize::from(index > 0 && answer.is_ok());
            self.take_answer(*slot, changes, answer, was_poisoned);
            if index == 0 {
                // It was a group of its own. After a failed sync the others were not tried.
                was_poisoned = self.is_poisoned;
            }
        }
        for (slot, changes) in &batches {
            self.check_documents(*slot, changes.iter().map(Change::id));
        }
        if together > 1 && reach_log {
            self.disk.count("several batches in one sync");
        }
    }

    /// A batch of changes for some collection. The first is a put, so that it reaches the log.
    fn batch(&mut self) -> (usize, Vec<Change>) {
        let slot = self.any_slot();
        let count = if self.chance(1, 20) {
            self.random.random_range(10..40)
        } else {
            self.random.random_range(1..8)
        };
        let changes = (0..count).map(|index| self.change(index == 0)).collect();
        (slot, changes)
    }

    fn change(&mut self, is_put: bool) -> Change {
        let id = format!("document {}", self.random.random_range(0..IDS));
        match self.random.random_range(0..10) {
            6..8 if !is_put => Change::Increment(id),
            8..10 if !is_put => Change::Delete(id),
            _ => {
                self.next_value += 1000 + self.random.random_range(0..100);
                Change::Put(id, self.next_value)
            }
        }
    }

    fn take_answer(
        &mut self,
        slot: usize,
        changes: &[Change],
        answer: Result<WriteReceipt, WriteError>,
        was_poisoned: bool,
    ) {
        let model = &mut self.slots[slot].model;
        match answer {
            Ok(receipt) => {
                assert!(!self.is_poisoned, "a write was taken after a failed sync");
                assert_eq!(receipt.outcomes, model.acknowledged.apply(changes));
                assert_eq!(receipt.seqno, model.acknowledged.seqno);
                let ids = changes.iter().map(|change| change.id().to_owned());
                model.recent.extend(ids);
            }
            Err(WriteError::Poisoned) => {
                self.is_poisoned = true;
                if !was_poisoned {
                    let mut after = model.newest().clone();
                    after.apply(changes);
                    model.possible.push(after);
                }
            }
            Err(WriteError::Dropped { .. }) => assert!(self.slots[slot].is_dropped),
            Err(error @ (WriteError::DiskFull { .. } | WriteError::Io { .. })) => {
                self.check_cause(&error);
                if error.is_disk_full() {
                    self.disk.count("refused write on a full disk");
                }
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) fn flush(&mut self) {
        let slot = self.any_slot();
        let was_recent = std::mem::take(&mut self.slots[slot].model.recent);
        let changed = self.beside_writes(slot, Phase::Flush, Collection::flush_blocking);
        match changed {
            Ok(changed) => {
                if changed.iter().any(|id| was_recent.contains(id)) {
                    self.disk.count("deletion carried over a flush");
                }
            }
            Err(error) => {
                self.slots[slot].model.recent.extend(was_recent);
                self.try_again(slot, &error, Collection::flush_blocking);
            }
        }
        self.check_slot(slot);
    }

    pub(super) fn compact(&mut self) {
        let slot = self.any_slot();
        let recent = self.slots[slot].model.recent.clone();
        match self.beside_writes(slot, Phase::Compaction, Collection::compact_blocking) {
            Ok(changed) => {
                if changed.iter().any(|id| !recent.contains(id)) {
                    self.disk.count("deletion carried over a compaction");
                }
            }
            Err(error) => self.try_again(slot, &error, Collection::compact_blocking),
        }
        self.check_slot(slot);
    }

    /// Runs `work` on another thread, which is held at some call to the disk while writes are made
    /// here, and returns the ids of documents that they replaced or deleted.
    fn beside_writes(
        &mut self,
        slot: usize,
        phase: Phase,
        work: fn(&Collection) -> Result<(), StoreError>,
    ) -> Result<Vec<String>, StoreError> {
        let collection = Arc::clone(&self.slots[slot].collection);
        self.phase(phase);
        let hold = HOLDS[self.random.random_range(0..HOLDS.len())];
        let disk = Arc::clone(&self.disk);
        if self.chance(1, 2) {
            disk.object_gate().shut(WORKER, hold);
        }
        let worker = thread::Builder::new().name(WORKER.to_owned());
        let worker = worker.spawn(move || work(&collection)).unwrap();
        let before = self.slots[slot].model.acknowledged.clone();
        if disk.object_gate().wait_for_arrival(|| worker.is_finished()) {
            for _ in 0..self.random.random_range(1..4) {
                let count = self.random.random_range(1..3);
                self.write(count);
            }
            // Once its segment is written, a compaction keeps flushes waiting.
            if phase == Phase::Compaction && hold == HOLDS[0] && self.chance(1, 2) {
                self.flush_beside_compaction(slot);
            }
            self.phase(phase);
            disk.object_gate().open();
        }
        let result = worker.join().expect("the work does not panic");
        disk.object_gate().open();
        let after = &self.slots[slot].model.acknowledged.documents;
        let documents = before.documents.into_iter();
        result.map(|()| {
            documents
                .filter(|(id, value)| after.get(id) != Some(value))
                .map(|(id, _)| id)
                .collect()
        })
    }

    fn flush_beside_compaction(&mut self, slot: usize) {
        self.phase(Phase::Flush);
        match self.slots[slot].collection.flush_blocking() {
            Ok(()) => {
                self.slots[slot].model.recent.clear();
                self.disk.count("flush beside a compaction");
            }
            Err(error) => self.check_cause(&error),
        }
    }

    /// What failed for a reason that has gone works, without a restart.
    fn try_again(
        &mut self,
        slot: usize,
        error: &StoreError,
        work: fn(&Collection) -> Result<(), StoreError>,
    ) {
        self.check_cause(error);
        // A file that is there although making it failed stands in the way until a restart.
        if !self.disk.is_on() || self.disk.left_behind() {
            return;
        }
        self.check_slot(slot);
        self.disk.heal();
        let collection = &self.slots[slot].collection;
        if let Err(again) = work(collection) {
            panic!("failed with {error:?}, and again without a fault with {again:?}");
        }
        self.disk.count("failed flush that worked later");
    }

    pub(super) fn make_collection(&mut self) {
        if self.slots.len() == COLLECTIONS_MAX {
            return;
        }
        let Some(store) = &self.store else { return };
        self.phase(Phase::Making);
        self.next_collection += 1;
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&self.next_collection.to_be_bytes());
        let id = CollectionId::from_bytes(bytes);
        match store.create_collection(id) {
            Ok(collection) => self.slots.push(Slot {
                id,
                collection,
                model: Model::default(),
                is_dropped: false,
            }),
            Err(error) => {
                self.check_cause(&error);
                self.doubtful.insert(id, Model::default());
            }
        }
    }

    pub(super) fn drop_collection(&mut self) {
        let Some(store) = &self.store else { return };
        let store = Arc::clone(store);
        let slot = self.any_slot();
        self.phase(Phase::Dropping);
        let id = self.slots[slot].id;
        match store.drop_collection(id) {
            Ok(()) => drop(self.slots.remove(slot)),
            Err(error) => {
                self.check_cause(&error);
                self.slots[slot].is_dropped = true;
            }
        }
    }
}
