//! What a scheduled query lambda sends when it has run.
//!
//! The message is signed as [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
//! has it if there is an `Authorization` header, which is then the secret: the receiver knows it already.

use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outcrop_catalog::{RunState, RunStatus};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use ring::hmac;

use crate::error;

/// What is sent unless there is another payload.
const DEFAULT_PAYLOAD: &str = r#"{"query_id":"{{QUERY_ID}}","results":{{QUERY_RESULTS}}}"#;

const QUERY_ID: &str = "{{QUERY_ID}}";
const QUERY_RESULTS: &str = "{{QUERY_RESULTS}}";

/// Longest payload before the rows are in it.
const TEMPLATE_BYTES_MAX: usize = 64 * 1024;

/// How often the rows, which may be a mebibyte, may stand in a payload.
const RESULTS_MAX: usize = 4;

/// Longest address, and longest `Authorization` header.
const HEADER_BYTES_MAX: usize = 8 * 1024;

/// How long the receiver may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Pauses before further tries.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    /// Where it goes.
    pub(super) url: String,
    /// `Authorization` header.
    pub(super) authorization: Option<String>,
    /// JSON.
    pub(super) payload: String,
    /// The query, by which the receiver can tell that a message came twice.
    pub(super) query_id: String,
    /// Seconds since 1970.
    pub(super) timestamp: i64,
}

/// Checks an address to send to.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_url(text: &str) -> Result<(), String> {
    check_length(text)?;
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(()),
        other => Err(format!("its scheme is `{other}`, not `http` or `https`")),
    }
}

/// Checks a value for the header `Authorization`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_authorization(text: &str) -> Result<(), String> {
    check_length(text)?;
    HeaderValue::from_str(text)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

fn check_length(text: &str) -> Result<(), String> {
    match text.len() > HEADER_BYTES_MAX {
        true => Err(format!("it has more than {HEADER_BYTES_MAX} bytes")),
        false => Ok(()),
    }
}

