//! Batches of writes, whose answers come when the thread that writes has had its turn.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use outcrop_storage::{Collection, CollectionId, WriteError, WriteReceipt};
use rand::RngExt;

use super::disk::TurnDisk;
use super::process::Process;
use super::world::World;
use crate::simulation::disk::Phase;
use crate::simulation::model::{Change, contents};
use crate::simulation::writes::{Unpark, WRITER};

/// Different ids per collection: few, so that most writes meet an older version.
const IDS: u32 = 48;

pub(super) type Answer = Result<WriteReceipt, WriteError>;

/// Writes all batches and waits for their answers. Several become two groups, if they are `held`.
/// `when_stuck` is called when the writer thread waits with a write of unknown outcome, and answers
/// are missing.
pub(super) fn drive(
    disk: &TurnDisk,
    batches: &[(Arc<Collection>, Vec<Change>)],
    held: bool,
    mut when_stuck: impl FnMut(),
) -> Vec<Answer> {
    let mut futures: Vec<_> = batches
        .iter()
        .map(|(collection, changes)| {
            let operations = changes.iter().map(Change::operation).collect();
            Box::pin(collection.write(operations))
        })
        .collect();
    let mut answers: Vec<Option<Answer>> = batches.iter().map(|_| None).collect();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    if held {
        disk.log_gate.shut(WRITER, "wal/");
    }
    if held {
        let (future, answer) = (&mut futures[0], &mut answers[0]);
        disk.log_gate.wait_for_arrival(|| {
            if answer.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(&mut context)
            {
                *answer = Some(ready);
            }
            answer.is_some()
        });
    }
    loop {
        // Whoever waits there has sent all answers that it can.
        let is_stuck = disk.settle_gate.is_waiting();
        for (future, answer) in futures.iter_mut().zip(&mut answers) {
            if answer.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(&mut context)
            {
                *answer = Some(ready);
            }
        }
        disk.log_gate.open();
        if answers.iter().all(Option::is_some) {
            return answers.into_iter().flatten().collect();
        }
        if is_stuck {
            when_stuck();
        } else {
            thread::park_timeout(Duration::from_millis(1));
        }
    }
}

impl Process {
    pub(super) fn write(&mut self, count: usize) {
        let ids = self.collections();
        let Some(store) = self.store.clone() else {
            return;
        };
        if ids.is_empty() {
            return;
        }
        // What is planned may keep the first of several batches from the log.
        let count = if self.is_outage || self.disk.requests.has_hook() {
            1
        } else {
            count
        };
        self.phase(Phase::Write);
        let mut batches = Vec::new();
        let mut numbers = Vec::new();
        {
            let world = &mut *self.place.world.lock();
            for _ in 0..count {
                let id = ids[world.random.random_range(0..ids.len())];
                let changes = draw_batch(world);
                world.counters.operations += changes.len() as u64;
                let number = world.next_number().unsigned_abs();
                let book = world.books.get_mut(&id).expect("it is one of ours");
                book.begin(number, changes.clone());
                numbers.push((id, number));
                let collection = store.collection(id).expect("it is one of ours");
                batches.push((collection, changes));
            }
        }
        let disk = Arc::clone(&self.disk);
        disk.requests.set_reads_work(count > 1);
        let answers = drive(&disk, &batches, count > 1, || self.settle_or_die());
        if answers.iter().filter(|answer| answer.is_ok()).count() > 1 {
            self.place
                .world
                .lock()
                .count("several batches behind each other");
        }
        let mut is_unknown = false;
        for ((id, number), answer) in numbers.into_iter().zip(answers) {
            if matches!(answer, Err(WriteError::Fenced)) {
                self.check_fence();
            }
            is_unknown |= matches!(answer, Err(WriteError::Unavailable { .. }));
            self.take_answer(id, number, answer);
        }
        if is_unknown {
            self.resolve();
        }
        self.disk.requests.set_reads_work(false);
    }

