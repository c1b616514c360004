//! The numbered objects that hold the catalog's states, newest last.

use outcrop_storage::Store;

use crate::error::CatalogError;
use crate::series::Series;
use crate::state::State;

/// The prefix of the catalog's numbered objects.
const PREFIX: &str = "catalog";

/// Writes states, one after the other.
#[derive(Debug)]
pub(crate) struct History(Series);

impl History {
    /// The history of `store`, and its newest state unless there is none yet.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`], [`CatalogError::Version`], and those of storage.
    pub(crate) fn open(store: &Store) -> Result<(Self, Option<State>), CatalogError> {
        let (series, newest) =
            Series::open(store, PREFIX).map_err(|source| CatalogError::State {
                action: "read",
                source,
            })?;
        let state = newest.map(|newest| State::decode(newest.number, &newest.payload));
        Ok((Self(series), state.transpose()?))
    }

    /// Makes `state` the newest one, durably.
    ///
    /// # Errors
    /// [`CatalogError::State`].
    pub(crate) fn append(&mut self, state: &State) -> Result<(), CatalogError> {
        let written = self.0.append(&state.encode());
        written.map_err(|source| CatalogError::State {
            action: "write",
            source,
        })
    }
}
