//! `/v1/orgs/self/roles`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A role that is made of privileges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Role {
    /// Its name, unique in the organisation.
    pub role_name: String,
    /// Free text.
    pub description: Option<String>,
    /// E-mail of the creator.
    pub owner_email: String,
    /// E-mail of the creator.
    pub created_by: String,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: String,
    /// What it allows.
    pub privileges: Vec<Privilege>,
}

/// An action on one resource or on all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Privilege {
    /// One of the API's actions; required.
    pub action: Option<String>,
    /// Name of a workspace or integration, or RRN of a virtual instance; `null` or `*ALL*` for every one.
    pub resource_name: Option<String>,
    /// Id of a cluster; `null` or `*ALL*` for every one.
    pub cluster: Option<String>,
}

/// `POST` to create a role or to change one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct RoleRequest {
    /// Required to create one; otherwise that of the path counts.
    pub role_name: Option<String>,
    /// Free text; an update without it keeps the old one.
    pub description: Option<String>,
    /// What it allows; an update without them keeps the old ones.
    pub privileges: Option<Vec<Privilege>>,
}
