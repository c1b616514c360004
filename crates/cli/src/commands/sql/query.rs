//! One statement: request, answer, rows in the order of their keys.

use crate::client::{Client, ClientError};
use outcrop_api::query::{QueryRequest, QueryResponse, QuerySql};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
use std::time::{Duration, Instant};

/// What a statement gave.
pub(crate) struct Answer {
    /// The names of the columns, where the server told them.
    pub(crate) columns: Vec<String>,
    /// The rows as the server wrote them.
    pub(crate) rows: Vec<Box<RawValue>>,
    /// What the user should know about the rows.
    pub(crate) warnings: Vec<String>,
    /// From sending the request to having read the answer.
    pub(crate) elapsed: Duration,
    /// What the server says it took.
    pub(crate) server_ms: Option<u64>,
}

/// Runs a statement and waits for all of its rows.
pub(crate) fn run(client: &Client, statement: &str) -> Result<Answer, ClientError> {
    let request = QueryRequest {
        sql: Some(QuerySql {
            query: Some(statement.to_owned()),
            ..QuerySql::default()
        }),
        ..QueryRequest::default()
    };
    let body = serde_json::to_vec(&request).expect("a request of strings is always JSON");
    let start = Instant::now();
    let response: QueryResponse<Box<RawValue>> = client.post("queries", &body)?;
    let elapsed = start.elapsed();
    let fields = response.summary.column_fields.unwrap_or_default();
    Ok(Answer {
        columns: fields.into_iter().map(|field| field.name).collect(),
        rows: response.results.unwrap_or_default(),
        warnings: response.summary.warnings.unwrap_or_default(),
        elapsed,
        server_ms: response.summary.stats.map(|stats| stats.elapsed_time_ms),
    })
}

/// An object with its members in the order of the text.
pub(crate) struct Row(pub(crate) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;
        impl<'de> Visitor<'de> for RowVisitor {
            type Value = Row;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a row, which is an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Row(members))
            }
        }
        deserializer.deserialize_map(RowVisitor)
    }
}
