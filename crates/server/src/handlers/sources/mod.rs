//! `/v1/orgs/self/ws/{workspace}/collections/{collection}/sources`.
//!
//! Sources are kept, checked and shown; there is no connector yet that reads one. Their status says so. Those of type
//! `kafka` may be [sent to](crate::receiver), and those of type `system` get [query logs](crate::events).

mod kinds;

use std::sync::Arc;

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::collection::FieldMappingQuery;
use outcrop_api::source::{Source, SourceRequest, SourceStatus};
use outcrop_catalog::{Action, Catalog, CollectionEntry, CollectionRecord, SourceRecord};
use serde_json::{Value, json};

use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::events;
use crate::ids;
use crate::ingest::transformations;
use crate::receiver;
use crate::shape;

/// `GET …/sources`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let record = record(&call)?;
    let entry = call.app.catalog.collection(&record.workspace, &record.name);
    let data = of_collection(&call.app.catalog, &record, entry.ok().as_deref());
    call::json(&Data { data })
}

/// `POST …/sources`: the answer has neither id nor status, as Rockset's had not.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let source = new(&call, call.json()?).await?;
    let mut data = shown(&call.app.catalog, &source);
    blocking::run(move || {
        let (workspace, collection) = (call.segment("workspace"), call.segment("collection"));
        call.app.catalog.add_source(workspace, collection, source)
    })
    .await??;
    data.id = None;
    data.status = None;
    call::json(&Data { data })
}

/// `GET …/sources/{source}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let record = record(&call)?;
    call::json(&Data {
        data: shown(&call.app.catalog, record.source(call.segment("source"))?),
    })
}

/// `PUT …/sources/{source}`: members that are given replace the old ones.
pub(crate) async fn update(call: Call) -> ApiResult<Response> {
    let request: SourceRequest = call.json()?;
    check_integration(&call, request.integration_name.as_deref())?;
    let old = record(&call)?.source(call.segment("source"))?.clone();
    let settings = updated_settings(&old, &request)?;
    let format_params = request
        .format_params
        .as_ref()
        .map(format_params)
        .transpose()?;
    let ingest_transformation = transformation(&call, request.ingest_transformation).await?;
    update_source(call, move |source| {
        source.settings = settings;
        source.integration = request.integration_name.or(source.integration.take());
        source.format_params = format_params.or(source.format_params.take());
        source.ingest_transformation =
            ingest_transformation.or(source.ingest_transformation.take());
    })
    .await
}

/// `POST …/sources/{source}/suspend`.
pub(crate) async fn suspend(call: Call) -> ApiResult<Response> {
    let now = call.received_micros;
    update_source(call, move |source| {
        source.suspended_at_micros.get_or_insert(now);
    })
    .await
}

/// `POST …/sources/{source}/resume`.
pub(crate) async fn resume(call: Call) -> ApiResult<Response> {
    update_source(call, |source| source.suspended_at_micros = None).await
}

/// `DELETE …/sources/{source}`: answers what it was. The documents that came from it stay.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let app = Arc::clone(&call.app);
    let source = blocking::run(move || {
        let (workspace, collection) = (call.segment("workspace"), call.segment("collection"));
        let catalog = &call.app.catalog;
        catalog.remove_source(workspace, collection, call.segment("source"))
    })
    .await??;
    call::json(&Data {
        data: shown(&app.catalog, &source),
    })
}

/// The sources of a new collection.
///
/// # Errors
/// Those of [`new`].
pub(super) async fn all_new(call: &Call, requests: Vec<Value>) -> ApiResult<Vec<SourceRecord>> {
    let mut sources = Vec::with_capacity(requests.len());
    for request in requests {
        let request = serde_json::from_value(request)
            .map_err(|error| ApiError::invalid(format!("a source is not valid: {error}")))?;
        sources.push(new(call, request).await?);
    }
    Ok(sources)
}

/// The sources of a collection, the Write API among them once its documents had a transformation fail.
pub(super) fn of_collection(
    catalog: &Catalog,
    record: &CollectionRecord,
    entry: Option<&CollectionEntry>,
) -> Vec<Source> {
    let kept = record.settings.sources.iter();
    let kept = kept.map(|source| shown(catalog, source));
    kept.chain(entry.and_then(write_api)).collect()
}

/// A source as it is to be kept.
///
/// # Errors
/// `INVALIDINPUT` for what does not fit the description of its type, `QUERY_ERROR` for an ingest
/// transformation that cannot be.
async fn new(call: &Call, request: SourceRequest) -> ApiResult<SourceRecord> {
    let (kind, given) = shape::the_one_kind(kinds::MADE, &request.members)?;
    check_integration(call, request.integration_name.as_deref())?;
    Ok(SourceRecord {
        id: call.app.catalog.new_source_id(),
        kind: kind.to_owned(),
        integration: request.integration_name,
        settings: shape::check(kinds::fields(kind), given, kind)?,
        format_params: request
            .format_params
            .as_ref()
            .map(format_params)
            .transpose()?,
        ingest_transformation: transformation(call, request.ingest_transformation).await?,
        suspended_at_micros: None,
    })
}

/// Checks that the caller may use the integration that a source names.
///
/// # Errors
/// `FORBIDDEN`.
fn check_integration(call: &Call, name: Option<&str>) -> ApiResult<()> {
    match name {
        None => Ok(()),
        Some(name) => call.caller()?.require(Action::UseIntegration, name),
    }
}

