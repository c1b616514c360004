//! API keys. Of a key a keyed hash and its first six characters are kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

use crate::alias::Creator;
use crate::catalog::Catalog;
use crate::error::{CatalogError, ObjectKind};
use crate::random;
use crate::rights::Rights;
use crate::role::{self, BuiltInRole};
use crate::state::State;
use crate::user::{self, UserRecord};

/// Characters of a generated key.
const KEY_CHARACTERS: usize = 64;

/// Characters of a key that are shown.
const PREFIX_CHARACTERS: usize = 6;

/// Longest name of a key, in characters.
const NAME_CHARACTERS_MAX: usize = 128;

/// Name of the key that the first start makes.
const BOOTSTRAP_NAME: &str = "bootstrap";

/// Owner of the key that the first start makes.
const BOOTSTRAP_OWNER: &str = "admin@localhost";

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyState {
    /// It works.
    Active,
    /// It is refused.
    Suspended,
}

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its name, unique among the keys of its owner.
    pub name: String,
    /// E-mail of the owner.
    pub owner: String,
    /// The first six characters, shown to tell keys apart.
    pub prefix: String,
    /// The [fingerprint](crate::Sealing::fingerprint) of the whole key. Keys are long and random, so that a
    /// slow password hash would add nothing.
    pub hash: String,
    /// The whole key, sealed; none unless it may be shown again.
    pub sealed: Option<String>,
    /// The role that bounds what it may do; none for all that its owner may.
    pub role: Option<String>,
    /// Whether it works.
    pub state: KeyState,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// Name of the key that created it; none for the first one.
    pub created_by_key: Option<String>,
    /// From then on it is refused; microseconds since 1970.
    pub expires_at_micros: Option<i64>,
}

/// What the creator of a key chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateApiKey {
    /// See [`ApiKey::name`].
    pub name: String,
    /// See [`ApiKey::owner`].
    pub owner: String,
    /// See [`ApiKey::role`].
    pub role: Option<String>,
    /// See [`ApiKey::expires_at_micros`].
    pub expires_at_micros: Option<i64>,
    /// Whether [`Catalog::reveal_api_key`] shall show it later.
    pub is_revealable: bool,
}

/// A key that was just made, with its secret: the only time that it is known.
#[derive(Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// What is kept of it.
    pub key: ApiKey,
    /// The whole key.
    pub secret: String,
}

impl std::fmt::Debug for NewApiKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("NewApiKey")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The keys of a state by their hashes, and when each was used last.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyIndex(HashMap<String, (usize, Arc<AtomicI64>)>);

impl KeyIndex {
    /// The index of the next state: keys that stay keep the times of their use.
    pub(crate) fn follow(&self, state: &State) -> Self {
        let keys = state.api_keys.iter().enumerate();
        let entries = keys.map(|(place, key)| {
            let used = self.0.get(&key.hash).map(|(_, used)| Arc::clone(used));
            (key.hash.clone(), (place, used.unwrap_or_default()))
        });
        Self(entries.collect())
    }
}

impl Catalog {
    /// The key whose secret this is, if it works now, with what it may do; notes that it was used.
    pub fn authenticate(&self, secret: &str) -> Option<(ApiKey, Rights)> {
        self.authenticate_hash(&self.sealing.fingerprint(secret))
    }

    /// The key of this [hash](ApiKey::hash), as [`Self::authenticate`].
    pub fn authenticate_hash(&self, hash: &str) -> Option<(ApiKey, Rights)> {
        let view = self.view();
        let (place, used) = view.keys.0.get(hash)?;
        let key = view.state.api_keys.get(*place)?;
        if self.api_key_state(key) == KeyState::Suspended {
            return None;
        }
        used.store(self.now_micros(), Ordering::Relaxed);
        let rights = user::rights(&view.state, &key.owner, key.role.as_deref());
        Some((key.clone(), rights))
    }

