//! `/v1/orgs/self/aliases` and `/v1/orgs/self/ws/{workspace}/aliases`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nullable;

/// Another name of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alias {
    /// Name, unique in its workspace.
    pub name: Option<String>,
    /// Text of the creator.
    pub description: Option<String>,
    /// Name of the workspace.
    pub workspace: Option<String>,
    /// E-mail of the creator.
    pub creator_email: Option<String>,
    /// Name of the key that created it.
    pub created_by_apikey_name: Option<String>,
    /// The one collection that it names, as `workspace.name`.
    pub collections: Vec<String>,
    /// `CREATED`, or `DELETED` in the answer to its deletion.
    pub state: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub modified_at: Option<String>,
}

/// `POST /v1/orgs/self/ws/{workspace}/aliases`, and the update of an alias, which has no name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AliasRequest {
    /// Required to create one.
    pub name: Option<String>,
    /// Free text; an update without it keeps the old one.
    pub description: Option<String>,
    /// Required: one collection, as `workspace.name`.
    #[serde(default, deserialize_with = "nullable::or_default")]
    #[schemars(schema_with = "nullable::schema::<Vec<String>>")]
    pub collections: Vec<String>,
}
