//! Running a transformation over documents.
//!
//! A batch that fails is halved until the documents at fault are alone, so that each gets its own
//! message and the others go on.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use futures::StreamExt;
use outcrop_document::{Object, Timestamp, Value, k};

use super::input::Input;
use super::{Plan, Transformation};
use crate::error::QueryError;
use crate::execution::Session;
use crate::rows::{DOCUMENT_BYTES, DocumentReader, Undefined};

/// Documents of one batch. Small enough that a batch of nested arrays does not become too many rows
/// at once, large enough that the cost of starting a plan does not show.
const BATCH_DOCUMENTS: usize = 1_024;

/// What became of one document: those that it gave, or why it failed.
pub type Transformed = Result<Vec<Object>, String>;

impl Transformation {
    /// Transforms `documents`, with `now` as the time of `CURRENT_TIMESTAMP()` and its like. The
    /// answer has one element per document, in their order.
    ///
    /// # Errors
    /// [`QueryError::ResultTooLarge`] if they come to too many bytes, and what is no fault of one
    /// document: [`QueryError::MemoryLimit`], [`QueryError::Internal`].
    pub(crate) async fn run(
        &self,
        session: &Session,
        documents: Vec<Object>,
        now: Timestamp,
    ) -> Result<Vec<Transformed>, QueryError> {
        let plan = self.plan_at(session, now).await?;
        let encode = |document| k::encode(&Value::Object(document));
        let documents: Vec<Vec<u8>> = documents.into_iter().map(encode).collect();
        let mut run = Run {
            session,
            plan,
            transformed: documents.iter().map(|_| Ok(Vec::new())).collect(),
            documents,
            bytes_max: session.transformation_bytes_max(),
            bytes: 0,
        };
        let starts = (0..run.documents.len()).step_by(BATCH_DOCUMENTS);
        let end = |start: usize| run.documents.len().min(start + BATCH_DOCUMENTS);
        let mut pending: Vec<_> = starts.map(|start| start..end(start)).rev().collect();
        while let Some(range) = pending.pop() {
            match run.batch(range.clone()).await {
                Ok(()) => {}
                Err(QueryError::Runtime { message }) if range.len() == 1 => {
                    run.transformed[range.start] = Err(message);
                }
                Err(QueryError::Runtime { .. }) => {
                    let middle = range.start + range.len() / 2;
                    pending.extend([middle..range.end, range.start..middle]);
                }
                Err(other) => return Err(other),
            }
        }
        Ok(run.transformed)
    }
}

struct Run<'a> {
    session: &'a Session,
    plan: Plan,
    documents: Vec<Vec<u8>>,
    transformed: Vec<Transformed>,
    /// Most bytes of documents that may be given.
    bytes_max: usize,
    /// Bytes of those given.
    bytes: usize,
}

impl Run<'_> {
    /// Transforms the documents of `range`, all of them or none.
    async fn batch(&mut self, range: Range<usize>) -> Result<(), QueryError> {
        let input = Input::new(&self.documents[range.clone()], range.start)
            .map_err(|error| QueryError::from(datafusion::error::DataFusionError::from(error)))?;
        let (config, runtime) = self.session.parts();
        let context = TaskContext::default()
            .with_session_config(config.with_extension(Arc::new(input)))
            .with_runtime(runtime);
        // The metrics of a plan grow with every run, so each run has a copy of the plan.
        let plan = reset_plan_states(Arc::clone(&self.plan.physical))?;
        let mut batches = execute_stream(plan, Arc::new(context))?;
        let mut given = Vec::new();
        let mut bytes_left = self.bytes_max - self.bytes;
        while let Some(batch) = batches.next().await {
            if !read(&batch?, &self.plan, &mut bytes_left, &mut given)? {
                return Err(QueryError::ResultTooLarge {
                    limit_bytes: self.bytes_max as u64,
                });
            }
        }
        for (row, document) in given {
            match self.transformed.get_mut(row) {
                Some(Ok(documents)) => documents.push(document),
                Some(Err(_)) | None => {
                    return Err(QueryError::Internal {
                        message: format!("a transformation gave a document of row {row}"),
                    });
                }
            }
        }
        self.bytes = self.bytes_max - bytes_left;
        Ok(())
    }
}

/// Appends the documents of `batch` to `given`, each with the row that it came from. False if they
/// have more than `bytes_left`.
fn read(
    batch: &RecordBatch,
    plan: &Plan,
    bytes_left: &mut usize,
    given: &mut Vec<(usize, Object)>,
) -> Result<bool, QueryError> {
    let rows = batch.columns().last();
    let rows = rows.and_then(|column| column.as_primitive_opt::<Int64Type>());
    let Some(rows) = rows.filter(|rows| rows.null_count() == 0) else {
        return Err(QueryError::Internal {
            message: "a transformation lost track of its rows".to_owned(),
        });
    };
    let reader = DocumentReader::new(&plan.output, batch, Undefined::LeftOut)?;
    for row in 0..batch.num_rows() {
        match bytes_left.checked_sub(DOCUMENT_BYTES + reader.bytes(row)) {
            Some(left) => *bytes_left = left,
            None => return Ok(false),
        }
        let source = usize::try_from(rows.value(row)).unwrap_or(usize::MAX);
        given.push((source, reader.document(row)?));
    }
    Ok(true)
}
