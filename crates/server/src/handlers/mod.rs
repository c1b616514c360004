//! The operations that are built, one file per group.
//!
//! A new operation is a function here and a line in [`BUILT`]; see `docs/adding-an-endpoint.md`.

mod aliases;
mod api_keys;
mod collections;
mod description;
mod documents;
mod integrations;
mod offsets;
mod operation;
mod organization;
mod queries;
mod query_lambdas;
mod receivers;
mod roles;
mod scheduled_lambdas;
mod sources;
mod uploads;
mod users;
mod views;
mod virtual_instances;
mod workspaces;

pub(crate) use documents::add::{Batch, Documents, add as add_documents};
pub(crate) use queries::{OFFSET_MAX, PAGE_ROWS_MAX, info as query_info};
pub(crate) use query_lambdas::Executions;
pub(crate) use virtual_instances::rrn as instance_rrn;

use serde_json::{Map, Value};

use crate::call::Handler;
use crate::openapi::{self, Signature};

/// What stands for the caller in the path of a user.
pub(crate) const SELF: &str = "self";

/// The handlers by the operations' names. An operation that is not here answers 501.
pub(crate) const BUILT: &[(&str, Handler)] = &[
    ("health", |call| Box::pin(operation::health(call))),
    ("ready", |call| Box::pin(operation::health(call))),
    ("metrics", |call| Box::pin(operation::metrics(call))),
    ("openApi", |call| Box::pin(description::document(call))),
    ("docs", |call| Box::pin(description::page(call))),
    ("receiveKafka", |call| Box::pin(receivers::kafka(call))),
    ("telemetry", |call| Box::pin(operation::telemetry(call))),
    ("greet", |call| Box::pin(organization::greet(call))),
    ("getOrganization", |call| Box::pin(organization::get(call))),
    ("listUsers", |call| Box::pin(users::list(call))),
    ("createUser", |call| Box::pin(users::create(call))),
    ("getCurrentUser", |call| Box::pin(users::get_self(call))),
    ("getUser", |call| Box::pin(users::get(call))),
    ("updateUser", |call| Box::pin(users::update(call))),
    ("deleteUser", |call| Box::pin(users::delete(call))),
    ("listUnsubscribePreferences", |call| {
        Box::pin(users::preferences(call))
    }),
    ("updateUnsubscribePreferences", |call| {
        Box::pin(users::set_preferences(call))
    }),
    ("createApiKey", |call| Box::pin(api_keys::create(call))),
    ("listApiKeys", |call| Box::pin(api_keys::list(call))),
    ("getApiKey", |call| Box::pin(api_keys::get(call))),
    ("updateApiKey", |call| Box::pin(api_keys::update(call))),
    ("deleteApiKey", |call| Box::pin(api_keys::delete(call))),
    ("listRoles", |call| Box::pin(roles::list(call))),
    ("createRole", |call| Box::pin(roles::create(call))),
    ("getRole", |call| Box::pin(roles::get(call))),
    ("updateRole", |call| Box::pin(roles::update(call))),
    ("deleteRole", |call| Box::pin(roles::delete(call))),
    ("listWorkspaces", |call| Box::pin(workspaces::list(call))),
    ("createWorkspace", |call| Box::pin(workspaces::create(call))),
    ("getWorkspace", |call| Box::pin(workspaces::get(call))),
    ("deleteWorkspace", |call| Box::pin(workspaces::delete(call))),
    ("listCollections", |call| Box::pin(collections::list(call))),
    ("workspaceCollections", |call| {
        Box::pin(collections::list_in_workspace(call))
    }),
    ("createCollection", |call| {
        Box::pin(collections::create(call))
    }),
    ("getCollection", |call| Box::pin(collections::get(call))),
    ("updateCollection", |call| {
        Box::pin(collections::update(call))
    }),
    ("deleteCollection", |call| {
        Box::pin(collections::delete(call))
    }),
    ("addDocuments", |call| {
        Box::pin(documents::add::handle(call))
    }),
    ("patchDocuments", |call| {
        Box::pin(documents::patch::handle(call))
    }),
    ("deleteDocuments", |call| {
        Box::pin(documents::delete::handle(call))
    }),
    ("uploadFile", |call| Box::pin(uploads::upload(call))),
    ("getCollectionOffsets", |call| Box::pin(offsets::post(call))),
    ("getCollectionOffsetsByFence", |call| {
        Box::pin(offsets::get(call))
    }),
    ("listAliases", |call| Box::pin(aliases::list(call))),
    ("workspaceAliases", |call| {
        Box::pin(aliases::list_in_workspace(call))
    }),
    ("createAlias", |call| Box::pin(aliases::create(call))),
    ("getAlias", |call| Box::pin(aliases::get(call))),
    ("updateAlias", |call| Box::pin(aliases::update(call))),
    ("deleteAlias", |call| Box::pin(aliases::delete(call))),
    ("listViews", |call| Box::pin(views::list(call))),
    ("workspaceViews", |call| {
        Box::pin(views::list_in_workspace(call))
    }),
    ("createView", |call| Box::pin(views::create(call))),
    ("getView", |call| Box::pin(views::get(call))),
    ("updateView", |call| Box::pin(views::update(call))),
    ("deleteView", |call| Box::pin(views::delete(call))),
    ("listIntegrations", |call| {
        Box::pin(integrations::list(call))
    }),
    ("createIntegration", |call| {
        Box::pin(integrations::create(call))
    }),
    ("getIntegration", |call| Box::pin(integrations::get(call))),
    ("updateIntegration", |call| {
        Box::pin(integrations::update(call))
    }),
    ("deleteIntegration", |call| {
        Box::pin(integrations::delete(call))
    }),
    ("listCollectionSources", |call| {
        Box::pin(sources::list(call))
    }),
    ("createSource", |call| Box::pin(sources::create(call))),
    ("getSource", |call| Box::pin(sources::get(call))),
    ("updateSource", |call| Box::pin(sources::update(call))),
    ("suspendSource", |call| Box::pin(sources::suspend(call))),
    ("resumeSource", |call| Box::pin(sources::resume(call))),
    ("deleteSource", |call| Box::pin(sources::delete(call))),
    ("listAllQueryLambdas", |call| {
        Box::pin(query_lambdas::list(call))
    }),
    ("listQueryLambdasInWorkspace", |call| {
        Box::pin(query_lambdas::list_in_workspace(call))
    }),
    ("listOrganizationTags", |call| {
        Box::pin(query_lambdas::list_all_tags(call))
    }),
    ("listQueryLambdaTagVersions", |call| {
        Box::pin(query_lambdas::list_tagged(call))
    }),
    ("createQueryLambda", |call| {
        Box::pin(query_lambdas::create(call))
    }),
    ("updateQueryLambda", |call| {
        Box::pin(query_lambdas::add_version(call))
    }),
    ("deleteQueryLambda", |call| {
        Box::pin(query_lambdas::delete(call))
    }),
    ("listQueryLambdaVersions", |call| {
        Box::pin(query_lambdas::list_versions(call))
    }),
    ("getQueryLambdaVersion", |call| {
        Box::pin(query_lambdas::get_version(call))
    }),
    ("deleteQueryLambdaVersion", |call| {
        Box::pin(query_lambdas::delete_version(call))
    }),
    ("listQueryLambdaTags", |call| {
        Box::pin(query_lambdas::list_tags(call))
    }),
    ("createQueryLambdaTag", |call| {
        Box::pin(query_lambdas::set_tag(call))
    }),
    ("getQueryLambdaTagVersion", |call| {
        Box::pin(query_lambdas::get_tag(call))
    }),
    ("deleteQueryLambdaTag", |call| {
        Box::pin(query_lambdas::delete_tag(call))
    }),
    ("executeQueryLambda", |call| {
        Box::pin(query_lambdas::execute_version(call))
    }),
    ("executeQueryLambdaByTag", |call| {
        Box::pin(query_lambdas::execute_tag(call))
    }),
    ("executePublicQueryLambdaWithParams", |call| {
        Box::pin(query_lambdas::execute_public(call))
    }),
    ("listScheduledLambdas", |call| {
        Box::pin(scheduled_lambdas::list(call))
    }),
    ("createScheduledLambda", |call| {
        Box::pin(scheduled_lambdas::create(call))
    }),
    ("getScheduledLambda", |call| {
        Box::pin(scheduled_lambdas::get(call))
    }),
    ("updateScheduledLambda", |call| {
        Box::pin(scheduled_lambdas::update(call))
    }),
    ("deleteScheduledLambda", |call| {
        Box::pin(scheduled_lambdas::delete(call))
    }),
    ("query", |call| Box::pin(queries::run(call))),
    ("listActiveQueries", |call| {
        Box::pin(queries::list_active(call))
    }),
    ("getQuery", |call| Box::pin(queries::get(call))),
    ("cancelQuery", |call| Box::pin(queries::cancel(call))),
    ("getQueryResults", |call| Box::pin(queries::page(call))),
    ("getQueryPage", |call| Box::pin(queries::page(call))),
    ("listVirtualInstances", |call| {
        Box::pin(virtual_instances::list(call))
    }),
    ("createVirtualInstance", |call| {
        Box::pin(virtual_instances::create(call))
    }),
    ("setVirtualInstance", |call| {
        Box::pin(virtual_instances::update(call))
    }),
    ("deleteVirtualInstance", |call| {
        Box::pin(virtual_instances::delete(call))
    }),
    ("suspendVirtualInstance", |call| {
        Box::pin(virtual_instances::suspend(call))
    }),
    ("resumeVirtualInstance", |call| {
        Box::pin(virtual_instances::resume(call))
    }),
    ("unmountCollection", |call| {
        Box::pin(virtual_instances::unmount(call))
    }),
    ("getVirtualInstance", |call| {
        Box::pin(virtual_instances::get(call))
    }),
    ("getVirtualInstanceQueries", |call| {
        Box::pin(virtual_instances::list_queries(call))
    }),
    ("queryVirtualInstance", |call| {
        Box::pin(virtual_instances::query(call))
    }),
    ("listCollectionMounts", |call| {
        Box::pin(virtual_instances::list_mounts(call))
    }),
    ("mountCollection", |call| {
        Box::pin(virtual_instances::add_mounts(call))
    }),
    ("getCollectionMount", |call| {
        Box::pin(virtual_instances::get_mount(call))
    }),
    ("getMountOffsets", |call| {
        Box::pin(virtual_instances::mount_offsets(call))
    }),
    ("getDeploymentSettings", |call| {
        Box::pin(virtual_instances::settings(call))
    }),
    ("updateDeploymentSettings", |call| {
        Box::pin(virtual_instances::set_settings(call))
    }),
    ("validate", |call| Box::pin(queries::validate(call))),
];

