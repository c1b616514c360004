//! `/v1/orgs/self/collections` and `/v1/orgs/self/ws/{workspace}/collections`.

use std::sync::Arc;

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::collection::{
    Collection, CollectionStats, CreateCollectionRequest, DeletedCollection, FieldMappingQuery,
    FieldPartition, UpdateCollectionRequest,
};
use outcrop_catalog::{CollectionEntry, CollectionRecord, CollectionSettings, Compression};
use outcrop_document::FieldPath;
use outcrop_storage::CollectionOptions;

use super::sources;
use crate::blocking;
use crate::call::{self, Call};
use crate::clustering;
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::ingest::transformations;

/// `GET /v1/orgs/self/collections`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let caller = call.caller()?;
    let mut records = call.app.catalog.collections();
    records.retain(|record| caller.may_list(&record.workspace));
    let records = records.into_iter();
    let data: Vec<Collection> = records.map(|one| with_stats(&call, one)).collect();
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/ws/{workspace}/collections`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list_in_workspace(call: Call) -> ApiResult<Response> {
    let records = call.app.catalog.collections_in(call.segment("workspace"))?;
    let records = records.into_iter();
    let data: Vec<Collection> = records.map(|one| with_stats(&call, one)).collect();
    call::json(&Data { data })
}

/// `POST /v1/orgs/self/ws/{workspace}/collections`.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let request: CreateCollectionRequest = call.json()?;
    let name = request
        .name
        .clone()
        .ok_or_else(|| ApiError::invalid("`name` is required"))?;
    let settings = settings(&call, request).await?;
    let key = call.caller()?.key.clone();
    let record = blocking::run({
        let app = Arc::clone(&call.app);
        let workspace = call.segment("workspace").to_owned();
        move || {
            app.catalog
                .create_collection(&workspace, &name, settings, &key.owner, &key.name)
        }
    })
    .await??;
    call::json(&Data {
        data: shown(&call, record),
    })
}

/// `GET /v1/orgs/self/ws/{workspace}/collections/{collection}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let (workspace, name) = (call.segment("workspace"), call.segment("collection"));
    let record = call.app.catalog.collection_record(workspace, name)?;
    call::json(&Data {
        data: with_stats(&call, record),
    })
}

/// `PUT /v1/orgs/self/ws/{workspace}/collections/{collection}`: another description or ingest
/// transformation, for documents that are written from then on.
pub(crate) async fn update(call: Call) -> ApiResult<Response> {
    let request: UpdateCollectionRequest = call.json()?;
    let (workspace, name) = (call.segment("workspace"), call.segment("collection"));
    let entry = call.app.catalog.collection_to_change(workspace, name)?;
    let mapping = match request.field_mapping_query {
        Some(query) => Some(mapping(&call, &entry, query).await?),
        None => None,
    };
    let record = blocking::run({
        let app = Arc::clone(&call.app);
        let (workspace, name) = (workspace.to_owned(), name.to_owned());
        move || {
            app.catalog
                .update_collection(&workspace, &name, |settings| {
                    if let Some(description) = request.description {
                        settings.description = Some(description);
                    }
                    if let Some((sql, clustering_key)) = mapping {
                        settings.field_mapping_sql = sql;
                        settings.storage.clustering_key = clustering_key;
                    }
                })
        }
    })
    .await??;
    call::json(&Data {
        data: shown(&call, record),
    })
}

/// The new transformation of a collection and the clustering key that it then has: that of the
/// new `CLUSTER BY`, else the old one unless the old `CLUSTER BY` gave it.
///
/// # Errors
/// `INVALIDINPUT` if the old one is a rollup, whose documents go with it, or the new one is; those of
/// compiling it.
async fn mapping(
    call: &Call,
    entry: &CollectionEntry,
    query: FieldMappingQuery,
) -> ApiResult<(Option<String>, Vec<FieldPath>)> {
    let app = &call.app;
    let sql = query.sql.filter(|sql| !sql.trim().is_empty());
    let old = app.transformations.of(app.engine(), entry).await?;
    let is_same = sql == entry.record().settings.field_mapping_sql;
    if !is_same && old.as_ref().is_some_and(|old| old.is_rollup()) {
        let message = "the transformation of a rollup cannot be changed, as its documents were made by \
                       it: create another collection";
        return Err(ApiError::invalid(message));
    }
    let key = match &sql {
        Some(sql) => {
            let new = transformations::compile(app.engine(), sql).await?;
            if !is_same && new.is_rollup() {
                let message = "a collection is a rollup from its creation on or not at all: create \
                               another one";
                return Err(ApiError::invalid(message));
            }
            clustering::check(new.clustering_key().to_vec())?
        }
        None => Vec::new(),
    };
    let was_inside = old.is_some_and(|old| !old.clustering_key().is_empty());
    let key = match key.is_empty() && !was_inside {
        true => entry.record().settings.storage.clustering_key.clone(),
        false => key,
    };
    Ok((sql, key))
}

/// `DELETE /v1/orgs/self/ws/{workspace}/collections/{collection}`.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let app = Arc::clone(&call.app);
    let record = blocking::run(move || {
        let (workspace, name) = (call.segment("workspace"), call.segment("collection"));
        let deleted = call.app.catalog.delete_collection(workspace, name);
        deleted.or_else(|error| call.hiding(error))
    })
    .await??;
    app.transformations.forget(record.id);
    call::json(&Data {
        data: DeletedCollection::new(&record.workspace, &record.name),
    })
}

