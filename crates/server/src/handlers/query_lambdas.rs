//! `/v1/orgs/self/lambdas`, `/v1/orgs/self/ws/{workspace}/lambdas` and what is below.
//!
//! A query that cannot be run is kept all the same, with the state `INVALID_SQL`, as Rockset did it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::query::{QueryParameter, QueryRequest, QuerySql};
use outcrop_api::query_lambda::{
    ExecuteRequest, QueryLambda, QueryLambdaRequest, QueryLambdaSql, QueryLambdaStats,
    QueryLambdaTag, QueryLambdaTagRequest, QueryLambdaVersion, TagName,
};
use outcrop_catalog::{
    Action, COMMONS, LambdaParameter, LambdaQuery, NewLambdaVersion, QueryLambdaRecord,
    QueryLambdaVersion as VersionRecord,
};
use outcrop_query::{Engine, Parameter, QueryError};
use parking_lot::Mutex;
use serde_json::Value;

use super::queries::Lambda;
use super::{queries, virtual_instances};
use crate::app::App;
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::query_source::CatalogSource;

/// How executions went since the start, by [path](path_of).
#[derive(Debug, Default)]
pub(crate) struct Executions(Mutex<HashMap<String, QueryLambdaStats>>);

impl Executions {
    fn note(&self, path: &str, now_micros: i64, by: &str, error: Option<&ApiError>) {
        let now = ids::metadata_time(now_micros);
        let mut all = self.0.lock();
        let stats = all.entry(path.to_owned()).or_default();
        stats.last_executed = Some(now.clone());
        stats.last_executed_by = Some(by.to_owned());
        if let Some(error) = error {
            stats.last_execution_error = Some(now);
            stats.last_execution_error_message = Some(error.model.message.clone());
        }
    }

    fn of(&self, path: &str) -> QueryLambdaStats {
        self.0.lock().get(path).cloned().unwrap_or_default()
    }
}

/// `GET /v1/orgs/self/lambdas`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let records = listed(&call)?;
    let data: Vec<QueryLambda> = records.iter().map(|one| shown(&call.app, one)).collect();
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/ws/{workspace}/lambdas`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_in_workspace(call: Call) -> ApiResult<Response> {
    let workspace = call.segment("workspace");
    let records = call.app.catalog.query_lambdas_in(workspace)?;
    let data: Vec<QueryLambda> = records.iter().map(|one| shown(&call.app, one)).collect();
    call::json(&Data { data })
}

/// `POST /v1/orgs/self/ws/{workspace}/lambdas`: answers the first version.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let request: QueryLambdaRequest = call.json()?;
    let name = request.name.clone();
    let name = name.ok_or_else(|| ApiError::invalid("`name` is required"))?;
    let new = new_version(&call, name, request).await?;
    let app = Arc::clone(&call.app);
    let (record, version) = blocking::run(move || app.catalog.create_query_lambda(new)).await??;
    call::json(&Data {
        data: shown_version(&call.app, &record, &version),
    })
}

/// `POST …/lambdas/{queryLambda}/versions`: another version, or with `create=true` the first one.
pub(crate) async fn add_version(call: Call) -> ApiResult<Response> {
    let request: QueryLambdaRequest = call.json()?;
    let name = call.segment("queryLambda").to_owned();
    let missing = call
        .app
        .catalog
        .query_lambda(call.segment("workspace"), &name)
        .err();
    let creates = call
        .query_values("create")
        .iter()
        .any(|value| value.eq_ignore_ascii_case("true"));
    let is_new = match missing {
        Some(error) if !creates => return Err(error.into()),
        missing => missing.is_some(),
    };
    let new = new_version(&call, name, request).await?;
    let app = Arc::clone(&call.app);
    let (record, version) = blocking::run(move || match is_new {
        true => app.catalog.create_query_lambda(new),
        false => app.catalog.add_query_lambda_version(new),
    })
    .await??;
    call::json(&Data {
        data: shown_version(&call.app, &record, &version),
    })
}

/// `DELETE …/lambdas/{queryLambda}`: answers what it was.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let data = blocking::run(move || {
        let (workspace, name) = path(&call);
        let deleted = call.app.catalog.delete_query_lambda(&workspace, &name);
        let record = deleted.or_else(|error| call.hiding(error))?;
        Ok::<_, ApiError>(shown(&call.app, &record))
    })
    .await??;
    call::json(&Data { data })
}

/// `GET …/lambdas/{queryLambda}/versions`: the oldest first.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_versions(call: Call) -> ApiResult<Response> {
    let record = record(&call)?;
    let versions = record.versions.iter();
    let data: Vec<QueryLambdaVersion> = versions
        .map(|version| shown_version(&call.app, &record, version))
        .collect();
    call::json(&Data { data })
}

/// `GET …/lambdas/{queryLambda}/versions/{version}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get_version(call: Call) -> ApiResult<Response> {
    let record = record(&call)?;
    let version = record.version(call.segment("version"))?;
    call::json(&Data {
        data: shown_version(&call.app, &record, version),
    })
}

