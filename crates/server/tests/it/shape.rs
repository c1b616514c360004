//! The kinds that the official Python client's generated models demand.
//!
//! Integers must be JSON integers, texts texts, lists lists; `null` passes everywhere except in the
//! answer to a query, where what does not apply must be absent; members beyond these are ignored.

use serde_json::{Value, json};

use crate::Rig;
use crate::client::COLLECTION;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    List,
    Object,
}

use Kind::{Boolean, Integer, List, Number, Object, Text};

#[track_caller]
fn check(value: &Value, members: &[(&str, Kind)]) {
    for (name, kind) in members {
        let member = &value[name];
        let fits = match kind {
            Text => member.is_string(),
            Integer => member.is_i64() || member.is_u64(),
            Number => member.is_number(),
            Boolean => member.is_boolean(),
            List => member.is_array(),
            Object => member.is_object(),
        };
        assert!(
            fits || member.is_null(),
            "`{name}` is {member}, not {kind:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_has_the_kinds_of_the_models() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "a": 1.5 }])).await;
    let organization = rig.get("/v1/orgs/self").await["data"].clone();
    let texts = [
        "id",
        "created_at",
        "display_name",
        "external_id",
        "rockset_user",
    ];
    check(&organization, &texts.map(|name| (name, Text)));
    check(&organization, &[("clusters", List)]);
    let cluster = &organization["clusters"][0];
    let texts = [
        "id",
        "cluster_type",
        "aws_region",
        "domain",
        "top_level_domain",
        "apiserver_url",
    ];
    check(cluster, &texts.map(|name| (name, Text)));

    let workspace = rig.get("/v1/orgs/self/ws/commons").await["data"].clone();
    check(
        &workspace,
        &["created_at", "created_by", "name", "description"].map(|name| (name, Text)),
    );
    check(&workspace, &[("collection_count", Integer)]);

    let collection = rig.get(COLLECTION).await["data"].clone();
    let texts = [
        "created_at",
        "created_by",
        "created_by_apikey_name",
        "description",
        "name",
        "rrn",
        "status",
        "storage_compression_type",
        "workspace",
    ];
    check(&collection, &texts.map(|name| (name, Text)));
    let lists = ["aliases", "clustering_key", "field_mappings", "sources"];
    check(&collection, &lists.map(|name| (name, List)));
    let others = [
        ("insert_only", Boolean),
        ("read_only", Boolean),
        ("retention_secs", Integer),
        ("stats", Object),
    ];
    check(&collection, &others);
    let integers = [
        "bulk_bytes_inserted",
        "bulk_bytes_overwritten",
        "bytes_inserted",
        "bytes_overwritten",
        "column_index_size",
        "doc_count",
        "inverted_index_size",
        "last_queried_ms",
        "last_updated_ms",
        "purged_doc_count",
        "purged_doc_size",
        "range_index_size",
        "row_index_size",
        "total_index_size",
        "total_size",
    ];
    check(&collection["stats"], &integers.map(|name| (name, Integer)));
    check(&collection["stats"], &[("fill_progress", Number)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_query_has_no_nulls() {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    for sql in [
        "SELECT 1 AS x",
        "SELECT * FROM commons.c",
        "SELECT a FROM commons.c",
    ] {
        let body = rig
            .post("/v1/orgs/self/queries", json!({ "sql": { "query": sql } }))
            .await;
        for (name, member) in body.as_object().unwrap() {
            assert!(!member.is_null(), "{name}");
        }
        check(
            &body,
            &[("query_id", Text), ("status", Text), ("stats", Object)],
        );
        let lists = ["collections", "aliases", "results", "column_fields"];
        check(&body, &lists.map(|name| (name, List)));
        let stats = [
            ("elapsed_time_ms", Integer),
            ("throttled_time_micros", Integer),
        ];
        check(&body["stats"], &stats);
    }
}
