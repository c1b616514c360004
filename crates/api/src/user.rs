//! `/v1/orgs/self/users`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nullable;
use crate::organization::Organization;

/// A user. Of one that was deleted only the address is left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Option<String>,
    /// The address, in lower case.
    pub email: String,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Always `null`.
    pub phone_number: Option<String>,
    /// Names of roles.
    pub roles: Option<Vec<String>>,
    /// `NEW` until there is a key of the user, then `ACTIVE`.
    pub state: Option<String>,
    /// Name of the organisation.
    pub org: Option<String>,
    /// `PENDING` until there is a key of the user, then `ACCEPTED`.
    pub invite_state: Option<String>,
    /// The one organisation; `null` in lists.
    pub orgs: Option<Vec<Organization>>,
    /// The one membership; `null` in lists.
    pub org_memberships: Option<Vec<Membership>>,
    /// Always `null`.
    pub country: Option<String>,
    /// Always `null`.
    pub accepted_marketing_content: Option<bool>,
}

/// That a user belongs to an organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Membership {
    /// The organisation.
    pub organization: Organization,
    /// Names of roles.
    pub roles: Vec<String>,
    /// `PENDING` or `ACCEPTED`.
    pub invite_state: String,
    /// The address of who invited the user; `null` for the first one.
    pub invited_by: Option<String>,
    /// Always `null`: invitations do not expire.
    pub expires_at: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: String,
}

/// `POST` to create a user or to change one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct UserRequest {
    /// Required to create one; otherwise that of the path counts.
    pub email: Option<String>,
    /// Required to create one; an update without them keeps the old ones.
    pub roles: Option<Vec<String>>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
}

/// `POST …/users/self/preferences`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct PreferencesRequest {
    /// All that the user does not want.
    #[serde(default, deserialize_with = "nullable::or_default")]
    #[schemars(schema_with = "nullable::schema::<Vec<Preference>>")]
    pub data: Vec<Preference>,
}

/// A notification that a user does not want.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preference {
    /// What it would be about, such as `create_apikey`.
    #[serde(rename = "notificationType")]
    pub notification_type: String,
}
