//! Forms that clients and users write, and text that is none.

use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, TableFactor, Value};
use proptest::prelude::*;

use super::{Describe, Explain, Statement, parse};
use crate::error::QueryError;

fn ok(sql: &str) -> Statement {
    parse(sql).unwrap_or_else(|error| panic!("{sql}\n{error:?}"))
}

/// The text of the statement as the parser understood it.
fn shown(sql: &str) -> String {
    ok(sql).query.to_string()
}

fn syntax(sql: &str) -> (String, u64, u64) {
    match parse(sql) {
        Err(QueryError::Syntax {
            message,
            line,
            column,
        }) => (message, line, column),
        other => panic!("{sql}\n{other:?}"),
    }
}

fn first_item(sql: &str) -> Expr {
    let SetExpr::Select(select) = *ok(sql).query.body else {
        panic!("no select: {sql}")
    };
    match select.projection.into_iter().next() {
        Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => expr,
        other => panic!("{other:?}"),
    }
}

#[test]
fn statements_that_clients_send_parse() {
    for sql in [
        "SELECT 1",
        "select count(*) from ws.c;",
        "SELECT * EXCEPT(a) FROM c",
        "SELECT *, LOWER(x) AS x FROM commons.c ;;",
        "SELECT c.* EXCEPT(_meta, b) FROM c",
        "SELECT CAST(x AS array), TRY_CAST(y AS int), JSON_PARSE(z) FROM c",
        "SELECT TRY(ELEMENT_AT(m, 'k')) FROM c",
        "SELECT CURRENT_TIMESTAMP(), UNIX_MICROS(max(_event_time)), TIMESTAMP_SECONDS(1) FROM c",
        "SELECT CURRENT_DATE() - HOURS(3)",
        "SELECT `a`.`b` FROM \"ws\".\"c\" AS `a`",
        "OPTION(default_workspace='ws')\nSELECT * FROM c",
        "SELECT a.x FROM c a JOIN d USING (id)",
        "SELECT x FROM a UNION ALL SELECT y FROM b UNION SELECT z FROM c EXCEPT SELECT 1",
        "SELECT * FROM c, UNNEST(c.tags AS tag) AS t",
        "SELECT * FROM c CROSS JOIN UNNEST(c.tags AS tag WITH ORDINALITY AS n) AS t",
        "SELECT * FROM c LEFT JOIN UNNEST(c.tags) AS t ON TRUE",
        "SELECT 'x' IN (SELECT name FROM UNNEST(c.labels)) FROM c",
        "SELECT * FROM UNNEST((SELECT ARRAY_AGG(x) FROM c)) AS a",
        "SELECT * FROM a JOIN (b JOIN c ON b.i = c.i) ON a.i = b.i",
        "SELECT * FROM c HINT(access_path=column_scan) x WHERE x.a = 1",
        "SELECT * FROM a JOIN b ON a.i = b.i HINT(join_strategy=lookup, join_broadcast=true)",
        "SELECT * FROM c ORDER BY a DESC NULLS FIRST LIMIT :n OFFSET :m HINT(debug=true)",
        "SELECT * FROM c OFFSET 3 LIMIT 4",
        "SELECT * FROM c LIMIT ALL",
        "WITH a AS (SELECT 1 AS x), b(y) AS (SELECT x FROM a) SELECT * FROM a, b",
        "SELECT a, SUM(x) FROM c GROUP BY ROLLUP(a, b)",
        "SELECT a FROM c GROUP BY GROUPING SETS ((a), (a, b), ()) HAVING COUNT(*) > 1",
        "SELECT COUNT(*) FROM c GROUP BY ()",
        "SELECT SUM(x) FILTER (WHERE y > 1) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM c",
        "SELECT x FROM (VALUES (1, 'a'), (2, 'b')) AS t(x, y)",
        "TABLE ws.c",
        "SELECT * FROM TABLE('c') t, TABLE(['ws', 'c']) u",
        "SELECT * FROM c TABLESAMPLE BERNOULLI (10)",
        "SELECT COSINE_SIM(v, [0.1, -0.2]) AS s FROM c ORDER BY s DESC LIMIT 3",
        "SELECT * FROM c WHERE SEARCH(HAS_TERM(a, 'x')) OPTION(match_all=false)",
        "SELECT date, time, timestamp, type, value, label, count, name, year, month, day FROM c",
        "SELECT view, offset, values, map, array, text, level, row, rows, data, zone FROM c",
        "SELECT c.date, c.interval, c.\"select\", c.from, c.group FROM c",
        "SELECT position, extract, trim, cast, interval, substring, convert FROM c",
        "SELECT x FROM c WHERE a IS DISTINCT FROM b AND NOT a LIKE 'x\\_%' ESCAPE '!'",
        "SELECT x > ALL (SELECT y FROM d), x = ANY (SELECT y FROM d) FROM c",
        "SELECT POSITION('a' IN b), EXTRACT(YEAR FROM t), EXTRACT(epoch FROM t) FROM c",
        "SELECT SUBSTRING(a FROM 2 FOR 3), SUBSTR(a, 2), TRIM(BOTH 'x' FROM a), TRIM(a, 'x') FROM c",
        "SELECT FLOOR(x), CEIL(x), LEFT(a, 2), RIGHT(a, 2), REPLACE(a, 'b', 'c'), IF(a, 1, 2) FROM c",
        "SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END, CASE WHEN a THEN 1 END FROM c",
        "SELECT a AT TIME ZONE 'UTC', a::int::string FROM c",
        "SELECT [1, 'a', [2]], ARRAY[1], [], {'k': 1, 'l': {}} FROM c",
        "SELECT U&'\\0041', X'CAFE', 1., .5, 1e3, 1.5E-3",
        "SELECT -- a comment\n 1 /* and another */",
        "SELECT ((a)) FROM ((SELECT 1 AS a)) t",
    ] {
        ok(sql);
    }
}

