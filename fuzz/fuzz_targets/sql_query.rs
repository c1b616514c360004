//! Any text as a query of a small collection: it is parsed, planned and run, and gives rows or an error that
//! is the text's own fault, within its time.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use outcrop_document::{Timestamp, Value, json, k};
use outcrop_query::{Collections, Engine, EngineOptions, QueryError, QueryRequest};
use outcrop_storage::{Chunk, DeletionVector, Part, Segment, Snapshot, segment};
use tokio::runtime::{Builder, Runtime};

/// Time that a query has.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Time in which even a query that runs out of its time has ended.
const TIMEOUT_MAX: Duration = Duration::from_secs(15);

const PEOPLE: &[&str] = &[
    r#"{"_id": "a", "n": 1, "f": 0.5, "s": "x", "l": [1, "a", null], "o": {"k": 1}, "m": 1}"#,
    r#"{"_id": "b", "n": -7, "f": -0.0, "s": "", "l": [], "o": {"k": "v"}, "m": "1"}"#,
    r#"{"_id": "c", "n": 9007199254740993, "f": 0.0, "s": "é%_", "l": [[2]], "m": 1.0, "e": null}"#,
    r#"{"_id": "d", "n": null, "s": "2024-01-02", "m": true, "d": {"__rockset_type": "date", "value": "2024-01-02"}}"#,
    r#"{"_id": "e", "m": {"__rockset_type": "timestamp", "value": "2024-01-02T03:04:05Z"}}"#,
];

/// Half of the documents in a segment, half of them recent.
fn snapshot() -> Arc<Snapshot> {
    let time = Value::Timestamp(Timestamp(1_700_000_000_000_000));
    let encoded = PEOPLE.iter().map(|text| {
        let value = json::parse(text.as_bytes()).map(json::resolve_typed);
        let Ok(Ok(Value::Object(mut members))) = value else {
            panic!("no document: {text}");
        };
        members.insert("_event_time".to_owned(), time.clone());
        k::encode(&Value::Object(members))
    });
    let encoded: Vec<_> = encoded.collect();
    let (old, recent) = encoded.split_at(encoded.len() / 2);
    let chunk = |documents: &[Vec<u8>]| Arc::new(Chunk::build(documents).expect("documents"));
    let mut bytes = Vec::new();
    segment::write(&[(chunk(old), DeletionVector::default())], &mut bytes).expect("a segment");
    let segment = Segment::open("fuzz.parquet", bytes).expect("a segment");
    let parts = vec![
        Part::from_segment(Arc::new(segment), DeletionVector::default()),
        Part::from_chunk(chunk(recent), DeletionVector::default()),
    ];
    Arc::new(Snapshot::new(1, parts.into_iter().map(Arc::new).collect()))
}

/// Every name of the workspace `commons` with one letter is the same collection.
struct Small(Arc<Snapshot>);

impl Collections for Small {
    fn snapshot(&self, workspace: &str, name: &str) -> Option<Arc<Snapshot>> {
        (workspace == "commons" && name.len() == 1).then(|| Arc::clone(&self.0))
    }
}

static SUBJECT: LazyLock<(Runtime, Engine)> = LazyLock::new(|| {
    let options = EngineOptions {
        memory_bytes_max: 256 << 20,
        partitions: 2,
        result_bytes_max: 1 << 20,
        ..EngineOptions::default()
    };
    let runtime = Builder::new_current_thread().enable_time().build();
    let engine = Engine::new(Arc::new(Small(snapshot())), options);
    (runtime.expect("a runtime"), engine.expect("an engine"))
});

fuzz_target!(|text: &str| {
    let (runtime, engine) = &*SUBJECT;
    let request = QueryRequest {
        sql: text.to_owned(),
        parameters: Vec::new(),
        default_row_limit: Some(1_000),
        timeout: TIMEOUT,
        query_time: Timestamp(1_700_000_000_000_000),
    };
    let start = Instant::now();
    let answer = runtime.block_on(engine.execute(request));
    let taken = start.elapsed();
    assert!(taken < TIMEOUT_MAX, "{taken:?}: {text}");
    match answer {
        Ok(output) => {
            let rows = json::parse(&output.rows_json).expect("rows are JSON");
            let Value::Array(rows) = rows else {
                panic!("rows are no array: {text}");
            };
            assert_eq!(rows.len() as u64, output.row_count, "{text}");
        }
        Err(error @ (QueryError::Internal { .. } | QueryError::Storage(_))) => {
            panic!("{error:?}: {text}");
        }
        Err(_) => {}
    }
});
