//! What those ask who run a server: whether it is there, and how it does.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use serde_json::json;

use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};

/// `GET /healthz` and `GET /readyz`. Connections are taken when everything is recovered, so that whoever gets an
/// answer gets this one.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn health(_call: Call) -> ApiResult<Response> {
    Ok(text("ok\n".to_owned(), "text/plain; charset=utf-8"))
}

/// `GET /v1/orgs/self/metrics` in Prometheus's text format.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn metrics(call: Call) -> ApiResult<Response> {
    let text_format = call.app.metrics.text(&call.app);
    Ok(text(
        text_format.map_err(ApiError::internal)?,
        prometheus::TEXT_FORMAT,
    ))
}

/// `POST /v1/telemetry`: Rockset's command line tells what it was used for, and does not wait for more than an answer.
/// Nothing of it is kept.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn telemetry(_call: Call) -> ApiResult<Response> {
    call::json(&json!({}))
}

fn text(body: String, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}
