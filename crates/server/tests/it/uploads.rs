//! `POST …/collections/{collection}/uploads`.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use outcrop_document::{Object, k};
use outcrop_server::DecoderCommand;
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
    encoder.write_all(b"_id,a\nx,1\n").unwrap();
    let zstd = zstd::encode_all(&b"_id,a\ny,2\n"[..], 0).unwrap();
    let path = format!("{COLLECTION}/uploads");
    for (name, packed) in [("a.csv.gz", encoder.finish().unwrap()), ("a.csv.zst", zstd)] {
        let form = form(name, &packed, None);
        let answer = rig.send("POST", &path, &FORM, form).await;
        assert_eq!(answer.ok()["data"]["doc_count"], 1);
    }
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
    let answer = upload(&rig, "a", "", Some(json!({ "bson": true }))).await;
    answer.failure(400, "INVALIDINPUT");
    let answer = upload(&rig, "a", "", Some(json!({ "parquet": {} }))).await;
    answer.failure(400, "INVALIDINPUT");
    let answer = upload(&rig, "a.xml", "<a/>", None).await;
    answer.failure(501, "NOTIMPLEMENTEDYET");
    let answer = upload(&rig, "a.json", &" ".repeat(5000), None).await;
    answer.failure(413, "CONTENTTOOLARGE");
    let nowhere = "/v1/orgs/self/ws/commons/collections/none/uploads";
    let answer = rig
        .send("POST", nowhere, &FORM, form("a.json", b"{}", None))
        .await;
    answer.failure(404, "NOTFOUND");
}

/// A server whose decoder is a shell script. What comes of real files is in `crates/cli/tests/it/uploads.rs`.
async fn rig_with_decoder(script: &str) -> Rig {
    let command = DecoderCommand {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
    };
    let rig = Rig::start_with(|config| {
        config.decoder = Some(command);
        config.limits.decoder_timeout = Duration::from_secs(2);
        config.limits.write_body_bytes_max = 4096;
    })
    .await;
    rig.create_collection("c").await;
    rig
}

/// A command that prints a frame.
fn frame(kind: char, content: &[u8]) -> String {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    let bytes = length.iter().chain(content);
    let octal: String = bytes.map(|byte| format!("\\{byte:03o}")).collect();
    format!("printf '{kind}{octal}'; ")
}

fn document_frame(id: &str) -> String {
    let document = Object::from([("_id".to_owned(), id.into())]);
    frame('d', &k::encode(&document.into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_process_decodes_what_the_server_does_not() {
    let params = json!({ "xml": { "doc_tag": "d", "root_tag": null } });
    // It answers with the line that it is sent, its arguments, the file, and what it sees of the environment.
    let script = [
        &document_frame("x"),
        "read line; text=\"$line $* $(cat) ${HOME-none}\"; ",
        r#"printf "e\\$(printf %03o ${#text})\\000\\000\\000"; printf %s "$text"; "#,
        &frame('.', b""),
    ];
    let script = script.concat();
    let rig = rig_with_decoder(&script).await;
    let answer = upload(&rig, "a", "<d/>", Some(params)).await;
    let data = answer.ok()["data"].clone();
    assert_eq!(
        (&data["doc_count"], &data["error_count"]),
        (&json!(1), &json!(1))
    );
    let last_error = data["last_error"].as_str().unwrap();
    assert!(last_error.starts_with("{\"xml\":{"), "{last_error}");
    assert!(last_error.contains("\"doc_tag\":\"d\""), "{last_error}");
    assert!(
        last_error.contains("268435456 --cpu-seconds 3 <d/> none"),
        "{last_error}"
    );
    let rows = rig.rows("SELECT _id FROM c").await;
    assert_eq!(rows, json!([{ "_id": "x" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_fails_takes_nothing_with_it() {
    let document = document_frame("x");
    let broken = "the file `a.avro` cannot be read as Avro: the decoder broke off";
    for (script, status, message) in [
        (
            frame('f', b"bad"),
            400,
            "the file `a.avro` cannot be read as Avro: bad",
        ),
        ("exit 3".to_owned(), 400, broken),
        (format!("{document} exit 0"), 400, broken),
        (format!("{document} kill -SEGV $$"), 400, broken),
        (frame('d', b"\xff") + &frame('.', b""), 400, broken),
        (frame('x', b""), 400, broken),
        ("printf 'd\\377\\377\\377\\377'".to_owned(), 400, broken),
        (
            "echo 'memory allocation of 5 bytes failed' >&2; kill -ABRT $$".to_owned(),
            400,
            "the file `a.avro` cannot be read as Avro: that takes more memory than the limit of 256 MiB",
        ),
        (
            format!("{document} exec sleep 60"),
            400,
            "the file `a.avro` cannot be read as Avro: that takes more time than the limit of 2s",
        ),
        (
            "kill -XCPU $$".to_owned(),
            400,
            "the file `a.avro` cannot be read as Avro: that takes more time than the limit of 2s",
        ),
        (
            format!("{document} exec yes"),
            413,
            "the file unpacks to more than the limit of 4096 bytes",
        ),
        ("exec yes nonsense >&2".to_owned(), 400, broken),
    ] {
        let rig = rig_with_decoder(&script).await;
        let answer = upload(&rig, "a.avro", &"x".repeat(3000), None).await;
        let error_type = match status {
            413 => "CONTENTTOOLARGE",
            _ => "INVALIDINPUT",
        };
        let body = answer.failure(status, error_type);
        assert_eq!(body["message"], message, "{script}");
        let count = rig.rows("SELECT COUNT(*) AS n FROM c").await;
        assert_eq!(count, json!([{ "n": 0 }]), "{script}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_files_are_decoded_at_the_same_time() {
    let rig = Rig::start_with(|config| {
        config.decoder = Some(DecoderCommand {
            program: "/nowhere".into(),
            arguments: Vec::new(),
        });
        config.limits.decoders_max = 0;
        config.limits.decoder_timeout = Duration::from_millis(10);
    })
    .await;
    rig.create_collection("c").await;
    let answer = upload(&rig, "a.parquet", "", None).await;
    answer.failure(429, "RATELIMITEXCEEDED");
    assert_eq!(answer.headers["retry-after"], "1");
}
