//! Finds out what each operation of a batch does to the collection, and stages it.
//!
//! The outcomes are exact: an operation sees everything acknowledged before, and what came earlier
//! in its group and batch. Patches are applied here, decisions made, and from then on they are puts.

use std::sync::Arc;

use outcrop_document::{Object, Value, k};

use crate::chunk::Chunk;
use crate::error::WriteError;
use crate::operation::{DecideFunction, Decision, Outcome, PatchFunction};
use crate::prepare::{self, PreparedAction, PreparedBatch, PreparedOperation};
use crate::segment::SegmentError;
use crate::staging::Staging;
use crate::state::{ChunkRow, ChunkSerial, Location, State};
use crate::wal::BatchBuilder;

/// A batch that has been staged.
#[derive(Debug)]
pub(crate) struct ResolvedBatch {
    pub(crate) outcomes: Vec<Outcome>,
    /// The payload of its log record; none if the batch changes nothing.
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) replaced_count: u64,
}

/// Stages all operations of `batch` on top of `staging`, or none of them.
///
/// # Errors
/// [`WriteError::Segment`] if an older version cannot be read, [`WriteError::TooLarge`] if the
/// patched documents are, [`WriteError::Refused`] if a decision says so. `staging` is then as it was.
pub(crate) fn resolve(
    state: &State,
    staging: &mut Staging,
    batch: PreparedBatch,
) -> Result<ResolvedBatch, WriteError> {
    let mark = staging.mark();
    let resolved = Resolver::new(state, staging, &batch).run(batch);
    if resolved.is_err() {
        staging.take_back(mark);
    }
    resolved
}

struct Resolver<'a> {
    state: &'a State,
    staging: &'a mut Staging,
    /// The chunk with the documents of the puts.
    puts: Option<(ChunkSerial, Arc<Chunk>)>,
    /// The chunk that `patched` will become at the end of the batch.
    patched_serial: ChunkSerial,
    patched: Vec<Vec<u8>>,
    /// The payload as far as it goes, if it is made here.
    builder: Option<BatchBuilder>,
}

impl<'a> Resolver<'a> {
    fn new(state: &'a State, staging: &'a mut Staging, batch: &PreparedBatch) -> Self {
        let puts = batch.chunk.as_ref().map(|chunk| {
            let serial = staging.add_chunk(Arc::clone(chunk));
            (serial, Arc::clone(chunk))
        });
        Self {
            state,
            patched_serial: staging.next_serial(),
            staging,
            puts,
            patched: Vec::new(),
            builder: batch.payload.is_none().then(BatchBuilder::default),
        }
    }

    fn run(mut self, batch: PreparedBatch) -> Result<ResolvedBatch, WriteError> {
        let outcomes = batch
            .operations
            .into_iter()
            .map(|operation| self.stage(operation))
            .collect::<Result<Vec<Outcome>, WriteError>>()?;
        if let Some(chunk) = prepare::build(&self.patched)? {
            let serial = self.staging.add_chunk(chunk);
            debug_assert_eq!(serial, self.patched_serial);
        }
        let payload = match self.builder {
            Some(builder) => Some(builder.finish().map_err(prepare::too_large)?),
            None => batch.payload,
        };
        let changed = outcomes.iter().any(changes_something);
        let replaced_count = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Replaced))
            .count() as u64;
        Ok(ResolvedBatch {
            outcomes,
            payload: payload.filter(|_| changed),
            replaced_count,
        })
    }

    fn stage(&mut self, operation: PreparedOperation) -> Result<Outcome, WriteError> {
        let PreparedOperation { id, action } = operation;
        let old = self.staging.find(self.state, &id)?;
        match (action, old) {
            (PreparedAction::Put { row }, old) => {
                self.put(&id, row, old)?;
                Ok(if old.is_some() {
                    Outcome::Replaced
                } else {
                    Outcome::Added
                })
            }
            (PreparedAction::Delete | PreparedAction::Patch(_), None) => Ok(Outcome::Absent),
            (PreparedAction::Delete, Some(old)) => {
                self.staging.delete(&id, old);
                if let Some(builder) = &mut self.builder {
                    builder.delete(&prepare::encode_id(&id));
                }
                Ok(Outcome::Deleted)
            }
            (PreparedAction::Patch(patch), Some(old)) => self.patch(&id, patch, old),
            (PreparedAction::Decide(decide), old) => self.decide(&id, decide, old),
        }
    }

    fn put(&mut self, id: &str, row: u32, old: Option<Location>) -> Result<(), SegmentError> {
        let (serial, chunk) = self.puts.as_ref().expect("a put has its chunk");
        if let Some(builder) = &mut self.builder {
            builder.put(&chunk.document(row)?);
        }
        self.staging.put(
            id,
            ChunkRow {
                chunk: *serial,
                row,
            },
            old,
        );
        Ok(())
    }

    fn patch(
        &mut self,
        id: &str,
        patch: PatchFunction,
        old: Location,
    ) -> Result<Outcome, WriteError> {
        let before = self.document(old)?;
        match patch(&before) {
            Ok(after) => self.put_computed(id, after, Some(old)),
            Err(error) => return Ok(Outcome::Failed(error)),
        }
        Ok(Outcome::Patched)
    }

    fn decide(
        &mut self,
        id: &str,
        decide: DecideFunction,
        old: Option<Location>,
    ) -> Result<Outcome, WriteError> {
        let before = old.map(|old| self.document(old)).transpose()?;
        Ok(match (decide(before), old) {
            (Decision::Refuse(message), _) => return Err(WriteError::Refused { message }),
            (Decision::Keep, _) => Outcome::Kept,
            (Decision::Put(after), old) => {
                self.put_computed(id, after, old);
                match old {
                    Some(_) => Outcome::Replaced,
                    None => Outcome::Added,
                }
            }
        })
    }

    /// Stages a document that was made here.
    fn put_computed(&mut self, id: &str, mut after: Object, old: Option<Location>) {
        after.insert(prepare::ID_FIELD.to_owned(), Value::String(id.to_owned()));
        let bytes = k::encode(&Value::Object(after));
        if let Some(builder) = &mut self.builder {
            builder.put(&bytes);
        }
        let row = u32::try_from(self.patched.len()).unwrap_or(u32::MAX);
        self.patched.push(bytes);
        self.staging.put(
            id,
            ChunkRow {
                chunk: self.patched_serial,
                row,
            },
            old,
        );
    }

    fn document(&self, location: Location) -> Result<Object, SegmentError> {
        let bytes = match location {
            Location::Chunk(ChunkRow { chunk, row }) if chunk == self.patched_serial => {
                self.patched.get(row as usize).cloned()
            }
            Location::Chunk(ChunkRow { chunk, row }) => match self.staging.chunk(chunk) {
                Some(staged) => Some(staged.document(row)?),
                None => self.state.document(location)?,
            },
            Location::Segment { .. } => self.state.document(location)?,
        };
        let bytes = bytes.expect("a location that was found exists while the lock is held");
        let row = location.row();
        match k::decode(&bytes).map_err(|source| SegmentError::Document { row, source })? {
            Value::Object(object) => Ok(object),
            _ => Err(SegmentError::MissingId { row }),
        }
    }
}

fn changes_something(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Added | Outcome::Replaced | Outcome::Deleted | Outcome::Patched => true,
        Outcome::Absent | Outcome::Failed(_) | Outcome::Kept => false,
    }
}
