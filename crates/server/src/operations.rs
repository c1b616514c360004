//! Every operation of the published specification, and the few that clients use beyond it.
//!
//! The router is built from this table: an operation without a handler in
//! [`crate::handlers::BUILT`] answers 501.

use axum::http::Method as HttpMethod;
use outcrop_catalog::Action;

use Method::{Delete, Get, Patch, Post, Put};
use Need::{
    Account, Global, Listing, OwnQuery, Public, Query, Receiver, VirtualInstance, Workspace,
};

/// The methods of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `GET`; `HEAD` is answered along with it.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// The API's method for one of HTTP, if it has it. `HEAD` counts as `GET`.
    pub fn from_http(method: &HttpMethod) -> Option<Self> {
        match *method {
            HttpMethod::GET | HttpMethod::HEAD => Some(Get),
            HttpMethod::POST => Some(Post),
            HttpMethod::PUT => Some(Put),
            HttpMethod::PATCH => Some(Patch),
            HttpMethod::DELETE => Some(Delete),
            _ => None,
        }
    }

    /// The name in a request line.
    pub fn name(self) -> &'static str {
        match self {
            Get => "GET",
            Post => "POST",
            Put => "PUT",
            Patch => "PATCH",
            Delete => "DELETE",
        }
    }
}

/// What a caller must be allowed to do. It is checked before the handler runs; where what is named is not in
/// the path, the handler has to ask as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing; a key is not looked at.
    Public,
    /// The key of an integration, which is good for nothing else.
    Receiver,
    /// An action on the organisation.
    Global(Action),
    /// An action on the workspace of the path.
    Workspace(Action),
    /// An action on the virtual instance of the path.
    VirtualInstance(Action),
    /// The first action for the caller's own account, the second for that of another user of the path.
    Account(Action, Action),
    /// Nothing to call it, but the answer only has what the action is allowed on: the handler leaves out
    /// the rest.
    Listing(Action),
    /// `QUERY_VI` on the virtual instance of the path or on the default one, and what the statement needs, which is
    /// asked for where its names are looked up.
    Query,
    /// Having sent the query, or administering the virtual instance: the handler asks.
    OwnQuery,
}

/// One operation: a method on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path; `{name}` stands for one segment.
    pub path: &'static str,
    /// The name in the specification (`operationId`), or ours for operations beyond it.
    pub name: &'static str,
    /// Who may call it.
    pub need: Need,
}

const fn operation(
    method: Method,
    path: &'static str,
    name: &'static str,
    need: Need,
) -> Operation {
    Operation {
        method,
        path,
        name,
        need,
    }
}

/// Operations that clients use although the specification lacks them.
pub const BEYOND_SPECIFICATION: &[Operation] = &[
    operation(Get, "/", "greet", Public),
    operation(Get, "/healthz", "health", Public),
    operation(Get, "/readyz", "ready", Public),
    operation(Get, "/openapi.json", "openApi", Public),
    operation(Get, "/docs", "docs", Public),
    operation(
        Get,
        "/v1/orgs/self/ws/{workspace}/collections/{collection}/offsets/commit",
        "getCollectionOffsetsByFence",
        Workspace(Action::ListResources),
    ),
    operation(
        Get,
        "/v1/orgs/self/lambdas/scheduled_lambdas",
        "listScheduledLambdas",
        Listing(Action::ListResources),
    ),
    operation(
        Get,
        "/v1/orgs/self/lambdas/tags",
        "listOrganizationTags",
        Listing(Action::ListResources),
    ),
    operation(
        Get,
        "/v1/orgs/self/lambdas/tags/{tag}",
        "listQueryLambdaTagVersions",
        Listing(Action::ListResources),
    ),
    operation(
        Get,
        "/v1/orgs/self/metrics",
        "metrics",
        Global(Action::GetMetrics),
    ),
    operation(Post, "/v1/receivers/kafka", "receiveKafka", Receiver),
    operation(Post, "/v1/telemetry", "telemetry", Public),
    operation(
        Post,
        "/v1/orgs/self/ws/{workspace}/collections/{collection}/uploads",
        "uploadFile",
        Workspace(Action::WriteData),
    ),
    operation(
        Get,
        "/v1/orgs/self/queries/{queryId}/pages/{cursor}",
        "getQueryPage",
        OwnQuery,
    ),
];

