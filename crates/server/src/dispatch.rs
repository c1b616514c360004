//! From a matched operation to its response: key, headers, body, handler, errors.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::FutureExt;
use outcrop_api::error::ErrorType;
use uuid::Uuid;

use crate::access::{self, Caller};
use crate::app::App;
use crate::auth;
use crate::body;
use crate::call::{self, Call, Handler};
use crate::error::{self, ApiError, ApiResult};
use crate::events::Audit;
use crate::handlers;
use crate::ids;
use crate::negotiation;
use crate::openapi::Signature;
use crate::operations::{Need, Operation};

/// Seconds that a client should wait before it tries again. Small, because Python's client really
/// waits that long.
const RETRY_AFTER_SECONDS: &str = "1";

/// The id of a request; an extension of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceId(pub(crate) Uuid);

/// What the access log says about a call; an extension of its response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Name of the operation.
    pub(crate) operation: &'static str,
    /// Name of the key.
    pub(crate) key_name: Option<String>,
    /// Kind of the failure.
    pub(crate) error_type: Option<ErrorType>,
}

/// Answers one request of an operation. Never fails: whatever goes wrong is a response.
pub(crate) async fn answer(
    app: Arc<App>,
    operation: &'static Operation,
    segments: Vec<(String, String)>,
    request: Request,
) -> Response {
    let trace_id = trace_id(&request, &app);
    let mut outcome = Outcome {
        operation: operation.name,
        ..Outcome::default()
    };
    let call = run(app, operation, segments, request, trace_id, &mut outcome);
    let result = catch_panic(call).await;
    let mut response = result.unwrap_or_else(|error| {
        outcome.error_type = Some(error.model.error_type);
        failure(error, trace_id)
    });
    response.extensions_mut().insert(outcome);
    response
}

async fn run(
    app: Arc<App>,
    operation: &'static Operation,
    segments: Vec<(String, String)>,
    request: Request,
    trace_id: Uuid,
    outcome: &mut Outcome,
) -> ApiResult<Response> {
    let received = app.monotonic();
    let received_micros = app.now_micros();
    let (parts, body) = request.into_parts();
    let checked = check(&app, operation, &segments, &parts.headers);
    let (sender, handler, signature) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            body::discard(body, &parts.headers).await;
            return Err(error);
        }
    };
    let (caller, integration) = match sender {
        Sender::Anybody => (None, None),
        Sender::Caller(caller) => (Some(*caller), None),
        Sender::Integration(name) => (None, Some(name)),
    };
    outcome.key_name = caller.as_ref().map(|caller| caller.key.name.clone());
    let is_write = handlers::is_document_write(operation.name);
    let bytes_max = if is_write {
        app.limits.write_body_bytes_max
    } else {
        app.limits.body_bytes_max
    };
    let _permit = if is_write {
        let declared = body::declared_bytes(&parts.headers);
        // A form is small where its file is compressed.
        let declared = declared.filter(|_| !signature.takes_form());
        let bytes = declared
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(bytes_max);
        match app.admission.write(bytes.min(bytes_max)).await {
            Ok(permit) => Some(permit),
            Err(error) => {
                body::discard(body, &parts.headers).await;
                return Err(error);
            }
        }
    } else {
        None
    };
    let body = body::read(body, &parts.headers, bytes_max).await?;
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let call = Call {
        app,
        signature,
        caller,
        integration,
        segments,
        query,
        body,
        user_agent: parts.headers.get(header::USER_AGENT).cloned(),
        trace_id,
        received,
        received_micros,
    };
    let audit = Audit::of(operation.name, &call);
    let answer = handler(call).await;
    if let Some(audit) = audit {
        audit.end(&answer);
    }
    answer
}

/// Who sent a request, as far as the operation asks.
enum Sender {
    Anybody,
    Caller(Box<Caller>),
    /// The name of the integration whose key it came with.
    Integration(String),
}

/// All that can be checked before the body is read.
fn check(
    app: &App,
    operation: &'static Operation,
    segments: &[(String, String)],
    headers: &axum::http::HeaderMap,
) -> ApiResult<(Sender, Handler, &'static Signature)> {
    let sender = match operation.need {
        Need::Public => Sender::Anybody,
        Need::Receiver => {
            Sender::Integration(auth::authenticate_integration(&app.catalog, headers)?)
        }
        need => {
            let caller = auth::authenticate(&app.catalog, headers)?;
            access::check(app, &caller, need, segments)?;
            Sender::Caller(Box::new(caller))
        }
    };
    let (handler, signature) = handlers::find(operation.name).ok_or_else(|| {
        ApiError::not_implemented(format!(
            "the operation `{}` is not implemented yet",
            operation.name
        ))
    })?;
    if signature.answers_json() {
        negotiation::check_accept(headers)?;
    }
    if body::is_present(headers) {
        match signature.takes_form() {
            true => negotiation::check_form(headers)?,
            false => negotiation::check_content_type(headers)?,
        }
    }
    Ok((sender, handler, signature))
}

/// The response to a failure; logs what the client does not get to see.
pub(crate) fn failure(error: ApiError, trace_id: Uuid) -> Response {
    let status = error.status();
    let mut model = error.model;
    let cause = error.cause.as_deref().map(|cause| error::chain(cause));
    if status.is_server_error() && status != axum::http::StatusCode::NOT_IMPLEMENTED {
        tracing::error!(
            trace_id = %trace_id,
            http.status = status.as_u16(),
            error = cause.as_deref().unwrap_or(&model.message),
            "request failed"
        );
    }
    if error.is_query {
        model.query_id = Some(ids::query_id(trace_id));
    }
    model.trace_id = Some(trace_id.hyphenated().to_string());
    let transient = error::is_transient(model.error_type);
    let body = serde_json::to_vec(&model).expect("an error model has string keys only");
    let mut response = call::respond(status, body);
    if transient {
        let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    if model.error_type == ErrorType::AuthException {
        let scheme = HeaderValue::from_static("ApiKey");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

/// The id that the router gave the request, or a new one.
pub(crate) fn trace_id(request: &Request, app: &App) -> Uuid {
    let given = request.extensions().get::<TraceId>();
    given.map_or_else(|| ids::uuid(app.environment().random.as_ref()), |id| id.0)
}

/// Turns a panic into a failure.
///
/// Whatever a handler shares with others is behind locks that a panic leaves usable.
pub(crate) async fn catch_panic<T>(call: impl Future<Output = ApiResult<T>>) -> ApiResult<T> {
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => {
            let text = panic_text(&*panic);
            Err(ApiError::internal(format!("a handler panicked: {text}")))
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use http_body_util::BodyExt;

    use super::*;

    async fn body(response: Response) -> serde_json::Value {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_without_details() {
        let call = async { panic!("secret detail") };
        let error = catch_panic::<()>(call).await.unwrap_err();
        let response = failure(error, Uuid::from_u128(7));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = body(response).await;
        assert_eq!(body["type"], "INTERNALERROR");
        assert_eq!(body["trace_id"], "00000000-0000-0000-0000-000000000007");
        assert!(!body.to_string().contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn only_failures_of_queries_have_a_query_id() {
        let error = ApiError::from(outcrop_query::QueryError::Timeout);
        let body = body(failure(error, Uuid::from_u128(7))).await;
        assert_eq!(body["query_id"], ids::query_id(Uuid::from_u128(7)));
        let other = failure(ApiError::invalid("x"), Uuid::from_u128(7));
        assert_eq!(self::body(other).await["query_id"], serde_json::Value::Null);
    }
}
