//! The special members of a document, and its size.

use outcrop_api::error::ErrorType;
use outcrop_document::json::{BorrowedObject, BorrowedValue};
use outcrop_document::{Object, Timestamp, Value, k};
use outcrop_storage::HIDDEN_FIELD;

use super::id::ID;
use crate::error::{ApiError, ApiResult};

/// Name of the member that holds a document's time.
pub(crate) const EVENT_TIME: &str = "_event_time";

/// Name of the member that is reserved for sources, and dropped if it does not come from one.
pub(crate) const META: &str = "_meta";

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// Makes documents what is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settling {
    /// The default of `_event_time`.
    pub(crate) received: Timestamp,
    /// Largest document.
    pub(crate) document_bytes_max: usize,
    /// Whether a document can be that large at all: measuring costs an encoding.
    pub(crate) is_measured: bool,
    /// Whether `_meta` comes from a source of ours; else it is dropped.
    pub(crate) keeps_meta: bool,
}

impl Settling {
    /// The document `id` as it is stored. Its values are no JSON any more: typed ones are resolved.
    ///
    /// # Errors
    /// `INVALIDINPUT` if its `_event_time` is no time or it has the hidden member of storage,
    /// `CONTENTTOOLARGE` if it is too large.
    pub(crate) fn settle(&self, mut document: Object, id: &str) -> ApiResult<Object> {
        check_hidden(document.contains_key(HIDDEN_FIELD))?;
        if !self.keeps_meta {
            document.remove(META);
        }
        document.insert(ID.to_owned(), Value::String(id.to_owned()));
        let event_time = self.event_time(document.remove(EVENT_TIME))?;
        document.insert(EVENT_TIME.to_owned(), Value::Timestamp(event_time));
        if !self.is_measured {
            return Ok(document);
        }
        let document = Value::Object(document);
        self.check_size(k::encode(&document).len())?;
        match document {
            Value::Object(document) => Ok(document),
            _ => unreachable!("it was made of an object"),
        }
    }

    /// As [`settle`](Self::settle), for a document without typed values, whose K this gives.
    ///
    /// # Errors
    /// Those of [`settle`](Self::settle).
    pub(crate) fn encode<'a>(
        &self,
        mut document: BorrowedObject<'a>,
        id: &'a str,
    ) -> ApiResult<Vec<u8>> {
        check_hidden(document.get(HIDDEN_FIELD).is_some())?;
        if !self.keeps_meta {
            document.remove(META);
        }
        document.insert(ID, BorrowedValue::String(id.into()));
        let own_time = document.remove(EVENT_TIME).map(BorrowedValue::into_value);
        let event_time = Value::Timestamp(self.event_time(own_time)?);
        document.insert(EVENT_TIME, BorrowedValue::Owned(Box::new(event_time)));
        let k = k::encode_borrowed(&document);
        if self.is_measured {
            self.check_size(k.len())?;
        }
        Ok(k)
    }

    /// The time of a document that came with `own`.
    fn event_time(&self, own: Option<Value>) -> ApiResult<Timestamp> {
        match own {
            None | Some(Value::Null) => Ok(self.received),
            Some(value) => event_time(&value),
        }
    }

    /// Refuses a document above the limit; the measure is the encoded size.
    fn check_size(&self, bytes: usize) -> ApiResult<()> {
        if bytes <= self.document_bytes_max {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorType::ContentTooLarge,
            format!(
                "the document has {bytes} bytes, more than the limit of {}",
                self.document_bytes_max
            ),
        ))
    }
}

/// Refuses a document that has the hidden member of storage.
fn check_hidden(has_it: bool) -> ApiResult<()> {
    if !has_it {
        return Ok(());
    }
    let name = HIDDEN_FIELD.escape_debug();
    Err(ApiError::invalid(format!("the field `{name}` is reserved")))
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
