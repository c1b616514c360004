//! The signature of every operation that is built.
//!
//! That it is true is checked where requests are read ([`Call::json`](crate::call::Call::json)), and for answers by the
//! tests, which hold every one that they get against the document.

use outcrop_api::alias::{Alias, AliasRequest};
use outcrop_api::api_key::{ApiKey, CreateApiKeyRequest, UpdateApiKeyRequest};
use outcrop_api::collection::{
    Collection, CreateCollectionRequest, DeletedCollection, UpdateCollectionRequest,
};
use outcrop_api::document::{
    AddDocumentsRequest, DeleteDocumentsRequest, DocumentsResponse, PatchDocumentsRequest,
};
use outcrop_api::integration::{Integration, IntegrationRequest};
use outcrop_api::offset::{CommitRequest, CommitResponse};
use outcrop_api::organization::Organization;
use outcrop_api::query::{
    QueryInfo, QueryInfoResponse, QueryPage, QueryRequest, QueryResponse, ValidateQueryResponse,
};
use outcrop_api::query_lambda::{
    ExecuteRequest, QueryLambda, QueryLambdaRequest, QueryLambdaTag, QueryLambdaTagRequest,
    QueryLambdaVersion, TagName,
};
use outcrop_api::receiver::KafkaRequest;
use outcrop_api::role::{Role, RoleRequest};
use outcrop_api::scheduled_lambda::{ScheduledLambda, ScheduledLambdaRequest};
use outcrop_api::source::{Source, SourceRequest};
use outcrop_api::upload::{UploadForm, UploadedFile};
use outcrop_api::user::{Preference, PreferencesRequest, User, UserRequest};
use outcrop_api::view::{View, ViewRequest};
use outcrop_api::virtual_instance::{
    CollectionMount, DeploymentSettings, MountRequest, VirtualInstance, VirtualInstanceRequest,
};
use outcrop_api::workspace::{CreateWorkspaceRequest, Workspace};
use outcrop_api::{Data, Greeting, Nothing};
use serde_json::{Map, Value};

use super::signature::{Kind, Parameter, Signature, answers, answers_text};
use crate::handlers::{OFFSET_MAX, PAGE_ROWS_MAX};

/// The groups of operations, in the order in which they are shown.
#[rustfmt::skip]
pub(super) const TAGS: &[(&str, &str)] = &[
    (QUERIES, "SQL, at once, later and page by page."),
    (DOCUMENTS, "What collections hold."),
    (COLLECTIONS, "Where documents are."),
    (SOURCES, "Where documents of a collection come from by themselves."),
    (INTEGRATIONS, "How to get at the systems that documents come from."),
    (WORKSPACES, "Namespaces of collections, aliases, views and query lambdas."),
    (ALIASES, "Other names of collections."),
    (VIEWS, "Stored queries that other queries use like collections."),
    (LAMBDAS, "Queries that are kept under a name, with versions and tags."),
    (SCHEDULES, "Query lambdas that run by themselves."),
    (SHARED, "Query lambdas that anybody may execute."),
    (INSTANCES, "What answers queries, each with threads, memory and a queue of its own."),
    (SETTINGS, "What holds for all virtual instances."),
    (USERS, "Who may do something here."),
    (KEYS, "What users show with their requests."),
    (ROLES, "What users and keys may do."),
    (ORGANIZATIONS, "All of it."),
    (RECEIVERS, "What other systems send."),
    (SERVER, "The server itself."),
];

const ALIASES: &str = "Aliases";
const KEYS: &str = "API Keys";
const COLLECTIONS: &str = "Collections";
const ROLES: &str = "Custom Roles";
const SETTINGS: &str = "Deployment Settings";
const DOCUMENTS: &str = "Documents";
const INTEGRATIONS: &str = "Integrations";
const ORGANIZATIONS: &str = "Organizations";
const QUERIES: &str = "Queries";
const LAMBDAS: &str = "Query Lambdas";
const RECEIVERS: &str = "Receivers";
const SCHEDULES: &str = "Scheduled Lambdas";
const SERVER: &str = "Server";
const SHARED: &str = "Shared Lambdas";
const SOURCES: &str = "Sources";
const USERS: &str = "Users";
const VIEWS: &str = "Views";
const INSTANCES: &str = "Virtual Instances";
const WORKSPACES: &str = "Workspaces";