#[test]
fn parameters_take_every_form() {
    let statement = ok("SELECT :a, : b, :\"c d\", :1, {'k': :e, l: :f}, x::int, ? , ?, :a FROM t");
    assert_eq!(statement.parameters, ["a", "b", "c d", "1", "e", "f", "2"]);
    assert_eq!(ok("SELECT [:a :: int], :b").parameters, ["a", "b"]);
    let place = Value::Placeholder(":limit".into());
    assert!(matches!(first_item("SELECT :limit"), Expr::Value(v) if v.value == place));
}

#[test]
fn paths_follow_any_expression() {
    for (sql, expected) in [
        ("SELECT a.b.c", "a.b.c"),
        ("SELECT a[1].b['k']", "a[1].b['k']"),
        ("SELECT f(x).b[2].c", "f(x).b[2].c"),
        ("SELECT (a.b).c", "(a.b).c"),
        ("SELECT a.\"x.y\"", "a.\"x.y\""),
        ("SELECT [1, 2][1]", "[1, 2][1]"),
    ] {
        assert_eq!(first_item(sql).to_string(), expected);
    }
    assert!(
        matches!(first_item("SELECT a.date.time"), Expr::CompoundIdentifier(p) if p.len() == 3)
    );
}

#[test]
fn own_forms_become_markers() {
    assert_eq!(
        first_item("SELECT a.b IS NOT UNDEFINED").to_string(),
        "\"is not undefined\"(a.b)"
    );
    assert_eq!(
        first_item("SELECT a IS UNDEFINED = b").to_string(),
        "\"is undefined\"(a) = b"
    );
    assert!(matches!(
        first_item("SELECT STATIC_CAST(a AS int)"),
        Expr::Convert { is_try: false, .. }
    ));
    assert!(matches!(
        first_item("SELECT TRY_STATIC_CAST(a AS bool)"),
        Expr::Convert { is_try: true, .. }
    ));
    assert!(matches!(first_item("SELECT null_value"), Expr::Value(v) if v.value == Value::Null));
    assert!(matches!(
        first_item("SELECT bytes 'x'"),
        Expr::TypedString(_)
    ));
    assert!(matches!(
        first_item("SELECT DATETIME '2020-01-01'"),
        Expr::TypedString(_)
    ));
}

#[test]
fn intervals_take_every_form() {
    for sql in [
        "INTERVAL 1 DAY",
        "INTERVAL -2 HOUR",
        "INTERVAL 1.5 HOUR",
        "INTERVAL '3' DAY",
        "INTERVAL '1' YEAR TO MONTH",
        "INTERVAL '3 DAY'",
        "INTERVAL 2 WEEKS",
        "INTERVAL 5 MICROSECOND",
        "INTERVAL :n MINUTE",
    ] {
        let expr = first_item(&format!("SELECT {sql}"));
        assert!(matches!(expr, Expr::Interval(_)), "{sql}: {expr:?}");
    }
    assert!(matches!(
        first_item("SELECT interval - 2 FROM c"),
        Expr::BinaryOp { .. }
    ));
}

