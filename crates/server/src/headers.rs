//! Headers of every response.

use axum::http::{HeaderMap, HeaderValue, header};

/// What browsers may do, for how long they may remember it, and what caches must know.
///
/// The list of request headers is that of Rockset's console and browser SDK.
pub(crate) fn add_common(headers: &mut HeaderMap) {
    let fixed = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            "GET, POST, PUT, DELETE, OPTIONS, HEAD, PATCH",
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "origin, content-type, accept, authorization, organization, user-agent, \
             x-rockset-version, baggage, sentry-trace",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "1209600"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept-Encoding, User-Agent"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
