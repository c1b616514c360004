//! Values to look for: a range of K keys.

use std::ops::Bound;

use outcrop_document::ValueType;
use outcrop_document::k::class;

/// A range of keys of K, without their trailers. Keys order as values do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// Where it starts.
    pub low: Bound<Vec<u8>>,
    /// Where it ends.
    pub high: Bound<Vec<u8>>,
}

impl KeyRange {
    /// Just the value of this key.
    #[must_use]
    pub fn equal(key: Vec<u8>) -> Self {
        Self {
            low: Bound::Included(key.clone()),
            high: Bound::Included(key),
        }
    }

    /// Every value of the types that share a class with `value_type`: ints and floats are one.
    #[must_use]
    pub fn of_class(value_type: ValueType) -> Self {
        let class = class::of(value_type);
        Self {
            low: Bound::Included(vec![class]),
            high: Bound::Excluded(vec![class::end(class)]),
        }
    }

    /// Every value.
    #[must_use]
    pub fn all() -> Self {
        Self {
            low: Bound::Unbounded,
            high: Bound::Unbounded,
        }
    }

    /// The strings that start with `prefix`.
    #[must_use]
    pub fn string_prefix(prefix: &str) -> Self {
        let mut low = Vec::with_capacity(prefix.len() + 2);
        outcrop_document::k::encode_str(prefix, &mut low);
        // Without the byte that ends the string: what follows may go on.
        low.pop();
        let high = successor(&low);
        Self {
            low: Bound::Included(low),
            high,
        }
    }

    /// The key if the range has room for just this one.
    #[must_use]
    pub fn single(&self) -> Option<&[u8]> {
        match (&self.low, &self.high) {
            (Bound::Included(low), Bound::Included(high)) if low == high => Some(low),
            _ => None,
        }
    }

    /// Whether no key can lie in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match (&self.low, &self.high) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (
                Bound::Included(low) | Bound::Excluded(low),
                Bound::Included(high) | Bound::Excluded(high),
            ) => low >= high,
        }
    }

    /// Where `key` lies: before the range, in it or behind it.
    #[must_use]
    pub fn compare(&self, key: &[u8]) -> std::cmp::Ordering {
        use std::cmp::Ordering;
        let before = match &self.low {
            Bound::Unbounded => false,
            Bound::Included(low) => key < low.as_slice(),
            Bound::Excluded(low) => key <= low.as_slice(),
        };
        let behind = match &self.high {
            Bound::Unbounded => false,
            Bound::Included(high) => key > high.as_slice(),
            Bound::Excluded(high) => key >= high.as_slice(),
        };
        match (before, behind) {
            (true, _) => Ordering::Less,
            (_, true) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}

/// The end of the keys that start with `prefix`, which has a byte below FF: its first one.
fn successor(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use outcrop_document::{Value, k};

    use super::*;

    #[track_caller]
    fn check(range: &KeyRange, value: Value, expected: Ordering) {
        assert_eq!(range.compare(&k::encode(&value)), expected, "{value:?}");
    }

    #[test]
    fn a_prefix_holds_the_strings_that_start_with_it() {
        let range = KeyRange::string_prefix("ab");
        check(&range, Value::String("aa".into()), Ordering::Less);
        check(&range, Value::String("ab".into()), Ordering::Equal);
        check(&range, Value::String("ab\0".into()), Ordering::Equal);
        check(
            &range,
            Value::String("ab\u{10FFFF}".into()),
            Ordering::Equal,
        );
        check(&range, Value::String("ac".into()), Ordering::Greater);
        check(&range, Value::Int(5), Ordering::Less);
        let all = KeyRange::string_prefix("");
        check(&all, Value::String(String::new()), Ordering::Equal);
        check(&all, Value::Bytes(vec![]), Ordering::Greater);
    }

    #[test]
    fn a_class_holds_its_types_alone() {
        let range = KeyRange::of_class(ValueType::Int);
        check(&range, Value::Float(f64::NEG_INFINITY), Ordering::Equal);
        check(&range, Value::Int(i64::MAX), Ordering::Equal);
        check(&range, Value::Bool(true), Ordering::Less);
        check(&range, Value::String(String::new()), Ordering::Greater);
    }

    #[test]
    fn empty_ranges_are_known() {
        let key = |int| k::encode(&Value::Int(int));
        let range = |low, high| KeyRange { low, high };
        assert!(!KeyRange::equal(key(1)).is_empty());
        assert!(range(Bound::Excluded(key(1)), Bound::Included(key(1))).is_empty());
        assert!(range(Bound::Included(key(2)), Bound::Included(key(1))).is_empty());
        assert!(!range(Bound::Unbounded, Bound::Excluded(key(1))).is_empty());
    }
}
