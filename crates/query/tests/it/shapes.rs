//! Statements in the shape of those that ran for years against a build farm's collections: CTEs in
//! rows, computed names that hide fields, hints in every join, blanks behind the colon.

use outcrop_query::{Engine, EngineOptions};
use proptest::prelude::*;

use crate::fixture::{Fixture, Layout, documents, parameters, request, run};

fn engine() -> Engine {
    let mut fixture = Fixture::default();
    let mut add = |name: &str, text: &str| {
        fixture.insert(name, Layout::Segments.snapshot(&documents(text)));
    };
    add(
        "commons.build",
        r#"[
        {"_id": "b1", "id": 1, "name": "pull", "head": {"sha": "s1", "at": "2024-01-01T10:00:00Z"}, "branch": "main"},
        {"_id": "b2", "id": 2, "name": "trunk", "head": {"sha": "s2", "at": "2024-01-02T10:30:00Z"}, "branch": "main"},
        {"_id": "b3", "id": 3, "name": "pull", "head": {"sha": "s3", "at": "2024-01-02T23:00:00Z"}, "branch": "dev"}
        ]"#,
    );
    add(
        "farm.job",
        r#"[
        {"_id": "j1", "run": 1, "name": "linux / test (1, 2)", "result": "failure", "labels": ["self", "gpu"], "attempt": 1},
        {"_id": "j2", "run": 1, "name": "linux / test (1, 2)", "result": "success", "labels": ["self", "gpu"], "attempt": 2},
        {"_id": "j3", "run": 2, "name": "mac / build", "result": null, "labels": ["mac"], "attempt": 1},
        {"_id": "j4", "run": 3, "name": "mac / build", "result": "success", "labels": [], "attempt": 1,
         "info": {"line": "x.py:1", "captures": ["a", "b"]}}
        ]"#,
    );
    add(
        "commons.push",
        r#"[
        {"_id": "p1", "after": "s1", "repo": {"owner": {"name": "o"}, "name": "r"}},
        {"_id": "p2", "after": "s2", "repo": {"owner": {"name": "o"}, "name": "r"}}
        ]"#,
    );
    fixture.engine_with(EngineOptions {
        partitions: 2,
        ..EngineOptions::default()
    })
}

#[tokio::test]
async fn a_union_of_joins_over_a_cte() {
    let sql = "
        WITH recent AS (
          SELECT
            distinct b.head.sha AS sha,
            b.id AS number,
            push.repo.name AS repo,
          FROM farm.job j
            JOIN commons.build b ON j.run = b.id HINT(join_broadcast = true)
            LEFT JOIN push ON b.head.sha = push.after HINT(join_broadcast = true)
          WHERE ((PARSE_TIMESTAMP_ISO8601(b.head.at) > (CURRENT_TIMESTAMP() - MINUTES(: minutes)) AND : id = 0)
            OR : id = b.id) AND b.branch =: branch
        )
        SELECT w.id AS build, CONCAT(w.name, ' / ', j.name) AS name, j.result,
          IF(j.info.line IS NULL, null, [j.info.line]) AS lines, recent.sha, j._event_time AS time
        FROM build w JOIN (farm.job j JOIN recent ON j.run = recent.number HINT(join_broadcast = true)) ON w.id = j.run
        UNION
        SELECT w.id, w.name, null, null, recent.sha, w._event_time as time
        FROM build w JOIN recent ON w.head.sha = recent.sha HINT(join_broadcast = true)
        ORDER BY time DESC, name";
    let mut request = request(sql);
    request.parameters = parameters(
        r#"[{"name": "minutes", "type": "int", "value": "10"}, {"name": "id", "type": "int", "value": "1"},
            {"name": "branch", "type": "string", "value": "main"}]"#,
    );
    let output = engine().execute(request).await.unwrap();
    let text = String::from_utf8(output.rows_json).unwrap();
    let text = text.replace(r#","time":"2024-01-01T00:00:00.000000Z""#, "");
    assert_eq!(
        text,
        concat!(
            r#"[{"build":1,"name":"pull","result":null,"lines":null,"sha":"s1"},"#,
            r#"{"build":1,"name":"pull / linux / test (1, 2)","result":"failure","lines":null,"sha":"s1"},"#,
            r#"{"build":1,"name":"pull / linux / test (1, 2)","result":"success","lines":null,"sha":"s1"}]"#
        )
    );
    assert_eq!(
        output.collections,
        ["farm.job", "commons.build", "commons.push"]
    );
}

