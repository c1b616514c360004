//! `POST …/docs`: adds documents, or replaces those whose id is taken.
//!
//! Documents pass through the transformation of the collection, if it has one. A rollup adds them to
//! their groups.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use outcrop_api::document::DocumentsResponse;
use outcrop_catalog::CollectionEntry;
use outcrop_document::json::BorrowedValue;
use outcrop_document::{Object, Timestamp, Value, json};
use outcrop_query::{RolledUp, Transformation, Transformed};
use outcrop_storage::Operation;

use super::Entry;
use crate::app::App;
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::ingest::id::{self, ID};
use crate::ingest::op::Op;
use crate::ingest::rollup;
use crate::ingest::settle::{EVENT_TIME, META, Settling};
use crate::ingest::transformations;

/// `POST …/docs`.
pub(crate) async fn handle(call: Call) -> ApiResult<Response> {
    let entry = super::collection(&call)?;
    let batch = Batch {
        received: Timestamp(call.received_micros),
        bytes: call.body.len(),
        keeps_meta: false,
    };
    let documents = Documents::Body {
        body: call.body.clone(),
        documents_max: call.app.limits.write_documents_max,
    };
    let response = add(&call.app, &entry, batch, documents).await?;
    call::json(&response)
}

/// Where the documents of a batch come from.
pub(crate) enum Documents {
    /// The list `data` in the body of a request, which is yet to be parsed.
    Body {
        /// The body.
        body: Bytes,
        /// Most documents of one write.
        documents_max: usize,
    },
    /// They are there.
    Values(Vec<Value>),
}

