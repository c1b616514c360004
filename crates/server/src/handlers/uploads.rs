//! `POST …/collections/{collection}/uploads`: a file of documents as a form, as the JDBC driver and the console send it.

use axum::response::Response;
use outcrop_api::document::Status;
use outcrop_api::{Data, upload::UploadedFile};
use outcrop_document::{Object, Timestamp, Value};
use serde_json::Value as Json;

use super::documents::add::{self, Batch, Documents};
use super::sources;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::ingest::settle::META;
use crate::upload::{self, Record};

/// `POST …/uploads`. Records that are no documents, or cannot be taken, are counted and left out.
pub(crate) async fn upload(call: Call) -> ApiResult<Response> {
    let (workspace, name) = (call.segment("workspace"), call.segment("collection"));
    let entry = call.app.catalog.collection_to_change(workspace, name)?;
    let file = upload::read(&call.app, call.body.clone(), format_params).await?;
    let received = Timestamp(call.received_micros);
    let meta = meta(&file.file_name, received);
    let mut records = file.records.into_iter();
    let (mut doc_count, mut error_count, mut last_error) = (0, 0, None);
    loop {
        let chunk: Vec<Record> = records
            .by_ref()
            .take(call.app.limits.write_documents_max)
            .collect();
        if chunk.is_empty() {
            break;
        }
        let (documents, errors): (Vec<Record>, Vec<Record>) =
            chunk.into_iter().partition(Result::is_ok);
        let errors = errors.into_iter().filter_map(Result::err);
        let documents = documents.into_iter().filter_map(Result::ok);
        let documents: Vec<Value> = documents.map(|value| with_meta(value, &meta)).collect();
        let batch = Batch {
            received,
            bytes: call.body.len(),
            keeps_meta: true,
        };
        let written = add::add(&call.app, &entry, batch, Documents::Values(documents)).await?;
        let (failed, taken): (Vec<_>, Vec<_>) = written
            .data
            .into_iter()
            .partition(|document| document.status == Status::Error);
        doc_count += taken.len();
        let failed = failed.into_iter().filter_map(|document| document.error);
        for error in errors.chain(failed.map(|error| error.message)) {
            error_count += 1;
            last_error = Some(error);
        }
    }
    call::json(&Data {
        data: UploadedFile {
            workspace: workspace.to_owned(),
            collection: name.to_owned(),
            file_name: file.file_name,
            file_size: file.bytes,
            file_upload_time: ids::metadata_time(call.received_micros),
            doc_count,
            error_count,
            last_error,
        },
    })
}

/// Format parameters in their shape: those of sources, but that `avro` may be a boolean, and there is `parquet`, which
/// sources go without.
fn format_params(given: &Json) -> ApiResult<Json> {
    let mut plain = given.clone();
    let mut flags = Vec::new();
    for name in ["avro", "parquet"] {
        if let Some(flag @ Json::Bool(_)) = given.get(name) {
            flags.push((name, flag));
            plain[name] = Json::Null;
        }
    }
    if plain
        .get("parquet")
        .is_some_and(|parquet| !parquet.is_null())
    {
        let message = "`format_params.parquet` has to be a boolean";
        return Err(ApiError::invalid(message));
    }
    let mut checked = sources::format_params(&plain)?;
    for (name, flag) in flags {
        checked[name] = flag.clone();
    }
    Ok(checked)
}

/// The `_meta` of the documents of a file.
fn meta(file_name: &str, received: Timestamp) -> Value {
    let mut upload = Object::new();
    upload.insert("file_name".to_owned(), Value::String(file_name.to_owned()));
    upload.insert("file_upload_time".to_owned(), Value::Timestamp(received));
    let mut meta = Object::new();
    meta.insert("file_upload".to_owned(), Value::Object(upload));
    Value::Object(meta)
}

fn with_meta(document: Value, meta: &Value) -> Value {
    match document {
        Value::Object(mut document) => {
            document.insert(META.to_owned(), meta.clone());
            Value::Object(document)
        }
        other => other,
    }
}
