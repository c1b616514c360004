//! Applies batches of the write-ahead log to the state of a collection again.
//!
//! A batch in the log already says what its patches came to, so doing it again gives the same
//! documents.

use std::time::Duration;

use outcrop_document::{Value, k};

use crate::error::StoreError;
use crate::prepare::{self, ID_FIELD, PreparedAction, PreparedBatch, PreparedOperation};
use crate::resolve::resolve;
use crate::staging::Staging;
use crate::state::State;
use crate::wal::{self, BatchEntry, RecoveredRecord, WalError};

/// Batches of the log are put together until they have this many documents: one large chunk costs
/// less than many small ones.
const DOCUMENTS_MAX: usize = 8192;

/// ... or this many bytes.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Operations of the log that are not applied yet.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    operations: Vec<PreparedOperation>,
    documents: Vec<Vec<u8>>,
    bytes: usize,
    /// The sequence number of the newest record read; that of the state before the first.
    seqno: u64,
}

impl Replay {
    /// Goes on behind the write `seqno`, up to which the state has everything.
    pub(crate) fn new(seqno: u64) -> Self {
        Self {
            seqno,
            ..Self::default()
        }
    }

    /// Takes a record of the log, unless the state has it already. `now` is on the monotonic clock.
    ///
    /// # Errors
    /// [`WalError::Gap`] if records are missing before it, [`WalError::Damaged`] if it makes no
    /// sense; those of applying it.
    pub(crate) fn add(
        &mut self,
        state: &mut State,
        record: &RecoveredRecord,
        now: Duration,
    ) -> Result<(), StoreError> {
        if record.seqno <= state.seqno {
            return Ok(());
        }
        let expected = self.seqno + 1;
        if record.seqno != expected {
            return Err(StoreError::Wal(WalError::Gap {
                path: record.path.clone(),
                offset: record.offset,
                collection: record.collection,
                expected,
                found: record.seqno,
            }));
        }
        let damaged = |reason| WalError::Damaged {
            path: record.path.clone(),
            offset: record.offset,
            reason,
        };
        for entry in wal::entries(record.payload.clone()) {
            self.add_entry(entry.map_err(damaged)?).map_err(damaged)?;
        }
        self.seqno = record.seqno;
        if self.documents.len() >= DOCUMENTS_MAX || self.bytes >= BYTES_MAX {
            self.finish(state, now)?;
        }
        Ok(())
    }

    /// Applies what waits. To be called at the end.
    ///
    /// # Errors
    /// Those of reading a segment to find older versions.
    pub(crate) fn finish(&mut self, state: &mut State, now: Duration) -> Result<(), StoreError> {
        let waiting = std::mem::replace(self, Self::new(self.seqno));
        let batch = PreparedBatch {
            chunk: prepare::build(&waiting.documents)?,
            operations: waiting.operations,
            payload: Some(Vec::new()),
            document_bytes: 0,
        };
        let mut staging = Staging::new(state);
        resolve(state, &mut staging, batch).map_err(|source| StoreError::Replay { source })?;
        staging.set_seqno(self.seqno);
        state.apply(staging, now);
        Ok(())
    }

    fn add_entry(&mut self, entry: BatchEntry) -> Result<(), &'static str> {
        let operation = match entry {
            BatchEntry::Put(document) => {
                let id = document_id(&document)?;
                let row = u32::try_from(self.documents.len()).unwrap_or(u32::MAX);
                self.bytes += document.len();
                self.documents.push(document.to_vec());
                PreparedOperation {
                    id,
                    action: PreparedAction::Put { row },
                }
            }
            BatchEntry::Delete(id) => {
                let id = decode_string(&id).ok_or("a deletion does not name a document")?;
                PreparedOperation {
                    id,
                    action: PreparedAction::Delete,
                }
            }
        };
        self.operations.push(operation);
        Ok(())
    }
}

pub(crate) fn document_id(document: &[u8]) -> Result<String, &'static str> {
    k::get(document, &[ID_FIELD])
        .ok()
        .flatten()
        .and_then(|id| decode_string(&id))
        .ok_or("a document in it has no `_id`")
}

pub(crate) fn decode_string(bytes: &[u8]) -> Option<String> {
    match k::decode(bytes) {
        Ok(Value::String(text)) => Some(text),
        Ok(_) | Err(_) => None,
    }
}
