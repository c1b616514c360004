//! A place where operations of a disk wait until the simulation lets them go on.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// Holds the operations on paths that contain a text. One thread waits at a gate, so that there is
/// one thread at a time that does anything.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    shut_for: Option<&'static str>,
    is_waiting: bool,
}

impl Gate {
    /// Makes the next operation on a path with `text` wait.
    pub(super) fn shut(&self, text: &'static str) {
        self.state.lock().unwrap().shut_for = Some(text);
    }

    /// Lets everything through again.
    pub(super) fn open(&self) {
        *self.state.lock().unwrap() = GateState::default();
        self.changed.notify_all();
    }

    /// Called by the disk before an operation.
    pub(super) fn pass(&self, path: &str) {
        let mut state = self.state.lock().unwrap();
        while state.shut_for.is_some_and(|text| path.contains(text)) {
            state.is_waiting = true;
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Waits until an operation is held; false if `is_over` says that there will be none.
    pub(super) fn wait_for_arrival(&self, mut is_over: impl FnMut() -> bool) -> bool {
        const INTERVAL: Duration = Duration::from_millis(1);
        let mut state = self.state.lock().unwrap();
        while !state.is_waiting {
            if is_over() {
                return false;
            }
            (state, _) = self.changed.wait_timeout(state, INTERVAL).unwrap();
        }
        true
    }
}
