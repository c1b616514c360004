//! The catalog's state as it is kept in a numbered object.

use serde::{Deserialize, Serialize};

use crate::alias::AliasRecord;
use crate::api_key::ApiKey;
use crate::collection::CollectionRecord;
use crate::error::CatalogError;
use crate::integration::IntegrationRecord;
use crate::namespace::InWorkspace;
use crate::organization::Organization;
use crate::query_lambda::QueryLambdaRecord;
use crate::role::RoleRecord;
use crate::scheduled_lambda::ScheduledLambdaRecord;
use crate::stored_view::ViewRecord;
use crate::user::UserRecord;
use crate::virtual_instance::VirtualInstanceRecord;
use crate::workspace::WorkspaceRecord;

/// Format version that this program writes.
pub(crate) const VERSION: u32 = 4;

/// The oldest one that it reads: version 3 has no virtual instances.
const OLDEST_VERSION: u32 = 3;

/// Everything the catalog keeps. Every change writes all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) version: u32,
    pub(crate) organization: Organization,
    /// By name.
    pub(crate) workspaces: Vec<WorkspaceRecord>,
    /// By workspace, then name.
    pub(crate) collections: Vec<CollectionRecord>,
    /// By workspace, then name.
    pub(crate) aliases: Vec<AliasRecord>,
    /// By workspace, then name.
    pub(crate) views: Vec<ViewRecord>,
    /// By workspace, then name.
    pub(crate) query_lambdas: Vec<QueryLambdaRecord>,
    /// In the order of their making.
    pub(crate) scheduled_lambdas: Vec<ScheduledLambdaRecord>,
    /// By name.
    pub(crate) integrations: Vec<IntegrationRecord>,
    /// By e-mail.
    pub(crate) users: Vec<UserRecord>,
    /// By name.
    pub(crate) roles: Vec<RoleRecord>,
    /// In the order of their making.
    pub(crate) api_keys: Vec<ApiKey>,
    /// The main one, then the others in the order of their making.
    #[serde(default)]
    pub(crate) virtual_instances: Vec<VirtualInstanceRecord>,
    /// Where queries run that name no virtual instance; on the main one if none.
    #[serde(default)]
    pub(crate) default_virtual_instance: Option<String>,
}

/// The member that is read before all others.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl State {
    /// Reads the numbered object `number`.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] and [`CatalogError::Version`].
    pub(crate) fn decode(number: u64, bytes: &[u8]) -> Result<Self, CatalogError> {
        let damaged = |source| CatalogError::Damaged { number, source };
        let Version { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if !(OLDEST_VERSION..=VERSION).contains(&version) {
            return Err(CatalogError::Version {
                number,
                version,
                supported: VERSION,
            });
        }
        let mut state: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        state.version = VERSION;
        if state.virtual_instances.is_empty() {
            let main = VirtualInstanceRecord::main(&state.organization);
            state.virtual_instances.push(main);
        }
        state
            .workspaces
            .sort_by(|left, right| left.name.cmp(&right.name));
        state
            .collections
            .sort_by(|left, right| key(left).cmp(&key(right)));
        state
            .integrations
            .sort_by(|left, right| left.name.cmp(&right.name));
        state
            .users
            .sort_by(|left, right| left.email.cmp(&right.email));
        state
            .roles
            .sort_by(|left, right| left.name.cmp(&right.name));
        sort(&mut state.aliases);
        sort(&mut state.views);
        sort(&mut state.query_lambdas);
        Ok(state)
    }

    /// The bytes of a numbered object.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("the state has string keys only")
    }

    /// Where the workspace is, or where it would go.
    pub(crate) fn workspace_place(&self, name: &str) -> Result<usize, usize> {
        self.workspaces
            .binary_search_by(|workspace| workspace.name.as_str().cmp(name))
    }

    /// Where the collection is, or where it would go.
    pub(crate) fn collection_place(&self, workspace: &str, name: &str) -> Result<usize, usize> {
        self.collections
            .binary_search_by(|record| key(record).cmp(&(workspace, name)))
    }

    /// The collections of a workspace, those being deleted included.
    pub(crate) fn collections_in(&self, workspace: &str) -> &[CollectionRecord] {
        let start = self
            .collections
            .partition_point(|record| record.workspace.as_str() < workspace);
        let rest = &self.collections[start..];
        &rest[..rest.partition_point(|record| record.workspace == workspace)]
    }
}

fn sort<T: InWorkspace>(list: &mut [T]) {
    list.sort_by(|left, right| {
        (left.workspace(), left.name()).cmp(&(right.workspace(), right.name()))
    });
}

fn key(record: &CollectionRecord) -> (&str, &str) {
    (&record.workspace, &record.name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use outcrop_storage::env::{Environment, MemoryDisk};
    use serde_json::Value;

    use super::*;
    use crate::catalog::first_state;

    #[test]
    fn a_state_of_before_there_were_virtual_instances_gets_the_main_one() {
        let environment = Environment::in_memory(Arc::new(MemoryDisk::new()), 1);
        let state = first_state(&environment);
        let mut older: Value = serde_json::from_slice(&state.encode()).unwrap();
        let members = older.as_object_mut().unwrap();
        members.insert("version".to_owned(), 3.into());
        members.remove("virtual_instances").unwrap();
        members.remove("default_virtual_instance").unwrap();
        let read = State::decode(1, older.to_string().as_bytes()).unwrap();
        assert_eq!(read, state);
        older["version"] = 2.into();
        let error = State::decode(1, older.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, CatalogError::Version { version: 2, .. }));
    }
}
