//! The batches in which the documents of a write are run.

use std::ops::Range;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::execution_plan::reset_plan_states;

use super::Plan;
use super::input::Input;
use crate::error::QueryError;
use crate::execution::Session;

/// Documents of one batch. Small enough that a batch of nested arrays does not become too many rows
/// at once, large enough that the cost of starting a plan does not show.
const BATCH_DOCUMENTS: usize = 1_024;

/// The batches that are still to be run, the next one last.
pub(super) struct Batches(Vec<Range<usize>>);

impl Batches {
    /// Those of `count` documents.
    pub(super) fn of(count: usize) -> Self {
        let starts = (0..count).step_by(BATCH_DOCUMENTS);
        let batch = |start: usize| start..count.min(start + BATCH_DOCUMENTS);
        Self(starts.map(batch).rev().collect())
    }

    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        self.0.pop()
    }

    /// What is to be done about a batch that failed: its halves are run. A document that is alone is
    /// at fault, and told with its message.
    ///
    /// # Errors
    /// `error`, if it is no fault of a document.
    pub(super) fn failed(
        &mut self,
        batch: &Range<usize>,
        error: QueryError,
    ) -> Result<Option<(usize, String)>, QueryError> {
        match error {
            QueryError::Runtime { message } if batch.len() == 1 => Ok(Some((batch.start, message))),
            QueryError::Runtime { .. } => {
                let middle = batch.start + batch.len() / 2;
                self.0.extend([middle..batch.end, batch.start..middle]);
                Ok(None)
            }
            other => Err(other),
        }
    }
}

/// Starts `plan` over documents, the first of which is row `first`.
///
/// # Errors
/// Those of starting a plan.
pub(super) fn start(
    session: &Session,
    plan: &Plan,
    documents: &[Vec<u8>],
    first: usize,
) -> Result<SendableRecordBatchStream, QueryError> {
    let input = Input::new(documents, first).map_err(DataFusionError::from)?;
    let (config, runtime) = session.parts();
    let context = TaskContext::default()
        .with_session_config(config.with_extension(Arc::new(input)))
        .with_runtime(runtime);
    // The metrics of a plan grow with every run, so each run has a copy of the plan.
    let plan = reset_plan_states(Arc::clone(&plan.physical))?;
    Ok(execute_stream(plan, Arc::new(context))?)
}
