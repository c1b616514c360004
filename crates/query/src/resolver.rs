//! Names in FROM, looked up among the collections, aliases and views there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use outcrop_storage::Snapshot;
use parking_lot::Mutex;

use crate::dialect;
use crate::error::QueryError;
use crate::scan::{CollectionTable, Definer, Resolved, ResolvedTable, ResolvedView, Resolver};

/// Where an engine finds its collections, aliases and views. They share their names.
pub trait Collections: Send + Sync {
    /// The newest version of a collection; `None` if there is none of that name.
    fn snapshot(&self, workspace: &str, name: &str) -> Option<Arc<Snapshot>>;

    /// Checks that a collection that there is may be read where the statement runs.
    ///
    /// # Errors
    /// [`QueryError::Semantic`] if it may not.
    fn check_mounted(&self, workspace: &str, name: &str) -> Result<(), QueryError> {
        let _ = (workspace, name);
        Ok(())
    }

    /// The alias or view of a name that is no collection's; `None` if there is none.
    fn indirection(&self, workspace: &str, name: &str) -> Option<Indirection> {
        let _ = (workspace, name);
        None
    }

    /// Checks that what has a name in a workspace may be read: by the statement's own text, or by that of the view
    /// `view`, which reads with the rights of whoever wrote just that text. Asked before anything is looked
    /// up, so that the answer does not tell what there is.
    ///
    /// # Errors
    /// [`QueryError::Forbidden`].
    fn check_read(
        &self,
        workspace: &str,
        name: &str,
        view: Option<&ResolvedView>,
    ) -> Result<(), QueryError> {
        let _ = (workspace, name, view);
        Ok(())
    }
}

/// A name that stands for something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Indirection {
    /// Another name of a collection.
    Alias {
        /// The collection's workspace.
        workspace: String,
        /// The collection's name.
        name: String,
    },
    /// A stored query.
    View {
        /// Its text.
        sql: String,
        /// Who wrote this text. They come together, as both may change while a statement is bound.
        definer: Definer,
    },
}

/// Whether a name is that of a collection, or of an alias of one.
///
/// # Errors
/// [`QueryError::Forbidden`] if what it means may not be read.
pub(crate) fn is_collection(
    collections: &dyn Collections,
    workspace: &str,
    name: &str,
) -> Result<bool, QueryError> {
    collections.check_read(workspace, name, None)?;
    if collections.snapshot(workspace, name).is_some() {
        return Ok(true);
    }
    let Some(Indirection::Alias { workspace, name }) = collections.indirection(workspace, name)
    else {
        return Ok(false);
    };
    collections.check_read(&workspace, &name, None)?;
    Ok(collections.snapshot(&workspace, &name).is_some())
}

/// The collections as one statement sees them.
///
/// A name is looked up when it first occurs, and a collection pinned, so that a statement that names
/// one twice, be it through an alias or a view, reads the same snapshot twice.
pub(crate) struct StatementResolver<'a> {
    collections: &'a dyn Collections,
    default_workspace: &'a str,
    /// Whether views, too, may read what the statement's own text may, and nothing else.
    has_rights_of_statement: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The identifier chains of the statement and of the views that it has come to.
    chains: BTreeSet<Vec<String>>,
    /// By workspace and name, as both may have dots.
    pinned: BTreeMap<(String, String), Pinned>,
    /// Tables, each with the number of chains that it knows.
    tables: BTreeMap<(String, String), (usize, Arc<CollectionTable>)>,
}

#[derive(Clone)]
enum Pinned {
    Collection(Arc<Snapshot>),
    Alias { workspace: String, name: String },
    View(ResolvedView),
}

impl<'a> StatementResolver<'a> {
    /// A resolver for a statement in which the identifier chains are `chains`.
    pub(crate) fn new(
        collections: &'a dyn Collections,
        default_workspace: &'a str,
        chains: BTreeSet<Vec<String>>,
    ) -> Self {
        let state = State {
            chains,
            ..State::default()
        };
        Self {
            collections,
            default_workspace,
            has_rights_of_statement: false,
            state: Mutex::new(state),
        }
    }

