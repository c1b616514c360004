//! `/v1/orgs/self/lambdas` and `/v1/orgs/self/ws/{workspace}/lambdas`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nullable;
use crate::query::{AsyncOptions, QueryParameter};

/// A query that is kept under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueryLambda {
    /// Name of the workspace.
    pub workspace: String,
    /// Name, unique among the query lambdas of its workspace.
    pub name: String,
    /// E-mail of who wrote a version last.
    pub last_updated_by: Option<String>,
    /// When that was; `YYYY-MM-DDTHH:MM:SSZ`.
    pub last_updated: Option<String>,
    /// Number of versions.
    pub version_count: usize,
    /// What the latest version names in FROM, as `workspace.name`.
    pub collections: Vec<String>,
    /// The version that was written last.
    pub latest_version: Option<QueryLambdaVersion>,
}

/// A version of a query lambda.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueryLambdaVersion {
    /// Name of the workspace.
    pub workspace: String,
    /// E-mail of the creator.
    pub created_by: Option<String>,
    /// Name of the key that created it.
    pub created_by_apikey_name: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Option<String>,
    /// Name of the query lambda.
    pub name: String,
    /// 16 hex digits, a hash of the content.
    pub version: String,
    /// Free text.
    pub description: Option<String>,
    /// What it does.
    pub sql: QueryLambdaSql,
    /// What it names in FROM, as `workspace.name`.
    pub collections: Vec<String>,
    /// `ACTIVE`, or `INVALID_SQL` if it could not be run when it was written.
    pub state: String,
    /// How its executions went since the start of the server.
    pub stats: QueryLambdaStats,
    /// The id under which anybody may execute it.
    pub public_access_id: Option<String>,
}

/// The query of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueryLambdaSql {
    /// Required.
    pub query: Option<String>,
    /// Values of parameters that the caller does not give.
    #[serde(default, deserialize_with = "nullable::or_default")]
    #[schemars(schema_with = "nullable::schema::<Vec<QueryParameter>>")]
    pub default_parameters: Vec<QueryParameter>,
}

/// How executions of a version went since the start of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryLambdaStats {
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub last_executed: Option<String>,
    /// E-mail.
    pub last_executed_by: Option<String>,
    /// When one failed last; `YYYY-MM-DDTHH:MM:SSZ`.
    pub last_execution_error: Option<String>,
    /// Why.
    pub last_execution_error_message: Option<String>,
}

/// A name of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueryLambdaTag {
    /// The tag.
    pub tag_name: String,
    /// The version that it names.
    pub version: QueryLambdaVersion,
}

/// A tag of whatever query lambdas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TagName {
    /// The tag.
    pub tag_name: String,
    /// Always `null`: what clients read for a tag of one query lambda.
    pub version: Option<QueryLambdaVersion>,
}

/// `POST` to make a query lambda or another version of one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct QueryLambdaRequest {
    /// Required to make one.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Required.
    pub sql: Option<QueryLambdaSql>,
    /// Whether anybody may execute it.
    #[serde(default, deserialize_with = "nullable::or_default")]
    #[schemars(schema_with = "nullable::schema::<bool>")]
    pub is_public: bool,
}

/// `POST` to make a tag, or to let it name another version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct QueryLambdaTagRequest {
    /// Required.
    pub tag_name: Option<String>,
    /// Required.
    pub version: Option<String>,
}

/// `POST` to execute a version.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct ExecuteRequest {
    /// Values for `:name`, before those of the version.
    #[serde(default, deserialize_with = "nullable::or_default")]
    #[schemars(schema_with = "nullable::schema::<Vec<QueryParameter>>")]
    pub parameters: Vec<QueryParameter>,
    /// `LIMIT` of the outermost query if it has none.
    pub default_row_limit: Option<i64>,
    /// Answer at once and keep the results for later.
    #[serde(rename = "async")]
    pub asynchronous: Option<bool>,
    /// How an asynchronous query waits.
    pub async_options: Option<AsyncOptions>,
    /// Longest time to run.
    pub timeout_ms: Option<i64>,
    /// Rows in the first answer; the rest come by cursor.
    pub max_initial_results: Option<i64>,
    /// The older way of asking for pages.
    pub paginate: Option<bool>,
    /// The older way of asking for pages of a size.
    pub initial_paginate_response_doc_count: Option<i64>,
    /// Where to run: UUID or `rrn:vi:…`.
    pub virtual_instance_id: Option<String>,
}
