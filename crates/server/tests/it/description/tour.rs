//! Every operation once, with success.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outcrop_server::{BEYOND_SPECIFICATION, SPECIFICATION};
use serde_json::{Value, json};

use super::check::operation;
use crate::Rig;
use crate::client::KEY;

/// The steps, one a line: the method, the path below `/v1/orgs/self` or from `/` on, and a body. `@name:/pointer` keeps what
/// the answer has there, and `<name>` stands for it from then on.
const STEPS: &str = r#"
GET /
GET /healthz
GET /readyz
GET /openapi.json
GET /docs
GET self
GET metrics
POST /v1/telemetry {}
GET ws
POST ws {"name": "w", "description": "a"}
GET ws/w

POST integrations {"name": "k", "kafka": {"kafka_topic_names": ["t"], "kafka_data_format": "JSON"}} @connection:/data/kafka/connection_string
GET integrations
GET integrations/k
PUT integrations/k {"description": "a"}

POST ws/w/collections {"name": "c", "clustering_key": [{"field_name": "a", "type": "AUTO"}], "field_mapping_query": {"sql": "SELECT * FROM _input"}}
PUT ws/w/collections/c {"description": "a"}
POST ws/w/collections/c/docs {"data": [{"_id": "1", "a": 1}, {"_id": "2", "a": 2}, 3]} @fence:/last_offset
PATCH ws/w/collections/c/docs {"data": [{"_id": "1", "patch": [{"op": "ADD", "path": "/b", "value": 1}]}]}
DELETE ws/w/collections/c/docs {"data": [{"_id": "2"}]}
POST ws/w/collections/c/offsets/commit {"name": ["<fence>"]}
GET ws/w/collections/c/offsets/commit?fence=<fence>
POST ws/w/collections/c/sources {"integration_name": "k", "kafka": {"kafka_topic_name": "t"}, "format_params": {"json": true}}
GET ws/w/collections/c/sources @source:/data/0/id
GET ws/w/collections/c/sources/<source>
PUT ws/w/collections/c/sources/<source> {"format_params": {"json": true}}
POST ws/w/collections/c/sources/<source>/suspend
POST ws/w/collections/c/sources/<source>/resume

POST ws/w/aliases {"name": "a", "collections": ["w.c"]}
GET ws/w/aliases/a
POST ws/w/aliases/a {"collections": ["w.c"], "description": "a"}
GET ws/w/aliases
GET aliases
GET collections
GET ws/w/collections
GET ws/w/collections/c

POST ws/w/views {"name": "v", "query": "SELECT * FROM w.c"}
GET ws/w/views/v
POST ws/w/views/v {"query": "SELECT a FROM w.c"}
GET ws/w/views
GET views

POST queries {"sql": {"query": "SELECT * FROM w.c WHERE a = :a", "parameters": [{"name": "a", "type": "int", "value": "1"}]}}
POST queries/validations {"sql": {"query": "SELECT * FROM w.v WHERE a = :a"}}
POST queries {"sql": {"query": "SELECT x.a FROM UNNEST(SEQUENCE(1, 9) AS a) x"}, "max_initial_results": 3} @query:/query_id @cursor:/pagination/next_cursor
GET queries/<query>
GET queries/<query>/pages?cursor=<cursor>&docs=3&offset=1
GET queries/<query>/pages/<cursor>
DELETE queries/<query>
POST queries {"sql": {"query": "ENDLESS"}, "async": true} @endless:/query_id
GET queries
DELETE queries/<endless>

POST ws/w/lambdas {"name": "l", "sql": {"query": "SELECT :a AS a", "default_parameters": [{"name": "a", "type": "int", "value": "1"}]}, "is_public": true} @version:/data/version @public:/data/public_access_id
POST ws/w/lambdas/l/versions?create=true {"sql": {"query": "SELECT 2 AS a"}} @other:/data/version
POST ws/w/lambdas/l/tags {"tag_name": "t", "version": "<version>"}
GET ws/w/lambdas/l/tags
GET ws/w/lambdas/l/tags/t
POST ws/w/lambdas/l/tags/t {"parameters": [{"name": "a", "type": "int", "value": "2"}]}
GET ws/w/lambdas/l/versions
GET ws/w/lambdas/l/versions/<version>
POST ws/w/lambdas/l/versions/<version>
POST /v1/public/shared_lambdas/<public>
GET ws/w/lambdas
GET lambdas
GET lambdas/tags
GET lambdas/tags/t

POST ws/w/scheduled_lambdas {"ql_name": "l", "cron_string": "* * * * *", "tag": "t", "webhook_url": "http://127.0.0.1:1/"} @schedule:/data/rrn
GET ws/w/scheduled_lambdas/<schedule>
POST ws/w/scheduled_lambdas/<schedule> {"total_times_to_execute": 3}
GET lambdas/scheduled_lambdas
DELETE ws/w/scheduled_lambdas/<schedule>
DELETE ws/w/lambdas/l/tags/t
DELETE ws/w/lambdas/l/version/<other>
DELETE ws/w/lambdas/l

