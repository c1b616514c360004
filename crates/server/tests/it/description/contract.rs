//! The description against the published one.
//!
//! That is not part of the repository: where `OUTCROP_OPENAPI` names a copy, all that it has must be in ours.

use std::collections::BTreeSet;
use std::path::Path;

use outcrop_server::SPECIFICATION;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;

use super::DOCUMENT;
use super::schema::resolved;

const SUCCESSES: [&str; 2] = ["200", "202"];

/// What the published description has and ours does not, with all that is inside of it, and why. `*` is any member.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("Collection.bulk_stats", "nothing is loaded in bulk"),
    ("Collection.field_mappings", RETIRED),
    (
        "CreateCollectionRequest.event_time_info",
        "retired; the ingest transformation sets `_event_time`",
    ),
    (
        "CreateCollectionRequest.source_download_soft_limit_bytes",
        UNREAD,
    ),
    (
        "DeletedCollection",
        "the service answered little more than the name, too",
    ),
    (
        "ErrorModel.virtual_instance_rrn",
        "failures do not tell yet where a query ran",
    ),
    ("ExecuteRequest.debug_threshold_ms", UNLOGGED),
    ("IntegrationRequest.*.aws_role.aws_external_id", SERVERS),
    ("IntegrationRequest.kafka.connection_string", SERVERS),
    ("IntegrationRequest.kafka.source_status_by_topic", SERVERS),
    ("IntegrationRequest.mongodb.tls.client_cert_expiry", SERVERS),
    (
        "IntegrationRequest.mongodb.tls.client_cert_subject",
        SERVERS,
    ),
    ("Organization.sso_connection", REFUSED),
    ("Organization.sso_only", REFUSED),
    ("QueryRequest.debug_threshold_ms", UNLOGGED),
    ("Source.*.status", UNREAD),
    ("Source.dynamodb.current_status", UNREAD),
    ("Source.file_upload", UNMADE),
    ("Source.snapshot", UNMADE),
    ("SourceRequest.*.blob_bytes_total", SERVERS),
    ("SourceRequest.*.blob_count_downloaded", SERVERS),
    ("SourceRequest.*.blob_count_total", SERVERS),
    ("SourceRequest.*.consumer_group_id", SERVERS),
    ("SourceRequest.*.current_status", SERVERS),
    ("SourceRequest.*.object_bytes_downloaded", SERVERS),
    ("SourceRequest.*.object_bytes_total", SERVERS),
    ("SourceRequest.*.object_count_downloaded", SERVERS),
    ("SourceRequest.*.object_count_total", SERVERS),
    ("SourceRequest.*.prefixes", SERVERS),
    ("SourceRequest.*.status", SERVERS),
    ("SourceRequest.file_upload", UNMADE),
    ("SourceRequest.id", SERVERS),
    ("SourceRequest.resume_at", SERVERS),
    ("SourceRequest.snapshot", UNMADE),
    ("SourceRequest.status", SERVERS),
    ("SourceRequest.suspended_at", SERVERS),
    ("SourceRequest.write_api", UNMADE),
    (
        "suspendSource.body",
        "it has the time of the end, and sources are resumed by hand",
    ),
];

const REFUSED: &str = "the first generation of the Python client refuses it";
const RETIRED: &str = "retired; the list is empty";
const SERVERS: &str = "the server fills it in, and passes over what a client sends";
const UNLOGGED: &str = "there is no log of slow queries";
const UNMADE: &str = "nobody makes such sources";
const UNREAD: &str = "no source of such a type is read";

/// The published description, if there is a copy of it.
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads a file that is no data of a server"
)]
pub(crate) fn contract() -> Option<Value> {
    let file = std::env::var_os("OUTCROP_OPENAPI")?;
    let text = std::fs::read_to_string(Path::new(&file)).unwrap();
    // JSON is YAML, too.
    Some(json(&Yaml::load_from_str(&text).unwrap()[0]))
}

fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => (*value).into(),
        Yaml::Value(Scalar::Integer(value)) => (*value).into(),
        Yaml::Value(Scalar::FloatingPoint(value)) => value.into_inner().into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(members) => {
            let members = members.iter();
            let members = members.map(|(name, member)| (key(name), json(member)));
            Value::Object(members.collect())
        }
        other => panic!("{other:?} is not expected in a description"),
    }
}

fn key(yaml: &Yaml) -> String {
    match json(yaml) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// What was found to be missing.
struct Comparison<'a> {
    contract: &'a Value,
    seen: BTreeSet<(String, String)>,
    missing: BTreeSet<String>,
}

