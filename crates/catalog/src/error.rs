//! Why the catalog could not do something.

use std::fmt;
use std::io::{self, ErrorKind};

use outcrop_storage::{NumberedError, StoreError};

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A workspace.
    Workspace,
    /// A collection.
    Collection,
    /// An alias.
    Alias,
    /// A view.
    View,
    /// An API key.
    ApiKey,
    /// A user.
    User,
    /// A role.
    Role,
    /// An integration.
    Integration,
    /// A query lambda.
    QueryLambda,
    /// A tag of a query lambda.
    Tag,
    /// A version of a query lambda.
    LambdaVersion,
    /// A virtual instance.
    VirtualInstance,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Workspace => "workspace",
            Self::Collection => "collection",
            Self::Alias => "alias",
            Self::View => "view",
            Self::ApiKey => "API key",
            Self::User => "user",
            Self::Role => "role",
            Self::Integration => "integration",
            Self::QueryLambda => "query lambda",
            Self::Tag => "tag",
            Self::LambdaVersion => "version",
            Self::VirtualInstance => "virtual instance",
        })
    }
}

/// What uses something that is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependant {
    /// Its workspace, if it is in one.
    pub workspace: Option<String>,
    /// Its kind and name; none if the name is not for whoever reads it.
    pub text: Option<String>,
}

impl Dependant {
    pub(crate) fn in_workspace(kind: &str, workspace: &str, name: &str) -> Self {
        Self {
            workspace: Some(workspace.to_owned()),
            text: Some(format!("{kind} `{workspace}.{name}`")),
        }
    }

    /// The same without its name, unless `may_list` allows those of its workspace.
    #[must_use]
    pub fn hidden_unless(mut self, may_list: impl FnOnce(&str) -> bool) -> Self {
        if !self.workspace.as_deref().is_none_or(may_list) {
            self.text = None;
        }
        self
    }
}

fn dependants(all: &[Dependant]) -> String {
    let texts = all.iter().filter_map(|one| one.text.clone());
    let mut texts: Vec<String> = texts.collect();
    let hidden = all.len() - texts.len();
    if hidden > 0 {
        texts.push(format!("{hidden} of workspaces that are not shown"));
    }
    texts.join(", ")
}