    /// Lets views read only what the statement's own text may.
    pub(crate) fn with_rights_of_statement(self) -> Self {
        Self {
            has_rights_of_statement: true,
            ..self
        }
    }

    /// What has this name, the same each time.
    fn pinned(&self, state: &mut State, workspace: &str, name: &str) -> Result<Pinned, QueryError> {
        let place = (workspace.to_owned(), name.to_owned());
        if let Some(pinned) = state.pinned.get(&place) {
            return Ok(pinned.clone());
        }
        let full_name = format!("{workspace}.{name}");
        let pinned = match self.collections.snapshot(workspace, name) {
            Some(snapshot) => {
                self.collections.check_mounted(workspace, name)?;
                Pinned::Collection(snapshot)
            }
            None => match self.collections.indirection(workspace, name) {
                Some(Indirection::Alias { workspace, name }) => Pinned::Alias { workspace, name },
                Some(Indirection::View { sql, definer }) => {
                    let statement = dialect::parse(&sql);
                    let statement = statement.map_err(|error| error.in_view(&full_name, None))?;
                    Pinned::View(ResolvedView {
                        full_name,
                        statement: Arc::new(statement),
                        definer,
                    })
                }
                None => {
                    return Err(QueryError::UnknownCollection {
                        name: full_name,
                        position: None,
                    });
                }
            },
        };
        state.pinned.insert(place, pinned.clone());
        Ok(pinned)
    }
}

impl State {
    /// The table of a pinned collection, with the paths that the chains so far name.
    fn table(&mut self, workspace: String, name: String, snapshot: Arc<Snapshot>) -> ResolvedTable {
        let known = self.chains.len();
        let full_name = format!("{workspace}.{name}");
        let place = (workspace, name);
        let table = match self.tables.get(&place) {
            Some((chains, table)) if *chains == known => Arc::clone(table),
            _ => {
                let table = CollectionTable::new(full_name.as_str(), snapshot, &self.chains);
                let table = Arc::new(table);
                self.tables.insert(place, (known, Arc::clone(&table)));
                table
            }
        };
        ResolvedTable {
            full_name,
            alias: None,
            table,
        }
    }
}

impl Resolver for StatementResolver<'_> {
    fn resolve(
        &self,
        parts: &[String],
        view: Option<&ResolvedView>,
    ) -> Result<Resolved, QueryError> {
        let view = view.filter(|_| !self.has_rights_of_statement);
        let (workspace, name) = match parts {
            [] => (self.default_workspace.to_owned(), String::new()),
            [name] => (self.default_workspace.to_owned(), name.clone()),
            [workspace @ .., name] => (workspace.join("."), name.clone()),
        };
        self.collections.check_read(&workspace, &name, view)?;
        let state = &mut *self.state.lock();
        match self.pinned(state, &workspace, &name)? {
            Pinned::Collection(snapshot) => {
                Ok(Resolved::Collection(state.table(workspace, name, snapshot)))
            }
            Pinned::View(view) => Ok(Resolved::View(view)),
            Pinned::Alias {
                workspace: of,
                name: collection,
            } => {
                let alias = format!("{workspace}.{name}");
                let (workspace, name) = (of, collection);
                self.collections.check_read(&workspace, &name, view)?;
                match self.pinned(state, &workspace, &name)? {
                    Pinned::Collection(snapshot) => {
                        let table = state.table(workspace, name, snapshot);
                        Ok(Resolved::Collection(ResolvedTable {
                            alias: Some(alias),
                            ..table
                        }))
                    }
                    Pinned::Alias { .. } | Pinned::View(_) => Err(QueryError::UnknownCollection {
                        name: format!("{workspace}.{name}"),
                        position: None,
                    }),
                }
            }
        }
    }

    fn add_chains(&self, chains: BTreeSet<Vec<String>>) {
        self.state.lock().chains.extend(chains);
    }
}
