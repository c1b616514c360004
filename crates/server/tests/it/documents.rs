//! Adding, patching and deleting documents.

use outcrop_document::{Timestamp, Value as Stored};
use serde_json::{Value, json};

use crate::Rig;
use crate::client::COLLECTION;

async fn rig() -> Rig {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig
}

fn docs() -> String {
    format!("{COLLECTION}/docs")
}

fn statuses(data: &[Value]) -> Vec<&str> {
    data.iter()
        .map(|status| status["status"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_has_every_member() {
    let rig = rig().await;
    let data = rig.add(json!([{ "_id": "x", "a": 1 }])).await;
    assert_eq!(
        data,
        [json!({
            "_collection": "c",
            "_id": "x",
            "status": "ADDED",
            "error": null,
            "patch_id": null,
        })]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_document_is_replaced_also_within_a_batch() {
    let rig = rig().await;
    let data = rig
        .add(json!([{ "_id": "1", "a": 1 }, { "_id": "2" }, { "_id": "1", "b": 2 }]))
        .await;
    assert_eq!(statuses(&data), ["ADDED", "ADDED", "REPLACED"]);
    let document = rig.stored("1").unwrap();
    assert_eq!(document.get("a"), None);
    assert_eq!(document["b"], Stored::Int(2));
    assert_eq!(
        statuses(&rig.add(json!([{ "_id": "2" }])).await),
        ["REPLACED"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_ids_are_made_from_one_uuid_and_the_position() {
    let rig = rig().await;
    let data = rig
        .add(json!([{ "a": 1 }, { "_id": "given" }, { "a": 3 }]))
        .await;
    let id = |index: usize| data[index]["_id"].as_str().unwrap();
    let (first, third) = (id(0), id(2));
    assert_eq!(first.len(), 38);
    assert_eq!(first.strip_suffix("-1"), third.strip_suffix("-3"));
    assert!(first.strip_suffix("-1").is_some());
    assert!(rig.stored(first).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_become_text_or_the_document_is_an_error() {
    let rig = rig().await;
    let data = rig
        .add(json!([
            { "_id": 5 }, { "_id": true }, { "_id": 1.5 },
            { "_id": { "__rockset_type": "int", "value": "7" } },
            { "_id": null }, { "_id": [1] }, { "_id": { "a": 1 } }
        ]))
        .await;
    let ids: Vec<&Value> = data.iter().map(|status| &status["_id"]).collect();
    assert_eq!(
        ids[..4],
        [&json!("5"), &json!("true"), &json!("1.5"), &json!("7")]
    );
    assert_eq!(ids[4..], [&json!(null), &json!(null), &json!(null)]);
    for status in &data[4..] {
        assert_eq!(status["status"], "ERROR");
        assert_eq!(status["error"]["type"], "INVALIDINPUT");
        assert!(
            status["error"]["message"]
                .as_str()
                .unwrap()
                .contains("`_id`")
        );
    }
    assert_eq!(
        rig.stored("5").unwrap()["_id"],
        Stored::String("5".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_time_has_many_forms_and_a_default() {
    let rig = rig().await;
    let micros = 1_577_923_200_000_000_i64;
    let data = rig
        .add(json!([
            { "_id": "text", "_event_time": "2020-01-02T00:00:00Z" },
            { "_id": "micros", "_event_time": micros },
            { "_id": "typed", "_event_time": { "__rockset_type": "timestamp", "value": micros } },
            { "_id": "none" },
            { "_id": "null", "_event_time": null },
            { "_id": "bad", "_event_time": "soon" },
            { "_id": "list", "_event_time": [] },
        ]))
        .await;
    assert_eq!(statuses(&data)[..5], ["ADDED"; 5]);
    assert_eq!(statuses(&data)[5..], ["ERROR"; 2]);
    let time = |id: &str| rig.stored(id).unwrap()["_event_time"].clone();
    for id in ["text", "micros", "typed"] {
        assert_eq!(time(id), Stored::Timestamp(Timestamp(micros)), "{id}");
    }
    // The clock of the test server stands at 2024-01-01.
    for id in ["none", "null"] {
        assert_eq!(
            time(id),
            Stored::Timestamp(Timestamp(1_704_067_200_000_000)),
            "{id}"
        );
    }
    assert!(rig.stored("bad").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn meta_is_dropped_and_typed_values_are_resolved() {
    let rig = rig().await;
    let data = rig
        .add(json!([
            {
                "_id": "1",
                "_meta": { "s3": 1 },
                "d": { "__rockset_type": "DATE", "value": "2022-06-21" },
                "n": 9_007_199_254_740_993_i64,
                "f": 1.0,
            },
            { "_id": "2", "d": { "__rockset_type": "date", "value": "yesterday" } },
            { "_id": "3", "deep": [{ "t": { "__rockset_type": "none", "value": 1 } }] },
        ]))
        .await;
    assert_eq!(statuses(&data), ["ADDED", "ERROR", "ERROR"]);
    let message = data[2]["error"]["message"].as_str().unwrap();
    assert!(message.contains("deep"), "{message}");
    let document = rig.stored("1").unwrap();
    assert_eq!(document.get("_meta"), None);
    assert_eq!(document["d"].value_type().name(), "date");
    assert_eq!(document["n"], Stored::Int(9_007_199_254_740_993));
    assert_eq!(document["f"], Stored::Float(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_is_the_same_for_known_and_unknown_ids() {
    let rig = rig().await;
    rig.add(json!([{ "_id": "1" }])).await;
    let body = json!({ "data": [{ "_id": "1" }, { "_id": "none" }, { "_id": 1 }, {}, 7] });
    let answer = rig.call("DELETE", &docs(), Some(body)).await.ok();
    let data = answer["data"].as_array().unwrap();
    assert_eq!(
        statuses(data),
        ["DELETED", "DELETED", "DELETED", "ERROR", "ERROR"]
    );
    assert!(rig.stored("1").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_seven_operations_patch_a_document() {
    let rig = rig().await;
    rig.add(json!([{ "_id": "1", "a": 1, "list": [1], "o": { "x": "y" }, "gone": 1 }]))
        .await;
    let patch = json!([
        { "op": "ADD", "path": "/list/-", "value": 2, "from": null },
        { "op": "replace", "path": "/o/x", "value": { "__rockset_type": "DATE", "value": "2022-06-21" } },
        { "op": "REMOVE", "path": "/gone", "value": null },
        { "op": "COPY", "from": "/a", "path": "/copy" },
        { "op": "MOVE", "from": "/copy", "path": "/moved" },
        { "op": "TEST", "path": "/moved", "value": 1 },
        { "op": "Increment", "path": "/a", "value": -3 },
    ]);
    let body = json!({ "data": [{ "_id": "1", "patch": patch }] });
    let answer = rig.call("PATCH", &docs(), Some(body)).await.ok();
    let status = &answer["data"][0];
    assert_eq!(status["status"], "PATCHED", "{status}");
    assert_eq!(status["patch_id"].as_str().unwrap().len(), 36);
    let document = rig.stored("1").unwrap();
    assert_eq!(document["a"], Stored::Int(-2));
    assert_eq!(
        document["list"],
        Stored::Array(vec![Stored::Int(1), Stored::Int(2)])
    );
    assert_eq!(document["moved"], Stored::Int(1));
    assert_eq!(document.get("copy"), None);
    assert_eq!(document.get("gone"), None);
    let Stored::Object(inner) = &document["o"] else {
        panic!("{document:?}")
    };
    assert_eq!(inner["x"].value_type().name(), "date");
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_that_do_not_apply_change_nothing() {
    let rig = rig().await;
    rig.add(json!([{ "_id": "1", "a": 1 }])).await;
    let before = rig.stored("1");
    let entry = |operation: Value| json!({ "_id": "1", "patch": [operation] });
    let increment = json!({ "op": "INCREMENT", "path": "/a", "value": 1 });
    let body = json!({ "data": [
        { "_id": "none", "patch": [increment] },
        { "_id": "1", "patch": [increment, { "op": "TEST", "path": "/a", "value": 7 }] },
        entry(json!({ "op": "FLIP", "path": "/a" })),
        entry(json!({ "op": "ADD", "path": "/_id", "value": "2" })),
        entry(json!({ "op": "REPLACE", "path": "/_event_time", "value": 1 })),
        entry(json!({ "op": "REMOVE", "path": "/none" })),
        entry(json!({ "op": "COPY", "path": "/b" })),
        { "_id": "1" },
        { "patch": [increment] },
        "text",
    ] });
    let answer = rig.call("PATCH", &docs(), Some(body)).await.ok();
    let data = answer["data"].as_array().unwrap();
    assert_eq!(statuses(data), ["ERROR"; 10]);
    assert_eq!(data[0]["error"]["type"], "NOTFOUND");
    assert_eq!(data[1]["error"]["type"], "INVALIDINPUT");
    assert_eq!(rig.stored("1"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_be_empty_and_failures_do_not_hold_up_the_rest() {
    let rig = rig().await;
    let empty = rig.post(&docs(), json!({ "data": [] })).await;
    assert_eq!(empty["data"], json!([]));
    assert!(empty["last_offset"].is_string());
    let data = rig.add(json!([1, { "_id": "ok" }, "text", [], null])).await;
    assert_eq!(
        statuses(&data),
        ["ERROR", "ADDED", "ERROR", "ERROR", "ERROR"]
    );
    assert!(rig.stored("ok").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_has_passed_when_the_write_is_answered() {
    let rig = rig().await;
    let commit = format!("{COLLECTION}/offsets/commit");
    let first = rig.post(&docs(), json!({ "data": [{ "_id": "1" }] })).await;
    let second = rig.post(&docs(), json!({ "data": [{ "_id": "2" }] })).await;
    let fences = json!({ "name": [second["last_offset"], first["last_offset"]] });
    let body = rig.post(&commit, fences).await;
    assert_eq!(body["data"]["fence"], second["last_offset"]);
    assert_eq!(body["data"]["passed"], true);
    assert!(body["offsets"]["commit"].is_string());
    let fence = second["last_offset"].as_str().unwrap();
    let encoded = fence.replace(':', "%3A");
    for query in [
        format!("fence={fence}"),
        format!("fence={encoded}&fence={fence}"),
    ] {
        assert_eq!(
            rig.get(&format!("{commit}?{query}")).await["data"],
            body["data"]
        );
    }
    for none in [json!({}), json!({ "name": null }), json!({ "name": [] })] {
        assert_eq!(rig.post(&commit, none).await["data"]["passed"], true);
    }
    let later = json!({ "name": ["f2:0:1:0:999"] });
    assert_eq!(rig.post(&commit, later).await["data"]["passed"], false);
    let answer = rig
        .call("POST", &commit, Some(json!({ "name": ["x"] })))
        .await;
    answer.failure(400, "INVALIDINPUT");
    let missing = "/v1/orgs/self/ws/commons/collections/none/offsets/commit";
    rig.call("GET", missing, None)
        .await
        .failure(404, "NOTFOUND");
}
