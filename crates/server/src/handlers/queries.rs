//! `/v1/orgs/self/queries` and what is below.
//!
//! A query is answered with all rows, unless the client wants fewer at first: the others are kept for a
//! day and come page by page. An asynchronous one runs on when its client has been answered.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::error::ErrorModel;
use outcrop_api::query::{
    PageInfo, PaginationStart, QueryFailure, QueryField, QueryInfo, QueryInfoResponse,
    QueryInfoStats, QueryParameter, QueryRequest, QueryStats, QuerySummary, ValidateQueryResponse,
};
use outcrop_catalog::{COMMONS, Rights, VirtualInstanceRecord};
use outcrop_document::Timestamp;
use outcrop_query::{DocumentSink, Engine, Parameter, QueryError, QueryOutput, Reach};

use super::offsets;
use crate::app::App;
use crate::blocking;
use crate::call::{self, Call};
use crate::config::Limits;
use crate::error::{self, ApiError, ApiResult};
use crate::events::EndedQuery;
use crate::ids;
use crate::ingest::insert::InsertSink;
use crate::instances::{Place, Pool};
use crate::queries::{Done, Query, Rows, Sender, State, cursor};
use crate::query_source::CatalogSource;

/// Rows of a page where the client does not say otherwise.
const PAGE_ROWS: usize = 10_000;

/// Most rows of a page.
pub(crate) const PAGE_ROWS_MAX: usize = 100_000;

/// Most rows to pass over after a cursor.
pub(crate) const OFFSET_MAX: usize = 1_000_000_000;

/// `POST /v1/orgs/self/queries`.
pub(crate) async fn run(call: Call) -> ApiResult<Response> {
    let instance = call.app.catalog.default_virtual_instance();
    answer(&call, call.json()?, None, instance).await
}

/// `GET /v1/orgs/self/queries`: those that have not ended.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_active(call: Call) -> ApiResult<Response> {
    let caller = call.caller()?;
    let active = call.app.queries.active();
    let active = active.iter().filter(|query| query.is_visible_to(caller));
    let data: Vec<QueryInfo> = active.map(|query| info(&call.app, query)).collect();
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/queries/{queryId}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let query = visible(&call)?;
    let data = info(&call.app, &query);
    call::json(&QueryInfoResponse {
        last_offset: data.last_offset.clone(),
        data,
    })
}

/// `DELETE /v1/orgs/self/queries/{queryId}`: stops it, if it has not ended.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn cancel(call: Call) -> ApiResult<Response> {
    let query = visible(&call)?;
    query.cancel();
    call::json(&Data {
        data: info(&call.app, &query),
    })
}

/// `GET /v1/orgs/self/queries/{queryId}/pages`, with the cursor as a parameter or, as older clients have it, as
/// the last part of the path.
pub(crate) async fn page(call: Call) -> ApiResult<Response> {
    let query = visible(&call)?;
    let given = call.query_values("cursor").into_iter().next();
    let in_path = Some(call.segment("cursor").to_owned());
    let given = given.or(in_path).filter(|given| !given.is_empty());
    let first = match given {
        Some(given) => cursor::decode(&query.id, &given)?,
        None => 0,
    };
    let offset = number(&call, "offset", 0, OFFSET_MAX)?.unwrap_or(0);
    let count = number(&call, "docs", 1, PAGE_ROWS_MAX)?.unwrap_or(PAGE_ROWS);
    let start = first.saturating_add(offset);
    let app = Arc::clone(&call.app);
    let (query, page) = blocking::run(move || {
        let page = app.queries.page(&query, start..start.saturating_add(count));
        (query, page)
    })
    .await?;
    let (rows, total) = page?;
    let shown = count.min(total.saturating_sub(start));
    let pagination = page_info(&query.id, None, start + shown, shown, total);
    let pagination = serde_json::to_vec(&pagination).map_err(ApiError::internal)?;
    let total = total.to_string();
    let body = [
        b"{\"results\":",
        rows.as_slice(),
        b",\"results_total_doc_count\":",
        total.as_bytes(),
        b",\"pagination\":",
        pagination.as_slice(),
        b"}",
    ];
    Ok(call::respond(StatusCode::OK, body.concat()))
}

/// `POST /v1/orgs/self/queries/validations`: what a query reads and needs, without running it.
pub(crate) async fn validate(call: Call) -> ApiResult<Response> {
    let request: QueryRequest = call.json()?;
    let sql = statement(&request)?.to_owned();
    let _slot = call.app.instances.main().admit().await?;
    let source = CatalogSource::of_caller(Arc::clone(&call.app.catalog), call.caller()?);
    let validation =
        blocking::run(move || Engine::validate_within(&source, &sql, COMMONS)).await??;
    call::json(&ValidateQueryResponse {
        collections: validation.collections,
        aliases: validation.aliases,
        views: validation.views,
        name: Vec::new(),
        parameters: validation.parameters,
    })
}

