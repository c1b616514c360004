//! `POST …/docs`: adds documents, or replaces those whose id is taken.

use std::sync::Arc;

use axum::response::Response;
use outcrop_api::error::ErrorType;
use outcrop_document::{Object, Timestamp, Value, json, k};
use outcrop_storage::Operation;

use super::{Entry, id};
use crate::call::Call;
use crate::error::{ApiError, ApiResult};
use crate::ids;

/// Name of the member that holds a document's time.
const EVENT_TIME: &str = "_event_time";

/// Name of the member that is reserved for sources, and dropped.
const META: &str = "_meta";

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// `POST …/docs`.
pub(crate) async fn handle(call: Call) -> ApiResult<Response> {
    let reader = Reader {
        request_id: ids::uuid(call.app.environment().random.as_ref())
            .hyphenated()
            .to_string(),
        received: Timestamp(call.received_micros),
        document_bytes_max: call.app.limits.document_bytes_max,
        body_bytes: call.body.len(),
    };
    let reader = Arc::new(reader);
    super::write(call, move |index, value| reader.entry(index, value)).await
}

/// Turns elements of `data` into documents.
struct Reader {
    /// First part of generated ids.
    request_id: String,
    /// The default of `_event_time`.
    received: Timestamp,
    /// Largest document.
    document_bytes_max: usize,
    /// Size of the request, which no document of it exceeds by much.
    body_bytes: usize,
}

impl Reader {
    fn entry(&self, index: usize, value: Value) -> Entry {
        let generated = || format!("{}-{}", self.request_id, index + 1);
        let Value::Object(document) = value else {
            return Entry::failed(
                None,
                ApiError::invalid("a document has to be a JSON object"),
            );
        };
        let id = match document.get(id::ID) {
            None => Ok(generated()),
            Some(value) => json::resolve_typed(value.clone())
                .map_err(ApiError::from)
                .and_then(|value| id::text(&value)),
        };
        let id = match id {
            Ok(id) => id,
            Err(error) => return Entry::failed(None, error),
        };
        match self.document(document, &id) {
            Ok(document) => Entry {
                operation: Ok(Operation::put(id.clone(), document)),
                id: Some(id),
                patch_id: None,
            },
            Err(error) => Entry::failed(Some(id), error),
        }
    }

    /// The document as it is stored: typed values resolved, special members in place.
    fn document(&self, mut document: Object, id: &str) -> ApiResult<Object> {
        document.remove(META);
        document.insert(id::ID.to_owned(), Value::String(id.to_owned()));
        let Value::Object(mut document) = json::resolve_typed(Value::Object(document))? else {
            return Err(ApiError::invalid(
                "a document has to be a JSON object, not a typed value",
            ));
        };
        let event_time = match document.remove(EVENT_TIME) {
            None | Some(Value::Null) => self.received,
            Some(value) => event_time(&value)?,
        };
        document.insert(EVENT_TIME.to_owned(), Value::Timestamp(event_time));
        self.check_size(document)
    }

    /// Refuses a document above the limit. Only requests that are large enough to hold one are
    /// measured; the measure is the encoded size.
    fn check_size(&self, document: Object) -> ApiResult<Object> {
        if self.body_bytes <= self.document_bytes_max {
            return Ok(document);
        }
        let document = Value::Object(document);
        let bytes = k::encode(&document).len();
        match document {
            Value::Object(document) if bytes <= self.document_bytes_max => Ok(document),
            _ => Err(ApiError::new(
                ErrorType::ContentTooLarge,
                format!(
                    "the document has {bytes} bytes, more than the limit of {}",
                    self.document_bytes_max
                ),
            )),
        }
    }
}

/// The time of a document: a text in ISO 8601, microseconds since 1970, or a typed value.
fn event_time(value: &Value) -> ApiResult<Timestamp> {
    match value {
        Value::Timestamp(timestamp) => Ok(*timestamp),
        Value::Int(micros) => Ok(Timestamp(*micros)),
        Value::Datetime(datetime) => Ok(Timestamp(datetime.0)),
        Value::Date(date) => Ok(Timestamp(i64::from(date.0) * DAY_MICROS)),
        Value::String(text) => Timestamp::parse(text.trim()).map_err(|error| {
            ApiError::invalid(format!("`{EVENT_TIME}` is not a timestamp: {error}"))
        }),
        other => Err(ApiError::invalid(format!(
            "`{EVENT_TIME}` has to be a timestamp, not of type `{}`",
            other.value_type().name()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_time_has_many_forms() {
        let expected = Timestamp(1_577_923_200_000_000);
        for value in [
            Value::Timestamp(expected),
            Value::Int(expected.0),
            Value::String("2020-01-02T00:00:00Z".to_owned()),
            Value::String(" 2020-01-02T01:00:00+01:00 ".to_owned()),
            Value::Date(outcrop_document::Date(18_263)),
        ] {
            assert_eq!(event_time(&value).unwrap(), expected, "{value:?}");
        }
        for value in [
            Value::Bool(true),
            Value::String("soon".to_owned()),
            Value::Float(1.5),
        ] {
            assert!(event_time(&value).is_err(), "{value:?}");
        }
    }
}
