//! Events of what was made, changed and deleted.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value as Json;

use super::document::{self, Actor, Event, Kind, Severity, Subject};
use crate::app::App;
use crate::call::Call;
use crate::error::ApiResult;

/// Characters of a name that are noted.
const NAME_CHARACTERS_MAX: usize = 300;

/// Collections of one event.
const COLLECTIONS_MAX: usize = 100;

/// A call whose outcome is to be noted.
pub(crate) struct Audit {
    app: Arc<App>,
    change: Change,
    actor: Actor,
    at_micros: i64,
    segments: Vec<(String, String)>,
    body: Bytes,
}

/// What an operation does, if that is worth an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    kind: Kind,
    /// The end of the label.
    verb: &'static str,
    /// The segment of the path that names what is changed.
    segment: &'static str,
}

/// Names in the bodies of requests. What is no text is no name, and for the handler to complain of.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Names {
    name: Json,
    role_name: Json,
    email: Json,
    ql_name: Json,
    tag: Json,
    tag_name: Json,
    version: Json,
    collection_paths: Json,
}

impl Names {
    /// The name of what is made.
    fn of_new(&self, kind: Kind) -> Option<String> {
        text(match kind {
            "ROLE" => &self.role_name,
            "USER" => &self.email,
            _ => &self.name,
        })
    }
}

/// The beginning of a text: nobody has longer names than that.
fn text(value: &Json) -> Option<String> {
    value
        .as_str()
        .map(|text| document::shortened(text, NAME_CHARACTERS_MAX))
}

#[rustfmt::skip]
fn change(operation: &str) -> Option<Change> {
    let (kind, verb, segment) = match operation {
        "createAlias" => ("ALIAS", "CREATED", "alias"),
        "updateAlias" => ("ALIAS", "UPDATED", "alias"),
        "deleteAlias" => ("ALIAS", "DROPPED", "alias"),
        "createApiKey" => ("API_KEY", "CREATED", "name"),
        "getApiKey" => ("API_KEY", "FETCHED", "name"),
        "updateApiKey" => ("API_KEY", "UPDATED", "name"),
        "deleteApiKey" => ("API_KEY", "DELETED", "name"),
        "createCollection" => ("COLLECTION", "CREATED", "collection"),
        "updateCollection" => ("COLLECTION", "UPDATED", "collection"),
        "deleteCollection" => ("COLLECTION", "DROPPED", "collection"),
        "createIntegration" => ("INTEGRATION", "CREATED", "integration"),
        "updateIntegration" => ("INTEGRATION", "UPDATED", "integration"),
        "deleteIntegration" => ("INTEGRATION", "DELETED", "integration"),
        "updateDeploymentSettings" => ("ORGANIZATION", "UPDATED", ""),
        "createQueryLambda" => ("QUERY_LAMBDA", "CREATED", "queryLambda"),
        "updateQueryLambda" => ("QUERY_LAMBDA", "UPDATED", "queryLambda"),
        "deleteQueryLambda" => ("QUERY_LAMBDA", "DROPPED", "queryLambda"),
        "deleteQueryLambdaVersion" => ("QUERY_LAMBDA", "VERSION_DROPPED", "queryLambda"),
        "createQueryLambdaTag" => ("QUERY_LAMBDA", "TAG_CREATED", "queryLambda"),
        "deleteQueryLambdaTag" => ("QUERY_LAMBDA", "TAG_DROPPED", "queryLambda"),
        "createRole" => ("ROLE", "CREATED", "roleName"),
        "updateRole" => ("ROLE", "UPDATED", "roleName"),
        "deleteRole" => ("ROLE", "DELETED", "roleName"),
        "createScheduledLambda" => ("SCHEDULED_LAMBDA", "CREATED", "scheduledLambdaId"),
        "updateScheduledLambda" => ("SCHEDULED_LAMBDA", "UPDATED", "scheduledLambdaId"),
        "deleteScheduledLambda" => ("SCHEDULED_LAMBDA", "DELETED", "scheduledLambdaId"),
        "createSource" => ("SOURCE", "CREATED", "source"),
        "updateSource" => ("SOURCE", "UPDATED", "source"),
        "suspendSource" => ("SOURCE", "SUSPENDED", "source"),
        "resumeSource" => ("SOURCE", "RESUMED", "source"),
        "deleteSource" => ("SOURCE", "DELETED", "source"),
        "createUser" => ("USER", "CREATED", "user"),
        "updateUser" => ("USER", "UPDATED", "user"),
        "deleteUser" => ("USER", "DELETED", "user"),
        "createView" => ("VIEW", "CREATED", "view"),
        "updateView" => ("VIEW", "UPDATED", "view"),
        "deleteView" => ("VIEW", "DROPPED", "view"),
        "createVirtualInstance" => ("VIRTUAL_INSTANCE", "CREATED", "virtualInstanceId"),
        "setVirtualInstance" => ("VIRTUAL_INSTANCE", "UPDATED", "virtualInstanceId"),
        "suspendVirtualInstance" => ("VIRTUAL_INSTANCE", "SUSPENDED", "virtualInstanceId"),
        "resumeVirtualInstance" => ("VIRTUAL_INSTANCE", "RESUMED", "virtualInstanceId"),
        "deleteVirtualInstance" => ("VIRTUAL_INSTANCE", "DELETED", "virtualInstanceId"),
        "mountCollection" => ("VIRTUAL_INSTANCE", "COLLECTION_MOUNTED", "virtualInstanceId"),
        "unmountCollection" => ("VIRTUAL_INSTANCE", "COLLECTION_UNMOUNTED", "virtualInstanceId"),
        "createWorkspace" => ("WORKSPACE", "CREATED", "workspace"),
        "deleteWorkspace" => ("WORKSPACE", "DROPPED", "workspace"),
        _ => return None,
    };
    Some(Change { kind, verb, segment })
}

