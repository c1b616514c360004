//! The types a value can have.

use std::fmt;

/// The type of a [`Value`](crate::Value), in the order in which values of different types sort.
///
/// `Int` and `Float` are two types but one class of the order: they interleave by value.
#[repr(u8)]
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueType {
    /// An explicit JSON null.
    Null,
    /// `true` or `false`.
    Bool,
    /// A signed 64-bit integer.
    Int,
    /// An IEEE 754 double.
    Float,
    /// UTF-8 text.
    String,
    /// Any bytes.
    Bytes,
    /// A civil date.
    Date,
    /// A civil date and time of day, without a zone.
    Datetime,
    /// A time of day.
    Time,
    /// An instant.
    Timestamp,
    /// A whole number of months.
    MonthInterval,
    /// A number of microseconds.
    MicrosecondInterval,
    /// A list of values of any types.
    Array,
    /// Members by name.
    Object,
    /// A shape on the globe.
    Geography,
}

impl ValueType {
    /// Every type, in sort order; the position of a type is its `as u8` value.
    pub const ALL: [Self; 15] = [
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
        Self::Object,
        Self::Geography,
    ];

    /// The name that `TYPEOF` prints: lower case, words joined by `_`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::MonthInterval => "month_interval",
            Self::MicrosecondInterval => "microsecond_interval",
            Self::Array => "array",
            Self::Object => "object",
            Self::Geography => "geography",
        }
    }

    /// The type of that [`name`](Self::name), in any case; `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|value_type| value_type.name().eq_ignore_ascii_case(name))
    }

    /// Whether this is `Int` or `Float`.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_type_at_its_own_place() {
        for (index, value_type) in ValueType::ALL.into_iter().enumerate() {
            assert_eq!(value_type as usize, index);
            assert_eq!(
                ValueType::from_name(&value_type.name().to_uppercase()),
                Some(value_type)
            );
        }
        assert_eq!(ValueType::from_name("undefined"), None);
    }
}