/// `DELETE …/lambdas/{queryLambda}/version/{version}`: answers what it was.
pub(crate) async fn delete_version(call: Call) -> ApiResult<Response> {
    let data = blocking::run(move || {
        let (workspace, name) = path(&call);
        let (catalog, version) = (&call.app.catalog, call.segment("version"));
        let deleted = catalog.delete_query_lambda_version(&workspace, &name, version);
        let (record, removed) = deleted.or_else(|error| call.hiding(error))?;
        Ok::<_, ApiError>(shown_version(&call.app, &record, &removed))
    })
    .await??;
    call::json(&Data { data })
}

/// `GET …/lambdas/{queryLambda}/tags`: `latest` first.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_tags(call: Call) -> ApiResult<Response> {
    let record = record(&call)?;
    let tags = record
        .tags()
        .map(|tag| shown_tag(&call.app, &record, &tag.name));
    let data = tags.collect::<ApiResult<Vec<QueryLambdaTag>>>()?;
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/lambdas/tags`: each tag once, by name. It may name a version of every query lambda, and so shows none.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_all_tags(call: Call) -> ApiResult<Response> {
    let records = listed(&call)?;
    let tags = records.iter().flat_map(QueryLambdaRecord::tags);
    let names: BTreeSet<String> = tags.map(|tag| tag.name).collect();
    let tags = names.into_iter().map(|tag_name| TagName {
        tag_name,
        version: None,
    });
    let data: Vec<TagName> = tags.collect();
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/lambdas/tags/{tag}`: the version that it names of each query lambda that has it.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_tagged(call: Call) -> ApiResult<Response> {
    let records = listed(&call)?;
    let tagged = records.iter().filter_map(|record| {
        let version = record.tagged(call.segment("tag")).ok()?;
        Some(shown_version(&call.app, record, version))
    });
    let data: Vec<QueryLambdaVersion> = tagged.collect();
    call::json(&Data { data })
}

/// `POST …/lambdas/{queryLambda}/tags`: makes a tag, or lets it name another version.
pub(crate) async fn set_tag(call: Call) -> ApiResult<Response> {
    let request: QueryLambdaTagRequest = call.json()?;
    let required = |name: &str| ApiError::invalid(format!("`{name}` is required"));
    let tag = request.tag_name.ok_or_else(|| required("tag_name"))?;
    let version = request.version.ok_or_else(|| required("version"))?;
    let app = Arc::clone(&call.app);
    let (workspace, name) = path(&call);
    let (record, tag) = blocking::run(move || {
        let catalog = &app.catalog;
        let record = catalog.tag_query_lambda(&workspace, &name, &tag, &version)?;
        Ok::<_, ApiError>((record, tag))
    })
    .await??;
    call::json(&Data {
        data: shown_tag(&call.app, &record, &tag)?,
    })
}

/// `GET …/lambdas/{queryLambda}/tags/{tag}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get_tag(call: Call) -> ApiResult<Response> {
    let record = record(&call)?;
    call::json(&Data {
        data: shown_tag(&call.app, &record, call.segment("tag"))?,
    })
}

/// `DELETE …/lambdas/{queryLambda}/tags/{tag}`: answers what it was.
pub(crate) async fn delete_tag(call: Call) -> ApiResult<Response> {
    let data = blocking::run(move || {
        let (workspace, name) = path(&call);
        let (catalog, tag) = (&call.app.catalog, call.segment("tag"));
        let deleted = catalog.untag_query_lambda(&workspace, &name, tag);
        let before = deleted.or_else(|error| call.hiding(error))?;
        shown_tag(&call.app, &before, tag)
    })
    .await??;
    call::json(&Data { data })
}