GET deploymentsettings @main:/data/default_query_vi
PUT deploymentsettings {"default_query_vi": "<main>"}
POST virtualinstances {"name": "i", "type": "SMALL", "auto_scaling_policy": {"enabled": false, "min_size": "SMALL", "max_size": "LARGE"}} @instance:/data/id
GET virtualinstances/<instance>
POST virtualinstances/<instance> {"description": "a"}
GET virtualinstances
POST virtualinstances/<instance>/mounts {"collection_paths": ["w.c"]}
GET virtualinstances/<instance>/mounts
GET virtualinstances/<instance>/mounts/w.c
POST virtualinstances/<instance>/mounts/w.c/offsets/commit {"name": ["<fence>"]}
POST virtualinstances/<instance>/queries {"sql": {"query": "SELECT 1 AS a"}}
GET virtualinstances/<instance>/queries
DELETE virtualinstances/<instance>/mounts/w.c
POST virtualinstances/<instance>/suspend
POST virtualinstances/<instance>/resume
DELETE virtualinstances/<instance>

POST roles {"role_name": "r", "privileges": [{"action": "QUERY_DATA_WS", "resource_name": "w"}]}
GET roles/r
POST roles/r {"description": "a"}
GET roles
POST users {"email": "a@example.org", "roles": ["r"], "first_name": "A"}
GET users/a@example.org
POST users/a@example.org {"last_name": "B"}
GET users
GET users/self
POST users/self/preferences {"data": [{"notificationType": "create_apikey"}]}
GET users/self/preferences
POST users/self/apikeys {"name": "n", "role": "r", "expiry_time": "2100-01-01T00:00:00Z"}
GET users/self/apikeys
GET users/self/apikeys/n?reveal=true
POST users/self/apikeys/n {"clear_expiry_time": true}
DELETE users/self/apikeys/n
DELETE users/a@example.org
DELETE roles/r
"#;

/// What is left to be deleted after the steps.
const ENDS: &str = "
DELETE ws/w/collections/c/sources/<source>
DELETE integrations/k
DELETE ws/w/views/v
DELETE ws/w/aliases/a
DELETE ws/w/collections/c
DELETE ws/w
";

/// The steps so far.
struct Tour {
    rig: Rig,
    kept: BTreeMap<String, String>,
    seen: BTreeSet<String>,
}

impl Tour {
    async fn take(&mut self, steps: &str) {
        for step in steps.lines().filter(|step| !step.is_empty()) {
            let mut step = step.replace("ENDLESS", crate::async_queries::ENDLESS);
            for (name, value) in &self.kept {
                step = step.replace(&format!("<{name}>"), value);
            }
            let mut parts = step.split(" @");
            let request: Vec<&str> = parts.next().unwrap().splitn(3, ' ').collect();
            let body = request.get(2).copied().unwrap_or_default();
            let headers = [
                ("authorization", format!("ApiKey {KEY}")),
                ("content-type", "application/json".to_owned()),
            ];
            let answer = self
                .send(request[0], request[1], &headers, body.as_bytes())
                .await;
            for part in parts {
                let (name, pointer) = part.split_once(':').unwrap();
                let found = answer.pointer(pointer).and_then(Value::as_str);
                let found = found.unwrap_or_else(|| panic!("{part} of {answer}"));
                self.kept.insert(name.to_owned(), found.to_owned());
            }
        }
    }

    /// Sends a request, which must succeed; the answer is `null` if it is no JSON.
    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Value {
        let path = match path {
            "self" => "/v1/orgs/self".to_owned(),
            path if path.starts_with('/') => path.to_owned(),
            path => format!("/v1/orgs/self/{path}"),
        };
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let body = bytes::Bytes::copy_from_slice(body);
        let answer = self.rig.send(method, &path, &headers, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        let described = operation(method, &path).unwrap();
        let name = described["operationId"].as_str().unwrap();
        self.seen.insert(name.to_owned());
        serde_json::from_slice(&answer.bytes).unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_as_it_is_described() {
    let mut tour = Tour {
        rig: Rig::start().await,
        kept: BTreeMap::new(),
        seen: BTreeSet::new(),
    };
    tour.take(STEPS).await;

    let key = tour.kept["connection"].strip_prefix("kafka://").unwrap();
    let basic = STANDARD.encode(key.split('@').next().unwrap());
    let headers = [
        ("authorization", format!("Basic {basic}")),
        ("content-type", "application/json".to_owned()),
    ];
    let messages = json!({ "topic": "t", "kafka_messages": [{ "document": { "a": 1 }, "key": "k", "offset": 1 }] });
    let messages = messages.to_string().into_bytes();
    tour.send("POST", "/v1/receivers/kafka", &headers, &messages)
        .await;

    let headers = [
        ("authorization", format!("ApiKey {KEY}")),
        ("content-type", "multipart/form-data; boundary=b".to_owned()),
    ];
    let form = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.json\"\r\n\r\n{\"a\": 1}\r\n--b--\r\n";
    tour.send("POST", "ws/w/collections/c/uploads", &headers, form)
        .await;

    tour.take(ENDS).await;
    let all = SPECIFICATION.iter().chain(BEYOND_SPECIFICATION);
    let all: BTreeSet<String> = all.map(|operation| operation.name.to_owned()).collect();
    assert_eq!(tour.seen, all);
}