#[tokio::test]
async fn computed_names_hide_fields_in_group_by() {
    let engine = engine();
    let rows = async |sql: &str| match run(&engine, sql).await {
        Ok(output) => String::from_utf8(output.rows_json).unwrap(),
        Err(error) => panic!("{sql}\n{error:?}"),
    };
    let sql = "
        WITH all_jobs AS (
          SELECT CONCAT(b.name, ' / ', ELEMENT_AT(SPLIT(job.name, ' / '), 1)) AS name, b.head.sha,
            CASE WHEN job.result = 'failure' THEN 0 WHEN job.result IS NULL THEN NULL ELSE 1 END AS is_green,
            ROW_NUMBER() OVER(PARTITION BY job.name, b.head.sha ORDER BY job.attempt DESC) AS attempt,
          FROM build b INNER JOIN farm.job job ON b.id = job.run
          WHERE job.name LIKE '%/%' AND job.name NOT LIKE '%filter%'
        )
        SELECT IF (name LIKE '%linux%' AND name NOT LIKE '%)%', CONCAT(name, ')'), name) AS name, sha, is_green,
        FROM all_jobs WHERE is_green IS NOT NULL AND attempt = 1
        GROUP BY name, sha, is_green ORDER BY sha DESC";
    assert_eq!(
        rows(sql).await,
        r#"[{"name":"pull / mac","sha":"s3","is_green":1},{"name":"pull / linux)","sha":"s1","is_green":1}]"#
    );
    let sql = "
        SELECT FORMAT_TIMESTAMP('%Y-%m-%d', DATE_TRUNC('day', PARSE_TIMESTAMP_ISO8601(b.head.at))) AS day,
          COUNT_IF(branch = 'main') AS main, COUNT(*) as total,
        FROM build b GROUP BY day HAVING COUNT(*) > 1 ORDER BY day ASC";
    assert_eq!(
        rows(sql).await,
        r#"[{"day":"2024-01-02","main":1,"total":2}]"#
    );
    let sql = "
        SELECT COUNT(*) as count, IF(LENGTH(job.labels) > 1, ELEMENT_AT(job.labels, 2), ELEMENT_AT(job.labels, 1)) as machine,
        FROM farm.job job GROUP BY machine ORDER BY count DESC, machine";
    assert_eq!(
        rows(sql).await,
        r#"[{"count":2,"machine":"gpu"},{"count":1,"machine":"mac"},{"count":1,"machine":null}]"#
    );
    let sql = "
        SELECT day, total, FROM ((SELECT 'a' AS day, 1 AS total) UNION ALL (SELECT 'b' AS day, 2 AS total)) s
        ORDER BY total DESC";
    assert_eq!(
        rows(sql).await,
        r#"[{"day":"b","total":2},{"day":"a","total":1}]"#
    );
}

#[tokio::test]
async fn window_values_compare_and_combine() {
    let sql = "
        SELECT DISTINCT _id, FIRST_VALUE(result) OVER(PARTITION BY name ORDER BY attempt DESC ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) = 'success'
          AND NTH_VALUE(result, 2) OVER(PARTITION BY name ORDER BY attempt DESC ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) = 'failure' AS flaky,
        FROM farm.job WHERE name LIKE 'linux%' ORDER BY _id";
    let output = run(&engine(), sql).await.unwrap();
    let text = String::from_utf8(output.rows_json).unwrap();
    assert_eq!(
        text,
        r#"[{"_id":"j1","flaky":false},{"_id":"j2","flaky":true}]"#
    );
}