/// `POST …/lambdas/{queryLambda}/versions/{version}`.
pub(crate) async fn execute_version(call: Call) -> ApiResult<Response> {
    let record = record(&call)?;
    let version = record.version(call.segment("version"))?.clone();
    execute(call, &record, version).await
}

/// `POST …/lambdas/{queryLambda}/tags/{tag}`.
pub(crate) async fn execute_tag(call: Call) -> ApiResult<Response> {
    let record = record(&call)?;
    let version = record.tagged(call.segment("tag"))?.clone();
    execute(call, &record, version).await
}

/// `POST /v1/public/shared_lambdas/{public_access_id}`: needs no key, and writes nothing.
pub(crate) async fn execute_public(call: Call) -> ApiResult<Response> {
    let id = call.segment("public_access_id");
    let (record, version) = call.app.catalog.public_query_lambda(id)?;
    execute(call, &record, version).await
}

async fn execute(
    call: Call,
    record: &QueryLambdaRecord,
    version: VersionRecord,
) -> ApiResult<Response> {
    let mut request: ExecuteRequest = call.json()?;
    if call.caller.is_none() {
        // Nobody could come back for pages or for results that are kept.
        request = ExecuteRequest {
            parameters: request.parameters,
            default_row_limit: request.default_row_limit,
            ..ExecuteRequest::default()
        };
    }
    let instance = match &request.virtual_instance_id {
        Some(instance) => virtual_instances::find(&call.app, instance)?,
        None => call.app.catalog.default_virtual_instance(),
    };
    if let Some(caller) = &call.caller {
        caller.require(Action::QueryVi, &virtual_instances::rrn(&instance.id))?;
    }
    let path = path_of(record, &version);
    let app = Arc::clone(&call.app);
    let who = call.caller.as_ref().map(|caller| caller.key.owner.clone());
    let request = QueryRequest {
        sql: Some(QuerySql {
            query: Some(version.query.sql),
            parameters: with_defaults(request.parameters, version.query.default_parameters),
            default_row_limit: request.default_row_limit,
            paginate: request.paginate,
            initial_paginate_response_doc_count: request.initial_paginate_response_doc_count,
        }),
        asynchronous: request.asynchronous,
        async_options: request.async_options,
        timeout_ms: request.timeout_ms,
        max_initial_results: request.max_initial_results,
    };
    let rights = app.catalog.rights_of_definer(&version.definer);
    let lambda = Lambda {
        path: path.clone(),
        rights,
    };
    let answer = queries::answer(&call, request, Some(lambda), instance).await;
    let labels = [&record.name, call.segment("tag"), &record.workspace];
    let duration = app.monotonic().saturating_sub(call.received);
    app.metrics.count_lambda(labels, answer.is_err(), duration);
    let who = who.as_deref().unwrap_or("anybody");
    app.executions
        .note(&path, app.now_micros(), who, answer.as_ref().err());
    answer
}

/// The parameters of the caller, and the default ones of other names.
fn with_defaults(
    mut given: Vec<QueryParameter>,
    defaults: Vec<LambdaParameter>,
) -> Vec<QueryParameter> {
    for default in defaults {
        if given.iter().all(|parameter| parameter.name != default.name) {
            given.push(shown_parameter(default));
        }
    }
    given
}

/// What the request asks for, checked.
///
/// # Errors
/// `INVALIDINPUT` without a query, `FORBIDDEN` if it reads what the caller may not.
async fn new_version(
    call: &Call,
    name: String,
    request: QueryLambdaRequest,
) -> ApiResult<NewLambdaVersion> {
    let sql = request.sql.unwrap_or_default();
    let text = sql
        .query
        .ok_or_else(|| ApiError::invalid("`sql.query` is required"))?;
    let parameters = sql.default_parameters.into_iter();
    let default_parameters: Vec<LambdaParameter> = parameters
        .map(default_parameter)
        .collect::<ApiResult<_>>()?;
    let are_values = default_parameters.iter().all(|parameter| {
        let LambdaParameter {
            name,
            type_name,
            value,
        } = parameter;
        Parameter::interpret(name, Some(type_name), value).is_ok()
    });
    let _slot = call.app.instances.main().admit().await?;
    let source = CatalogSource::of_caller(Arc::clone(&call.app.catalog), call.caller()?);
    let (text, validation) = blocking::run(move || {
        let validation = Engine::validate_within(&source, &text, COMMONS);
        (text, validation)
    })
    .await?;
    if let Err(error @ QueryError::Forbidden { .. }) = validation {
        return Err(error.into());
    }
    let entities = validation.map(|validation| validation.entities);
    Ok(NewLambdaVersion {
        workspace: call.segment("workspace").to_owned(),
        name,
        query: LambdaQuery {
            description: request.description,
            sql: text,
            default_parameters,
            is_valid: are_values && entities.is_ok(),
            entities: entities.unwrap_or_default(),
        },
        is_public: request.is_public,
        creator: call.creator()?,
    })
}

