//! Everything that happened in a run, as one number.

use std::fmt::Arguments;
use std::hash::{DefaultHasher, Hasher};

/// Prints every event to standard error when it is set.
const PRINT_VARIABLE: &str = "OUTCROP_SIMULATION_TRACE";

/// A hash over all events so far: two runs with the same hash did the same.
#[derive(Debug)]
pub(super) struct Trace {
    hasher: DefaultHasher,
    events: u64,
    is_printed: bool,
}

impl Trace {
    pub(super) fn new() -> Self {
        Self {
            hasher: DefaultHasher::new(),
            events: 0,
            is_printed: std::env::var_os(PRINT_VARIABLE).is_some(),
        }
    }

    pub(super) fn add(&mut self, event: Arguments<'_>) {
        let text = event.to_string();
        if self.is_printed {
            eprintln!("{:>7} {text}", self.events);
        }
        self.hasher.write(text.as_bytes());
        self.hasher.write_u8(0);
        self.events += 1;
    }

    /// The hash, and the number of events in it.
    pub(super) fn digest(&self) -> (u64, u64) {
        (self.hasher.finish(), self.events)
    }
}