    fn take_answer(&self, id: CollectionId, number: u64, answer: Answer) {
        let world = &mut *self.place.world.lock();
        let is_current = world.owner == self.number;
        let word = answer.as_ref().map_or("refused", |_| "acknowledged");
        world.trace.add(format_args!("{word}"));
        let book = world.books.get_mut(&id).expect("it is one of ours");
        match answer {
            Ok(receipt) if is_current => book.acknowledge(number, &receipt),
            Ok(_) => assert!(
                book.was_found(number),
                "{self:?} acknowledges what its successor has not found"
            ),
            Err(WriteError::Unavailable { .. }) => {}
            Err(error) => {
                let is_known = matches!(error, WriteError::Fenced | WriteError::Segment { .. });
                assert!(is_known, "an error without a cause: {error:?}");
                assert!(!book.was_found(number), "what was refused is there");
                if is_current {
                    book.refuse(number);
                }
            }
        }
    }

    /// Lets the writer try once more, or ends the process.
    fn settle_or_die(&mut self) {
        let (die, back) = {
            let world = &mut *self.place.world.lock();
            (world.chance(1, 6), world.chance(7, 8))
        };
        if die && !self.is_quiet && !self.is_overtaken() {
            let world = &mut *self.place.world.lock();
            world.counters.crashes += 1;
            world.count("kill while a write is unsettled");
            self.disk.kill();
            return;
        }
        if back || self.is_quiet {
            self.is_outage = false;
            self.disk.requests.set_down(false);
            self.set_faults(0);
        }
        // What the writer reads after that must not make it wait for a time that is not ours.
        self.disk.requests.set_reads_work(true);
        self.disk.settle_gate.open();
    }

    /// Waits until it is known what became of the writes of unknown outcome, unless the process ends
    /// before.
    fn resolve(&mut self) {
        while self.disk.settle_gate.is_shut() && !self.is_dead() {
            self.wait_until_settling();
            if self.is_overtaken() {
                return;
            }
            if !self.is_quiet && self.place.world.lock().chance(1, 4) {
                let world = Arc::clone(&self.place.world);
                world.lock().count("takeover while a write is unsettled");
                self.disk.requests.clear_hook();
                let next = Self::take_over(&self.place, 1);
                *self.successor.lock() = Some(next);
                return;
            }
            let Some(store) = self.store.clone() else {
                return;
            };
            let id = self.collections()[0];
            let collection = store.collection(id).expect("it is one of ours");
            // It is answered when the writer has tried.
            let marker = vec![(collection, vec![Change::Delete("nothing".to_owned())])];
            let disk = Arc::clone(&self.disk);
            drop(drive(&disk, &marker, false, || self.settle_or_die()));
        }
        self.disk.requests.set_reads_work(false);
        if self.is_dead() || self.is_overtaken() {
            return;
        }
        let store = self.store.clone().expect("it lives");
        for id in self.collections() {
            let collection = store.collection(id).expect("it is one of ours");
            let found = self.disk.requests.calm(|| contents(&collection.snapshot()));
            let world = &mut *self.place.world.lock();
            world.settle(id, &found);
        }
        self.place.world.lock().count("write settled by its owner");
    }
}

/// A batch of changes. The first is a put, so that it reaches the log.
fn draw_batch(world: &mut World) -> Vec<Change> {
    let count = world.random.random_range(1..8);
    (0..count)
        .map(|index| draw_change(world, index == 0))
        .collect()
}

fn draw_change(world: &mut World, is_put: bool) -> Change {
    let id = format!("document {}", world.random.random_range(0..IDS));
    match world.random.random_range(0..10) {
        6..8 if !is_put => Change::Increment(id),
        8..10 if !is_put => Change::Delete(id),
        _ => {
            let value = world.next_number() * 1000;
            Change::Put(id, value + world.random.random_range(0..100))
        }
    }
}
