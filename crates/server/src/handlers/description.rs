//! `GET /openapi.json` and `GET /docs`: the API, described by itself.

use axum::http::StatusCode;
use axum::response::Response;

use crate::call::{self, Call};
use crate::error::ApiResult;
use crate::openapi;

/// `GET /openapi.json`, for programs.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn document(_call: Call) -> ApiResult<Response> {
    Ok(call::respond(StatusCode::OK, openapi::description().into()))
}

/// `GET /docs`, for people.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn page(_call: Call) -> ApiResult<Response> {
    Ok(call::text(openapi::page(), "text/html; charset=utf-8"))
}
