//! Deterministic simulation of stores in a bucket: processes that follow each other, or overlap.
//!
//! One seed is one run of many steps of whoever owns the bucket: batches, alone and queued behind
//! each other, flushes and compactions with writes beside them, collections made and dropped, states
//! of a catalog, outages, requests and answers that get lost, requests that arrive after their sender
//! has given up, processes killed before or after any request, and other processes that take over in
//! the middle of any request, while a write is unsettled, or while another one is taking over.
//!
//! What is checked: every new owner finds what was acknowledged, and of the writes that were under
//! way a prefix; the owner before acknowledges nothing that the new one has not found, goes on
//! until it notices, and from then on removes nothing.
//!
//! - `world` is what there has to be, and `process` one owner with its `steps`;
//! - `disk` makes the threads of a process take turns;
//! - requests fail in `crate::bucket::faulty`.

mod book;
mod disk;
mod process;
mod steps;
mod takeover;
mod world;
mod write;

use rand::RngExt;

use self::process::Process;
use self::world::Place;
use super::counters::Counters;

/// The paths that a long run has to take.
pub(super) const RARE_PATHS: [&str; 28] = [
    "kill during a write",
    "kill during a flush",
    "kill during a compaction",
    "kill during recovery",
    "kill while a collection is made",
    "kill while a collection is dropped",
    "kill while the store is closed",
    "kill while a write is unsettled",
    "takeover during a write",
    "takeover during a flush",
    "takeover during a compaction",
    "takeover during the other's recovery",
    "takeover while a collection is made",
    "takeover while a collection is dropped",
    "takeover while a write is unsettled",
    "kill while objects are removed",
    "takeover while objects are removed",
    "fence rejection on the log",
    "fence rejection on a manifest",
    "fence rejection on the catalog",
    "write of unknown outcome that was there",
    "write of unknown outcome that was not there",
    "write settled by its owner",
    "request that arrived late",
    "replay over a half flush",
    "several batches behind each other",
    "outage",
    "failed flush that worked later",
];

/// Carries out `steps` steps, and returns the figures and the digest of the trace.
pub(super) fn carry_out(seed: u64, steps: u64) -> (Counters, (u64, u64)) {
    let _named = Named(seed);
    let place = Place::new(seed);
    let mut owner = Process::start(&place, 0);
    // Nobody can claim a series without a state.
    owner.change_catalog();
    for _ in 0..steps {
        place.world.lock().counters.steps += 1;
        owner.step();
        if let Some(next) = owner.take_successor() {
            owner.go_on_until_fenced(true);
            owner = next;
        } else if owner.is_dead() {
            owner.end();
            owner = Process::start(&place, 0);
        }
        if place.world.lock().random.random_ratio(1, 30) {
            place.deliver_late();
        }
    }
    owner.end();
    let last = Process::start(&place, 0);
    last.check();
    last.end();
    let world = place.world.lock();
    (world.counters.clone(), world.trace.digest())
}

/// Says which seed failed.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the simulation of a bucket with seed {} failed", self.0);
        }
    }
}
