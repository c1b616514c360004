//! Rows as documents, for what is written: ingest transformations and INSERT.
//!
//! The members of a row are those of its JSON, with one difference: an undefined value leaves its
//! field out, while a null is a field.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use outcrop_document::{Object, Value, k};

use super::{cell, internal};
use crate::binder::{OutputColumn, OutputKind};
use crate::dynamic::ValueColumn;
use crate::error::QueryError;

/// What a document takes in memory besides its values, about.
pub(crate) const DOCUMENT_BYTES: usize = 256;

/// What Arrow NULL in a dynamic column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undefined {
    /// The value is undefined, and its field is left out. Explicit nulls are K-encoded.
    LeftOut,
    /// The two are not told apart, and a null is stored.
    Null,
}

/// Reads the rows of one batch as documents.
pub(crate) struct DocumentReader<'a> {
    columns: Vec<(&'a OutputColumn, Column)>,
    undefined: Undefined,
}

enum Column {
    Star(BinaryViewArray),
    Value(ValueColumn, ArrayRef),
    Nothing,
}

impl<'a> DocumentReader<'a> {
    /// A reader of the rows of `batch`, whose first columns are those of `output`.
    ///
    /// # Errors
    /// [`QueryError::Internal`] if a column is of a type that no document holds.
    pub(crate) fn new(
        output: &'a [OutputColumn],
        batch: &RecordBatch,
        undefined: Undefined,
    ) -> Result<Self, QueryError> {
        let columns = output.iter().zip(batch.columns());
        let columns = columns.map(|(output, array)| Ok((output, column(output, array)?)));
        let columns: Result<Vec<_>, DataFusionError> = columns.collect();
        Ok(Self {
            columns: columns.map_err(|error| internal(&error))?,
            undefined,
        })
    }

    /// The document of one row; panics when `row` is out of range.
    ///
    /// # Errors
    /// [`QueryError::Internal`] if a dynamic value is damaged.
    pub(crate) fn document(&self, row: usize) -> Result<Object, QueryError> {
        let mut document = Object::new();
        for (output, column) in &self.columns {
            match column {
                Column::Nothing => {}
                Column::Star(objects) if objects.is_null(row) => {}
                Column::Star(objects) => {
                    let value = k::decode(objects.value(row)).map_err(|error| internal(&error))?;
                    if let Value::Object(fields) = value {
                        document.extend(fields);
                    }
                }
                Column::Value(values, array) => {
                    let is_absent = values.is_arrow_null(row)
                        && *array.data_type() == DataType::BinaryView
                        && self.undefined == Undefined::LeftOut;
                    if is_absent {
                        document.remove(&output.name);
                        continue;
                    }
                    let value = values.value(row).map_err(|error| internal(&error))?;
                    document.insert(output.name.clone(), value);
                }
            }
        }
        Ok(document)
    }

    /// Bytes of the values of one row, about.
    pub(crate) fn bytes(&self, row: usize) -> usize {
        let bytes = |column: &Column| match column {
            Column::Nothing => 0,
            Column::Star(objects) => objects.value(row).len(),
            Column::Value(_, array) => match array.data_type() {
                DataType::BinaryView => array.as_binary_view().value(row).len(),
                DataType::Utf8View => array.as_string_view().value(row).len(),
                DataType::Binary => array.as_binary::<i32>().value(row).len(),
                _ => size_of::<Value>(),
            },
        };
        self.columns.iter().map(|(_, column)| bytes(column)).sum()
    }
}

fn column(output: &OutputColumn, array: &ArrayRef) -> Result<Column, DataFusionError> {
    match output.kind {
        OutputKind::Star => Ok(match array.as_binary_view_opt() {
            Some(objects) => Column::Star(objects.clone()),
            None => Column::Nothing,
        }),
        OutputKind::Value => {
            let array = match cell::canonical(array.data_type()) {
                Some(data_type) => cast(array, &data_type)?,
                None => ArrayRef::clone(array),
            };
            Ok(Column::Value(ValueColumn::new(&array)?, array))
        }
    }
}
