//! One call of an operation, as its handler sees it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures::future::BoxFuture;
use outcrop_catalog::{CatalogError, Creator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::openapi::Signature;

/// Answers calls of one operation.
pub(crate) type Handler = fn(Call) -> BoxFuture<'static, ApiResult<Response>>;

/// One call whose key, headers and body have been checked.
pub(crate) struct Call {
    /// The server.
    pub(crate) app: Arc<App>,
    /// What the operation reads and answers.
    pub(crate) signature: &'static Signature,
    /// Whose key it came with; none for public operations.
    pub(crate) caller: Option<Caller>,
    /// The integration whose key it came with; only of receivers.
    pub(crate) integration: Option<String>,
    /// The decoded segments of the path, by their names in the operation's path.
    pub(crate) segments: Vec<(String, String)>,
    /// The query string, still encoded.
    pub(crate) query: String,
    /// The body; empty if there is none.
    pub(crate) body: Bytes,
    /// The program that sent it, as it names itself.
    pub(crate) user_agent: Option<HeaderValue>,
    /// The id of the request.
    pub(crate) trace_id: Uuid,
    /// When it arrived, on the monotonic clock.
    pub(crate) received: Duration,
    /// When it arrived, in microseconds since 1970.
    pub(crate) received_micros: i64,
}

impl Call {
    /// A segment of the path.
    pub(crate) fn segment(&self, name: &str) -> &str {
        let segment = self
            .segments
            .iter()
            .find(|(candidate, _)| candidate == name);
        segment.map_or("", |(_, value)| value)
    }

    /// Owner and name of the key.
    ///
    /// # Errors
    /// `INTERNALERROR` if the operation is public, which is a mistake of ours.
    pub(crate) fn caller(&self) -> ApiResult<&Caller> {
        self.caller
            .as_ref()
            .ok_or_else(|| ApiError::internal("the operation has no caller"))
    }

    /// The integration whose key the call came with.
    ///
    /// # Errors
    /// `INTERNALERROR` if the operation is no receiver, which is a mistake of ours.
    pub(crate) fn integration(&self) -> ApiResult<&str> {
        self.integration
            .as_deref()
            .ok_or_else(|| ApiError::internal("the operation is no receiver"))
    }

    /// Who makes what the operation makes.
    ///
    /// # Errors
    /// As [`Self::caller`].
    pub(crate) fn creator(&self) -> ApiResult<Creator> {
        let key = &self.caller()?.key;
        Ok(Creator {
            email: key.owner.clone(),
            key: key.name.clone(),
            role: key.role.clone(),
        })
    }

    /// The error without the names of dependants that the caller may not list.
    ///
    /// # Errors
    /// Always.
    pub(crate) fn hiding<T>(&self, error: CatalogError) -> ApiResult<T> {
        Err(self.caller()?.hide(error).into())
    }

    /// The values of a parameter of the query string, decoded.
    pub(crate) fn query_values(&self, name: &str) -> Vec<String> {
        debug_assert!(
            self.signature.has_parameter(name),
            "`{}` has no parameter `{name}`",
            self.signature.operation
        );
        let pairs = self.query.split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key) == name).then(|| decode(value))
        });
        pairs.collect()
    }

    /// The body as JSON; an absent one counts as `{}`.
    ///
    /// # Errors
    /// `INVALIDINPUT` if it is not JSON or has a member of the wrong kind.
    pub(crate) fn json<T: DeserializeOwned + 'static>(&self) -> ApiResult<T> {
        debug_assert!(
            self.signature.takes::<T>(),
            "the body of `{}` is no {}",
            self.signature.operation,
            std::any::type_name::<T>()
        );
        let body: &[u8] = if self.body.is_empty() {
            b"{}"
        } else {
            &self.body
        };
        serde_json::from_slice(body)
            .map_err(|error| ApiError::invalid(format!("the body is not valid: {error}")))
    }

    /// The id of the query that this call runs.
    pub(crate) fn query_id(&self) -> String {
        ids::query_id(self.trace_id)
    }
}

/// Decodes percent signs and `+` of a query string.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => match tail.split_at_checked(2).and_then(|(digits, after)| {
                let digits = std::str::from_utf8(digits).ok()?;
                Some((u8::from_str_radix(digits, 16).ok()?, after))
            }) {
                Some((byte, after)) => {
                    bytes.push(byte);
                    rest = after;
                }
                None => bytes.push(b'%'),
            },
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A success with this body.
///
/// # Errors
/// `INTERNALERROR` if the value cannot be written.
pub(crate) fn json<T: Serialize>(value: &T) -> ApiResult<Response> {
    serde_json::to_vec(value)
        .map(|body| respond(StatusCode::OK, body))
        .map_err(ApiError::internal)
}

/// A response whose body is JSON already.
pub(crate) fn respond(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = text(body, "application/json");
    *response.status_mut() = status;
    response
}

/// A success with text of a type.
pub(crate) fn text(body: impl Into<Body>, content_type: &'static str) -> Response {
    let mut response = Response::new(body.into());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_strings_are_decoded_and_broken_escapes_stay() {
        assert_eq!(decode("f2%3A0%3a1+x"), "f2:0:1 x");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%4"), "%zz%4");
    }
}