/// The query of the path.
///
/// # Errors
/// `NOTFOUND` if there is none that the caller may know of.
fn visible(call: &Call) -> ApiResult<Arc<Query>> {
    call.app
        .queries
        .get(call.segment("queryId"), call.caller()?)
}

/// The query lambda that a query belongs to.
pub(super) struct Lambda {
    /// `workspace.name::version`.
    pub(super) path: String,
    /// Those of whoever wrote it, which it reads with.
    pub(super) rights: Rights,
}

/// Runs a query, perhaps of a query lambda, on a virtual instance. Without a caller it may not write.
pub(super) async fn answer(
    call: &Call,
    request: QueryRequest,
    lambda: Option<Lambda>,
    instance: VirtualInstanceRecord,
) -> ApiResult<Response> {
    let id = instance.id.clone();
    let answered = answer_on(call, request, lambda, instance).await;
    let error_type = answered.as_ref().err().map(|error| error.model.error_type);
    let duration = call.app.monotonic().saturating_sub(call.received);
    call.app.metrics.count_query(&id, error_type, duration);
    answered
}

async fn answer_on(
    call: &Call,
    request: QueryRequest,
    lambda: Option<Lambda>,
    instance: VirtualInstanceRecord,
) -> ApiResult<Response> {
    let options = Options::of(&request)?;
    let request = engine_request(request, call, &options)?;
    let sink = match call.caller {
        Some(_) => Some(Arc::new(InsertSink::new(call)?)),
        None => None,
    };
    let app = Arc::clone(&call.app);
    let pool = app.instances.pool(&instance)?;
    let place = Arc::new(pool.enter()?);
    let catalog = Arc::clone(&app.catalog);
    let (lambda, source, rights) = match (lambda, &call.caller) {
        (Some(Lambda { path, rights }), caller) => {
            // What nobody has sent is for who may do all that its writer may.
            let senders = caller.as_ref().map(|caller| caller.rights.clone());
            let senders = senders.unwrap_or_else(|| rights.clone());
            let source = CatalogSource::of_lambda(catalog, path.clone(), rights);
            (Some(path), source, senders)
        }
        (None, Some(caller)) => {
            let source = CatalogSource::of_caller(catalog, caller);
            (None, source, caller.rights.clone())
        }
        (None, None) => (None, CatalogSource::of_nobody(catalog), Rights::default()),
    };
    let sender = Sender {
        key: call.caller.as_ref().map(|caller| caller.key.clone()),
        rights,
    };
    let query = app.queries.add(
        call.query_id(),
        &request.sql,
        sender,
        call.received_micros,
        instance.id.clone(),
        Arc::downgrade(&place),
    );
    let run = Run {
        query: Arc::clone(&query),
        request,
        source: source.on(instance),
        sink,
        received: call.received,
        options,
        lambda,
        user_agent: call.user_agent.clone(),
        app,
        pool,
        place,
    };
    let Some(wait) = options.wait else {
        return run.finish().await;
    };
    if wait.is_zero() {
        // Told before it begins: the answer does not depend on how fast it is.
        let answer = later(&call.app, &query);
        tokio::spawn(run.finish());
        return answer;
    }
    let mut running = tokio::spawn(run.finish());
    if let Ok(answered) = tokio::time::timeout(wait, &mut running).await {
        return answered.map_err(ApiError::internal)?;
    }
    let answer = later(&call.app, &query);
    if query.has_ended() {
        // Just now: its rows are due.
        return running.await.map_err(ApiError::internal)?;
    }
    answer
}

/// How a request wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Options {
    /// Rows of the answer.
    rows_max: Option<usize>,
    /// Whether rows are kept for pages, though all of them are in the answer.
    keeps: bool,
    /// How long an asynchronous query is waited for; to its end if it is none.
    wait: Option<Duration>,
}

