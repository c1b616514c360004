//! A place where the calls of one thread to a disk wait until the simulation lets them go on.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// Holds the calls of the thread of a name on paths that contain a text.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    shut_for: Option<Held>,
    is_waiting: bool,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    thread: &'static str,
    text: &'static str,
}

impl Held {
    fn is(self, path: &str) -> bool {
        path.contains(self.text) && std::thread::current().name() == Some(self.thread)
    }
}

impl Gate {
    /// Makes the next call of `thread` on a path with `text` wait.
    pub(super) fn shut(&self, thread: &'static str, text: &'static str) {
        self.state.lock().unwrap().shut_for = Some(Held { thread, text });
    }

    /// Lets everything through again.
    pub(super) fn open(&self) {
        *self.state.lock().unwrap() = GateState::default();
        self.changed.notify_all();
    }

    /// Whether some call would wait.
    pub(super) fn is_shut(&self) -> bool {
        self.state.lock().unwrap().shut_for.is_some()
    }

    /// Whether a call waits.
    pub(super) fn is_waiting(&self) -> bool {
        self.state.lock().unwrap().is_waiting
    }

    /// Called by the disk before an operation.
    pub(super) fn pass(&self, path: &str) {
        let mut state = self.state.lock().unwrap();
        while state.shut_for.is_some_and(|held| held.is(path)) {
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