/// The members of the source's type, the old ones where there is no new one.
fn updated_settings(old: &SourceRecord, request: &SourceRequest) -> ApiResult<Value> {
    let is_given = |kind: &&str| {
        request
            .members
            .get(*kind)
            .is_some_and(|value| !value.is_null())
    };
    if !kinds::MADE.iter().any(is_given) {
        return Ok(old.settings.clone());
    }
    let (kind, given) = shape::the_one_kind(kinds::MADE, &request.members)?;
    if kind != old.kind {
        return Err(ApiError::invalid(format!(
            "the source is one of type `{}` and cannot become one of `{kind}`",
            old.kind
        )));
    }
    let mut merged = old.settings.clone();
    if let (Some(merged), Some(given)) = (merged.as_object_mut(), given.as_object()) {
        let given = given.iter().filter(|(_, value)| !value.is_null());
        merged.extend(given.map(|(name, value)| (name.clone(), value.clone())));
    }
    shape::check(kinds::fields(kind), &merged, kind)
}

/// Gives the schema of a source the members of each type, and those of its format parameters.
pub(super) fn describe(schema: &mut Value, is_request: bool) {
    let kinds = match is_request {
        true => kinds::MADE,
        false => kinds::ALL,
    };
    let kinds = kinds.iter().map(|kind| (*kind, kinds::fields(kind)));
    shape::describe_kinds(schema, kinds, is_request);
    describe_format(&mut schema["properties"]["format_params"], is_request);
}

/// Makes `schema` that of format parameters, which may be `null`.
pub(super) fn describe_format(schema: &mut Value, is_request: bool) {
    let format = shape::schema(kinds::FORMAT_PARAMS, is_request);
    schema["anyOf"] = json!([format, { "type": "null" }]);
}

/// Format parameters in their shape.
///
/// # Errors
/// `INVALIDINPUT` for what does not fit the description.
pub(super) fn format_params(given: &Value) -> ApiResult<Value> {
    let mut checked = shape::check(kinds::FORMAT_PARAMS, given, "format_params")?;
    let types = checked.pointer_mut("/csv/columnTypes");
    if let Some(types) = types.and_then(Value::as_array_mut) {
        for name in types {
            *name = Value::from(name.as_str().unwrap_or_default().to_uppercase());
        }
    }
    Ok(checked)
}

async fn transformation(
    call: &Call,
    query: Option<FieldMappingQuery>,
) -> ApiResult<Option<String>> {
    let sql = query.and_then(|query| query.sql);
    let sql = sql.filter(|sql| !sql.trim().is_empty());
    if let Some(sql) = &sql {
        transformations::compile(call.app.engine(), sql).await?;
    }
    Ok(sql)
}

fn record(call: &Call) -> ApiResult<CollectionRecord> {
    let (workspace, collection) = (call.segment("workspace"), call.segment("collection"));
    Ok(call.app.catalog.collection_record(workspace, collection)?)
}

/// Changes a source and answers what it is now.
async fn update_source(
    call: Call,
    change: impl FnOnce(&mut SourceRecord) + Send + 'static,
) -> ApiResult<Response> {
    let app = Arc::clone(&call.app);
    let (record, id) = blocking::run(move || {
        let (workspace, collection) = (call.segment("workspace"), call.segment("collection"));
        let id = call.segment("source");
        let catalog = &call.app.catalog;
        let record = catalog.update_source(workspace, collection, id, change)?;
        Ok::<_, ApiError>((record, id.to_owned()))
    })
    .await??;
    call::json(&Data {
        data: shown(&app.catalog, record.source(&id)?),
    })
}

/// The source as clients see it.
fn shown(catalog: &Catalog, record: &SourceRecord) -> Source {
    let message = format!(
        "sources of type `{}` are not read yet: add documents by the Write API",
        record.kind
    );
    let (state, message) = match record.suspended_at_micros {
        Some(_) => ("SUSPENDED", None),
        None if receiver::takes(catalog, record) || events::is_query_log(record) => {
            ("WATCHING", None)
        }
        None => ("ERROR", Some(message)),
    };
    Source {
        id: Some(record.id.clone()),
        integration_name: record.integration.clone(),
        status: Some(SourceStatus {
            state: Some(state.to_owned()),
            message,
            ..SourceStatus::default()
        }),
        format_params: record.format_params.clone(),
        ingest_transformation: record
            .ingest_transformation
            .clone()
            .map(|sql| FieldMappingQuery { sql: Some(sql) }),
        suspended_at: record.suspended_at_micros.map(ids::metadata_time),
        resume_at: None,
        settings: shape::all_kinds(kinds::ALL, &record.kind, record.settings.clone()),
    }
}

/// The Write API as a source, once a transformation failed for documents that came from it.
fn write_api(entry: &CollectionEntry) -> Option<Source> {
    let errors = entry.transformation_errors();
    (errors.count > 0).then(|| Source {
        id: Some(entry.record().id.to_string()),
        integration_name: None,
        status: Some(SourceStatus {
            state: Some("WATCHING".to_owned()),
            total_ingest_transformation_errors: Some(errors.count),
            last_ingest_transformation_error_message: errors.last_message,
            ..SourceStatus::default()
        }),
        format_params: None,
        ingest_transformation: None,
        suspended_at: None,
        resume_at: None,
        settings: shape::all_kinds(kinds::ALL, "write_api", json!({})),
    })
}
