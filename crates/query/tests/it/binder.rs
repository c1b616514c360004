//! Names, clauses and scopes: what a statement means.

use outcrop_query::{Engine, EngineOptions, QueryError};

use crate::fixture::{Fixture, Layout, documents, parameters, request, run};

fn engine() -> Engine {
    let mut fixture = Fixture::default();
    let mut add = |name: &str, text: &str| {
        fixture.insert(name, Layout::Delta.snapshot(&documents(text)));
    };
    add(
        "commons.users",
        r#"[
        {"_id": "u1", "name": "Ann", "age": 30, "tags": ["a", "b"], "home": {"city": "Oslo"}},
        {"_id": "u2", "name": "Bob", "age": 20.5, "tags": [], "home": {"city": "Rome"}},
        {"_id": "u3", "name": "Cid", "age": null, "home": {"city": "Oslo"}},
        {"_id": "u4", "name": "Dee", "tags": ["b", 7],
         "labels": [{"name": "x", "n": 1}, {"name": "y"}]}
        ]"#,
    );
    add(
        "commons.orders",
        r#"[
        {"_id": "o1", "user": "u1", "sum": 10, "kind": "k"},
        {"_id": "o2", "user": "u1", "sum": 5, "kind": "l"},
        {"_id": "o3", "user": "u2", "sum": 7, "kind": "k"},
        {"_id": "o4", "user": 4, "sum": "7", "kind": "k"}
        ]"#,
    );
    add("ws.users", r#"[{"_id": "w1", "name": "Zoe"}]"#);
    add("commons.empty", "[]");
    fixture.engine_with(EngineOptions {
        partitions: 2,
        ..EngineOptions::default()
    })
}