impl Options {
    /// # Errors
    /// `INVALIDINPUT` for numbers below zero.
    fn of(request: &QueryRequest) -> ApiResult<Self> {
        let later = request.async_options.as_ref();
        let is_async =
            request.asynchronous == Some(true) || later.is_some_and(|options| !options.is_empty());
        let wait = later.and_then(|options| options.client_timeout_ms);
        let wait = positive("async_options.client_timeout_ms", wait)?.unwrap_or(0);
        let sql = request.sql.as_ref();
        let older = sql.and_then(|sql| sql.initial_paginate_response_doc_count);
        let older = positive("sql.initial_paginate_response_doc_count", older)?;
        let paginates = older.is_some() || sql.is_some_and(|sql| sql.paginate == Some(true));
        let rows_max = request
            .max_initial_results
            .or_else(|| later.and_then(|options| options.max_initial_results));
        let rows_max = positive("max_initial_results", rows_max)?;
        let rows_max = rows_max
            .or(older)
            .map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
        Ok(Self {
            rows_max: rows_max.or(paginates.then_some(PAGE_ROWS)),
            keeps: is_async || paginates,
            wait: is_async.then(|| Duration::from_millis(wait)),
        })
    }
}

fn positive(name: &str, number: Option<i64>) -> ApiResult<Option<u64>> {
    let number = number.map(u64::try_from).transpose();
    number.map_err(|_| ApiError::invalid(format!("`{name}` must not be negative")))
}

/// A query with all that it needs to be run, also when nobody waits for it.
struct Run {
    query: Arc<Query>,
    request: outcrop_query::QueryRequest,
    source: CatalogSource,
    sink: Option<Arc<InsertSink>>,
    received: Duration,
    options: Options,
    lambda: Option<String>,
    user_agent: Option<HeaderValue>,
    app: Arc<App>,
    pool: Arc<Pool>,
    place: Arc<Place>,
}

impl Run {
    /// Runs it and answers with its first rows, or all.
    async fn finish(self) -> ApiResult<Response> {
        let Self {
            query,
            mut request,
            source,
            sink,
            received,
            options,
            lambda,
            user_agent,
            app,
            pool,
            place,
        } = self;
        let mut ended = EndedQuery {
            app: Arc::clone(&app),
            query: Arc::clone(&query),
            lambda: lambda.clone(),
            collections: Vec::new(),
            user_agent,
        };
        let entered = app.monotonic();
        let turn = tokio::time::timeout(request.timeout, place.turn());
        let turn = tokio::select! {
            turn = turn => turn.unwrap_or_else(|_| Err(QueryError::Timeout.into())),
            () = query.until_cancelled() => Err(QueryError::Cancelled.into()),
        };
        let _slot = turn.inspect_err(|error| query.fail(&error.model))?;
        let waited = app.monotonic().saturating_sub(entered);
        query.start(waited);
        request.timeout = request.timeout.saturating_sub(waited);
        let reach = Reach {
            collections: Arc::new(source),
            sink: sink.clone().map(|sink| sink as Arc<dyn DocumentSink>),
        };
        let output = tokio::select! {
            output = pool.engine().execute_within(request, reach) => output,
            () = query.until_cancelled() => Err(QueryError::Cancelled),
        };
        let output = output.map_err(|error| {
            let error = ApiError::from(error);
            query.fail(&error.model);
            error
        })?;
        note_use(&app, &output);
        app.metrics.count_access(&output.access_kinds);
        ended.collections.clone_from(&output.collections);
        let last_offset = sink.and_then(|sink| sink.seqno()).map(offsets::fence);
        let elapsed = app.monotonic().saturating_sub(received);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let summary = summary(&query, &output, elapsed_ms, last_offset.clone(), lambda);
        let row_count = usize::try_from(output.row_count).unwrap_or(usize::MAX);
        let done = Done {
            row_count,
            bytes: output.rows_json.len() as u64,
            elapsed_ms,
            last_offset,
        };
        let shown = options
            .rows_max
            .map_or(row_count, |most| most.min(row_count));
        if shown == row_count && !options.keeps {
            query.complete(done);
            return respond(&summary, &output.rows_json);
        }
        let (kept, rows) = blocking::run({
            let (app, query) = (Arc::clone(&app), Arc::clone(&query));
            move || {
                let rows = Rows::new(output.rows_json);
                (app.queries.keep(&query, done, &rows), rows)
            }
        })
        .await?;
        kept?;
        let is_paged = shown < row_count || options.rows_max.is_some();
        let pagination = is_paged.then(|| {
            let start = Some(cursor::encode(&query.id, 0));
            page_info(&query.id, start, shown, shown, row_count)
        });
        let summary = QuerySummary {
            results_total_doc_count: is_paged.then_some(row_count as u64),
            pagination,
            ..summary
        };
        respond(&summary, &rows.first(shown))
    }
}

