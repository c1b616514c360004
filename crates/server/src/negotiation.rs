//! `Accept` and `Content-Type`: everything here is JSON, but for files that are uploaded.

use axum::http::{HeaderMap, header};
use outcrop_api::error::ErrorType;

use crate::error::{ApiError, ApiResult};

/// Checks that the client takes JSON.
///
/// # Errors
/// `NOTACCEPTABLE` if the `Accept` header excludes it.
pub(crate) fn check_accept(headers: &HeaderMap) -> ApiResult<()> {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .filter(|range| !range.trim().is_empty())
        .peekable();
    if ranges.peek().is_none() || ranges.any(takes_json) {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorType::NotAcceptable,
        "only `application/json` can be served",
    ))
}

/// Whether one media range of an `Accept` header takes JSON.
fn takes_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let excluded = parts.any(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        name.trim().eq_ignore_ascii_case("q") && value.trim().parse() == Ok(0.0_f32)
    });
    matches!(
        media_type.as_str(),
        "*/*" | "application/*" | "application/json"
    ) && !excluded
}

/// Checks that a body that is there is JSON. A missing header counts as JSON.
///
/// # Errors
/// `UNSUPPORTEDMEDIATYPE` for another type, character set or an encoding such as gzip.
pub(crate) fn check_content_type(headers: &HeaderMap) -> ApiResult<()> {
    check_encoding(headers)?;
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if !is_json(media_type) {
        return Err(unsupported("the body has to be `application/json`"));
    }
    let charset = parts.find_map(|parameter| parameter.strip_prefix("charset="));
    match charset.map(|charset| charset.trim_matches('"')) {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(_) => Err(unsupported("the body has to be in UTF-8")),
    }
}

/// Checks that a body that is there is a form with a file.
///
/// # Errors
/// `UNSUPPORTEDMEDIATYPE` for another type, or an encoding such as gzip.
pub(crate) fn check_form(headers: &HeaderMap) -> ApiResult<()> {
    check_encoding(headers)?;
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok());
    let media_type = text.and_then(|text| text.split(';').next());
    match media_type.map(|text| text.trim().to_ascii_lowercase()) {
        Some(media_type) if media_type == "multipart/form-data" => Ok(()),
        _ => Err(unsupported("the body has to be `multipart/form-data`")),
    }
}

fn check_encoding(headers: &HeaderMap) -> ApiResult<()> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => Err(
            unsupported("a body with a `Content-Encoding` is not supported"),
        ),
        _ => Ok(()),
    }
}

fn is_json(media_type: &str) -> bool {
    let subtype = media_type
        .strip_prefix("application/")
        .or(media_type.strip_prefix("text/"));
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

fn unsupported(message: &str) -> ApiError {
    ApiError::new(ErrorType::UnsupportedMediaType, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn json_is_accepted_wherever_it_is_not_excluded() {
        for value in [
            "application/json",
            "*/*",
            "application/*",
            "text/html, */*;q=0.1",
            "APPLICATION/JSON",
            "",
        ] {
            assert!(
                check_accept(&headers(header::ACCEPT, value)).is_ok(),
                "{value}"
            );
        }
        for value in [
            "text/html",
            "application/xml",
            "application/json;q=0",
            "text/*",
        ] {
            let error = check_accept(&headers(header::ACCEPT, value)).unwrap_err();
            assert_eq!(error.model.error_type, ErrorType::NotAcceptable, "{value}");
        }
        assert!(check_accept(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn bodies_are_json_in_utf_8() {
        for value in [
            "application/json",
            "application/json; charset=UTF-8",
            "application/x+json",
        ] {
            assert!(
                check_content_type(&headers(header::CONTENT_TYPE, value)).is_ok(),
                "{value}"
            );
        }
        for value in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-16",
        ] {
            assert!(
                check_content_type(&headers(header::CONTENT_TYPE, value)).is_err(),
                "{value}"
            );
        }
        assert!(check_content_type(&headers(header::CONTENT_ENCODING, "gzip")).is_err());
        assert!(check_content_type(&HeaderMap::new()).is_ok());
    }
}
