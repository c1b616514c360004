//! Cutting text into statements at `;`, without parsing SQL.
//!
//! A `;` inside quotes (`'…'`, `"…"`, `` `…` ``) or inside a comment (`-- …`, `/* … */`) does not end a
//! statement. A doubled quote inside quotes needs no care: it closes and opens again at once.

/// Where in the text the scanner is.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Statement,
    Quotes(u8),
    LineComment,
    BlockComment,
}

/// The end of the first statement, that is the position of its `;`, and what the rest of the text is.
fn end(text: &str) -> (Option<usize>, Inside) {
    let bytes = text.as_bytes();
    let mut inside = Inside::Statement;
    let mut index = 0;
    while index < bytes.len() {
        let pair = (bytes[index], bytes.get(index + 1).copied());
        let mut step = 1;
        inside = match (inside, pair) {
            (Inside::Statement, (b';', _)) => return (Some(index), inside),
            (Inside::Statement, (quote @ (b'\'' | b'"' | b'`'), _)) => Inside::Quotes(quote),
            (Inside::Statement, (b'-', Some(b'-'))) => Inside::LineComment,
            (Inside::Statement, (b'/', Some(b'*'))) => {
                step = 2;
                Inside::BlockComment
            }
            (Inside::Quotes(quote), (byte, _)) if byte == quote => Inside::Statement,
            (Inside::LineComment, (b'\n', _)) => Inside::Statement,
            (Inside::BlockComment, (b'*', Some(b'/'))) => {
                step = 2;
                Inside::Statement
            }
            (same, _) => same,
        };
        index += step;
    }
    (None, inside)
}

/// The statements of a script, without their `;`. Empty ones are left out; the last needs no `;`.
///
/// A statement keeps the blank lines and comments before it, so that positions in errors count from the
/// end of the statement before.
pub(crate) fn split(script: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let mut rest = script;
    loop {
        let (position, _) = end(rest);
        let statement = position.map_or(rest, |position| &rest[..position]);
        if !is_blank(statement) {
            statements.push(statement);
        }
        match position {
            Some(position) => rest = &rest[position + 1..],
            None => return statements,
        }
    }
}

/// Whether the text ends with a finished statement, so that a shell may run it.
pub(crate) fn is_complete(text: &str) -> bool {
    let mut rest = text;
    while let (Some(position), _) = end(rest) {
        rest = &rest[position + 1..];
        if is_blank(rest) {
            return true;
        }
    }
    is_blank(rest)
}

/// Whether nothing but white space and comments is left.
fn is_blank(text: &str) -> bool {
    let text = text.trim_start();
    if let Some(comment) = text.strip_prefix("--") {
        return comment
            .split_once('\n')
            .is_none_or(|(_, rest)| is_blank(rest));
    }
    if let Some(comment) = text.strip_prefix("/*") {
        return comment
            .split_once("*/")
            .is_some_and(|(_, rest)| is_blank(rest));
    }
    text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{is_complete, split};

    #[test]
    fn a_script_is_cut_at_semicolons_outside_quotes_and_comments() {
        let script = "select ';' ; select \"a;b\" -- no; end\n; /* ; */ select 3";
        assert_eq!(
            split(script),
            [
                "select ';' ",
                " select \"a;b\" -- no; end\n",
                " /* ; */ select 3"
            ]
        );
    }

    #[test]
    fn empty_statements_are_left_out() {
        assert!(split(" ;; -- nothing\n; /* none */ ").is_empty());
        assert_eq!(split("select 'it''s'"), ["select 'it''s'"]);
    }

    #[test]
    fn a_shell_waits_for_the_semicolon() {
        assert!(!is_complete("select 1"));
        assert!(!is_complete("select ';"));
        assert!(!is_complete("select 1 /* ;"));
        assert!(is_complete("select 1;"));
        assert!(is_complete("select 1; -- done"));
        assert!(is_complete("  "));
    }
}