/// The rows as JSON text without `_event_time`, which every document has.
async fn answer(engine: &Engine, sql: &str) -> String {
    match run(engine, sql).await {
        Ok(output) => String::from_utf8(output.rows_json)
            .unwrap()
            .replace(r#""_event_time":"2024-01-01T00:00:00.000000Z","#, ""),
        Err(error) => {
            let place = error
                .position()
                .map_or_else(String::new, |p| format!(" at {}:{}", p.line, p.column));
            format!("error: {error}{place}")
        }
    }
}

/// Checks statements, each with its answer; shows all that differ.
async fn check(cases: &[(&str, &str)]) {
    let engine = engine();
    let mut wrong = Vec::new();
    for (sql, expected) in cases {
        let found = answer(&engine, sql).await;
        if found != *expected {
            wrong.push(format!("{sql}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn names_resolve_to_tables_then_fields_then_undefined() {
    check(&[
        ("SELECT users.name FROM users WHERE _id = 'u1'", r#"[{"name":"Ann"}]"#),
        ("SELECT commons.users.name FROM commons.users WHERE _id = 'u1'", r#"[{"name":"Ann"}]"#),
        ("SELECT u.home.city, home.city AS c FROM users u WHERE _id = 'u2'", r#"[{"city":"Rome","c":"Rome"}]"#),
        ("SELECT nothing, a.b.c FROM users WHERE _id = 'u1'", r#"[{"nothing":null,"c":null}]"#),
        ("SELECT name, sum FROM users u JOIN orders o ON u._id = o.user WHERE sum > 6 ORDER BY sum", r#"[{"name":"Bob","sum":7},{"name":"Ann","sum":10}]"#),
        ("SELECT _id FROM users, orders", "error: field `_id` is ambiguous: write it with an alias in front at 1:8"),
        ("SELECT nothing FROM users, orders LIMIT 1", r#"[{"nothing":null}]"#),
        ("SELECT a", "error: field `a` not found: the query has no FROM at 1:8"),
        ("SELECT name FROM users ORDER BY _similarity, name DESC LIMIT 1", r#"[{"name":"Dee"}]"#),
        ("SELECT u.name FROM users u, users v WHERE u._id = v._id AND v.name = 'Bob'", r#"[{"name":"Bob"}]"#),
        ("SELECT name FROM nope", "error: collection `commons.nope` does not exist at 1:18"),
        ("SELECT name FROM ws.users", r#"[{"name":"Zoe"}]"#),
        ("OPTION(default_workspace='ws') SELECT name FROM users", r#"[{"name":"Zoe"}]"#),
        ("SELECT name FROM TABLE(['ws', 'users']) t", r#"[{"name":"Zoe"}]"#),
        ("SELECT FIELD('home.city') AS c, FIELD('users', 'name') AS n FROM users WHERE _id = 'u1'", r#"[{"c":"Oslo","n":"Ann"}]"#),
    ])
    .await;
}

#[tokio::test]
async fn stars_spread_documents_and_columns() {
    check(&[
        (
            "SELECT * FROM orders WHERE _id = 'o3'",
            r#"[{"_id":"o3","kind":"k","sum":7,"user":"u2"}]"#,
        ),
        (
            "SELECT * EXCEPT(_id, nope, sum) FROM orders WHERE _id = 'o3'",
            r#"[{"kind":"k","user":"u2"}]"#,
        ),
        (
            "SELECT *, sum * 2 AS sum FROM orders WHERE _id = 'o3'",
            r#"[{"_id":"o3","kind":"k","user":"u2","sum":14}]"#,
        ),
        (
            "SELECT o.* EXCEPT(_id, kind) FROM orders o WHERE _id = 'o3'",
            r#"[{"sum":7,"user":"u2"}]"#,
        ),
        (
            "SELECT home.* FROM users WHERE _id = 'u1'",
            r#"[{"city":"Oslo"}]"#,
        ),
        (
            "SELECT * FROM (SELECT name AS n, 1 AS one FROM users WHERE _id = 'u1') s",
            r#"[{"n":"Ann","one":1}]"#,
        ),
        (
            "SELECT s.sum, s.nope FROM (SELECT * FROM orders) s WHERE s.kind = 'l'",
            r#"[{"sum":5,"nope":null}]"#,
        ),
        (
            "SELECT sum FROM (SELECT *, 1 AS sum FROM orders) s WHERE _id = 'o1'",
            r#"[{"sum":1}]"#,
        ),
        (
            "SELECT * EXCEPT(one) FROM (SELECT 1 AS one, 2 AS two) s",
            r#"[{"two":2}]"#,
        ),
        ("SELECT *", "error: `*` needs a FROM at 1:8"),
        ("TABLE ws.users", r#"[{"_id":"w1","name":"Zoe"}]"#),
    ])
    .await;
}

#[tokio::test]
async fn clauses_see_aliases_where_they_should() {
    check(&[
        ("SELECT UPPER(name) AS name FROM users ORDER BY name DESC LIMIT 1", r#"[{"name":"DEE"}]"#),
        ("SELECT kind AS k, COUNT(*) AS n FROM orders GROUP BY k ORDER BY n DESC", r#"[{"k":"k","n":3},{"k":"l","n":1}]"#),
        ("SELECT UPPER(kind) AS kind, COUNT(*) FROM orders GROUP BY kind ORDER BY 1", r#"[{"kind":"K","?count":3},{"kind":"L","?count":1}]"#),
        ("SELECT kind, COUNT(*) AS n FROM orders GROUP BY 1 HAVING n > 1", r#"[{"kind":"k","n":3}]"#),
        ("SELECT kind FROM orders GROUP BY kind ORDER BY COUNT(*) DESC, kind", r#"[{"kind":"k"},{"kind":"l"}]"#),
        ("SELECT kind FROM orders GROUP BY kind HAVING MAX(_id) = 'o2'", r#"[{"kind":"l"}]"#),
        ("SELECT COUNT(*), COUNT(DISTINCT kind), SUM(sum) FILTER (WHERE kind = 'l') AS f FROM orders WHERE _id <> 'o4'", r#"[{"?count":3,"?count_2":2,"f":5}]"#),
        ("SELECT sum + 1 AS s, COUNT(*) FROM orders WHERE _id <> 'o4' GROUP BY sum + 1 ORDER BY s", r#"[{"s":6,"?count":1},{"s":8,"?count":1},{"s":11,"?count":1}]"#),
        ("SELECT name, COUNT(*) FROM users", "error: `name` must be in GROUP BY or inside an aggregate at 1:8"),
        ("SELECT name FROM users WHERE COUNT(*) > 1", "error: the aggregate `COUNT` cannot stand in WHERE at 1:30"),
        ("SELECT COUNT(*) FROM empty", r#"[{"?count":0}]"#),
        ("SELECT kind FROM empty GROUP BY kind", "[]"),
        ("SELECT DISTINCT kind FROM orders ORDER BY kind DESC", r#"[{"kind":"l"},{"kind":"k"}]"#),
        ("SELECT DISTINCT kind FROM orders ORDER BY sum", "error: ORDER BY of a DISTINCT query must be in its select list at 1:43"),
        ("SELECT DISTINCT sum FROM orders WHERE sum = 7", r#"[{"sum":7}]"#),
        ("SELECT name FROM users ORDER BY age NULLS FIRST, name", r#"[{"name":"Cid"},{"name":"Dee"},{"name":"Bob"},{"name":"Ann"}]"#),
        ("SELECT name FROM users ORDER BY age DESC, name", r#"[{"name":"Ann"},{"name":"Bob"},{"name":"Cid"},{"name":"Dee"}]"#),
        ("SELECT sum FROM orders ORDER BY sum", r#"[{"sum":5},{"sum":7},{"sum":10},{"sum":"7"}]"#),
        ("SELECT age, COUNT(*) FROM users GROUP BY age ORDER BY age", r#"[{"age":20.5,"?count":1},{"age":30,"?count":1},{"age":null,"?count":2}]"#),
        ("SELECT kind, user, COUNT(*) AS n FROM orders WHERE _id <> 'o4' GROUP BY ROLLUP(kind, user) ORDER BY kind, user, n", r#"[{"kind":"k","user":"u1","n":1},{"kind":"k","user":"u2","n":1},{"kind":"k","user":null,"n":2},{"kind":"l","user":"u1","n":1},{"kind":"l","user":null,"n":1},{"kind":null,"user":null,"n":3}]"#),
        ("SELECT COUNT(*) FROM orders GROUP BY ()", r#"[{"?count":4}]"#),
    ])
    .await;
}

#[tokio::test]
async fn limits_are_constants() {
    check(&[
        (
            "SELECT name FROM users ORDER BY name LIMIT 1 + 1 OFFSET 1",
            r#"[{"name":"Bob"},{"name":"Cid"}]"#,
        ),
        (
            "SELECT name FROM users ORDER BY name OFFSET 3 LIMIT 5",
            r#"[{"name":"Dee"}]"#,
        ),
        (
            "SELECT name FROM users ORDER BY name LIMIT ALL OFFSET 3",
            r#"[{"name":"Dee"}]"#,
        ),
        (
            "SELECT name FROM users LIMIT name",
            "error: field `name` not found: the query has no FROM at 1:30",
        ),
        (
            "SELECT name FROM users LIMIT -1",
            "error: LIMIT takes a constant whole number that is not negative at 1:31",
        ),
        ("SELECT name FROM users LIMIT 0", "[]"),
    ])
    .await;
    let mut request = request("SELECT name FROM users WHERE age > :least ORDER BY name LIMIT :n");
    request.parameters = parameters(
        r#"[{"name": "least", "type": "int", "value": "0"}, {"name": "n", "type": "int", "value": "1"}]"#,
    );
    let output = engine().execute(request).await.unwrap();
    assert_eq!(output.rows_json, br#"[{"name":"Ann"}]"#);
}

#[tokio::test]
async fn joins_match_equal_values_of_like_types() {
    check(&[
        ("SELECT u.name, o._id FROM users u LEFT JOIN orders o ON u._id = o.user ORDER BY u._id, o._id", r#"[{"name":"Ann","_id":"o1"},{"name":"Ann","_id":"o2"},{"name":"Bob","_id":"o3"},{"name":"Cid","_id":null},{"name":"Dee","_id":null}]"#),
        ("SELECT o._id FROM users u RIGHT JOIN orders o ON u._id = o.user WHERE u._id IS NULL", r#"[{"_id":"o4"}]"#),
        ("SELECT COUNT(*) FROM users u FULL JOIN orders o ON u._id = o.user", r#"[{"?count":6}]"#),
        ("SELECT COUNT(*) FROM users CROSS JOIN orders", r#"[{"?count":16}]"#),
        ("SELECT COUNT(*) FROM users u JOIN orders o ON u.name = o.sum", r#"[{"?count":0}]"#),
        ("SELECT a._id FROM orders a JOIN orders b USING (user) WHERE b._id = 'o2' ORDER BY 1", r#"[{"_id":"o1"},{"_id":"o2"}]"#),
        ("SELECT user, a.sum FROM orders a JOIN orders b USING (user) WHERE b._id = 'o3'", r#"[{"user":"u2","sum":7}]"#),
        ("SELECT a._id FROM users a JOIN (orders b JOIN orders c ON b._id = c._id) ON a._id = b.user WHERE c.sum = 10", r#"[{"_id":"u1"}]"#),
        ("SELECT a._id FROM users a NATURAL JOIN orders b", "error: NATURAL joins need a schema: name the fields with USING at 1:40"),
        ("SELECT a.x, b.y FROM (SELECT 1 AS x) a JOIN (SELECT 1.0 AS y) b ON a.x = b.y", r#"[{"x":1,"y":1.0}]"#),
    ])
    .await;
}

#[tokio::test]
async fn subqueries_see_the_query_around_them() {
    check(&[
        ("SELECT (SELECT MAX(sum) FROM orders WHERE kind = 'l') AS m", r#"[{"m":5}]"#),
        ("SELECT name FROM users WHERE _id IN (SELECT user FROM orders) ORDER BY name", r#"[{"name":"Ann"},{"name":"Bob"}]"#),
        ("SELECT name FROM users WHERE _id NOT IN (SELECT user FROM orders WHERE kind <> 'k' OR sum > 5) ORDER BY name", r#"[{"name":"Cid"},{"name":"Dee"}]"#),
        // The user of `o4` is an int, so that comparing with it is null.
        ("SELECT name FROM users WHERE _id NOT IN (SELECT user FROM orders) ORDER BY name", "[]"),
        ("SELECT name FROM users u WHERE EXISTS (SELECT 1 FROM orders o WHERE o.user = u._id) ORDER BY name", r#"[{"name":"Ann"},{"name":"Bob"}]"#),
        ("SELECT name FROM users u WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.user = u._id) ORDER BY name", r#"[{"name":"Cid"},{"name":"Dee"}]"#),
        ("SELECT name, (SELECT COUNT(*) FROM orders o WHERE o.user = u._id) AS n FROM users u ORDER BY name", r#"[{"name":"Ann","n":2},{"name":"Bob","n":1},{"name":"Cid","n":0},{"name":"Dee","n":0}]"#),
        ("SELECT name, _id IN (SELECT user FROM orders) AS i, EXISTS (SELECT 1 FROM orders o WHERE o.user = u._id) AS e FROM users u ORDER BY name LIMIT 3", r#"[{"name":"Ann","i":true,"e":true},{"name":"Bob","i":true,"e":true},{"name":"Cid","i":null,"e":false}]"#),
        ("SELECT 7 IN (SELECT sum FROM orders) AS a, 8 NOT IN (SELECT sum FROM orders) AS b, NOT EXISTS (SELECT 1 FROM empty) AS c", r#"[{"a":true,"b":null,"c":true}]"#),
        ("SELECT TYPEOF(age) AS t, COUNT(*) AS n FROM users GROUP BY age ORDER BY n, t", r#"[{"t":"float","n":1},{"t":"int","n":1},{"t":"null","n":2}]"#),
        ("SELECT name FROM users WHERE _id = ANY (SELECT user FROM orders WHERE kind = 'l')", r#"[{"name":"Ann"}]"#),
        ("SELECT x FROM (SELECT name AS x FROM users ORDER BY name LIMIT 2) s ORDER BY x DESC", r#"[{"x":"Bob"},{"x":"Ann"}]"#),
        ("WITH a AS (SELECT name, age FROM users), b(n) AS (SELECT name FROM a WHERE age > 25) SELECT n FROM b", r#"[{"n":"Ann"}]"#),
        ("WITH users AS (SELECT 1 AS x) SELECT a.x, b.x AS y FROM users a, users b", r#"[{"x":1,"y":1}]"#),
        ("WITH RECURSIVE a AS (SELECT 1) SELECT * FROM a", "error: `WITH RECURSIVE` is not supported yet at 1:1"),
        ("SELECT (SELECT name, age FROM users)", "error: a query used as a value must have one column, not 2 at 1:9"),
    ])
    .await;
}

#[tokio::test]
async fn set_operations_go_by_position() {
    check(&[
        ("SELECT x FROM (SELECT 1 AS x UNION ALL SELECT 1 UNION ALL SELECT 'a') s ORDER BY x", r#"[{"x":1},{"x":1},{"x":"a"}]"#),
        ("SELECT 1 AS x UNION SELECT 1.0 ORDER BY 1", r#"[{"x":1}]"#),
        ("SELECT 2 AS x UNION SELECT 1 ORDER BY x", r#"[{"x":1},{"x":2}]"#),
        ("SELECT name FROM users INTERSECT SELECT 'Ann'", r#"[{"name":"Ann"}]"#),
        ("SELECT name FROM users EXCEPT SELECT name FROM users WHERE name > 'B' ", r#"[{"name":"Ann"}]"#),
        ("SELECT sum FROM orders INTERSECT SELECT 7.0", r#"[{"sum":7}]"#),
        ("SELECT 1 UNION SELECT 1, 2", "error: the branches of UNION have 1 and 2 columns at 1:16"),
        ("SELECT x, y FROM (VALUES (1, 'a'), (2, NULL)) AS t(x, y) ORDER BY x", r#"[{"x":1,"y":"a"},{"x":2,"y":null}]"#),
        ("SELECT _id FROM (SELECT * FROM users UNION ALL SELECT * FROM orders) s WHERE s.sum = 5", r#"[{"_id":"o2"}]"#),
    ])
    .await;
}

#[tokio::test]
async fn unnest_joins_elements_to_their_row() {
    check(&[
        ("SELECT u.name, t.tag FROM users u, UNNEST(u.tags AS tag) AS t ORDER BY 1, 2", r#"[{"name":"Ann","tag":"a"},{"name":"Ann","tag":"b"},{"name":"Dee","tag":7},{"name":"Dee","tag":"b"}]"#),
        ("SELECT tag, n FROM users CROSS JOIN UNNEST(tags AS tag WITH ORDINALITY AS n) AS t WHERE name = 'Dee' ORDER BY n", r#"[{"tag":"b","n":1},{"tag":7,"n":2}]"#),
        ("SELECT u._id, l.name AS label, l.n FROM users u, UNNEST(u.labels) AS l ORDER BY label", r#"[{"_id":"u4","label":"x","n":1},{"_id":"u4","label":"y","n":null}]"#),
        ("SELECT l.item.name FROM users u, UNNEST(u.labels AS item) AS l ORDER BY 1", r#"[{"name":"x"},{"name":"y"}]"#),
        ("SELECT u.name, t.tag FROM users u LEFT JOIN UNNEST(u.tags AS tag) AS t ON TRUE WHERE t.tag IS NULL ORDER BY 1", r#"[{"name":"Bob","tag":null},{"name":"Cid","tag":null}]"#),
        ("SELECT x FROM UNNEST([1, 'a', [2]] AS x) AS t", r#"[{"x":1},{"x":"a"},{"x":[2]}]"#),
        ("SELECT a.x FROM UNNEST((SELECT ARRAY_AGG(sum) FROM orders WHERE kind = 'l') AS x) AS a", r#"[{"x":5}]"#),
        ("SELECT _id FROM users WHERE 'x' IN (SELECT name FROM UNNEST(users.labels))", r#"[{"_id":"u4"}]"#),
        ("SELECT _id FROM users WHERE 7 IN (SELECT t.tag FROM UNNEST(tags AS tag) AS t)", r#"[{"_id":"u4"}]"#),
        ("SELECT t.tag, COUNT(*) AS n FROM users, UNNEST(tags AS tag) t GROUP BY t.tag ORDER BY n DESC, 1 LIMIT 1", r#"[{"tag":"b","n":2}]"#),
        ("SELECT * FROM UNNEST([{'a': 1}, {'b': 2}]) t", r#"[{"a":1},{"b":2}]"#),
        ("SELECT x FROM users, UNNEST(name AS x) t", "error: UNNEST takes an array, found string at 1:29"),
        ("SELECT x, y FROM UNNEST([5, 6]) WITH ORDINALITY AS t(x, y) ORDER BY y", r#"[{"x":5,"y":1},{"x":6,"y":2}]"#),
    ])
    .await;
}

#[tokio::test]
async fn windows_run_after_groups() {
    check(&[
        ("SELECT name, ROW_NUMBER() OVER (ORDER BY name) AS n FROM users ORDER BY name LIMIT 2", r#"[{"name":"Ann","n":1},{"name":"Bob","n":2}]"#),
        ("SELECT kind, SUM(COUNT(*)) OVER () AS all_rows FROM orders GROUP BY kind ORDER BY kind", r#"[{"kind":"k","all_rows":4},{"kind":"l","all_rows":4}]"#),
        ("SELECT _id, COUNT(*) OVER (PARTITION BY kind ORDER BY _id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n FROM orders ORDER BY _id", r#"[{"_id":"o1","n":1},{"_id":"o2","n":1},{"_id":"o3","n":2},{"_id":"o4","n":2}]"#),
        ("SELECT _id FROM orders ORDER BY RANK() OVER w DESC, _id LIMIT 1", "error: there is no window `w` at 1:33"),
        ("SELECT _id, RANK() OVER w AS r FROM orders WINDOW w AS (ORDER BY kind) ORDER BY r DESC LIMIT 1", r#"[{"_id":"o2","r":4}]"#),
        ("SELECT name FROM users WHERE ROW_NUMBER() OVER () = 1", "error: the window function `ROW_NUMBER` cannot stand in WHERE at 1:30"),
    ])
    .await;
}

#[tokio::test]
async fn expressions_of_the_dialect() {
    check(&[
        ("SELECT age IS UNDEFINED AS u, age IS NULL AS n FROM users ORDER BY _id", r#"[{"u":false,"n":false},{"u":false,"n":false},{"u":false,"n":true},{"u":true,"n":true}]"#),
        ("SELECT TYPEOF(age) AS t FROM users ORDER BY _id", r#"[{"t":"int"},{"t":"float"},{"t":"null"},{"t":"undefined"}]"#),
        ("SELECT [1, NULL, 'a'][3] AS x, {'a': {'b': 2}}.a.b AS y, {'k': 1}['k'] AS z", r#"[{"x":"a","y":2,"z":1}]"#),
        ("SELECT CASE WHEN age > 25 THEN 'old' ELSE 0 END AS c FROM users ORDER BY _id", r#"[{"c":"old"},{"c":0},{"c":0},{"c":0}]"#),
        ("SELECT 7 / 2, 7 / 2.0, -7 % 3, -9223372036854775808", r#"[{"?field0":3,"?field1":3.5,"?field2":-1,"?field3":-9223372036854775808}]"#),
        ("SELECT 'a' || 1 + 2", "error: operator `||` does not take string and int at 1:8"),
        ("SELECT DATE '2020-02-30'", "error: cannot parse `2020-02-30` as date: no such date or time at 1:13"),
        ("SELECT TIMESTAMP '2020-01-31T00:00:00Z' + INTERVAL 1 MONTH AS t", r#"[{"t":"2020-02-29T00:00:00.000000Z"}]"#),
        ("SELECT X'414243'::string AS b, U&'\\0041' AS u", r#"[{"b":"ABC","u":"A"}]"#),
        ("SELECT SUBSTRING('hello' FROM 2 FOR 3) AS s, POSITION('l' IN 'hello') AS p, TRIM('  x ') AS t, EXTRACT(YEAR FROM DATE '2020-05-06') AS y", r#"[{"s":"ell","p":3,"t":"x","y":2020}]"#),
        ("SELECT NO_SUCH(1)", "error: function `NO_SUCH` does not exist at 1:8"),
        ("SELECT 1 IN (1.0, 'a') AS a, 2 BETWEEN 1 AND 3 AS b, 'abc' LIKE 'a%' AS c, NULL IS NULL AS d", r#"[{"a":true,"b":true,"c":true,"d":true}]"#),
        ("SELECT :p", "error: parameter `p` is used but has no value at 1:8"),
        ("SELECT STATIC_CAST(2.5 AS int) AS a, TRY_CAST('x' AS int) AS b, '5'::int AS c", r#"[{"a":2,"b":null,"c":5}]"#),
    ])
    .await;
}

#[tokio::test]
async fn statements_too_large_to_plan_are_refused() {
    let engine = engine();
    let mut sql = String::from("WITH c0 AS (SELECT 1 AS x)");
    for i in 1..40 {
        sql += &format!(", c{i} AS (SELECT a.x FROM c{0} a, c{0} b)", i - 1);
    }
    sql += " SELECT x FROM c39";
    let error = run(&engine, &sql).await.unwrap_err();
    assert!(error.to_string().contains("relations"), "{error}");
    let wide = format!(
        "SELECT name FROM users WHERE {}",
        vec!["age = 1"; 3_000].join(" OR ")
    );
    assert!(run(&engine, &wide).await.is_ok());
    let list = format!(
        "SELECT COUNT(*) FROM users WHERE age IN ({})",
        vec!["30"; 20_000].join(",")
    );
    assert_eq!(answer(&engine, &list).await, r#"[{"?count":1}]"#);
    let deep = format!("SELECT {}1", "(".repeat(100_000));
    assert!(matches!(
        run(&engine, &deep).await,
        Err(QueryError::Syntax { .. })
    ));
    let tall = format!("SELECT 1{}", " + 1".repeat(490));
    assert_eq!(answer(&engine, &tall).await, r#"[{"?field0":491}]"#);
}

#[tokio::test]
async fn a_star_around_a_collection_reads_no_documents() {
    let engine = engine();
    for sql in [
        "EXPLAIN SELECT q.name FROM (SELECT * FROM users WHERE age > 1) q",
        "EXPLAIN WITH q AS (SELECT * FROM users u WHERE u.age > 1) SELECT name FROM q WHERE q.age < 9",
        "EXPLAIN SELECT COUNT(*) FROM (SELECT * FROM users) q GROUP BY name",
        "EXPLAIN SELECT o.sum FROM users u JOIN orders o ON u._id = o.user WHERE o.kind = 'k'",
    ] {
        let plan = answer(&engine, sql).await;
        assert!(
            plan.contains("CollectionScan") && !plan.contains("_doc"),
            "{sql}\n{plan}"
        );
    }
    let plan = answer(
        &engine,
        "EXPLAIN SELECT o.sum FROM users u JOIN orders o ON u._id = o.user WHERE o.kind = 'k'",
    )
    .await;
    assert!(plan.contains("filters=[kind@"), "{plan}");
    check(&[
        ("SELECT q.name, q.home.city FROM (SELECT * FROM users WHERE age > 25) q", r#"[{"name":"Ann","city":"Oslo"}]"#),
        ("WITH q AS (SELECT * FROM users WHERE age > 25) SELECT a.name, b.age FROM q a JOIN q b ON a._id = b._id", r#"[{"name":"Ann","age":30}]"#),
        ("WITH users AS (SELECT * FROM users WHERE age > 25) SELECT name FROM users", r#"[{"name":"Ann"}]"#),
        ("SELECT * EXCEPT(_id, age, tags) FROM (SELECT * FROM users WHERE age > 25) q", r#"[{"home":{"city":"Oslo"},"name":"Ann"}]"#),
        ("SELECT users.name FROM (SELECT * FROM users WHERE age > 25) q", r#"[{"name":null}]"#),
    ])
    .await;
}

#[tokio::test]
async fn names_given_twice_are_remarked() {
    let output = run(&engine(), "SELECT 1 AS a, 2 AS b, 3 AS a HINT(unknown=1)")
        .await
        .unwrap();
    assert_eq!(
        output.warnings,
        [
            "the hint `unknown` has no effect",
            "several columns are named `a`: the last is kept"
        ]
    );
}

#[tokio::test]
async fn a_default_limit_adds_to_an_offset_alone() {
    let engine = engine();
    for (sql, rows) in [
        ("SELECT _id FROM orders OFFSET 1", 2),
        ("(SELECT _id FROM orders LIMIT 3)", 3),
        ("SELECT _id FROM orders UNION ALL SELECT _id FROM users", 2),
    ] {
        let mut request = request(sql);
        request.default_row_limit = Some(2);
        assert_eq!(
            engine.execute(request).await.unwrap().row_count,
            rows,
            "{sql}"
        );
    }
}
