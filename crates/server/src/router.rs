//! From a request line to an operation, and everything around all operations.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{Method as HttpMethod, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::any;
use outcrop_api::error::ErrorType;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

use crate::app::App;
use crate::dispatch::{self, Outcome, TraceId};
use crate::error::ApiError;
use crate::headers;
use crate::ids;
use crate::operations::{BEYOND_SPECIFICATION, Method, Operation, SPECIFICATION};

/// Bodies below this size are not worth compressing: they fit one packet.
const COMPRESS_BYTES_MIN: u64 = 1024;

/// Prefix that some clients need in their server address to let it pass their own checks.
const IGNORED_PREFIX: &str = "/rockset.com";

/// The operations of one path.
type PathOperations = BTreeMap<Method, &'static Operation>;

/// All routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for (path, operations) in paths() {
        let operations = Arc::new(operations);
        let endpoint = move |State(app): State<Arc<App>>,
                             segments: Result<RawPathParams, RawPathParamsRejection>,
                             request: Request| {
            choose(app, Arc::clone(&operations), segments, request)
        };
        router = router.route(path, any(endpoint));
    }
    router
        .fallback(unknown_path)
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(COMPRESS_BYTES_MIN)))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), around))
        .with_state(app)
}

/// Every path with its operations. A fixed path such as `/users/self/apikeys` also takes the
/// methods of the general ones that cover it, here `/users/{user}/apikeys`.
fn paths() -> BTreeMap<&'static str, PathOperations> {
    let all = || SPECIFICATION.iter().chain(BEYOND_SPECIFICATION);
    let mut paths: BTreeMap<&'static str, PathOperations> = BTreeMap::new();
    for operation in all() {
        paths
            .entry(operation.path)
            .or_default()
            .insert(operation.method, operation);
    }
    for (path, operations) in &mut paths {
        for general in all().filter(|operation| covers(operation.path, path)) {
            operations.entry(general.method).or_insert(general);
        }
    }
    paths
}

/// Whether every request for `path` would also match `general`.
fn covers(general: &str, path: &str) -> bool {
    let mut general = general.split('/');
    let mut specific = path.split('/');
    loop {
        match (general.next(), specific.next()) {
            (None, None) => return true,
            (Some(left), Some(right)) if left == right || left.starts_with('{') => {}
            _ => return false,
        }
    }
}

/// Picks the operation by its method.
async fn choose(
    app: Arc<App>,
    operations: Arc<PathOperations>,
    segments: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let trace_id = dispatch::trace_id(&request, &app);
    let segments = match segments {
        Ok(segments) => segments,
        Err(rejection) => {
            return dispatch::failure(ApiError::invalid(rejection.body_text()), trace_id);
        }
    };
    let segments = segments
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let method = Method::from_http(request.method());
    let operation = method.and_then(|method| operations.get(&method));
    match operation {
        Some(operation) => dispatch::answer(app, operation, segments, request).await,
        None if request.method() == HttpMethod::HEAD => Response::default(),
        None => {
            let allowed: Vec<&str> = operations.keys().map(|method| method.name()).collect();
            let allowed = allowed.join(", ");
            let error = ApiError::new(
                ErrorType::MethodNotAllowed,
                format!(
                    "`{}` is not allowed here; allowed: {allowed}",
                    request.method()
                ),
            );
            let mut response = dispatch::failure(error, trace_id);
            if let Ok(allowed) = allowed.parse() {
                response
                    .headers_mut()
                    .insert(axum::http::header::ALLOW, allowed);
            }
            response
        }
    }
}

/// The answer for paths that are no operation's.
async fn unknown_path(State(app): State<Arc<App>>, request: Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    let error = ApiError::new(ErrorType::NotFound, format!("there is nothing at `{path}`"));
    dispatch::failure(error, dispatch::trace_id(&request, &app))
}

/// What every request goes through: its id, `OPTIONS`, common headers, the access log.
async fn around(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let trace_id = ids::uuid(app.environment().random.as_ref());
    request.extensions_mut().insert(TraceId(trace_id));
    let started = app.monotonic();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let user_agent = request
        .headers()
        .get(axum::http::header::USER_AGENT)
        .cloned();
    let mut response = if method == HttpMethod::OPTIONS {
        Response::default()
    } else {
        next.run(request).await
    };
    headers::add_common(response.headers_mut());
    let outcome = response
        .extensions_mut()
        .remove::<Outcome>()
        .unwrap_or_default();
    let duration = app.monotonic().saturating_sub(started);
    headers::add_duration(response.headers_mut(), duration);
    let status = response.status().as_u16();
    app.metrics.count(outcome.operation, status, duration);
    tracing::info!(
        trace_id = %trace_id,
        http.method = %method,
        http.path = %path,
        http.status = response.status().as_u16(),
        operation = outcome.operation,
        key.name = outcome.key_name.as_deref().unwrap_or_default(),
        error.kind = outcome.error_type.map(tracing::field::display),
        user_agent = user_agent.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default(),
        duration_ms = duration.as_secs_f64() * 1000.0,
        "request"
    );
    response
}

/// Makes the path what the routes expect: no `/rockset.com` in front, no doubled slashes, none at
/// the end.
pub(crate) fn normalize(request: &mut hyper::Request<hyper::body::Incoming>) {
    if let Some(uri) = normalized(request.uri()) {
        *request.uri_mut() = uri;
    }
}

/// The normal form of `uri`, if it is another one.
fn normalized(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let segments = |path: &str| {
        let kept: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        format!("/{}", kept.join("/"))
    };
    let mut normal = segments(path);
    if let Some(rest) = normal.strip_prefix(IGNORED_PREFIX)
        && (rest.is_empty() || rest.starts_with('/'))
    {
        normal = segments(rest);
    }
    if normal == path && uri.authority().is_none() {
        return None;
    }
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    format!("{normal}{query}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        let uri: Uri = path.parse().unwrap();
        let normal = normalized(&uri).unwrap_or(uri);
        assert_eq!(normal.to_string(), expected);
    }

    #[test]
    fn paths_are_brought_to_one_form() {
        check("/", "/");
        check("//", "/");
        check("/v1/orgs/self", "/v1/orgs/self");
        check("//v1//orgs/self/?a=b//c", "/v1/orgs/self?a=b//c");
        check("/rockset.com/v1/orgs/self", "/v1/orgs/self");
        check("/rockset.com", "/");
        check("/rockset.community", "/rockset.community");
        check("http://api.rockset.com/v1/x%2Fy", "/v1/x%2Fy");
    }

    #[test]
    fn fixed_paths_take_the_methods_of_general_ones() {
        let paths = paths();
        let keys = &paths["/v1/orgs/self/users/self/apikeys"];
        assert_eq!(keys[&Method::Post].name, "createApiKey");
        assert_eq!(keys[&Method::Get].name, "listApiKeys");
        assert_eq!(
            paths["/v1/orgs/self/users/self"][&Method::Get].name,
            "getCurrentUser"
        );
    }
}
