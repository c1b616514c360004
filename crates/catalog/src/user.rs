//! Users: owners of API keys, known by e-mail.

use serde::{Deserialize, Serialize};

use crate::alias::{Creator, Definer};
use crate::catalog::Catalog;
use crate::error::{CatalogError, ObjectKind};
use crate::rights::Rights;
use crate::role::{self, BuiltInRole};
use crate::state::State;

/// Longest e-mail address, in bytes (RFC 5321, section 4.5.3.1.3).
const EMAIL_BYTES_MAX: usize = 254;

/// A user as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The address, in lower case: unique in the organisation.
    pub email: String,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Whether there has been a key of this user yet.
    pub is_active: bool,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// E-mail of who invited the user; none for the first one.
    pub invited_by: Option<String>,
    /// The notifications that the user does not want.
    #[serde(default)]
    pub unsubscribed: Vec<String>,
}

impl UserRecord {
    /// The user that the first start makes.
    pub(crate) fn first(email: &str, now_micros: i64) -> Self {
        Self {
            email: email.to_owned(),
            first_name: None,
            last_name: None,
            roles: vec![BuiltInRole::Admin.name().to_owned()],
            is_active: true,
            created_at_micros: now_micros,
            invited_by: None,
            unsubscribed: Vec::new(),
        }
    }

    fn is_admin(&self) -> bool {
        self.roles
            .iter()
            .any(|role| role == BuiltInRole::Admin.name())
    }
}

/// What the creator of a user chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// See [`UserRecord::email`]; upper case becomes lower case.
    pub email: String,
    /// See [`UserRecord::first_name`].
    pub first_name: Option<String>,
    /// See [`UserRecord::last_name`].
    pub last_name: Option<String>,
    /// See [`UserRecord::roles`].
    pub roles: Vec<String>,
}

impl Catalog {
    /// Makes a user. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::AlreadyExists`], [`CatalogError::RoleMissing`], and those
    /// of storage.
    pub fn create_user(&self, new: NewUser, creator: Creator) -> Result<UserRecord, CatalogError> {
        let email = new.email.trim().to_lowercase();
        check_email(&email)?;
        let mut changes = self.changes();
        let mut state = changes.state();
        let Err(place) = place(&state, &email) else {
            return Err(CatalogError::AlreadyExists {
                kind: ObjectKind::User,
                name: email,
            });
        };
        check_roles(&state, &new.roles)?;
        let record = UserRecord {
            email,
            first_name: new.first_name,
            last_name: new.last_name,
            roles: new.roles,
            is_active: false,
            created_at_micros: self.now_micros(),
            invited_by: Some(creator.email),
            unsubscribed: Vec::new(),
        };
        state.users.insert(place, record.clone());
        changes.commit(state)?;
        Ok(record)
    }

    /// Changes a user by `change`; keys may do what the roles then allow from now on. Blocks until that is
    /// durable.
    ///
    /// # Errors
    /// [`CatalogError::UserMissing`], [`CatalogError::RoleMissing`], [`CatalogError::LastAdmin`] if
    /// nobody would be one any more, and those of storage.
    pub fn update_user(
        &self,
        email: &str,
        change: impl FnOnce(&mut UserRecord),
    ) -> Result<UserRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, email).map_err(|_| missing(email))?;
        change(&mut state.users[place]);
        check_roles(&state, &state.users[place].roles)?;
        check_admin(&state)?;
        let record = state.users[place].clone();
        changes.commit(state)?;
        Ok(record)
    }

    /// Removes a user with all keys and returns what it was. Views and query lambdas of the user stay, but
    /// read nothing any more. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::UserMissing`], [`CatalogError::LastAdmin`] if nobody would be one any more, and
    /// those of storage.
    pub fn delete_user(&self, email: &str) -> Result<UserRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, email).map_err(|_| missing(email))?;
        let record = state.users.remove(place);
        check_admin(&state)?;
        state.api_keys.retain(|key| key.owner != record.email);
        changes.commit(state)?;
        Ok(record)
    }

    /// The user of this address.
    ///
    /// # Errors
    /// [`CatalogError::UserMissing`].
    pub fn user(&self, email: &str) -> Result<UserRecord, CatalogError> {
        let view = self.view();
        let place = place(&view.state, email).map_err(|_| missing(email))?;
        Ok(view.state.users[place].clone())
    }

    /// All users, by address.
    pub fn users(&self) -> Vec<UserRecord> {
        self.view().state.users.clone()
    }

    /// What a stored query may read; nothing if its writer, or the role of the key, is no more.
    pub fn rights_of_definer(&self, definer: &Definer) -> Rights {
        rights(&self.view().state, &definer.email, definer.role.as_deref())
    }

    /// What a user may do with a key that has no role; nothing if there is no such user.
    pub fn rights_of_user(&self, email: &str) -> Rights {
        rights(&self.view().state, email, None)
    }

    /// What a user with these roles may do.
    ///
    /// # Errors
    /// [`CatalogError::RoleMissing`].
    pub fn rights_of_roles(&self, roles: &[String]) -> Result<Rights, CatalogError> {
        let view = self.view();
        check_roles(&view.state, roles)?;
        Ok(of_roles(&view.state, roles, None))
    }
}

/// What a user may do with a key of this role, or with one that has none.
pub(crate) fn rights(state: &State, email: &str, key_role: Option<&str>) -> Rights {
    let Ok(place) = place(state, email) else {
        return Rights::default();
    };
    of_roles(state, &state.users[place].roles, key_role)
}

fn of_roles(state: &State, roles: &[String], key_role: Option<&str>) -> Rights {
    let mut owner: Vec<_> = roles
        .iter()
        .filter_map(|name| role::grant(state, name))
        .collect();
    let key = key_role.map(|name| role::grant(state, name));
    if key == Some(None) {
        owner.clear();
    }
    Rights {
        owner,
        key: key.flatten(),
        cluster: state.organization.cluster_id.clone(),
    }
}

/// Where the user is, or where it would go.
pub(crate) fn place(state: &State, email: &str) -> Result<usize, usize> {
    let email = email.to_lowercase();
    state.users.binary_search_by(|user| user.email.cmp(&email))
}

pub(crate) fn missing(email: &str) -> CatalogError {
    CatalogError::UserMissing {
        email: email.to_owned(),
    }
}

fn check_roles(state: &State, roles: &[String]) -> Result<(), CatalogError> {
    roles.iter().try_for_each(|name| role::check(state, name))
}

fn check_admin(state: &State) -> Result<(), CatalogError> {
    match state.users.iter().any(UserRecord::is_admin) {
        true => Ok(()),
        false => Err(CatalogError::LastAdmin),
    }
}

/// Refuses what cannot be an address at all; nothing is ever sent to it.
fn check_email(email: &str) -> Result<(), CatalogError> {
    let parts = email.rsplit_once('@');
    let reason = if email.len() > EMAIL_BYTES_MAX {
        "it has more than 254 bytes"
    } else if email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        "it has spaces or control characters"
    } else if parts.is_none_or(|(user, domain)| user.is_empty() || domain.is_empty()) {
        "it is no e-mail address"
    } else {
        return Ok(());
    };
    Err(CatalogError::BadName {
        kind: ObjectKind::User,
        name: email.chars().take(EMAIL_BYTES_MAX).collect(),
        reason,
    })
}
