//! Files of Parquet, Avro and XML that are uploaded to a server, whose children decode them.

use crate::server::{KEY, Server, fresh, outcrop};
use arrow::array::{ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::array::{TimestampMillisecondArray, new_null_array};
use arrow::datatypes::{DataType, Int32Type};
use arrow_avro::writer::AvroWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};
use std::process::Stdio;
use std::sync::Arc;

/// A server with a collection `c`.
fn server() -> (tempfile::TempDir, Server) {
    let (folder, server) = fresh();
    let answer = post(
        &server,
        "collections",
        "application/json",
        b"{\"name\": \"c\"}",
    );
    assert_eq!(answer.0, 200, "{answer:?}");
    (folder, server)
}

/// Status and body of the answer to a `POST` in the workspace `commons`.
fn post(server: &Server, path: &str, content_type: &str, body: &[u8]) -> (u16, Value) {
    let url = format!("{}/v1/orgs/self/ws/commons/{path}", server.url);
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let mut answer = agent
        .post(url)
        .header("authorization", format!("ApiKey {KEY}"))
        .content_type(content_type)
        .send(body)
        .unwrap();
    (
        answer.status().into(),
        answer.body_mut().read_json().unwrap(),
    )
}

fn upload(server: &Server, file_name: &str, content: &[u8], params: &Value) -> (u16, Value) {
    let mut form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"params\"\r\n\r\n{params}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\r\n"
    )
    .into_bytes();
    form.extend(content);
    form.extend(b"\r\n--b--\r\n");
    let content_type = "multipart/form-data; boundary=b";
    post(server, "collections/c/uploads", content_type, &form)
}

/// Rows with an id, a list and a time.
fn batch() -> RecordBatch {
    let lists = [Some(vec![Some(1), None]), Some(vec![]), None];
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(lists);
    let times = TimestampMillisecondArray::from(vec![0, 1, 2]).with_timezone("UTC");
    RecordBatch::try_from_iter(vec![
        (
            "_id",
            Arc::new(StringArray::from(vec!["a", "b", "c"])) as ArrayRef,
        ),
        ("list", Arc::new(lists)),
        ("time", Arc::new(times)),
    ])
    .unwrap()
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    file
}

fn avro(batch: &RecordBatch) -> Vec<u8> {
    let schema = batch.schema().as_ref().clone();
    let mut writer = AvroWriter::new(Vec::new(), schema).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner()
}

const XML: &[u8] = b"<rows><row _id='a'><list>1</list><list/></row><row _id='b'/></rows>";

#[test]
fn files_of_each_format_become_documents() {
    let query = "SELECT _id, list, TYPEOF(list[1]) AS t, TYPEOF(time) AS time FROM c ORDER BY _id";
    let typed = "{\"_id\":\"a\",\"list\":[1,null],\"t\":\"int\",\"time\":\"timestamp\"}\n\
        {\"_id\":\"b\",\"list\":[],\"t\":\"undefined\",\"time\":\"timestamp\"}\n\
        {\"_id\":\"c\",\"list\":null,\"t\":\"undefined\",\"time\":\"timestamp\"}\n";
    let texts = "{\"_id\":\"a\",\"list\":[\"1\",\"\"],\"t\":\"string\",\"time\":\"undefined\"}\n\
        {\"_id\":\"b\",\"list\":null,\"t\":\"undefined\",\"time\":\"undefined\"}\n";
    for (name, file, params, expected) in [
        ("f.parquet", parquet(&batch()), json!({}), typed),
        ("f", avro(&batch()), json!({ "avro": true }), typed),
        (
            "f",
            XML.to_vec(),
            json!({ "xml": { "doc_tag": "row" } }),
            texts,
        ),
    ] {
        let (_folder, server) = server();
        let (status, answer) = upload(&server, name, &file, &params);
        assert_eq!(status, 200, "{answer}");
        let data = &answer["data"];
        assert_eq!(data["doc_count"], expected.lines().count(), "{answer}");
        assert_eq!(data["error_count"], 0, "{answer}");
        assert_eq!(server.rows(query), expected, "{name}");
    }
}

