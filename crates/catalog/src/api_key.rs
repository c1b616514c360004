//! API keys. Of a key only its SHA-256 and its first six characters are kept.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalog::Catalog;
use crate::error::{CatalogError, ObjectKind};
use crate::random;

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

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Everything but users, roles and the organisation.
    Member,
    /// Listing and querying.
    ReadOnly,
}

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
    /// Unique name.
    pub name: String,
    /// E-mail of the owner.
    pub owner: String,
    /// The first six characters, shown to tell keys apart.
    pub prefix: String,
    /// SHA-256 of the whole key, as 64 hex digits. Keys are long and random, so that a slow
    /// password hash would add nothing.
    pub sha256: String,
    /// What it may do.
    pub role: Role,
    /// Whether it works.
    pub state: KeyState,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// From then on it is refused; microseconds since 1970.
    pub expires_at_micros: Option<i64>,
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

impl Catalog {
    /// The key whose secret this is, if it works now.
    pub fn authenticate(&self, secret: &str) -> Option<ApiKey> {
        let sha256 = fingerprint(secret);
        let view = self.view();
        let key = view
            .state
            .api_keys
            .iter()
            .find(|key| key.sha256 == sha256)?;
        let expired = key
            .expires_at_micros
            .is_some_and(|expiry| expiry <= self.now_micros());
        (key.state == KeyState::Active && !expired).then(|| key.clone())
    }

    /// All keys, oldest first.
    pub fn api_keys(&self) -> Vec<ApiKey> {
        self.view().state.api_keys.clone()
    }

    /// Makes a key with a random secret. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::AlreadyExists`], and those of storage.
    pub fn create_api_key(
        &self,
        name: &str,
        owner: &str,
        role: Role,
        expires_at_micros: Option<i64>,
    ) -> Result<NewApiKey, CatalogError> {
        check_name(name)?;
        let mut changes = self.changes();
        let mut state = changes.state();
        if state.api_keys.iter().any(|key| key.name == name) {
            let name = name.to_owned();
            return Err(CatalogError::AlreadyExists {
                kind: ObjectKind::ApiKey,
                name,
            });
        }
        let secret = random::alphanumerics(self.random(), KEY_CHARACTERS);
        let mut key = self.new_key(name, owner, role, &secret);
        key.expires_at_micros = expires_at_micros;
        state.api_keys.push(key.clone());
        changes.commit(state)?;
        Ok(NewApiKey { key, secret })
    }

    /// Lets a key work or not. Blocks until that is durable; takes effect at once.
    ///
    /// # Errors
    /// [`CatalogError::KeyMissing`], and those of storage.
    pub fn set_api_key_state(&self, name: &str, key_state: KeyState) -> Result<(), CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let key = state.api_keys.iter_mut().find(|key| key.name == name);
        key.ok_or_else(|| CatalogError::KeyMissing {
            name: name.to_owned(),
        })?
        .state = key_state;
        changes.commit(state)
    }

    /// Removes a key. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::KeyMissing`], and those of storage.
    pub fn delete_api_key(&self, name: &str) -> Result<ApiKey, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = state.api_keys.iter().position(|key| key.name == name);
        let place = place.ok_or_else(|| CatalogError::KeyMissing {
            name: name.to_owned(),
        })?;
        let key = state.api_keys.remove(place);
        changes.commit(state)?;
        Ok(key)
    }

    /// Makes sure that somebody can get in.
    ///
    /// With `configured`, that secret works from now on as the admin key `bootstrap`, in place of
    /// an earlier one of that name. Without, a random admin key is made if there is no key at all.
    /// Returns the key if one was made. Blocks until it is durable.
    ///
    /// # Errors
    /// Those of storage.
    pub fn bootstrap(&self, configured: Option<&str>) -> Result<Option<NewApiKey>, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let secret = match configured {
            Some(secret) if is_known(&state.api_keys, secret) => return Ok(None),
            Some(secret) => secret.to_owned(),
            None if !state.api_keys.is_empty() => return Ok(None),
            None => random::alphanumerics(self.random(), KEY_CHARACTERS),
        };
        let key = self.new_key(BOOTSTRAP_NAME, BOOTSTRAP_OWNER, Role::Admin, &secret);
        state.api_keys.retain(|other| other.name != BOOTSTRAP_NAME);
        state.api_keys.push(key.clone());
        changes.commit(state)?;
        Ok(Some(NewApiKey { key, secret }))
    }

    fn new_key(&self, name: &str, owner: &str, role: Role, secret: &str) -> ApiKey {
        ApiKey {
            name: name.to_owned(),
            owner: owner.to_owned(),
            prefix: secret.chars().take(PREFIX_CHARACTERS).collect(),
            sha256: fingerprint(secret),
            role,
            state: KeyState::Active,
            created_at_micros: self.now_micros(),
            expires_at_micros: None,
        }
    }
}

/// Whether the secret belongs to a key that is not suspended.
fn is_known(keys: &[ApiKey], secret: &str) -> bool {
    let sha256 = fingerprint(secret);
    keys.iter()
        .any(|key| key.sha256 == sha256 && key.state == KeyState::Active)
}

fn fingerprint(secret: &str) -> String {
    random::hex(&Sha256::digest(secret.as_bytes()))
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
