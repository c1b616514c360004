//! Result rows as JSON: one object per row, straight from the batches.
//!
//! A named column is a member of every row, `null` where it is undefined. A star column holds whole
//! objects, whose members are spread in its place, so that a missing field is a missing member. Names
//! that occur twice are written once, with the value and at the place of the last. The order of
//! members is the order of `column_fields` in every row: clients match the two by position.

mod cell;
mod documents;

use std::collections::{BTreeMap, HashSet};

use datafusion::arrow::array::{Array, AsArray, BinaryViewArray, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use outcrop_document::{ValueType, k};

use crate::binder::{OutputColumn, OutputKind};
use crate::error::QueryError;
use cell::{Cells, write_string};

pub(crate) use documents::{DOCUMENT_BYTES, DocumentReader, Undefined};

/// Collects the rows of one result as a JSON array.
pub(crate) struct RowWriter {
    columns: Vec<OutputItem>,
    json: Vec<u8>,
    row_count: u64,
    bytes_max: usize,
}

/// One column of the result, and what was learnt about it.
enum OutputItem {
    /// A member of every row. `key` is the name as JSON with its colon.
    Named {
        name: String,
        key: Vec<u8>,
        hidden: bool,
    },
    /// Objects whose members are spread, but for those named `later`.
    Star {
        later: HashSet<String>,
        keys: BTreeMap<String, Vec<u8>>,
    },
}

/// A finished result.
pub(crate) struct Rows {
    /// The rows as a JSON array of objects.
    pub(crate) json: Vec<u8>,
    /// Number of rows.
    pub(crate) row_count: u64,
    /// Names of the members, in their order in every row; `None` for a star without rows.
    pub(crate) column_fields: Option<Vec<String>>,
}

impl RowWriter {
    /// A writer of rows with these columns, which refuses to hold more than `bytes_max` bytes.
    pub(crate) fn new(output: &[OutputColumn], bytes_max: usize) -> Self {
        let later_names = |index: usize| {
            let later = output[index + 1..].iter();
            later
                .filter(|column| column.kind == OutputKind::Value)
                .map(|column| &column.name)
        };
        let columns = output
            .iter()
            .enumerate()
            .map(|(index, column)| match column.kind {
                OutputKind::Value => {
                    let mut key = Vec::new();
                    write_string(&column.name, &mut key);
                    key.push(b':');
                    let hidden = later_names(index).any(|later| *later == column.name);
                    OutputItem::Named {
                        name: column.name.clone(),
                        key,
                        hidden,
                    }
                }
                OutputKind::Star => OutputItem::Star {
                    later: later_names(index).cloned().collect(),
                    keys: BTreeMap::new(),
                },
            });
        Self {
            columns: columns.collect(),
            json: vec![b'['],
            row_count: 0,
            bytes_max,
        }
    }

    /// Bytes of the rows so far.
    pub(crate) fn bytes(&self) -> usize {
        self.json.capacity()
    }

    /// Appends the rows of one batch.
    ///
    /// # Errors
    /// [`QueryError::ResultTooLarge`] if the result outgrows its bound,
    /// [`QueryError::Internal`] if a column has no JSON form or a dynamic value is damaged.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        let cells = self
            .columns
            .iter()
            .zip(batch.columns())
            .map(|(item, column)| match item {
                OutputItem::Named { .. } => Cells::new(column).map(Source::Cells),
                OutputItem::Star { .. } if *column.data_type() == DataType::BinaryView => {
                    Ok(Source::Objects(column.as_binary_view().clone()))
                }
                OutputItem::Star { .. } => Ok(Source::Nothing),
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| internal(&error))?;
        for row in 0..batch.num_rows() {
            self.write_row(&cells, row)
                .map_err(|error| internal(&error))?;
            if self.json.len() > self.bytes_max {
                return Err(QueryError::ResultTooLarge {
                    limit_bytes: self.bytes_max as u64,
                });
            }
        }
        Ok(())
    }

    /// Appends a row with one text member: a line of EXPLAIN.
    pub(crate) fn push_text(&mut self, text: &str) {
        self.open_row();
        if let Some(OutputItem::Named { key, .. }) = self.columns.first() {
            self.json.extend_from_slice(key);
            write_string(text, &mut self.json);
        }
        self.json.push(b'}');
    }

    /// The whole result.
    pub(crate) fn finish(mut self) -> Rows {
        self.json.push(b']');
        let starred = self
            .columns
            .iter()
            .any(|item| matches!(item, OutputItem::Star { .. }));
        let column_fields = (!starred || self.row_count > 0).then(|| column_fields(self.columns));
        Rows {
            json: self.json,
            row_count: self.row_count,
            column_fields,
        }
    }

    fn open_row(&mut self) {
        if self.row_count > 0 {
            self.json.push(b',');
        }
        self.json.push(b'{');
        self.row_count += 1;
    }

    fn write_row(&mut self, sources: &[Source], row: usize) -> Result<(), k::DecodeError> {
        if let ([OutputItem::Star { keys, .. }], [Source::Objects(objects)]) =
            (self.columns.as_mut_slice(), sources)
            && objects.is_valid(row)
            && k::value_type(objects.value(row))? == ValueType::Object
        {
            if self.row_count > 0 {
                self.json.push(b',');
            }
            self.row_count += 1;
            return write_document(objects.value(row), keys, &mut self.json);
        }
        self.open_row();
        let json = &mut self.json;
        for (index, item) in self.columns.iter_mut().enumerate() {
            let later = &sources[index + 1..];
            match (item, &sources[index]) {
                (OutputItem::Named { name, key, hidden }, Source::Cells(cells)) => {
                    if *hidden || is_member(later, row, name)? {
                        continue;
                    }
                    separate(json);
                    json.extend_from_slice(key);
                    cells.write(row, json)?;
                }
                (OutputItem::Star { later: named, keys }, Source::Objects(objects)) => {
                    if objects.is_null(row) {
                        continue;
                    }
                    for entry in k::entries(objects.value(row))? {
                        let (name, value) = entry?;
                        if named.contains(name.as_ref()) || is_member(later, row, &name)? {
                            continue;
                        }
                        separate(json);
                        json.extend_from_slice(known_key(keys, &name));
                        k::write_json(&value, json)?;
                    }
                }
                _ => {}
            }
        }
        json.push(b'}');
        Ok(())
    }
}

/// Where the members of one column come from, in one batch.
enum Source {
    Cells(Cells),
    Objects(BinaryViewArray),
    Nothing,
}

/// A whole object as a row: nothing else is in the row, so it is written in one go.
fn write_document(
    object: &[u8],
    keys: &mut BTreeMap<String, Vec<u8>>,
    json: &mut Vec<u8>,
) -> Result<(), k::DecodeError> {
    for entry in k::Node::root(object)?.entries() {
        known_key(keys, &entry?.0);
    }
    k::write_json(object, json)
}

/// Whether a later star column has a member of this name in this row.
fn is_member(later: &[Source], row: usize, name: &str) -> Result<bool, k::DecodeError> {
    for source in later {
        if let Source::Objects(objects) = source
            && objects.is_valid(row)
            && k::get(objects.value(row), &[name])?.is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn separate(json: &mut Vec<u8>) {
    if json.last() != Some(&b'{') {
        json.push(b',');
    }
}

/// The JSON of a member's name with its colon, made when the name is first seen.
fn known_key<'a>(keys: &'a mut BTreeMap<String, Vec<u8>>, name: &str) -> &'a [u8] {
    if !keys.contains_key(name) {
        let mut key = Vec::with_capacity(name.len() + 3);
        write_string(name, &mut key);
        key.push(b':');
        keys.insert(name.to_owned(), key);
    }
    &keys[name]
}

/// Names in the order of the members. Members of an object are in the order of their names, so the
/// names of a star column are too.
fn column_fields(columns: Vec<OutputItem>) -> Vec<String> {
    let mut names = Vec::new();
    for column in columns {
        match column {
            OutputItem::Named { hidden: true, .. } => {}
            OutputItem::Named { name, .. } => names.push(name),
            OutputItem::Star { keys, .. } => names.extend(keys.into_keys()),
        }
    }
    // A name of two stars, or of a column and a later star, counts where it was written last.
    let mut seen = HashSet::new();
    names.reverse();
    names.retain(|name| seen.insert(name.clone()));
    names.reverse();
    names
}

fn internal(error: &dyn std::error::Error) -> QueryError {
    QueryError::Internal {
        message: format!("a result row could not be written: {error}"),
    }
}

#[cfg(test)]
mod tests;