impl Audit {
    /// What is needed to note the outcome of a call, if its operation is one that is noted.
    pub(crate) fn of(operation: &str, call: &Call) -> Option<Self> {
        let change = change(operation)?;
        Some(Self {
            app: Arc::clone(&call.app),
            change,
            actor: Actor {
                key: call.caller.as_ref().map(|caller| caller.key.clone()),
                user_agent: call.user_agent.clone(),
            },
            at_micros: call.received_micros,
            segments: call.segments.clone(),
            body: call.body.clone(),
        })
    }

    /// Notes how it went.
    pub(crate) fn end<T>(self, outcome: &ApiResult<T>) {
        let Change { kind, verb, .. } = self.change;
        let words = |text: &str| text.to_lowercase().replace('_', " ");
        let (name, subject) = self.subject();
        let what = match name {
            Some(name) => format!("{} `{name}`", words(kind)),
            None => words(kind),
        };
        let event = |label: String, severity, message, subject| Event {
            kind,
            label,
            severity,
            message,
            at_micros: self.at_micros,
            actor: self.actor.clone(),
            subject,
        };
        let noted = match outcome {
            Ok(_) => {
                let message = format!("{what}: {}", words(verb));
                event(format!("{kind}_{verb}"), Severity::Info, message, subject)
            }
            Err(error) => {
                let message = format!("{what}: {}", error.model.message);
                event(format!("{kind}_ERROR"), Severity::Error, message, subject)
            }
        };
        self.app.events.note(noted.document(&self.app));
        if outcome.is_ok() && (kind, verb) == ("COLLECTION", "CREATED") {
            // Collections are ready as soon as they are there.
            let message = format!("{what}: ready");
            let label = "COLLECTION_READY".to_owned();
            let ready = event(label, Severity::Info, message, self.subject().1);
            self.app.events.note(ready.document(&self.app));
        }
    }

    /// The name of what is changed, as far as it has one, and what there is to say about it.
    fn subject(&self) -> (Option<String>, Subject) {
        let Change { kind, segment, .. } = self.change;
        let names: Names = serde_json::from_slice(&self.body).unwrap_or_default();
        let in_path = |name: &str| {
            let found = self.segments.iter().find(|(segment, _)| segment == name);
            found.map(|(_, value)| document::shortened(value, NAME_CHARACTERS_MAX))
        };
        let name = in_path(segment).or_else(|| names.of_new(kind));
        let workspace = match kind {
            "WORKSPACE" => name.clone(),
            _ => in_path("workspace"),
        };
        let collection = match kind {
            "COLLECTION" => name.clone(),
            _ => in_path("collection"),
        };
        let mut subject = Subject::default();
        match (&workspace, collection) {
            (Some(workspace), Some(collection)) => {
                subject
                    .collections
                    .push(format!("{workspace}.{collection}"));
            }
            _ => {
                let mounted = names.collection_paths.as_array().into_iter().flatten();
                let mounted = mounted.filter_map(text).take(COLLECTIONS_MAX);
                subject.collections.extend(in_path("collectionPath"));
                subject.collections.extend(mounted);
            }
        }
        match kind {
            "API_KEY" => subject.api_key_name.clone_from(&name),
            "INTEGRATION" => subject.integrations.extend(name.clone()),
            "QUERY_LAMBDA" => subject.query_lambda.clone_from(&name),
            "SCHEDULED_LAMBDA" => subject.query_lambda = text(&names.ql_name),
            _ => {}
        }
        if matches!(kind, "QUERY_LAMBDA" | "SCHEDULED_LAMBDA") {
            let tag = in_path("tag").or_else(|| text(&names.tag_name));
            subject.tag_name = tag.or_else(|| text(&names.tag));
            subject.version = in_path("version").or_else(|| text(&names.version));
        }
        // Others have no member of their own.
        let has_member = matches!(
            kind,
            "API_KEY" | "COLLECTION" | "INTEGRATION" | "QUERY_LAMBDA" | "WORKSPACE"
        );
        let named = name.clone().filter(|_| !has_member);
        let details = [
            (kind.to_lowercase(), named),
            ("user".to_owned(), in_path("user")),
        ];
        let details = details
            .into_iter()
            .filter_map(|(member, name)| Some((member, name?.into())));
        subject.details = details.collect();
        let full_name = match (workspace.as_ref().filter(|_| kind != "WORKSPACE"), name) {
            (Some(workspace), Some(name)) => Some(format!("{workspace}.{name}")),
            (_, name) => name,
        };
        subject.workspace.clone_from(&workspace);
        subject.workspace_name = workspace;
        (full_name, subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{Method, SPECIFICATION};

    /// Operations that change nothing that has a name, or whose events are those of queries.
    const WITHOUT: &[&str] = &[
        "getCollectionOffsets",
        "deleteDocuments",
        "patchDocuments",
        "addDocuments",
        "query",
        "validate",
        "cancelQuery",
        "executeQueryLambdaByTag",
        "executeQueryLambda",
        "executePublicQueryLambdaWithParams",
        "updateUnsubscribePreferences",
        "getMountOffsets",
        "queryVirtualInstance",
    ];

    #[test]
    fn whatever_changes_something_is_noted() {
        for operation in SPECIFICATION {
            let is_noted = change(operation.name).is_some();
            let reads = operation.method == Method::Get || WITHOUT.contains(&operation.name);
            let is_fetch = operation.name == "getApiKey";
            assert_eq!(is_noted, !reads || is_fetch, "{}", operation.name);
        }
    }
}