impl Comparison<'_> {
    fn operation(&mut self, name: &str, theirs: &Value, ours: &Value) {
        assert_eq!(theirs["operationId"], ours["operationId"]);
        let parameters = ours["parameters"].as_array().unwrap();
        for parameter in theirs["parameters"].as_array().into_iter().flatten() {
            let found = parameters.iter().find(|candidate| {
                candidate["name"] == parameter["name"] && candidate["in"] == parameter["in"]
            });
            let place = format!("{name}.{}", parameter["name"].as_str().unwrap());
            match found {
                Some(found) => self.schema(&place, &parameter["schema"], &found["schema"]),
                None => drop(self.missing.insert(place)),
            }
        }
        let body = |operation: &Value| {
            operation["requestBody"]["content"]["application/json"]["schema"].clone()
        };
        if !body(theirs).is_null() {
            match body(ours) {
                Value::Null => drop(self.missing.insert(format!("{name}.body"))),
                ours => self.schema(name, &body(theirs), &ours),
            }
        }
        for (status, theirs) in theirs["responses"].as_object().unwrap() {
            let ours = resolved(&DOCUMENT, &ours["responses"][status]);
            if ours.is_null() {
                self.missing.insert(format!("{name}.{status}"));
            } else if SUCCESSES.contains(&status.as_str()) {
                let schema = |one: &Value| one["content"]["application/json"]["schema"].clone();
                self.schema(name, &schema(theirs), &schema(ours));
            }
        }
    }

    /// Adds what `ours` lacks of `theirs`, by the names of our types.
    fn schema(&mut self, place: &str, theirs: &Value, ours: &Value) {
        let place = named(ours).unwrap_or_else(|| place.to_owned());
        if let Some(name) = named(theirs)
            && !self.seen.insert((place.clone(), name))
        {
            return;
        }
        let (theirs, ours) = (resolved(self.contract, theirs), alternatives(ours));
        let kind = theirs["type"].as_str().unwrap_or("object");
        if !ours.iter().any(|one| is_kind(one, kind)) {
            self.missing.insert(format!("{place}.{kind}"));
            return;
        }
        for (name, theirs) in theirs["properties"].as_object().into_iter().flatten() {
            let found = ours.iter().find_map(|one| one["properties"].get(name));
            match found {
                Some(found) => self.schema(&format!("{place}.{name}"), theirs, found),
                None => drop(self.missing.insert(format!("{place}.{name}"))),
            }
        }
        if let Some(theirs) = theirs.get("items") {
            let found = ours.iter().find_map(|one| one.get("items"));
            self.schema(
                &format!("{place}[]"),
                theirs,
                found.unwrap_or(&Value::Bool(true)),
            );
        }
    }
}

/// The name of a schema, or of what it may be, if it has one.
fn named(schema: &Value) -> Option<String> {
    let path = schema["$ref"].as_str();
    let name = path.and_then(|path| path.rsplit('/').next());
    let several = schema["anyOf"].as_array().into_iter().flatten();
    name.map(str::to_owned)
        .or_else(|| several.filter_map(named).next())
}

/// A schema, or all that it may be.
fn alternatives(schema: &Value) -> Vec<&Value> {
    let schema = resolved(&DOCUMENT, schema);
    let several = schema.get("anyOf").or(schema.get("oneOf"));
    match several.and_then(Value::as_array) {
        Some(several) => several.iter().flat_map(alternatives).collect(),
        None => vec![schema],
    }
}

fn is_kind(schema: &Value, kind: &str) -> bool {
    let is = |name: &Value| name == kind || (name == "number" && kind == "integer");
    match &schema["type"] {
        Value::Array(types) => types.iter().any(is),
        // Without a type, everything fits.
        Value::Null => true,
        one => is(one),
    }
}

/// Whether an exception is for what was found, or for what that is inside of.
fn covers(exception: &str, found: &str) -> bool {
    let mut found = found.split(['.', '[']);
    exception
        .split('.')
        .all(|part| found.next().is_some_and(|name| part == "*" || part == name))
}

#[test]
fn all_that_is_published_is_here() {
    let Some(contract) = contract() else {
        return;
    };
    let mut comparison = Comparison {
        contract: &contract,
        seen: BTreeSet::new(),
        missing: BTreeSet::new(),
    };
    for operation in SPECIFICATION {
        let method = operation.method.name().to_ascii_lowercase();
        let theirs = &contract["paths"][operation.path][&method];
        let ours = &DOCUMENT["paths"][operation.path][&method];
        comparison.operation(operation.name, theirs, ours);
    }
    let mut missing = comparison.missing;
    for (place, reason) in EXCEPTIONS {
        let before = missing.len();
        missing.retain(|found| !covers(place, found));
        assert!(missing.len() < before, "{place} is not missing: {reason}");
    }
    assert_eq!(missing, BTreeSet::new());
}
