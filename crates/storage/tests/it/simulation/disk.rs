//! A disk whose faults, power cuts and losses follow from a seed.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use outcrop_storage::ObjectPath;
use outcrop_storage::env::{AppendFile, Disk, DiskLock, WriteContents};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::counters::Counters;
use super::files::Files;
use super::gate::Gate;
use super::handles::{SimulatedFile, SimulatedLock};
use super::image::Image;
use super::trace::Trace;

/// What the store is doing, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Write,
    Flush,
    Compaction,
    Making,
    Dropping,
    Closing,
    Recovery,
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Works,
    /// Nothing happens, and the caller gets an error.
    FailsBefore(ErrorKind),
    /// It happens, in part or not durably, and the caller gets an error.
    FailsAfter(ErrorKind),
    /// The power goes meanwhile.
    Crashes,
}

/// See the module.
#[derive(Debug)]
pub(super) struct SimulatedDisk {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Where the writer thread waits for more batches.
    log_gate: Gate,
    /// Where flushes and compactions wait while writes go on.
    object_gate: Gate,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) files: Files,
    pub(super) random: StdRng,
    /// Calls until the power goes.
    crash_in: Option<u64>,
    /// Calls until one fails.
    fault_in: Option<(u64, ErrorKind)>,
    free_bytes: Option<u64>,
    is_on: bool,
    /// Raised by power cuts: what was opened before does nothing any more.
    pub(super) life: u64,
    pub(super) locks: BTreeSet<ObjectPath>,
    pub(super) phase: Phase,
    /// A creation failed and its file is there all the same, in this life.
    left_behind: bool,
    pub(super) sync_failed: bool,
    /// A segment that no manifest names was removed, in this life.
    removed_segment: bool,
    pub(super) trace: Trace,
    pub(super) counters: Counters,
}

impl SimulatedDisk {
    pub(super) fn new(seed: u64) -> Self {
        let state = State {
            files: Files::default(),
            random: StdRng::seed_from_u64(seed),
            crash_in: None,
            fault_in: None,
            free_bytes: None,
            is_on: true,
            life: 0,
            locks: BTreeSet::new(),
            phase: Phase::Recovery,
            left_behind: false,
            sync_failed: false,
            removed_segment: false,
            trace: Trace::new(),
            counters: Counters::default(),
        };
        let shared = Shared {
            state: Mutex::new(state),
            log_gate: Gate::default(),
            object_gate: Gate::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    pub(super) fn log_gate(&self) -> &Gate {
        &self.shared.log_gate
    }

    pub(super) fn object_gate(&self) -> &Gate {
        &self.shared.object_gate
    }

    /// Cuts the power during the call that comes after `calls` others.
    pub(super) fn crash_in(&self, calls: u64) {
        self.state().crash_in = Some(calls);
    }

    /// Makes the call that comes after `calls` others fail.
    pub(super) fn fail_in(&self, calls: u64, kind: ErrorKind) {
        self.state().fault_in = Some((calls, kind));
    }

    /// Leaves this many bytes of space; `None` for no limit.
    pub(super) fn set_free_bytes(&self, bytes: Option<u64>) {
        self.state().free_bytes = bytes;
    }

    pub(super) fn is_full(&self) -> bool {
        self.state().free_bytes.is_some()
    }

    /// Takes back what was planned: the disk works from now on.
    pub(super) fn heal(&self) {
        let mut state = self.state();
        state.crash_in = None;
        state.fault_in = None;
        state.free_bytes = None;
    }

    pub(super) fn is_on(&self) -> bool {
        self.state().is_on
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.state().phase = phase;
    }

    pub(super) fn left_behind(&self) -> bool {
        self.state().left_behind
    }

    pub(super) fn sync_failed(&self) -> bool {
        self.state().sync_failed
    }

    pub(super) fn removed_segment(&self) -> bool {
        self.state().removed_segment
    }

    pub(super) fn note(&self, event: std::fmt::Arguments<'_>) {
        self.state().trace.add(event);
    }

    pub(super) fn count(&self, path: &'static str) {
        self.state().counters.count(path);
    }

    pub(super) fn counters(&self) -> Counters {
        self.state().counters.clone()
    }

    pub(super) fn with_counters(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.state().counters);
    }

    pub(super) fn digest(&self) -> (u64, u64) {
        self.state().trace.digest()
    }

    /// Cuts the power now, unless it is cut.
    pub(super) fn cut_power(&self) {
        let mut state = self.state();
        if state.is_on {
            state.cut_power();
        }
    }

    /// The machine starts again, with what the power cut has left.
    pub(super) fn restore_power(&self) {
        let state = &mut *self.state();
        let torn = state.files.lose_power(&mut state.random);
        for path in &torn {
            state.counters.count("write torn by a crash");
            state.trace.add(format_args!("torn {path}"));
        }
        state.is_on = true;
        state.start_life();
    }

    /// The process ends without a power cut: what it has written is there, synced or not, and what
    /// was not synced can still be lost when the power goes later.
    pub(super) fn kill_process(&self) {
        self.state().start_life();
    }
}

impl State {
    fn start_life(&mut self) {
        self.life += 1;
        self.locks.clear();
        self.left_behind = false;
        self.sync_failed = false;
        self.removed_segment = false;
    }

