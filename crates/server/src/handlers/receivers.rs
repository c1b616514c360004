//! `/v1/receivers/kafka`: messages of a topic, as Rockset's sink for Kafka Connect sends them.
//!
//! They become documents of every collection with a source of the topic. A document without an `_id` has one made of
//! topic, partition and offset, so that what is sent again replaces what came before.

use axum::response::Response;
use outcrop_api::Nothing;
use outcrop_api::document::Status;
use outcrop_api::error::ErrorType;
use outcrop_catalog::CollectionRecord;
use outcrop_document::{Object, Timestamp, Value, json};

use super::documents::add::{self, Batch, Documents};
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ingest::id::ID;
use crate::ingest::settle::META;
use crate::receiver;

/// `POST /v1/receivers/kafka`. Documents that cannot be taken are left out: the sink would send them again and again.
pub(crate) async fn kafka(call: Call) -> ApiResult<Response> {
    let (body, messages_max) = (call.body.clone(), call.app.limits.write_documents_max);
    let read = move || messages(&body, messages_max);
    let (topic, documents) = blocking::run_for(call.body.len(), read).await??;
    let batch = Batch {
        received: Timestamp(call.received_micros),
        bytes: call.body.len(),
        keeps_meta: true,
    };
    for collection in targets(&call, &topic)? {
        let entry = call
            .app
            .catalog
            .collection(&collection.workspace, &collection.name)?;
        let documents = documents.clone();
        let written = add::add(&call.app, &entry, batch, Documents::Values(documents)).await?;
        let failed = written.data.iter();
        let failed = failed.filter(|document| document.status == Status::Error);
        let failed_count = failed.count();
        if failed_count > 0 {
            tracing::warn!(
                collection.name = %collection.full_name(),
                kafka.topic = topic,
                documents.count = failed_count,
                "documents of Kafka messages could not be taken"
            );
        }
    }
    call::json(&Nothing {})
}

/// The collections that take the topic.
///
/// # Errors
/// `NOTFOUND` if there are none, `SERVICEUNAVAILABLE`, which the sink waits for to end, if one is suspended.
fn targets(call: &Call, topic: &str) -> ApiResult<Vec<CollectionRecord>> {
    let integration = call.integration()?;
    let targets = receiver::targets(&call.app.catalog, integration, topic);
    if targets.is_empty() {
        let message = format!(
            "no collection has a source of the topic `{topic}` and the integration `{integration}`"
        );
        return Err(ApiError::new(ErrorType::NotFound, message));
    }
    let targets = targets
        .into_iter()
        .map(|(collection, is_suspended)| match is_suspended {
            false => Ok(collection),
            true => Err(ApiError::new(
                ErrorType::ServiceUnavailable,
                format!("the source of the topic `{topic}` is suspended"),
            )),
        });
    targets.collect()
}

/// The topic of the body, and the documents of its messages.
///
/// # Errors
/// `INVALIDINPUT` if the body is no object with `topic` and `kafka_messages`, or has too many messages.
fn messages(body: &[u8], messages_max: usize) -> ApiResult<(String, Vec<Value>)> {
    let members = match json::parse(body)? {
        Value::Object(members) => Some(members),
        _ => None,
    };
    let invalid = || {
        ApiError::invalid(
            "the body has to be an object with the text `topic` and the list `kafka_messages`",
        )
    };
    let mut members = members.ok_or_else(invalid)?;
    let (Some(Value::String(topic)), Some(Value::Array(messages))) =
        (members.remove("topic"), members.remove("kafka_messages"))
    else {
        return Err(invalid());
    };
    if messages.len() > messages_max {
        return Err(ApiError::invalid(format!(
            "the request has {} messages, more than the {messages_max} of one write",
            messages.len()
        )));
    }
    let documents = messages
        .into_iter()
        .filter_map(|message| document(&topic, message).transpose());
    let documents = documents.collect::<ApiResult<Vec<Value>>>()?;
    Ok((topic, documents))
}

/// The document of a message, with what else there is to the message in its `_meta`. A tombstone, which tells Kafka that
/// what came before under the key may be compacted away, has none.
fn document(topic: &str, message: Value) -> ApiResult<Option<Value>> {
    let Value::Object(mut message) = message else {
        return Err(ApiError::invalid("a message has to be an object"));
    };
    let mut document = match message.remove("document") {
        Some(Value::Object(document)) => document,
        Some(Value::Null) => return Ok(None),
        _ => {
            return Err(ApiError::invalid(
                "a message has to have an object as `document`, or null",
            ));
        }
    };
    let mut meta = Object::new();
    meta.insert("topic".to_owned(), Value::String(topic.to_owned()));
    for name in [
        "key",
        "partition",
        "offset",
        "create_time",
        "log_append_time",
    ] {
        if let Some(value) = message.remove(name)
            && value != Value::Null
        {
            meta.insert(name.to_owned(), value);
        }
    }
    if matches!(document.get(ID), None | Some(Value::Null)) {
        document.remove(ID);
        if let (Some(Value::Int(partition)), Some(Value::Int(offset))) =
            (meta.get("partition"), meta.get("offset"))
        {
            let id = format!("{topic}-{partition}-{offset}");
            document.insert(ID.to_owned(), Value::String(id));
        }
    }
    let mut source = Object::new();
    source.insert("kafka".to_owned(), Value::Object(meta));
    document.insert(META.to_owned(), Value::Object(source));
    Ok(Some(Value::Object(document)))
}
