//! Roles: the three built-in ones, and those that are made of privileges.

use serde::{Deserialize, Serialize};

use crate::alias::Creator;
use crate::catalog::Catalog;
use crate::error::{CatalogError, Dependant, ObjectKind};
use crate::name;
use crate::privilege::{Action, Privilege};
use crate::rights::Grant;
use crate::state::State;

/// A role that always exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltInRole {
    /// Everything.
    Admin,
    /// Everything but the administration of users, roles and the organisation.
    Member,
    /// Listing and querying.
    ReadOnly,
}

impl BuiltInRole {
    /// The role of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        let roles = [Self::Admin, Self::Member, Self::ReadOnly];
        roles.into_iter().find(|role| role.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::ReadOnly => "read-only",
        }
    }

    /// Whether it allows `action` on every resource.
    pub(crate) fn allows(self, action: Action) -> bool {
        match self {
            Self::Admin => true,
            Self::Member => !is_administration(action),
            Self::ReadOnly => matches!(
                action,
                Action::GetOrg
                    | Action::GetCurrentUser
                    | Action::GetMetrics
                    | Action::ListVi
                    | Action::ListWs
                    | Action::ListIntegrations
                    | Action::ListNetworkConfigurations
                    | Action::ListResources
                    | Action::QueryData
                    | Action::ExecuteQueryLambda
                    | Action::QueryVi
            ),
        }
    }
}

fn is_administration(action: Action) -> bool {
    matches!(
        action,
        Action::AllGlobalActions
            | Action::InviteUser
            | Action::DeleteUser
            | Action::GetBilling
            | Action::UpdateBilling
            | Action::UpdateSettings
            | Action::UpdateResourceOwner
            | Action::CreateRole
            | Action::UpdateRole
            | Action::DeleteRole
            | Action::GrantRevokeRole
            | Action::CreateNetworkConfiguration
            | Action::DeleteNetworkConfiguration
            | Action::UpdateDefaultQueryVi
    )
}

/// A role as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRecord {
    /// Its name, unique in the organisation.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// What it allows.
    pub privileges: Vec<Privilege>,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// E-mail of the creator.
    pub created_by: String,
}

impl Catalog {
    /// Makes a role. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::AlreadyExists`], and those of storage.
    pub fn create_role(
        &self,
        name: &str,
        description: Option<String>,
        privileges: Vec<Privilege>,
        creator: Creator,
    ) -> Result<RoleRecord, CatalogError> {
        name::check(ObjectKind::Role, name)?;
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = match place(&state, name) {
            Err(place) if BuiltInRole::of_name(name).is_none() => place,
            _ => {
                return Err(CatalogError::AlreadyExists {
                    kind: ObjectKind::Role,
                    name: name.to_owned(),
                });
            }
        };
        let record = RoleRecord {
            name: name.to_owned(),
            description,
            privileges,
            created_at_micros: self.now_micros(),
            created_by: creator.email,
        };
        state.roles.insert(place, record.clone());
        changes.commit(state)?;
        Ok(record)
    }

    /// Changes a role by `change`; whoever has it may do what it then allows from now on. Blocks until
    /// that is durable.
    ///
    /// # Errors
    /// [`CatalogError::RoleMissing`], also for a built-in one, and those of storage.
    pub fn update_role(
        &self,
        name: &str,
        change: impl FnOnce(&mut RoleRecord),
    ) -> Result<RoleRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, name).map_err(|_| missing(name))?;
        change(&mut state.roles[place]);
        let record = state.roles[place].clone();
        changes.commit(state)?;
        Ok(record)
    }

    /// Removes a role and returns what it was. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::RoleMissing`], also for a built-in one, [`CatalogError::InUse`] if a user or key has
    /// it, and those of storage.
    pub fn delete_role(&self, name: &str) -> Result<RoleRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, name).map_err(|_| missing(name))?;
        let users = state
            .users
            .iter()
            .filter(|user| user.roles.iter().any(|role| role == name))
            .map(|user| format!("user `{}`", user.email));
        let keys = state
            .api_keys
            .iter()
            .filter(|key| key.role.as_deref() == Some(name))
            .map(|key| format!("API key `{}` of `{}`", key.name, key.owner));
        let users = users.chain(keys).map(|text| Dependant {
            workspace: None,
            text: Some(text),
        });
        let users: Vec<Dependant> = users.collect();
        if !users.is_empty() {
            return Err(CatalogError::InUse {
                kind: ObjectKind::Role,
                name: name.to_owned(),
                users,
            });
        }
        let record = state.roles.remove(place);
        changes.commit(state)?;
        Ok(record)
    }

    /// The role of this name.
    ///
    /// # Errors
    /// [`CatalogError::RoleMissing`], also for a built-in one.
    pub fn role(&self, name: &str) -> Result<RoleRecord, CatalogError> {
        let view = self.view();
        let place = place(&view.state, name).map_err(|_| missing(name))?;
        Ok(view.state.roles[place].clone())
    }

    /// All roles but the built-in ones, by name.
    pub fn roles(&self) -> Vec<RoleRecord> {
        self.view().state.roles.clone()
    }
}

/// Where the role is, or where it would go.
fn place(state: &State, name: &str) -> Result<usize, usize> {
    state
        .roles
        .binary_search_by(|record| record.name.as_str().cmp(name))
}

/// What the role allows; none if there is none of this name.
pub(crate) fn grant(state: &State, name: &str) -> Option<Grant> {
    if let Some(role) = BuiltInRole::of_name(name) {
        return Some(Grant::BuiltIn(role));
    }
    let place = place(state, name).ok()?;
    Some(Grant::Custom(state.roles[place].privileges.clone()))
}

/// Checks that there is a role of this name.
///
/// # Errors
/// [`CatalogError::RoleMissing`].
pub(crate) fn check(state: &State, name: &str) -> Result<(), CatalogError> {
    match grant(state, name) {
        Some(_) => Ok(()),
        None => Err(missing(name)),
    }
}

fn missing(name: &str) -> CatalogError {
    CatalogError::RoleMissing {
        name: name.to_owned(),
    }
}
