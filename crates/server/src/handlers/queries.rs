//! `POST /v1/orgs/self/queries` and `POST /v1/orgs/self/queries/validations`.
//!
//! A query is answered in full, however few rows the client wants at first: a response without a
//! cursor says that there is no more. Asynchronous queries are refused, since nothing is kept for
//! later.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use outcrop_api::error::ErrorType;
use outcrop_api::query::{
    QueryField, QueryParameter, QueryRequest, QueryStats, QuerySummary, ValidateQueryResponse,
};
use outcrop_catalog::COMMONS;
use outcrop_document::Timestamp;
use outcrop_query::{DocumentSink, Parameter, QueryOutput};

use super::offsets;
use crate::blocking;
use crate::call::{self, Call};
use crate::config::Limits;
use crate::error::{ApiError, ApiResult};
use crate::ingest::insert::InsertSink;

/// `POST /v1/orgs/self/queries`: runs to the end and answers with all rows.
pub(crate) async fn run(call: Call) -> ApiResult<Response> {
    answer(&call, call.json()?, None).await
}

/// Runs a query, of a query lambda if `lambda` is its path. Without a caller it may not write.
pub(super) async fn answer(
    call: &Call,
    request: QueryRequest,
    lambda: Option<String>,
) -> ApiResult<Response> {
    let request = engine_request(request, call)?;
    let _permit = call.app.admission.query()?;
    let sink = match call.caller {
        Some(_) => Some(Arc::new(InsertSink::new(call)?)),
        None => None,
    };
    let into = sink.clone().map(|sink| sink as Arc<dyn DocumentSink>);
    let output = call.app.engine.execute_into(request, into).await?;
    note_use(call, &output);
    let fence = sink.and_then(|sink| sink.seqno()).map(offsets::fence);
    respond(call, output, fence, lambda)
}

/// `POST /v1/orgs/self/queries/validations`: what a query reads and needs, without running it.
pub(crate) async fn validate(call: Call) -> ApiResult<Response> {
    let request: QueryRequest = call.json()?;
    let sql = statement(&request)?.to_owned();
    let _permit = call.app.admission.query()?;
    let app = Arc::clone(&call.app);
    let validation = blocking::run(move || app.engine.validate(&sql, COMMONS)).await??;
    call::json(&ValidateQueryResponse {
        collections: validation.collections,
        aliases: validation.aliases,
        views: validation.views,
        name: Vec::new(),
        parameters: validation.parameters,
    })
}

/// The request in the engine's terms.
fn engine_request(request: QueryRequest, call: &Call) -> ApiResult<outcrop_query::QueryRequest> {
    let options = request.async_options.as_ref();
    if request.asynchronous == Some(true) || options.is_some_and(|options| !options.is_empty()) {
        return Err(ApiError::not_implemented(
            "asynchronous queries are not implemented yet",
        ));
    }
    statement(&request)?;
    let timeout = timeout(request.timeout_ms, &call.app.limits)?;
    let sql = request.sql.unwrap_or_default();
    let parameters: ApiResult<Vec<Parameter>> = sql.parameters.iter().map(parameter).collect();
    let default_row_limit = sql.default_row_limit.map(|limit| {
        u64::try_from(limit)
            .map_err(|_| ApiError::invalid("`sql.default_row_limit` must not be negative"))
    });
    Ok(outcrop_query::QueryRequest {
        sql: sql.query.unwrap_or_default(),
        parameters: parameters?,
        default_row_limit: default_row_limit.transpose()?,
        timeout,
        query_time: Timestamp(call.received_micros),
    })
}

/// The SQL text.
fn statement(request: &QueryRequest) -> ApiResult<&str> {
    let sql = request.sql.as_ref().and_then(|sql| sql.query.as_deref());
    sql.ok_or_else(|| ApiError::invalid("`sql.query` is required"))
}

fn parameter(parameter: &QueryParameter) -> ApiResult<Parameter> {
    let read = Parameter::interpret(
        &parameter.name,
        Some(&parameter.type_name),
        &parameter.value,
    );
    read.map_err(ApiError::from)
}

fn timeout(timeout_ms: Option<i64>, limits: &Limits) -> ApiResult<Duration> {
    let Some(millis) = timeout_ms else {
        return Ok(limits.query_timeout);
    };
    match u64::try_from(millis) {
        Ok(millis) if millis > 0 => Ok(Duration::from_millis(millis).min(limits.query_timeout_max)),
        Ok(_) | Err(_) => Err(ApiError::invalid("`timeout_ms` has to be greater than 0")),
    }
}

/// Notes in each collection when it was last read.
fn note_use(call: &Call, output: &QueryOutput) {
    let now = call.app.now_micros();
    for full_name in &output.collections {
        if let Some((workspace, name)) = full_name.rsplit_once('.')
            && let Ok(entry) = call.app.catalog.collection(workspace, name)
        {
            entry.mark_queried(now);
        }
    }
}

/// The response: the engine's rows are put in as they are. An INSERT has a fence.
fn respond(
    call: &Call,
    output: QueryOutput,
    last_offset: Option<String>,
    query_lambda_path: Option<String>,
) -> ApiResult<Response> {
    let elapsed = call.app.monotonic().saturating_sub(call.received);
    let fields = output.column_fields.map(|names| {
        let field = |name| QueryField {
            name,
            type_name: String::new(),
        };
        names.into_iter().map(field).collect()
    });
    let summary = QuerySummary {
        query_id: Some(call.query_id()),
        status: Some("COMPLETED".to_owned()),
        collections: Some(output.collections),
        aliases: Some(output.aliases),
        column_fields: fields,
        stats: Some(QueryStats {
            elapsed_time_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            throttled_time_micros: 0,
        }),
        warnings: Some(output.warnings).filter(|warnings| !warnings.is_empty()),
        query_errors: None,
        last_offset,
        query_lambda_path,
    };
    let mut body = serde_json::to_vec(&summary).map_err(ApiError::internal)?;
    if body.pop() != Some(b'}') {
        return Err(ApiError::new(
            ErrorType::InternalError,
            "the summary is not an object",
        ));
    }
    body.reserve_exact(output.rows_json.len() + 16);
    body.extend_from_slice(b",\"results\":");
    body.extend_from_slice(&output.rows_json);
    body.push(b'}');
    Ok(call::respond(StatusCode::OK, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_positive_and_bounded() {
        let limits = Limits::default();
        assert_eq!(timeout(None, &limits).unwrap(), Duration::from_secs(120));
        assert_eq!(timeout(Some(5), &limits).unwrap(), Duration::from_millis(5));
        assert_eq!(
            timeout(Some(i64::MAX), &limits).unwrap(),
            limits.query_timeout_max
        );
        assert!(timeout(Some(0), &limits).is_err());
        assert!(timeout(Some(-1), &limits).is_err());
    }
}
