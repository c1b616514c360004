//! Every operation of the published specification, and the few that clients use beyond it.
//!
//! The router is built from this table: an operation without a handler in
//! [`crate::handlers::BUILT`] answers 501.

use axum::http::Method as HttpMethod;

use Access::{Administer, Public, Read, Write};
use Method::{Delete, Get, Patch, Post, Put};

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

/// What a caller must be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a key.
    Public,
    /// Any role.
    Read,
    /// `member` and `admin`.
    Write,
    /// `admin` only.
    Administer,
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
    pub access: Access,
}

const fn operation(
    method: Method,
    path: &'static str,
    name: &'static str,
    access: Access,
) -> Operation {
    Operation {
        method,
        path,
        name,
        access,
    }
}

/// Operations that clients use although the specification lacks them.
pub const BEYOND_SPECIFICATION: &[Operation] = &[
    operation(Get, "/", "greet", Public),
    operation(Get, "/healthz", "health", Public),
    operation(Get, "/readyz", "ready", Public),
    operation(
        Get,
        "/v1/orgs/self/ws/{workspace}/collections/{collection}/offsets/commit",
        "getCollectionOffsetsByFence",
        Read,
    ),
    operation(
        Get,
        "/v1/orgs/self/lambdas/scheduled_lambdas",
        "listScheduledLambdas",
        Read,
    ),
    operation(Get, "/v1/orgs/self/metrics", "metrics", Read),
    operation(
        Post,
        "/v1/orgs/self/ws/{workspace}/collections/{collection}/uploads",
        "uploadFile",
        Write,
    ),
    operation(
        Get,
        "/v1/orgs/self/queries/{queryId}/pages/{cursor}",
        "getQueryPage",
        Read,
    ),
];