/// What the creator chose.
///
/// # Errors
/// `QUERY_ERROR` for a transformation that cannot be, `INVALIDINPUT` for what does not fit the description.
async fn settings(call: &Call, request: CreateCollectionRequest) -> ApiResult<CollectionSettings> {
    let sources = sources::all_new(call, request.sources).await?;
    let sql = request.field_mapping_query.and_then(|query| query.sql);
    let field_mapping_sql = sql.filter(|sql| !sql.trim().is_empty());
    let transformation = match &field_mapping_sql {
        Some(sql) => Some(transformations::compile(call.app.engine(), sql).await?),
        None => None,
    };
    let inside = transformation.map(|compiled| compiled.clustering_key().to_vec());
    let clustering_key = clustering_key(&request.clustering_key, inside.unwrap_or_default())?;
    let retention_secs = request
        .retention_secs
        .map(CollectionSettings::check_retention)
        .transpose()?;
    let compression = match request.storage_compression_type.as_deref() {
        None => Compression::default(),
        Some(name) if name.eq_ignore_ascii_case("LZ4") => Compression::Lz4,
        Some(name) if name.eq_ignore_ascii_case("ZSTD") => Compression::Zstd,
        Some(_) => {
            return Err(ApiError::invalid(
                "`storage_compression_type` has to be `LZ4` or `ZSTD`",
            ));
        }
    };
    let description = request.description;
    Ok(CollectionSettings {
        description,
        storage: CollectionOptions {
            clustering_key,
            retention_secs,
        },
        field_mapping_sql,
        compression,
        sources,
    })
}

/// The clustering key of a request: that of the transformation, or the one that is apart.
///
/// # Errors
/// `INVALIDINPUT` for two keys that differ, and for one of too many fields.
fn clustering_key(apart: &[FieldPartition], inside: Vec<FieldPath>) -> ApiResult<Vec<FieldPath>> {
    let apart = clustering::from_partitions(apart)?;
    let inside = clustering::check(inside)?;
    if !apart.is_empty() && !inside.is_empty() && apart != inside {
        return Err(ApiError::invalid(
            "`clustering_key` and `CLUSTER BY` name different fields",
        ));
    }
    Ok(if inside.is_empty() { apart } else { inside })
}

/// The collection as clients see it, with its stats. One that cannot be queried has none yet.
fn with_stats(call: &Call, record: CollectionRecord) -> Collection {
    let entry = call
        .app
        .catalog
        .collection(&record.workspace, &record.name)
        .ok();
    let sources = sources::of_collection(&call.app.catalog, &record, entry.as_deref());
    let mut data = shown(call, record);
    data.sources = sources;
    data.stats = Some(entry.as_deref().map(stats).unwrap_or_default());
    data
}

/// The collection as clients see it, without stats.
fn shown(call: &Call, record: CollectionRecord) -> Collection {
    let main_instance = call.app.catalog.organization().main_virtual_instance_id;
    let full_name = record.full_name();
    let kept = sources::of_collection(&call.app.catalog, &record, None);
    let aliases = call.app.catalog.aliases().into_iter();
    let aliases = aliases.filter(|alias| {
        alias.collection.full_name() == full_name && may_list(call, &alias.workspace)
    });
    let settings = record.settings;
    Collection {
        created_at: Some(ids::metadata_time(record.created_at_micros)),
        created_by: record.created_by,
        created_by_apikey_name: record.created_by_key,
        rrn: Some(ids::resource_name("col", record.id)),
        name: Some(record.name),
        workspace: Some(record.workspace),
        status: Some(record.status.name().to_owned()),
        sources: kept,
        field_mappings: Vec::new(),
        field_partitions: Vec::new(),
        clustering_key: clustering::to_partitions(&settings.storage.clustering_key),
        aliases: aliases.map(super::aliases::shown).collect(),
        field_schemas: Vec::new(),
        ingest_virtual_instance_id: Some(main_instance),
        read_only: false,
        storage_type: Some("HOT".to_owned()),
        storage_compression_type: Some(settings.compression.name().to_owned()),
        insert_only: false,
        enable_exactly_once_writes: false,
        description: settings.description,
        retention_secs: settings.storage.retention_secs,
        field_mapping_query: settings
            .field_mapping_sql
            .map(|sql| FieldMappingQuery { sql: Some(sql) }),
        stats: None,
    }
}

fn may_list(call: &Call, workspace: &str) -> bool {
    call.caller
        .as_ref()
        .is_some_and(|caller| caller.may_list(workspace))
}

/// The collections with a source that uses the integration.
pub(super) fn using(call: &Call, integration: &str) -> Vec<Collection> {
    let records = call.app.catalog.collections().into_iter();
    let records = records.filter(|record| {
        record.is_alive()
            && record.uses_integration(integration)
            && may_list(call, &record.workspace)
    });
    records.map(|record| shown(call, record)).collect()
}

/// What storage counts. Indexes that there are not have no size, and what is not counted is `null`.
fn stats(entry: &CollectionEntry) -> CollectionStats {
    let stats = entry.handle().stats();
    let millis = |micros: i64| u64::try_from(micros / 1000).unwrap_or_default();
    CollectionStats {
        doc_count: Some(stats.doc_count),
        purged_doc_count: Some(stats.purged_count),
        purged_doc_size: Some(stats.purged_bytes),
        total_size: Some(stats.segment_bytes + stats.delta_bytes),
        total_index_size: Some(stats.segment_bytes),
        column_index_size: Some(stats.segment_bytes),
        row_index_size: None,
        inverted_index_size: None,
        range_index_size: None,
        bytes_inserted: Some(stats.bytes_inserted),
        bytes_overwritten: None,
        bulk_bytes_inserted: Some(0),
        bulk_bytes_overwritten: Some(0),
        last_queried_ms: Some(millis(entry.last_queried_micros())),
        last_updated_ms: Some(millis(stats.last_write_micros.unwrap_or_default())),
        fill_progress: None,
        current_progress: None,
    }
}
