//! `/v1/orgs/self/users/{user}/apikeys`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An API key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: String,
    /// Its name, unique among the keys of its owner.
    pub name: String,
    /// The whole key in the answer that creates it, then its first six characters.
    pub key: String,
    /// When it was used last since the start of the server.
    pub last_access_time: Option<String>,
    /// From then on it is refused.
    pub expiry_time: Option<String>,
    /// The role that bounds what it may do; `null` for all that its owner may.
    pub role: Option<String>,
    /// E-mail of the owner.
    pub created_by: String,
    /// Name of the key that created it.
    pub created_by_apikey_name: Option<String>,
    /// `ACTIVE` or `SUSPENDED`.
    pub state: String,
}

/// `POST` to create a key.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct CreateApiKeyRequest {
    /// Its name, which is required.
    pub name: Option<String>,
    /// The role that bounds what it may do; none for all that its owner may.
    pub role: Option<String>,
    /// ISO 8601.
    pub expiry_time: Option<String>,
    /// E-mail of the owner; the caller's own if absent.
    pub created_by: Option<String>,
}

/// `POST` to change a key.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct UpdateApiKeyRequest {
    /// `ACTIVE` or `SUSPENDED`.
    pub state: Option<String>,
    /// ISO 8601.
    pub expiry_time: Option<String>,
    /// Whether it shall not expire any more.
    pub clear_expiry_time: Option<bool>,
}
