//! JSON in its three shapes: one document per line, an array of documents, and documents one after another
//! that may span lines.
//!
//! Documents are found by brackets and quotes alone, so that one with a mistake inside is cut out whole and
//! the next one is found.

use super::records::{DOCUMENT_BYTES_MAX, ReadError, Record, Sink};
use serde::de::IgnoredAny;
use std::collections::VecDeque;
use std::io::{BufRead, Read};

/// Reads documents until the end or until `sink` wants no more.
pub(crate) fn read(mut input: Box<dyn BufRead>, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    let mut line = 1;
    if skip_space(&mut *input, &mut line)? == Some(b'[') {
        input.consume(1);
        return read_array(&mut *input, line, sink);
    }
    read_lines(&mut *input, line, sink)
}

/// One line of a file.
enum Line {
    End,
    Text(Vec<u8>),
    TooLarge,
}

/// One document per line, unless the first line is only the beginning of one.
///
/// A first line that breaks off before a line that is whole is a bad line among others: documents that span
/// lines do not go on with another document.
fn read_lines(
    input: &mut dyn BufRead,
    mut line: u64,
    sink: &mut Sink<'_>,
) -> Result<(), ReadError> {
    let first = take_line(input)?;
    let mut waiting = VecDeque::from([first]);
    if let Some(Line::Text(first)) = waiting.front()
        && is_beginning(first)
    {
        let second = take_line(input)?;
        if let Line::Text(second) = &second
            && !is_document(second.trim_ascii())
        {
            return read_values(&[first.as_slice(), second].concat(), input, line, sink);
        }
        waiting.push_back(second);
    }
    loop {
        let text = match waiting.pop_front() {
            Some(text) => text,
            None => take_line(input)?,
        };
        let wanted = match text {
            Line::End => return Ok(()),
            Line::TooLarge => sink(judge(line, None)),
            Line::Text(text) if text.trim_ascii().is_empty() => true,
            Line::Text(text) => sink(record(line, text.trim_ascii().to_vec())),
        };
        if !wanted {
            return Ok(());
        }
        line += 1;
    }
}

/// Reads a line; one that is too large is skipped.
fn take_line(input: &mut dyn BufRead) -> std::io::Result<Line> {
    let mut text = Vec::new();
    let bytes_max = DOCUMENT_BYTES_MAX as u64;
    input.take(bytes_max).read_until(b'\n', &mut text)?;
    if text.is_empty() {
        return Ok(Line::End);
    }
    if text.len() < DOCUMENT_BYTES_MAX || text.ends_with(b"\n") {
        return Ok(Line::Text(text));
    }
    input.skip_until(b'\n')?;
    Ok(Line::TooLarge)
}

/// Whether a line is JSON that goes on after it.
fn is_beginning(line: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof())
        && !line.trim_ascii().is_empty()
}

fn is_document(json: &[u8]) -> bool {
    json.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(json).is_ok()
}

/// Documents one after another; `start` was read already.
fn read_values(
    start: &[u8],
    input: &mut dyn BufRead,
    mut line: u64,
    sink: &mut Sink<'_>,
) -> Result<(), ReadError> {
    let mut input = start.chain(input);
    while skip_space(&mut input, &mut line)?.is_some() {
        let begin = line;
        let json = take_value(&mut input, &mut line, &[])?;
        if !sink(judge(begin, json)) {
            return Ok(());
        }
    }
    Ok(())
}

/// The documents of an array; its `[` was read already.
fn read_array(
    input: &mut dyn BufRead,
    mut line: u64,
    sink: &mut Sink<'_>,
) -> Result<(), ReadError> {
    if skip_space(input, &mut line)? == Some(b']') {
        return Ok(());
    }
    loop {
        if skip_space(input, &mut line)?.is_none() {
            return Err(ReadError::UnclosedArray { line });
        }
        let begin = line;
        let json = take_value(input, &mut line, b",]")?;
        if !sink(judge(begin, json)) {
            return Ok(());
        }
        match skip_space(input, &mut line)? {
            Some(b',') => input.consume(1),
            Some(b']') => return Ok(()),
            Some(_) => return Err(ReadError::ArraySyntax { line }),
            None => return Err(ReadError::UnclosedArray { line }),
        }
    }
}

/// Skips white space, counting lines; the byte after it, or `None` at the end.
fn skip_space(input: &mut dyn BufRead, line: &mut u64) -> std::io::Result<Option<u8>> {
    loop {
        let buffer = input.fill_buf()?;
        let Some(&byte) = buffer.first() else {
            return Ok(None);
        };
        if !byte.is_ascii_whitespace() {
            return Ok(Some(byte));
        }
        let space = buffer
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        *line += newlines(&buffer[..space]);
        input.consume(space);
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// The text of one value; `None` if it is larger than any document may be, in which case it is skipped.
///
/// An object or array ends with its last bracket; anything else ends at white space or before one of `ends`.
fn take_value(
    input: &mut dyn BufRead,
    line: &mut u64,
    ends: &[u8],
) -> std::io::Result<Option<Vec<u8>>> {
    let mut scan = Scan {
        depth: 0,
        in_string: false,
        escaped: false,
    };
    let mut json = Vec::new();
    let mut too_large = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let (count, ended) = scan.take(buffer, ends);
        *line += newlines(&buffer[..count]);
        if json.len() + count <= DOCUMENT_BYTES_MAX {
            json.extend_from_slice(&buffer[..count]);
        } else {
            too_large = true;
        }
        input.consume(count);
        if ended {
            break;
        }
    }
    Ok((!too_large).then_some(json))
}

/// Follows brackets and quotes through a text that may come in pieces.
struct Scan {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// How many bytes of the piece belong to the value, and whether it ends there.
    fn take(&mut self, piece: &[u8], ends: &[u8]) -> (usize, bool) {
        for (index, &byte) in piece.iter().enumerate() {
            if self.in_string {
                self.in_string = self.escaped || byte != b'"';
                self.escaped = !self.escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                _ if self.depth == 0 && (ends.contains(&byte) || byte.is_ascii_whitespace()) => {
                    return (index, true);
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return (index + 1, true);
                    }
                }
                _ => {}
            }
        }
        (piece.len(), false)
    }
}

