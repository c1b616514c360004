//! `/v1/orgs/self/roles`: those that are made of privileges. The built-in ones are not listed.

use std::sync::Arc;

use axum::response::Response;
use outcrop_api::Data;
use outcrop_api::role::{Privilege as ShownPrivilege, Role, RoleRequest};
use outcrop_catalog::{Action, Family, Privilege, RoleRecord};

use crate::access;
use crate::blocking;
use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};
use crate::ids;

/// `GET /v1/orgs/self/roles`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn list(call: Call) -> ApiResult<Response> {
    let records = call.app.catalog.roles().into_iter();
    let data: Vec<Role> = records.map(shown).collect();
    call::json(&Data { data })
}

/// `POST /v1/orgs/self/roles`.
pub(crate) async fn create(call: Call) -> ApiResult<Response> {
    let request: RoleRequest = call.json()?;
    let name = request
        .role_name
        .ok_or_else(|| ApiError::invalid("`role_name` is required"))?;
    let privileges = checked(&call, request.privileges.unwrap_or_default())?;
    let creator = call.creator()?;
    let catalog = Arc::clone(&call.app.catalog);
    let record =
        blocking::run(move || catalog.create_role(&name, request.description, privileges, creator))
            .await??;
    call::json(&Data {
        data: shown(record),
    })
}

/// `GET /v1/orgs/self/roles/{roleName}`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let record = call.app.catalog.role(call.segment("roleName"))?;
    call::json(&Data {
        data: shown(record),
    })
}

/// `POST /v1/orgs/self/roles/{roleName}`: whoever has the role may do what it then allows at once.
pub(crate) async fn update(call: Call) -> ApiResult<Response> {
    let request: RoleRequest = call.json()?;
    let old = call.app.catalog.role(call.segment("roleName"))?;
    check_covered(&call, &old.privileges)?;
    let privileges = request
        .privileges
        .map(|given| checked(&call, given))
        .transpose()?;
    let catalog = Arc::clone(&call.app.catalog);
    let record = blocking::run(move || {
        catalog.update_role(&old.name, |record| {
            if let Some(privileges) = privileges {
                record.privileges = privileges;
            }
            record.description = request.description.or(record.description.take());
        })
    })
    .await??;
    call::json(&Data {
        data: shown(record),
    })
}

/// `DELETE /v1/orgs/self/roles/{roleName}`: answers what it was.
pub(crate) async fn delete(call: Call) -> ApiResult<Response> {
    let catalog = Arc::clone(&call.app.catalog);
    let name = call.segment("roleName").to_owned();
    let record = blocking::run(move || catalog.delete_role(&name)).await??;
    call::json(&Data {
        data: shown(record),
    })
}

/// The privileges of a request.
///
/// # Errors
/// `INVALIDINPUT` for one without an action that there is, `FORBIDDEN` if the caller has not all of them.
fn checked(call: &Call, given: Vec<ShownPrivilege>) -> ApiResult<Vec<Privilege>> {
    let privileges = given.into_iter().enumerate().map(|(place, given)| {
        let path = format!("privileges[{place}].action");
        let name = given
            .action
            .ok_or_else(|| ApiError::invalid(format!("`{path}` is required")))?;
        let action = Action::ALL.iter().find(|action| action.name() == name);
        let action =
            *action.ok_or_else(|| ApiError::invalid(format!("`{path}` is no action: `{name}`")))?;
        let is_global = action.family() == Family::Global;
        Ok(Privilege {
            action,
            // A global action has no resource, and the service kept none.
            resource_name: given.resource_name.filter(|_| !is_global),
            cluster: given.cluster.filter(|_| !is_global),
        })
    });
    let privileges = privileges.collect::<ApiResult<Vec<Privilege>>>()?;
    check_covered(call, &privileges)?;
    Ok(privileges)
}

fn check_covered(call: &Call, privileges: &[Privilege]) -> ApiResult<()> {
    let caller = call.caller()?;
    match caller.rights.cover_all(privileges) {
        true => Ok(()),
        false => Err(access::too_much(&caller.key)),
    }
}

/// The role as clients see it.
fn shown(record: RoleRecord) -> Role {
    let privileges = record.privileges.into_iter();
    Role {
        role_name: record.name,
        description: record.description,
        owner_email: record.created_by.clone(),
        created_by: record.created_by,
        created_at: ids::metadata_time(record.created_at_micros),
        privileges: privileges
            .map(|privilege| ShownPrivilege {
                action: Some(privilege.action.name().to_owned()),
                resource_name: privilege.resource_name,
                cluster: privilege.cluster,
            })
            .collect(),
    }
}