#[test]
fn unnest_keeps_its_inner_names() {
    for (sql, expected) in [
        ("UNNEST(a)", "UNNEST(a)"),
        ("UNNEST(a AS x)", "UNNEST(a, N'x')"),
        (
            "UNNEST(a AS x WITH ORDINALITY AS n)",
            "UNNEST(a, N'x', N'n')",
        ),
        ("UNNEST(a WITH ORDINALITY n)", "UNNEST(a, N'', N'n')"),
        (
            "UNNEST(CAST(a AS array) AS x)",
            "UNNEST(CAST(a AS array), N'x')",
        ),
    ] {
        let SetExpr::Select(select) = *ok(&format!("SELECT 1 FROM {sql} AS t")).query.body else {
            panic!()
        };
        let TableFactor::Table {
            name,
            args: Some(args),
            alias,
            ..
        } = &select.from[0].relation
        else {
            panic!("{sql}")
        };
        let list: Vec<_> = args.args.iter().map(ToString::to_string).collect();
        assert_eq!(
            format!("{name}({})", list.join(", ")).to_lowercase(),
            expected.to_lowercase()
        );
        assert!(alias.is_some());
    }
}

#[test]
fn hints_go_with_a_warning_and_the_workspace_stays() {
    let statement = ok("OPTION(default_workspace='a b', x=1) SELECT option, hint FROM c HINT(p=q)");
    assert_eq!(statement.default_workspace.as_deref(), Some("a b"));
    assert_eq!(statement.warnings.len(), 2);
    assert!(statement.query.to_string().ends_with("FROM c"));
}

#[test]
fn match_all_is_an_option_of_search_alone() {
    let text = |sql| ok(sql).query.to_string();
    assert!(
        text("SELECT 1 FROM c WHERE SEARCH(a = 1) OPTION(match_all=false)").contains("N'false'")
    );
    let elsewhere = ok("SELECT 1 FROM c WHERE a IN (SELECT SEARCH(b)) OPTION(match_all=false)");
    assert!(!elsewhere.query.to_string().contains("N'false'"));
    assert_eq!(elsewhere.warnings, ["the hint `match_all` has no effect"]);
}

#[test]
fn a_comma_may_end_the_select_list() {
    assert_eq!(shown("SELECT a, b, FROM c"), "SELECT a, b FROM c");
    assert_eq!(shown("SELECT (SELECT 1,), 2,"), "SELECT (SELECT 1), 2");
    assert_eq!(shown("SELECT a, view FROM c"), "SELECT a, view FROM c");
    syntax("SELECT a FROM c GROUP BY a,");
}

#[test]
fn explain_is_taken_apart() {
    assert_eq!(ok("EXPLAIN SELECT 1").explain, Some(Explain::Plan));
    assert_eq!(
        ok("explain analyze (format=text) SELECT 1").explain,
        Some(Explain::Analyze)
    );
    assert_eq!(ok("EXPLAIN (SELECT 1)").explain, Some(Explain::Plan));
}

#[test]
fn collections_are_described() {
    for (sql, depth_max) in [
        ("DESCRIBE \"ws\".\"c\" OPTION(max_field_depth=1)", Some(1)),
        ("desc ws.c;", None),
        ("SHOW COLUMNS FROM ws.c", None),
        ("show columns in ws.c option(max_field_depth=2)", Some(2)),
    ] {
        let statement = ok(sql);
        assert_eq!(statement.describe, Some(Describe { depth_max }), "{sql}");
        let query = statement.query.to_string().replace('"', "");
        assert_eq!(query, "SELECT * FROM ws.c");
        assert!(statement.warnings.is_empty());
    }
    assert_eq!(ok("SELECT 1").describe, None);
    syntax("DESCRIBE");
}

#[test]
fn syntax_errors_name_the_place_and_what_was_expected() {
    assert_eq!(
        syntax("SELECT a FROM t WHERE"),
        (
            "expected an expression, found the end of the text".into(),
            1,
            22
        )
    );
    assert_eq!(
        syntax("SELECT a\nFROM t\n  GROUP a"),
        (
            "expected the end of the statement, found `GROUP`".into(),
            3,
            3
        )
    );
    assert_eq!(syntax("SELECT 'a").1, 1);
    assert_eq!(
        syntax("SELECT a +\n FROM t"),
        ("expected an expression, found `FROM`".into(), 2, 2)
    );
    assert_eq!(syntax("SELECT (1"), ("`(` is never closed".into(), 1, 8));
    assert_eq!(syntax("SELECT 1)"), ("`)` closes nothing".into(), 1, 9));
    assert_eq!(syntax("  SELEC 1").1, 1);
    assert_eq!(syntax("SELECT : , 1").2, 8);
    assert_eq!(syntax("").0, "expected a statement, found nothing");
    assert!(syntax("SELECT $1").0.contains(":name"));
}

