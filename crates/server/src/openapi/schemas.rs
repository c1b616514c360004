//! The schemas of all types, by their names.
//!
//! What is read and what is written differ: in a request most members may be left out, in an answer they are there. A
//! type that occurs in both has two schemas, and the name of that of requests ends with `Input`.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

use super::signature::Content;
use crate::handlers;

/// Where the schemas of answers are, and in the end all of them.
const ANSWERS: &str = "#/components/schemas/";
/// Where those of requests are until their names are settled.
const REQUESTS: &str = "#/requests/";
/// What the name of a request's type ends with, where answers have the type too.
const INPUT: &str = "Input";

/// Makes schemas, and keeps those that have names.
pub(super) struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = |path: &str| {
            let path = path.trim_end_matches('/').to_owned();
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = path.into();
                settings.meta_schema = None;
            })
        };
        Self {
            requests: settings(REQUESTS).for_deserialize().into_generator(),
            answers: settings(ANSWERS).for_serialize().into_generator(),
        }
    }

    /// The schema of a body of requests.
    pub(super) fn request_of(&mut self, content: Content) -> Schema {
        (content.schema)(&mut self.requests)
    }

    /// The schema of a body of answers.
    pub(super) fn answer_of(&mut self, content: Content) -> Schema {
        (content.schema)(&mut self.answers)
    }

    /// The schema of `T` in answers.
    pub(super) fn answer<T: JsonSchema>(&mut self) -> Schema {
        self.answers.subschema_for::<T>()
    }

    /// Puts all schemas that have names into the document.
    pub(super) fn finish(mut self, document: &mut Value) {
        let mut answers = self.answers.take_definitions(true);
        let mut requests = self.requests.take_definitions(true);
        answers.values_mut().for_each(leave_out_null);
        for (definitions, is_request) in [(&mut answers, false), (&mut requests, true)] {
            handlers::describe_kinds(definitions, is_request);
        }
        let mut all = answers.clone();
        for (name, schema) in requests {
            all.insert(settled(&name, &answers), schema);
        }
        document["components"]["schemas"] = Value::Object(all);
        settle(document, &answers);
    }
}

/// Takes `null` from members of an answer that may be left out: they are, instead.
fn leave_out_null(schema: &mut Value) {
    let required = schema["required"].clone();
    let is_required = |name: &String| {
        let mut names = required.as_array().into_iter().flatten();
        names.any(|required| required == name)
    };
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, member) in members.into_iter().flatten() {
        if is_required(name) {
            continue;
        }
        if let Some(types) = member.get_mut("type").and_then(Value::as_array_mut) {
            types.retain(|one| one != "null");
            if let [one] = types.as_slice() {
                member["type"] = one.clone();
            }
        }
        if let Some(several) = member.get_mut("anyOf").and_then(Value::as_array_mut) {
            several.retain(|one| one["type"] != "null");
        }
    }
}

/// The name of a request's type beside those of answers.
fn settled(name: &str, answers: &Map<String, Value>) -> String {
    match answers.contains_key(name) {
        true => format!("{name}{INPUT}"),
        false => name.to_owned(),
    }
}

/// Lets all references go to where the schemas are in the end. Of descriptions the first paragraph is for everybody; what
/// follows is about Rust.
fn settle(value: &mut Value, answers: &Map<String, Value>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, answers)),
        Value::Object(members) => {
            for (key, member) in members {
                match (key.as_str(), member) {
                    ("$ref", Value::String(path)) => {
                        if let Some(name) = path.strip_prefix(REQUESTS) {
                            *path = format!("{ANSWERS}{}", settled(name, answers));
                        }
                    }
                    ("description", Value::String(text)) => {
                        let paragraph = text.split("\n\n").next().unwrap_or_default();
                        *text = paragraph.replace('\n', " ");
                    }
                    (_, member) => settle(member, answers),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
