//! `POST /v1/orgs/self/queries` and `…/queries/validations`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::nullable;

/// A query and how to run it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueryRequest {
    /// Required.
    pub sql: Option<QuerySql>,
    /// Answer at once and keep the results for later.
    #[serde(rename = "async", skip_serializing_if = "Option::is_none")]
    pub asynchronous: Option<bool>,
    /// How an asynchronous query waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub async_options: Option<AsyncOptions>,
    /// Longest time to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<i64>,
    /// Rows in the first answer; the rest come by cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_initial_results: Option<i64>,
}

/// The SQL of a query, and what goes with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuerySql {
    /// Required.
    pub query: Option<String>,
    /// Values for `:name`.
    #[serde(
        default,
        deserialize_with = "nullable::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "nullable::schema::<Vec<QueryParameter>>")]
    pub parameters: Vec<QueryParameter>,
    /// `LIMIT` of the outermost query if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_row_limit: Option<i64>,
    /// The older way of asking for pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paginate: Option<bool>,
    /// The older way of asking for pages of a size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_paginate_response_doc_count: Option<i64>,
}

/// How an asynchronous query waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AsyncOptions {
    /// How long the client waits for results.
    pub client_timeout_ms: Option<i64>,
    /// Longest time to run.
    pub timeout_ms: Option<i64>,
    /// Rows in the first answer.
    pub max_initial_results: Option<i64>,
}

impl AsyncOptions {
    /// Whether no option is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A value for `:name`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueryParameter {
    /// Without the colon.
    pub name: String,
    /// A SQL type in any case, or empty to take the value as JSON where it is JSON.
    #[serde(default, deserialize_with = "nullable::or_default", rename = "type")]
    #[schemars(schema_with = "nullable::schema::<String>")]
    pub type_name: String,
    /// Text, by the specification; any JSON is accepted.
    #[serde(default)]
    pub value: Value,
}

/// The answer to a query. Members that do not apply are left out, never `null`.
///
/// `R` is the type of a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
#[schemars(rename = "QueryResponse")]
pub struct QueryResponse<R = serde_json::Map<String, Value>> {
    /// The rows, each an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<R>>,
    /// Everything else.
    #[serde(flatten)]
    pub summary: QuerySummary,
}

/// A [`QueryResponse`] without its rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuerySummary {
    /// `<uuid>:<7 letters or digits>:0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    /// `QUEUED`, `RUNNING`, `COMPLETED` or `ERROR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The collections read, as `workspace.name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collections: Option<Vec<String>>,
    /// The aliases used, as `workspace.name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aliases: Option<Vec<String>>,
    /// Output columns in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column_fields: Option<Vec<QueryField>>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<QueryStats>,
    /// What the user should know about the results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
    /// Failures after the response had started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_errors: Option<Vec<QueryFailure>>,
    /// Fence of what the query wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_offset: Option<String>,
    /// Where the rows are that are not in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<PageInfo>,
    /// Number of rows in all, if they are paged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results_total_doc_count: Option<u64>,
    /// `workspace.name::version` of the query lambda that was executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_lambda_path: Option<String>,
}

/// A page of the rows of a query that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
#[schemars(rename = "QueryPage")]
pub struct QueryPage<R = serde_json::Map<String, Value>> {
    /// The rows, each an object.
    pub results: Vec<R>,
    /// Number of rows in all.
    pub results_total_doc_count: u64,
    /// Where the other rows are.
    pub pagination: PageInfo,
}

/// Where a page stands in the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PageInfo {
    /// Cursor of the first row, in the first answer alone.
    pub start_cursor: Option<String>,
    /// Rows of this page.
    pub current_page_doc_count: u64,
    /// Cursor of the next page; `null` on the last one.
    pub next_cursor: Option<String>,
    /// Number of the next page's first row, from 0.
    pub next_cursor_offset: Option<u64>,
    /// Path of the next page.
    pub next_page_link: Option<String>,
}

