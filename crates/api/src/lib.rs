//! Request and response types of the REST API, for the server and for Rust clients of it.
//!
//! One file per group of operations. The types follow the published specification of Rockset's
//! API with the union of the members that its clients read. Two rules run through all of them:
//!
//! * in a request, `null` means the same as leaving the member out, and unknown members are ignored;
//! * in a response, members that do not apply are `null`, except in [`query::QueryResponse`], where
//!   they are left out because the official Python client refuses `null` there.
//!
//! Types derive their schemas, of which the server makes its description of the API: the first paragraph of each comment is shown
//! to users. No behaviour lives here: nothing in this crate opens a socket or knows an HTTP status.

pub mod alias;
pub mod api_key;
pub mod collection;
pub mod document;
pub mod error;
pub mod integration;
pub mod nullable;
pub mod offset;
pub mod organization;
pub mod query;
pub mod query_lambda;
pub mod receiver;
pub mod role;
pub mod scheduled_lambda;
pub mod source;
pub mod upload;
pub mod user;
pub mod view;
pub mod virtual_instance;
pub mod workspace;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The envelope of most responses: one object or a complete list under `data`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Data<T> {
    /// The object, or every object of the list.
    pub data: T,
}

/// An answer that says nothing more than that it went well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Nothing {}

/// The answer of `GET /`, which needs no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Greeting {
    /// Always `GO ROCKSET!`; the Go client's ping compares it.
    pub message: String,
}

/// The message of [`Greeting`].
pub const GREETING: &str = "GO ROCKSET!";
