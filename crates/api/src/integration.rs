//! `/v1/orgs/self/integrations`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::collection::Collection;

/// How to get at a system that documents come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Integration {
    /// Name, unique in the organisation.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Whether documents may be written to the system.
    pub is_write_enabled: Option<bool>,
    /// The collections that have a source that uses it.
    pub collections: Vec<Collection>,
    /// E-mail of the creator.
    pub created_by: String,
    /// Name of the key that created it.
    pub created_by_apikey_name: Option<String>,
    /// E-mail of the creator.
    pub owner_email: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Option<String>,
    /// Always `true`: secrets are sealed.
    pub is_credential_encrypted: bool,
    /// Always `false`.
    pub requires_static_ip: bool,
    /// A member for each type of integration, `null` but for one. Secrets are `REDACTED`.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// `POST` to create an integration and `PUT` to change it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct IntegrationRequest {
    /// Required to create one; otherwise that of the path counts.
    pub name: Option<String>,
    /// Free text; an update without it keeps the old one.
    pub description: Option<String>,
    /// Whether documents may be written to the system.
    pub is_write_enabled: Option<bool>,
    /// Among others the member that is named as the type.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}
