//! The name and type of one typed sub-column: a field path, and one of the types its values have.
//!
//! A field whose values are of several types has several sub-columns, `a.b#i` and `a.b#s` say, and
//! each document fills the one that fits its value. So no value is ever converted to be stored, and
//! a field of one type is a plain Arrow column. Objects have no sub-column of their own: their
//! members have.

use std::fmt;
use std::str::FromStr;

use arrow::datatypes::{DataType, Field, TimeUnit};
use outcrop_document::{FieldPath, ValueType};

/// Name of the column that holds each whole document as K bytes.
pub const DOCUMENT_COLUMN: &str = "_doc";

/// One field path with one type: the unit of columnar storage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubColumn {
    /// Where the values stand in the document.
    pub path: FieldPath,
    /// What the values are.
    pub kind: SubColumnKind,
}

impl SubColumn {
    /// The sub-column of `path` for values of `kind`.
    pub fn new(path: FieldPath, kind: SubColumnKind) -> Self {
        Self { path, kind }
    }

    /// The column's name in a segment and in scanned batches: the path, `#`, the kind's letter.
    pub fn name(&self) -> String {
        format!("{}#{}", self.path, self.kind.letter())
    }

    /// The nullable Arrow field that scanned batches carry for this sub-column.
    pub fn field(&self) -> Field {
        Field::new(self.name(), self.kind.data_type(), true)
    }
}

impl fmt::Display for SubColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.path, self.kind.letter())
    }
}

/// A text that is not the name of a sub-column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not the name of a sub-column")]
pub struct ParseSubColumnError {
    /// The text as it was given.
    pub name: String,
}

impl FromStr for SubColumn {
    type Err = ParseSubColumnError;

    /// Reads back what [`SubColumn::name`] wrote.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let error = || ParseSubColumnError {
            name: name.to_owned(),
        };
        let (path, letter) = name.rsplit_once('#').ok_or_else(error)?;
        let mut letters = letter.chars();
        let kind = letters
            .next()
            .and_then(SubColumnKind::from_letter)
            .ok_or_else(error)?;
        if letters.next().is_some() {
            return Err(error());
        }
        let path = path.parse().map_err(|_| error())?;
        Ok(Self { path, kind })
    }
}

/// The types that a sub-column can have: every value type but the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SubColumnKind {
    /// `n`: Boolean, true where the document has an explicit null, else Arrow null.
    Null,
    /// `b`: Boolean.
    Bool,
    /// `i`: Int64.
    Int,
    /// `f`: Float64.
    Float,
    /// `s`: Utf8View.
    String,
    /// `y`: Binary.
    Bytes,
    /// `d`: Date32, days since 1970-01-01.
    Date,
    /// `c`: Timestamp in microseconds without a zone.
    Datetime,
    /// `m`: Time64, microseconds since midnight.
    Time,
    /// `t`: Timestamp in microseconds, UTC.
    Timestamp,
    /// `o`: BinaryView of K.
    MonthInterval,
    /// `u`: BinaryView of K.
    MicrosecondInterval,
    /// `a`: BinaryView of K, the whole array.
    Array,
    /// `g`: BinaryView of K.
    Geography,
}

impl SubColumnKind {
    /// Every kind, in the order of the value types.
    pub const ALL: [Self; 14] = [
        Self::Null,
        Self::Bool,
        Self::Int,
        Self::Float,
        Self::String,
        Self::Bytes,
        Self::Date,
        Self::Datetime,
        Self::Time,
        Self::Timestamp,
        Self::MonthInterval,
        Self::MicrosecondInterval,
        Self::Array,
        Self::Geography,
    ];

    /// The letter that ends the name of a sub-column of this kind.
    pub fn letter(self) -> char {
        match self {
            Self::Null => 'n',
            Self::Bool => 'b',
            Self::Int => 'i',
            Self::Float => 'f',
            Self::String => 's',
            Self::Bytes => 'y',
            Self::Date => 'd',
            Self::Datetime => 'c',
            Self::Time => 'm',
            Self::Timestamp => 't',
            Self::MonthInterval => 'o',
            Self::MicrosecondInterval => 'u',
            Self::Array => 'a',
            Self::Geography => 'g',
        }
    }

    /// The kind whose letter this is.
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.letter() == letter)
    }

    /// The Arrow type of scanned columns of this kind.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Null | Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::String => DataType::Utf8View,
            Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Datetime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::MonthInterval | Self::MicrosecondInterval | Self::Array | Self::Geography => {
                DataType::BinaryView
            }
        }
    }

    /// Whether values of this kind are stored as K bytes.
    pub fn is_k(self) -> bool {
        matches!(
            self,
            Self::MonthInterval | Self::MicrosecondInterval | Self::Array | Self::Geography
        )
    }

    /// The type of the values that this kind of sub-column holds.
    pub fn value_type(self) -> ValueType {
        match self {
            Self::Null => ValueType::Null,
            Self::Bool => ValueType::Bool,
            Self::Int => ValueType::Int,
            Self::Float => ValueType::Float,
            Self::String => ValueType::String,
            Self::Bytes => ValueType::Bytes,
            Self::Date => ValueType::Date,
            Self::Datetime => ValueType::Datetime,
            Self::Time => ValueType::Time,
            Self::Timestamp => ValueType::Timestamp,
            Self::MonthInterval => ValueType::MonthInterval,
            Self::MicrosecondInterval => ValueType::MicrosecondInterval,
            Self::Array => ValueType::Array,
            Self::Geography => ValueType::Geography,
        }
    }

    /// The kind that holds values of `value_type`; none for objects.
    pub fn of(value_type: ValueType) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.value_type() == value_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_for_paths_with_any_characters() {
        for steps in [
            vec!["a", "b"],
            vec![""],
            vec!["x.y", "#i", "\"q\""],
            vec!["a#s"],
        ] {
            for kind in SubColumnKind::ALL {
                let path = FieldPath::from_steps(steps.iter().map(|step| (*step).to_owned()));
                let column = SubColumn::new(path, kind);
                assert_eq!(column.name().parse(), Ok(column));
            }
        }
        for name in ["a", "a#", "a#z", "a#ii", "_doc", "#"] {
            assert!(name.parse::<SubColumn>().is_err(), "{name}");
        }
    }

    #[test]
    fn every_value_type_but_the_object_has_one_kind() {
        for value_type in ValueType::ALL {
            let kind = SubColumnKind::of(value_type);
            assert_eq!(kind.is_none(), value_type == ValueType::Object);
            assert!(kind.is_none_or(|kind| kind.value_type() == value_type));
        }
    }
}
