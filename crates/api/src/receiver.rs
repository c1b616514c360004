//! `/v1/receivers/…`: what other systems send by themselves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::nullable;

/// What Rockset's sink for Kafka Connect sends.
///
/// The server reads the same shape with its own parser, which keeps 64-bit integers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KafkaRequest {
    /// The topic that all messages are of.
    pub topic: String,
    /// The messages.
    pub kafka_messages: Vec<KafkaMessage>,
}

/// A message of a topic. All that is not the document becomes its `_meta.kafka`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KafkaMessage {
    /// The document; `null` is a tombstone, which is passed over.
    #[schemars(schema_with = "nullable::schema::<Map<String, Value>>")]
    pub document: Option<Map<String, Value>>,
    /// The key of the message.
    pub key: Option<Value>,
    /// Number of the partition.
    pub partition: Option<i64>,
    /// Number of the message in its partition.
    pub offset: Option<i64>,
    /// When it was made, in milliseconds since 1970.
    pub create_time: Option<i64>,
    /// When it was written to the topic, in milliseconds since 1970.
    pub log_append_time: Option<i64>,
}
