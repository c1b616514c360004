//! The description of the API, and what it says held against what the server does.
//!
//! Every request that a test sends through the [`Rig`] and its answer are [checked](check), so that the whole suite
//! proves the description.

mod check;
mod contract;
mod schema;
mod tour;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use outcrop_server::{BEYOND_SPECIFICATION, Need, SPECIFICATION};
use serde_json::{Map, Value, json};

use crate::Rig;
pub(crate) use check::check;
pub(crate) use contract::contract;

/// The description.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(outcrop_server::description()).unwrap());

/// Every object of the description, with those inside of it.
fn objects<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(members);
            members.values().for_each(|member| objects(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| objects(item, visit)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_served_to_everybody() {
    let rig = Rig::start().await;
    let answer = rig.send("GET", "/openapi.json", &[], "").await;
    assert_eq!(answer.ok(), *DOCUMENT);
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    assert_eq!(DOCUMENT["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_every_operation_and_loads_nothing() {
    let rig = Rig::start().await;
    let browser = [("accept", "text/html,application/xhtml+xml")];
    let answer = rig.send("GET", "/docs", &browser, "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    let page = String::from_utf8(answer.bytes.to_vec()).unwrap();
    for operation in SPECIFICATION.iter().chain(BEYOND_SPECIFICATION) {
        let anchor = format!("id=\"{}\"", operation.name);
        assert_eq!(page.matches(&anchor).count(), 1, "{}", operation.name);
    }
    let ids: BTreeSet<&str> = page.split("id=\"").skip(1).map(before_quote).collect();
    for link in page.split("href=\"").skip(1).map(before_quote) {
        let is_here = link
            .strip_prefix('#')
            .is_some_and(|anchor| ids.contains(anchor));
        assert!(is_here || link == "openapi.json", "{link}");
    }
    for loading in ["<script", "<link", "<img", "src=", "url(", "@import"] {
        assert!(!page.contains(loading), "{loading}");
    }
}

fn before_quote(text: &str) -> &str {
    text.split('"').next().unwrap()
}

#[test]
fn every_operation_is_described_where_it_is() {
    let mut count = 0;
    for operation in SPECIFICATION.iter().chain(BEYOND_SPECIFICATION) {
        let method = operation.method.name().to_ascii_lowercase();
        let described = &DOCUMENT["paths"][operation.path][method];
        assert_eq!(described["operationId"], operation.name);
        for member in ["summary", "tags", "parameters", "responses"] {
            assert!(!described[member].is_null(), "{}", operation.name);
        }
        let security = match operation.need {
            Need::Public => json!([]),
            Need::Receiver => json!([{ "Basic": [] }]),
            _ => Value::Null,
        };
        assert_eq!(described["security"], security, "{}", operation.name);
        count += 1;
    }
    let paths = DOCUMENT["paths"].as_object().unwrap().values();
    let described: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, count);
}

#[test]
fn references_lead_somewhere_and_texts_are_for_people_who_do_not_read_rust() {
    let mut used = BTreeSet::new();
    objects(&DOCUMENT, &mut |members| {
        if let Some(path) = members.get("$ref").and_then(Value::as_str) {
            let pointer = path.strip_prefix('#').unwrap();
            assert!(DOCUMENT.pointer(pointer).is_some(), "{path}");
            used.insert(path);
        }
        if let Some(text) = members.get("description").and_then(Value::as_str) {
            assert!(!text.contains("[`"), "{text}");
        }
    });
    for name in DOCUMENT["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        let path = format!("#/components/schemas/{name}");
        assert!(used.contains(path.as_str()), "{name} is used nowhere");
    }
}
