//! `script {{{ … }}}` in front of a statement: JavaScript, which is no SQL and is cut out before the
//! text is split into tokens.

use std::borrow::Cow;

use crate::error::{Position, QueryError};

/// The JavaScript in front of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What stands between the brackets.
    pub source: String,
    /// Where that begins.
    pub position: Position,
}

/// Most places that may be the end. JavaScript has `}}}` too, where blocks end.
const ENDS_MAX: usize = 1_000;

/// Takes the script out of `sql`, if it begins with one. In the rest of the text blanks stand for it,
/// so that everything keeps its place.
///
/// # Errors
/// [`QueryError::Syntax`] if it is never closed.
pub(super) fn take(sql: &str) -> Result<(Option<Script>, Cow<'_, str>), QueryError> {
    let Some(start) = start_of(sql) else {
        return Ok((None, Cow::Borrowed(sql)));
    };
    let position = position_at(sql, start);
    let Some(length) = length_of(&sql[start..]) else {
        return Err(QueryError::syntax("`{{{` is never closed", Some(position)));
    };
    let script = Script {
        source: sql[start..start + length].to_owned(),
        position,
    };
    let end = start + length + 3;
    let blank = |character: char| match character {
        '\n' => '\n',
        _ => ' ',
    };
    let mut rest: String = sql[..end].chars().map(blank).collect();
    rest.push_str(&sql[end..]);
    Ok((Some(script), Cow::Owned(rest)))
}

/// Where the text between the brackets begins.
fn start_of(sql: &str) -> Option<usize> {
    let begin = sql.len() - sql.trim_start().len();
    let word = sql.get(begin..begin + 6)?;
    let behind = &sql[begin + 6..];
    let bracket = behind.len() - behind.trim_start().len();
    let is_script = word.eq_ignore_ascii_case("script") && behind[bracket..].starts_with("{{{");
    is_script.then_some(begin + 6 + bracket + 3)
}

/// The length of the text up to the `}}}` that a statement follows on; up to the last one if none does.
fn length_of(text: &str) -> Option<usize> {
    let mut last = None;
    let mut from = 0;
    for _ in 0..ENDS_MAX {
        let Some(found) = text[from..].find("}}}") else {
            break;
        };
        let end = from + found;
        if begins_statement(&text[end + 3..]) {
            return Some(end);
        }
        last = Some(end);
        from = end + 1;
    }
    last
}

fn begins_statement(text: &str) -> bool {
    let mut text = text.trim_start();
    loop {
        let behind = match (text.strip_prefix("--"), text.strip_prefix("/*")) {
            (Some(comment), _) => comment.split_once('\n'),
            (None, Some(comment)) => comment.split_once("*/"),
            (None, None) => break,
        };
        match behind {
            Some((_, rest)) => text = rest.trim_start(),
            None => return false,
        }
    }
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let words = [
        "SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN", "INSERT", "DESCRIBE", "DESC", "SHOW",
        "OPTION",
    ];
    text.starts_with('(')
        || words
            .iter()
            .any(|word| text[..letters].eq_ignore_ascii_case(word))
}

fn position_at(text: &str, at: usize) -> Position {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default();
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Position {
        line: number(line),
        column: number(column.chars().count() + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, source: &str, line: u64, column: u64, rest: &str) {
        let (script, text) = take(sql).expect("the script is closed");
        let script = script.expect("there is a script");
        assert_eq!(script.source, source);
        assert_eq!(script.position, Position { line, column });
        assert_eq!(text.trim_start(), rest);
        assert_eq!(text.chars().count(), sql.chars().count());
    }

    #[test]
    fn a_script_ends_where_a_statement_begins() {
        check("script {{{ a }}} SELECT 1", " a ", 1, 11, "SELECT 1");
        check(
            "\n Script{{{\u{e4}\n{{{1}}}}}}\nselect 1",
            "\u{e4}\n{{{1}}}",
            2,
            11,
            "select 1",
        );
        check(
            "script {{{f(){{{}}}}}} (SELECT 1)",
            "f(){{{}}}",
            1,
            11,
            "(SELECT 1)",
        );
        check("script {{{x}}}}}} WITH", "x}}}", 1, 11, "WITH");
        check(
            "script {{{x}}} -- c }}}\n/* d */ VALUES 1",
            "x",
            1,
            11,
            "-- c }}}\n/* d */ VALUES 1",
        );
        check("script {{{x}}} nothing", "x", 1, 11, "nothing");
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for sql in [
            "SELECT 1",
            "script",
            "scripts {{{ }}}",
            "",
            "\u{e4}\u{e4}\u{e4}",
        ] {
            let (script, text) = take(sql).expect("there is nothing to close");
            assert_eq!((script, text.as_ref()), (None, sql));
        }
        assert!(take("script {{{ a }}").is_err());
    }
}
