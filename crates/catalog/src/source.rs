//! Sources: where the documents of a collection come from by themselves.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::Catalog;
use crate::collection::CollectionRecord;
use crate::error::CatalogError;
use crate::integration;
use crate::state::State;

/// A source of a collection as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// UUID.
    pub id: String,
    /// The system, as the API spells it: `s3`, `kafka`, …
    pub kind: String,
    /// The integration that has its address and credentials; public buckets need none.
    pub integration: Option<String>,
    /// What to read there, in the shape that the API has for the kind.
    pub settings: Value,
    /// How what is read becomes documents, in the API's shape.
    pub format_params: Option<Value>,
    /// SQL over `_input` that comes before the collection's own.
    pub ingest_transformation: Option<String>,
    /// Since when it is suspended; microseconds since 1970.
    pub suspended_at_micros: Option<i64>,
}

impl CollectionRecord {
    /// The source of this id.
    ///
    /// # Errors
    /// [`CatalogError::SourceMissing`].
    pub fn source(&self, id: &str) -> Result<&SourceRecord, CatalogError> {
        let mut sources = self.settings.sources.iter();
        let found = sources.find(|source| source.id == id);
        found.ok_or_else(|| missing(self, id))
    }

    /// Whether one of its sources uses this integration.
    pub fn uses_integration(&self, name: &str) -> bool {
        let sources = &self.settings.sources;
        sources
            .iter()
            .any(|source| source.integration.as_deref() == Some(name))
    }
}

impl Catalog {
    /// Adds a source to a collection. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::CollectionMissing`], [`CatalogError::CollectionNotReady`],
    /// [`CatalogError::IntegrationMissing`], [`CatalogError::IntegrationKind`], and those of storage.
    pub fn add_source(
        &self,
        workspace: &str,
        collection: &str,
        source: SourceRecord,
    ) -> Result<CollectionRecord, CatalogError> {
        self.try_update_collection(workspace, collection, |state, record| {
            check(state, &source)?;
            record.settings.sources.push(source);
            Ok(())
        })
    }

    /// Changes a source by `change`. Blocks until that is durable.
    ///
    /// # Errors
    /// Those of [`Self::add_source`], and [`CatalogError::SourceMissing`].
    pub fn update_source(
        &self,
        workspace: &str,
        collection: &str,
        id: &str,
        change: impl FnOnce(&mut SourceRecord),
    ) -> Result<CollectionRecord, CatalogError> {
        self.try_update_collection(workspace, collection, |state, record| {
            let place = place(record, id)?;
            let source = &mut record.settings.sources[place];
            change(source);
            check(state, source)
        })
    }

    /// Removes a source; the documents that came from it stay. Blocks until that is durable.
    ///
    /// # Errors
    /// Those of [`Self::add_source`], and [`CatalogError::SourceMissing`].
    pub fn remove_source(
        &self,
        workspace: &str,
        collection: &str,
        id: &str,
    ) -> Result<SourceRecord, CatalogError> {
        let mut removed = None;
        self.try_update_collection(workspace, collection, |_, record| {
            let place = place(record, id)?;
            removed = Some(record.settings.sources.remove(place));
            Ok(())
        })?;
        Ok(removed.expect("it was removed, or there was an error"))
    }

    /// The id of a new source.
    pub fn new_source_id(&self) -> String {
        crate::random::uuid(self.random())
    }
}

/// Checks that what the source names is there.
pub(crate) fn check(state: &State, source: &SourceRecord) -> Result<(), CatalogError> {
    match &source.integration {
        Some(name) => integration::check_use(state, name, &source.kind),
        None => Ok(()),
    }
}

fn place(record: &CollectionRecord, id: &str) -> Result<usize, CatalogError> {
    let mut sources = record.settings.sources.iter();
    let place = sources.position(|source| source.id == id);
    place.ok_or_else(|| missing(record, id))
}

fn missing(record: &CollectionRecord, id: &str) -> CatalogError {
    CatalogError::SourceMissing {
        collection: record.full_name(),
        id: id.to_owned(),
    }
}