#[test]
fn other_statements_are_named() {
    for (sql, name) in [
        ("INSERT INTO 's3://b/p' SELECT 1", "INSERT INTO"),
        ("SHOW TABLES", "SHOW"),
        ("EXPLAIN DESCRIBE c", "DESCRIBE"),
        (
            "CREATE SIMILARITY INDEX i ON FIELD c:v DIMENSION 3 AS 'faiss::IVF1,Flat'",
            "CREATE",
        ),
        ("DELETE FROM c", "DELETE"),
    ] {
        match parse(sql) {
            Err(QueryError::NotImplemented { what, .. }) => assert!(what.contains(name), "{what}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn size_and_depth_have_limits_and_broad_statements_do_not_reach_them() {
    let deep = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(syntax(&deep).0.contains("nested deeper"));
    assert!(
        syntax(&format!("SELECT {}1", "(".repeat(100_000)))
            .0
            .contains("nested deeper")
    );
    assert!(
        syntax(&format!("SELECT 1{}", " + 1".repeat(300_000)))
            .0
            .contains("operators")
    );
    assert!(
        syntax(&format!("SELECT {} 1", "NOT ".repeat(250_000)))
            .0
            .contains("too deeply")
    );
    assert!(
        syntax(&format!("SELECT {} 1", "- ".repeat(400_000)))
            .0
            .contains("operators")
    );
    assert!(
        syntax(&format!("SELECT a{}", ".a".repeat(400_000)))
            .0
            .contains("too deeply")
    );
    assert!(
        syntax(&format!(
            "SELECT 1 {}",
            "UNION ALL SELECT 1 ".repeat(40_000)
        ))
        .0
        .contains("joins")
    );
    assert!(syntax(&"x".repeat(5 << 20)).0.contains("limit"));

    let near = 180;
    ok(&format!("SELECT {}1{}", "(".repeat(near), ")".repeat(near)));
    ok(&format!(
        "SELECT 1 FROM t WHERE x IN ({})",
        vec!["12345"; 100_000].join(",")
    ));
    ok(&format!(
        "SELECT 1 FROM t WHERE x = 1 {}",
        "OR x = 2 ".repeat(20_000)
    ));
}

#[test]
fn a_text_made_to_be_tried_twice_on_each_level_ends() {
    let casts = format!("SELECT {} ) FROM", "CAST(".repeat(150));
    assert!(parse(&casts).is_err());
    let nested = |depth: usize| {
        let open = "((SELECT * FROM ".repeat(depth);
        let close = ") b JOIN c ON TRUE)".repeat(depth);
        format!("SELECT * FROM {open}a{close}")
    };
    ok(&nested(5));
    assert!(syntax(&nested(60)).0.contains("nested too deeply"));
    ok(&format!(
        "SELECT * FROM {}a{}",
        "(SELECT * FROM ".repeat(60),
        ") x".repeat(60)
    ));
}

const SOUP: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "a",
    "b.c",
    "\"q\"",
    "`r`",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "*",
    "+",
    "-",
    "=",
    "<",
    "IS",
    "NOT",
    "UNDEFINED",
    "NULL",
    "UNNEST",
    "AS",
    "WITH",
    "ORDINALITY",
    ":",
    "::",
    "?",
    "1",
    "1.5",
    "'s'",
    "HINT",
    "OPTION",
    "INTERVAL",
    "DAY",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "GROUP",
    "BY",
    "ORDER",
    "LIMIT",
    "JOIN",
    "ON",
    "USING",
    "UNION",
    "ALL",
    "EXCEPT",
    "CAST",
    "int",
    "STATIC_CAST",
    "IN",
    "BETWEEN",
    "AND",
    "OR",
    "LIKE",
    "OVER",
    "FILTER",
    "COUNT",
    "DISTINCT",
    "VALUES",
    "TABLE",
    "EXISTS",
    "EXTRACT",
    ".",
    ";",
    "--x\n",
    "DATE",
    "TRIM",
    "LATERAL",
    "$x",
    "@",
];

proptest! {
    #[test]
    fn no_soup_of_tokens_panics(words in prop::collection::vec(0..SOUP.len(), 0..40)) {
        let text: Vec<_> = words.into_iter().map(|at| SOUP[at]).collect();
        let _ = parse(&text.join(" "));
        let _ = parse(&format!("SELECT {}", text.join(" ")));
        let _ = parse(&format!("SELECT * FROM {}", text.join("")));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = parse(&text);
        let _ = parse(&format!("SELECT {text}"));
    }
}
