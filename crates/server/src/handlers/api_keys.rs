//! `/v1/orgs/self/users/{user}/apikeys`.
//!
//! A key is shown when it is made. Whoever makes or changes one may do all that it may.

use std::sync::Arc;

use axum::response::Response;
use jiff::Timestamp;
use outcrop_api::Data;
use outcrop_api::api_key::{ApiKey, CreateApiKeyRequest, UpdateApiKeyRequest};
use outcrop_catalog::{Action, ApiKey as KeyRecord, CreateApiKey, Definer, KeyState};

use super::users;
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;

/// `POST /v1/orgs/self/users/self/apikeys`, for another user if `created_by` is one.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let request: CreateApiKeyRequest = call.json()?;
    let name = request
        .name
        .ok_or_else(|| ApiError::invalid("`name` is required"))?;
    let caller = call.caller()?;
    let catalog = Arc::clone(&call.app.catalog);
    let owner = match request.created_by {
        Some(user) if !caller.is_user(&user) => {
            caller.require_global(Action::GrantRevokeRole)?;
            catalog.user(&user)?.email
        }
        _ => caller.key.owner.clone(),
    };
    if let Some(role) = &request.role {
        catalog.rights_of_roles(std::slice::from_ref(role))?;
    }
    check_covered(&call, &owner, request.role.as_deref())?;
    let new = CreateApiKey {
        name,
        owner,
        role: request.role,
        expires_at_micros: expiry(&call, request.expiry_time.as_deref())?,
        is_revealable: call.app.reveals_api_keys,
    };
    let creator = call.creator()?;
    let made = blocking::run(move || catalog.create_api_key(new, creator)).await??;
    let data = ApiKey {
        key: made.secret,
        ..shown(&call, made.key)
    };
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/users/{user}/apikeys`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let keys = call.app.catalog.api_keys_of(&users::named(&call)?)?;
    let keys = keys.into_iter();
    let data: Vec<ApiKey> = keys.map(|key| shown(&call, key)).collect();
    call::json(&Data { data })
}

/// `GET …/apikeys/{name}`: with `reveal=true` the whole key, if the server keeps it.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let catalog = &call.app.catalog;
    let key = catalog.api_key(&users::named(&call)?, call.segment("name"))?;
    let is_asked = call
        .query_values("reveal")
        .iter()
        .any(|value| value.eq_ignore_ascii_case("true"));
    let mut secret = None;
    if is_asked && call.app.reveals_api_keys {
        check_covered(&call, &key.owner, key.role.as_deref())?;
        secret = catalog.reveal_api_key(&key);
    }
    let shown = shown(&call, key);
    let data = ApiKey {
        key: secret.unwrap_or_else(|| shown.key.clone()),
        ..shown
    };
    call::json(&Data { data })
}

/// `POST …/apikeys/{name}`: suspends it, lets it work again, or sets when it expires.
pub(crate) async fn update(call: Call) -> ApiResult<Response> {
    let request: UpdateApiKeyRequest = call.json()?;
    let state = match request.state.as_deref() {
        None => None,
        Some("ACTIVE") => Some(KeyState::Active),
        Some("SUSPENDED") => Some(KeyState::Suspended),
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "`state` has to be ACTIVE or SUSPENDED, and not `{other}`"
            )));
        }
    };
    let expires_at_micros = expiry(&call, request.expiry_time.as_deref())?;
    let clears = request.clear_expiry_time == Some(true);
    if clears && expires_at_micros.is_some() {
        return Err(ApiError::invalid(
            "`expiry_time` and `clear_expiry_time` contradict each other",
        ));
    }
    let key = covered(&call)?;
    let catalog = Arc::clone(&call.app.catalog);
    let key = blocking::run(move || {
        catalog.update_api_key(&key.owner, &key.name, |key| {
            key.state = state.unwrap_or(key.state);
            if clears {
                key.expires_at_micros = None;
            }
            key.expires_at_micros = expires_at_micros.or(key.expires_at_micros);
        })
    })
    .await??;
    call::json(&Data {
        data: shown(&call, key),
    })
}

/// `DELETE …/apikeys/{name}`: answers what it was.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let key = covered(&call)?;
    let catalog = Arc::clone(&call.app.catalog);
    let key = blocking::run(move || catalog.delete_api_key(&key.owner, &key.name)).await??;
    call::json(&Data {
        data: shown(&call, key),
    })
}

/// The key of the path, which may do no more than the caller.
fn covered(call: &Call) -> ApiResult<KeyRecord> {
    let owner = users::named(call)?;
    let key = call.app.catalog.api_key(&owner, call.segment("name"))?;
    check_covered(call, &key.owner, key.role.as_deref())?;
    Ok(key)
}

/// Checks that the caller may do all that a key of this owner and role may.
///
/// # Errors
/// `FORBIDDEN`.
fn check_covered(call: &Call, owner: &str, role: Option<&str>) -> ApiResult<()> {
    let rights = call.app.catalog.rights_of_definer(&Definer {
        email: owner.to_owned(),
        role: role.map(str::to_owned),
    });
    call.caller()?.require_cover(&rights)
}

/// When a key shall expire, in microseconds since 1970.
fn expiry(call: &Call, text: Option<&str>) -> ApiResult<Option<i64>> {
    let Some(text) = text else { return Ok(None) };
    let time: Timestamp = text.parse().map_err(|_| {
        ApiError::invalid(format!(
            "`expiry_time` has to be a time such as 2030-01-31T12:00:00Z, and not `{text}`"
        ))
    })?;
    match time.as_microsecond() > call.received_micros {
        true => Ok(Some(time.as_microsecond())),
        false => Err(ApiError::invalid("`expiry_time` has passed already")),
    }
}

/// The key as clients see it.
fn shown(call: &Call, key: KeyRecord) -> ApiKey {
    let catalog = &call.app.catalog;
    let state = match catalog.api_key_state(&key) {
        KeyState::Active => "ACTIVE",
        KeyState::Suspended => "SUSPENDED",
    };
    ApiKey {
        created_at: ids::metadata_time(key.created_at_micros),
        last_access_time: catalog
            .api_key_last_used_micros(&key)
            .map(ids::metadata_time),
        expiry_time: key.expires_at_micros.map(ids::metadata_time),
        name: key.name,
        key: key.prefix,
        role: key.role,
        created_by: key.owner,
        created_by_apikey_name: key.created_by_key,
        state: state.to_owned(),
    }
}
