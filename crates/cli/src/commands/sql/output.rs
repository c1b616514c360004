//! What `outcrop sql` prints: rows, times, errors.

use super::Format;
use super::query::{Answer, Row};
use crate::client::ClientError;
use anyhow::{Context, Result};
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde_json::Value;
use std::io::Write;

/// A cell longer than this many characters is cut in a table; `--format json` shows it whole.
const CELL_CHARACTERS_MAX: usize = 100;

/// Prints the rows to standard output; times and warnings to standard error.
pub(crate) fn print(answer: &Answer, format: Format) -> Result<()> {
    let text = match format {
        Format::Json => answer
            .rows
            .iter()
            .map(|row| format!("{}\n", row.get()))
            .collect(),
        Format::Table => table(answer)?,
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")?;
    for warning in &answer.warnings {
        eprintln!("warning: {warning}");
    }
    eprintln!("{}", timing(answer));
    Ok(())
}

fn timing(answer: &Answer) -> String {
    let count = answer.rows.len();
    let rows = if count == 1 { "row" } else { "rows" };
    let total = answer.elapsed.as_secs_f64() * 1e3;
    match answer.server_ms {
        Some(server) => format!("{count} {rows} in {total:.1} ms (server: {server} ms)"),
        None => format!("{count} {rows} in {total:.1} ms"),
    }
}

fn table(answer: &Answer) -> Result<String> {
    let rows: Vec<Row> = answer
        .rows
        .iter()
        .map(|row| serde_json::from_str(row.get()))
        .collect::<Result<_, _>>()
        .context("the server sent a row that is not an object")?;
    let columns = columns(&answer.columns, &rows);
    if columns.is_empty() {
        return Ok(String::new());
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(&columns);
    for Row(members) in &rows {
        table.add_row(columns.iter().map(|column| {
            let value = members
                .iter()
                .find(|(name, _)| name == column)
                .map(|(_, value)| value);
            cell(value)
        }));
    }
    Ok(format!("{table}\n"))
}

/// The columns that the server named, and after them those that only a row has, in order of appearance.
fn columns(named: &[String], rows: &[Row]) -> Vec<String> {
    let mut columns = named.to_vec();
    let mut known: std::collections::HashSet<String> = columns.iter().cloned().collect();
    for (name, _) in rows.iter().flat_map(|Row(members)| members) {
        if known.insert(name.clone()) {
            columns.push(name.clone());
        }
    }
    columns
}

/// Numbers stand to the right; a missing member is empty, which sets it apart from a null.
fn cell(value: Option<&Value>) -> Cell {
    let Some(value) = value else {
        return Cell::new("");
    };
    let cell = Cell::new(shorten(&text(value)));
    if value.is_number() {
        cell.set_alignment(CellAlignment::Right)
    } else {
        cell
    }
}

/// A value as a person reads it: strings without quotes, dates and times without their wrapper.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) if members.contains_key("__rockset_type") => {
            members.get("value").map_or_else(|| value.to_string(), text)
        }
        other => other.to_string(),
    }
}

fn shorten(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(CELL_CHARACTERS_MAX + 1)
        .collect();
    match clean.char_indices().nth(CELL_CHARACTERS_MAX) {
        Some((offset, _)) => format!("{}…", &clean[..offset]),
        None => clean,
    }
}

/// An error for people; for one with a position, the line of the statement with a caret under it.
pub(crate) fn describe_error(error: &ClientError, statement: &str) -> String {
    let mut description = format!("error: {error}\n");
    if let Some(cause) = std::error::Error::source(error) {
        description.push_str(&format!("  because: {cause}\n"));
    }
    if let ClientError::Refused { error, .. } = error
        && let (Some(line), Some(column)) = (error.line, error.column)
    {
        description.push_str(&caret(statement, line, column).unwrap_or_default());
    }
    description
}

/// The line of the statement and a caret below the column; both are counted from 1.
fn caret(statement: &str, line: u32, column: u32) -> Option<String> {
    let text = statement
        .lines()
        .nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let before = usize::try_from(column).ok()?.checked_sub(1)?;
    let prefix = format!("line {line}: ");
    // A tab before the position stays a tab, so that the caret lines up under it.
    let indent: String = prefix
        .chars()
        .map(|_| ' ')
        .chain(
            text.chars()
                .take(before)
                .map(|character| if character == '\t' { '\t' } else { ' ' }),
        )
        .collect();
    Some(format!("{prefix}{text}\n{indent}^\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_caret_stands_under_the_column() {
        assert_eq!(
            caret("select 1\nfrom\tx y", 2, 6).unwrap(),
            "line 2: from\tx y\n            \t^\n"
        );
        assert_eq!(caret("select", 3, 1), None);
        assert_eq!(caret("select", 0, 0), None);
    }

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(text(&json!("a")), "a");
        assert_eq!(text(&json!(null)), "null");
        assert_eq!(
            text(&json!({"__rockset_type": "DATE", "value": "2020-01-02"})),
            "2020-01-02"
        );
        assert_eq!(text(&json!({"a": [1]})), r#"{"a":[1]}"#);
    }

    #[test]
    fn a_long_cell_is_cut_between_characters() {
        let long = "ü".repeat(CELL_CHARACTERS_MAX + 5);
        assert_eq!(shorten(&long).chars().count(), CELL_CHARACTERS_MAX + 1);
        assert_eq!(shorten("a\nb"), "a b");
    }

    #[test]
    fn columns_keep_the_order_in_which_they_appear() {
        let rows: Vec<Row> =
            serde_json::from_str(r#"[{"b": 1, "a": 2}, {"c": 3, "b": 4}]"#).unwrap();
        assert_eq!(columns(&[], &rows), ["b", "a", "c"]);
        assert_eq!(columns(&["a".to_owned()], &rows), ["a", "b", "c"]);
    }
}
