//! `outcrop sql`: a query, a script, errors.

use crate::server::{Server, fresh, outcrop, run};
use tempfile::TempDir;

/// One server for the tests that only read.
fn with_server(check: impl FnOnce(&Server)) {
    let (_folder, server): (TempDir, Server) = fresh();
    check(&server);
}

#[test]
fn rows_are_a_table_with_numbers_to_the_right() {
    with_server(|server| {
        let ran = server.run(&[
            "sql",
            "SELECT 1 AS n, 'a' AS s UNION ALL SELECT 200, NULL ORDER BY n",
        ]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let expected = "\
┌─────┬──────┐
│ n   ┆ s    │
╞═════╪══════╡
│   1 ┆ a    │
│ 200 ┆ null │
└─────┴──────┘
";
        assert_eq!(ran.stdout, expected);
        assert!(ran.stderr.starts_with("2 rows in "), "{}", ran.stderr);
    });
}

#[test]
fn an_error_shows_the_line_with_a_caret() {
    with_server(|server| {
        let ran = server.run(&["sql", "SELECT 1,\n  nofunction(2)"]);
        assert_eq!(ran.code, 1);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains("`nofunction`"), "{}", ran.stderr);
        assert!(
            ran.stderr
                .contains("line 2:   nofunction(2)\n          ^\n"),
            "{}",
            ran.stderr
        );
    });
}

#[test]
fn a_script_from_standard_input_stops_at_the_first_error() {
    with_server(|server| {
        let script =
            b"SELECT 1 AS a; -- first\nSELECT ';' AS b;\nSELECT FROM WHERE;\nSELECT 4 AS d;";
        let ran = server.run_with_input(&["sql", "--format", "json"], script);
        assert_eq!(ran.code, 1);
        assert_eq!(ran.stdout, "{\"a\":1}\n{\"b\":\";\"}\n");
        assert!(ran.stderr.contains("error: "), "{}", ran.stderr);
    });
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let ran = run(outcrop().args([
        "sql",
        "SELECT 1",
        "--server",
        "http://127.0.0.1:1",
        "--api-key",
        "k",
    ]));
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("cannot reach the server at `http://127.0.0.1:1`"),
        "{}",
        ran.stderr
    );
    let ran = run(outcrop().args(["sql", "SELECT 1"]));
    assert!(
        ran.stderr.contains("an API key is needed"),
        "{}",
        ran.stderr
    );
}
