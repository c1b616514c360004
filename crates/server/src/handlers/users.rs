//! `/v1/orgs/self/users` and the preferences of the caller.
//!
//! No mail is sent: an invited user becomes active with the first key that is made for them, see
//! `created_by` of `POST …/users/self/apikeys`.

use std::sync::Arc;

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::user::{Membership, Preference, PreferencesRequest, User, UserRequest};
use outcrop_catalog::{Action, NewUser, UserRecord};

use super::{SELF, organization};
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;

/// `GET /v1/orgs/self/users`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let records = call.app.catalog.users().into_iter();
    let data = records.map(|record| User {
        orgs: None,
        org_memberships: None,
        ..shown(&call, record)
    });
    let data: Vec<User> = data.collect();
    call::json(&Data { data })
}

/// `POST /v1/orgs/self/users`.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let request: UserRequest = call.json()?;
    let required = |name: &str| ApiError::invalid(format!("`{name}` is required"));
    let new = NewUser {
        email: request.email.ok_or_else(|| required("email"))?,
        roles: request.roles.ok_or_else(|| required("roles"))?,
        first_name: request.first_name,
        last_name: request.last_name,
    };
    let rights = call.app.catalog.rights_of_roles(&new.roles)?;
    call.caller()?.require_cover(&rights)?;
    let creator = call.creator()?;
    let catalog = Arc::clone(&call.app.catalog);
    let record = blocking::run(move || catalog.create_user(new, creator)).await??;
    call::json(&Data {
        data: shown(&call, record),
    })
}

/// `GET /v1/orgs/self/users/self`: not in `data`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get_self(call: Call) -> ApiResult<Response> {
    let record = call.app.catalog.user(&call.caller()?.key.owner)?;
    call::json(&shown(&call, record))
}

/// `GET /v1/orgs/self/users/{user}`: not in `data`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let record = call.app.catalog.user(&named(&call)?)?;
    call::json(&shown(&call, record))
}

/// `POST /v1/orgs/self/users/{user}`: names and roles; not in `data`. Keys may do what the roles then allow
/// at once.
pub(crate) async fn update(call: Call) -> ApiResult<Response> {
    let request: UserRequest = call.json()?;
    let email = named(&call)?;
    let catalog = Arc::clone(&call.app.catalog);
    let old = catalog.user(&email)?;
    let caller = call.caller()?;
    let roles = request.roles.filter(|roles| *roles != old.roles);
    if let Some(roles) = &roles {
        caller.require_global(Action::GrantRevokeRole)?;
        caller.require_cover(&catalog.rights_of_roles(roles)?)?;
    }
    if roles.is_some() || old.email != caller.key.owner {
        caller.require_cover(&catalog.rights_of_user(&old.email))?;
    }
    let record = blocking::run(move || {
        catalog.update_user(&email, |record| {
            if let Some(roles) = roles {
                record.roles = roles;
            }
            record.first_name = request.first_name.or(record.first_name.take());
            record.last_name = request.last_name.or(record.last_name.take());
        })
    })
    .await??;
    call::json(&shown(&call, record))
}

/// `DELETE /v1/orgs/self/users/{user}`: with all keys; answers the address alone.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let email = named(&call)?;
    let catalog = Arc::clone(&call.app.catalog);
    let rights = catalog.rights_of_user(&email);
    call.caller()?.require_cover(&rights)?;
    let record = blocking::run(move || catalog.delete_user(&email)).await??;
    let data = User {
        email: record.email,
        ..User::default()
    };
    call::json(&Data { data })
}

/// `GET /v1/orgs/self/users/self/preferences`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn preferences(call: Call) -> ApiResult<Response> {
    let record = call.app.catalog.user(&call.caller()?.key.owner)?;
    call::json(&Data {
        data: shown_preferences(record),
    })
}

/// `POST /v1/orgs/self/users/self/preferences`: they replace the old ones. Nothing is ever sent.
///
/// # Errors
/// `INVALIDINPUT` without a body, which would take the old ones away.
pub(crate) async fn set_preferences(call: Call) -> ApiResult<Response> {
    if call.body.is_empty() {
        return Err(ApiError::invalid("a body with `data` is required"));
    }
    let request: PreferencesRequest = call.json()?;
    let wanted = request.data.into_iter();
    let unsubscribed: Vec<String> = wanted.map(|one| one.notification_type).collect();
    let owner = call.caller()?.key.owner.clone();
    let catalog = Arc::clone(&call.app.catalog);
    let record = blocking::run(move || {
        catalog.update_user(&owner, |record| record.unsubscribed = unsubscribed)
    })
    .await??;
    call::json(&Data {
        data: shown_preferences(record),
    })
}

/// The address of the user that the path names; `self` is the caller.
///
/// # Errors
/// As [`Call::caller`].
pub(super) fn named(call: &Call) -> ApiResult<String> {
    let owner = &call.caller()?.key.owner;
    Ok(match call.segment("user") {
        "" | SELF => owner.clone(),
        email => email.to_owned(),
    })
}

fn shown_preferences(record: UserRecord) -> Vec<Preference> {
    let unsubscribed = record.unsubscribed.into_iter();
    unsubscribed
        .map(|notification_type| Preference { notification_type })
        .collect()
}

/// The user as clients see it.
fn shown(call: &Call, record: UserRecord) -> User {
    let organization = organization::shown(&call.app);
    let created_at = ids::metadata_time(record.created_at_micros);
    let (state, invite_state) = match record.is_active {
        true => ("ACTIVE", "ACCEPTED"),
        false => ("NEW", "PENDING"),
    };
    User {
        email: record.email,
        first_name: record.first_name,
        last_name: record.last_name,
        phone_number: None,
        roles: Some(record.roles.clone()),
        state: Some(state.to_owned()),
        org: organization.display_name.clone(),
        invite_state: Some(invite_state.to_owned()),
        orgs: Some(vec![organization.clone()]),
        org_memberships: Some(vec![Membership {
            organization,
            roles: record.roles,
            invite_state: invite_state.to_owned(),
            invited_by: record.invited_by,
            expires_at: None,
            created_at: created_at.clone(),
        }]),
        created_at: Some(created_at),
        country: None,
        accepted_marketing_content: None,
    }
}