impl Documents {
    /// What `read` makes of each document.
    ///
    /// # Errors
    /// Those of [`elements`](super::elements).
    fn read<T>(self, read: impl Fn(usize, BorrowedValue<'_>) -> T) -> ApiResult<Vec<T>> {
        match self {
            Self::Body {
                body,
                documents_max,
            } => super::elements(&body, documents_max, read),
            Self::Values(values) => {
                let values = values.into_iter().enumerate();
                let read =
                    values.map(|(index, value)| read(index, BorrowedValue::Owned(Box::new(value))));
                Ok(read.collect())
            }
        }
    }
}

/// Documents that come in together.
#[derive(Clone, Copy)]
pub(crate) struct Batch {
    /// The default of their `_event_time`.
    pub(crate) received: Timestamp,
    /// Size of the text that they are read from.
    pub(crate) bytes: usize,
    /// Whether their `_meta` comes from a source of ours, and is stored.
    pub(crate) keeps_meta: bool,
}

/// Adds the documents of a batch to a collection, and tells what became of each.
///
/// # Errors
/// Those of a body that is no list of documents, of a transformation that fails as a whole, and of
/// storage.
pub(crate) async fn add(
    app: &App,
    entry: &CollectionEntry,
    batch: Batch,
    documents: Documents,
) -> ApiResult<DocumentsResponse> {
    let transformation = app.transformations.of(app.engine(), entry).await?;
    let reader = Arc::new(Reader {
        request_id: ids::uuid(app.environment().random.as_ref())
            .hyphenated()
            .to_string(),
        settling: Settling {
            received: batch.received,
            document_bytes_max: app.limits.document_bytes_max,
            // A document of the body is not larger than it by much; one that is made of it may be.
            is_measured: transformation.is_some() || batch.bytes > app.limits.document_bytes_max,
            keeps_meta: batch.keeps_meta,
        },
    });
    let Some(transformation) = transformation else {
        let read = move || documents.read(|index, value| reader.entry(index, value));
        let entries = blocking::run_for(batch.bytes, read).await??;
        return super::commit(entry, entries).await;
    };
    let (sources, documents) = inputs(batch, documents).await?;
    let entries = match transformation.is_rollup() {
        true => rolled_up(app, entry, &reader, transformation, sources, documents).await?,
        false => {
            let given = transform(app, &reader, &transformation, documents).await?;
            let unnests = transformation.unnests();
            let combine = move || reader.combined(sources, given, unnests);
            blocking::run_for(batch.bytes, combine).await?
        }
    };
    count_errors(entry, &entries);
    super::commit(entry, entries).await
}

/// Adds the documents to the groups of a rollup, all that can be read or none.
async fn rolled_up(
    app: &App,
    entry: &CollectionEntry,
    reader: &Reader,
    rollup: Arc<Transformation>,
    inputs: Vec<ApiResult<Source>>,
    documents: Vec<Object>,
) -> ApiResult<Vec<Entry>> {
    let now = reader.settling.received;
    let rolled_up = app.engine().roll_up(rollup, documents, now).await;
    let RolledUp { parts, documents } = rolled_up.map_err(transformations::failed)?;
    let settling = reader.settling;
    let operations = parts.into_iter();
    let operations = operations.map(|part| rollup::operation(part, settling));
    let operations: Vec<_> = operations.collect();
    if !operations.is_empty() {
        entry.handle().write(operations).await?;
    }
    let mut documents = documents.into_iter();
    let entries = inputs.into_iter().map(|input| {
        let source = match input {
            Ok(source) => source,
            Err(error) => return Entry::failed(None, error),
        };
        let source_id = source.id.as_ref().and_then(|id| id::text(id).ok());
        match documents.next().unwrap_or(Ok(None)) {
            Ok(group) => Entry {
                id: group.or(source_id),
                operations: Ok(Vec::new()),
                patch_id: None,
            },
            Err(message) => Entry::failed(source_id, transformation_failed(&message)),
        }
    });
    Ok(entries.collect())
}

/// The documents of a batch as a transformation sees them, and for each element of it what there is
/// to know about its document besides, or why there is none.
async fn inputs(
    batch: Batch,
    documents: Documents,
) -> ApiResult<(Vec<ApiResult<Source>>, Vec<Object>)> {
    let read = move || documents.read(|_, value| input(value.into_value(), batch.keeps_meta));
    let inputs = blocking::run_for(batch.bytes, read).await??;
    let mut documents = Vec::new();
    let mut sources = Vec::with_capacity(inputs.len());
    for input in inputs {
        sources.push(input.map(|document| {
            let source = Source::of(&document);
            documents.push(document);
            source
        }));
    }
    Ok((sources, documents))
}

/// What the transformation makes of each document.
async fn transform(
    app: &App,
    reader: &Reader,
    transformation: &Arc<Transformation>,
    documents: Vec<Object>,
) -> ApiResult<Vec<Transformed>> {
    if transformation.is_identity() {
        return Ok(documents.into_iter().map(|one| Ok(vec![one])).collect());
    }
    let (compiled, now) = (Arc::clone(transformation), reader.settling.received);
    let given = app.engine().transform(compiled, documents, now).await;
    given.map_err(transformations::failed)
}

fn transformation_failed(message: &str) -> ApiError {
    ApiError::invalid(format!("the ingest transformation failed: {message}"))
}

/// What a document that came in hands down to those that a transformation makes of it.
struct Source {
    id: Option<Value>,
    event_time: Option<Value>,
}

impl Source {
    fn of(document: &Object) -> Self {
        Self {
            id: document.get(ID).cloned(),
            event_time: document.get(EVENT_TIME).cloned(),
        }
    }
}

/// A document as a transformation sees it: typed values resolved, no `_meta` but that of a source.
fn input(value: Value, keeps_meta: bool) -> ApiResult<Object> {
    let Value::Object(mut document) = value else {
        return Err(ApiError::invalid("a document has to be a JSON object"));
    };
    if !keeps_meta {
        document.remove(META);
    }
    match json::resolve_typed(Value::Object(document))? {
        Value::Object(document) => Ok(document),
        _ => Err(ApiError::invalid(
            "a document has to be a JSON object, not a typed value",
        )),
    }
}

fn count_errors(entry: &CollectionEntry, entries: &[Entry]) {
    let errors = entries
        .iter()
        .filter_map(|entry| entry.operations.as_ref().err());
    if let Some(last) = errors.clone().next_back() {
        entry.add_transformation_errors(errors.count() as u64, &last.model.message);
    }
}

/// Turns elements of `data` into documents.
struct Reader {
    /// First part of generated ids.
    request_id: String,
    settling: Settling,
}

impl Reader {
    fn generated_id(&self, index: usize) -> String {
        format!("{}-{}", self.request_id, index + 1)
    }

    /// The entry of a document that is stored as it is.
    fn entry(&self, index: usize, value: BorrowedValue<'_>) -> Entry {
        match value {
            BorrowedValue::Object(document) if !document.has_typed_values() => {
                let own_id = document.get(ID).cloned().map(BorrowedValue::into_value);
                self.put(index, own_id, |id| {
                    let k = self.settling.encode(document, id)?;
                    Ok(Operation::put_encoded(id, k))
                })
            }
            other => match other.into_value() {
                Value::Object(document) => {
                    let own_id = document.get(ID).cloned();
                    self.put(index, own_id, |id| {
                        let document = self.document(document, id)?;
                        Ok(Operation::put(id, document))
                    })
                }
                _ => Entry::failed(
                    None,
                    ApiError::invalid("a document has to be a JSON object"),
                ),
            },
        }
    }

