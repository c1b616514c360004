//! The changes of one group to one collection, before the group has reached the disk.
//!
//! Later operations of the group see what is staged, nobody else does. If the group cannot be
//! written the staging is dropped, and the collection is as it was: there is nothing to undo.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::chunk::Chunk;
use crate::deletion_vector::DeletionVector;
use crate::segment::SegmentError;
use crate::state::{ChunkRow, ChunkSerial, Location, State};

/// See the module.
#[derive(Debug)]
pub(crate) struct Staging {
    seqno: u64,
    first_serial: ChunkSerial,
    /// New chunks; the first has `first_serial`.
    chunks: Vec<Arc<Chunk>>,
    /// Where the documents are that the group has touched; `None` for those it deleted.
    ids: HashMap<Box<str>, Option<ChunkRow>>,
    /// Rows that the group replaced or deleted.
    dead: Vec<Location>,
    /// What `ids` held before each change, so that one batch can be taken back.
    journal: Vec<(Box<str>, Option<Option<ChunkRow>>)>,
}

/// A moment to which a staging can be taken back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    chunks: usize,
    dead: usize,
    journal: usize,
}

/// What [`State::apply`] takes over.
#[derive(Debug)]
pub(crate) struct Changes {
    pub(crate) chunks: Vec<(ChunkSerial, Arc<Chunk>, DeletionVector)>,
    pub(crate) dead_in_chunks: BTreeMap<ChunkSerial, Vec<u32>>,
    pub(crate) dead_in_segments: BTreeMap<usize, Vec<u32>>,
    pub(crate) ids: HashMap<Box<str>, Option<ChunkRow>>,
}

impl Staging {
    /// Nothing staged yet on top of `state`.
    pub(crate) fn new(state: &State) -> Self {
        Self {
            seqno: state.seqno,
            first_serial: state.next_serial(),
            chunks: Vec::new(),
            ids: HashMap::new(),
            dead: Vec::new(),
            journal: Vec::new(),
        }
    }

    /// The sequence number of the last staged batch.
    pub(crate) fn seqno(&self) -> u64 {
        self.seqno
    }

    /// Counts one more batch, and returns its sequence number.
    pub(crate) fn next_seqno(&mut self) -> u64 {
        self.seqno += 1;
        self.seqno
    }

    /// Sets the sequence number, when batches of the log are replayed.
    pub(crate) fn set_seqno(&mut self, seqno: u64) {
        self.seqno = seqno;
    }

    /// The serial that the next chunk gets.
    pub(crate) fn next_serial(&self) -> ChunkSerial {
        self.first_serial + self.chunks.len() as u64
    }

    /// Adds a chunk; its rows come alive by [`put`](Self::put).
    pub(crate) fn add_chunk(&mut self, chunk: Arc<Chunk>) -> ChunkSerial {
        let serial = self.next_serial();
        self.chunks.push(chunk);
        serial
    }

    /// A staged chunk.
    pub(crate) fn chunk(&self, serial: ChunkSerial) -> Option<&Arc<Chunk>> {
        let index = usize::try_from(serial.checked_sub(self.first_serial)?).ok()?;
        self.chunks.get(index)
    }

    /// Where the document `id` is after what was staged so far.
    ///
    /// # Errors
    /// Those of reading the index of a segment.
    pub(crate) fn find(&self, state: &State, id: &str) -> Result<Option<Location>, SegmentError> {
        match self.ids.get(id) {
            Some(row) => Ok(row.map(Location::Chunk)),
            None => state.find(id),
        }
    }

    /// The document `id` is now at `row`, and no longer at `old`.
    pub(crate) fn put(&mut self, id: &str, row: ChunkRow, old: Option<Location>) {
        self.change(id, Some(row), old);
    }

    /// The document `id` is gone from `old`.
    pub(crate) fn delete(&mut self, id: &str, old: Location) {
        self.change(id, None, Some(old));
    }

    fn change(&mut self, id: &str, row: Option<ChunkRow>, old: Option<Location>) {
        self.dead.extend(old);
        let before = self.ids.insert(id.into(), row);
        self.journal.push((id.into(), before));
    }

    /// The present moment.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            chunks: self.chunks.len(),
            dead: self.dead.len(),
            journal: self.journal.len(),
        }
    }

    /// Forgets what was staged since `mark`.
    pub(crate) fn take_back(&mut self, mark: Mark) {
        self.chunks.truncate(mark.chunks);
        self.dead.truncate(mark.dead);
        for (id, before) in self.journal.drain(mark.journal..).rev() {
            match before {
                Some(row) => drop(self.ids.insert(id, row)),
                None => drop(self.ids.remove(&id)),
            }
        }
    }

    /// Sorted by what they change.
    pub(crate) fn into_changes(self) -> Changes {
        let mut dead_in_chunks: BTreeMap<ChunkSerial, Vec<u32>> = BTreeMap::new();
        let mut dead_in_segments: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for location in self.dead {
            match location {
                Location::Chunk(ChunkRow { chunk, row }) => {
                    dead_in_chunks.entry(chunk).or_default().push(row);
                }
                Location::Segment { index, row } => {
                    dead_in_segments.entry(index).or_default().push(row);
                }
            }
        }
        let chunks = (self.first_serial..)
            .zip(self.chunks)
            .map(|(serial, chunk)| {
                let mut deletions = DeletionVector::default();
                for row in dead_in_chunks.remove(&serial).unwrap_or_default() {
                    deletions.insert(row);
                }
                (serial, chunk, deletions)
            })
            .collect();
        Changes {
            chunks,
            dead_in_chunks,
            dead_in_segments,
            ids: self.ids,
        }
    }
}