/// Why the catalog could not do something.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is no workspace of this name.
    #[error("workspace `{workspace}` does not exist")]
    WorkspaceMissing {
        /// The name asked for.
        workspace: String,
    },
    /// There is no collection of this name, or it is being deleted, or its workspace is missing.
    #[error("collection `{name}` does not exist in workspace `{workspace}`")]
    CollectionMissing {
        /// The workspace asked for.
        workspace: String,
        /// The name asked for.
        name: String,
    },
    /// The collection is still being created.
    #[error("collection `{name}` of workspace `{workspace}` is not ready yet")]
    CollectionNotReady {
        /// Its workspace.
        workspace: String,
        /// Its name.
        name: String,
    },
    /// There is no alias of this name.
    #[error("alias `{name}` does not exist in workspace `{workspace}`")]
    AliasMissing {
        /// The workspace asked for.
        workspace: String,
        /// The name asked for.
        name: String,
    },
    /// There is no view of this name.
    #[error("view `{name}` does not exist in workspace `{workspace}`")]
    ViewMissing {
        /// The workspace asked for.
        workspace: String,
        /// The name asked for.
        name: String,
    },
    /// Something that a view names has gone while the view was made.
    #[error("`{name}`, which the view uses, does not exist")]
    EntityMissing {
        /// Its full name.
        name: String,
    },
    /// The view would use itself.
    #[error("the view `{name}` would use itself")]
    ViewCycle {
        /// Its full name.
        name: String,
    },
    /// Something uses what is to be deleted.
    #[error("{kind} `{name}` is used by {}", dependants(users))]
    InUse {
        /// What is used.
        kind: ObjectKind,
        /// Its full name.
        name: String,
        /// What uses it.
        users: Vec<Dependant>,
    },
    /// The user has no API key of this name.
    #[error("user `{owner}` has no API key `{name}`")]
    KeyMissing {
        /// E-mail of the user.
        owner: String,
        /// The name asked for.
        name: String,
    },
    /// There is no user of this address.
    #[error("user `{email}` does not exist")]
    UserMissing {
        /// The address asked for.
        email: String,
    },
    /// There is no role of this name.
    #[error("role `{name}` does not exist")]
    RoleMissing {
        /// The name asked for.
        name: String,
    },
    /// Nobody would have the role `admin` any more.
    #[error("nobody else has the role `admin`: give it to another user first")]
    LastAdmin,
    /// There is no query lambda of this name, or not this version of it.
    #[error(
        "query lambda `{name}`{} does not exist in workspace `{workspace}`",
        version.as_ref().map(|version| format!(" (version `{version}`)")).unwrap_or_default()
    )]
    LambdaMissing {
        /// The workspace asked for.
        workspace: String,
        /// The name asked for.
        name: String,
        /// The version asked for.
        version: Option<String>,
    },
    /// The query lambda has no tag of this name.
    #[error("query lambda `{lambda}` has no tag `{tag}`")]
    TagMissing {
        /// Full name of the query lambda.
        lambda: String,
        /// The tag asked for.
        tag: String,
    },
    /// The tag names the version that was written last, and nothing else.
    #[error("the tag `latest` follows the newest version and cannot be set or removed")]
    TagReserved,
    /// The workspace has no scheduled query lambda of this id.
    #[error("scheduled query lambda `{id}` does not exist in workspace `{workspace}`")]
    ScheduledLambdaMissing {
        /// The workspace asked for.
        workspace: String,
        /// The id asked for.
        id: String,
    },
    /// No query lambda is public under this id.
    #[error("there is no shared query lambda of this id")]
    PublicIdMissing,
    /// There is no virtual instance of this id.
    #[error("virtual instance `{id}` does not exist")]
    InstanceMissing {
        /// The id asked for.
        id: String,
    },
    /// The main virtual instance has every collection and all that the server may take.
    #[error("the main virtual instance cannot be {action}")]
    MainInstance {
        /// What was to be done to it.
        action: &'static str,
    },
    /// Queries that name no virtual instance run on it.
    #[error(
        "virtual instance `{name}` is the default one: choose another in the deployment settings first"
    )]
    InstanceIsDefault {
        /// Its name.
        name: String,
    },
    /// There is no integration of this name.
    #[error("integration `{name}` does not exist")]
    IntegrationMissing {
        /// The name asked for.
        name: String,
    },
    /// The integration is one with another system than the source.
    #[error(
        "integration `{name}` is one of type `{kind}`, which a source of type `{source_kind}` cannot use"
    )]
    IntegrationKind {
        /// The integration.
        name: String,
        /// Its type.
        kind: String,
        /// The type of the source.
        source_kind: String,
    },
    /// The collection has no source of this id.
    #[error("collection `{collection}` has no source `{id}`")]
    SourceMissing {
        /// Full name of the collection.
        collection: String,
        /// The id asked for.
        id: String,
    },
    /// The object that should hold the sealing key holds something else.
    #[error("the sealing key is damaged: it has not 32 bytes")]
    SealingKey,
    /// The name is taken.
    #[error("{kind} `{name}` already exists")]
    AlreadyExists {
        /// What has the name.
        kind: ObjectKind,
        /// The name.
        name: String,
    },
    /// The workspace still has collections, aliases, views or query lambdas.
    #[error(
        "workspace `{workspace}` still has {collection_count} collections, {alias_count} aliases, \
         {view_count} views and {lambda_count} query lambdas"
    )]
    NotEmpty {
        /// The workspace.
        workspace: String,
        /// How many collections it has.
        collection_count: u64,
        /// How many aliases it has.
        alias_count: usize,
        /// How many views it has.
        view_count: usize,
        /// How many query lambdas it has.
        lambda_count: usize,
    },
    /// The workspace belongs to the system.
    #[error("workspace `{workspace}` cannot be deleted")]
    Protected {
        /// The workspace.
        workspace: String,
    },
    /// The collection is written by the server alone.
    #[error("collection `{name}` belongs to the system: it can be read, and nothing else")]
    SystemCollection {
        /// Its full name.
        name: String,
    },
    /// The name cannot be used.
    #[error("`{name}` is not a valid name of a {kind}: {reason}")]
    BadName {
        /// What should have got the name.
        kind: ObjectKind,
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The retention is outside its range.
    #[error("a retention of {seconds} seconds is outside {min} to {max}")]
    BadRetention {
        /// The retention asked for.
        seconds: i64,
        /// Smallest allowed.
        min: u64,
        /// Largest allowed.
        max: u64,
    },
    /// An object of the catalog cannot be understood.
    #[error("catalog object {number} is damaged")]
    Damaged {
        /// Its number.
        number: u64,
        /// What the decoder said.
        source: serde_json::Error,
    },
    /// The catalog was written by a newer version.
    #[error("catalog object {number} has format version {version}, this program reads {supported}")]
    Version {
        /// Its number.
        number: u64,
        /// The version found.
        version: u32,
        /// The version that this program writes.
        supported: u32,
    },
    /// A ready collection has no data folder.
    #[error("the data of collection `{workspace}.{name}` (`{id}`) is missing from the data folder")]
    DataMissing {
        /// Its workspace.
        workspace: String,
        /// Its name.
        name: String,
        /// Its id in storage.
        id: outcrop_storage::CollectionId,
    },
    /// The state could not be read or written.
    #[error("cannot {action} the catalog")]
    State {
        /// What was being done: a verb.
        action: &'static str,
        /// What storage said.
        source: NumberedError,
    },
    /// Storage failed.
    #[error("cannot {action}")]
    Storage {
        /// What was being done.
        action: &'static str,
        /// What storage said.
        source: StoreError,
    },
}

impl CatalogError {
    /// Whether the cause is a full disk, so that the same call may work later.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return matches!(
                    error.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded
                );
            }
            cause = error.source();
        }
        false
    }
}
