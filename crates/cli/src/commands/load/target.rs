//! The collection that documents go to.

use crate::client::{Client, ClientError, segment};
use anyhow::{Result, bail};
use outcrop_api::Data;
use outcrop_api::collection::{Collection, CreateCollectionRequest};
use outcrop_api::error::ErrorType;
use outcrop_api::workspace::{CreateWorkspaceRequest, Workspace};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::{Duration, Instant};

const DEFAULT_WORKSPACE: &str = "commons";
/// A new collection is ready at once; this is for a server that is very busy.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
const READY_POLL: Duration = Duration::from_millis(100);

/// A workspace and a name in it.
pub(crate) struct Target {
    workspace: String,
    name: String,
}

impl Target {
    /// Reads `workspace.name`, or `name` for a collection of `commons`. A workspace may have dots, a collection
    /// has none.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (workspace, name) = text.rsplit_once('.').unwrap_or((DEFAULT_WORKSPACE, text));
        if workspace.is_empty() || name.is_empty() {
            bail!("`{text}` does not name a collection as `workspace.name`");
        }
        Ok(Self {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Makes the collection, and its workspace, where they are missing; returns when documents can be sent.
    pub(crate) fn create(&self, client: &Client) -> Result<(), ClientError> {
        let workspace = CreateWorkspaceRequest {
            name: Some(self.workspace.clone()),
            ..CreateWorkspaceRequest::default()
        };
        let collection = CreateCollectionRequest {
            name: Some(self.name.clone()),
            ..CreateCollectionRequest::default()
        };
        if self.workspace != DEFAULT_WORKSPACE {
            create::<_, Workspace>(client, "ws", &workspace)?;
        }
        let collections = format!("ws/{}/collections", segment(&self.workspace));
        create::<_, Collection>(client, &collections, &collection)?;
        self.wait_until_ready(client)
    }

    fn wait_until_ready(&self, client: &Client) -> Result<(), ClientError> {
        let start = Instant::now();
        loop {
            let collection: Data<Collection> = client.get(&self.path())?;
            let ready = collection.data.status.as_deref() == Some("READY");
            // Writes are accepted before that too, so there is nothing to complain about.
            if ready || start.elapsed() > READY_TIMEOUT {
                return Ok(());
            }
            std::thread::sleep(READY_POLL);
        }
    }

    fn path(&self) -> String {
        format!(
            "ws/{}/collections/{}",
            segment(&self.workspace),
            segment(&self.name)
        )
    }

    /// Where documents are posted to, below `/v1/orgs/self/`.
    pub(crate) fn documents_path(&self) -> String {
        format!("{}/docs", self.path())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.workspace, self.name)
    }
}

/// Creates an object; one that is there already is as good.
fn create<B: Serialize, T: DeserializeOwned>(
    client: &Client,
    path: &str,
    request: &B,
) -> Result<(), ClientError> {
    let body = serde_json::to_vec(request).expect("a request of strings is always JSON");
    match client.post::<Data<T>>(path, &body) {
        Ok(_) => Ok(()),
        Err(ClientError::Refused { error, .. }) if error.error_type == ErrorType::AlreadyExists => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn the_last_dot_ends_the_workspace() {
        let path = |text| Target::parse(text).map(|target| target.to_string()).ok();
        assert_eq!(path("a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(path("c").as_deref(), Some("commons.c"));
        assert_eq!(path(".c"), None);
        assert_eq!(path("a."), None);
        assert_eq!(
            Target::parse("a.b.c d").unwrap().documents_path(),
            "ws/a.b/collections/c%20d/docs"
        );
    }
}
