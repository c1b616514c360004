//! One dynamically typed value, its total order and its equality.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::{Date, Datetime, Geography, Time, Timestamp, ValueType};

/// The members of an object, by name. Names are case-sensitive and may be any text.
pub type Object = BTreeMap<String, Value>;

/// One value of a document or a query.
///
/// `==` is structural: it tells `Int(1)` from `Float(1.0)` and no NaN equals another. SQL's
/// equality is [`Value::equals`], its order [`Value::compare`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An explicit null. (A missing field is not a value.)
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// An IEEE 754 double, NaN and infinities included.
    Float(f64),
    /// UTF-8 text; may hold any character, zero included.
    String(String),
    /// Any bytes.
    Bytes(Vec<u8>),
    /// A civil date.
    Date(Date),
    /// A civil date and time of day, without a zone.
    Datetime(Datetime),
    /// A time of day.
    Time(Time),
    /// An instant.
    Timestamp(Timestamp),
    /// A whole number of months.
    MonthInterval(i64),
    /// A number of microseconds.
    MicrosecondInterval(i64),
    /// A list of values of any types.
    Array(Vec<Value>),
    /// Members by name.
    Object(Object),
    /// A shape on the globe.
    Geography(Geography),
}

impl Value {
    /// The type of this value.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Null => ValueType::Null,
            Self::Bool(_) => ValueType::Bool,
            Self::Int(_) => ValueType::Int,
            Self::Float(_) => ValueType::Float,
            Self::String(_) => ValueType::String,
            Self::Bytes(_) => ValueType::Bytes,
            Self::Date(_) => ValueType::Date,
            Self::Datetime(_) => ValueType::Datetime,
            Self::Time(_) => ValueType::Time,
            Self::Timestamp(_) => ValueType::Timestamp,
            Self::MonthInterval(_) => ValueType::MonthInterval,
            Self::MicrosecondInterval(_) => ValueType::MicrosecondInterval,
            Self::Array(_) => ValueType::Array,
            Self::Object(_) => ValueType::Object,
            Self::Geography(_) => ValueType::Geography,
        }
    }

    /// The total order of all values, by type first and then by value.
    ///
    /// Ints and floats interleave by exact value, so `1` and `1.0` are equal here; `-0.0` equals
    /// `0`; every NaN equals every other and sorts above positive infinity. Arrays compare element
    /// by element, a prefix first; objects as their lists of members sorted by name. This is the
    /// order of the bytes of [`k::key`](crate::k::key).
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b))
            | (Self::MonthInterval(a), Self::MonthInterval(b))
            | (Self::MicrosecondInterval(a), Self::MicrosecondInterval(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => compare_floats(*a, *b),
            (Self::Int(a), Self::Float(b)) => compare_int_float(*a, *b),
            (Self::Float(a), Self::Int(b)) => compare_int_float(*b, *a).reverse(),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Datetime(a), Self::Datetime(b)) => a.cmp(b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => compare_arrays(a, b),
            (Self::Object(a), Self::Object(b)) => compare_objects(a, b),
            (Self::Geography(a), Self::Geography(b)) => a.compare(b),
            _ => self.value_type().cmp(&other.value_type()),
        }
    }

    /// SQL equality without nulls: same class of type and same value, so `1` equals `1.0`.
    ///
    /// Agrees with [`compare`](Self::compare) and with equality of [`k::key`](crate::k::key), so
    /// it is the equality of grouping too: null equals null and NaN equals NaN.
    pub fn equals(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }

    /// The text of a string value; `None` for every other type.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object value; `None` for every other type.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// How many containers enclose the innermost value: 0 for a scalar, 1 for `[]` and `[1]`.
    pub fn depth(&self) -> usize {
        match self {
            Self::Array(elements) => 1 + elements.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.values().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// Doubles by value: `-0.0` equals `0.0`, NaN is one value above infinity.
pub(crate) fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// An int against a float, exactly: the int is never rounded.
fn compare_int_float(int: i64, float: f64) -> Ordering {
    /// 2⁶³, the first float above every `i64`; exact.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() || float >= LIMIT {
        return Ordering::Less;
    }
    if float < -LIMIT {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "integral and within i64, checked above"
    )]
    let whole_int = whole as i64;
    int.cmp(&whole_int)
        .then_with(|| compare_floats(whole, float))
}

fn compare_arrays(a: &[Value], b: &[Value]) -> Ordering {
    let unequal = a
        .iter()
        .zip(b)
        .map(|(x, y)| x.compare(y))
        .find(|ordering| ordering.is_ne());
    unequal.unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn compare_objects(a: &Object, b: &Object) -> Ordering {
    let unequal = a
        .iter()
        .zip(b)
        .map(|((name_a, x), (name_b, y))| name_a.cmp(name_b).then_with(|| x.compare(y)))
        .find(|ordering| ordering.is_ne());
    unequal.unwrap_or_else(|| a.len().cmp(&b.len()))
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        })*
    };
}

from! {
    bool => Bool, i64 => Int, f64 => Float, String => String, Vec<u8> => Bytes, Date => Date,
    Datetime => Datetime, Time => Time, Timestamp => Timestamp, Vec<Value> => Array,
    Object => Object, Geography => Geography,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ints_and_floats_compare_by_exact_value() {
        let two_53 = 1i64 << 53;
        assert!(Value::Int(1).equals(&Value::Float(1.0)));
        assert!(Value::Int(0).equals(&Value::Float(-0.0)));
        assert_eq!(
            Value::Int(two_53 + 1).compare(&Value::Float(two_53 as f64)),
            Ordering::Greater
        );
        assert_eq!(
            Value::Int(i64::MAX).compare(&Value::Float(i64::MAX as f64)),
            Ordering::Less
        );
        assert!(Value::Int(i64::MIN).equals(&Value::Float(i64::MIN as f64)));
        assert_eq!(
            Value::Int(-1).compare(&Value::Float(-1.5)),
            Ordering::Greater
        );
        assert_eq!(Value::Int(1).compare(&Value::Float(1.5)), Ordering::Less);
        assert_eq!(
            Value::Int(0).compare(&Value::Float(-1e-300)),
            Ordering::Greater
        );
        assert_eq!(
            Value::Int(i64::MAX).compare(&Value::Float(f64::NAN)),
            Ordering::Less
        );
    }

    #[test]
    fn nan_is_one_value_above_infinity() {
        let nan = Value::Float(f64::NAN);
        assert!(nan.equals(&Value::Float(-f64::NAN)));
        assert_eq!(nan.compare(&Value::Float(f64::INFINITY)), Ordering::Greater);
    }

    #[test]
    fn types_sort_before_values() {
        assert_eq!(Value::Bool(true).compare(&Value::Int(-5)), Ordering::Less);
        assert_eq!(
            Value::Float(f64::NAN).compare(&Value::from("")),
            Ordering::Less
        );
        assert!(!Value::from("5").equals(&Value::Int(5)));
    }

    #[test]
    fn a_prefix_sorts_first() {
        let short = Value::Array(vec![Value::Int(1)]);
        let long = Value::Array(vec![Value::Float(1.0), Value::Null]);
        assert_eq!(short.compare(&long), Ordering::Less);
    }

    #[test]
    fn depth_counts_containers() {
        assert_eq!(Value::Int(1).depth(), 0);
        assert_eq!(Value::Array(vec![]).depth(), 1);
        assert_eq!(Value::Array(vec![Value::Object(Object::new())]).depth(), 2);
    }
}
