//! The table of operations against the specification.

use std::collections::BTreeSet;

use outcrop_server::{Method, Need, SPECIFICATION};

use crate::Rig;
use crate::description::contract;

/// `METHOD path operationId` of every operation, one a line, in the order of the specification.
const LIST: &str = include_str!("../data/operations.txt");

fn line(method: Method, path: &str, name: &str) -> String {
    format!("{} {path} {name}", method.name())
}

#[test]
fn the_table_is_the_list_of_the_specification() {
    let table: Vec<String> = SPECIFICATION
        .iter()
        .map(|operation| line(operation.method, operation.path, operation.name))
        .collect();
    assert_eq!(table, LIST.lines().collect::<Vec<_>>());
    assert_eq!(table.len(), 98);
}

/// The specification itself is not part of the repository; where a copy is named by
/// `OUTCROP_OPENAPI`, the list is checked against it.
#[test]
fn the_list_is_that_of_the_openapi_file() {
    let Some(contract) = contract() else {
        return;
    };
    let mut found = BTreeSet::new();
    for (path, operations) in contract["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            found.insert(format!("{} {path} {name}", method.to_uppercase()));
        }
    }
    assert_eq!(found, LIST.lines().map(str::to_owned).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_and_the_unbuilt_ones_say_so() {
    let rig = Rig::start().await;
    let mut unbuilt = 0;
    for operation in SPECIFICATION {
        let path = operation.path.replace('{', "x").replace('}', "");
        let name = operation.name;
        if operation.need != Need::Public {
            let answer = rig.send(operation.method.name(), &path, &[], "").await;
            answer.failure(401, "AUTHEXCEPTION");
        }
        let answer = rig.call(operation.method.name(), &path, None).await;
        assert_ne!(answer.status, 405, "{name}");
        if answer.status == 501 {
            unbuilt += 1;
            let body = answer.failure(501, "NOTIMPLEMENTEDYET");
            assert!(body["message"].as_str().unwrap().contains(name), "{body}");
        } else {
            assert!(answer.status.as_u16() < 500, "{name}: {answer:?}");
        }
    }
    assert_eq!(unbuilt, 0);
}