/// The 98 operations of the specification, in its order.
#[rustfmt::skip]
pub const SPECIFICATION: &[Operation] = &[
    operation(Get, "/v1/orgs/self/aliases", "listAliases", Listing(Action::ListResources)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/aliases", "workspaceAliases", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/aliases", "createAlias", Workspace(Action::CreateAlias)),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/aliases/{alias}", "deleteAlias", Workspace(Action::DeleteAlias)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/aliases/{alias}", "getAlias", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/aliases/{alias}", "updateAlias", Workspace(Action::CreateAlias)),
    operation(Post, "/v1/orgs/self/users/self/apikeys", "createApiKey", Global(Action::CreateApiKey)),
    operation(Get, "/v1/orgs/self/users/{user}/apikeys", "listApiKeys", Account(Action::GetCurrentUser, Action::ListUsers)),
    operation(Delete, "/v1/orgs/self/users/{user}/apikeys/{name}", "deleteApiKey", Account(Action::CreateApiKey, Action::GrantRevokeRole)),
    operation(Get, "/v1/orgs/self/users/{user}/apikeys/{name}", "getApiKey", Account(Action::GetCurrentUser, Action::ListUsers)),
    operation(Post, "/v1/orgs/self/users/{user}/apikeys/{name}", "updateApiKey", Account(Action::CreateApiKey, Action::GrantRevokeRole)),
    operation(Get, "/v1/orgs/self/collections", "listCollections", Listing(Action::ListResources)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/collections", "workspaceCollections", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections", "createCollection", Workspace(Action::CreateCollection)),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/collections/{collection}", "deleteCollection", Workspace(Action::DeleteCollection)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/collections/{collection}", "getCollection", Workspace(Action::ListResources)),
    operation(Put, "/v1/orgs/self/ws/{workspace}/collections/{collection}", "updateCollection", Workspace(Action::UpdateCollection)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections/{collection}/offsets/commit", "getCollectionOffsets", Workspace(Action::ListResources)),
    operation(Get, "/v1/orgs/self/roles", "listRoles", Global(Action::ListRoles)),
    operation(Post, "/v1/orgs/self/roles", "createRole", Global(Action::CreateRole)),
    operation(Delete, "/v1/orgs/self/roles/{roleName}", "deleteRole", Global(Action::DeleteRole)),
    operation(Get, "/v1/orgs/self/roles/{roleName}", "getRole", Global(Action::ListRoles)),
    operation(Post, "/v1/orgs/self/roles/{roleName}", "updateRole", Global(Action::UpdateRole)),
    operation(Get, "/v1/orgs/self/deploymentsettings", "getDeploymentSettings", Global(Action::GetOrg)),
    operation(Put, "/v1/orgs/self/deploymentsettings", "updateDeploymentSettings", Global(Action::UpdateDefaultQueryVi)),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/collections/{collection}/docs", "deleteDocuments", Workspace(Action::WriteData)),
    operation(Patch, "/v1/orgs/self/ws/{workspace}/collections/{collection}/docs", "patchDocuments", Workspace(Action::WriteData)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections/{collection}/docs", "addDocuments", Workspace(Action::WriteData)),
    operation(Get, "/v1/orgs/self/integrations", "listIntegrations", Global(Action::ListIntegrations)),
    operation(Post, "/v1/orgs/self/integrations", "createIntegration", Global(Action::CreateIntegration)),
    operation(Delete, "/v1/orgs/self/integrations/{integration}", "deleteIntegration", Global(Action::DeleteIntegration)),
    operation(Get, "/v1/orgs/self/integrations/{integration}", "getIntegration", Global(Action::ListIntegrations)),
    operation(Put, "/v1/orgs/self/integrations/{integration}", "updateIntegration", Global(Action::CreateIntegration)),
    operation(Get, "/v1/orgs/self", "getOrganization", Global(Action::GetOrg)),
    operation(Get, "/v1/orgs/self/queries", "listActiveQueries", OwnQuery),
    operation(Post, "/v1/orgs/self/queries", "query", Query),
    operation(Post, "/v1/orgs/self/queries/validations", "validate", Query),
    operation(Delete, "/v1/orgs/self/queries/{queryId}", "cancelQuery", OwnQuery),
    operation(Get, "/v1/orgs/self/queries/{queryId}", "getQuery", OwnQuery),
    operation(Get, "/v1/orgs/self/queries/{queryId}/pages", "getQueryResults", OwnQuery),
    operation(Get, "/v1/orgs/self/lambdas", "listAllQueryLambdas", Listing(Action::ListResources)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/lambdas", "listQueryLambdasInWorkspace", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/lambdas", "createQueryLambda", Workspace(Action::CreateQueryLambda)),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}", "deleteQueryLambda", Workspace(Action::DeleteQueryLambda)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/tags", "listQueryLambdaTags", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/tags", "createQueryLambdaTag", Workspace(Action::CreateQueryLambda)),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/tags/{tag}", "deleteQueryLambdaTag", Workspace(Action::DeleteQueryLambda)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/tags/{tag}", "getQueryLambdaTagVersion", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/tags/{tag}", "executeQueryLambdaByTag", Workspace(Action::ExecuteQueryLambda)),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/version/{version}", "deleteQueryLambdaVersion", Workspace(Action::DeleteQueryLambda)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/versions", "listQueryLambdaVersions", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/versions", "updateQueryLambda", Workspace(Action::CreateQueryLambda)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/versions/{version}", "getQueryLambdaVersion", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/versions/{version}", "executeQueryLambda", Workspace(Action::ExecuteQueryLambda)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/scheduled_lambdas", "createScheduledLambda", Workspace(Action::CreateScheduledLambda)),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/scheduled_lambdas/{scheduledLambdaId}", "deleteScheduledLambda", Workspace(Action::DeleteScheduledLambda)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/scheduled_lambdas/{scheduledLambdaId}", "getScheduledLambda", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/scheduled_lambdas/{scheduledLambdaId}", "updateScheduledLambda", Workspace(Action::CreateScheduledLambda)),
    operation(Post, "/v1/public/shared_lambdas/{public_access_id}", "executePublicQueryLambdaWithParams", Public),
    operation(Get, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources", "listCollectionSources", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources", "createSource", Workspace(Action::UpdateCollection)),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources/{source}", "deleteSource", Workspace(Action::UpdateCollection)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources/{source}", "getSource", Workspace(Action::ListResources)),
    operation(Put, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources/{source}", "updateSource", Workspace(Action::UpdateCollection)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources/{source}/resume", "resumeSource", Workspace(Action::UpdateCollection)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources/{source}/suspend", "suspendSource", Workspace(Action::UpdateCollection)),
    operation(Get, "/v1/orgs/self/users", "listUsers", Global(Action::ListUsers)),
    operation(Post, "/v1/orgs/self/users", "createUser", Global(Action::InviteUser)),
    operation(Get, "/v1/orgs/self/users/self", "getCurrentUser", Global(Action::GetCurrentUser)),
    operation(Get, "/v1/orgs/self/users/self/preferences", "listUnsubscribePreferences", Global(Action::GetCurrentUser)),
    operation(Post, "/v1/orgs/self/users/self/preferences", "updateUnsubscribePreferences", Global(Action::GetCurrentUser)),
    operation(Delete, "/v1/orgs/self/users/{user}", "deleteUser", Global(Action::DeleteUser)),
    operation(Get, "/v1/orgs/self/users/{user}", "getUser", Account(Action::GetCurrentUser, Action::ListUsers)),
    operation(Post, "/v1/orgs/self/users/{user}", "updateUser", Account(Action::GetCurrentUser, Action::GrantRevokeRole)),
    operation(Get, "/v1/orgs/self/views", "listViews", Listing(Action::ListResources)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/views", "workspaceViews", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/views", "createView", Workspace(Action::CreateView)),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/views/{view}", "deleteView", Workspace(Action::DeleteView)),
    operation(Get, "/v1/orgs/self/ws/{workspace}/views/{view}", "getView", Workspace(Action::ListResources)),
    operation(Post, "/v1/orgs/self/ws/{workspace}/views/{view}", "updateView", Workspace(Action::CreateView)),
    operation(Get, "/v1/orgs/self/virtualinstances", "listVirtualInstances", Global(Action::ListVi)),
    operation(Post, "/v1/orgs/self/virtualinstances", "createVirtualInstance", Global(Action::CreateVi)),
    operation(Delete, "/v1/orgs/self/virtualinstances/{virtualInstanceId}", "deleteVirtualInstance", VirtualInstance(Action::DeleteVi)),
    operation(Get, "/v1/orgs/self/virtualinstances/{virtualInstanceId}", "getVirtualInstance", Global(Action::ListVi)),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}", "setVirtualInstance", VirtualInstance(Action::UpdateVi)),
    operation(Get, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/mounts", "listCollectionMounts", Global(Action::ListVi)),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/mounts", "mountCollection", VirtualInstance(Action::UpdateVi)),
    operation(Delete, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/mounts/{collectionPath}", "unmountCollection", VirtualInstance(Action::UpdateVi)),
    operation(Get, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/mounts/{collectionPath}", "getCollectionMount", Global(Action::ListVi)),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/mounts/{collectionPath}/offsets/commit", "getMountOffsets", Global(Action::ListVi)),
    operation(Get, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/queries", "getVirtualInstanceQueries", Global(Action::ListVi)),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/queries", "queryVirtualInstance", Query),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/resume", "resumeVirtualInstance", VirtualInstance(Action::SuspendResumeVi)),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/suspend", "suspendVirtualInstance", VirtualInstance(Action::SuspendResumeVi)),
    operation(Get, "/v1/orgs/self/ws", "listWorkspaces", Global(Action::ListWs)),
    operation(Post, "/v1/orgs/self/ws", "createWorkspace", Global(Action::CreateWs)),
    operation(Delete, "/v1/orgs/self/ws/{workspace}", "deleteWorkspace", Workspace(Action::DeleteWs)),
    operation(Get, "/v1/orgs/self/ws/{workspace}", "getWorkspace", Global(Action::ListWs)),
];
