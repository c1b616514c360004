//! `/v1/orgs/self/integrations`.

use serde_json::{Value, json};

use crate::Rig;

const INTEGRATIONS: &str = "/v1/orgs/self/integrations";
const INTEGRATION: &str = "/v1/orgs/self/integrations/i";
const KINDS: [&str; 10] = [
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

/// The only types that are not `null`, with their members.
fn configured(integration: &Value) -> Value {
    let given = KINDS.iter().filter(|kind| !integration[**kind].is_null());
    let given = given.map(|kind| ((*kind).to_owned(), integration[*kind].clone()));
    Value::Object(given.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integration_is_made_changed_and_deleted() {
    let mut rig = Rig::start().await;
    let request = json!({
        "name": "i",
        "description": "text",
        "s3": { "aws_access_key": { "aws_access_key_id": "id", "aws_secret_access_key": "hush" } },
    });
    let created = rig.post(INTEGRATIONS, request).await["data"].clone();
    let expected = json!({
        "name": "i",
        "description": "text",
        "is_write_enabled": null,
        "collections": [],
        "created_by": created["created_by"],
        "owner_email": created["created_by"],
        "created_by_apikey_name": "bootstrap",
        "created_at": created["created_at"],
        "is_credential_encrypted": true,
        "requires_static_ip": false,
        "s3": {
            "aws_access_key": { "aws_access_key_id": "id", "aws_secret_access_key": "REDACTED" },
            "aws_role": null,
        },
        "kinesis": null,
        "dynamodb": null,
        "gcs": null,
        "azure_blob_storage": null,
        "azure_service_bus": null,
        "azure_event_hubs": null,
        "kafka": null,
        "mongodb": null,
        "snowflake": null,
    });
    assert_eq!(created, expected);
    rig.restart().await;
    assert_eq!(rig.get(INTEGRATION).await["data"], expected);
    assert_eq!(rig.get(INTEGRATIONS).await["data"], json!([expected]));

    let role = json!({ "is_write_enabled": true, "s3": { "aws_role": { "aws_role_arn": "arn" } } });
    let updated = rig.call("PUT", INTEGRATION, Some(role)).await.ok()["data"].clone();
    let external_id = rig.get("/v1/orgs/self").await["data"]["external_id"].clone();
    let expected = json!({ "aws_role_arn": "arn", "aws_external_id": external_id });
    assert_eq!(updated["s3"]["aws_role"], expected);
    assert_eq!(updated["s3"]["aws_access_key"], Value::Null);
    assert_eq!(updated["description"], "text");
    assert_eq!(updated["is_write_enabled"], true);

    let deleted = rig.call("DELETE", INTEGRATION, None).await.ok()["data"].clone();
    assert_eq!(deleted, updated);
    for method in ["GET", "DELETE"] {
        let answer = rig.call(method, INTEGRATION, None).await;
        answer.failure(404, "NOTFOUND");
    }
    let answer = rig.call("PUT", INTEGRATION, Some(json!({}))).await;
    answer.failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_echoed_without_its_secrets() {
    let rig = Rig::start().await;
    let key = json!({ "aws_access_key_id": "id", "aws_secret_access_key": "hush" });
    let masked = json!({ "aws_access_key_id": "id", "aws_secret_access_key": "REDACTED" });
    let cases = [
        (
            "s3",
            json!({}),
            json!({ "aws_access_key": null, "aws_role": null }),
        ),
        (
            "kinesis",
            json!({ "aws_access_key": key }),
            json!({ "aws_access_key": masked, "aws_role": null }),
        ),
        (
            "dynamodb",
            json!({ "s3_export_bucket_name": "b", "aws_access_key": key }),
            json!({ "s3_export_bucket_name": "b", "aws_access_key": masked, "aws_role": null }),
        ),
        (
            "gcs",
            json!({ "gcp_service_account": { "service_account_key_file_json": "{hush}" } }),
            json!({ "gcp_service_account": { "service_account_key_file_json": "REDACTED" } }),
        ),
        (
            "azure_blob_storage",
            json!({ "connection_string": "hush" }),
            json!({ "connection_string": "REDACTED" }),
        ),
        (
            "azure_service_bus",
            json!({ "connection_string": "hush" }),
            json!({ "connection_string": "REDACTED" }),
        ),
        (
            "azure_event_hubs",
            json!({}),
            json!({ "connection_string": null }),
        ),
        (
            "kafka",
            json!({
                "use_v3": true,
                "bootstrap_servers": "a:9092",
                "kafka_topic_names": ["t"],
                "kafka_data_format": "json",
                "security_config": { "api_key": "k", "secret": "hush" },
            }),
            json!({
                "use_v3": true,
                "bootstrap_servers": "a:9092",
                "connection_string": null,
                "kafka_topic_names": ["t"],
                "kafka_data_format": "JSON",
                "aws_role": null,
                "security_config": { "api_key": "k", "secret": "REDACTED" },
                "schema_registry_config": null,
                "source_status_by_topic": null,
            }),
        ),
        (
            "mongodb",
            json!({ "connection_uri": "mongodb+srv://me:hush@host/db" }),
            json!({ "connection_uri": "mongodb+srv://me:REDACTED@host/db", "tls": null }),
        ),
        (
            "snowflake",
            json!({
                "snowflake_url": "u",
                "username": "me",
                "password": "hush",
                "default_warehouse": "w",
                "s3_export_path": "s3://b",
            }),
            json!({
                "snowflake_url": "u",
                "username": "me",
                "password": "REDACTED",
                "user_role": null,
                "default_warehouse": "w",
                "s3_export_path": "s3://b",
                "aws_access_key": null,
                "aws_role": null,
            }),
        ),
    ];
    for (kind, settings, shown) in cases {
        let path = format!("{INTEGRATIONS}/{kind}");
        let created = rig
            .post(INTEGRATIONS, json!({ "name": kind, kind: settings }))
            .await;
        assert_eq!(configured(&created["data"]), json!({ kind: shown }));
        let echoed = json!({ kind: shown });
        let updated = rig.call("PUT", &path, Some(echoed.clone())).await.ok();
        assert_eq!(
            configured(&updated["data"]),
            echoed,
            "what is shown may be sent back"
        );
    }
    let listed = rig.get(INTEGRATIONS).await["data"].clone();
    assert_eq!(listed.as_array().unwrap().len(), KINDS.len());
    assert!(!listed.to_string().contains("hush"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_on_disk_as_it_is() {
    let rig = Rig::start().await;
    let secret = "a-secret-that-is-long-enough-to-be-found";
    let settings = json!({ "connection_string": secret });
    let request = json!({ "name": "i", "azure_blob_storage": settings });
    rig.post(INTEGRATIONS, request).await;
    let catalog = &rig.server().catalog();
    let record = catalog.integration("i").unwrap();
    let sealed = record.settings["connection_string"].as_str().unwrap();
    assert!(sealed.starts_with("sealed:"), "{sealed}");
    let place = "i/azure_blob_storage.connection_string";
    assert_eq!(catalog.sealing().open_text(place, sealed).unwrap(), secret);
    let echoed = json!({ "azure_blob_storage": { "connection_string": "REDACTED" } });
    rig.call("PUT", INTEGRATION, Some(echoed)).await.ok();
    let kept = catalog.integration("i").unwrap();
    assert_eq!(
        kept, record,
        "what is shown of a secret is not taken for it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_say_what_is_wrong() {
    let rig = Rig::start().await;
    rig.post(INTEGRATIONS, json!({ "name": "i", "s3": {} }))
        .await;
    let cases = [
        (
            json!({ "name": "i", "s3": {} }),
            "ALREADYEXISTS",
            "Integration \"i\" already exists",
        ),
        (json!({ "s3": {} }), "INVALIDINPUT", "`name` is required"),
        (json!({ "name": "a b", "s3": {} }), "INVALIDINPUT", "a b"),
        (
            json!({ "name": "j" }),
            "INVALIDINPUT",
            "one of the members s3, kinesis",
        ),
        (
            json!({ "name": "j", "s3": {}, "kafka": {} }),
            "INVALIDINPUT",
            "there has to be one type, but there are s3 and kafka",
        ),
        (
            json!({ "name": "j", "s3": { "aws_role": {} } }),
            "INVALIDINPUT",
            "`s3.aws_role.aws_role_arn` is required",
        ),
        (
            json!({ "name": "j", "kafka": { "use_v3": "yes" } }),
            "INVALIDINPUT",
            "`kafka.use_v3` has to be a boolean",
        ),
        (
            json!({ "name": "j", "azure_blob_storage": { "connection_string": "REDACTED" } }),
            "INVALIDINPUT",
            "`azure_blob_storage.connection_string` says `REDACTED`",
        ),
    ];
    for (request, error_type, message) in cases {
        let answer = rig.call("POST", INTEGRATIONS, Some(request)).await;
        let error = answer.failure(400, error_type);
        let found = error["message"].as_str().unwrap();
        assert!(found.contains(message), "{found}");
    }
    let other = json!({ "kafka": {} });
    let error = rig.call("PUT", INTEGRATION, Some(other)).await;
    let error = error.failure(400, "INVALIDINPUT");
    let message = "the integration is one of type `s3` and cannot become one of `kafka`";
    assert_eq!(error["message"], message);
}
