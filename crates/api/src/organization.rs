//! `GET /v1/orgs/self`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The one organisation of a server.
///
/// Rockset's later versions had more members. The first generation of its Python client refuses an
/// organisation with a member that it does not know, so only those that every client knows are here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Organization {
    /// Unique id.
    pub id: String,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: String,
    /// Name for people.
    pub display_name: Option<String>,
    /// 64 hex digits, which integrations with other clouds quote.
    pub external_id: Option<String>,
    /// A cloud user; Terraform's account data source reads it.
    pub rockset_user: Option<String>,
    /// The one cluster.
    pub clusters: Vec<Cluster>,
}

/// Where the organisation is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    /// Unique id.
    pub id: String,
    /// Always `PUBLIC`, the only value that the Python client accepts.
    pub cluster_type: String,
    /// The cloud region; `local` here.
    pub aws_region: Option<String>,
    /// Host name without its last label.
    pub domain: Option<String>,
    /// Last label of the host name, with its dot.
    pub top_level_domain: Option<String>,
    /// This server's own address.
    pub apiserver_url: Option<String>,
}