fn judge(line: u64, json: Option<Vec<u8>>) -> Record {
    match json {
        Some(json) => record(line, json),
        None => Record::Bad {
            line,
            reason: format!("larger than {} MiB", DOCUMENT_BYTES_MAX / (1024 * 1024)),
        },
    }
}

/// Checks that the text is a JSON object; what is inside is for the server to judge.
fn record(line: u64, json: Vec<u8>) -> Record {
    if let Err(error) = std::str::from_utf8(&json) {
        return Record::Bad {
            line,
            reason: format!("not UTF-8: {error}"),
        };
    }
    match serde_json::from_slice::<IgnoredAny>(&json) {
        Ok(_) if json.first() == Some(&b'{') => Record::Document { line, json },
        Ok(_) => Record::Bad {
            line,
            reason: "a document must be a JSON object".to_owned(),
        },
        Err(error) => Record::Bad {
            line,
            reason: format!("not JSON: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// Hands out one byte at a time, so that every border between two pieces is met.
    struct Slow(&'static [u8]);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((&byte, rest)) = self.0.split_first() else {
                return Ok(0);
            };
            buffer[0] = byte;
            self.0 = rest;
            Ok(1)
        }
    }

    fn found(input: Box<dyn BufRead>) -> Vec<String> {
        let mut found = Vec::new();
        let result = read(input, &mut |record| {
            found.push(match record {
                Record::Document { line, json } => {
                    format!("{line} {}", String::from_utf8(json).unwrap())
                }
                Record::Bad { line, reason } => {
                    format!("{line} bad: {}", reason.split(':').next().unwrap())
                }
            });
            true
        });
        if let Err(error) = result {
            found.push(error.to_string());
        }
        found
    }

    fn check(text: &'static str, expected: &[&str]) {
        assert_eq!(found(Box::new(text.as_bytes())), expected);
        assert_eq!(
            found(Box::new(BufReader::with_capacity(1, Slow(text.as_bytes())))),
            expected
        );
    }

    #[test]
    fn lines_are_documents_and_a_bad_one_does_not_lose_the_next() {
        check(
            "{\"a\":1}\n\n{\"a\":}\n[1]\r\n  {\"b\":\"}\"} \n{\"c\":3}",
            &[
                r#"1 {"a":1}"#,
                "3 bad: not JSON",
                "4 bad: a document must be a JSON object",
                r#"5 {"b":"}"}"#,
                r#"6 {"c":3}"#,
            ],
        );
    }

    #[test]
    fn a_first_line_that_breaks_off_is_a_bad_line_like_others() {
        check(
            "{\"a\": [1,\n{\"b\":2}\n{\"c\":3}\n",
            &["1 bad: not JSON", r#"2 {"b":2}"#, r#"3 {"c":3}"#],
        );
        check("{\"a\": 1", &["1 bad: not JSON"]);
    }

    #[test]
    fn a_line_that_is_too_large_is_skipped() {
        let large = std::iter::repeat_n(b'x', DOCUMENT_BYTES_MAX + 10);
        let text: Vec<u8> = large.chain(*b"\n{\"b\":2}\n").collect();
        let found = found(Box::new(std::io::Cursor::new(text)));
        assert_eq!(found, ["1 bad: larger than 64 MiB", r#"2 {"b":2}"#]);
    }

    #[test]
    fn elements_of_an_array_are_documents() {
        check(
            "\n[\n {\"a\": \"],\\\"\"},\n {\"b\": [1,\n 2]}, 7, {\"c\": nope},{}\n]\n",
            &[
                r#"3 {"a": "],\""}"#,
                "4 {\"b\": [1,\n 2]}",
                "5 bad: a document must be a JSON object",
                "5 bad: not JSON",
                "5 {}",
            ],
        );
        check("[]", &[]);
    }

    #[test]
    fn an_array_that_breaks_off_is_an_error_after_its_documents() {
        check(
            "[{\"a\":1}",
            &[r#"1 {"a":1}"#, "line 1: the array is not closed"],
        );
        check(
            "[{\"a\":1} {\"b\":2}]",
            &[
                r#"1 {"a":1}"#,
                "line 1: expected `,` or `]` between the documents of the array",
            ],
        );
    }

    #[test]
    fn documents_may_span_lines() {
        check(
            "{\n \"a\": 1\n}\n{\"b\":\n2} {}",
            &["1 {\n \"a\": 1\n}", "4 {\"b\":\n2}", "5 {}"],
        );
    }

    #[test]
    fn an_empty_file_holds_nothing() {
        check("", &[]);
        check(" \n ", &[]);
    }
}
