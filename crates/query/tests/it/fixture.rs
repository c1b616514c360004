//! Collections in memory, laid out as a test wants them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use outcrop_document::{Timestamp, Value, json, k};
use outcrop_query::scan::AccessPath;
use outcrop_query::{
    Collections, Definer, Engine, EngineOptions, Indirection, Parameter, QueryError, QueryOutput,
    QueryRequest,
};
use outcrop_storage::{
    Chunk, ColumnCache, DeletionVector, Part, PartData, Segment, Snapshot, segment,
};

/// What `CURRENT_TIMESTAMP()` says in every test.
pub(crate) const QUERY_TIME: &str = "2024-06-01T12:00:00Z";

/// How documents lie in the parts of a snapshot. Answers must not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One chunk of the delta.
    Delta,
    /// Segments of three documents, and the last few in the delta.
    Segments,
    /// Parts in which every other row is dead, and held values of other types. Columns of segments are kept decoded.
    Churned,
    /// One segment.
    Compacted,
    /// As [`Segments`](Self::Segments), with every answer from the index that it can give.
    IndexedSegments,
    /// As [`Churned`](Self::Churned), with every answer from the index that it can give.
    IndexedChurned,
    /// As [`Compacted`](Self::Compacted), with every answer from the index that it can give.
    IndexedCompacted,
    /// As [`Compacted`](Self::Compacted), without the index, and with columns that are kept decoded.
    ScannedCompacted,
}

impl Layout {
    pub(crate) const ALL: [Self; 8] = [
        Self::Delta,
        Self::Segments,
        Self::Churned,
        Self::Compacted,
        Self::IndexedSegments,
        Self::IndexedChurned,
        Self::IndexedCompacted,
        Self::ScannedCompacted,
    ];

    /// How collections laid out so are read.
    fn access_path(self) -> AccessPath {
        match self {
            Self::Delta | Self::Segments | Self::Churned | Self::Compacted => AccessPath::Cheapest,
            Self::IndexedSegments | Self::IndexedChurned | Self::IndexedCompacted => {
                AccessPath::IndexScan
            }
            Self::ScannedCompacted => AccessPath::ColumnScan,
        }
    }

    /// A snapshot of `documents`.
    pub(crate) fn snapshot(self, documents: &[Value]) -> Arc<Snapshot> {
        let parts = match self {
            Self::Delta => vec![chunk(documents, DeletionVector::default())],
            Self::Segments | Self::IndexedSegments => {
                let mut parts = documents
                    .chunks(3)
                    .map(|some| segment_of(some, &[]))
                    .collect::<Vec<_>>();
                if let Some(last) = documents.chunks(3).next_back() {
                    parts.pop();
                    parts.push(chunk(last, DeletionVector::default()));
                }
                parts
            }
            Self::Compacted | Self::IndexedCompacted => vec![segment_of(documents, &[])],
            Self::ScannedCompacted => vec![cached_segment_of(documents, &[])],
            Self::Churned | Self::IndexedChurned => {
                let parts = documents.chunks(4).enumerate().map(|(index, some)| {
                    let (rows, dead) = with_dead_rows(some);
                    match index % 2 {
                        0 if self == Self::Churned => cached_segment_of(&rows, &dead),
                        0 => segment_of(&rows, &dead),
                        _ => chunk(&rows, deletions(&dead)),
                    }
                });
                parts.collect()
            }
        };
        snapshot(parts)
    }
}

pub(crate) fn snapshot(parts: Vec<Part>) -> Arc<Snapshot> {
    Arc::new(Snapshot::new(1, parts.into_iter().map(Arc::new).collect()))
}

/// Puts before each document a deleted one, in which every field is of another type.
fn with_dead_rows(documents: &[Value]) -> (Vec<Value>, Vec<u32>) {
    let mut rows = Vec::new();
    let mut dead = Vec::new();
    for document in documents {
        let Value::Object(members) = document else {
            panic!("a document is an object")
        };
        let deleted = members.iter().map(|(name, value)| {
            let value = match (name.as_str(), value) {
                ("_event_time", time) => time.clone(),
                ("_id", Value::String(id)) => Value::String(format!("deleted {id}")),
                (_, Value::String(_)) => Value::Int(-1),
                _ => Value::String("deleted".to_owned()),
            };
            (name.clone(), value)
        });
        dead.push(u32::try_from(rows.len()).unwrap());
        rows.push(Value::Object(deleted.collect()));
        rows.push(document.clone());
    }
    (rows, dead)
}

fn build(documents: &[Value]) -> Arc<Chunk> {
    let encoded = documents.iter().map(k::encode).collect::<Vec<_>>();
    Arc::new(Chunk::build(&encoded).unwrap())
}

fn deletions(rows: &[u32]) -> DeletionVector {
    let mut deletions = DeletionVector::default();
    for row in rows {
        assert!(deletions.insert(*row));
    }
    deletions
}

pub(crate) fn chunk(documents: &[Value], deletions: DeletionVector) -> Part {
    Part::from_chunk(build(documents), deletions)
}

