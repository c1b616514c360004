//! What an operation reads and what it answers, as the document of the API has it.

use std::any::TypeId;

use axum::http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator};

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";

/// What an operation reads and what it answers.
#[derive(Clone, Copy)]
pub(crate) struct Signature {
    /// Name of the operation.
    pub(crate) operation: &'static str,
    /// The group that it is shown in.
    pub(crate) tag: &'static str,
    /// What it does, in a sentence.
    pub(crate) summary: &'static str,
    /// The parameters of its query string.
    pub(crate) parameters: &'static [Parameter],
    /// What it reads, if it reads anything.
    pub(crate) body: Option<Content>,
    /// The status of a success.
    pub(crate) status: StatusCode,
    /// What a success has.
    pub(crate) answer: Content,
}

/// A body of a request or of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Content {
    /// Its media type.
    pub(crate) media_type: &'static str,
    /// Makes the schema.
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
    type_id: TypeId,
}

/// A parameter of the query string.
#[derive(Clone, Copy)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What values it has.
    pub(crate) kind: Kind,
    /// What it is for.
    pub(crate) text: &'static str,
}

/// What values a parameter has.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// Any text, and it may be given more than once.
    Texts,
    /// `true`, in any case, or something else.
    Flag,
    /// A number from the first to the second.
    Number(usize, usize),
}

impl Content {
    const fn of<T: JsonSchema + 'static>(media_type: &'static str) -> Self {
        Self {
            media_type,
            schema: SchemaGenerator::subschema_for::<T>,
            type_id: TypeId::of::<T>(),
        }
    }
}

/// An operation without parameters and body that answers `T` as JSON.
pub(super) const fn answers<T: JsonSchema + 'static>(
    operation: &'static str,
    tag: &'static str,
    summary: &'static str,
) -> Signature {
    Signature {
        operation,
        tag,
        summary,
        parameters: &[],
        body: None,
        status: StatusCode::OK,
        answer: Content::of::<T>(JSON),
    }
}

/// An operation without parameters and body that answers text of this type.
pub(super) const fn answers_text(
    operation: &'static str,
    tag: &'static str,
    summary: &'static str,
    media_type: &'static str,
) -> Signature {
    Signature {
        answer: Content::of::<String>(media_type),
        ..answers::<String>(operation, tag, summary)
    }
}

impl Signature {
    /// It reads `T` as JSON.
    pub(super) const fn reads<T: JsonSchema + 'static>(self) -> Self {
        let body = Some(Content::of::<T>(JSON));
        Self { body, ..self }
    }

    /// It reads `T` as a form.
    pub(super) const fn reads_form<T: JsonSchema + 'static>(self) -> Self {
        let body = Some(Content::of::<T>(FORM));
        Self { body, ..self }
    }

    /// It has these parameters.
    pub(super) const fn with(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    /// A success has the status 202.
    pub(super) const fn accepted(self) -> Self {
        let status = StatusCode::ACCEPTED;
        Self { status, ..self }
    }

    /// Whether it answers JSON.
    pub(crate) fn answers_json(&self) -> bool {
        self.answer.media_type == JSON
    }

    /// Whether its body is a form, and no JSON.
    pub(crate) fn takes_form(&self) -> bool {
        self.body.is_some_and(|body| body.media_type == FORM)
    }

    /// Whether its body is `T`.
    pub(crate) fn takes<T: 'static>(&self) -> bool {
        self.body
            .is_some_and(|body| body.type_id == TypeId::of::<T>())
    }

    /// Whether it has the parameter.
    pub(crate) fn has_parameter(&self, name: &str) -> bool {
        self.parameters
            .iter()
            .any(|parameter| parameter.name == name)
    }
}
