//! Who may call what: every operation with the built-in roles and with keys of one privilege each, on what the privilege is
//! for and on something else, compared with the table `data/access.txt`.

use std::collections::BTreeMap;

use outcrop_catalog::{Action, Family};
use outcrop_server::{BEYOND_SPECIFICATION, Operation, SPECIFICATION};
use serde_json::json;

use crate::Rig;

const TABLE: &str = include_str!("../data/access.txt");

/// What the role `read-only` allows.
const READ_ONLY: &[&str] = &[
    "GET_ORG_GLOBAL",
    "GET_CURRENT_USER_GLOBAL",
    "GET_METRICS_GLOBAL",
    "LIST_VI_GLOBAL",
    "LIST_WS_GLOBAL",
    "LIST_INTEGRATIONS_GLOBAL",
    "LIST_NETWORK_CONFIGURATIONS_GLOBAL",
    "LIST_RESOURCES_WS",
    "QUERY_DATA_WS",
    "EXECUTE_QUERY_LAMBDA_WS",
    "QUERY_VI",
];

/// What the role `member` does not allow.
const NOT_MEMBER: &[&str] = &[
    "ALL_GLOBAL_ACTIONS",
    "INVITE_USER_GLOBAL",
    "DELETE_USER_GLOBAL",
    "GET_BILLING_GLOBAL",
    "UPDATE_BILLING_GLOBAL",
    "UPDATE_SETTINGS_GLOBAL",
    "UPDATE_RESOURCE_OWNER_GLOBAL",
    "CREATE_ROLE_GLOBAL",
    "UPDATE_ROLE_GLOBAL",
    "DELETE_ROLE_GLOBAL",
    "GRANT_REVOKE_ROLE_GLOBAL",
    "CREATE_NETWORK_CONFIGURATION_GLOBAL",
    "DELETE_NETWORK_CONFIGURATION_GLOBAL",
    "UPDATE_DEPLOYMENT_DEFAULT_QUERY_VI",
];

/// What the key of a test may do.
enum Holder {
    Admin,
    Member,
    ReadOnly,
    /// One action, on the workspace `own`, the main virtual instance or the integration `own`.
    One(Action),
}

impl Holder {
    /// Whether it may do this on its own things, or on others.
    fn may(&self, action: &str, is_own: bool) -> bool {
        match self {
            Self::Admin => true,
            Self::Member => !NOT_MEMBER.contains(&action),
            Self::ReadOnly => READ_ONLY.contains(&action),
            Self::One(held) => {
                let wanted = Action::ALL.iter().find(|wanted| wanted.name() == action);
                let family = wanted.unwrap().family();
                let is_all = held.name().starts_with("ALL_") && held.family() == family;
                (held.name() == action || is_all) && (is_own || family == Family::Global)
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::ReadOnly => "read-only",
            Self::One(action) => action.name(),
        }
    }
}

/// A line of the table: the place and the actions.
type Need = (&'static str, Vec<&'static str>);

fn table() -> BTreeMap<&'static str, Need> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let needs = lines.map(|line| {
        let mut words = line.split(' ');
        let (name, place) = (words.next().unwrap(), words.next().unwrap());
        (name, (place, words.collect()))
    });
    needs.collect()
}

/// Whether the table lets the holder call the operation.
fn expected((place, actions): &Need, holder: &Holder, is_own: bool) -> bool {
    let may = |place: usize| holder.may(actions[place], is_own);
    match *place {
        "nobody" | "key" | "integration" => true,
        "organization" | "workspace" => may(0),
        "instance" if actions[0] == "UPDATE_VI" => may(0) || holder.may("UPDATE_VI_GLOBAL", true),
        "instance" => may(0),
        "account" => holder.may(actions[usize::from(!is_own)], true),
        other => panic!("{other}"),
    }
}

/// The path of the operation for things of the holder's or for others. Nothing of it but workspace, user and virtual
/// instance exists, so that nothing happens when it is allowed.
fn path(operation: &Operation, need: &Need, instance: &str, is_own: bool) -> String {
    let word = |own: &str, other: &str| if is_own { own } else { other }.to_owned();
    let segments = operation.path.split('/').map(|segment| match segment {
        "{workspace}" => word("own", "other"),
        "{user}" if need.0 == "account" => word("self", "other@localhost"),
        "{user}" => "other@localhost".to_owned(),
        "{virtualInstanceId}" => word(instance, "0-0"),
        segment if segment.starts_with('{') => "none".to_owned(),
        segment => segment.to_owned(),
    });
    segments.collect::<Vec<String>>().join("/")
}

/// Whether the same operation has a path of its own and one for others. What has none is always the caller's.
fn has_other(operation: &Operation, (place, _): &Need) -> bool {
    let segment = match *place {
        "workspace" => "{workspace}",
        "instance" => "{virtualInstanceId}",
        "account" => "{user}",
        _ => return false,
    };
    operation.path.contains(segment)
}

fn operations() -> impl Iterator<Item = &'static Operation> {
    SPECIFICATION.iter().chain(BEYOND_SPECIFICATION)
}

#[test]
fn the_table_names_every_operation_once() {
    let named = TABLE.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(named, table().len());
    let mut table = table();
    for operation in operations() {
        assert!(table.remove(operation.name).is_some(), "{}", operation.name);
    }
    assert_eq!(table.into_keys().collect::<Vec<&str>>(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_may_call_what_the_table_says_and_nothing_else() {
    let rig = Rig::start().await;
    for workspace in ["own", "other"] {
        rig.post("/v1/orgs/self/ws", json!({ "name": workspace }))
            .await;
        let collections = format!("/v1/orgs/self/ws/{workspace}/collections");
        rig.post(&collections, json!({ "name": "c" })).await;
    }
    let user = json!({ "email": "other@localhost", "roles": [] });
    rig.post("/v1/orgs/self/users", user).await;
    let instances = rig.get("/v1/orgs/self/virtualinstances").await;
    let rrn = instances["data"][0]["rrn"].as_str().unwrap();
    let instance = instances["data"][0]["id"].as_str().unwrap();

    let table = table();
    let mut holders = vec![Holder::Admin, Holder::Member, Holder::ReadOnly];
    holders.extend(Action::ALL.iter().copied().map(Holder::One));
    let (mut calls, mut refused) = (0, 0);
    for holder in &holders {
        let key = match holder {
            Holder::One(action) => {
                let resource = match action.family() {
                    Family::VirtualInstance => rrn,
                    _ => "own",
                };
                rig.key_with(action.name(), &[(action.name(), resource)])
                    .await
            }
            built_in => rig.key_of_role(built_in.name()).await,
        };
        for operation in operations() {
            let need = &table[operation.name];
            for is_own in [true, false] {
                if !is_own && !has_other(operation, need) {
                    continue;
                }
                let path = path(operation, need, instance, is_own);
                let answer = rig
                    .call_as(&key, operation.method.name(), &path, None)
                    .await;
                if need.0 == "integration" {
                    answer.failure(401, "AUTHEXCEPTION");
                    continue;
                }
                let is_refused = answer.status == 403;
                assert_eq!(
                    is_refused,
                    !expected(need, holder, is_own),
                    "{} {} {path}: {answer:?}",
                    holder.name(),
                    operation.name
                );
                assert_ne!(answer.status, 401, "{path}");
                calls += 1;
                refused += u32::from(is_refused);
            }
        }
    }
    assert!(calls > 10_000, "{calls}");
    assert!(refused > calls / 2, "{refused} of {calls}");
}
