//! `/v1/orgs/self/virtualinstances` and `/v1/orgs/self/deploymentsettings`.

use crate::nullable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What answers queries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VirtualInstance {
    /// UUID.
    pub id: String,
    /// `rrn:vi:<cluster>:<uuid>`.
    pub rrn: String,
    /// Name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// E-mail; `null` of the one that was always there.
    pub created_by: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Option<String>,
    /// `INITIALIZING`, `ACTIVE`, `SUSPENDING`, `SUSPENDED`, `RESUMING` or `DELETED`.
    pub state: String,
    /// One of Rockset's sizes.
    pub current_size: String,
    /// The size that it is about to have.
    pub desired_size: String,
    /// `current_size` under its older name.
    pub current_type: String,
    /// `desired_size` under its older name.
    pub desired_type: String,
    /// One of Rockset's classes, which mean nothing here.
    pub current_instance_class: String,
    /// The same.
    pub desired_instance_class: String,
    /// Always `true`.
    pub monitoring_enabled: bool,
    /// Whether queries go there that name none.
    pub default_vi: bool,
    /// `INGEST_QUERY` or `QUERY`.
    pub compute_type: String,
    /// Time without queries after which it suspends itself; `null` for never.
    pub auto_suspend_seconds: Option<u32>,
    /// The sizes that it may take by itself, which it does not.
    pub auto_scaling_policy: Option<AutoScalingPolicy>,
    /// 0: mounts see every write. `null` of the main one.
    pub mount_refresh_interval_seconds: Option<u32>,
    /// `LIVE`.
    pub mount_type: Option<String>,
    /// Whether its mounts stay while it is suspended.
    pub enable_remount_on_resume: Option<bool>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub resumed_at: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub suspended_at: Option<String>,
    /// When it was used last.
    pub stats: InstanceStats,
}

/// Sizes that a virtual instance may take by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AutoScalingPolicy {
    /// Whether it may.
    pub enabled: Option<bool>,
    /// The smallest.
    pub min_size: Option<String>,
    /// The largest.
    pub max_size: Option<String>,
}

/// `POST …/virtualinstances`, and `POST …/virtualinstances/{virtualInstanceId}`, where what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct VirtualInstanceRequest {
    /// Name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Its size, when it is made.
    #[serde(rename = "type")]
    pub size: Option<String>,
    /// Its size, when it is changed.
    pub new_size: Option<String>,
    /// One of Rockset's classes.
    pub instance_class: Option<String>,
    /// Whether it is to suspend itself, when it is changed.
    pub auto_suspend_enabled: Option<bool>,
    /// Time without queries after which it does.
    pub auto_suspend_seconds: Option<i64>,
    /// The sizes that it may take by itself.
    pub auto_scaling_policy: Option<AutoScalingPolicy>,
    /// Whether its mounts stay while it is suspended.
    pub enable_remount_on_resume: Option<bool>,
    /// `LIVE` or `STATIC`.
    pub mount_type: Option<String>,
    /// 0, which means `LIVE`.
    pub mount_refresh_interval_seconds: Option<i64>,
}

/// When something was used last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceStats {
    /// Milliseconds since 1970; `null` if never.
    pub last_queried_ms: Option<i64>,
}

/// A collection that a virtual instance answers queries of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CollectionMount {
    /// `LIVE`: it sees every write.
    #[serde(rename = "type")]
    pub mount_type: String,
    /// UUID; on the main virtual instance that of the collection.
    pub id: String,
    /// `rrn:mnt:<cluster>:<uuid>`.
    pub rrn: String,
    /// `workspace.name`.
    pub collection_path: String,
    /// UUID.
    pub virtual_instance_id: String,
    /// `rrn:vi:<cluster>:<uuid>`.
    pub virtual_instance_rrn: String,
    /// `CREATING`, `ACTIVE`, `DELETING` or `SUSPENDED`.
    pub state: String,
    /// `YYYY-MM-DDTHH:MM:SSZ`; `null` in the answer that makes it.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct MountRequest {
    /// Full names of collections.
    #[serde(default, deserialize_with = "nullable::or_default")]
    #[schemars(schema_with = "nullable::schema::<Vec<String>>")]
    pub collection_paths: Vec<String>,
}

/// What holds for all virtual instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentSettings {
    /// Where queries go that name no virtual instance: its UUID or `rrn:vi:…`.
    pub default_query_vi: Option<String>,
}
