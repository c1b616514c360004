//! The storage engine through its public interface.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests look at the files of a store from outside"
)]

mod bucket;
mod compaction;
mod corruption;
mod crash;
mod damage;
mod delta_memory;
mod faults;
mod flushing;
mod gate;
mod kill;
mod local;
mod model;
mod power;
mod retention;
mod simulation;
mod support;
mod writes;