/// The 98 operations of the specification, in its order.
#[rustfmt::skip]
pub const SPECIFICATION: &[Operation] = &[
    operation(Get, "/v1/orgs/self/aliases", "listAliases", Read),
    operation(Get, "/v1/orgs/self/ws/{workspace}/aliases", "workspaceAliases", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/aliases", "createAlias", Write),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/aliases/{alias}", "deleteAlias", Write),
    operation(Get, "/v1/orgs/self/ws/{workspace}/aliases/{alias}", "getAlias", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/aliases/{alias}", "updateAlias", Write),
    operation(Post, "/v1/orgs/self/users/self/apikeys", "createApiKey", Read),
    operation(Get, "/v1/orgs/self/users/{user}/apikeys", "listApiKeys", Read),
    operation(Delete, "/v1/orgs/self/users/{user}/apikeys/{name}", "deleteApiKey", Read),
    operation(Get, "/v1/orgs/self/users/{user}/apikeys/{name}", "getApiKey", Read),
    operation(Post, "/v1/orgs/self/users/{user}/apikeys/{name}", "updateApiKey", Read),
    operation(Get, "/v1/orgs/self/collections", "listCollections", Read),
    operation(Get, "/v1/orgs/self/ws/{workspace}/collections", "workspaceCollections", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections", "createCollection", Write),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/collections/{collection}", "deleteCollection", Write),
    operation(Get, "/v1/orgs/self/ws/{workspace}/collections/{collection}", "getCollection", Read),
    operation(Put, "/v1/orgs/self/ws/{workspace}/collections/{collection}", "updateCollection", Write),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections/{collection}/offsets/commit", "getCollectionOffsets", Read),
    operation(Get, "/v1/orgs/self/roles", "listRoles", Read),
    operation(Post, "/v1/orgs/self/roles", "createRole", Administer),
    operation(Delete, "/v1/orgs/self/roles/{roleName}", "deleteRole", Administer),
    operation(Get, "/v1/orgs/self/roles/{roleName}", "getRole", Read),
    operation(Post, "/v1/orgs/self/roles/{roleName}", "updateRole", Administer),
    operation(Get, "/v1/orgs/self/deploymentsettings", "getDeploymentSettings", Read),
    operation(Put, "/v1/orgs/self/deploymentsettings", "updateDeploymentSettings", Administer),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/collections/{collection}/docs", "deleteDocuments", Write),
    operation(Patch, "/v1/orgs/self/ws/{workspace}/collections/{collection}/docs", "patchDocuments", Write),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections/{collection}/docs", "addDocuments", Write),
    operation(Get, "/v1/orgs/self/integrations", "listIntegrations", Read),
    operation(Post, "/v1/orgs/self/integrations", "createIntegration", Write),
    operation(Delete, "/v1/orgs/self/integrations/{integration}", "deleteIntegration", Write),
    operation(Get, "/v1/orgs/self/integrations/{integration}", "getIntegration", Read),
    operation(Put, "/v1/orgs/self/integrations/{integration}", "updateIntegration", Write),
    operation(Get, "/v1/orgs/self", "getOrganization", Read),
    operation(Get, "/v1/orgs/self/queries", "listActiveQueries", Read),
    operation(Post, "/v1/orgs/self/queries", "query", Read),
    operation(Post, "/v1/orgs/self/queries/validations", "validate", Read),
    operation(Delete, "/v1/orgs/self/queries/{queryId}", "cancelQuery", Read),
    operation(Get, "/v1/orgs/self/queries/{queryId}", "getQuery", Read),
    operation(Get, "/v1/orgs/self/queries/{queryId}/pages", "getQueryResults", Read),
    operation(Get, "/v1/orgs/self/lambdas", "listAllQueryLambdas", Read),
    operation(Get, "/v1/orgs/self/ws/{workspace}/lambdas", "listQueryLambdasInWorkspace", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/lambdas", "createQueryLambda", Write),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}", "deleteQueryLambda", Write),
    operation(Get, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/tags", "listQueryLambdaTags", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/tags", "createQueryLambdaTag", Write),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/tags/{tag}", "deleteQueryLambdaTag", Write),
    operation(Get, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/tags/{tag}", "getQueryLambdaTagVersion", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/tags/{tag}", "executeQueryLambdaByTag", Read),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/version/{version}", "deleteQueryLambdaVersion", Write),
    operation(Get, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/versions", "listQueryLambdaVersions", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/versions", "updateQueryLambda", Write),
    operation(Get, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/versions/{version}", "getQueryLambdaVersion", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/lambdas/{queryLambda}/versions/{version}", "executeQueryLambda", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/scheduled_lambdas", "createScheduledLambda", Write),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/scheduled_lambdas/{scheduledLambdaId}", "deleteScheduledLambda", Write),
    operation(Get, "/v1/orgs/self/ws/{workspace}/scheduled_lambdas/{scheduledLambdaId}", "getScheduledLambda", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/scheduled_lambdas/{scheduledLambdaId}", "updateScheduledLambda", Write),
    operation(Post, "/v1/public/shared_lambdas/{public_access_id}", "executePublicQueryLambdaWithParams", Public),
    operation(Get, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources", "listCollectionSources", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources", "createSource", Write),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources/{source}", "deleteSource", Write),
    operation(Get, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources/{source}", "getSource", Read),
    operation(Put, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources/{source}", "updateSource", Write),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources/{source}/resume", "resumeSource", Write),
    operation(Post, "/v1/orgs/self/ws/{workspace}/collections/{collection}/sources/{source}/suspend", "suspendSource", Write),
    operation(Get, "/v1/orgs/self/users", "listUsers", Read),
    operation(Post, "/v1/orgs/self/users", "createUser", Administer),
    operation(Get, "/v1/orgs/self/users/self", "getCurrentUser", Read),
    operation(Get, "/v1/orgs/self/users/self/preferences", "listUnsubscribePreferences", Read),
    operation(Post, "/v1/orgs/self/users/self/preferences", "updateUnsubscribePreferences", Read),
    operation(Delete, "/v1/orgs/self/users/{user}", "deleteUser", Administer),
    operation(Get, "/v1/orgs/self/users/{user}", "getUser", Read),
    operation(Post, "/v1/orgs/self/users/{user}", "updateUser", Administer),
    operation(Get, "/v1/orgs/self/views", "listViews", Read),
    operation(Get, "/v1/orgs/self/ws/{workspace}/views", "workspaceViews", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/views", "createView", Write),
    operation(Delete, "/v1/orgs/self/ws/{workspace}/views/{view}", "deleteView", Write),
    operation(Get, "/v1/orgs/self/ws/{workspace}/views/{view}", "getView", Read),
    operation(Post, "/v1/orgs/self/ws/{workspace}/views/{view}", "updateView", Write),
    operation(Get, "/v1/orgs/self/virtualinstances", "listVirtualInstances", Read),
    operation(Post, "/v1/orgs/self/virtualinstances", "createVirtualInstance", Write),
    operation(Delete, "/v1/orgs/self/virtualinstances/{virtualInstanceId}", "deleteVirtualInstance", Write),
    operation(Get, "/v1/orgs/self/virtualinstances/{virtualInstanceId}", "getVirtualInstance", Read),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}", "setVirtualInstance", Write),
    operation(Get, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/mounts", "listCollectionMounts", Read),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/mounts", "mountCollection", Write),
    operation(Delete, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/mounts/{collectionPath}", "unmountCollection", Write),
    operation(Get, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/mounts/{collectionPath}", "getCollectionMount", Read),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/mounts/{collectionPath}/offsets/commit", "getMountOffsets", Read),
    operation(Get, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/queries", "getVirtualInstanceQueries", Read),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/queries", "queryVirtualInstance", Read),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/resume", "resumeVirtualInstance", Write),
    operation(Post, "/v1/orgs/self/virtualinstances/{virtualInstanceId}/suspend", "suspendVirtualInstance", Write),
    operation(Get, "/v1/orgs/self/ws", "listWorkspaces", Read),
    operation(Post, "/v1/orgs/self/ws", "createWorkspace", Write),
    operation(Delete, "/v1/orgs/self/ws/{workspace}", "deleteWorkspace", Write),
    operation(Get, "/v1/orgs/self/ws/{workspace}", "getWorkspace", Read),
];