/// A segment whose columns are kept decoded from the first scan on.
fn cached_segment_of(documents: &[Value], dead: &[u32]) -> Part {
    let part = segment_of(documents, dead);
    let PartData::Segment(segment) = part.data() else {
        panic!("it is a segment")
    };
    let segment = Arc::clone(segment);
    drop(part);
    let segment = Arc::into_inner(segment).unwrap();
    let cache = ColumnCache::new(64 << 20, 1);
    Part::from_segment(Arc::new(segment.with_cache(&cache)), deletions(dead))
}

pub(crate) fn segment_of(documents: &[Value], dead: &[u32]) -> Part {
    let mut bytes = Vec::new();
    segment::write(&[(build(documents), DeletionVector::default())], &mut bytes).unwrap();
    let segment = Segment::open("test.parquet", bytes).unwrap();
    Part::from_segment(Arc::new(segment), deletions(dead))
}

/// Collections by full name, and how they are read.
#[derive(Default)]
pub(crate) struct Fixture {
    collections: BTreeMap<String, Arc<Snapshot>>,
    indirections: BTreeMap<String, Indirection>,
    access_path: AccessPath,
}

impl Collections for Fixture {
    fn snapshot(&self, workspace: &str, name: &str) -> Option<Arc<Snapshot>> {
        self.collections
            .get(&format!("{workspace}.{name}"))
            .map(Arc::clone)
    }

    fn indirection(&self, workspace: &str, name: &str) -> Option<Indirection> {
        self.indirections
            .get(&format!("{workspace}.{name}"))
            .cloned()
    }
}

impl Fixture {
    /// The collections of `tests/sql/fixtures`.
    pub(crate) fn read(layout: Layout) -> Self {
        let mut fixture = Self::of(layout);
        for file in std::fs::read_dir(sql_tests().join("fixtures")).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let lines = std::fs::read_to_string(&file).unwrap();
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("ndjson") => {}
                Some("sql") => {
                    fixture.insert_view(&name, &lines);
                    continue;
                }
                Some("alias") => {
                    fixture.insert_alias(&name, lines.trim());
                    continue;
                }
                other => panic!("{other:?} is no kind of fixture"),
            }
            let documents = lines.lines().map(document).collect::<Vec<_>>();
            fixture.insert(&name, layout.snapshot(&documents));
        }
        fixture
    }

    /// No collections yet; those to come are read as `layout` says.
    pub(crate) fn of(layout: Layout) -> Self {
        Self {
            access_path: layout.access_path(),
            ..Self::default()
        }
    }

    pub(crate) fn insert(&mut self, full_name: &str, snapshot: Arc<Snapshot>) {
        self.collections.insert(full_name.to_owned(), snapshot);
    }

    pub(crate) fn insert_view(&mut self, full_name: &str, sql: &str) {
        let view = Indirection::View {
            sql: sql.to_owned(),
            definer: Definer::default(),
        };
        self.indirections.insert(full_name.to_owned(), view);
    }

    pub(crate) fn insert_alias(&mut self, full_name: &str, collection: &str) {
        let (workspace, name) = collection.rsplit_once('.').unwrap();
        let alias = Indirection::Alias {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
        };
        self.indirections.insert(full_name.to_owned(), alias);
    }

    pub(crate) fn engine(self) -> Engine {
        let options = EngineOptions {
            partitions: 2,
            access_path: self.access_path,
            ..EngineOptions::default()
        };
        self.engine_with(options)
    }

    pub(crate) fn engine_with(self, options: EngineOptions) -> Engine {
        Engine::new(Arc::new(self), options).unwrap()
    }
}

/// The folder of SQL tests.
pub(crate) fn sql_tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sql")
}

/// A document from extended JSON, with an `_event_time` if it has none.
pub(crate) fn document(text: &str) -> Value {
    let value = json::resolve_typed(json::parse(text.as_bytes()).unwrap()).unwrap();
    let Value::Object(mut members) = value else {
        panic!("a document is an object: {text}")
    };
    let time = Timestamp::parse("2024-01-01T00:00:00Z").unwrap();
    members
        .entry("_event_time".to_owned())
        .or_insert(Value::Timestamp(time));
    Value::Object(members)
}

/// Documents from an array in extended JSON.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let values: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    values
        .iter()
        .map(|value| document(&value.to_string()))
        .collect()
}

pub(crate) fn request(sql: &str) -> QueryRequest {
    QueryRequest {
        sql: sql.to_owned(),
        parameters: Vec::new(),
        default_row_limit: None,
        timeout: Duration::from_secs(60),
        query_time: Timestamp::parse(QUERY_TIME).unwrap(),
    }
}

pub(crate) async fn run(engine: &Engine, sql: &str) -> Result<QueryOutput, QueryError> {
    engine.execute(request(sql)).await
}

/// The rows of a query that must succeed, as JSON text.
pub(crate) async fn rows(engine: &Engine, sql: &str) -> String {
    let output = run(engine, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    String::from_utf8(output.rows_json).unwrap()
}

/// Parameters from a JSON array of `{name, type, value}`.
pub(crate) fn parameters(text: &str) -> Vec<Parameter> {
    let sent: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    let interpret = |sent: &serde_json::Value| {
        let name = sent["name"].as_str().unwrap();
        Parameter::interpret(name, sent["type"].as_str(), &sent["value"]).unwrap()
    };
    sent.iter().map(interpret).collect()
}
