//! Statements of the SQL tests with words left out, doubled and taken from others: whatever they mean, if
//! anything, nothing panics, no error is the engine's own fault, and an answer is what it says it is.
//!
//! The fuzz target `sql_query` asks the same of any text, and is guided by what the text reaches.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use outcrop_query::{Engine, QueryError, QueryOutput, dialect};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;

use crate::fixture::{Fixture, Layout, request};
use crate::slt::statements;

/// Cases, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 150;

/// Time that a query has; some ask for more rows than there is time for.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Time in which even such a query has ended.
const TIMEOUT_MAX: Duration = Duration::from_secs(20);

/// The statements of the SQL tests, as words.
static STATEMENTS: LazyLock<Vec<Vec<String>>> =
    LazyLock::new(|| statements().iter().map(|text| words(text)).collect());

/// Names, numbers, operators and quoted texts as a whole, and every other character by itself.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::<String>::new();
    let mut quote = None;
    for character in text.chars() {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let continues = match words.last().and_then(|word| word.chars().last()) {
            Some(before) => {
                let is_operator = |c: char| "<>=!:|".contains(c);
                let is_brace = "{}".contains(before) && before == character;
                quote.is_some()
                    || is_brace
                    || is_part(before) && is_part(character)
                    || is_operator(before) && is_operator(character)
            }
            None => false,
        };
        match words.len() {
            count if continues => words[count - 1].push(character),
            _ => words.push(character.to_string()),
        }
        match quote {
            Some(open) if open == character => quote = None,
            None if matches!(character, '\'' | '"' | '`') => quote = Some(character),
            _ => {}
        }
    }
    words.retain(|word| !word.trim().is_empty());
    words
}

/// What is done to the words of a statement, at a place and with the words of another one.
#[derive(Clone, Copy, Debug)]
enum Change {
    LeaveOut,
    Double,
    Replace,
    Insert,
    SwapWithNext,
    /// The rest comes from the other one.
    Continue,
}

fn changes() -> impl Strategy<Value = Vec<(Change, usize, usize, usize)>> {
    let change = prop_oneof![
        3 => Just(Change::LeaveOut),
        1 => Just(Change::Double),
        4 => Just(Change::Replace),
        3 => Just(Change::Insert),
        2 => Just(Change::SwapWithNext),
        1 => Just(Change::Continue),
    ];
    let any = any::<usize>;
    prop::collection::vec((change, any(), any(), any()), 1..4)
}

fn changed(statement: usize, changes: &[(Change, usize, usize, usize)]) -> String {
    let all = &*STATEMENTS;
    let mut words = all[statement % all.len()].clone();
    for (change, place, other, other_place) in changes {
        if words.is_empty() {
            break;
        }
        let place = place % words.len();
        let other = &all[other % all.len()];
        let other_place = other_place % other.len();
        let word = other[other_place].clone();
        match change {
            Change::LeaveOut => drop(words.remove(place)),
            Change::Double => words.insert(place, words[place].clone()),
            Change::Replace => words[place] = word,
            Change::Insert => words.insert(place, word),
            Change::SwapWithNext if place + 1 < words.len() => words.swap(place, place + 1),
            Change::SwapWithNext => {}
            Change::Continue => {
                words.truncate(place);
                words.extend_from_slice(&other[other_place..]);
            }
        }
    }
    // A sleep is no news.
    words.retain(|word| !word.eq_ignore_ascii_case("sleep"));
    words.join(" ")
}

static SUBJECT: LazyLock<(Runtime, Engine)> = LazyLock::new(|| {
    let engine = Fixture::read(Layout::Segments).engine();
    (Runtime::new().unwrap(), engine)
});

fn check(
    sql: &str,
    answer: Result<QueryOutput, QueryError>,
    taken: Duration,
) -> Result<(), TestCaseError> {
    prop_assert!(taken < TIMEOUT_MAX, "{sql}: {taken:?}");
    match answer {
        Ok(output) => {
            let rows: Vec<Box<RawValue>> = serde_json::from_slice(&output.rows_json)
                .map_err(|error| TestCaseError::fail(format!("{sql}: {error}")))?;
            prop_assert_eq!(rows.len() as u64, output.row_count, "{}", sql);
        }
        Err(error) => {
            let is_own_fault =
                matches!(error, QueryError::Internal { .. } | QueryError::Storage(_));
            prop_assert!(!is_own_fault, "{sql}\n{error:?}");
        }
    }
    Ok(())
}

fn config() -> ProptestConfig {
    let given = ProptestConfig::default();
    ProptestConfig {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => given.cases,
            None => CASES,
        },
        rng_seed: match given.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            fixed => fixed,
        },
        failure_persistence: None,
        max_shrink_iters: 100,
        ..given
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_statement_makes_the_engine_fail(statement in any::<usize>(), changes in changes()) {
        let sql = changed(statement, &changes);
        let (runtime, engine) = &*SUBJECT;
        let request = outcrop_query::QueryRequest { timeout: TIMEOUT, ..request(&sql) };
        let start = Instant::now();
        let answer = runtime.block_on(engine.execute(request));
        check(&sql, answer, start.elapsed())?;
    }

    #[test]
    fn an_error_of_the_parser_points_into_the_text(statement in any::<usize>(), changes in changes()) {
        let sql = changed(statement, &changes);
        if let Err(error) = dialect::parse(&sql)
            && let Some(place) = error.position()
        {
            let lines = sql.split('\n').count() as u64;
            prop_assert!((1..=lines).contains(&place.line), "{sql}: {place:?}");
        }
    }
}
