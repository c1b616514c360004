//! The mapping between the types of the dialect and the Arrow types that carry them in plans.
//!
//! The Arrow type of an expression alone tells its SQL type. `BinaryView` is the *dynamic* type: a
//! column whose rows hold K-encoded values of any type. Arrays, objects and geographies have no
//! Arrow type of their own and are always dynamic.

use datafusion::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use std::sync::Arc;

/// The zone string of timestamp columns.
pub const UTC: &str = "UTC";

/// A type as it is written in a cast, or as a plan knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SqlType {
    /// The type of the literals `NULL` and `UNDEFINED`.
    Null,
    /// A truth value.
    Bool,
    /// A signed 64-bit integer.
    Int,
    /// An IEEE double.
    Float,
    /// UTF-8 text.
    String,
    /// Bytes.
    Bytes,
    /// A civil date.
    Date,
    /// A civil date and time in microseconds, without a zone.
    Datetime,
    /// A time of day in microseconds.
    Time,
    /// An instant in microseconds since the Unix epoch.
    Timestamp,
    /// A whole number of months.
    MonthInterval,
    /// A number of microseconds.
    MicrosecondInterval,
    /// An array; dynamic in plans.
    Array,
    /// An object; dynamic in plans.
    Object,
    /// A geography; dynamic in plans.
    Geography,
    /// A value whose type is known per row only.
    Dynamic,
}

impl SqlType {
    /// The type that `name` stands for in a cast, in any letter case.
    pub fn parse(name: &str) -> Option<Self> {
        let collapsed = name
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_ascii_lowercase();
        Some(match collapsed.as_str() {
            "null" => Self::Null,
            "bool" | "boolean" => Self::Bool,
            "int" | "integer" | "int64" | "bigint" | "smallint" | "tinyint" => Self::Int,
            "float" | "float64" | "double" | "double precision" | "real" => Self::Float,
            "string" | "char" | "varchar" | "text" => Self::String,
            "bytes" | "binary" | "varbinary" => Self::Bytes,
            "date" => Self::Date,
            "datetime" => Self::Datetime,
            "time" => Self::Time,
            "timestamp" => Self::Timestamp,
            "month_interval" => Self::MonthInterval,
            "microsecond_interval" => Self::MicrosecondInterval,
            "array" => Self::Array,
            "object" | "map" => Self::Object,
            "geography" => Self::Geography,
            _ => return None,
        })
    }

    /// The name of the type as `TYPEOF` prints it; `dynamic` for [`SqlType::Dynamic`].
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
            Self::Dynamic => "dynamic",
        }
    }

    /// The Arrow type that carries this type in plans.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Null => DataType::Null,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::String => DataType::Utf8View,
            Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Datetime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from(UTC))),
            Self::MonthInterval => DataType::Interval(IntervalUnit::YearMonth),
            Self::MicrosecondInterval => DataType::Duration(TimeUnit::Microsecond),
            Self::Array | Self::Object | Self::Geography | Self::Dynamic => DYNAMIC,
        }
    }

    /// The SQL type of a plan's Arrow type; `None` for Arrow types that no plan of ours carries.
    pub fn from_arrow(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool,
            DataType::Int64 => Self::Int,
            DataType::Float64 => Self::Float,
            DataType::Utf8View => Self::String,
            DataType::Binary => Self::Bytes,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::Datetime,
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == UTC => {
                Self::Timestamp
            }
            DataType::Time64(TimeUnit::Microsecond) => Self::Time,
            DataType::Interval(IntervalUnit::YearMonth) => Self::MonthInterval,
            DataType::Duration(TimeUnit::Microsecond) => Self::MicrosecondInterval,
            DataType::BinaryView => Self::Dynamic,
            _ => return None,
        })
    }

    /// Whether values of this type are numbers.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }

    /// Whether values of this type name a day: dates, datetimes and timestamps compare.
    pub fn is_calendar(self) -> bool {
        matches!(self, Self::Date | Self::Datetime | Self::Timestamp)
    }
}

/// The Arrow type of dynamic columns.
pub const DYNAMIC: DataType = DataType::BinaryView;

/// The name of an Arrow type for messages: the SQL name where there is one.
pub fn type_name(data_type: &DataType) -> String {
    match SqlType::from_arrow(data_type) {
        Some(sql) => sql.name().to_owned(),
        None => data_type.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_native_type_survives_the_way_to_arrow_and_back() {
        for sql in [
            SqlType::Null,
            SqlType::Bool,
            SqlType::Int,
            SqlType::Float,
            SqlType::String,
            SqlType::Bytes,
            SqlType::Date,
            SqlType::Datetime,
            SqlType::Time,
            SqlType::Timestamp,
            SqlType::MonthInterval,
            SqlType::MicrosecondInterval,
            SqlType::Dynamic,
        ] {
            assert_eq!(SqlType::from_arrow(&sql.arrow()), Some(sql));
        }
    }

    #[test]
    fn cast_names_are_read_in_any_case() {
        assert_eq!(SqlType::parse("VarChar"), Some(SqlType::String));
        assert_eq!(SqlType::parse("DOUBLE  precision"), Some(SqlType::Float));
        assert_eq!(SqlType::parse("decimal"), None);
    }
}
