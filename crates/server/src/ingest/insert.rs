//! Where the documents of an `INSERT INTO` go.
//!
//! They are stored as they are selected: the transformation of the collection is for documents that
//! come from outside.

use std::sync::Arc;

use async_trait::async_trait;
use outcrop_catalog::{Action, CatalogError, CollectionEntry, CollectionName};
use outcrop_document::{Object, Timestamp, Value};
use outcrop_query::{DocumentSink, INSERT_CHUNK_BYTES, QueryError};
use outcrop_storage::Operation;
use parking_lot::Mutex;

use super::id::{self, ID};
use super::rollup;
use super::settle::Settling;
use crate::access::Caller;
use crate::app::App;
use crate::call::Call;
use crate::error::{ApiError, ApiResult};
use crate::ids;

/// Stores the documents of one statement.
pub(crate) struct InsertSink {
    app: Arc<App>,
    caller: Caller,
    settling: Settling,
    /// First part of generated ids.
    request_id: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    target: Option<Arc<CollectionEntry>>,
    /// Documents so far.
    count: u64,
    seqno: Option<u64>,
}

impl InsertSink {
    /// A sink for the statement of this call.
    ///
    /// # Errors
    /// `INTERNALERROR` if the call has no caller, which is a mistake of ours.
    pub(crate) fn new(call: &Call) -> ApiResult<Self> {
        Ok(Self {
            app: Arc::clone(&call.app),
            caller: call.caller()?.clone(),
            settling: Settling {
                received: Timestamp(call.received_micros),
                document_bytes_max: call.app.limits.document_bytes_max,
                is_measured: true,
                keeps_meta: false,
            },
            request_id: ids::uuid(call.app.environment().random.as_ref())
                .hyphenated()
                .to_string(),
            state: Mutex::default(),
        })
    }

    /// The sequence number of the last write; `None` if nothing was to be inserted.
    pub(crate) fn seqno(&self) -> Option<u64> {
        let state = self.state.lock();
        let target = state.target.as_ref();
        state
            .seqno
            .or_else(|| target.map(|target| target.handle().snapshot().seqno()))
    }

    fn require_write(&self, workspace: &str) -> Result<(), QueryError> {
        let allowed = self.caller.require(Action::WriteData, workspace);
        allowed.map_err(|error| QueryError::Forbidden {
            message: error.model.message,
        })
    }

    /// The rows of a query are no groups, and the transformation is for documents from outside.
    async fn refuse_rollup(&self, target: &CollectionEntry) -> Result<(), QueryError> {
        let refused = rollup::refuse(&self.app, target, "it takes no INSERT").await;
        refused.map_err(|error| QueryError::semantic(error.model.message, None))
    }

    fn operation(&self, mut document: Object, number: u64) -> Result<Operation, ApiError> {
        let id = match document.remove(ID) {
            None | Some(Value::Null) => format!("{}-{number}", self.request_id),
            Some(value) => id::text(&value)?,
        };
        let document = self.settling.settle(document, &id)?;
        Ok(Operation::put(id, document))
    }
}

#[async_trait]
impl DocumentSink for InsertSink {
    async fn open(&self, workspace: &str, name: &str) -> Result<(), QueryError> {
        self.require_write(workspace)?;
        let entry = match self.app.catalog.alias(workspace, name) {
            Ok(alias) => {
                let CollectionName { workspace, name } = alias.collection;
                self.require_write(&workspace)?;
                self.app.catalog.collection_to_change(&workspace, &name)
            }
            Err(_) => self.app.catalog.collection_to_change(workspace, name),
        };
        let entry = entry.map_err(|error| match error {
            CatalogError::CollectionNotReady { .. } => QueryError::Unavailable,
            CatalogError::SystemCollection { .. } => QueryError::semantic(error.to_string(), None),
            _ => QueryError::UnknownCollection {
                name: format!("{workspace}.{name}"),
                position: None,
            },
        })?;
        self.refuse_rollup(&entry).await?;
        self.state.lock().target = Some(entry);
        Ok(())
    }

    async fn store(&self, documents: Vec<Object>) -> Result<(), QueryError> {
        let (target, first) = {
            let mut state = self.state.lock();
            let first = state.count + 1;
            state.count += documents.len() as u64;
            (state.target.as_ref().map(Arc::clone), first)
        };
        let target = target.ok_or_else(|| QueryError::Internal {
            message: "documents were inserted before a target was chosen".to_owned(),
        })?;
        // It may have become one since.
        self.refuse_rollup(&target).await?;
        let mut operations = Vec::with_capacity(documents.len());
        for (document, number) in documents.into_iter().zip(first..) {
            let operation = self.operation(document, number);
            operations.push(operation.map_err(|error| QueryError::Runtime {
                message: format!("document {number}: {}", error.model.message),
            })?);
        }
        let permit = self.app.admission.write(INSERT_CHUNK_BYTES).await;
        let permit = permit.map_err(|error| QueryError::MemoryLimit {
            message: error.model.message,
        })?;
        let receipt = target.handle().write(operations).await;
        drop(permit);
        self.state.lock().seqno = Some(receipt.map_err(QueryError::Write)?.seqno);
        Ok(())
    }
}
