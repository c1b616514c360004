//! `/v1/orgs/self/virtualinstances` and `/v1/orgs/self/deploymentsettings`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::nullable;

/// What answers queries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VirtualInstance {
    /// UUID.
    pub id: String,
    /// `rrn:vi:<cluster>:<uuid>`.
    pub rrn: String,
    /// Name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// `null`: it was always there.
    pub created_by: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Option<String>,
    /// `ACTIVE`.
    pub state: String,
    /// One of Rockset's sizes, which mean nothing here.
    pub current_size: String,
    /// The same.
    pub desired_size: String,
    /// The same under its older name.
    pub current_type: String,
    /// The same.
    pub desired_type: String,
    /// One of Rockset's classes, which mean nothing here.
    pub current_instance_class: String,
    /// The same.
    pub desired_instance_class: String,
    /// Always `true`.
    pub monitoring_enabled: bool,
    /// Whether queries go there that name none.
    pub default_vi: bool,
    /// `INGEST_QUERY`.
    pub compute_type: String,
    /// `null`: it is never suspended by itself.
    pub auto_suspend_seconds: Option<i32>,
    /// `null`.
    pub auto_scaling_policy: Option<Value>,
    /// `null`.
    pub mount_refresh_interval_seconds: Option<i32>,
    /// `LIVE`.
    pub mount_type: Option<String>,
    /// `null`.
    pub enable_remount_on_resume: Option<bool>,
    /// `null`.
    pub resumed_at: Option<String>,
    /// `null`.
    pub suspended_at: Option<String>,
    /// When it was used last.
    pub stats: InstanceStats,
}

/// When something was used last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStats {
    /// Milliseconds since 1970; `null` if never.
    pub last_queried_ms: Option<i64>,
}

/// A collection that a virtual instance answers queries of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectionMount {
    /// `LIVE`: it sees every write.
    #[serde(rename = "type")]
    pub mount_type: String,
    /// UUID, that of the collection.
    pub id: String,
    /// `rrn:mnt:<cluster>:<uuid>`.
    pub rrn: String,
    /// `workspace.name`.
    pub collection_path: String,
    /// UUID.
    pub virtual_instance_id: String,
    /// `rrn:vi:<cluster>:<uuid>`.
    pub virtual_instance_rrn: String,
    /// `ACTIVE`.
    pub state: String,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Option<String>,
    /// `null`: there is nothing to be refreshed.
    pub last_refresh_time_millis: Option<i64>,
    /// `null`.
    pub next_refresh_time_ms: Option<i64>,
    /// `null`: there is no snapshot.
    pub snapshot_id: Option<String>,
    /// `null`.
    pub snapshot_expiration_time_millis: Option<i64>,
    /// When it was queried last.
    pub stats: InstanceStats,
}

/// `POST …/mounts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct MountRequest {
    /// Full names of collections.
    #[serde(default, deserialize_with = "nullable::or_default")]
    pub collection_paths: Vec<String>,
}

/// What holds for all virtual instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentSettings {
    /// Where queries go that name no virtual instance: its UUID or `rrn:vi:…`.
    pub default_query_vi: Option<String>,
}