    /// The entry of a document, given the id that it came with and how it is put under its id.
    fn put(
        &self,
        index: usize,
        own_id: Option<Value>,
        operation: impl FnOnce(&str) -> ApiResult<Operation>,
    ) -> Entry {
        let id = match own_id {
            None => Ok(self.generated_id(index)),
            Some(value) => json::resolve_typed(value)
                .map_err(ApiError::from)
                .and_then(|value| id::text(&value)),
        };
        let id = match id {
            Ok(id) => id,
            Err(error) => return Entry::failed(None, error),
        };
        match operation(&id) {
            Ok(operation) => Entry::of(Some(id), operation),
            Err(error) => Entry::failed(Some(id), error),
        }
    }

    /// The document as it is stored: typed values resolved, special members in place.
    fn document(&self, mut document: Object, id: &str) -> ApiResult<Object> {
        if !self.settling.keeps_meta {
            document.remove(META);
        }
        document.insert(ID.to_owned(), Value::String(id.to_owned()));
        let Value::Object(document) = json::resolve_typed(Value::Object(document))? else {
            return Err(ApiError::invalid(
                "a document has to be a JSON object, not a typed value",
            ));
        };
        self.settling.settle(document, id)
    }

    /// The entries of documents, out of those of which that could be read a transformation made `given`.
    fn combined(
        &self,
        sources: Vec<ApiResult<Source>>,
        given: Vec<Transformed>,
        unnests: bool,
    ) -> Vec<Entry> {
        let mut given = given.into_iter();
        let entries = sources.into_iter().enumerate().map(|(index, source)| {
            let source = match source {
                Ok(source) => source,
                Err(error) => return Entry::failed(None, error),
            };
            let given = given.next().unwrap_or_else(|| Ok(Vec::new()));
            self.transformed(index, &source, given, unnests)
        });
        entries.collect()
    }

    /// The entry of a document out of which the transformation made `given`.
    fn transformed(
        &self,
        index: usize,
        source: &Source,
        given: Transformed,
        unnests: bool,
    ) -> Entry {
        let source_id = source.id.as_ref().and_then(|id| id::text(id).ok());
        let given = match given {
            Ok(given) => given,
            Err(message) => return Entry::failed(source_id, transformation_failed(&message)),
        };
        let is_one = given.len() == 1;
        let numbered = given.into_iter().enumerate();
        let operations = numbered.map(|(number, document)| {
            let generated = match unnests {
                false => self.generated_id(index),
                true => format!("{}-{}", self.generated_id(index), number + 1),
            };
            // Documents out of one array would otherwise replace each other.
            let inherited = source.id.as_ref().filter(|_| !unnests);
            self.operation(document, source, inherited, generated)
        });
        match operations.collect::<ApiResult<Vec<_>>>() {
            Ok(operations) => {
                let only = operations.first().filter(|_| is_one);
                let id = only.map(|operation| operation.id.clone()).or(source_id);
                Entry {
                    id,
                    operations: Ok(operations),
                    patch_id: None,
                }
            }
            Err(error) => Entry::failed(source_id, error),
        }
    }

    /// What to do with one document that a transformation gave.
    ///
    /// Its `_id` is its own, else `inherited`, else `generated`; a null asks for a generated one.
    fn operation(
        &self,
        mut document: Object,
        source: &Source,
        inherited: Option<&Value>,
        generated: String,
    ) -> ApiResult<Operation> {
        let op = Op::take(&mut document)?;
        let own = document.remove(ID);
        let id = match own.as_ref().or(inherited) {
            None | Some(Value::Null) if op.needs_id() => {
                let message = format!("the `_op` {} needs an `_id`", op.name());
                return Err(ApiError::invalid(message));
            }
            None | Some(Value::Null) => generated,
            Some(value) => id::text(value)?,
        };
        if op == Op::Delete {
            return Ok(Operation::delete(id));
        }
        if !document.contains_key(EVENT_TIME)
            && let Some(time) = &source.event_time
        {
            document.insert(EVENT_TIME.to_owned(), time.clone());
        }
        let document = self.settling.settle(document, &id)?;
        Ok(op.operation(id, document))
    }
}
