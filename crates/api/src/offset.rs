//! `…/offsets/commit`: is a write visible?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nullable;

/// `POST …/offsets/commit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitRequest {
    /// Fences, as writes returned them in `last_offset`.
    #[serde(default, deserialize_with = "nullable::or_default")]
    #[schemars(schema_with = "nullable::schema::<Vec<String>>")]
    pub name: Vec<String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitResponse {
    /// About the largest fence of the request.
    pub data: CommitData,
    /// How far the collection is.
    pub offsets: CommitOffsets,
}

/// About the largest fence of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitData {
    /// That fence; `null` if the request had none.
    pub fence: Option<String>,
    /// Whether every later query sees all writes up to the fence.
    pub passed: bool,
}

/// How far the collection is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitOffsets {
    /// The newest visible position.
    pub commit: String,
}
