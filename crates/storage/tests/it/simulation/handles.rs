//! What a simulated disk hands out: files that grow, and its lock.

use std::io::{self, ErrorKind};
use std::sync::{Arc, MutexGuard};

use outcrop_storage::ObjectPath;
use outcrop_storage::env::{AppendFile, DiskLock};
use rand::RngExt;

use super::disk::{Fate, Phase, Shared, State, power_is_cut};

#[derive(Debug)]
pub(super) struct SimulatedLock {
    pub(super) shared: Arc<Shared>,
    pub(super) path: ObjectPath,
    pub(super) life: u64,
}

impl DiskLock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock().unwrap();
        if state.life == self.life {
            state.locks.remove(&self.path);
        }
    }
}

#[derive(Debug)]
pub(super) struct SimulatedFile {
    pub(super) shared: Arc<Shared>,
    pub(super) path: ObjectPath,
    pub(super) id: u64,
    pub(super) bytes: u64,
    pub(super) life: u64,
}

impl SimulatedFile {
    fn begin(&self, call: &str) -> io::Result<(MutexGuard<'_, State>, Fate)> {
        let (state, fate) = self.shared.begin(call, &self.path)?;
        if state.life != self.life {
            return Err(power_is_cut());
        }
        Ok((state, fate))
    }
}

impl AppendFile for SimulatedFile {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn append(&mut self, data: &[u8]) -> io::Result<()> {
        let (mut guard, fate) = self.begin("append")?;
        let state = &mut *guard;
        let checksum = crc32c::crc32c(data);
        state
            .trace
            .add(format_args!("{} bytes {checksum:08x}", data.len()));
        let written = match fate {
            Fate::Works => state.fitting(data.len()),
            Fate::FailsBefore(_) => 0,
            Fate::FailsAfter(_) | Fate::Crashes => state.random.random_range(0..=data.len()),
        };
        state.files.image(self.id).append(&data[..written]);
        if fate != Fate::Works {
            return Err(state.error_after(fate));
        }
        if written < data.len() {
            return Err(io::Error::from(ErrorKind::StorageFull));
        }
        drop(guard);
        self.bytes += data.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let (mut guard, fate) = self.begin("sync")?;
        let state = &mut *guard;
        let image = state.files.image(self.id);
        match fate {
            Fate::Works => {
                image.sync();
                Ok(())
            }
            Fate::Crashes => {
                if state.random.random() {
                    image.sync();
                }
                Err(power_is_cut())
            }
            Fate::FailsBefore(_) | Fate::FailsAfter(_) => {
                image.fail_sync(&mut state.random);
                state.sync_failed = true;
                Err(state.error_after(fate))
            }
        }
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        let (mut guard, fate) = self.begin("truncate")?;
        let state = &mut *guard;
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        if matches!(fate, Fate::FailsBefore(_)) || (fate == Fate::Crashes && state.coin()) {
            return Err(state.error_after(fate));
        }
        state.files.image(self.id).truncate(length);
        if fate != Fate::Works {
            return Err(state.error_after(fate));
        }
        if state.phase == Phase::Recovery {
            state.counters.count("torn tail cut at recovery");
        }
        drop(guard);
        self.bytes = bytes;
        Ok(())
    }
}
