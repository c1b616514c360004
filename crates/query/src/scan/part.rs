//! How one part of a snapshot yields the columns of a plan.
//!
//! Parts differ: a path may hold ints in one segment, strings in the next and nothing in a third,
//! while the plan has one type for it. [`PartColumns`] decides once per part what to read and how
//! to build each column from it, so that the work per batch is one kernel per column.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array,
};
use datafusion::arrow::compute::is_not_null;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;
use outcrop_document::{FieldPath, ValueType};
use outcrop_storage::{Part, SubColumn, SubColumnKind, TypeCounts};

use super::assemble;
use super::column::{Column, Content, present};

/// What to read from one part, and how the columns of a plan come from it.
pub(crate) struct PartColumns {
    stored: Vec<SubColumn>,
    document: bool,
    sources: Vec<Source>,
    schema: SchemaRef,
}

/// Where one column comes from. Indices point into the stored columns of the batch.
enum Source {
    /// No document of this part has the path.
    Null(DataType),
    /// No document of this part has an explicit null at the path.
    NoMarks,
    /// A stored column as it is.
    Stored(usize),
    /// A stored column of marks, whose absence means false.
    Marks(usize),
    /// Ints and floats, as floats.
    Number(Vec<usize>),
    /// Values of several stored columns, at most one of them per row.
    Dynamic {
        values: Vec<usize>,
        nulls: Option<usize>,
    },
    /// The document itself.
    WholeDocument,
    /// Taken out of the document, as objects are not stored by themselves.
    FromDocument { path: FieldPath, nulls: bool },
}

impl PartColumns {
    /// Decides how `part` yields `columns`, which `schema` describes in the same order.
    pub(crate) fn new(part: &Part, columns: &[&Column], schema: SchemaRef) -> Self {
        let mut this = Self {
            stored: Vec::new(),
            document: false,
            sources: Vec::new(),
            schema,
        };
        for column in columns {
            let source = this.source(part, column);
            this.document |= matches!(source, Source::WholeDocument | Source::FromDocument { .. });
            this.sources.push(source);
        }
        this
    }

    /// The stored columns to read, in the order that [`Self::assemble`] expects.
    pub(crate) fn stored(&self) -> &[SubColumn] {
        &self.stored
    }

    /// Whether documents are to be read too, as the last column.
    pub(crate) fn document(&self) -> bool {
        self.document
    }

    /// Whether no column depends on what the part holds: each is null (or false) in every row.
    pub(crate) fn is_constant(&self) -> bool {
        self.sources
            .iter()
            .all(|source| matches!(source, Source::Null(_) | Source::NoMarks))
    }

    /// Builds the plan's columns from a batch of stored ones.
    ///
    /// # Errors
    /// If a stored value is damaged.
    pub(crate) fn assemble(&self, stored: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns = self
            .sources
            .iter()
            .map(|source| source.column(stored))
            .collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(stored.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }

    fn source(&mut self, part: &Part, column: &Column) -> Source {
        if column.content == Content::Document {
            return Source::WholeDocument;
        }
        let Some(counts) = part.types().get(&column.path) else {
            return absent(column);
        };
        let Some(kinds) = stored_kinds(column.content, counts) else {
            let nulls = column.content == Content::Dynamic { nulls: true };
            return Source::FromDocument {
                path: column.path.clone(),
                nulls,
            };
        };
        let read = kinds
            .iter()
            .map(|kind| self.read(&column.path, *kind))
            .collect::<Vec<_>>();
        let nulls = kinds.iter().position(|kind| *kind == SubColumnKind::Null);
        match (column.content, read.as_slice()) {
            (_, []) => absent(column),
            (Content::NullMark, [only]) => Source::Marks(*only),
            (Content::Native(_) | Content::Int, [only]) => Source::Stored(*only),
            (Content::Number, _) => Source::Number(read),
            (_, [only]) if kinds[0].is_k() => Source::Stored(*only),
            _ => {
                let nulls = nulls.map(|index| read[index]);
                let values = read
                    .into_iter()
                    .filter(|index| Some(*index) != nulls)
                    .collect();
                Source::Dynamic { values, nulls }
            }
        }
    }

    /// The place of a stored column in the batch, asked for once.
    fn read(&mut self, path: &FieldPath, kind: SubColumnKind) -> usize {
        let wanted = SubColumn::new(path.clone(), kind);
        match self.stored.iter().position(|column| *column == wanted) {
            Some(index) => index,
            None => {
                self.stored.push(wanted);
                self.stored.len() - 1
            }
        }
    }
}

/// The kinds of stored columns that make up a column; `None` if objects are among its values.
fn stored_kinds(content: Content, counts: &TypeCounts) -> Option<Vec<SubColumnKind>> {
    let mut wanted = match content {
        Content::NullMark => Vec::new(),
        Content::Int => {
            let ints = present(counts).into_iter();
            ints.filter(|value_type| *value_type == ValueType::Int)
                .collect()
        }
        _ => present(counts),
    };
    let marks = matches!(
        content,
        Content::NullMark | Content::Dynamic { nulls: true }
    );
    if marks && counts.get(ValueType::Null) > 0 {
        wanted.push(ValueType::Null);
    }
    wanted.into_iter().map(SubColumnKind::of).collect()
}

fn absent(column: &Column) -> Source {
    match column.content {
        Content::NullMark => Source::NoMarks,
        _ => Source::Null(column.data_type()),
    }
}

impl Source {
    fn column(&self, stored: &RecordBatch) -> Result<ArrayRef, ArrowError> {
        let rows = stored.num_rows();
        Ok(match self {
            Self::Null(data_type) => new_null_array(data_type, rows),
            Self::NoMarks => Arc::new(BooleanArray::from(vec![false; rows])),
            Self::Stored(index) => Arc::clone(stored.column(*index)),
            Self::Marks(index) => Arc::new(is_not_null(stored.column(*index))?),
            Self::Number(indices) => Arc::new(assemble::number(&pick(stored, indices), rows)?),
            Self::Dynamic { values, nulls } => {
                let nulls = nulls.map(|index| stored.column(index));
                Arc::new(assemble::dynamic(&pick(stored, values), nulls, rows)?)
            }
            Self::WholeDocument => {
                let documents = document_column(stored)?;
                assemble::without_hidden(documents)?
            }
            Self::FromDocument { path, nulls } => {
                let documents = document_column(stored)?;
                Arc::new(assemble::from_document(
                    documents.as_binary_view(),
                    path,
                    *nulls,
                )?)
            }
        })
    }
}

fn pick<'a>(stored: &'a RecordBatch, indices: &[usize]) -> Vec<&'a ArrayRef> {
    indices.iter().map(|index| stored.column(*index)).collect()
}

/// Documents come last, after every stored column that was asked for.
fn document_column(stored: &RecordBatch) -> Result<ArrayRef, ArrowError> {
    let last = stored
        .columns()
        .last()
        .filter(|column| *column.data_type() == DataType::BinaryView);
    last.map(Arc::clone)
        .ok_or_else(|| ArrowError::ComputeError("the scan gave no documents".to_owned()))
}
