//! Headers of every response.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

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

/// How long the request took from its first byte to here, in milliseconds, as browsers and proxies
/// understand it (W3C Server Timing).
pub(crate) fn add_duration(headers: &mut HeaderMap, duration: Duration) {
    let millis = duration.as_secs_f64() * 1e3;
    if let Ok(value) = HeaderValue::try_from(format!("total;dur={millis:.3}")) {
        headers.insert(SERVER_TIMING, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_milliseconds() {
        let mut headers = HeaderMap::new();
        add_duration(&mut headers, Duration::from_micros(1_234_500));
        assert_eq!(headers[SERVER_TIMING], "total;dur=1234.500");
    }
}
