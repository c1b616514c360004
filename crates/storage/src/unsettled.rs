//! A group of unknown outcome: the bucket did not say whether it has the object.
//!
//! Its writers were told that it failed, but it may be in the log, and then a restart finds it. So
//! nothing else is written before that is known: the same bytes are written under the same number
//! until the bucket says that they are there. Then the batches take effect after all, late; an
//! answer was never given, so none is broken. Meanwhile writes are refused.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use crate::CollectionId;
use crate::collection::Collection;
use crate::context::Context;
use crate::error::{StoreError, WriteError, report};
use crate::replay::Replay;
use crate::wal::{AppendError, RecoveredRecord};
use crate::writer::{Request, answer};

/// The pause between two tries. Each is a series of requests with pauses of its own.
const PAUSE: Duration = Duration::from_millis(250);

type Collections = BTreeMap<CollectionId, Arc<Collection>>;

/// See the module.
#[derive(Default)]
pub(crate) struct Unsettled {
    group: Option<UnsettledGroup>,
}

struct UnsettledGroup {
    collections: Collections,
    /// What the log has of it, once that is known.
    records: Option<Vec<RecoveredRecord>>,
    /// What writers are told.
    error: Arc<io::Error>,
}

impl Unsettled {
    /// Whether there is such a group.
    pub(crate) fn exists(&self) -> bool {
        self.group.is_some()
    }

    /// The log may have a group of these collections, or not.
    pub(crate) fn begin(&mut self, collections: Collections, error: io::Error) {
        self.group = Some(UnsettledGroup {
            collections,
            records: None,
            error: Arc::new(error),
        });
    }

    /// What writers are told.
    pub(crate) fn error(&self) -> WriteError {
        match &self.group {
            Some(group) => WriteError::Unavailable {
                source: Arc::clone(&group.error),
            },
            None => WriteError::Fenced,
        }
    }

    /// Tries until the outcome is known, and refuses what comes in meanwhile. False if the store is
    /// being closed; the next start then finds out.
    pub(crate) fn settle(
        &mut self,
        context: &Context,
        queue: &mut mpsc::Receiver<Request>,
    ) -> bool {
        while let Some(group) = &mut self.group {
            match group.settle(context) {
                Ok(()) => self.group = None,
                Err(error) => {
                    tracing::warn!(error, "a write of unknown outcome is still unsettled");
                    loop {
                        match queue.try_recv() {
                            Ok(request) => answer(request.reply, Err(self.error())),
                            Err(TryRecvError::Empty) => break,
                            Err(TryRecvError::Disconnected) => return false,
                        }
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
        true
    }
}

impl UnsettledGroup {
    /// Tries once. The error is text for the log.
    fn settle(&mut self, context: &Context) -> Result<(), String> {
        let records = match self.records.take() {
            Some(records) => records,
            None => match context.wal.lock().settle() {
                Ok(records) => records,
                Err(AppendError::Fenced) => {
                    context.fence();
                    return Ok(());
                }
                Err(
                    AppendError::Unsettled(error)
                    | AppendError::Undone(error)
                    | AppendError::Poisoned(error),
                ) => {
                    let text = error.to_string();
                    self.error = Arc::new(error);
                    return Err(text);
                }
            },
        };
        // Older versions may have to be read from the bucket. Going on without these records is
        // not possible, as the log has them; records that were applied are passed over.
        let applied = records
            .iter()
            .try_for_each(|record| self.apply(context, record));
        applied.map_err(|error| {
            self.records = Some(records);
            report(&error)
        })
    }

    fn apply(&self, context: &Context, record: &RecoveredRecord) -> Result<(), StoreError> {
        let Some(collection) = self.collections.get(&record.collection) else {
            return Ok(());
        };
        let mut state = collection.state.lock();
        let mut replay = Replay::new(state.seqno);
        replay.add(&mut state, record, context.now())?;
        replay.finish(&mut state, context.now())?;
        collection.publish(&state);
        Ok(())
    }
}
