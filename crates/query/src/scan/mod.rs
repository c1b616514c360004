//! Collections as tables: the narrow schema of one query, and the leaf operator that reads it.
//!
//! - [`table`]: [`CollectionTable`], what the planner sees of one pinned snapshot;
//! - [`mod@column`]: the columns that a table exposes for a field path, and their types;
//! - [`exec`]: [`CollectionScan`], the leaf of every plan that reads documents;
//! - [`work`]: how parts are spread over partitions;
//! - [`stream`]: the rows of one partition;
//! - [`part`]: how one part of a snapshot (a segment or a piece of the delta) yields those columns;
//! - [`compact`]: batches that keep no more memory than their values need;
//! - [`assemble`]: kernels that build dynamic, numeric and document-backed columns;
//! - [`predicate`]: filters, their order, and the parts they rule out;
//! - [`native`]: dynamic comparisons on the types that a part stores;
//! - [`lookup`]: filters that name documents by `_id`;
//! - [`zeros`]: joins of floats, whose filters must find both zeros;
//! - [`index_only`]: aggregations and top-N out of the index alone;
//! - [`access`]: which filters the inverted index of a segment answers.
//!
//! Nothing here parses SQL, and nothing here knows how a segment lies on disk.

mod access;
mod assemble;
mod column;
mod compact;
mod exec;
mod index_only;
mod lookup;
mod native;
mod part;
mod paths;
mod predicate;
mod stream;
mod table;
mod work;
mod zeros;

pub use access::{AccessKind, AccessPath, UnknownAccessPath};
pub use column::PathUse;
pub use exec::CollectionScan;
pub use table::CollectionTable;

pub(crate) use access::LOOKUPS_MAX;
pub(crate) use index_only::AnswerFromIndex;
pub(crate) use paths::access_kinds;
pub(crate) use predicate::is_comparison;
pub(crate) use stream::{BatchBytes, Cancellation};
pub(crate) use zeros::JoinZeros;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::dialect::Statement;
use crate::error::QueryError;

/// Finds what a name in FROM means. The binder asks it for every name that no CTE hides.
pub trait Resolver {
    /// What has a name of one or more parts, as written: `c`, `ws.c`, `ws.sub.c`, in the text of the view
    /// `view` or in that of the statement itself.
    ///
    /// # Errors
    /// [`QueryError::UnknownCollection`] when nothing has that name, [`QueryError::Forbidden`] when that
    /// text may not read it.
    fn resolve(
        &self,
        parts: &[String],
        view: Option<&ResolvedView>,
    ) -> Result<Resolved, QueryError>;

    /// Says which paths the text of a view may ask tables for, before its names are resolved.
    fn add_chains(&self, chains: BTreeSet<Vec<String>>);
}

/// A name in FROM, found.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// A collection, perhaps through an alias.
    Collection(ResolvedTable),
    /// A view.
    View(ResolvedView),
}

/// A stored query.
#[derive(Clone, Debug)]
pub struct ResolvedView {
    /// Workspace and name, joined by a dot.
    pub full_name: String,
    /// Its query.
    pub statement: Arc<Statement>,
    /// Who wrote that query, whose rights it reads with.
    pub definer: Definer,
}

/// Who wrote a stored query. What it may read is for the [`Collections`](crate::Collections) to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definer {
    /// E-mail.
    pub email: String,
    /// Role of the key that it was written with, if it had one.
    pub role: Option<String>,
}

/// A collection, found.
#[derive(Clone, Debug)]
pub struct ResolvedTable {
    /// Workspace and collection, joined by a dot: `commons.events`.
    pub full_name: String,
    /// The full name of the alias that named it, if one did.
    pub alias: Option<String>,
    /// The table, pinned to one snapshot.
    pub table: Arc<CollectionTable>,
}