    fn cut_power(&mut self) {
        self.is_on = false;
        self.crash_in = None;
        self.fault_in = None;
        self.free_bytes = None;
        self.counters.crashes += 1;
        self.counters.count(match self.phase {
            Phase::Write => "crash during a write",
            Phase::Flush => "crash during a flush",
            Phase::Compaction => "crash during a compaction",
            Phase::Making => "crash while a collection is made",
            Phase::Dropping => "crash while a collection is dropped",
            Phase::Closing => "crash while the store is closed",
            Phase::Recovery => "crash during recovery",
        });
        self.trace.add(format_args!("power cut"));
    }

    /// Whether `bytes` more bytes fit; takes them if so.
    pub(super) fn fitting(&mut self, bytes: usize) -> usize {
        let Some(free) = &mut self.free_bytes else {
            return bytes;
        };
        let fitting = bytes.min(usize::try_from(*free).unwrap_or(usize::MAX));
        *free -= fitting as u64;
        fitting
    }

    pub(super) fn coin(&mut self) -> bool {
        self.random.random()
    }

    /// An error of a call that happened, and may be undone by a power cut.
    pub(super) fn error_after(&mut self, fate: Fate) -> io::Error {
        match fate {
            Fate::Crashes => power_is_cut(),
            Fate::FailsAfter(kind) | Fate::FailsBefore(kind) => injected(kind),
            Fate::Works => unreachable!("a call that works has no error"),
        }
    }
}

fn injected(kind: ErrorKind) -> io::Error {
    io::Error::new(kind, "injected fault")
}

pub(super) fn power_is_cut() -> io::Error {
    io::Error::other("the power is cut")
}

impl Shared {
    /// Every call begins here: it is counted, and its fate decided.
    pub(super) fn begin(
        &self,
        call: &str,
        path: &ObjectPath,
    ) -> io::Result<(MutexGuard<'_, State>, Fate)> {
        self.log_gate.pass(path.as_str());
        self.object_gate.pass(path.as_str());
        let mut guard = self.state.lock().unwrap();
        let state = &mut *guard;
        if !state.is_on {
            return Err(power_is_cut());
        }
        state.counters.disk_calls += 1;
        state.trace.add(format_args!("{call} {path}"));
        if let Some(left) = state.crash_in.take() {
            if left == 0 {
                state.cut_power();
                return Ok((guard, Fate::Crashes));
            }
            state.crash_in = Some(left - 1);
        }
        if let Some((left, kind)) = state.fault_in.take() {
            if left == 0 {
                state.counters.faults += 1;
                state.trace.add(format_args!("fault {kind:?}"));
                let after = state.coin();
                let fate = if after {
                    Fate::FailsAfter(kind)
                } else {
                    Fate::FailsBefore(kind)
                };
                return Ok((guard, fate));
            }
            state.fault_in = Some((left - 1, kind));
        }
        Ok((guard, Fate::Works))
    }
}

/// Ends a call that only reads.
fn read_only(fate: Fate) -> io::Result<()> {
    match fate {
        Fate::Works => Ok(()),
        Fate::FailsBefore(kind) | Fate::FailsAfter(kind) => Err(injected(kind)),
        Fate::Crashes => Err(power_is_cut()),
    }
}

impl Disk for SimulatedDisk {
    fn read(&self, path: &ObjectPath) -> io::Result<Bytes> {
        let (state, fate) = self.shared.begin("read", path)?;
        read_only(fate)?;
        let bytes = state.files.bytes(path).map(Bytes::copy_from_slice);
        bytes.ok_or_else(|| io::Error::from(ErrorKind::NotFound))
    }

