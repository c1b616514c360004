//! `outcrop load`: formats, bad lines, many files.

use crate::server::{Server, fresh};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::path::Path;
use tempfile::TempDir;

fn write(folder: &TempDir, name: &str, text: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn count(server: &Server, collection: &str) -> String {
    server.rows(&format!("SELECT COUNT(*) AS n FROM {collection}"))
}

#[test]
fn every_format_gives_the_same_documents() {
    let (folder, server) = fresh();
    let lines = b"{\"_id\": \"1\", \"n\": 1}\n{\"_id\": \"2\", \"n\": 2.5}\n";
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(lines).unwrap();
    let files = [
        write(&folder, "lines.ndjson", lines),
        write(&folder, "lines.bin", &gzip.finish().unwrap()),
        write(
            &folder,
            "array.json",
            b"[{\"_id\": \"1\", \"n\": 1},\n {\"_id\": \"2\", \"n\": 2.5}]",
        ),
        write(
            &folder,
            "pretty.json",
            b"{\n \"_id\": \"1\",\n \"n\": 1\n}\n{\"_id\": \"2\", \"n\": 2.5}",
        ),
    ];
    for (index, file) in files.iter().enumerate() {
        let collection = format!("formats.c{index}");
        let ran = server.run(&["load", file, "--collection", &collection, "--create"]);
        assert_eq!(ran.code, 0, "{file}: {}", ran.stderr);
        let rows = server.rows(&format!("SELECT _id, n FROM {collection} ORDER BY _id"));
        assert_eq!(
            rows, "{\"_id\":\"1\",\"n\":1}\n{\"_id\":\"2\",\"n\":2.5}\n",
            "{file}"
        );
    }
}

#[test]
fn csv_cells_have_the_types_of_json() {
    let (folder, server) = fresh();
    let file = write(
        &folder,
        "t.csv",
        b"_id,i,f,b,s,zip\n1,42,1.5,true,x,007\n2,,,,\"a,\nb\",\n",
    );
    let ran = server.run(&["load", &file, "--collection", "csv", "--create"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let rows = server.rows("SELECT c.* EXCEPT (_event_time) FROM csv c ORDER BY _id");
    let mut rows = rows
        .lines()
        .map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap());
    assert_eq!(
        rows.next().unwrap(),
        serde_json::json!({"_id": "1", "i": 42, "f": 1.5, "b": true, "s": "x", "zip": "007"})
    );
    assert_eq!(
        rows.next().unwrap(),
        serde_json::json!({"_id": "2", "s": "a,\nb"})
    );
}

#[test]
fn standard_input_is_read() {
    let (_folder, server) = fresh();
    let load = ["load", "-", "--collection", "piped", "--create"];
    let ran = server.run_with_input(&load, b"{\"a\": 1}\n{\"a\": 2}\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let csv = [
        "load",
        "-",
        "--collection",
        "piped",
        "--format",
        "csv",
        "--delimiter",
        ";",
    ];
    let ran = server.run_with_input(&csv, b"a;b\n3;x\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        server.rows("SELECT SUM(p.a) AS s, COUNT(p.b) AS b FROM piped p"),
        "{\"s\":6,\"b\":1}\n"
    );
}

#[test]
fn a_bad_line_is_reported_and_loses_nothing_else() {
    let (folder, server) = fresh();
    let file = write(
        &folder,
        "bad.ndjson",
        b"{\"a\": 1}\n{\"a\": }\n[1, 2]\n{\"_id\": \"x\", \"_event_time\": \"never\"}\n{\"a\": \"\xff\"}\n{\"a\": 2}\n",
    );
    let ran = server.run(&["load", &file, "--collection", "bad", "--create"]);
    assert_eq!(ran.code, 1);
    for line in [2, 3, 4, 5] {
        assert!(
            ran.stderr.contains(&format!("bad.ndjson:{line}: ")),
            "{line}: {}",
            ran.stderr
        );
    }
    assert!(
        ran.stderr.contains("2 documents loaded into commons.bad"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("4 failed"), "{}", ran.stderr);
    assert_eq!(count(&server, "bad"), "{\"n\":2}\n");
}

#[test]
fn a_document_that_the_server_refuses_as_too_large_takes_no_neighbours_along() {
    let (folder, server) = fresh();
    let mut text = Vec::new();
    for line in 1..=20 {
        let filler = if line == 7 {
            "x".repeat(12 * 1024 * 1024)
        } else {
            String::new()
        };
        writeln!(text, "{{\"line\": {line}, \"filler\": \"{filler}\"}}").unwrap();
    }
    let file = write(&folder, "large.ndjson", &text);
    let ran = server.run(&["load", &file, "--collection", "large", "--create"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("large.ndjson:7: "), "{}", ran.stderr);
    assert_eq!(count(&server, "large"), "{\"n\":19}\n");
}

#[test]
fn the_last_version_of_an_id_stays() {
    let (folder, server) = fresh();
    let mut text = Vec::new();
    for version in 0..50 {
        for id in 0..40 {
            writeln!(text, "{{\"_id\": \"{id}\", \"version\": {version}}}").unwrap();
        }
    }
    let file = write(&folder, "versions.ndjson", &text);
    let load = [
        "load",
        &file,
        "--collection",
        "versions",
        "--create",
        "--batch",
        "7",
        "--parallel",
        "8",
    ];
    let ran = server.run(&load);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let rows = server.rows("SELECT COUNT(*) AS n, MIN(v.version) AS least FROM versions v");
    assert_eq!(rows, "{\"n\":40,\"least\":49}\n");
}

#[test]
fn a_file_that_cannot_be_read_does_not_stop_the_next() {
    let (folder, server) = fresh();
    let good = write(&folder, "good.ndjson", b"{\"a\": 1}\n");
    let cut = write(&folder, "cut.json", b"[{\"a\": 1}, {\"a\"");
    let missing = Path::new(folder.path()).join("missing.ndjson");
    let load = [
        "load",
        missing.to_str().unwrap(),
        &cut,
        &good,
        "--collection",
        "some",
        "--create",
    ];
    let ran = server.run(&load);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("missing.ndjson: cannot open it"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("cut.json"), "{}", ran.stderr);
    assert_eq!(count(&server, "some"), "{\"n\":2}\n");
}

#[test]
fn a_collection_that_is_not_there_stops_the_load() {
    let (folder, server) = fresh();
    let file = write(&folder, "a.ndjson", b"{\"a\": 1}\n");
    let ran = server.run(&["load", &file, "--collection", "nothing"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("Collection \"nothing\" does not exist"),
        "{}",
        ran.stderr
    );
}
