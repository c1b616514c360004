//! CSV with a header: each row becomes an object, each cell a JSON value.

use super::records::{ReadError, Record, Sink};
use csv::{ErrorKind, ReaderBuilder, StringRecord};
use serde_json::Value;
use std::collections::HashSet;
use std::io::BufRead;

/// Reads rows until the end or until `sink` wants no more. A row with the wrong number of cells, or with
/// invalid UTF-8, is a bad record; the next row is read all the same.
pub(crate) fn read(
    input: Box<dyn BufRead>,
    delimiter: u8,
    sink: &mut Sink<'_>,
) -> Result<(), ReadError> {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(input);
    let header = reader.headers().map_err(ReadError::Header)?.clone();
    check_header(&header)?;
    let mut row = StringRecord::new();
    loop {
        // The reader's own position is the end of the row before, blank lines included.
        let record = match reader.read_record(&mut row) {
            Ok(false) => return Ok(()),
            Ok(true) => Record::Document {
                line: row.position().map_or(0, csv::Position::line),
                json: object(&header, &row),
            },
            Err(error) => bad_row(error)?,
        };
        if !sink(record) {
            return Ok(());
        }
    }
}

fn check_header(header: &StringRecord) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    for (index, name) in header.iter().enumerate() {
        if name.is_empty() {
            return Err(ReadError::UnnamedColumn(index + 1));
        }
        if !seen.insert(name) {
            return Err(ReadError::RepeatedColumn(name.to_owned()));
        }
    }
    Ok(())
}

fn bad_row(error: csv::Error) -> Result<Record, ReadError> {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(error) => Err(ReadError::Io(error)),
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => Ok(Record::Bad {
            line,
            reason: format!("{len} cells, but the header has {expected_len}"),
        }),
        ErrorKind::Utf8 { err, .. } => Ok(Record::Bad {
            line,
            reason: err.to_string(),
        }),
        other => Ok(Record::Bad {
            line,
            reason: format!("{other:?}"),
        }),
    }
}

fn object(header: &StringRecord, row: &StringRecord) -> Vec<u8> {
    let mut json = Vec::with_capacity(row.as_slice().len() * 2);
    json.push(b'{');
    for (name, cell) in header.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
        if json.len() > 1 {
            json.push(b',');
        }
        write_string(name, &mut json);
        json.push(b':');
        match literal(cell) {
            true => json.extend_from_slice(cell.as_bytes()),
            false => write_string(cell, &mut json),
        }
    }
    json.push(b'}');
    json
}

/// Whether the cell, as it stands, is a JSON boolean or a number that JSON readers keep exactly or as a float.
fn literal(cell: &str) -> bool {
    if matches!(cell, "true" | "false") {
        return true;
    }
    let numeric = cell
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if !numeric {
        return false;
    }
    match serde_json::from_str::<Value>(cell) {
        Ok(Value::Number(_)) => cell.contains(['.', 'e', 'E']) || cell.parse::<i64>().is_ok(),
        _ => false,
    }
}

fn write_string(text: &str, json: &mut Vec<u8>) {
    serde_json::to_writer(json, text).expect("a string is always JSON, and memory takes it");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &'static str, expected: &[&str]) {
        let mut found = Vec::new();
        let result = read(Box::new(text.as_bytes()), b',', &mut |record| {
            found.push(match record {
                Record::Document { line, json } => {
                    format!("{line} {}", String::from_utf8(json).unwrap())
                }
                Record::Bad { line, reason } => format!("{line} bad: {reason}"),
            });
            true
        });
        if let Err(error) = result {
            found.push(error.to_string());
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn cells_become_json_values() {
        check(
            "a,b,c\n1,1.5,x\n007,true,\"q\"\"\"\n-2e3,TRUE,12345678901234567890\n",
            &[
                r#"2 {"a":1,"b":1.5,"c":"x"}"#,
                r#"3 {"a":"007","b":true,"c":"q\""}"#,
                r#"4 {"a":-2e3,"b":"TRUE","c":"12345678901234567890"}"#,
            ],
        );
    }

    #[test]
    fn an_empty_cell_leaves_the_field_out() {
        check("a,b\n,2\n,\n", &[r#"2 {"b":2}"#, "3 {}"]);
    }

    #[test]
    fn a_bad_row_does_not_lose_the_next() {
        check(
            "a,b\n1,2,3\n4,5\n",
            &["2 bad: 3 cells, but the header has 2", r#"3 {"a":4,"b":5}"#],
        );
    }

    #[test]
    fn a_row_over_several_lines_counts_from_its_first() {
        check(
            "a,b\n\"x\ny\",1\n2,3\n",
            &[r#"2 {"a":"x\ny","b":1}"#, r#"4 {"a":2,"b":3}"#],
        );
    }

    #[test]
    fn a_header_needs_distinct_names() {
        check("a,,b\n", &["the header of the CSV names no column 2"]);
        check(
            "a,a\n",
            &["the header of the CSV names the column `a` twice"],
        );
    }
}