    /// Whether the key works now: one that has expired counts as suspended.
    pub fn api_key_state(&self, key: &ApiKey) -> KeyState {
        let expiry = key.expires_at_micros;
        match expiry.is_some_and(|expiry| expiry <= self.now_micros()) {
            true => KeyState::Suspended,
            false => key.state,
        }
    }

    /// When the key was used last since the start, in microseconds since 1970.
    pub fn api_key_last_used_micros(&self, key: &ApiKey) -> Option<i64> {
        let view = self.view();
        let used = view.keys.0.get(&key.hash)?.1.load(Ordering::Relaxed);
        (used > 0).then_some(used)
    }

    /// The keys of a user, oldest first.
    ///
    /// # Errors
    /// [`CatalogError::UserMissing`].
    pub fn api_keys_of(&self, owner: &str) -> Result<Vec<ApiKey>, CatalogError> {
        let owner = self.user(owner)?.email;
        let view = self.view();
        let keys = view.state.api_keys.iter();
        Ok(keys.filter(|key| key.owner == owner).cloned().collect())
    }

    /// The key of this name.
    ///
    /// # Errors
    /// [`CatalogError::UserMissing`], [`CatalogError::KeyMissing`].
    pub fn api_key(&self, owner: &str, name: &str) -> Result<ApiKey, CatalogError> {
        let view = self.view();
        let place = place(&view.state, owner, name)?;
        Ok(view.state.api_keys[place].clone())
    }

    /// The whole key, if it was made to be shown again.
    pub fn reveal_api_key(&self, key: &ApiKey) -> Option<String> {
        let sealed = key.sealed.as_deref()?;
        self.sealing.open_text(&sealed_for(key), sealed)
    }

    /// Makes a key with a random secret; the first one makes its owner active. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::UserMissing`], [`CatalogError::RoleMissing`],
    /// [`CatalogError::AlreadyExists`], and those of storage.
    pub fn create_api_key(
        &self,
        new: CreateApiKey,
        creator: Creator,
    ) -> Result<NewApiKey, CatalogError> {
        check_name(&new.name)?;
        let mut changes = self.changes();
        let mut state = changes.state();
        if let Some(role) = &new.role {
            role::check(&state, role)?;
        }
        match place(&state, &new.owner, &new.name) {
            Err(CatalogError::KeyMissing { .. }) => {}
            Err(other) => return Err(other),
            Ok(_) => {
                return Err(CatalogError::AlreadyExists {
                    kind: ObjectKind::ApiKey,
                    name: new.name,
                });
            }
        }
        let owner = user::place(&state, &new.owner).map_err(|_| user::missing(&new.owner))?;
        state.users[owner].is_active = true;
        let secret = random::alphanumerics(self.random(), KEY_CHARACTERS);
        let email = state.users[owner].email.clone();
        let mut key = self.new_key(&new.name, &email, new.role, &secret);
        key.created_by_key = Some(creator.key);
        key.expires_at_micros = new.expires_at_micros;
        if new.is_revealable {
            let place = sealed_for(&key);
            key.sealed = Some(self.sealing.seal(self.random(), &place, &secret));
        }
        state.api_keys.push(key.clone());
        changes.commit(state)?;
        Ok(NewApiKey { key, secret })
    }

