//! The primary key of a document, `_id`.

use outcrop_document::{Object, Value, json};

use crate::error::{ApiError, ApiResult};

/// Name of the member.
pub(crate) const ID: &str = "_id";

/// The id as text: texts stay as they are, other scalars are written out.
///
/// # Errors
/// `INVALIDINPUT` for null, lists, objects and the other types that have no plain text form.
pub(crate) fn text(value: &Value) -> ApiResult<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Ok(plain_json(value)),
        Value::Date(date) => Ok(date.to_string()),
        Value::Time(time) => Ok(time.to_string()),
        Value::Datetime(datetime) => Ok(datetime.to_string()),
        Value::Timestamp(timestamp) => Ok(timestamp.to_string()),
        Value::Null
        | Value::Bytes(_)
        | Value::MonthInterval(_)
        | Value::MicrosecondInterval(_)
        | Value::Array(_)
        | Value::Object(_)
        | Value::Geography(_) => Err(ApiError::invalid(format!(
            "`{ID}` has to be a string, not of type `{}`",
            value.value_type().name()
        ))),
    }
}

/// The id of a patch or a deletion, whose entry must have one.
///
/// # Errors
/// `INVALIDINPUT` if it is missing or as for [`text`].
pub(crate) fn required(entry: &Object) -> ApiResult<String> {
    let value = entry
        .get(ID)
        .ok_or_else(|| ApiError::invalid(format!("`{ID}` is required")))?;
    text(&json::resolve_typed(value.clone())?)
}

fn plain_json(value: &Value) -> String {
    let mut bytes = Vec::new();
    json::write_json(value, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_become_text_and_containers_do_not() {
        assert_eq!(text(&Value::String("a".to_owned())).unwrap(), "a");
        assert_eq!(text(&Value::Int(i64::MAX)).unwrap(), "9223372036854775807");
        assert_eq!(text(&Value::Float(1.5)).unwrap(), "1.5");
        assert_eq!(text(&Value::Bool(true)).unwrap(), "true");
        for value in [
            Value::Null,
            Value::Array(Vec::new()),
            Value::Object(Object::new()),
        ] {
            assert!(text(&value).is_err(), "{value:?}");
        }
    }
}
