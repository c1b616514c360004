//! The types of sources and their members, as the published description has them.

use crate::shape::{Field, Rule, Shape};

/// The members of the type `kind`.
pub(super) fn fields(kind: &str) -> &'static [Field] {
    let found = KINDS.iter().find(|(name, _)| *name == kind);
    found.map_or(&[], |(_, fields)| fields)
}

/// The names of all types, those included that no client makes.
pub(super) const ALL: &[&str] = &[
    "s3",
    "gcs",
    "azure_blob_storage",
    "dynamodb",
    "kinesis",
    "azure_service_bus",
    "azure_event_hubs",
    "kafka",
    "mongodb",
    "snowflake",
    "system",
    "file_upload",
    "write_api",
    "snapshot",
];

/// The names of the types that a client makes.
pub(super) const MADE: &[&str] = ALL.split_at(11).0;

/// How what is read becomes documents.
pub(super) const FORMAT_PARAMS: &[Field] = &[
    field("json", Shape::Bool, Rule::Optional),
    field(
        "csv",
        Shape::Object(&[
            field("firstLineAsColumnNames", Shape::Bool, Rule::Optional),
            field("separator", Shape::Text, Rule::Optional),
            field("encoding", Shape::Text, Rule::Optional),
            field("columnNames", Shape::Texts, Rule::Optional),
            field("columnTypes", Shape::Texts, Rule::Optional),
            field("quoteChar", Shape::Text, Rule::Optional),
            field("escapeChar", Shape::Text, Rule::Optional),
        ]),
        Rule::Optional,
    ),
    field(
        "xml",
        Shape::Object(&[
            field("root_tag", Shape::Text, Rule::Optional),
            field("doc_tag", Shape::Text, Rule::Optional),
            field("encoding", Shape::Text, Rule::Optional),
            field("value_tag", Shape::Text, Rule::Optional),
            field("attribute_prefix", Shape::Text, Rule::Optional),
        ]),
        Rule::Optional,
    ),
    field("avro", Shape::Map, Rule::Optional),
    field("bson", Shape::Bool, Rule::Optional),
    field("mysql_dms", Shape::Bool, Rule::Optional),
    field("postgres_dms", Shape::Bool, Rule::Optional),
    field("mssql_dms", Shape::Bool, Rule::Optional),
    field("oracle_dms", Shape::Bool, Rule::Optional),
];

const OFFSET_RESET_POLICY: Field = field(
    "offset_reset_policy",
    Shape::Choice(&["LATEST", "EARLIEST"]),
    Rule::Optional,
);

const KINDS: &[(&str, &[Field])] = &[
    (
        "s3",
        &[
            field("bucket", Shape::Text, Rule::Required),
            field("prefix", Shape::Text, Rule::Optional),
            field("prefixes", Shape::Texts, Rule::Server),
            field("pattern", Shape::Text, Rule::Optional),
            field("region", Shape::Text, Rule::Optional),
            field(
                "settings",
                Shape::Object(&[field("s3_scan_frequency", Shape::Text, Rule::Optional)]),
                Rule::Optional,
            ),
            field("object_count_total", Shape::Int, Rule::Server),
            field("object_count_downloaded", Shape::Int, Rule::Server),
            field("object_bytes_total", Shape::Int, Rule::Server),
            field("object_bytes_downloaded", Shape::Int, Rule::Server),
        ],
    ),
    (
        "gcs",
        &[
            field("bucket", Shape::Text, Rule::Optional),
            field("prefix", Shape::Text, Rule::Optional),
            field("pattern", Shape::Text, Rule::Optional),
            field(
                "settings",
                Shape::Object(&[field("gcs_scan_frequency", Shape::Text, Rule::Optional)]),
                Rule::Optional,
            ),
            field("object_count_total", Shape::Int, Rule::Server),
            field("object_count_downloaded", Shape::Int, Rule::Server),
            field("object_bytes_total", Shape::Int, Rule::Server),
            field("object_bytes_downloaded", Shape::Int, Rule::Server),
        ],
    ),
    (
        "azure_blob_storage",
        &[
            field("container", Shape::Text, Rule::Optional),
            field("prefix", Shape::Text, Rule::Optional),
            field("pattern", Shape::Text, Rule::Optional),
            field(
                "settings",
                Shape::Object(&[field("azblob_scan_frequency", Shape::Text, Rule::Optional)]),
                Rule::Optional,
            ),
            field("blob_count_total", Shape::Int, Rule::Server),
            field("blob_count_downloaded", Shape::Int, Rule::Server),
            field("blob_bytes_total", Shape::Int, Rule::Server),
        ],
    ),
    (
        "dynamodb",
        &[
            field("table_name", Shape::Text, Rule::Required),
            field("aws_region", Shape::Text, Rule::Optional),
            field("rcu", Shape::Int, Rule::Optional),
            field("use_scan_api", Shape::Bool, Rule::Optional),
            field(
                "settings",
                Shape::Object(&[field(
                    "dynamodb_stream_poll_frequency",
                    Shape::Text,
                    Rule::Optional,
                )]),
                Rule::Optional,
            ),
            field("status", Shape::Map, Rule::Server),
            field("current_status", Shape::Map, Rule::Server),
        ],
    ),
    (
        "kinesis",
        &[
            field("stream_name", Shape::Text, Rule::Required),
            field("aws_region", Shape::Text, Rule::Optional),
            field("dms_primary_key", Shape::Texts, Rule::Optional),
            OFFSET_RESET_POLICY,
        ],
    ),
    (
        "azure_service_bus",
        &[
            field("topic", Shape::Text, Rule::Optional),
            field("subscription", Shape::Text, Rule::Optional),
            field("status", Shape::Map, Rule::Server),
        ],
    ),
    (
        "azure_event_hubs",
        &[
            field("hub_id", Shape::Text, Rule::Optional),
            OFFSET_RESET_POLICY,
            field("status", Shape::Map, Rule::Server),
        ],
    ),
    (
        "kafka",
        &[
            field("kafka_topic_name", Shape::Text, Rule::Optional),
            field("client_id", Shape::Text, Rule::Optional),
            field("consumer_group_id", Shape::Text, Rule::Server),
            field("use_v3", Shape::Bool, Rule::Optional),
            OFFSET_RESET_POLICY,
            field("status", Shape::Map, Rule::Server),
        ],
    ),
    (
        "mongodb",
        &[
            field("database_name", Shape::Text, Rule::Required),
            field("collection_name", Shape::Text, Rule::Required),
            field("retrieve_full_document", Shape::Bool, Rule::Optional),
            field("status", Shape::Map, Rule::Server),
        ],
    ),
    (
        "snowflake",
        &[
            field("database", Shape::Text, Rule::Required),
            field("schema", Shape::Text, Rule::Required),
            field("table_name", Shape::Text, Rule::Required),
            field("warehouse", Shape::Text, Rule::Optional),
            field("status", Shape::Map, Rule::Server),
        ],
    ),
    (
        "system",
        &[
            field(
                "type",
                Shape::Choice(&["QUERY_LOGS", "INGEST_LOGS"]),
                Rule::Required,
            ),
            field("workspace", Shape::Text, Rule::Optional),
        ],
    ),
];

const fn field(name: &'static str, shape: Shape, rule: Rule) -> Field {
    Field { name, shape, rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_clients_make_has_its_members() {
        let described: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        assert_eq!(described, MADE);
    }
}
