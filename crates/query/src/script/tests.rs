//! Limits of scripts. What they compute is tested in `tests/sql/functions/script.slt`.

use std::sync::Arc;

use outcrop_document::Value;

use super::machine::Machine;
use super::{Program, ScriptError};
use crate::dialect::Script;
use crate::error::Position;
use crate::scan::Cancellation;

fn program(source: &str, cancellation: Option<Arc<Cancellation>>) -> Result<Program, ScriptError> {
    let position = Position { line: 1, column: 1 };
    let source = source.to_owned();
    Program::new(Script { source, position }, cancellation)
}

/// What `f` gives for each of the rows.
fn call(program: &Program, rows: &[Value]) -> Result<Vec<Value>, ScriptError> {
    let mut given = Vec::new();
    let sink = |value| {
        given.push(value);
        Ok(())
    };
    let row = |index: usize| Ok(vec![rows[index].clone()]);
    Machine::new(program)?.call_each("f", rows.len(), row, sink)?;
    Ok(given)
}

#[track_caller]
fn check_failure(source: &str, expected: &str) {
    let program = program(source, None).expect("the module itself is fine");
    let error = call(&program, &[Value::Null]).expect_err("the function fails");
    assert!(error.message.contains(expected), "{}", error.message);
}

#[test]
fn an_endless_loop_ends() {
    check_failure("export function f() { for (;;) {} }", "endless loop");
    check_failure(
        "export function f() { for (;;) { try { for (;;) {} } catch (e) {} } }",
        "endless loop",
    );
    let error = program("while (true) {}", None).expect_err("the module itself does not end");
    assert!(error.message.contains("endless loop"), "{}", error.message);
}

#[test]
fn each_row_has_its_own_steps() {
    let source =
        "export function f(n) { let s = 0; for (let i = 0; i < n; i++) s += i; return s; }";
    let program = program(source, None).expect("the module is fine");
    let rows = vec![Value::Int(2_000_000); 12];
    let sums = call(&program, &rows).expect("no row takes too many steps");
    assert_eq!(sums, vec![Value::Int(1_999_999_000_000); 12]);
}

#[test]
fn memory_and_stack_are_bounded() {
    check_failure(
        "export function f() { const all = []; for (;;) all.push('x'.repeat(1000000) + all.length); }",
        "out of memory",
    );
    check_failure("export function f(x) { return f(x) + 1; }", "stack");
}

#[test]
fn a_stopped_query_stops_its_functions() {
    let cancellation = Arc::new(Cancellation::default());
    let source = "import * as rockset from '/rockset';
        export function f(x) { rockset.sleep(1e12); for (;;) {} }";
    let program = program(source, Some(Arc::clone(&cancellation))).expect("the module is fine");
    cancellation.cancel();
    let error = call(&program, &[Value::Null]).expect_err("the query was stopped");
    assert!(error.message.contains("was stopped"), "{}", error.message);
}

#[test]
fn rows_share_what_the_module_remembers_within_a_batch_only() {
    let program = program("let n = 0; export function f() { return ++n; }", None);
    let program = program.expect("the module is fine");
    let rows = [Value::Null, Value::Null];
    for _ in 0..2 {
        let counted = call(&program, &rows).expect("the function is fine");
        assert_eq!(counted, [Value::Int(1), Value::Int(2)]);
    }
}
