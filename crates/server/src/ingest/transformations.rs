//! The ingest transformations of the collections, compiled when they are first needed.

use std::collections::HashMap;
use std::sync::Arc;

use outcrop_api::error::ErrorType;
use outcrop_catalog::CollectionEntry;
use outcrop_query::{Engine, QueryError, Transformation};
use outcrop_storage::CollectionId;
use parking_lot::Mutex;

use crate::error::{ApiError, ApiResult};

/// One compiled transformation per collection that has one.
#[derive(Debug, Default)]
pub(crate) struct Transformations(Mutex<HashMap<CollectionId, Compiled>>);

#[derive(Debug)]
struct Compiled {
    /// What it was compiled from: the collection may have another one by now.
    sql: String,
    transformation: Arc<Transformation>,
}

impl Transformations {
    /// The transformation of a collection, if it has one.
    ///
    /// # Errors
    /// As [`compile`].
    pub(crate) async fn of(
        &self,
        engine: &Engine,
        entry: &CollectionEntry,
    ) -> ApiResult<Option<Arc<Transformation>>> {
        let Some(sql) = entry.record().settings.field_mapping_sql.as_ref() else {
            return Ok(None);
        };
        let id = entry.record().id;
        if let Some(compiled) = self.0.lock().get(&id)
            && compiled.sql == *sql
        {
            return Ok(Some(Arc::clone(&compiled.transformation)));
        }
        let transformation = Arc::new(compile(engine, sql).await?);
        let compiled = Compiled {
            sql: sql.clone(),
            transformation: Arc::clone(&transformation),
        };
        self.0.lock().insert(id, compiled);
        Ok(Some(transformation))
    }

    /// Forgets a collection that is gone.
    pub(crate) fn forget(&self, id: CollectionId) {
        self.0.lock().remove(&id);
    }
}

/// Checks and plans the transformation `sql`.
///
/// # Errors
/// `QUERY_ERROR` or `NOTIMPLEMENTEDYET` with line and column in `sql`.
pub(crate) async fn compile(engine: &Engine, sql: &str) -> ApiResult<Transformation> {
    engine.compile(sql).await.map_err(failed)
}

/// An error of a transformation as a whole. It belongs to no query.
pub(crate) fn failed(error: QueryError) -> ApiError {
    if let QueryError::ResultTooLarge { limit_bytes } = error {
        let message = format!(
            "the ingest transformation makes more than {limit_bytes} bytes of these documents: \
             send fewer at once"
        );
        return ApiError::new(ErrorType::ContentTooLarge, message);
    }
    let mut error = ApiError::from(error);
    error.is_query = false;
    error.model.message = format!("the ingest transformation: {}", error.model.message);
    error
}
