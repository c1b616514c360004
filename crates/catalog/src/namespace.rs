//! The names of a workspace, which collections, aliases and views share, and who uses whom.

use crate::error::{CatalogError, Dependant, ObjectKind};
use crate::name;
use crate::state::State;

/// Something that has a name in a workspace. Lists of it are ordered by workspace, then name.
pub(crate) trait InWorkspace {
    fn workspace(&self) -> &str;
    fn name(&self) -> &str;
}

/// Where the object is in its list, or where it would go.
pub(crate) fn place<T: InWorkspace>(
    list: &[T],
    workspace: &str,
    name: &str,
) -> Result<usize, usize> {
    list.binary_search_by(|item| (item.workspace(), item.name()).cmp(&(workspace, name)))
}

/// The objects of one workspace.
pub(crate) fn of_workspace<'a, T: InWorkspace>(list: &'a [T], workspace: &str) -> &'a [T] {
    let start = list.partition_point(|item| item.workspace() < workspace);
    let rest = &list[start..];
    &rest[..rest.partition_point(|item| item.workspace() == workspace)]
}

/// Puts a new object in its place.
pub(crate) fn insert<T: InWorkspace>(list: &mut Vec<T>, item: T) {
    let (Ok(at) | Err(at)) = place(list, item.workspace(), item.name());
    list.insert(at, item);
}

/// What has this name; `None` if it is free.
pub(crate) fn kind(state: &State, workspace: &str, name: &str) -> Option<ObjectKind> {
    let collection = state.collection_place(workspace, name).ok();
    if collection.is_some_and(|place| state.collections[place].is_alive()) {
        return Some(ObjectKind::Collection);
    }
    if place(&state.aliases, workspace, name).is_ok() {
        return Some(ObjectKind::Alias);
    }
    let is_view = place(&state.views, workspace, name).is_ok();
    is_view.then_some(ObjectKind::View)
}

/// Checks that there is such a workspace.
///
/// # Errors
/// [`CatalogError::WorkspaceMissing`].
pub(crate) fn check_workspace(state: &State, workspace: &str) -> Result<(), CatalogError> {
    match state.workspace_place(workspace) {
        Ok(_) => Ok(()),
        Err(_) => Err(CatalogError::WorkspaceMissing {
            workspace: workspace.to_owned(),
        }),
    }
}

/// Checks that something new may have this name.
///
/// # Errors
/// [`CatalogError::BadName`], [`CatalogError::WorkspaceMissing`], [`CatalogError::AlreadyExists`].
pub(crate) fn check_free(
    state: &State,
    wanted: ObjectKind,
    workspace: &str,
    name: &str,
) -> Result<(), CatalogError> {
    name::check(wanted, name)?;
    check_workspace(state, workspace)?;
    match kind(state, workspace, name) {
        None => Ok(()),
        Some(kind) => Err(CatalogError::AlreadyExists {
            kind,
            name: format!("{workspace}.{name}"),
        }),
    }
}

/// Checks that no alias or view needs this object.
///
/// Query lambdas hold nothing: theirs is a text that is looked up when it runs and that may also be kept while it
/// names nothing. dbt drops and makes its tables anew below its query lambdas.
///
/// # Errors
/// [`CatalogError::InUse`].
pub(crate) fn check_unused(
    state: &State,
    kind: ObjectKind,
    workspace: &str,
    name: &str,
) -> Result<(), CatalogError> {
    let full_name = format!("{workspace}.{name}");
    let aliases = state
        .aliases
        .iter()
        .filter(|alias| alias.collection.full_name() == full_name)
        .map(|alias| Dependant::in_workspace("alias", &alias.workspace, &alias.name));
    let views = state
        .views
        .iter()
        .filter(|view| view.query.entities.contains(&full_name))
        .map(|view| Dependant::in_workspace("view", &view.workspace, &view.name));
    let users: Vec<Dependant> = aliases.chain(views).collect();
    match users.is_empty() {
        true => Ok(()),
        false => Err(CatalogError::InUse {
            kind,
            name: full_name,
            users,
        }),
    }
}
