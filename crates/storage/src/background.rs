//! Threads that look after a store while nobody asks them to.

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Of -20 to 19; what threads usually have is 0. Each step is about a quarter.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

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

/// Lets others go first where there are not enough cores: the calling thread gets about a tenth of what
/// they get. Linux only; elsewhere priorities are those of whole processes.
#[cfg_attr(target_os = "linux", expect(unsafe_code, reason = "a system call"))]
pub(crate) fn lower_priority() {
    #[cfg(target_os = "linux")]
    // SAFETY: it takes three numbers and touches no memory of ours.
    if unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) } != 0 {
        let error = io::Error::last_os_error();
        tracing::warn!(%error, "a background thread keeps its priority");
    }
}