/// Checks that a payload is JSON when its placeholders have been replaced.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_payload(template: &str) -> Result<(), String> {
    if template.len() > TEMPLATE_BYTES_MAX {
        return Err(format!("it has more than {TEMPLATE_BYTES_MAX} bytes"));
    }
    if template.matches(QUERY_RESULTS).count() > RESULTS_MAX {
        return Err(format!(
            "it has {QUERY_RESULTS} more than {RESULTS_MAX} times"
        ));
    }
    serde_json::from_str::<serde::de::IgnoredAny>(&payload(Some(template), "id", "[]"))
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// The payload with query and rows in their places: inside of a string as text, elsewhere as JSON.
pub(super) fn payload(template: Option<&str>, query_id: &str, rows: &str) -> String {
    let mut rest = template.unwrap_or(DEFAULT_PAYLOAD);
    let mut text = String::with_capacity(rest.len() + rows.len());
    let mut is_in_string = false;
    let quoted = |value: &str| serde_json::Value::from(value).to_string();
    while let Some(first) = rest.chars().next() {
        let placeholder = [
            (QUERY_ID, quoted(query_id)),
            (QUERY_RESULTS, rows.to_owned()),
        ]
        .into_iter()
        .find(|(name, _)| rest.starts_with(name));
        if let Some((name, json)) = placeholder {
            rest = &rest[name.len()..];
            match (is_in_string, name) {
                (false, _) => text.push_str(&json),
                (true, QUERY_ID) => text.push_str(json.trim_matches('"')),
                (true, _) => {
                    let escaped = quoted(&json);
                    text.push_str(&escaped[1..escaped.len() - 1]);
                }
            }
            continue;
        }
        let taken = match first {
            // An escaped quotation mark does not end a string.
            '\\' if is_in_string => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            '"' => {
                is_in_string = !is_in_string;
                1
            }
            other => other.len_utf8(),
        };
        text.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    text
}

/// Sends a message, more than once if the receiver cannot be reached or is not well.
///
/// # Errors
/// What was wrong in the end.
pub(super) async fn send(message: &Message) -> Result<(), RunStatus> {
    let client = Client::builder()
        .timeout(TIMEOUT)
        .redirect(Policy::none())
        .user_agent(concat!("outcrop/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| unreachable(&error))?;
    let mut pauses = PAUSES.iter();
    loop {
        let failure = match send_once(&client, message).await {
            Ok(response) if response.status().is_success() => return Ok(()),
            Ok(response) => refused(response.status()),
            Err(error) => unreachable(&error),
        };
        match pauses.next() {
            Some(pause) if failure.state == RunState::Warning => tokio::time::sleep(*pause).await,
            _ => return Err(failure),
        }
    }
}

async fn send_once(client: &Client, message: &Message) -> Result<Response, reqwest::Error> {
    let mut request = client
        .post(&message.url)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", &message.query_id)
        .header("webhook-timestamp", message.timestamp);
    if let Some(authorization) = &message.authorization {
        request = request
            .header(AUTHORIZATION, authorization)
            .header("webhook-signature", signature(message, authorization));
    }
    request.body(message.payload.clone()).send().await
}

/// Of id, time and payload.
fn signature(message: &Message, secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = format!(
        "{}.{}.{}",
        message.query_id, message.timestamp, message.payload
    );
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

fn refused(status: StatusCode) -> RunStatus {
    let may_pass = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    RunStatus {
        state: match may_pass {
            true => RunState::Warning,
            false => RunState::Error,
        },
        message: format!("the webhook answered {status}"),
    }
}

fn unreachable(error: &reqwest::Error) -> RunStatus {
    RunStatus {
        state: RunState::Warning,
        message: format!("the webhook cannot be reached: {}", error::chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_by_text_or_json() {
        let rows = r#"[{"a":"x\"y"}]"#;
        for (template, expected) in [
            (None, r#"{"query_id":"q","results":[{"a":"x\"y"}]}"#),
            (
                Some(r#"{"id": {{QUERY_ID}}, "n": [{{QUERY_RESULTS}}]}"#),
                r#"{"id": "q", "n": [[{"a":"x\"y"}]]}"#,
            ),
            (
                Some(r#"{"text": "é \"{{QUERY_ID}}\": {{QUERY_RESULTS}}."}"#),
                r#"{"text": "é \"q\": [{\"a\":\"x\\\"y\"}]."}"#,
            ),
            (Some(r#"{"a": "{{OTHER}}"}"#), r#"{"a": "{{OTHER}}"}"#),
        ] {
            let made = payload(template, "q", rows);
            assert_eq!(made, expected);
            serde_json::from_str::<serde_json::Value>(&made).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        assert!(check_url("https://a.example/b?c").is_ok());
        for url in ["", "a.example", "ftp://a.example", "file:///etc/passwd"] {
            assert!(check_url(url).is_err(), "{url}");
        }
        assert!(check_payload(r#"{"a": "{{QUERY_RESULTS}}"}"#).is_ok());
        assert!(check_payload(r#"{"a": {{QUERY_RESULTS}}"#).is_err());
        assert!(check_authorization("Bearer x").is_ok());
        assert!(check_authorization("a\nb").is_err());
        let long = "a".repeat(HEADER_BYTES_MAX);
        assert!(
            check_authorization(&long).is_ok()
                && check_authorization(&(long.clone() + "a")).is_err()
        );
        assert!(check_url(&format!("http://{long}")).is_err());
        let rows = |count: usize| format!("[{}]", vec![QUERY_RESULTS; count].join(","));
        assert!(check_payload(&rows(RESULTS_MAX)).is_ok());
        assert!(check_payload(&rows(RESULTS_MAX + 1)).is_err());
        assert!(check_payload(&format!("\"{}\"", "a".repeat(TEMPLATE_BYTES_MAX))).is_err());
    }

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The example of its reference libraries; the secret is what is behind `whsec_` there, decoded.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let expected = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(STANDARD.encode(hmac::sign(&key, signed)), expected);
        let message = Message {
            url: String::new(),
            authorization: None,
            payload: "{}".to_owned(),
            query_id: "q".to_owned(),
            timestamp: 7,
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let ours = STANDARD.encode(hmac::sign(&key, b"q.7.{}"));
        assert_eq!(signature(&message, "secret"), format!("v1,{ours}"));
    }
}
