//! Runs `tests/sql/**/*.slt` against the fixtures, in every layout.

use std::path::{Path, PathBuf};

use outcrop_query::{Engine, QueryError};
use serde_json::value::RawValue;
use sqllogictest::{
    AsyncDB, DBOutput, DefaultColumnType, Record, Runner, default_column_validator,
    default_normalizer, default_validator,
};

use crate::fixture::{Fixture, Layout, parameters, request, sql_tests};

/// Stands in a first line of a statement, before its parameters as the API takes them.
const PARAMETERS: &str = "-- parameters ";

struct Database {
    engine: Engine,
    layout: Layout,
}

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Failure {
    message: String,
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let place = error.position().map(|position| format!(" ({position})"));
        Self {
            message: format!("{error}{}", place.unwrap_or_default()),
        }
    }
}

#[async_trait::async_trait]
impl AsyncDB for Database {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        let mut request = request(sql);
        if let Some(sent) = sql.strip_prefix(PARAMETERS) {
            request.parameters = parameters(sent.lines().next().unwrap_or_default());
        }
        let output = self.engine.execute(request).await?;
        let names = output.column_fields.unwrap_or_default();
        let rows: Vec<Row> = serde_json::from_slice(&output.rows_json).expect("rows are JSON");
        assert_eq!(rows.len() as u64, output.row_count, "{sql}");
        let rows = rows.iter().map(|row| row.cells(&names)).collect();
        Ok(DBOutput::Rows {
            types: vec![DefaultColumnType::Any; names.len()],
            rows,
        })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        match self.layout {
            Layout::Delta => "delta",
            Layout::Segments | Layout::IndexedSegments => "segments",
            Layout::Churned | Layout::IndexedChurned => "churned",
            Layout::Compacted | Layout::IndexedCompacted | Layout::ScannedCompacted => "compacted",
        }
    }
}

/// One row with the text of its members, as it was written.
pub(crate) struct Row(pub(crate) Vec<(String, Box<RawValue>)>);

impl Row {
    /// The members by name, in the order of `names`, which is their own order too.
    fn cells(&self, names: &[String]) -> Vec<String> {
        let own = self.0.iter().map(|(name, _)| name).collect::<Vec<_>>();
        let expected = names
            .iter()
            .filter(|name| own.contains(name))
            .collect::<Vec<_>>();
        assert_eq!(
            own, expected,
            "the order of members is the order of `column_fields`"
        );
        let cell = |name: &String| {
            let member = self.0.iter().find(|(own, _)| own == name);
            member.map_or_else(|| "-".to_owned(), |(_, value)| value.get().to_owned())
        };
        names.iter().map(cell).collect()
    }
}

impl<'de> serde::Deserialize<'de> for Row {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = Row;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Row(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// All statements and queries of the files.
pub(crate) fn statements() -> Vec<String> {
    let mut found = Vec::new();
    for file in files(&sql_tests()) {
        for record in sqllogictest::parse_file::<DefaultColumnType>(&file).unwrap() {
            match record {
                Record::Statement { sql, .. } | Record::Query { sql, .. } => found.push(sql),
                _ => {}
            }
        }
    }
    found
}

/// Runs every file whose path contains `SLT` (all, if the variable is not set). With `UPDATE_SLT`
/// set, writes the answers into the files instead; a person reads them then.
async fn check(layout: Layout) {
    let wanted = std::env::var("SLT").unwrap_or_default();
    let update = std::env::var_os("UPDATE_SLT").is_some() && layout == Layout::Delta;
    let mut failures = Vec::new();
    for file in files(&sql_tests()) {
        if !file.to_string_lossy().contains(&wanted) {
            continue;
        }
        let connect = || async {
            Ok(Database {
                engine: Fixture::read(layout).engine(),
                layout,
            })
        };
        let mut runner = Runner::new(connect);
        if update {
            let (validator, normalizer) = (default_validator, default_normalizer);
            let columns = default_column_validator;
            let updated = runner
                .update_test_file(&file, " ", validator, normalizer, columns)
                .await;
            updated.unwrap();
            continue;
        }
        for record in sqllogictest::parse_file::<DefaultColumnType>(&file).unwrap() {
            if let Err(error) = runner.run_async(record).await {
                failures.push(error.display(false).to_string());
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{layout:?}: {} failed\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[tokio::test]
async fn in_the_delta() {
    check(Layout::Delta).await;
}

#[tokio::test]
async fn in_segments() {
    check(Layout::Segments).await;
}

#[tokio::test]
async fn after_updates_and_deletes() {
    check(Layout::Churned).await;
}

#[tokio::test]
async fn in_one_segment() {
    check(Layout::Compacted).await;
    check(Layout::ScannedCompacted).await;
}

#[tokio::test]
async fn by_index() {
    check(Layout::IndexedSegments).await;
    check(Layout::IndexedCompacted).await;
}

#[tokio::test]
async fn by_index_after_updates_and_deletes() {
    check(Layout::IndexedChurned).await;
}
