//! `/v1/orgs/self/collections` and `/v1/orgs/self/ws/{workspace}/collections`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alias::Alias;
use crate::nullable;
use crate::source::{Source, SourceRequest};

/// A collection. Listed, fetched and created ones share this shape; `stats` comes with what is listed or fetched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Collection {
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Option<String>,
    /// E-mail of the creator.
    pub created_by: Option<String>,
    /// Name of the key that created it.
    pub created_by_apikey_name: Option<String>,
    /// `rrn:col:<cluster>:<uuid>`.
    pub rrn: Option<String>,
    /// Name, unique in its workspace.
    pub name: Option<String>,
    /// Name of the workspace.
    pub workspace: Option<String>,
    /// `CREATED`, `READY` or `DELETED`.
    pub status: Option<String>,
    /// Where documents come from, apart from the Write API's first write.
    pub sources: Vec<Source>,
    /// Retired; empty.
    pub field_mappings: Vec<Value>,
    /// Retired; empty.
    pub field_partitions: Vec<FieldPartition>,
    /// Fields that documents are ordered by on disk, the most significant first.
    pub clustering_key: Vec<FieldPartition>,
    /// Aliases of this collection.
    pub aliases: Vec<Alias>,
    /// Retired; empty.
    pub field_schemas: Vec<Value>,
    /// Id of the virtual instance that ingests.
    pub ingest_virtual_instance_id: Option<String>,
    /// Always `false`.
    pub read_only: bool,
    /// Always `HOT`.
    pub storage_type: Option<String>,
    /// `LZ4` or `ZSTD`.
    pub storage_compression_type: Option<String>,
    /// Always `false`.
    pub insert_only: bool,
    /// Always `false`.
    pub enable_exactly_once_writes: bool,
    /// Free text; absent when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Age in seconds after which documents go; absent when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_secs: Option<u64>,
    /// The ingest transformation; absent when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_mapping_query: Option<FieldMappingQuery>,
    /// Sizes and counts; absent unless one collection was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<CollectionStats>,
}

/// What `DELETE` of a collection answers: the collection's name and no status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedCollection {
    /// Name of the deleted collection.
    pub name: String,
    /// Its workspace.
    pub workspace: String,
    /// Empty.
    pub sources: Vec<Source>,
    /// Empty.
    pub field_mappings: Vec<Value>,
    /// Empty.
    pub field_partitions: Vec<FieldPartition>,
    /// Empty.
    pub clustering_key: Vec<FieldPartition>,
    /// Empty.
    pub field_schemas: Vec<Value>,
    /// Always `HOT`.
    pub storage_type: String,
}

impl DeletedCollection {
    /// The answer for the collection `name` of `workspace`.
    pub fn new(workspace: &str, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            workspace: workspace.to_owned(),
            sources: Vec::new(),
            field_mappings: Vec::new(),
            field_partitions: Vec::new(),
            clustering_key: Vec::new(),
            field_schemas: Vec::new(),
            storage_type: "HOT".to_owned(),
        }
    }
}

/// Sizes in bytes, counts, and times in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CollectionStats {
    /// Live documents.
    pub doc_count: Option<u64>,
    /// Documents that retention removed.
    pub purged_doc_count: Option<u64>,
    /// Bytes of everything stored.
    pub total_size: Option<u64>,
    /// Bytes of all indexes.
    pub total_index_size: Option<u64>,
    /// Bytes of the row index.
    pub row_index_size: Option<u64>,
    /// Bytes of the column index.
    pub column_index_size: Option<u64>,
    /// Bytes of the inverted index.
    pub inverted_index_size: Option<u64>,
    /// Bytes of the range index.
    pub range_index_size: Option<u64>,
    /// Bytes that retention removed.
    pub purged_doc_size: Option<u64>,
    /// Bytes of documents added since the server started.
    pub bytes_inserted: Option<u64>,
    /// Bytes of documents replaced since the server started.
    pub bytes_overwritten: Option<u64>,
    /// Bytes of documents loaded in bulk.
    pub bulk_bytes_inserted: Option<u64>,
    /// Bytes of documents replaced in bulk.
    pub bulk_bytes_overwritten: Option<u64>,
    /// Time of the last query; 0 if never.
    pub last_queried_ms: Option<u64>,
    /// Time of the last write; 0 if never.
    pub last_updated_ms: Option<u64>,
    /// 0 to 1 while a bulk load runs.
    pub fill_progress: Option<f64>,
    /// The same under its older name.
    #[serde(rename = "currentProgress")]
    pub current_progress: Option<f64>,
}

/// A field of a clustering key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldPartition {
    /// The field, as a qualified name of SQL.
    pub field_name: Option<String>,
    /// Always `AUTO`.
    #[serde(rename = "type")]
    pub partition_type: Option<String>,
    /// Values to partition by; unneeded for `AUTO`, and empty.
    #[serde(default, deserialize_with = "nullable::or_default")]
    #[schemars(schema_with = "nullable::schema::<Vec<Value>>")]
    pub keys: Vec<Value>,
}

/// An ingest transformation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldMappingQuery {
    /// A `SELECT` over `_input`.
    pub sql: Option<String>,
}

/// `PUT /v1/orgs/self/ws/{workspace}/collections/{collection}`. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpdateCollectionRequest {
    /// Free text.
    pub description: Option<String>,
    /// The ingest transformation; one without text takes it away.
    pub field_mapping_query: Option<FieldMappingQuery>,
}

/// `POST /v1/orgs/self/ws/{workspace}/collections`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreateCollectionRequest {
    /// Required.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Age in seconds after which documents go: 3,600 to 315,359,999.
    pub retention_secs: Option<i64>,
    /// Sources to read from; none makes an empty collection.
    #[serde(default, deserialize_with = "nullable::or_default")]
    #[schemars(schema_with = "nullable::schema::<Vec<SourceRequest>>")]
    pub sources: Vec<Value>,
    /// The ingest transformation.
    pub field_mapping_query: Option<FieldMappingQuery>,
    /// `LZ4` or `ZSTD`.
    pub storage_compression_type: Option<String>,
    /// Fields to order documents by on disk; `CLUSTER BY` in the ingest transformation says the
    /// same.
    #[serde(default, deserialize_with = "nullable::or_default")]
    #[schemars(schema_with = "nullable::schema::<Vec<FieldPartition>>")]
    pub clustering_key: Vec<FieldPartition>,
}
