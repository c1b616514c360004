//! The columns that a table exposes for one field path.
//!
//! A path `p` gives up to five columns, each chosen by what the snapshot counted:
//!
//! | name | type | when |
//! |---|---|---|
//! | `p` | native, or dynamic when several types share the path | any value but null was counted |
//! | `p#num` | Float64 | ints and floats only, and every int is exact as a float |
//! | `p#int` | Int64, the ints alone | as `p#num` |
//! | `p#null` | Boolean, true where the document has an explicit null | nulls were counted |
//! | `p#dyn` | dynamic, with explicit nulls kept apart from undefined | always |
//!
//! `_doc` is the whole document as a dynamic value.

use datafusion::arrow::datatypes::{DataType, Field};
use outcrop_document::{FieldPath, ValueType};
use outcrop_storage::{SubColumnKind, TypeCounts};

/// Largest magnitude up to which every integer is exactly a float.
const EXACT_FLOAT_INT_MAX: i64 = 1 << 53;

/// What a query wants of a field path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathUse {
    /// The value, with null and undefined both as Arrow NULL.
    Value,
    /// The value as a float: only where the path holds numbers and nothing else.
    Number,
    /// The value if it is an int: only where [`PathUse::Number`] joins ints and floats.
    Int,
    /// The value as a dynamic one, in which an explicit null is not undefined.
    Dynamic,
    /// Whether the value is an explicit null.
    NullMark,
}

/// What one column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The whole document.
    Document,
    /// The values of the one type that the path has.
    Native(SubColumnKind),
    /// Ints and floats together, as floats.
    Number,
    /// The ints of a path that has floats too.
    Int,
    /// Values of any type. Explicit nulls are K(null) if `nulls`, else Arrow NULL.
    Dynamic {
        /// Keeps explicit nulls apart from undefined.
        nulls: bool,
    },
    /// True where the value is an explicit null, else false.
    NullMark,
}

/// One column of a [`super::CollectionTable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Empty for the document column.
    pub(crate) path: FieldPath,
    pub(crate) content: Content,
}

impl Column {
    /// The column of whole documents.
    pub(crate) fn document() -> Self {
        Self {
            name: outcrop_storage::DOCUMENT_COLUMN.to_owned(),
            path: FieldPath::from_steps(Vec::<String>::new()),
            content: Content::Document,
        }
    }

    /// Every column that `path` has, given what the snapshot counted there.
    pub(crate) fn of_path(path: &FieldPath, counts: &TypeCounts) -> Vec<Self> {
        let name = path.to_string();
        let column = |suffix: &str, content| Self {
            name: format!("{name}{suffix}"),
            path: path.clone(),
            content,
        };
        let mut columns = Vec::with_capacity(2);
        match present(counts).as_slice() {
            [] => {}
            [only] => match native_kind(*only) {
                Some(kind) => columns.push(column("", Content::Native(kind))),
                None => columns.push(column("", Content::Dynamic { nulls: false })),
            },
            several => {
                columns.push(column("", Content::Dynamic { nulls: false }));
                if several == [ValueType::Int, ValueType::Float] && ints_are_exact_floats(counts) {
                    columns.push(column("#num", Content::Number));
                    columns.push(column("#int", Content::Int));
                }
            }
        }
        if counts.get(ValueType::Null) > 0 {
            columns.push(column("#null", Content::NullMark));
        }
        columns.push(column("#dyn", Content::Dynamic { nulls: true }));
        columns
    }

    /// The Arrow type, which alone tells the SQL type.
    pub(crate) fn data_type(&self) -> DataType {
        match self.content {
            Content::Document | Content::Dynamic { .. } => DataType::BinaryView,
            Content::Native(kind) => kind.data_type(),
            Content::Number => DataType::Float64,
            Content::Int => DataType::Int64,
            Content::NullMark => DataType::Boolean,
        }
    }

    /// The column as a field of the table's schema.
    pub(crate) fn field(&self) -> Field {
        Field::new(&self.name, self.data_type(), true)
    }

    /// Whether this column answers `wanted`.
    pub(crate) fn answers(&self, wanted: PathUse) -> bool {
        matches!(
            (self.content, wanted),
            (
                Content::Native(_) | Content::Dynamic { nulls: false },
                PathUse::Value
            ) | (
                Content::Native(SubColumnKind::Float) | Content::Number,
                PathUse::Number
            ) | (Content::Dynamic { nulls: true }, PathUse::Dynamic)
                | (Content::NullMark, PathUse::NullMark)
        )
    }
}

/// The types that `counts` holds, null aside, in their order.
pub(crate) fn present(counts: &TypeCounts) -> Vec<ValueType> {
    counts
        .types()
        .filter(|value_type| *value_type != ValueType::Null)
        .collect()
}

/// The sub-column that a plan reads as it is for a path of this one type.
///
/// Arrays, objects, geographies and intervals are dynamic in plans, and have none.
fn native_kind(value_type: ValueType) -> Option<SubColumnKind> {
    SubColumnKind::of(value_type).filter(|kind| !kind.is_k() && *kind != SubColumnKind::Null)
}

fn ints_are_exact_floats(counts: &TypeCounts) -> bool {
    counts
        .int_range()
        .is_none_or(|(low, high)| low >= -EXACT_FLOAT_INT_MAX && high <= EXACT_FLOAT_INT_MAX)
}
