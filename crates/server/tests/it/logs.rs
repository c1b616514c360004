//! What the log says, and what it never says.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::Rig;

/// Collects what is logged.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The subscriber is that of the whole process, so that this sees the requests of all tests.
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_logged_without_keys_and_bodies() {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let rig = Rig::start().await;
    rig.create_collection("c").await;
    rig.add(json!([{ "field-of-a-body": 1 }])).await;
    let path = "/v1/orgs/self/ws/of-the-log-test";
    rig.call("GET", path, None).await.failure(404, "NOTFOUND");
    let log = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    let line = log.lines().find(|line| line.contains(path)).unwrap();
    for field in [
        "http.method=GET",
        "http.status=404",
        "operation=\"getWorkspace\"",
        "key.name=\"bootstrap\"",
        "error.kind=NOTFOUND",
        "duration_ms=",
        "trace_id=",
    ] {
        assert!(line.contains(field), "{line}");
    }
    for secret in ["test-key", "field-of-a-body", "ApiKey "] {
        assert!(!log.contains(secret), "{secret}");
    }
}