/// What the segments of paths are.
#[rustfmt::skip]
pub(super) const SEGMENTS: &[(&str, &str)] = &[
    ("alias", "Name of the alias."),
    ("collection", "Name of the collection."),
    ("collectionPath", "Full name of the collection, as `workspace.name`."),
    ("cursor", "Where the page begins, as the answer before had it."),
    ("integration", "Name of the integration."),
    ("name", "Name of the API key."),
    ("public_access_id", "The id that the version got when it was shared."),
    ("queryId", "Id of the query."),
    ("queryLambda", "Name of the query lambda."),
    ("roleName", "Name of the role."),
    ("scheduledLambdaId", "RRN of the scheduled query lambda."),
    ("source", "Id of the source."),
    ("tag", "The tag."),
    ("user", "E-mail of the user; `self` is the caller."),
    ("version", "The version: 16 hex digits."),
    ("view", "Name of the view."),
    ("virtualInstanceId", "UUID or RRN of the virtual instance."),
    ("workspace", "Name of the workspace."),
];

const fn parameter(name: &'static str, kind: Kind, text: &'static str) -> Parameter {
    Parameter { name, kind, text }
}

const DOCS: Parameter = parameter(
    "docs",
    Kind::Number(1, PAGE_ROWS_MAX),
    "Most rows of the page; 10,000 if it is left out.",
);
const OFFSET: Parameter = parameter(
    "offset",
    Kind::Number(0, OFFSET_MAX),
    "Rows to pass over after the cursor.",
);
const CURSOR: Parameter = parameter(
    "cursor",
    Kind::Text,
    "Where the page begins, as the answer before had it; the first row if it is left out.",
);

/// The answer to a list of `T`.
type List<T> = Data<Vec<T>>;
/// An object of which nothing is known.
type Object = Map<String, Value>;

