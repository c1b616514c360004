//! `/v1/orgs/self/ws`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A namespace of collections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Workspace {
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Option<String>,
    /// E-mail of the creator; `null` for `commons`.
    pub created_by: Option<String>,
    /// Unique name.
    pub name: Option<String>,
    /// Text of the creator.
    pub description: Option<String>,
    /// Number of collections that are not being deleted.
    pub collection_count: Option<u64>,
}

/// `POST /v1/orgs/self/ws`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateWorkspaceRequest {
    /// Required.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
}