const PARTS: &[&str] = &[
    "name",
    "b.name",
    "j.result",
    "x",
    "id",
    "head.sha",
    "labels",
    "labels[1]",
    "*",
    "1",
    "'a'",
    "NULL",
    "UNDEFINED",
    "COUNT(*)",
    "SUM(id)",
    "MAX(name)",
    "ARRAY_AGG(id)",
    "UPPER(name)",
    "TYPEOF(x)",
    "id + 1",
    "id = 1",
    "name LIKE 'p%'",
    "id IN (1, 'a')",
    "id BETWEEN 1 AND 2",
    "x IS UNDEFINED",
    "CASE WHEN id = 1 THEN 'a' ELSE 2 END",
    "CAST(id AS string)",
    "TRY_CAST(name AS int)",
    "[id, name]",
    "{'k': id}",
    "(SELECT MAX(id) FROM build)",
    "id IN (SELECT run FROM farm.job)",
    "EXISTS (SELECT 1 FROM farm.job k WHERE k.run = id)",
    "ROW_NUMBER() OVER (ORDER BY id)",
    "COUNT(*) OVER ()",
    "name AS n",
    "(SELECT COUNT(*) FROM farm.job k WHERE k.run = b.id)",
    "NOT id",
    "-id",
    "name || 'x'",
    "INTERVAL 1 DAY",
    "DATE '2020-01-01'",
];

const SOURCES: &[&str] = &[
    "build",
    "build b",
    "build b, farm.job j",
    "build b JOIN farm.job j ON b.id = j.run",
    "(SELECT * FROM build) b",
    "build b LEFT JOIN farm.job j ON b.id = j.run AND j.result = 'success'",
    "farm.job j, UNNEST(j.labels AS x) AS t",
    "(SELECT id, name FROM build UNION ALL SELECT run, 1 FROM farm.job) b",
    "UNNEST([1, 'a', NULL] AS id) AS b",
    "build b FULL JOIN farm.job j USING (name)",
    "(VALUES (1, 'a'), ('b', 2.5)) AS b(id, name)",
];

fn statement() -> impl Strategy<Value = String> {
    let part = || 0..PARTS.len();
    let some = |most: usize| prop::collection::vec(part(), 0..most);
    (
        prop::collection::vec(part(), 1..4),
        0..SOURCES.len(),
        some(2),
        some(3),
        some(2),
        some(3),
        any::<bool>(),
    )
        .prop_map(|(items, source, filter, group, having, order, distinct)| {
            let list = |parts: &[usize]| {
                parts
                    .iter()
                    .map(|at| PARTS[*at])
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let clause = |word: &str, parts: &[usize]| match parts {
                [] => String::new(),
                parts => format!(" {word} {}", list(parts)),
            };
            format!(
                "SELECT {}{} FROM {}{}{}{}{} LIMIT 5",
                if distinct { "DISTINCT " } else { "" },
                list(&items),
                SOURCES[source],
                clause("WHERE", &filter),
                clause("GROUP BY", &group),
                clause("HAVING", &having),
                clause("ORDER BY", &order),
            )
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// A statement gives rows or an error of the user's own making: the engine itself never fails.
    #[test]
    fn no_statement_breaks_the_engine(sql in statement()) {
        thread_local! {
            static ENGINE: (tokio::runtime::Runtime, Engine) = (
                tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap(),
                engine(),
            );
        }
        let result = ENGINE.with(|(runtime, engine)| runtime.block_on(run(engine, &sql)));
        if let Err(error) = result {
            let internal = matches!(error, outcrop_query::QueryError::Internal { .. } | outcrop_query::QueryError::Storage(_));
            let physical = error.to_string().contains("Physical plan");
            prop_assert!(!internal && !physical, "{sql}\n{error}");
        }
    }
}
