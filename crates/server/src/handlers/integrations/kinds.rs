//! The types of integrations and their members, as the published description has them.

use crate::shape::{Field, Rule, Shape};

/// The members of the type `kind`.
pub(super) fn fields(kind: &str) -> &'static [Field] {
    let found = KINDS.iter().find(|(name, _)| *name == kind);
    found.map_or(&[], |(_, fields)| fields)
}

/// The names of all types.
pub(super) const NAMES: &[&str] = &[
    "s3",
    "kinesis",
    "dynamodb",
    "gcs",
    "azure_blob_storage",
    "azure_service_bus",
    "azure_event_hubs",
    "kafka",
    "mongodb",
    "snowflake",
];

const KINDS: &[(&str, &[Field])] = &[
    ("s3", &[AWS_ACCESS_KEY, AWS_ROLE]),
    ("kinesis", &[AWS_ACCESS_KEY, AWS_ROLE]),
    (
        "dynamodb",
        &[
            AWS_ACCESS_KEY,
            AWS_ROLE,
            field("s3_export_bucket_name", Shape::Text, Rule::Optional),
        ],
    ),
    (
        "gcs",
        &[field(
            "gcp_service_account",
            Shape::Object(&[field(
                "service_account_key_file_json",
                Shape::Text,
                Rule::RequiredSecret,
            )]),
            Rule::Optional,
        )],
    ),
    (
        "azure_blob_storage",
        &[field(
            "connection_string",
            Shape::Text,
            Rule::RequiredSecret,
        )],
    ),
    (
        "azure_service_bus",
        &[field(
            "connection_string",
            Shape::Text,
            Rule::RequiredSecret,
        )],
    ),
    (
        "azure_event_hubs",
        &[field("connection_string", Shape::Text, Rule::Secret)],
    ),
    (
        "kafka",
        &[
            field("use_v3", Shape::Bool, Rule::Optional),
            field("bootstrap_servers", Shape::Text, Rule::Optional),
            field("connection_string", Shape::Text, Rule::ServerSecret),
            field("kafka_topic_names", Shape::Texts, Rule::Optional),
            field(
                "kafka_data_format",
                Shape::Choice(&["JSON", "AVRO"]),
                Rule::Optional,
            ),
            AWS_ROLE,
            field(
                "security_config",
                Shape::Object(&[
                    field("api_key", Shape::Text, Rule::Optional),
                    field("secret", Shape::Text, Rule::Secret),
                ]),
                Rule::Optional,
            ),
            field(
                "schema_registry_config",
                Shape::Object(&[
                    field("url", Shape::Text, Rule::Optional),
                    field("key", Shape::Text, Rule::Optional),
                    field("secret", Shape::Text, Rule::Secret),
                ]),
                Rule::Optional,
            ),
            field("source_status_by_topic", Shape::Map, Rule::Server),
        ],
    ),
    (
        "mongodb",
        &[
            field("connection_uri", Shape::Text, Rule::RequiredSecret),
            field(
                "tls",
                Shape::Object(&[
                    field("ca_cert", Shape::Text, Rule::Optional),
                    field("client_cert", Shape::Text, Rule::Required),
                    field("client_key", Shape::Text, Rule::RequiredSecret),
                    field("client_cert_subject", Shape::Text, Rule::Server),
                    field("client_cert_expiry", Shape::Int, Rule::Server),
                ]),
                Rule::Optional,
            ),
        ],
    ),
    (
        "snowflake",
        &[
            field("snowflake_url", Shape::Text, Rule::Required),
            field("username", Shape::Text, Rule::Required),
            field("password", Shape::Text, Rule::RequiredSecret),
            field("user_role", Shape::Text, Rule::Optional),
            field("default_warehouse", Shape::Text, Rule::Required),
            field("s3_export_path", Shape::Text, Rule::Required),
            AWS_ACCESS_KEY,
            AWS_ROLE,
        ],
    ),
];

const AWS_ACCESS_KEY: Field = field(
    "aws_access_key",
    Shape::Object(&[
        field("aws_access_key_id", Shape::Text, Rule::Required),
        field("aws_secret_access_key", Shape::Text, Rule::RequiredSecret),
    ]),
    Rule::Optional,
);

/// The external id is that of the organisation.
const AWS_ROLE: Field = field(
    "aws_role",
    Shape::Object(&[
        field("aws_role_arn", Shape::Text, Rule::Required),
        field("aws_external_id", Shape::Text, Rule::Server),
    ]),
    Rule::Optional,
);

const fn field(name: &'static str, shape: Shape, rule: Rule) -> Field {
    Field { name, shape, rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_members() {
        let described: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        assert_eq!(described, NAMES);
    }
}
