//! Finds rows in the JSON text of a result.

use std::ops::Range;

/// The place of one row in so many is kept: the others are found from there.
const STRIDE: usize = 256;

/// Where the rows of an array of objects are.
#[derive(Debug)]
pub(super) struct RowIndex {
    count: usize,
    /// Where every row begins whose number is a multiple of [`STRIDE`].
    starts: Vec<usize>,
}

impl RowIndex {
    /// Looks through `json`, an array of objects without white space between them.
    pub(super) fn new(json: &[u8]) -> Self {
        let (mut count, mut starts, mut at) = (0, Vec::new(), 1);
        while json.get(at) == Some(&b'{') {
            if count % STRIDE == 0 {
                starts.push(at);
            }
            count += 1;
            // Over the comma, or the bracket at the end.
            at = row_end(json, at) + 1;
        }
        Self { count, starts }
    }

    /// Number of rows.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The bytes of the rows `rows` of the same text, with the commas between them.
    pub(super) fn bytes_of(&self, json: &[u8], rows: Range<usize>) -> Range<usize> {
        let end = rows.end.min(self.count);
        if rows.start >= end {
            return 0..0;
        }
        let last = self.start(json, end - 1);
        self.start(json, rows.start)..row_end(json, last)
    }

    fn start(&self, json: &[u8], row: usize) -> usize {
        let mut at = self.starts[row / STRIDE];
        for _ in 0..row % STRIDE {
            at = row_end(json, at) + 1;
        }
        at
    }
}

/// The end of the object that begins at `start`.
fn row_end(json: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(json, at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
    }
    at
}

/// The place behind the quotation mark that ends the string whose first byte is at `at`.
fn string_end(json: &[u8], mut at: usize) -> usize {
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            b'"' => break,
            _ => {}
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn any_range_of_rows_is_found() {
        let rows: Vec<Value> = (0..1000)
            .map(|number| match number % 4 {
                0 => json!({}),
                1 => json!({ "a": [{ "b": number }, []], "}": "]" }),
                2 => json!({ "text": "\\\"}{\",[" }),
                _ => json!({ "n": number, "t": "ü\u{0}\\" }),
            })
            .collect();
        let text = serde_json::to_vec(&rows).unwrap();
        let index = RowIndex::new(&text);
        assert_eq!(index.count(), rows.len());
        for range in [
            0..1,
            0..1000,
            255..257,
            511..512,
            998..2000,
            3..3,
            1000..1001,
        ] {
            let found = &text[index.bytes_of(&text, range.clone())];
            let found = format!("[{}]", std::str::from_utf8(found).unwrap());
            let found: Vec<Value> = serde_json::from_str(&found).unwrap();
            let end = range.end.min(rows.len());
            let expected = rows.get(range.start..end).unwrap_or_default();
            assert_eq!(found, expected, "{range:?}");
        }
    }

    #[test]
    fn a_result_without_rows_has_none() {
        let index = RowIndex::new(b"[]");
        assert_eq!(index.count(), 0);
        assert_eq!(index.bytes_of(b"[]", 0..5), 0..0);
    }
}
