//! `INSERT INTO collection query`: the rows of the query as documents.
//!
//! The engine runs the query and makes documents of its rows; storing them is the business of a
//! [`DocumentSink`], since only its owner knows keys, limits and logs. Rows are handed over in chunks
//! while the query runs, and it goes on when the last chunk is durable. So a statement that fails
//! halfway has stored the rows before.

use std::mem;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::SessionState;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::sqlparser::ast::SetExpr;
use futures::StreamExt;
use outcrop_document::Object;

use crate::binder::{BoundQuery, OutputColumn, OutputKind};
use crate::dialect::{Insert, Statement};
use crate::engine::QueryOutput;
use crate::error::QueryError;
use crate::rows::{DOCUMENT_BYTES, DocumentReader, Undefined};
use crate::scan::access_kinds;

/// Bytes of documents that are handed over at once, about.
pub const INSERT_CHUNK_BYTES: usize = 4 << 20;

/// The column of the answer.
const COUNT: &str = "num_docs_inserted";

/// Stores the documents of one `INSERT INTO`.
#[async_trait]
pub trait DocumentSink: Send + Sync {
    /// Says which collection the documents are for, by its own name or that of an alias. Called once,
    /// before the query runs.
    ///
    /// # Errors
    /// [`QueryError::UnknownCollection`] if there is none, [`QueryError::Forbidden`] if whoever runs
    /// the statement may not write, [`QueryError::Semantic`] if it takes no documents of statements.
    async fn open(&self, workspace: &str, name: &str) -> Result<(), QueryError>;

    /// Stores `documents`, and returns when they are durable and visible.
    ///
    /// # Errors
    /// [`QueryError::Runtime`] for a document that cannot be stored, [`QueryError::Write`] if storage
    /// refuses.
    async fn store(&self, documents: Vec<Object>) -> Result<(), QueryError>;
}

/// Workspace and name of a collection from the parts of its name.
pub(crate) fn target(insert: &Insert, default_workspace: &str) -> (String, String) {
    match insert.target.as_slice() {
        [] => (default_workspace.to_owned(), String::new()),
        [name] => (default_workspace.to_owned(), name.clone()),
        [workspace @ .., name] => (workspace.join("."), name.clone()),
    }
}

/// The names of the fields that the columns of the query become.
///
/// # Errors
/// [`QueryError::Semantic`] if the statement names more or fewer columns than the query has, or none
/// for the rows of VALUES.
pub(crate) fn fields(
    statement: &Statement,
    insert: &Insert,
    output: Vec<OutputColumn>,
) -> Result<Vec<OutputColumn>, QueryError> {
    let complaint = |message: String| Err(QueryError::semantic(message, insert.position));
    let names = &insert.columns;
    if names.is_empty() {
        return match statement.query.body.as_ref() {
            SetExpr::Values(_) => {
                complaint("INSERT of VALUES needs the names of its columns: `(a, b)`".to_owned())
            }
            _ => Ok(output),
        };
    }
    if output.iter().any(|column| column.kind == OutputKind::Star) {
        return complaint("`*` has no fixed number of columns to name".to_owned());
    }
    if names.len() != output.len() {
        let message = format!("{} names for {} columns", names.len(), output.len());
        return complaint(message);
    }
    let renamed = output
        .into_iter()
        .zip(names)
        .map(|(column, name)| OutputColumn {
            name: name.clone(),
            ..column
        });
    Ok(renamed.collect())
}

/// What an Arrow NULL of the query's columns means: only a SELECT on its own tells undefined apart.
fn undefined(statement: &Statement) -> Undefined {
    match statement.query.body.as_ref() {
        SetExpr::Select(_) => Undefined::LeftOut,
        _ => Undefined::Null,
    }
}

/// Runs the plan and stores its rows as documents with the fields `fields`.
///
/// # Errors
/// Those of the query and of `sink`.
pub(crate) async fn run(
    statement: &Statement,
    bound: BoundQuery,
    fields: &[OutputColumn],
    plan: Arc<dyn ExecutionPlan>,
    state: &SessionState,
    sink: &dyn DocumentSink,
) -> Result<QueryOutput, QueryError> {
    let mut chunk = Chunk {
        sink,
        documents: Vec::new(),
        bytes: 0,
        stored: 0,
    };
    let undefined = undefined(statement);
    let access_kinds = access_kinds(&plan);
    let mut batches = execute_stream(plan, state.task_ctx())?;
    while let Some(batch) = batches.next().await {
        chunk.take(&batch?, fields, undefined).await?;
    }
    chunk.store().await?;
    Ok(QueryOutput {
        collections: bound.collections,
        aliases: Vec::new(),
        column_fields: Some(vec![COUNT.to_owned()]),
        row_count: 1,
        rows_json: format!("[{{\"{COUNT}\":{}}}]", chunk.stored).into_bytes(),
        warnings: bound.warnings,
        access_kinds,
    })
}

/// Documents that wait to be stored together.
struct Chunk<'a> {
    sink: &'a dyn DocumentSink,
    documents: Vec<Object>,
    bytes: usize,
    /// Documents stored before.
    stored: usize,
}

impl Chunk<'_> {
    async fn take(
        &mut self,
        batch: &RecordBatch,
        fields: &[OutputColumn],
        undefined: Undefined,
    ) -> Result<(), QueryError> {
        let reader = DocumentReader::new(fields, batch, undefined)?;
        for row in 0..batch.num_rows() {
            self.documents.push(reader.document(row)?);
            self.bytes += DOCUMENT_BYTES + reader.bytes(row);
            if self.bytes >= INSERT_CHUNK_BYTES {
                self.store().await?;
            }
        }
        Ok(())
    }

    async fn store(&mut self) -> Result<(), QueryError> {
        self.bytes = 0;
        let documents = mem::take(&mut self.documents);
        let count = documents.len();
        if count > 0 {
            self.sink.store(documents).await?;
            self.stored += count;
        }
        Ok(())
    }
}
