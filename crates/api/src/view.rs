//! `/v1/orgs/self/views` and `/v1/orgs/self/ws/{workspace}/views`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A stored query that other queries use like a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct View {
    /// `workspace.name`.
    pub path: Option<String>,
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
    /// Retired; `null`.
    pub owner_email: Option<String>,
    /// The query.
    pub query_sql: Option<String>,
    /// What the query names: collections, aliases and views, as `workspace.name`.
    pub entities: Vec<String>,
    /// `CREATED`, or `DELETED` in the answer to its deletion.
    pub state: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub modified_at: Option<String>,
}

/// `POST /v1/orgs/self/ws/{workspace}/views`, and the update of a view, which has no name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ViewRequest {
    /// Required to create one.
    pub name: Option<String>,
    /// Free text; an update without it keeps the old one.
    pub description: Option<String>,
    /// Required: the SQL.
    pub query: Option<String>,
}
