//! The numbered objects that hold the catalog's states, newest last.

use outcrop_storage::{NumberedObjects, Store};

use crate::error::CatalogError;
use crate::state::State;

/// The prefix of the catalog's numbered objects.
const PREFIX: &str = "catalog";

/// Writes states, one after the other.
#[derive(Debug)]
pub(crate) struct History {
    objects: NumberedObjects,
    /// The number that the next state gets.
    next: u64,
}

impl History {
    /// The history of `store`, and its newest state unless there is none yet.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`], [`CatalogError::Version`], and those of storage.
    pub(crate) fn open(store: &Store) -> Result<(Self, Option<State>), CatalogError> {
        let objects = store.numbered(PREFIX);
        let newest = objects.newest().map_err(|source| CatalogError::State {
            action: "read",
            source,
        })?;
        let Some(newest) = newest else {
            return Ok((Self { objects, next: 1 }, None));
        };
        let state = State::decode(newest.number, &newest.payload)?;
        Ok((
            Self {
                objects,
                next: newest.number + 1,
            },
            Some(state),
        ))
    }

    /// Makes `state` the newest one, durably.
    ///
    /// When this fails it is unknown whether the state reached the disk; the next state takes the
    /// next free number, so that it counts in either case.
    ///
    /// # Errors
    /// [`CatalogError::State`].
    pub(crate) fn append(&mut self, state: &State) -> Result<(), CatalogError> {
        let number = self
            .objects
            .append(self.next, &state.encode())
            .map_err(|source| CatalogError::State {
                action: "write",
                source,
            })?;
        self.next = number + 1;
        if let Err(error) = self.objects.remove_old(number) {
            tracing::warn!(error = %error, "old states of the catalog stay on disk");
        }
        Ok(())
    }
}
