//! Whether a caller may do something.
//!
//! What an operation needs stands in its table ([`Need`]) and is checked here before its handler runs. What a
//! body or statement names is checked by the handler, with [`Caller::require`], or where names are looked
//! up, in `query_source`. `docs/access.md` has the rules.

use outcrop_api::error::ErrorType;
use outcrop_catalog::{ALL, Action, ApiKey, CatalogError, Rights};

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::handlers::{SELF, instance_rrn};
use crate::operations::Need;

/// Who sent a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The key it came with.
    pub(crate) key: ApiKey,
    /// What that key may do.
    pub(crate) rights: Rights,
}

impl Caller {
    /// Checks that `action` is allowed on `resource`.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(crate) fn require(&self, action: Action, resource: &str) -> ApiResult<()> {
        match self.rights.allow(action, resource) {
            true => Ok(()),
            false => Err(self.refusal(action, resource)),
        }
    }

    /// Checks that a global action is allowed.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(crate) fn require_global(&self, action: Action) -> ApiResult<()> {
        self.require(action, ALL)
    }

    /// Whether the names of what is in a workspace may be shown.
    pub(crate) fn may_list(&self, workspace: &str) -> bool {
        self.rights.allow(Action::ListResources, workspace)
    }

    /// Whether this is the user of that address, or `self`.
    pub(crate) fn is_user(&self, user: &str) -> bool {
        user == SELF || user.to_lowercase() == self.key.owner
    }

    /// Checks that nobody is given more than the caller has.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(crate) fn require_cover(&self, other: &Rights) -> ApiResult<()> {
        match self.rights.cover(other) {
            true => Ok(()),
            false => Err(too_much(&self.key)),
        }
    }

    /// The error without the names of dependants that the caller may not list.
    pub(crate) fn hide(&self, error: CatalogError) -> CatalogError {
        match error {
            CatalogError::InUse { kind, name, users } => CatalogError::InUse {
                kind,
                name,
                users: users
                    .into_iter()
                    .map(|user| user.hidden_unless(|workspace| self.may_list(workspace)))
                    .collect(),
            },
            other => other,
        }
    }

    fn refusal(&self, action: Action, resource: &str) -> ApiError {
        let place = match resource {
            ALL => String::new(),
            resource => format!(" on `{resource}`"),
        };
        forbidden(format!(
            "the API key `{}` has no privilege {}{place}",
            self.key.name,
            action.name()
        ))
    }
}

/// The failure of a caller who would give away more than they have.
pub(crate) fn too_much(key: &ApiKey) -> ApiError {
    forbidden(format!(
        "the API key `{}` cannot give or take privileges that it has not itself",
        key.name
    ))
}

fn forbidden(message: String) -> ApiError {
    ApiError::new(ErrorType::Forbidden, message)
}

/// Checks what can be checked before the handler runs.
///
/// # Errors
/// `FORBIDDEN`.
pub(crate) fn check(
    app: &App,
    caller: &Caller,
    need: Need,
    segments: &[(String, String)],
) -> ApiResult<()> {
    let segment = |name: &str| {
        let found = segments.iter().find(|(candidate, _)| candidate == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    match need {
        Need::Public | Need::Receiver | Need::Listing(_) | Need::OwnQuery => Ok(()),
        Need::Global(action) => caller.require_global(action),
        Need::Workspace(action) => caller.require(action, segment("workspace")),
        Need::VirtualInstance(Action::UpdateVi)
            if caller.rights.allow_global(Action::UpdateAnyVi) =>
        {
            Ok(())
        }
        Need::VirtualInstance(action) => {
            caller.require(action, &instance(app, segment("virtualInstanceId")))
        }
        // A fixed path such as `/users/self/apikeys` has no segment `user`.
        Need::Account(own, other) => match segment("user") {
            "" => caller.require_global(own),
            user if caller.is_user(user) => caller.require_global(own),
            _ => caller.require_global(other),
        },
        Need::Query => {
            let named = segment("virtualInstanceId");
            caller.require(Action::QueryVi, &instance(app, named))
        }
    }
}

/// The RRN of a virtual instance that is named by it or by its UUID; of the default one if none is.
fn instance(app: &App, named: &str) -> String {
    match named {
        "" => instance_rrn(&app.catalog.default_virtual_instance().id),
        named if named.contains(':') => named.to_owned(),
        id => instance_rrn(id),
    }
}
