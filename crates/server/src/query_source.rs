//! The catalog's collections, aliases and views, as one caller may read them.

use std::sync::Arc;

use outcrop_catalog::{ALL, Action, COMMONS, Catalog, EVENTS, Rights, VirtualInstanceRecord};
use outcrop_query::{Collections, Definer, Indirection, QueryError, ResolvedView};
use outcrop_storage::Snapshot;

use crate::access::Caller;

/// Finds names in a catalog for a statement.
pub(crate) struct CatalogSource {
    catalog: Arc<Catalog>,
    reader: Reader,
    rights: Rights,
    /// Where the statement runs; it reads what is mounted there.
    instance: Option<VirtualInstanceRecord>,
}

/// Whose rights a statement reads with.
enum Reader {
    /// Nobody's, so that it reads nothing.
    Nobody,
    /// Those of the key of this name.
    Key(String),
    /// Those of whoever wrote the query lambda of this path.
    Lambda(String),
}

impl CatalogSource {
    /// Nothing may be read.
    pub(crate) fn of_nobody(catalog: Arc<Catalog>) -> Self {
        Self {
            catalog,
            reader: Reader::Nobody,
            rights: Rights::default(),
            instance: None,
        }
    }

    /// The caller reads.
    pub(crate) fn of_caller(catalog: Arc<Catalog>, caller: &Caller) -> Self {
        Self {
            catalog,
            reader: Reader::Key(caller.key.name.clone()),
            rights: caller.rights.clone(),
            instance: None,
        }
    }

    /// A query lambda reads with the rights of whoever wrote it.
    pub(crate) fn of_lambda(catalog: Arc<Catalog>, path: String, rights: Rights) -> Self {
        Self {
            catalog,
            reader: Reader::Lambda(path),
            rights,
            instance: None,
        }
    }

    /// The statement runs on this virtual instance.
    pub(crate) fn on(self, instance: VirtualInstanceRecord) -> Self {
        Self {
            instance: Some(instance),
            ..self
        }
    }
}

impl Collections for CatalogSource {
    fn snapshot(&self, workspace: &str, name: &str) -> Option<Arc<Snapshot>> {
        let entry = self.catalog.collection(workspace, name).ok()?;
        Some(entry.handle().snapshot())
    }

    fn check_mounted(&self, workspace: &str, name: &str) -> Result<(), QueryError> {
        let Some(instance) = &self.instance else {
            return Ok(());
        };
        match self.catalog.collection(workspace, name) {
            Ok(entry) if !instance.has_mounted(entry.record().id) => {
                // A view may read what its reader may not know of.
                let mut actions = [Action::ListResources, Action::QueryData].iter();
                let may_know = actions.any(|action| self.rights.allow(*action, workspace));
                let full_name = match may_know {
                    true => format!("{workspace}.{name}"),
                    false => "of another workspace".to_owned(),
                };
                let message = not_mounted(&full_name, instance);
                Err(QueryError::semantic(message, None))
            }
            _ => Ok(()),
        }
    }

    fn indirection(&self, workspace: &str, name: &str) -> Option<Indirection> {
        if let Ok(alias) = self.catalog.alias(workspace, name) {
            return Some(Indirection::Alias {
                workspace: alias.collection.workspace,
                name: alias.collection.name,
            });
        }
        let view = self.catalog.stored_view(workspace, name).ok()?;
        let outcrop_catalog::Definer { email, role } = view.query.definer;
        Some(Indirection::View {
            sql: view.query.sql,
            definer: Definer { email, role },
        })
    }

    fn check_read(
        &self,
        workspace: &str,
        name: &str,
        view: Option<&ResolvedView>,
    ) -> Result<(), QueryError> {
        // Events tell of all workspaces.
        let (resource, place) = match (workspace, name) == (COMMONS, EVENTS) {
            true => (ALL, "all workspaces".to_owned()),
            false => (workspace, format!("`{workspace}`")),
        };
        let allow = |rights: &Rights| rights.allow(Action::QueryData, resource);
        let is_allowed = match view {
            None => allow(&self.rights),
            Some(view) => {
                let Definer { email, role } = view.definer.clone();
                let definer = outcrop_catalog::Definer { email, role };
                allow(&self.catalog.rights_of_definer(&definer))
            }
        };
        if is_allowed {
            return Ok(());
        }
        let action = Action::QueryData.name();
        // What a view or query lambda names is not for everybody who may use it.
        let message = match (view, &self.reader) {
            (Some(view), _) => format!(
                "the view `{}` reads a workspace on which whoever wrote it has no privilege {action}",
                view.full_name
            ),
            (None, Reader::Lambda(path)) => format!(
                "the query lambda `{path}` reads a workspace on which whoever wrote it has no privilege \
                 {action}"
            ),
            (None, Reader::Key(key)) => {
                format!("the API key `{key}` has no privilege {action} on {place}")
            }
            (None, Reader::Nobody) => "nothing may be read without an API key".to_owned(),
        };
        Err(QueryError::Forbidden { message })
    }
}

/// In words that clients look for.
pub(crate) fn not_mounted(full_name: &str, instance: &VirtualInstanceRecord) -> String {
    format!(
        "Collection {full_name} is not mounted on virtual instance {}",
        instance.name
    )
}
