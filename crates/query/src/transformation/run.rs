//! Running a transformation over documents.
//!
//! A batch that fails is halved until the documents at fault are alone, so that each gets its own
//! message and the others go on.

use std::ops::Range;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use futures::StreamExt;
use outcrop_document::{Object, Timestamp, Value, k};

use super::batches::{self, Batches};
use super::{Plan, Transformation};
use crate::error::QueryError;
use crate::execution::Session;
use crate::rows::{DOCUMENT_BYTES, DocumentReader, Undefined};

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
        let mut batches = Batches::of(run.documents.len());
        while let Some(range) = batches.next() {
            if let Err(error) = run.batch(range.clone()).await
                && let Some((row, message)) = batches.failed(&range, error)?
            {
                run.transformed[row] = Err(message);
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
        let documents = &self.documents[range.clone()];
        let mut batches = batches::start(self.session, &self.plan, documents, range.start)?;
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
    let rows = rows(batch)?;
    let reader = DocumentReader::new(&plan.output, batch, Undefined::LeftOut)?;
    for (row, source) in rows.into_iter().enumerate() {
        match bytes_left.checked_sub(DOCUMENT_BYTES + reader.bytes(row)) {
            Some(left) => *bytes_left = left,
            None => return Ok(false),
        }
        given.push((source, reader.document(row)?));
    }
    Ok(true)
}

/// The row of `_input` that each row of a batch came from.
///
/// # Errors
/// [`QueryError::Internal`] if the batch does not tell.
pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<usize>, QueryError> {
    let rows = batch.columns().last();
    let rows = rows.and_then(|column| column.as_primitive_opt::<Int64Type>());
    let Some(rows) = rows.filter(|rows| rows.null_count() == 0) else {
        return Err(QueryError::Internal {
            message: "a transformation lost track of its rows".to_owned(),
        });
    };
    let rows = rows.values().iter();
    Ok(rows
        .map(|row| usize::try_from(*row).unwrap_or(usize::MAX))
        .collect())
}
