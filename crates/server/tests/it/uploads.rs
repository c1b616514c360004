//! `POST …/collections/{collection}/uploads`.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::Rig;
use crate::client::{Answer, COLLECTION, KEY};

const FORM: [(&str, &str); 2] = [
    ("authorization", "ApiKey test-key"),
    ("content-type", "multipart/form-data; boundary=b"),
];

/// A form with a file and parameters.
fn form(file_name: &str, content: &[u8], params: Option<&Value>) -> Vec<u8> {
    let mut form = Vec::new();
    let mut part = |head: String, content: &[u8]| {
        form.extend(format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n").bytes());
        form.extend(content);
        form.extend(b"\r\n");
    };
    part(
        "name=\"size\"".to_owned(),
        content.len().to_string().as_bytes(),
    );
    if let Some(params) = params {
        part("name=\"params\"".to_owned(), params.to_string().as_bytes());
    }
    part(format!("name=\"file\"; filename=\"{file_name}\""), content);
    form.extend(b"--b--\r\n");
    form
}

async fn upload(rig: &Rig, file_name: &str, content: &str, params: Option<Value>) -> Answer {
    assert_eq!(KEY, "test-key");
    let form = form(file_name, content.as_bytes(), params.as_ref());
    rig.send("POST", &format!("{COLLECTION}/uploads"), &FORM, form)
        .await
}

async fn rig() -> Rig {
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_json_becomes_documents() {
    let rig = rig().await;
    let lines = "{\"_id\":\"1\",\"a\":1}\n{\"_id\":\"2\",\"a\":9007199254740993}\nnonsense\n3\n";
    let answer = upload(&rig, "a.json", lines, Some(json!({ "json": true }))).await;
    let mut data = answer.ok()["data"].clone();
    let time = data["file_upload_time"].take();
    let last_error = data["last_error"].take();
    assert!(
        last_error.as_str().unwrap().contains("object"),
        "{last_error}"
    );
    let expected = json!({
        "workspace": "commons",
        "collection": "c",
        "file_name": "a.json",
        "file_size": lines.len(),
        "file_upload_time": null,
        "doc_count": 2,
        "error_count": 2,
        "last_error": null,
    });
    assert_eq!(data, expected);
    let rows = rig
        .rows("SELECT _id, a, _meta.file_upload.file_name AS f FROM c ORDER BY _id")
        .await;
    let expected = json!([
        { "_id": "1", "a": 1, "f": "a.json" },
        { "_id": "2", "a": 9_007_199_254_740_993_i64, "f": "a.json" },
    ]);
    assert_eq!(rows, expected);
    assert!(time.is_string());
    upload(&rig, "b.json", "[{\"_id\":\"3\"}]", None).await.ok();
    let count = rig.rows("SELECT COUNT(*) AS n FROM c").await;
    assert_eq!(count, json!([{ "n": 3 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_csv_becomes_documents_with_types() {
    let rig = rig().await;
    let csv = "_id,n,day\nx,1,2024-01-02\ny,,2024-01-03\nz,one,\n";
    let params = json!({ "csv": { "firstLineAsColumnNames": true, "columnTypes": ["string", "integer", "date"] } });
    let data = upload(&rig, "a.csv", csv, Some(params)).await.ok()["data"].clone();
    assert_eq!(
        (&data["doc_count"], &data["error_count"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(data["last_error"], "line 4: `n` is no INTEGER");
    let rows = rig
        .rows("SELECT _id, n, TYPEOF(day) AS t FROM c ORDER BY _id")
        .await;
    assert_eq!(
        rows,
        json!([{ "_id": "x", "n": 1, "t": "date" }, { "_id": "y", "n": null, "t": "date" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_file_is_unpacked() {
    let rig = rig().await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"_id,a\nx,1\ny,2\n").unwrap();
    let form = form("a.csv.gz", &encoder.finish().unwrap(), None);
    let path = format!("{COLLECTION}/uploads");
    let answer = rig.send("POST", &path, &FORM, form).await;
    assert_eq!(answer.ok()["data"]["doc_count"], 2);
    let rows = rig.rows("SELECT _id, a FROM c ORDER BY _id").await;
    let expected = json!([{ "_id": "x", "a": "1" }, { "_id": "y", "a": "2" }]);
    assert_eq!(rows, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_written_in_pieces_and_passes_through_the_transformation() {
    let rig = Rig::start_with(|config| config.limits.write_documents_max = 10).await;
    rig.create_transforming("SELECT n + 1 AS m FROM _input WHERE n < 30")
        .await;
    let lines: String = (0..35).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let data = upload(&rig, "a.json", &lines, None).await.ok()["data"].clone();
    assert_eq!(data["doc_count"], 35);
    let rows = rig.rows("SELECT COUNT(*) AS n, SUM(m) AS s FROM c").await;
    assert_eq!(rows, json!([{ "n": 30, "s": 465 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_says_why() {
    let rig = Rig::start_with(|config| config.limits.write_body_bytes_max = 4096).await;
    rig.create_collection("c").await;
    let path = format!("{COLLECTION}/uploads");
    let answer = rig.call("POST", &path, Some(json!({}))).await;
    answer.failure(415, "UNSUPPORTEDMEDIATYPE");
    let answer = rig.send("POST", &path, &FORM, "nonsense").await;
    answer.failure(400, "INVALIDINPUT");
    let answer = rig.send("POST", &path, &FORM[..1], "").await;
    answer.failure(400, "INVALIDINPUT");
    let answer = upload(&rig, "a.xml", "<a/>", Some(json!({ "xml": {} }))).await;
    answer.failure(400, "INVALIDINPUT");
    let answer = upload(&rig, "a.json", &" ".repeat(5000), None).await;
    answer.failure(413, "CONTENTTOOLARGE");
    let nowhere = "/v1/orgs/self/ws/commons/collections/none/uploads";
    let answer = rig
        .send("POST", nowhere, &FORM, form("a.json", b"{}", None))
        .await;
    answer.failure(404, "NOTFOUND");
}