/// The answer to a query that has not ended yet.
fn later(app: &App, query: &Query) -> ApiResult<Response> {
    let info = info(app, query);
    call::json(&QuerySummary {
        query_id: Some(info.query_id),
        status: Some(info.status),
        stats: Some(QueryStats {
            elapsed_time_ms: info.stats.elapsed_time_ms,
            throttled_time_micros: query.waited_micros(),
        }),
        ..QuerySummary::default()
    })
}

/// Everything of a response but its rows.
fn summary(
    query: &Query,
    output: &QueryOutput,
    elapsed_ms: u64,
    last_offset: Option<String>,
    query_lambda_path: Option<String>,
) -> QuerySummary {
    let fields = output.column_fields.as_ref().map(|names| {
        let field = |name: &String| QueryField {
            name: name.clone(),
            type_name: String::new(),
        };
        names.iter().map(field).collect()
    });
    QuerySummary {
        query_id: Some(query.id.clone()),
        status: Some("COMPLETED".to_owned()),
        collections: Some(query.sender.listable(&output.collections)),
        aliases: Some(query.sender.listable(&output.aliases)),
        column_fields: fields,
        stats: Some(QueryStats {
            elapsed_time_ms: elapsed_ms,
            throttled_time_micros: query.waited_micros(),
        }),
        warnings: Some(output.warnings.clone()).filter(|warnings| !warnings.is_empty()),
        last_offset,
        query_lambda_path,
        ..QuerySummary::default()
    }
}

/// The response: the rows are put in as they are.
fn respond(summary: &QuerySummary, rows: &[u8]) -> ApiResult<Response> {
    let mut body = serde_json::to_vec(summary).map_err(ApiError::internal)?;
    if body.pop() != Some(b'}') {
        return Err(ApiError::internal(
            "the summary of a query is not an object",
        ));
    }
    body.reserve_exact(rows.len() + 16);
    body.extend_from_slice(b",\"results\":");
    body.extend_from_slice(rows);
    body.push(b'}');
    Ok(call::respond(StatusCode::OK, body))
}

/// What a client needs to go on after `next` of `total` rows.
fn page_info(
    id: &str,
    start_cursor: Option<String>,
    next: usize,
    count: usize,
    total: usize,
) -> PageInfo {
    let next = (next < total).then_some(next);
    let next_cursor = next.map(|row| cursor::encode(id, row));
    // As Rockset's service did it, in the first answer alone.
    let next_page_link = next_cursor
        .as_ref()
        .filter(|_| start_cursor.is_some())
        .map(|cursor| format!("/v1/orgs/self/queries/{id}/pages?cursor={cursor}"));
    PageInfo {
        start_cursor,
        current_page_doc_count: count as u64,
        next_cursor,
        next_cursor_offset: next.map(|row| row as u64),
        next_page_link,
    }
}

/// A number of the query string.
fn number(call: &Call, name: &str, least: usize, most: usize) -> ApiResult<Option<usize>> {
    let Some(text) = call.query_values(name).into_iter().next() else {
        return Ok(None);
    };
    let number = text.parse().ok();
    let number = number.filter(|number| (least..=most).contains(number));
    let number = number.ok_or_else(|| {
        ApiError::invalid(format!(
            "`{name}` has to be a number from {least} to {most}"
        ))
    });
    number.map(Some)
}

/// The query as clients see it.
pub(crate) fn info(app: &App, query: &Query) -> QueryInfo {
    let state = query.state();
    let status = match &state {
        State::Queued => "QUEUED",
        State::Running => "RUNNING",
        State::Completed(_) => "COMPLETED",
        State::Failed(_) => "ERROR",
        State::Cancelled => "CANCELLED",
    };
    let (done, is_kept) = match &state {
        State::Completed(completed) => (Some(completed.done.clone()), completed.is_kept()),
        _ => (None, false),
    };
    let query_errors = match &state {
        State::Failed(model) => vec![failure(model)],
        _ => Vec::new(),
    };
    let so_far = app.now_micros().saturating_sub(query.submitted_at_micros) / 1000;
    let so_far = u64::try_from(so_far).unwrap_or_default();
    let position = query.position();
    // One that waits has done nothing else.
    let waited_ms = match position {
        Some(_) => so_far,
        None => query.waited_micros() / 1000,
    };
    let pagination = is_kept.then(|| PaginationStart {
        start_cursor: Some(cursor::encode(&query.id, 0)),
    });
    QueryInfo {
        query_id: query.id.clone(),
        status: status.to_owned(),
        executed_by: query.sender.key.as_ref().map(|key| key.owner.clone()),
        submitted_at: Some(ids::metadata_time(query.submitted_at_micros)),
        expires_at: done
            .as_ref()
            .map(|_| ids::metadata_time(query.expires_at_micros())),
        stats: QueryInfoStats {
            elapsed_time_ms: done.as_ref().map_or(so_far, |done| done.elapsed_ms),
            throttled_time_ms: waited_ms,
            queue_position: position.map(|position| position as u64),
            result_set_document_count: done.as_ref().map(|done| done.row_count as u64),
            result_set_bytes_size: done.as_ref().map(|done| done.bytes),
            result_set_file_count: None,
        },
        destination_uri: None,
        pagination,
        last_offset: done.and_then(|done| done.last_offset),
        query_errors,
        sql: query.sql.clone(),
        cancellation_tag: None,
    }
}