/// A query that runs or has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryInfo {
    /// `<uuid>:<7 letters or digits>:0`.
    pub query_id: String,
    /// `QUEUED`, `RUNNING`, `COMPLETED`, `ERROR` or `CANCELLED`.
    pub status: String,
    /// E-mail of who sent it.
    pub executed_by: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub submitted_at: Option<String>,
    /// When its results go; `null` until it is complete.
    pub expires_at: Option<String>,
    /// How long it took, and what it gave.
    pub stats: QueryInfoStats,
    /// Always `null`.
    pub destination_uri: Option<String>,
    /// Where its rows are, if they are kept.
    pub pagination: Option<PaginationStart>,
    /// Fence of what it wrote.
    pub last_offset: Option<String>,
    /// Why it failed.
    pub query_errors: Vec<QueryFailure>,
    /// Its text, or the beginning of a long one.
    pub sql: String,
    /// Always `null`.
    pub cancellation_tag: Option<String>,
}

/// How long a query took, and what it gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryInfoStats {
    /// So far, or in all.
    pub elapsed_time_ms: u64,
    /// Time spent waiting for a free slot.
    pub throttled_time_ms: u64,
    /// How many queries have to end before this one runs; only while it waits. Rockset has no such member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u64>,
    /// Rows of the result.
    pub result_set_document_count: Option<u64>,
    /// Their size as JSON.
    pub result_set_bytes_size: Option<u64>,
    /// Always `null`.
    pub result_set_file_count: Option<u64>,
}

/// Where the rows of a query begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaginationStart {
    /// Cursor of the first row.
    pub start_cursor: Option<String>,
}

/// The answer of `GET …/queries/{queryId}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryInfoResponse {
    /// The query.
    pub data: QueryInfo,
    /// Fence of what it wrote, once more: dbt looks here.
    pub last_offset: Option<String>,
}

/// An output column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryField {
    /// The key in every row.
    pub name: String,
    /// Always the empty string, as in Rockset.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// How long a query took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryStats {
    /// From the arrival of the request to the last row, in milliseconds.
    pub elapsed_time_ms: u64,
    /// Time spent waiting for a free slot, in microseconds.
    #[serde(default)]
    pub throttled_time_micros: u64,
}

/// A failure after the response had started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryFailure {
    /// Kind of error.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Text for people.
    pub message: String,
    /// The HTTP status it would have had.
    pub status_code: u16,
}

/// The answer of `POST …/queries/validations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValidateQueryResponse {
    /// The collections named, as `workspace.name`.
    pub collections: Vec<String>,
    /// The aliases named.
    pub aliases: Vec<String>,
    /// The views named.
    pub views: Vec<String>,
    /// Always empty.
    pub name: Vec<String>,
    /// The parameters that the query needs.
    pub parameters: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_of_the_python_client_mean_absent() {
        let request: QueryRequest = serde_json::from_str(
            r#"{"sql": {"query": "SELECT 1", "parameters": null, "default_row_limit": null,
                "generate_warnings": true}, "async": null, "timeout_ms": null}"#,
        )
        .unwrap();
        let sql = request.sql.unwrap();
        assert_eq!(sql.query.as_deref(), Some("SELECT 1"));
        assert!(sql.parameters.is_empty());
        assert_eq!(request.asynchronous, None);
    }

    #[test]
    fn members_that_do_not_apply_are_left_out() {
        let response: QueryResponse = QueryResponse {
            results: Some(Vec::new()),
            summary: QuerySummary {
                status: Some("COMPLETED".to_owned()),
                ..Default::default()
            },
        };
        assert_eq!(
            serde_json::to_string(&response).unwrap(),
            r#"{"results":[],"status":"COMPLETED"}"#
        );
    }

    #[test]
    fn a_parameter_needs_only_its_name() {
        let parameter: QueryParameter = serde_json::from_str(r#"{"name": "x"}"#).unwrap();
        assert_eq!(parameter.type_name, "");
        assert_eq!(parameter.value, Value::Null);
    }
}
