//! Sets of types that a parameter takes.

use crate::types::SqlType;
use outcrop_document::ValueType;

/// A set of value types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) const BOOL: Self = Self::of(ValueType::Bool);
    pub(crate) const INT: Self = Self::of(ValueType::Int);
    pub(crate) const NUMBER: Self = Self::INT.or(Self::of(ValueType::Float));
    pub(crate) const STRING: Self = Self::of(ValueType::String);
    pub(crate) const BYTES: Self = Self::of(ValueType::Bytes);
    pub(crate) const TEXT: Self = Self::STRING.or(Self::BYTES);
    pub(crate) const DATE: Self = Self::of(ValueType::Date);
    pub(crate) const TIME: Self = Self::of(ValueType::Time);
    pub(crate) const DATETIME: Self = Self::of(ValueType::Datetime);
    pub(crate) const TIMESTAMP: Self = Self::of(ValueType::Timestamp);
    pub(crate) const CALENDAR: Self = Self::DATE.or(Self::DATETIME).or(Self::TIMESTAMP);
    pub(crate) const TEMPORAL: Self = Self::CALENDAR.or(Self::TIME);
    pub(crate) const MICROS: Self = Self::of(ValueType::MicrosecondInterval);
    pub(crate) const MONTHS: Self = Self::of(ValueType::MonthInterval);
    pub(crate) const INTERVAL: Self = Self::MICROS.or(Self::MONTHS);
    pub(crate) const ARRAY: Self = Self::of(ValueType::Array);
    pub(crate) const OBJECT: Self = Self::of(ValueType::Object);
    pub(crate) const GEOGRAPHY: Self = Self::of(ValueType::Geography);
    pub(crate) const ANY: Self = Self(u16::MAX);

    const fn of(value_type: ValueType) -> Self {
        Self(1 << value_type as u16)
    }

    /// The union of two sets.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the set has this type.
    pub(crate) fn has(self, value_type: ValueType) -> bool {
        self.0 & Self::of(value_type).0 != 0
    }

    /// Whether an expression of this type may hold values of the set. Nulls and dynamic expressions
    /// may.
    pub(crate) fn may_hold(self, sql_type: SqlType) -> bool {
        match ValueType::from_name(sql_type.name()) {
            None | Some(ValueType::Null) => true,
            Some(value_type) => self.has(value_type),
        }
    }

    /// The set in words: `int or float`.
    pub(crate) fn describe(self) -> String {
        let names: Vec<&str> = ValueType::ALL
            .into_iter()
            .filter(|value_type| self.has(*value_type))
            .map(ValueType::name)
            .collect();
        names.join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_know_their_members() {
        assert!(Kinds::NUMBER.has(ValueType::Float));
        assert!(!Kinds::NUMBER.has(ValueType::String));
        assert!(Kinds::STRING.may_hold(SqlType::Dynamic));
        assert!(Kinds::STRING.may_hold(SqlType::Null));
        assert!(!Kinds::STRING.may_hold(SqlType::Int));
        assert_eq!(Kinds::NUMBER.describe(), "int or float");
    }
}