/// A default parameter as it is kept: its value is text, which is all that clients read.
///
/// # Errors
/// `INVALIDINPUT` without a value.
fn default_parameter(parameter: QueryParameter) -> ApiResult<LambdaParameter> {
    let QueryParameter {
        name,
        type_name,
        value,
    } = parameter;
    let value = match value {
        text @ Value::String(_) => text,
        Value::Null if !type_name.eq_ignore_ascii_case("null") => {
            return Err(ApiError::invalid(format!(
                "the default parameter `{name}` has no `value`"
            )));
        }
        other => Value::from(other.to_string()),
    };
    Ok(LambdaParameter {
        name,
        type_name,
        value,
    })
}

/// Workspace and name of the query lambda of the path.
fn path(call: &Call) -> (String, String) {
    let (workspace, name) = (call.segment("workspace"), call.segment("queryLambda"));
    (workspace.to_owned(), name.to_owned())
}

/// The query lambdas of all workspaces that the caller may list.
fn listed(call: &Call) -> ApiResult<Vec<QueryLambdaRecord>> {
    let caller = call.caller()?;
    let mut records = call.app.catalog.query_lambdas();
    records.retain(|record| caller.may_list(&record.workspace));
    Ok(records)
}

fn record(call: &Call) -> ApiResult<QueryLambdaRecord> {
    let (workspace, name) = (call.segment("workspace"), call.segment("queryLambda"));
    Ok(call.app.catalog.query_lambda(workspace, name)?)
}

/// `workspace.name::version`.
fn path_of(record: &QueryLambdaRecord, version: &VersionRecord) -> String {
    format!("{}::{}", record.full_name(), version.version)
}

/// The query lambda as clients see it.
fn shown(app: &App, record: &QueryLambdaRecord) -> QueryLambda {
    let latest = record.version(&record.latest).ok();
    let latest = latest.map(|version| shown_version(app, record, version));
    QueryLambda {
        workspace: record.workspace.clone(),
        name: record.name.clone(),
        last_updated_by: Some(record.modified_by.clone()),
        last_updated: Some(ids::metadata_time(record.modified_at_micros)),
        version_count: record.versions.len(),
        collections: latest
            .as_ref()
            .map(|latest| latest.collections.clone())
            .unwrap_or_default(),
        latest_version: latest,
    }
}

/// The version as clients see it.
fn shown_version(
    app: &App,
    record: &QueryLambdaRecord,
    version: &VersionRecord,
) -> QueryLambdaVersion {
    let query = version.query.clone();
    let state = match query.is_valid {
        true => "ACTIVE",
        false => "INVALID_SQL",
    };
    let parameters = query.default_parameters.into_iter();
    QueryLambdaVersion {
        workspace: record.workspace.clone(),
        created_by: Some(version.created_by.clone()),
        created_by_apikey_name: Some(version.created_by_key.clone()),
        created_at: Some(ids::metadata_time(version.created_at_micros)),
        name: record.name.clone(),
        version: version.version.clone(),
        description: query.description,
        sql: QueryLambdaSql {
            query: Some(query.sql),
            default_parameters: parameters.map(shown_parameter).collect(),
        },
        collections: query.entities,
        state: state.to_owned(),
        stats: app.executions.of(&path_of(record, version)),
        public_access_id: version.public_access_id.clone(),
    }
}

fn shown_parameter(parameter: LambdaParameter) -> QueryParameter {
    QueryParameter {
        name: parameter.name,
        type_name: parameter.type_name,
        value: parameter.value,
    }
}

fn shown_tag(app: &App, record: &QueryLambdaRecord, tag: &str) -> ApiResult<QueryLambdaTag> {
    Ok(QueryLambdaTag {
        tag_name: tag.to_owned(),
        version: shown_version(app, record, record.tagged(tag)?),
    })
}
