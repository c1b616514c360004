//! What one collection has to hold, and the writes whose fate is not known.

use std::collections::BTreeSet;

use outcrop_storage::WriteReceipt;

use crate::simulation::model::{Change, State};

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    /// After every acknowledged write.
    pub(super) acknowledged: State,
    /// Batches that are under way or of unknown fate, by their number, in their order.
    pending: Vec<(u64, Vec<Change>)>,
    /// The batches that a new owner has found.
    found: BTreeSet<u64>,
}

impl Book {
    pub(super) fn begin(&mut self, batch: u64, changes: Vec<Change>) {
        self.pending.push((batch, changes));
    }

    /// The batch is there, and so are those before it: the log has no holes.
    pub(super) fn acknowledge(&mut self, batch: u64, receipt: &WriteReceipt) {
        loop {
            let (number, changes) = self.pending.remove(0);
            let outcomes = self.acknowledged.apply(&changes);
            if number == batch {
                assert_eq!(receipt.outcomes, outcomes);
                assert_eq!(receipt.seqno, self.acknowledged.seqno);
                return;
            }
        }
    }

    /// The batch is not there, and will not be.
    pub(super) fn refuse(&mut self, batch: u64) {
        self.pending.retain(|(number, _)| *number != batch);
    }

    /// Whether a new owner has found the batch.
    pub(super) fn was_found(&self, batch: u64) -> bool {
        self.found.contains(&batch)
    }

    /// Takes over what is there: the acknowledged writes and a prefix of the others. Returns how many
    /// of the others are there, and how many are not.
    pub(super) fn settle(&mut self, found: &State) -> Result<(usize, usize), String> {
        let mut state = self.acknowledged.clone();
        let mut there = 0;
        while state != *found {
            let Some((_, changes)) = self.pending.get(there) else {
                return Err(format!(
                    "found    {found:?}\nexpected {:?}\nand some of {:?}",
                    self.acknowledged, self.pending
                ));
            };
            state.apply(changes);
            there += 1;
        }
        self.acknowledged = state;
        let pending = std::mem::take(&mut self.pending);
        self.found
            .extend(pending[..there].iter().map(|(number, _)| *number));
        Ok((there, pending.len() - there))
    }
}
