//! A request and its answer against the description.

use serde_json::Value;

use super::DOCUMENT;
use super::schema::{self, Unknown};
use crate::Answer;

const JSON: &str = "application/json";

/// How the failure begins that a body is answered with that does not have the shape of its type.
const MISSHAPEN: &str = "the body is not valid: ";

/// Checks that what was sent and what came back are as they are described.
pub(crate) fn check(method: &str, path: &str, sent: &[u8], answer: &Answer) {
    let is_read = answer.headers.get("content-encoding").is_none();
    if matches!(method, "HEAD" | "OPTIONS") || !is_read {
        return;
    }
    let Some(operation) = operation(method, path) else {
        assert!(
            answer.status.is_client_error(),
            "{method} {path}: {answer:?}"
        );
        return check_body(
            &DOCUMENT["components"]["responses"]["Failure"],
            answer,
            path,
        );
    };
    let name = operation["operationId"].as_str().unwrap();
    let response = &operation["responses"][answer.status.as_str()];
    assert!(!response.is_null(), "{name} answers {}", answer.status);
    check_body(schema::resolved(&DOCUMENT, response), answer, name);
    check_request(operation, sent, answer, name);
}

/// The operation that a request is for.
pub(super) fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next()?;
    let path = path.strip_prefix("http://").map_or(path, |rest| {
        rest.find('/').map_or("", |slash| &rest[slash..])
    });
    let mut segments: Vec<&str> = path.split('/').filter(|one| !one.is_empty()).collect();
    if segments.first() == Some(&"rockset.com") {
        segments.remove(0);
    }
    let paths = DOCUMENT["paths"].as_object()?.iter();
    let matching = paths.filter_map(|(template, operations)| {
        let template: Vec<&str> = template.split('/').filter(|one| !one.is_empty()).collect();
        let operation = operations.get(method.to_ascii_lowercase())?;
        let mut pairs = template.iter().zip(&segments);
        let fits = template.len() == segments.len()
            && pairs.all(|(known, given)| known.starts_with('{') || known == given);
        let fixed = template
            .iter()
            .filter(|known| !known.starts_with('{'))
            .count();
        fits.then_some((fixed, operation))
    });
    let best = matching.max_by_key(|(fixed, _)| *fixed);
    best.map(|(_, operation)| operation)
}

fn check_body(response: &Value, answer: &Answer, name: &str) {
    let content = response["content"].as_object().unwrap();
    let (media_type, content) = content.iter().next().unwrap();
    let given = answer.headers["content-type"].to_str().unwrap();
    assert_eq!(given.split(';').next().unwrap(), media_type, "{name}");
    if media_type == JSON {
        let checked = schema::check(&content["schema"], &answer.json(), Unknown::Wrong, "$");
        assert_eq!(checked, Ok(()), "{name} answers {}", answer.status);
    }
}

/// A body that fits is read, and one that does not fit is refused, as a whole or in its parts.
fn check_request(operation: &Value, sent: &[u8], answer: &Answer, name: &str) {
    let schema = &operation["requestBody"]["content"][JSON]["schema"];
    let Ok(body) = serde_json::from_slice(sent) else {
        return;
    };
    if schema.is_null() {
        return;
    }
    let fits = schema::check(schema, &body, Unknown::PassedOver, "$");
    let answered = answer.json();
    let parts = answered["data"].as_array().into_iter().flatten();
    let has_refused = parts
        .map(|part| &part["status"])
        .any(|status| status == "ERROR");
    if answer.status.is_success() && !has_refused {
        assert_eq!(fits, Ok(()), "{name} takes {body}");
    }
    let message = answered["message"].as_str().unwrap_or_default();
    if let Some(reason) = message.strip_prefix(MISSHAPEN) {
        assert!(fits.is_err(), "{name} refuses {body}: {reason}");
    }
}
