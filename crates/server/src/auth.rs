//! Who calls: the `Authorization` header.
//!
//! Clients send `ApiKey KEY` in any case of the scheme, `Bearer KEY`, or `Basic` with the key as the
//! user name.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outcrop_api::error::ErrorType;
use outcrop_catalog::Catalog;

use crate::access::Caller;
use crate::error::{ApiError, ApiResult};
use crate::receiver;

/// Finds who sent a request.
///
/// # Errors
/// `AUTHEXCEPTION` if there is no key that works.
pub(crate) fn authenticate(catalog: &Catalog, headers: &HeaderMap) -> ApiResult<Caller> {
    let secret = secret(headers)?;
    let (key, rights) = catalog
        .authenticate(&secret)
        .ok_or_else(|| refused("the API key is unknown, expired or suspended"))?;
    Ok(Caller { key, rights })
}

/// Finds the integration whose key came with a request to a receiver.
///
/// # Errors
/// `AUTHEXCEPTION` if there is no such key.
pub(crate) fn authenticate_integration(
    catalog: &Catalog,
    headers: &HeaderMap,
) -> ApiResult<String> {
    let key = integration_key(headers)?;
    receiver::integration_of(catalog, &key).ok_or_else(|| refused("no integration has this key"))
}

/// The user name of basic credentials, where some put the whole connection string.
fn integration_key(headers: &HeaderMap) -> ApiResult<String> {
    let value = headers
        .get(header::AUTHORIZATION)
        .ok_or_else(|| refused("no key was given: send that of the integration as a user name"))?;
    let text = value.to_str().map_err(|_| unreadable())?.trim();
    let (scheme, credentials) = text
        .split_once(char::is_whitespace)
        .ok_or_else(unreadable)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unreadable());
    }
    let decoded = STANDARD.decode(credentials.trim());
    let text = String::from_utf8(decoded.map_err(|_| unreadable())?).map_err(|_| unreadable())?;
    let key = receiver::key_of(&text).map(str::to_owned);
    Ok(key.unwrap_or_else(|| {
        let (user, _) = text.split_once(':').unwrap_or((&text, ""));
        user.to_owned()
    }))
}

/// The secret out of the header.
fn secret(headers: &HeaderMap) -> ApiResult<String> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(|| {
        refused("no API key was given: send the header `Authorization: ApiKey <key>`")
    })?;
    let text = value.to_str().map_err(|_| unreadable())?.trim();
    let (scheme, credentials) = text
        .split_once(char::is_whitespace)
        .ok_or_else(unreadable)?;
    let credentials = credentials.trim();
    let secret = match scheme.to_ascii_lowercase().as_str() {
        "apikey" | "bearer" => named_key(credentials).unwrap_or(credentials).to_owned(),
        "basic" => user_name(credentials).ok_or_else(unreadable)?,
        _ => {
            return Err(refused(
                "the scheme of the `Authorization` header is not supported",
            ));
        }
    };
    if secret.is_empty() {
        Err(unreadable())
    } else {
        Ok(secret)
    }
}

/// The key in `{'apikey': 'KEY'}`.
///
/// That is what Rockset's Python client sends when its configuration is given the key in the form of
/// other generated clients, a dictionary by name: it writes the dictionary into the header.
fn named_key(credentials: &str) -> Option<&str> {
    let (_, value) = credentials
        .strip_prefix('{')?
        .strip_suffix('}')?
        .split_once(':')?;
    let value = value.trim();
    value
        .strip_prefix('\'')?
        .strip_suffix('\'')
        .filter(|key| !key.contains('\''))
}

/// The user name of basic credentials; the password does not matter.
fn user_name(credentials: &str) -> Option<String> {
    let decoded = STANDARD.decode(credentials).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    Some(
        text.split_once(':')
            .map_or(text.as_str(), |(user, _)| user)
            .to_owned(),
    )
}

fn unreadable() -> ApiError {
    refused("the `Authorization` header cannot be read: send `ApiKey <key>`")
}

fn refused(message: &str) -> ApiError {
    ApiError::new(ErrorType::AuthException, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn every_form_of_the_header_gives_the_key() {
        let basic = format!("Basic {}", STANDARD.encode("k3y:"));
        let without_colon = format!("basic {}", STANDARD.encode("k3y"));
        for value in [
            "ApiKey k3y",
            "apikey k3y",
            "Apikey  k3y ",
            "APIKEY k3y",
            "Bearer k3y",
            "apikey {'apikey': 'k3y'}",
            &basic,
            &without_colon,
        ] {
            assert_eq!(secret(&headers(value)).unwrap(), "k3y", "{value}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for value in [
            "k3y",
            "ApiKey",
            "ApiKey ",
            "Digest k3y",
            "Basic !!!",
            "Basic Og==",
        ] {
            let error = secret(&headers(value)).unwrap_err();
            assert_eq!(error.model.error_type, ErrorType::AuthException, "{value}");
        }
        assert!(secret(&HeaderMap::new()).is_err());
    }
}