fn failure(model: &ErrorModel) -> QueryFailure {
    QueryFailure {
        type_name: model.error_type.to_string(),
        message: model.message.clone(),
        status_code: error::status(model.error_type).as_u16(),
    }
}

/// The request in the engine's terms.
fn engine_request(
    request: QueryRequest,
    call: &Call,
    options: &Options,
) -> ApiResult<outcrop_query::QueryRequest> {
    statement(&request)?;
    let later = request.async_options.as_ref();
    let timeout_ms = request
        .timeout_ms
        .or_else(|| later.and_then(|options| options.timeout_ms));
    let timeout = timeout(timeout_ms, options.wait.is_some(), &call.app.limits)?;
    let sql = request.sql.unwrap_or_default();
    let parameters: ApiResult<Vec<Parameter>> = sql.parameters.iter().map(parameter).collect();
    Ok(outcrop_query::QueryRequest {
        sql: sql.query.unwrap_or_default(),
        parameters: parameters?,
        default_row_limit: positive("sql.default_row_limit", sql.default_row_limit)?,
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

/// How long a query may run. An asynchronous one has as long as any may have.
fn timeout(timeout_ms: Option<i64>, is_async: bool, limits: &Limits) -> ApiResult<Duration> {
    let Some(millis) = timeout_ms else {
        return Ok(match is_async {
            true => limits.query_timeout_max,
            false => limits.query_timeout,
        });
    };
    match u64::try_from(millis) {
        Ok(millis) if millis > 0 => Ok(Duration::from_millis(millis).min(limits.query_timeout_max)),
        Ok(_) | Err(_) => Err(ApiError::invalid("`timeout_ms` has to be greater than 0")),
    }
}

/// Notes in each collection when it was last read.
fn note_use(app: &App, output: &QueryOutput) {
    let now = app.now_micros();
    for full_name in &output.collections {
        if let Some((workspace, name)) = full_name.rsplit_once('.')
            && let Ok(entry) = app.catalog.collection(workspace, name)
        {
            entry.mark_queried(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_positive_and_bounded() {
        let limits = Limits::default();
        let sync = |millis| timeout(millis, false, &limits);
        assert_eq!(sync(None).unwrap(), Duration::from_secs(120));
        assert_eq!(
            timeout(None, true, &limits).unwrap(),
            limits.query_timeout_max
        );
        assert_eq!(sync(Some(5)).unwrap(), Duration::from_millis(5));
        assert_eq!(sync(Some(i64::MAX)).unwrap(), limits.query_timeout_max);
        assert!(sync(Some(0)).is_err());
        assert!(sync(Some(-1)).is_err());
    }

    #[test]
    fn every_way_of_asking_for_pages_is_understood() {
        let options = |request: &str| {
            let request: QueryRequest = serde_json::from_str(request).unwrap();
            let Options {
                rows_max,
                keeps,
                wait,
            } = Options::of(&request).unwrap();
            (rows_max, keeps, wait.map(|wait| wait.as_millis()))
        };
        for (request, expected) in [
            ("{}", (None, false, None)),
            (r#"{"max_initial_results": 5}"#, (Some(5), false, None)),
            (r#"{"async": true}"#, (None, true, Some(0))),
            (
                r#"{"async": false, "async_options": {}}"#,
                (None, false, None),
            ),
            (
                r#"{"async_options": {"client_timeout_ms": 9, "max_initial_results": 2}}"#,
                (Some(2), true, Some(9)),
            ),
            (
                r#"{"sql": {"paginate": true}}"#,
                (Some(PAGE_ROWS), true, None),
            ),
            (
                r#"{"sql": {"initial_paginate_response_doc_count": 3}}"#,
                (Some(3), true, None),
            ),
        ] {
            assert_eq!(options(request), expected, "{request}");
        }
        let negative: QueryRequest =
            serde_json::from_str(r#"{"max_initial_results": -1}"#).unwrap();
        assert!(Options::of(&negative).is_err());
    }
}
