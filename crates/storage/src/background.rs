//! Threads that look after a store while nobody asks them to.

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Wakes a thread, or tells it to stop.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<SignalState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct SignalState {
    woken: bool,
    stopped: bool,
}

impl Signal {
    /// Makes the thread look now. Waking it twice before it looks is the same as once.
    pub(crate) fn wake(&self) {
        self.state.lock().woken = true;
        self.changed.notify_all();
    }

    /// Makes the thread stop after what it is doing.
    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Waits until woken, but not longer than `interval`; false if told to stop.
    pub(crate) fn wait(&self, interval: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.woken && !state.stopped {
            self.changed.wait_for(&mut state, interval);
        }
        state.woken = false;
        !state.stopped
    }

    /// Whether the thread was told to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }
}

/// Starts a thread called `name`.
///
/// # Errors
/// If the operating system gives no thread.
pub(crate) fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
}
