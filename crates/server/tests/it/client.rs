//! A server to talk to and a client that sends exactly what a test says.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use outcrop_server::{RunningServer, Server, ServerConfig};
use outcrop_storage::Environment;
use outcrop_storage::env::{ManualClock, MemoryDisk};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::description;

/// The admin key of every test server.
pub(crate) const KEY: &str = "test-key";

/// The path of the collection that most tests use.
pub(crate) const COLLECTION: &str = "/v1/orgs/self/ws/commons/collections/c";

/// A running server on a disk in memory.
pub(crate) struct Rig {
    pub(crate) disk: Arc<MemoryDisk>,
    /// Goes on where it stands when the server starts again.
    pub(crate) clock: Arc<ManualClock>,
    server: Option<RunningServer>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Rig {
    /// A server with default limits.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A server with changes to its configuration.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut rig = Self {
            disk: Arc::new(MemoryDisk::new()),
            clock: Arc::new(ManualClock::new()),
            server: None,
        };
        rig.start_again(change).await;
        rig
    }

    /// Starts a server on the disk.
    pub(crate) async fn start_again(&mut self, change: impl FnOnce(&mut ServerConfig)) {
        let seed = self.disk.operations();
        let environment = Environment {
            clock: Arc::clone(&self.clock) as _,
            ..Environment::in_memory(Arc::clone(&self.disk), seed)
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = ServerConfig::with_environment(environment, address);
        config.api_key = Some(KEY.to_owned());
        config.store.background_flush = false;
        change(&mut config);
        self.server = Some(Server::start(config).await.unwrap());
    }

    /// Shuts the server down as it should be, and starts another one on the same disk.
    pub(crate) async fn restart(&mut self) {
        self.server.take().unwrap().shutdown().await.unwrap();
        self.start_again(|_| {}).await;
    }

    /// Cuts the power and starts another server on what the disk kept.
    pub(crate) async fn crash(&mut self) {
        self.disk.crash();
        drop(self.server.take());
        self.start_again(|_| {}).await;
    }

    /// Shuts the server down as it should be.
    pub(crate) async fn stopped(mut self) -> Self {
        self.server.take().unwrap().shutdown().await.unwrap();
        self
    }

    pub(crate) fn server(&self) -> &RunningServer {
        self.server.as_ref().unwrap()
    }

    /// Sends a request with the admin key and a JSON body.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let bytes = body
            .map(|body| body.to_string().into_bytes())
            .unwrap_or_default();
        self.call_bytes(method, path, bytes).await
    }

    /// Sends a request with the admin key and a body as it is.
    pub(crate) async fn call_bytes(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Answer {
        let body = body.into();
        let mut headers = vec![("authorization", "ApiKey test-key")];
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.send(method, path, &headers, body).await
    }

    /// Sends exactly this request, on a connection of its own, and holds the answer against the description of the API.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let address = self.server().http_addr();
        let sent = body.into();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::clone(&sent))).unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        connection.abort();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            bytes,
        };
        description::check(method, path, &sent, &answer);
        answer
    }

    /// `GET`, which must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.call("GET", path, None).await.ok()
    }

    /// `POST`, which must succeed.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.call("POST", path, Some(body)).await.ok()
    }

    /// Sends a request with another key than the admin's, and a JSON body.
    pub(crate) async fn call_as(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let authorization = format!("ApiKey {key}");
        let mut headers = vec![("authorization", authorization.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let bytes = body.map(|body| body.to_string()).unwrap_or_default();
        self.send(method, path, &headers, bytes).await
    }

    /// A new key of the admin's with the role of this name.
    pub(crate) async fn key_of_role(&self, role: &str) -> String {
        let body = serde_json::json!({ "name": format!("key of {role}"), "role": role });
        let answer = self.post("/v1/orgs/self/users/self/apikeys", body).await;
        answer["data"]["key"].as_str().unwrap().to_owned()
    }

    /// A new key with a role of these privileges: actions with the resources that they are for.
    pub(crate) async fn key_with(&self, name: &str, privileges: &[(&str, &str)]) -> String {
        let privileges: Vec<Value> = privileges
            .iter()
            .map(|(action, resource)| {
                serde_json::json!({ "action": action, "resource_name": resource })
            })
            .collect();
        let body = serde_json::json!({ "role_name": name, "privileges": privileges });
        self.post("/v1/orgs/self/roles", body).await;
        self.key_of_role(name).await
    }

    /// Creates a collection of `commons`.
    pub(crate) async fn create_collection(&self, name: &str) {
        let body = serde_json::json!({ "name": name });
        self.post("/v1/orgs/self/ws/commons/collections", body)
            .await;
    }

    /// Creates the collection `c` of `commons` with an ingest transformation.
    pub(crate) async fn create_transforming(&self, sql: &str) {
        let body = serde_json::json!({ "name": "c", "field_mapping_query": { "sql": sql } });
        self.post("/v1/orgs/self/ws/commons/collections", body)
            .await;
    }

    /// The rows of a query, which must succeed.
    pub(crate) async fn rows(&self, sql: &str) -> Value {
        let body = serde_json::json!({ "sql": { "query": sql } });
        self.post("/v1/orgs/self/queries", body).await["results"].clone()
    }

    /// Adds documents to the collection `c` and returns their statuses.
    pub(crate) async fn add(&self, documents: Value) -> Vec<Value> {
        let body = serde_json::json!({ "data": documents });
        let answer = self.post(&format!("{COLLECTION}/docs"), body).await;
        answer["data"].as_array().unwrap().clone()
    }

    /// The document with this id in the collection `c`, straight from storage.
    pub(crate) fn stored(&self, id: &str) -> Option<outcrop_document::Object> {
        let entry = self.server().catalog().collection("commons", "c").unwrap();
        entry.handle().snapshot().document(id).unwrap()
    }
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.bytes)))
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.bytes));
        assert_eq!(self.headers["content-type"], "application/json");
        self.json()
    }

    /// Checks that this is the failure with this status and type, with all members of the error
    /// model, and returns its body.
    #[track_caller]
    pub(crate) fn failure(&self, status: u16, error_type: &str) -> Value {
        let body = self.json();
        assert_eq!(self.status, status, "{body}");
        assert_eq!(body["type"], error_type, "{body}");
        assert_eq!(self.headers["content-type"], "application/json");
        let members: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(
            members,
            [
                "column",
                "error_id",
                "internal_errors",
                "line",
                "message",
                "message_key",
                "query_id",
                "trace_id",
                "type"
            ]
        );
        assert_ne!(body["message"].as_str().unwrap(), "");
        assert_eq!(body["trace_id"].as_str().unwrap().len(), 36);
        body
    }
}
