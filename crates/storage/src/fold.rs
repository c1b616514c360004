//! Folding: many small chunks of a delta become one, so that a snapshot has few parts.
//!
//! Every write brings a chunk. As soon as there are eight of one size class they are folded, with
//! all smaller ones, into one of the next class. So a row is copied once per class, and there are
//! at most seven chunks of each. The order of the chunks does not matter: a document is alive in
//! one of them only. `choose` decides, `run` does it beside the writes.

use std::sync::Arc;

use crate::chunk::Chunk;
use crate::collection::Collection;
use crate::deletion_vector::DeletionVector;
use crate::segment::SegmentError;
use crate::state::{ChunkRow, ChunkSerial, State};

/// This many chunks of one size class become one chunk of the next.
pub(crate) const FAN_IN: usize = 8;

/// Above this many chunks the writer thread folds by itself: the fold thread is behind.
pub(crate) const CHUNKS_MAX: usize = 256;

/// Chunks of this many rows are not folded any more: they fill batches of scans by themselves, and the
/// next flush takes them as they are.
const FOLDED_ROWS_MAX: u32 = 4096;

/// The places of the chunks that are to become one, given the rows of all chunks; none if there is
/// nothing to do.
pub(crate) fn choose(rows: &[u32]) -> Vec<usize> {
    let foldable = |rows: u32| rows < FOLDED_ROWS_MAX;
    let count_of = |wanted: u32| {
        rows.iter()
            .filter(|rows| foldable(**rows) && class(**rows) == wanted)
            .count()
    };
    let full_class = (0..=class(FOLDED_ROWS_MAX)).find(|class| count_of(*class) >= FAN_IN);
    full_class.map_or_else(Vec::new, |full_class| {
        let chosen = |rows: u32| foldable(rows) && class(rows) <= full_class;
        rows.iter()
            .enumerate()
            .filter(|(_, rows)| chosen(**rows))
            .map(|(place, _)| place)
            .collect()
    })
}

/// The size class: each holds eight times as many rows as the one before.
fn class(rows: u32) -> u32 {
    rows.max(1).ilog2() / FAN_IN.ilog2()
}

/// Folds chunks of the collection until there is nothing to fold. Writes go on meanwhile.
///
/// # Errors
/// [`SegmentError`] if chunks cannot be put together; they stay as they are.
pub(crate) fn run(collection: &Collection) -> Result<(), SegmentError> {
    loop {
        let Some(job) = Job::choose(&collection.state.lock()) else {
            return Ok(());
        };
        let folded = job.fold()?;
        let mut state = collection.state.lock();
        if !job.install(&mut state, folded)? {
            return Ok(());
        }
        collection.publish(&state);
    }
}

/// As [`run`], by a thread that holds the lock already. Failing only leaves more chunks.
pub(crate) fn run_locked(state: &mut State) {
    while let Some(job) = Job::choose(state) {
        match job.fold().and_then(|folded| job.install(state, folded)) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, "cannot fold the chunks of a delta");
                return;
            }
        }
    }
}

/// The chunks to fold, as they were when they were chosen.
struct Job {
    serials: Vec<ChunkSerial>,
    chunks: Vec<(Arc<Chunk>, DeletionVector)>,
}

/// One chunk, and for each of the inputs where its rows went.
struct Folded {
    chunk: Chunk,
    remap: Vec<Vec<Option<u32>>>,
}

impl Job {
    fn choose(state: &State) -> Option<Self> {
        let active: Vec<_> = state.active().iter().collect();
        let rows: Vec<u32> = active
            .iter()
            .map(|(_, chunk)| chunk.chunk.row_count())
            .collect();
        let chosen: Vec<_> = choose(&rows)
            .into_iter()
            .map(|place| active[place])
            .collect();
        if chosen.is_empty() {
            return None;
        }
        let serials = chosen.iter().map(|(serial, _)| **serial).collect();
        let chunks = chosen
            .iter()
            .map(|(_, chunk)| (Arc::clone(&chunk.chunk), chunk.part.deletions().clone()))
            .collect();
        Some(Self { serials, chunks })
    }

    fn fold(&self) -> Result<Folded, SegmentError> {
        let (chunk, remap) = Chunk::concat(&self.chunks)?;
        Ok(Folded { chunk, remap })
    }

    fn install(&self, state: &mut State, folded: Folded) -> Result<bool, SegmentError> {
        let Folded { chunk, remap } = folded;
        let moves = self.serials.iter().zip(&remap).flat_map(|(&serial, rows)| {
            (0..).zip(rows).filter_map(move |(row, &new)| {
                new.map(|new| (ChunkRow { chunk: serial, row }, new))
            })
        });
        state.replace_chunks(&self.serials, Arc::new(chunk), moves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[u32], expected: &[usize]) {
        assert_eq!(choose(rows), expected, "{rows:?}");
    }

    #[test]
    fn chunks_wait_until_there_are_enough_of_a_size() {
        check(&[], &[]);
        check(&[1; 7], &[]);
        check(&[1; 9], &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
        check(&[100, 1, 1, 1, 1, 1, 1, 1], &[]);
        check(&[100, 1, 1, 1, 1, 1, 1, 1, 7], &[1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn smaller_chunks_between_those_of_a_full_class_are_folded_with_them() {
        check(
            &[100, 1, 100, 100, 100, 1, 100, 100, 100, 100],
            &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        );
    }

    #[test]
    fn chunks_of_full_size_are_left_alone() {
        check(&[40_000; 20], &[]);
        check(&[40_000, 1, 1, 1, 1, 1, 1, 1, 1], &[1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn many_writes_leave_few_chunks_and_copy_each_row_a_few_times() {
        const ROWS: u32 = 30_000;
        let mut chunks: Vec<u32> = Vec::new();
        let mut copied = 0;
        for _ in 0..ROWS {
            chunks.push(1);
            loop {
                let chosen = choose(&chunks);
                if chosen.is_empty() {
                    break;
                }
                let rows: u32 = chosen.iter().map(|place| chunks[*place]).sum();
                copied += rows;
                for place in chosen.into_iter().rev() {
                    chunks.remove(place);
                }
                chunks.push(rows);
            }
            assert!(chunks.len() < 7 * 6, "{chunks:?}");
        }
        assert!(copied < 6 * ROWS, "{copied} rows were copied");
    }
}