/// The handler of an operation, and what it reads and answers, if it is built.
pub(crate) fn find(name: &str) -> Option<(Handler, &'static Signature)> {
    let (_, handler) = BUILT.iter().find(|(built, _)| *built == name)?;
    Some((*handler, openapi::signature(name)?))
}

/// Describes those members of integrations and sources that are in tables and not in types.
pub(crate) fn describe_kinds(schemas: &mut Map<String, Value>, is_request: bool) {
    let (integration, source) = match is_request {
        true => ("IntegrationRequest", "SourceRequest"),
        false => ("Integration", "Source"),
    };
    integrations::describe(&mut schemas[integration], is_request);
    sources::describe(&mut schemas[source], is_request);
    if is_request {
        sources::describe_format(&mut schemas["UploadForm"]["properties"]["params"], true);
    }
}

/// Whether the operation's body holds documents, for which there are limits of their own.
pub(crate) fn is_document_write(name: &str) -> bool {
    matches!(
        name,
        "addDocuments" | "patchDocuments" | "deleteDocuments" | "receiveKafka" | "uploadFile"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{BEYOND_SPECIFICATION, SPECIFICATION};

    #[test]
    fn every_handler_belongs_to_one_operation() {
        for (name, _) in BUILT {
            let count = SPECIFICATION
                .iter()
                .chain(BEYOND_SPECIFICATION)
                .filter(|operation| operation.name == *name)
                .count();
            assert_eq!(count, 1, "{name}");
        }
    }
}
