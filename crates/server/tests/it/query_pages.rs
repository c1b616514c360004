//! Results page by page.

use outcrop_storage::ObjectPath;
use outcrop_storage::env::Disk;
use serde_json::{Value, json};

use crate::Rig;

const QUERIES: &str = "/v1/orgs/self/queries";
const SQL: &str = "SELECT x.a FROM UNNEST(SEQUENCE(0, 999) AS a) x ORDER BY a";

/// The numbers that are the rows of an answer.
fn numbers(answer: &Value) -> Vec<i64> {
    let rows = answer["results"].as_array().unwrap().iter();
    rows.map(|row| row["a"].as_i64().unwrap()).collect()
}

async fn ask(rig: &Rig, options: Value) -> Value {
    let mut body = json!({ "sql": { "query": SQL } });
    body.as_object_mut()
        .unwrap()
        .extend(options.as_object().unwrap().clone());
    rig.post(QUERIES, body).await
}

fn pages(answer: &Value) -> String {
    format!("{QUERIES}/{}/pages", answer["query_id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_rows_come_at_once_and_the_others_by_cursor() {
    let rig = Rig::start().await;
    let answer = ask(&rig, json!({ "max_initial_results": 300 })).await;
    assert_eq!(numbers(&answer), (0..300).collect::<Vec<_>>());
    assert_eq!(answer["results_total_doc_count"], 1000);
    let pages = pages(&answer);
    let next = answer["pagination"]["next_cursor"].as_str().unwrap();
    let expected = json!({
        "start_cursor": answer["pagination"]["start_cursor"],
        "current_page_doc_count": 300,
        "next_cursor": next,
        "next_cursor_offset": 300,
        "next_page_link": format!("{pages}?cursor={next}"),
    });
    assert_eq!(answer["pagination"], expected);

    let mut found = numbers(&answer);
    let mut cursor = Some(next.to_owned());
    while let Some(at) = cursor {
        let page = rig.get(&format!("{pages}?cursor={at}&docs=251")).await;
        found.extend(numbers(&page));
        assert_eq!(page["results_total_doc_count"], 1000);
        assert_eq!(page["pagination"]["start_cursor"], Value::Null);
        assert_eq!(page["pagination"]["next_page_link"], Value::Null);
        let count = page["pagination"]["current_page_doc_count"]
            .as_u64()
            .unwrap();
        assert_eq!(count, numbers(&page).len() as u64);
        cursor = page["pagination"]["next_cursor"]
            .as_str()
            .map(str::to_owned);
    }
    assert_eq!(found, (0..1000).collect::<Vec<_>>());

    let start = answer["pagination"]["start_cursor"].as_str().unwrap();
    for path in [
        format!("{pages}?docs=10"),
        format!("{pages}?cursor={start}&docs=10"),
        format!("{pages}/{start}?docs=10"),
    ] {
        assert_eq!(numbers(&rig.get(&path).await), (0..10).collect::<Vec<_>>());
    }
    let page = rig
        .get(&format!("{pages}?cursor={next}&offset=690&docs=100"))
        .await;
    assert_eq!(numbers(&page), (990..1000).collect::<Vec<_>>());
    let last = json!({
        "start_cursor": null,
        "current_page_doc_count": 10,
        "next_cursor": null,
        "next_cursor_offset": null,
        "next_page_link": null,
    });
    assert_eq!(page["pagination"], last);
    let page = rig.get(&format!("{pages}?offset=1000")).await;
    assert_eq!(page["results"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_has_no_pages_unless_they_are_asked_for() {
    let rig = Rig::start().await;
    for options in [json!({}), json!({ "max_initial_results": 1000 })] {
        let answer = ask(&rig, options).await;
        assert_eq!(numbers(&answer).len(), 1000);
        assert_eq!(answer.get("pagination"), None);
        assert_eq!(answer.get("results_total_doc_count"), None);
        let error = rig.call("GET", &pages(&answer), None).await;
        error.failure(404, "NOTFOUND");
    }
    for (sql, first) in [
        (json!({ "query": SQL, "paginate": true }), 1000),
        (
            json!({ "query": SQL, "initial_paginate_response_doc_count": 7 }),
            7,
        ),
    ] {
        let answer = rig.post(QUERIES, json!({ "sql": sql })).await;
        assert_eq!(numbers(&answer).len(), first);
        assert_eq!(answer["results_total_doc_count"], 1000);
        assert_eq!(numbers(&rig.get(&pages(&answer)).await).len(), 1000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rows_at_first_is_possible() {
    let rig = Rig::start().await;
    let answer = ask(&rig, json!({ "max_initial_results": 0 })).await;
    assert_eq!(answer["results"], json!([]));
    assert_eq!(answer["pagination"]["next_cursor_offset"], 0);
    assert_eq!(numbers(&rig.get(&pages(&answer)).await).len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_results_go_when_there_are_too_many() {
    let rig = Rig::start_with(|config| config.limits.results_bytes_max = 25_000).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(ask(&rig, json!({ "max_initial_results": 10 })).await);
    }
    // Each has about 10 KB.
    for (place, answer) in answers.iter().enumerate() {
        let page = rig.call("GET", &pages(answer), None).await;
        match place < 2 {
            true => drop(page.failure(404, "NOTFOUND")),
            false => assert_eq!(numbers(&page.ok()).len(), 1000),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_do_not_outlive_the_process() {
    let mut rig = Rig::start().await;
    let answer = ask(&rig, json!({ "max_initial_results": 10 })).await;
    let kept = |rig: &Rig| rig.disk.list(&ObjectPath::new("results")).unwrap().len();
    assert_eq!(kept(&rig), 1);
    rig.restart().await;
    assert_eq!(kept(&rig), 0);
    let error = rig.call("GET", &pages(&answer), None).await;
    error.failure(404, "NOTFOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_cursors_and_numbers_are_refused() {
    let rig = Rig::start().await;
    let answer = ask(&rig, json!({ "max_initial_results": 10 })).await;
    let other = ask(&rig, json!({ "max_initial_results": 10 })).await;
    let foreign = other["pagination"]["next_cursor"].as_str().unwrap();
    for parameters in [
        "cursor=x".to_owned(),
        format!("cursor={foreign}"),
        "docs=0".to_owned(),
        "docs=100001".to_owned(),
        "offset=-1".to_owned(),
        "offset=x".to_owned(),
    ] {
        let path = format!("{}?{parameters}", pages(&answer));
        let error = rig.call("GET", &path, None).await;
        error.failure(400, "INVALIDINPUT");
    }
}
