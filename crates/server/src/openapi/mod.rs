//! The API, described by itself: `GET /openapi.json`, and `GET /docs` for people.
//!
//! [`table`] says what each operation reads and answers, `operations.rs` where it is and what it needs, and the types of
//! `outcrop_api` what they hold. All of it is made when it is wanted first.

mod page;
mod schemas;
mod signature;
mod table;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use outcrop_api::error::{ErrorModel, ErrorType};
use outcrop_catalog::Action;
use serde_json::{Map, Value, json};

use crate::error;
use crate::operations::{BEYOND_SPECIFICATION, Need, Operation, SPECIFICATION};
use schemas::Schemas;
pub(crate) use signature::Signature;
use signature::{Kind, Parameter};
use table::{SEGMENTS, SIGNATURES, TAGS};

/// Where the shared answer of all failures is.
const FAILURE: &str = "#/components/responses/Failure";

static TEXT: LazyLock<String> = LazyLock::new(|| make().to_string());
static PAGE: LazyLock<String> = LazyLock::new(|| page::render(&make()));

/// The description of the API, by OpenAPI 3.1.
pub fn description() -> &'static str {
    &TEXT
}

/// The same as HTML.
pub(crate) fn page() -> &'static str {
    &PAGE
}

/// What the operation of this name reads and answers, if it is built.
pub(crate) fn signature(operation: &str) -> Option<&'static Signature> {
    SIGNATURES
        .iter()
        .find(|signature| signature.operation == operation)
}

fn make() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for operation in SPECIFICATION.iter().chain(BEYOND_SPECIFICATION) {
        if let Some(signature) = signature(operation.name) {
            let path = paths.entry(operation.path).or_insert_with(|| json!({}));
            let method = operation.method.name().to_ascii_lowercase();
            path[method] = describe(operation, signature, &mut schemas);
        }
    }
    let failure = schemas.answer::<ErrorModel>();
    let tags: Vec<Value> = TAGS
        .iter()
        .map(|(name, text)| json!({ "name": name, "description": text }))
        .collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Outcrop",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "JSON documents in, SQL out.",
            "description": "The REST API of Outcrop, which is that of Rockset. In requests `null` means the same as \
                leaving a member out, and members that are not known are passed over. Integers have 64 bits.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "ApiKey": [] }, { "Bearer": [] }, { "Basic": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "responses": {
                "Failure": {
                    "description": "What went wrong.",
                    "content": { "application/json": { "schema": failure } },
                },
            },
            "securitySchemes": {
                "ApiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`ApiKey <key>`",
                },
                "Bearer": { "type": "http", "scheme": "bearer", "description": "The key as the token." },
                "Basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The key as the user name; the password does not matter.",
                },
            },
        },
    });
    schemas.finish(&mut document);
    document
}

fn describe(operation: &Operation, signature: &Signature, schemas: &mut Schemas) -> Value {
    let segments = operation.path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        let (_, text) = SEGMENTS.iter().find(|(known, _)| *known == name)?;
        Some(json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": text,
            "schema": { "type": "string" },
        }))
    });
    let parameters: Vec<Value> = segments
        .chain(signature.parameters.iter().map(describe_parameter))
        .collect();
    let mut described = json!({
        "operationId": operation.name,
        "tags": [signature.tag],
        "summary": signature.summary,
        "parameters": parameters,
        "responses": responses(signature, schemas),
    });
    if let Some(need) = describe_need(operation.need) {
        described["description"] = need.into();
    }
    match operation.need {
        Need::Public => described["security"] = json!([]),
        Need::Receiver => described["security"] = json!([{ "Basic": [] }]),
        _ => {}
    }
    if let Some(body) = signature.body {
        let schema = schemas.request_of(body);
        described["requestBody"] = json!({ "content": { body.media_type: { "schema": schema } } });
    }
    described
}

fn describe_parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Number(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
    };
    json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.text,
        "schema": schema,
    })
}

/// The success, and every status that a failure may have.
fn responses(signature: &Signature, schemas: &mut Schemas) -> Value {
    let statuses: BTreeSet<u16> = ErrorType::ALL
        .iter()
        .map(|error_type| error::status(*error_type).as_u16())
        .collect();
    let failures = statuses
        .into_iter()
        .map(|status| (status.to_string(), json!({ "$ref": FAILURE })));
    let mut responses: Map<String, Value> = failures.collect();
    let schema = schemas.answer_of(signature.answer);
    let success = json!({
        "description": "It went well.",
        "content": { signature.answer.media_type: { "schema": schema } },
    });
    responses.insert(signature.status.as_u16().to_string(), success);
    Value::Object(responses)
}

/// What a caller must be allowed to do, in a sentence.
fn describe_need(need: Need) -> Option<String> {
    Some(match need {
        Need::Public => return None,
        Need::Receiver => "Needs the key of an integration.".to_owned(),
        Need::Global(action) => format!("Needs `{}`.", action.name()),
        Need::Workspace(action) => format!("Needs `{}` on the workspace.", action.name()),
        Need::VirtualInstance(action) => {
            format!("Needs `{}` on the virtual instance.", action.name())
        }
        Need::Account(own, other) => format!(
            "Needs `{}` for the caller's own user and `{}` for others.",
            own.name(),
            other.name()
        ),
        Need::Listing(action) => format!("Shows what the caller has `{}` on.", action.name()),
        Need::Query => {
            format!(
                "Needs `{}` on the virtual instance, and `{}` on the workspaces that the statement reads.",
                Action::QueryVi.name(),
                Action::QueryData.name()
            )
        }
        Need::OwnQuery => {
            "Is for who sent the query, or administers the virtual instance.".to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::BUILT;

    #[test]
    fn what_is_built_has_a_signature_and_the_other_way_round() {
        let built: BTreeSet<&str> = BUILT.iter().map(|(name, _)| *name).collect();
        let described: BTreeSet<&str> = SIGNATURES.iter().map(|one| one.operation).collect();
        assert_eq!(built, described);
        assert_eq!(described.len(), SIGNATURES.len());
    }

    #[test]
    fn every_group_and_every_segment_of_a_path_is_described() {
        for signature in SIGNATURES {
            let known = TAGS.iter().any(|(name, _)| *name == signature.tag);
            assert!(known, "{}", signature.tag);
        }
        let operations = SPECIFICATION.iter().chain(BEYOND_SPECIFICATION);
        let segments = operations.flat_map(|operation| operation.path.split('/'));
        for segment in segments.filter_map(|segment| segment.strip_prefix('{')) {
            let name = segment.trim_end_matches('}');
            assert!(SEGMENTS.iter().any(|(known, _)| *known == name), "{name}");
        }
    }
}
