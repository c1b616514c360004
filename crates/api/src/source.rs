//! `/v1/orgs/self/ws/{workspace}/collections/{collection}/sources`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::collection::FieldMappingQuery;

/// Where documents of a collection come from by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// UUID; `null` in the answer to its creation.
    pub id: Option<String>,
    /// The integration that has address and credentials.
    pub integration_name: Option<String>,
    /// How it does; `null` in the answer to its creation.
    pub status: Option<SourceStatus>,
    /// How what is read becomes documents.
    pub format_params: Option<Value>,
    /// SQL that comes before the collection's ingest transformation.
    pub ingest_transformation: Option<FieldMappingQuery>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub suspended_at: Option<String>,
    /// Always `null`: a suspended source is resumed by hand.
    pub resume_at: Option<String>,
    /// A member for each type of source, `null` but for one.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// How a source does. Counts are since the start of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SourceStatus {
    /// `INITIALIZING`, `WATCHING`, `PROCESSING`, `COMPLETED`, `ERROR` or `SUSPENDED`.
    pub state: Option<String>,
    /// What is wrong, for people.
    pub message: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub last_processed_at: Option<String>,
    /// Always `null`: how much there was to read at first.
    pub detected_size_bytes: Option<u64>,
    /// Name of an object, number of a message, …
    pub last_processed_item: Option<String>,
    /// Number of those.
    pub total_processed_items: Option<u64>,
    /// What could not be read as documents.
    pub total_parse_errors: Option<u64>,
    /// The last of these.
    pub last_parse_error_message: Option<String>,
    /// Documents that the ingest transformation failed for.
    pub total_ingest_transformation_errors: Option<u64>,
    /// The last of these.
    pub last_ingest_transformation_error_message: Option<String>,
}

/// A source to be made or changed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct SourceRequest {
    /// The integration that has address and credentials.
    pub integration_name: Option<String>,
    /// How what is read becomes documents.
    pub format_params: Option<Value>,
    /// SQL that comes before the collection's ingest transformation.
    pub ingest_transformation: Option<FieldMappingQuery>,
    /// Among others the member that is named as the type.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}