/// What each operation reads and answers.
#[rustfmt::skip]
pub(super) const SIGNATURES: &[Signature] = &[
    answers::<List<Alias>>("listAliases", ALIASES, "Lists all aliases."),
    answers::<List<Alias>>("workspaceAliases", ALIASES, "Lists the aliases of a workspace."),
    answers::<Data<Alias>>("createAlias", ALIASES, "Gives a collection another name.").reads::<AliasRequest>(),
    answers::<Data<Alias>>("deleteAlias", ALIASES, "Deletes an alias."),
    answers::<Data<Alias>>("getAlias", ALIASES, "Shows an alias."),
    answers::<Data<Alias>>("updateAlias", ALIASES, "Lets an alias name another collection.").reads::<AliasRequest>(),

    answers::<Data<ApiKey>>("createApiKey", KEYS, "Makes an API key; no other answer has the whole key.").reads::<CreateApiKeyRequest>(),
    answers::<List<ApiKey>>("listApiKeys", KEYS, "Lists the API keys of a user."),
    answers::<Data<ApiKey>>("deleteApiKey", KEYS, "Deletes an API key."),
    answers::<Data<ApiKey>>("getApiKey", KEYS, "Shows an API key.").with(&[parameter("reveal", Kind::Flag, "Whether to show the whole key, if the server keeps it.")]),
    answers::<Data<ApiKey>>("updateApiKey", KEYS, "Suspends an API key, lets it work again, or sets when it expires.").reads::<UpdateApiKeyRequest>(),

    answers::<List<Collection>>("listCollections", COLLECTIONS, "Lists all collections."),
    answers::<List<Collection>>("workspaceCollections", COLLECTIONS, "Lists the collections of a workspace."),
    answers::<Data<Collection>>("createCollection", COLLECTIONS, "Creates a collection.").reads::<CreateCollectionRequest>(),
    answers::<Data<DeletedCollection>>("deleteCollection", COLLECTIONS, "Deletes a collection with all its documents."),
    answers::<Data<Collection>>("getCollection", COLLECTIONS, "Shows a collection."),
    answers::<Data<Collection>>("updateCollection", COLLECTIONS, "Changes the description or the ingest transformation of a collection.").reads::<UpdateCollectionRequest>(),
    answers::<CommitResponse>("getCollectionOffsets", COLLECTIONS, "Tells whether queries see what was written up to a fence.").reads::<CommitRequest>(),
    answers::<CommitResponse>("getCollectionOffsetsByFence", COLLECTIONS, "Tells whether queries see what was written up to a fence.").with(&[parameter("fence", Kind::Texts, "A fence, as writes return it in `last_offset`."), parameter("name", Kind::Texts, "The same.")]),

    answers::<DocumentsResponse>("addDocuments", DOCUMENTS, "Adds documents, or replaces those of the same `_id`.").reads::<AddDocumentsRequest<Object>>(),
    answers::<DocumentsResponse>("patchDocuments", DOCUMENTS, "Changes parts of documents.").reads::<PatchDocumentsRequest>(),
    answers::<DocumentsResponse>("deleteDocuments", DOCUMENTS, "Deletes documents.").reads::<DeleteDocumentsRequest>(),
    answers::<Data<UploadedFile>>("uploadFile", DOCUMENTS, "Adds the documents of a file.").reads_form::<UploadForm>(),

    answers::<List<Role>>("listRoles", ROLES, "Lists the roles that were made."),
    answers::<Data<Role>>("createRole", ROLES, "Makes a role.").reads::<RoleRequest>(),
    answers::<Data<Role>>("deleteRole", ROLES, "Deletes a role."),
    answers::<Data<Role>>("getRole", ROLES, "Shows a role."),
    answers::<Data<Role>>("updateRole", ROLES, "Changes a role.").reads::<RoleRequest>(),

    answers::<Data<DeploymentSettings>>("getDeploymentSettings", SETTINGS, "Shows which virtual instance is the default one."),
    answers::<Data<DeploymentSettings>>("updateDeploymentSettings", SETTINGS, "Makes another virtual instance the default one.").reads::<DeploymentSettings>().accepted(),

    answers::<List<Integration>>("listIntegrations", INTEGRATIONS, "Lists all integrations."),
    answers::<Data<Integration>>("createIntegration", INTEGRATIONS, "Makes an integration: an address and credentials of one of its types.").reads::<IntegrationRequest>(),
    answers::<Data<Integration>>("deleteIntegration", INTEGRATIONS, "Deletes an integration."),
    answers::<Data<Integration>>("getIntegration", INTEGRATIONS, "Shows an integration, without its secrets."),
    answers::<Data<Integration>>("updateIntegration", INTEGRATIONS, "Changes an integration.").reads::<IntegrationRequest>(),

    answers::<Data<Organization>>("getOrganization", ORGANIZATIONS, "Shows the organisation and where it is served."),

    answers::<QueryResponse>("query", QUERIES, "Runs a query.").reads::<QueryRequest>(),
    answers::<ValidateQueryResponse>("validate", QUERIES, "Tells what a query reads and needs, without running it.").reads::<QueryRequest>(),
    answers::<List<QueryInfo>>("listActiveQueries", QUERIES, "Lists the queries that have not ended."),
    answers::<QueryInfoResponse>("getQuery", QUERIES, "Shows how a query does, or did within the last day."),
    answers::<Data<QueryInfo>>("cancelQuery", QUERIES, "Stops a query."),
    answers::<QueryPage>("getQueryResults", QUERIES, "Gives rows of a query whose results are kept.").with(&[CURSOR, DOCS, OFFSET]),
    answers::<QueryPage>("getQueryPage", QUERIES, "Gives rows of a query whose results are kept, as older clients ask for them.").with(&[CURSOR, DOCS, OFFSET]),

    answers::<List<QueryLambda>>("listAllQueryLambdas", LAMBDAS, "Lists all query lambdas."),
    answers::<List<QueryLambda>>("listQueryLambdasInWorkspace", LAMBDAS, "Lists the query lambdas of a workspace."),
    answers::<List<TagName>>("listOrganizationTags", LAMBDAS, "Lists the tags of all query lambdas."),
    answers::<List<QueryLambdaVersion>>("listQueryLambdaTagVersions", LAMBDAS, "Lists the versions that have a tag."),
    answers::<Data<QueryLambdaVersion>>("createQueryLambda", LAMBDAS, "Makes a query lambda, and its first version.").reads::<QueryLambdaRequest>(),
    answers::<Data<QueryLambda>>("deleteQueryLambda", LAMBDAS, "Deletes a query lambda with all its versions and tags."),
    answers::<List<QueryLambdaTag>>("listQueryLambdaTags", LAMBDAS, "Lists the tags of a query lambda."),
    answers::<Data<QueryLambdaTag>>("createQueryLambdaTag", LAMBDAS, "Makes a tag, or lets it name another version.").reads::<QueryLambdaTagRequest>(),
    answers::<Data<QueryLambdaTag>>("deleteQueryLambdaTag", LAMBDAS, "Deletes a tag."),
    answers::<Data<QueryLambdaTag>>("getQueryLambdaTagVersion", LAMBDAS, "Shows the version that a tag names."),
    answers::<QueryResponse>("executeQueryLambdaByTag", LAMBDAS, "Runs the version that a tag names.").reads::<ExecuteRequest>(),
    answers::<Data<QueryLambdaVersion>>("deleteQueryLambdaVersion", LAMBDAS, "Deletes a version."),
    answers::<List<QueryLambdaVersion>>("listQueryLambdaVersions", LAMBDAS, "Lists the versions of a query lambda."),
    answers::<Data<QueryLambdaVersion>>("updateQueryLambda", LAMBDAS, "Makes another version of a query lambda.").reads::<QueryLambdaRequest>().with(&[parameter("create", Kind::Flag, "Whether to make the query lambda if there is none.")]),
    answers::<Data<QueryLambdaVersion>>("getQueryLambdaVersion", LAMBDAS, "Shows a version."),
    answers::<QueryResponse>("executeQueryLambda", LAMBDAS, "Runs a version.").reads::<ExecuteRequest>(),

    answers::<List<ScheduledLambda>>("listScheduledLambdas", SCHEDULES, "Lists all scheduled query lambdas."),
    answers::<Data<ScheduledLambda>>("createScheduledLambda", SCHEDULES, "Lets a query lambda run by itself.").reads::<ScheduledLambdaRequest>(),
    answers::<Data<ScheduledLambda>>("deleteScheduledLambda", SCHEDULES, "Ends a schedule."),
    answers::<Data<ScheduledLambda>>("getScheduledLambda", SCHEDULES, "Shows a scheduled query lambda and how it did."),
    answers::<Data<ScheduledLambda>>("updateScheduledLambda", SCHEDULES, "Changes a scheduled query lambda, or resumes it.").reads::<ScheduledLambdaRequest>(),

    answers::<QueryResponse>("executePublicQueryLambdaWithParams", SHARED, "Runs a version that was shared; needs no key.").reads::<ExecuteRequest>(),

    answers::<List<Source>>("listCollectionSources", SOURCES, "Lists the sources of a collection."),
    answers::<Data<Source>>("createSource", SOURCES, "Gives a collection another source.").reads::<SourceRequest>(),
    answers::<Data<Source>>("deleteSource", SOURCES, "Deletes a source; the documents that came from it stay."),
    answers::<Data<Source>>("getSource", SOURCES, "Shows a source."),
    answers::<Data<Source>>("updateSource", SOURCES, "Changes a source.").reads::<SourceRequest>(),
    answers::<Data<Source>>("resumeSource", SOURCES, "Lets a source that was suspended go on."),
    answers::<Data<Source>>("suspendSource", SOURCES, "Suspends a source."),

    answers::<List<User>>("listUsers", USERS, "Lists all users."),
    answers::<Data<User>>("createUser", USERS, "Makes a user.").reads::<UserRequest>(),
    answers::<User>("getCurrentUser", USERS, "Shows who calls."),
    answers::<List<Preference>>("listUnsubscribePreferences", USERS, "Lists the notifications that the caller does not want; none is ever sent."),
    answers::<List<Preference>>("updateUnsubscribePreferences", USERS, "Replaces the notifications that the caller does not want.").reads::<PreferencesRequest>(),
    answers::<Data<User>>("deleteUser", USERS, "Deletes a user with all keys."),
    answers::<User>("getUser", USERS, "Shows a user."),
    answers::<User>("updateUser", USERS, "Changes the names and roles of a user.").reads::<UserRequest>(),

    answers::<List<View>>("listViews", VIEWS, "Lists all views."),
    answers::<List<View>>("workspaceViews", VIEWS, "Lists the views of a workspace."),
    answers::<Data<View>>("createView", VIEWS, "Keeps a query as a view.").reads::<ViewRequest>(),
    answers::<Data<View>>("deleteView", VIEWS, "Deletes a view."),
    answers::<Data<View>>("getView", VIEWS, "Shows a view."),
    answers::<Data<View>>("updateView", VIEWS, "Changes the query of a view.").reads::<ViewRequest>(),

    answers::<List<VirtualInstance>>("listVirtualInstances", INSTANCES, "Lists all virtual instances."),
    answers::<Data<VirtualInstance>>("createVirtualInstance", INSTANCES, "Makes a virtual instance.").reads::<VirtualInstanceRequest>(),
    answers::<Data<VirtualInstance>>("deleteVirtualInstance", INSTANCES, "Deletes a virtual instance."),
    answers::<Data<VirtualInstance>>("getVirtualInstance", INSTANCES, "Shows a virtual instance."),
    answers::<Data<VirtualInstance>>("setVirtualInstance", INSTANCES, "Changes a virtual instance.").reads::<VirtualInstanceRequest>(),
    answers::<List<CollectionMount>>("listCollectionMounts", INSTANCES, "Lists the collections that a virtual instance has mounted."),
    answers::<List<CollectionMount>>("mountCollection", INSTANCES, "Mounts collections.").reads::<MountRequest>(),
    answers::<Data<CollectionMount>>("unmountCollection", INSTANCES, "Ends a mount."),
    answers::<Data<CollectionMount>>("getCollectionMount", INSTANCES, "Shows a mount."),
    answers::<CommitResponse>("getMountOffsets", INSTANCES, "Tells whether a mount shows what was written up to a fence.").reads::<CommitRequest>(),
    answers::<List<QueryInfo>>("getVirtualInstanceQueries", INSTANCES, "Lists queries that ran or run on a virtual instance."),
    answers::<QueryResponse>("queryVirtualInstance", INSTANCES, "Runs a query on a virtual instance.").reads::<QueryRequest>(),
    answers::<Data<VirtualInstance>>("resumeVirtualInstance", INSTANCES, "Resumes a virtual instance."),
    answers::<Data<VirtualInstance>>("suspendVirtualInstance", INSTANCES, "Suspends a virtual instance."),

    answers::<List<Workspace>>("listWorkspaces", WORKSPACES, "Lists all workspaces."),
    answers::<Data<Workspace>>("createWorkspace", WORKSPACES, "Creates a workspace.").reads::<CreateWorkspaceRequest>(),
    answers::<Data<Workspace>>("deleteWorkspace", WORKSPACES, "Deletes a workspace that is empty."),
    answers::<Data<Workspace>>("getWorkspace", WORKSPACES, "Shows a workspace."),

    answers::<Nothing>("receiveKafka", RECEIVERS, "Takes messages of a topic into the collections with a source of it.").reads::<KafkaRequest>(),

    answers::<Greeting>("greet", SERVER, "Tells that a server is here."),
    answers_text("health", SERVER, "Tells that the server takes requests.", "text/plain"),
    answers_text("ready", SERVER, "Tells that the server takes requests.", "text/plain"),
    answers_text("metrics", SERVER, "Shows counts, times and sizes in Prometheus's text format.", "text/plain"),
    answers::<Nothing>("telemetry", SERVER, "Answers Rockset's command line; nothing is kept of what it sends.").reads::<Value>(),
    answers::<Object>("openApi", SERVER, "Gives this description."),
    answers_text("docs", SERVER, "Shows this description to people.", "text/html"),
];
