//! What those ask who run a server: whether it is there, and how it does.

use axum::response::Response;
use outcrop_api::Nothing;

use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};

/// `GET /healthz` and `GET /readyz`. Connections are taken when everything is recovered, so that whoever gets an
/// answer gets this one.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn health(_call: Call) -> ApiResult<Response> {
    Ok(call::text("ok\n", "text/plain; charset=utf-8"))
}

/// `GET /v1/orgs/self/metrics` in Prometheus's text format.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn metrics(call: Call) -> ApiResult<Response> {
    let text_format = call.app.metrics.text(&call.app);
    let text_format = text_format.map_err(ApiError::internal)?;
    Ok(call::text(text_format, prometheus::TEXT_FORMAT))
}

/// `POST /v1/telemetry`: Rockset's command line tells what it was used for, and does not wait for more than an answer.
/// Nothing of it is kept.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn telemetry(_call: Call) -> ApiResult<Response> {
    call::json(&Nothing {})
}