/// A million million.
const COUNTLESS: [u8; 7] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];

/// A short Avro file of one block.
fn short_avro(schema: &[u8], count: &[u8], block: &[u8]) -> Vec<u8> {
    let text = |text: &[u8]| [&[u8::try_from(text.len() * 2).unwrap()], text].concat();
    let sync = [7; 16];
    let metadata = [text(b"avro.schema"), text(schema)].concat();
    let header = [b"Obj\x01\x02", &metadata[..], &[0], &sync].concat();
    [&header, count, &text(block), &sync].concat()
}

/// One record, which is an array of countless nulls.
fn large_avro() -> Vec<u8> {
    short_avro(br#"{"type": "array", "items": "null"}"#, &[2], &COUNTLESS)
}

#[test]
fn files_that_would_become_too_much_are_refused() {
    let (_folder, server) = server();
    let (status, answer) = upload(&server, "bomb.avro", &large_avro(), &json!({}));
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].as_str().unwrap();
    let start =
        "the file `bomb.avro` cannot be read as Avro: that takes more memory than the limit of ";
    assert!(message.starts_with(start), "{message}");

    let nulls = new_null_array(&DataType::Int32, 3_000_000);
    let file = parquet(&RecordBatch::try_from_iter_with_nullable([("n", nulls, true)]).unwrap());
    assert!(file.len() < 100_000, "{}", file.len());
    let (status, answer) = upload(&server, "bomb.parquet", &file, &json!({}));
    assert_eq!(status, 413, "{answer}");

    let deep = "<a>".repeat(1_000_000);
    let (status, answer) = upload(&server, "bomb.xml", deep.as_bytes(), &json!({}));
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.ends_with("elements are nested deeper than 128 levels"),
        "{message}"
    );
    assert_eq!(server.rows("SELECT COUNT(*) AS n FROM c"), "{\"n\":0}\n");
}

/// Damages every byte of a file in turn.
fn damage(name: &str, file: &[u8]) {
    let (_folder, server) = server();
    for index in 0..file.len() {
        let mut damaged = file.to_vec();
        damaged[index] ^= 1 << (index % 8);
        let (status, answer) = upload(&server, name, &damaged, &json!({}));
        assert!(
            matches!(status, 200 | 400 | 413),
            "{index}: {status} {answer}"
        );
    }
    assert_eq!(server.signal("TERM"), Some(0));
}

#[test]
fn a_damaged_file_of_parquet_does_no_harm() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    damage(
        "a.parquet",
        &parquet(&RecordBatch::try_from_iter([("n", ids)]).unwrap()),
    );
}

#[test]
fn a_damaged_file_of_avro_does_no_harm() {
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    damage(
        "a.avro",
        &avro(&RecordBatch::try_from_iter([("n", ids)]).unwrap()),
    );
}

#[test]
fn a_damaged_file_of_xml_does_no_harm() {
    damage("a.xml", XML);
}

/// How `outcrop decode` ends within 30 MB and one second.
#[cfg(unix)]
fn decode(file: &[u8]) -> std::process::Output {
    use std::io::Write;

    let mut child = outcrop()
        .args(["decode", "--memory-bytes", "30000000", "--cpu-seconds", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&[b"\"avro\"\n", file].concat()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_decoder_is_ended_at_its_limits() {
    use std::os::unix::process::ExitStatusExt;

    let ended = decode(&large_avro());
    assert_eq!(ended.status.signal(), Some(6), "{ended:?}");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(stderr.contains("memory allocation of"), "{stderr}");
    // Countless records of nothing, which take no memory.
    let ended = decode(&short_avro(br#""null""#, &COUNTLESS, &[]));
    assert_eq!(ended.status.signal(), Some(24), "{:?}", ended.status);
}