    /// Changes a key by `change` and returns what it is now. Blocks until that is durable; takes effect at
    /// once.
    ///
    /// # Errors
    /// [`CatalogError::UserMissing`], [`CatalogError::KeyMissing`], and those of storage.
    pub fn update_api_key(
        &self,
        owner: &str,
        name: &str,
        change: impl FnOnce(&mut ApiKey),
    ) -> Result<ApiKey, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, owner, name)?;
        change(&mut state.api_keys[place]);
        let key = state.api_keys[place].clone();
        changes.commit(state)?;
        Ok(key)
    }

    /// Removes a key and returns what it was. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::UserMissing`], [`CatalogError::KeyMissing`], and those of storage.
    pub fn delete_api_key(&self, owner: &str, name: &str) -> Result<ApiKey, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, owner, name)?;
        let key = state.api_keys.remove(place);
        changes.commit(state)?;
        Ok(key)
    }

    /// Makes sure that somebody can get in.
    ///
    /// With `configured`, that secret works from now on as the admin key `bootstrap`, in place of
    /// an earlier one of that name. Without, a random admin key is made if there is no key at all.
    /// The key belongs to the admin `admin@localhost`, who is made if absent. Returns the key if one was made.
    /// Blocks until it is durable.
    ///
    /// # Errors
    /// Those of storage.
    pub fn bootstrap(&self, configured: Option<&str>) -> Result<Option<NewApiKey>, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let secret = match configured {
            Some(secret) if self.is_known(&state, secret) => return Ok(None),
            Some(secret) => secret.to_owned(),
            None if !state.api_keys.is_empty() => return Ok(None),
            None => random::alphanumerics(self.random(), KEY_CHARACTERS),
        };
        if let Err(place) = user::place(&state, BOOTSTRAP_OWNER) {
            let first = UserRecord::first(BOOTSTRAP_OWNER, self.now_micros());
            state.users.insert(place, first);
        }
        let role = BuiltInRole::Admin.name().to_owned();
        let key = self.new_key(BOOTSTRAP_NAME, BOOTSTRAP_OWNER, Some(role), &secret);
        state.api_keys.retain(|other| !is_bootstrap(other));
        state.api_keys.push(key.clone());
        changes.commit(state)?;
        Ok(Some(NewApiKey { key, secret }))
    }

    /// Whether the secret belongs to a key that is not suspended.
    fn is_known(&self, state: &State, secret: &str) -> bool {
        let hash = self.sealing.fingerprint(secret);
        let mut keys = state.api_keys.iter();
        keys.any(|key| key.hash == hash && key.state == KeyState::Active)
    }

    fn new_key(&self, name: &str, owner: &str, role: Option<String>, secret: &str) -> ApiKey {
        ApiKey {
            name: name.to_owned(),
            owner: owner.to_owned(),
            prefix: secret.chars().take(PREFIX_CHARACTERS).collect(),
            hash: self.sealing.fingerprint(secret),
            sealed: None,
            role,
            state: KeyState::Active,
            created_at_micros: self.now_micros(),
            created_by_key: None,
            expires_at_micros: None,
        }
    }
}

fn is_bootstrap(key: &ApiKey) -> bool {
    key.name == BOOTSTRAP_NAME && key.owner == BOOTSTRAP_OWNER
}

/// What the secret of a key is sealed for.
fn sealed_for(key: &ApiKey) -> String {
    format!("api-key/{}/{}", key.owner, key.name)
}

/// Where the key is.
fn place(state: &State, owner: &str, name: &str) -> Result<usize, CatalogError> {
    let user = user::place(state, owner).map_err(|_| user::missing(owner))?;
    let owner = &state.users[user].email;
    let mut keys = state.api_keys.iter();
    let place = keys.position(|key| key.owner == *owner && key.name == name);
    place.ok_or_else(|| CatalogError::KeyMissing {
        owner: owner.clone(),
        name: name.to_owned(),
    })
}

/// Names of keys are looser than those of collections: spaces and `@` are common.
fn check_name(name: &str) -> Result<(), CatalogError> {
    let reason = if name.trim().is_empty() {
        "it is empty"
    } else if name.chars().count() > NAME_CHARACTERS_MAX {
        "it has more than 128 characters"
    } else if name.chars().any(char::is_control) {
        "it has control characters"
    } else {
        return Ok(());
    };
    let name = name.chars().take(NAME_CHARACTERS_MAX).collect();
    Err(CatalogError::BadName {
        kind: ObjectKind::ApiKey,
        name,
        reason,
    })
}
