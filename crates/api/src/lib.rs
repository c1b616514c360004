//! Request and response types of the REST API, for the server and for Rust clients of it.
//!
//! One file per group of operations. The types follow the published specification of Rockset's
//! API with the union of the members that its clients read. Two rules run through all of them:
//!
//! * in a request, `null` means the same as leaving the member out, and unknown members are ignored;
//! * in a response, members that do not apply are `null`, except in [`query::QueryResponse`], where
//!   they are left out because the official Python client refuses `null` there.
//!
//! No behaviour lives here: nothing in this crate opens a socket or knows an HTTP status.

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
pub mod role;
pub mod scheduled_lambda;
pub mod source;
pub mod upload;
pub mod user;
pub mod view;
pub mod virtual_instance;
pub mod workspace;

use serde::{Deserialize, Serialize};

/// The envelope of most responses: one object or a complete list under `data`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data<T> {
    /// The object, or every object of the list.
    pub data: T,
}

/// The answer of `GET /`, which needs no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// Always [`GREETING`]; the Go client's ping compares it.
    pub message: String,
}

/// The message of [`Greeting`].
pub const GREETING: &str = "GO ROCKSET!";