    fn create(&self, path: &ObjectPath, contents: WriteContents<'_>) -> io::Result<u64> {
        let mut bytes = Vec::new();
        contents(&mut bytes)?;
        let count = bytes.len();
        let (mut guard, fate) = self.shared.begin("create", path)?;
        let state = &mut *guard;
        state
            .trace
            .add(format_args!("{count} bytes {:08x}", crc32c::crc32c(&bytes)));
        if let Fate::FailsBefore(kind) = fate {
            return Err(injected(kind));
        }
        if state.files.contains(path) {
            return Err(io::Error::from(ErrorKind::AlreadyExists));
        }
        if state.fitting(count) < count {
            return Err(io::Error::from(ErrorKind::StorageFull));
        }
        let image = Image::synced(bytes);
        match fate {
            Fate::Works => {
                state.files.make(path, image);
                state.files.sync_folder_of(path);
                Ok(count as u64)
            }
            Fate::Crashes => {
                if state.coin() {
                    state.files.make(path, image);
                } else if path.as_str().contains("/manifest/") && state.phase == Phase::Flush {
                    state
                        .counters
                        .count("crash between a segment and its manifest");
                }
                Err(power_is_cut())
            }
            Fate::FailsBefore(_) | Fate::FailsAfter(_) => {
                // The name could not be made durable, and then be taken back, or not even that.
                if state.random.random_ratio(1, 4) {
                    state.files.make(path, image);
                    state.left_behind = true;
                } else {
                    state.files.make_ghost(path, image);
                }
                // `Disk::create` promises that a full disk makes nothing.
                Err(match state.error_after(fate) {
                    full if full.kind() == ErrorKind::StorageFull => io::Error::other(full),
                    error => error,
                })
            }
        }
    }

    fn append(&self, path: &ObjectPath) -> io::Result<Box<dyn AppendFile>> {
        let (mut guard, fate) = self.shared.begin("open", path)?;
        let state = &mut *guard;
        if let Fate::FailsBefore(kind) = fate {
            return Err(injected(kind));
        }
        let id = match state.files.id(path) {
            Some(id) => id,
            None => state.files.make(path, Image::default()),
        };
        if fate != Fate::Works {
            return Err(state.error_after(fate));
        }
        state.files.sync_folder_of(path);
        Ok(Box::new(SimulatedFile {
            shared: Arc::clone(&self.shared),
            path: path.clone(),
            bytes: state.files.image(id).bytes().len() as u64,
            id,
            life: state.life,
        }))
    }

    fn list(&self, folder: &ObjectPath) -> io::Result<Vec<String>> {
        let (state, fate) = self.shared.begin("list", folder)?;
        read_only(fate)?;
        Ok(state.files.list(folder))
    }

    fn remove(&self, path: &ObjectPath) -> io::Result<()> {
        let (mut guard, fate) = self.shared.begin("remove", path)?;
        let state = &mut *guard;
        if let Fate::FailsBefore(kind) = fate {
            return Err(injected(kind));
        }
        if fate == Fate::Crashes && state.coin() {
            return Err(power_is_cut());
        }
        if !state.files.remove(path) {
            return Err(io::Error::from(ErrorKind::NotFound));
        }
        if fate != Fate::Works {
            return Err(state.error_after(fate));
        }
        state.files.sync_folder_of(path);
        if state.phase == Phase::Recovery {
            let is_log = path.as_str().starts_with("wal/");
            state.removed_segment |= path.as_str().contains("/segments/");
            state.counters.count(if is_log {
                "empty log file removed at recovery"
            } else {
                "orphan removed at recovery"
            });
        }
        Ok(())
    }

    fn sync_folder(&self, folder: &ObjectPath) -> io::Result<()> {
        let (mut state, fate) = self.shared.begin("sync folder", folder)?;
        if fate == Fate::Works || (fate == Fate::Crashes && state.coin()) {
            state.files.sync_folder(folder.as_str());
        }
        read_only(fate)
    }

    fn remove_folder(&self, folder: &ObjectPath) -> io::Result<()> {
        let (mut guard, fate) = self.shared.begin("remove folder", folder)?;
        let state = &mut *guard;
        match fate {
            Fate::Works => {
                state.files.remove_folder(folder);
                Ok(())
            }
            Fate::FailsBefore(kind) => Err(injected(kind)),
            Fate::FailsAfter(_) | Fate::Crashes => {
                for path in state.files.below(folder) {
                    if state.coin() {
                        state.files.remove(&path);
                    }
                }
                Err(state.error_after(fate))
            }
        }
    }

    fn lock(&self, path: &ObjectPath) -> io::Result<Box<dyn DiskLock>> {
        let (mut state, fate) = self.shared.begin("lock", path)?;
        read_only(fate)?;
        if !state.locks.insert(path.clone()) {
            return Err(io::Error::from(ErrorKind::WouldBlock));
        }
        let life = state.life;
        drop(state);
        let shared = Arc::clone(&self.shared);
        let path = path.clone();
        Ok(Box::new(SimulatedLock { shared, path, life }))
    }

    fn location(&self) -> String {
        "simulation".to_owned()
    }
}
