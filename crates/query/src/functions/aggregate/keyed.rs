//! `HMAP_AGG`, and `MAP_AGG` with operations: maps that a stream of changes keeps up to date.
//!
//! A change of a key may depend on whether the map has it, which is not known where changes of a part
//! of the stream are put together. So what is kept for a key is what its changes come to in both
//! cases, and the state of a later part can be merged into that of an earlier one.

use super::value::{ValueAggregate, ValueFunction, value_bytes};
use super::values::dynamic_arguments;
use super::{Call, Lowered};
use crate::dynamic::EvaluationError;
use crate::types::DYNAMIC;
use outcrop_document::{Object, Value, json};
use std::collections::BTreeMap;

type Folded<T> = Result<T, EvaluationError>;

pub(super) fn hmap_agg(mut call: Call) -> Lowered {
    dynamic_arguments(&mut call);
    ValueFunction::HistogramMap.lower(&call, DYNAMIC)
}

pub(super) fn map_agg(mut call: Call) -> Lowered {
    dynamic_arguments(&mut call);
    ValueFunction::KeyedMap.lower(&call, DYNAMIC)
}

/// What changes come to for a key that is in the map.
#[derive(Clone, Debug, Default, PartialEq)]
enum Present {
    #[default]
    Keep,
    Set(Value),
    Remove,
}

/// What changes come to for one key.
#[derive(Clone, Debug, Default, PartialEq)]
struct Change {
    /// The value of a key that was not in the map; `None` if it still is not.
    absent: Option<Value>,
    present: Present,
}

impl Change {
    /// This change and then `next`.
    fn then(self, next: &Self) -> Self {
        let of_present = |value: Value| match &next.present {
            Present::Keep => Some(value),
            Present::Set(value) => Some(value.clone()),
            Present::Remove => None,
        };
        let set = |value: Option<Value>| value.map_or(Present::Remove, Present::Set);
        let absent = match self.absent {
            None => next.absent.clone(),
            Some(value) => of_present(value),
        };
        let present = match self.present {
            Present::Keep => next.present.clone(),
            Present::Set(value) => set(of_present(value)),
            Present::Remove => set(next.absent.clone()),
        };
        Self { absent, present }
    }

    /// The change of one row; `None` if it asks for none.
    fn read(function: &'static str, value: &Value, op: Option<&Value>) -> Folded<Option<Self>> {
        let op = match op {
            None | Some(Value::Null) => "UPSERT".to_owned(),
            Some(Value::String(op)) => op.to_ascii_uppercase(),
            Some(other) => {
                return Err(EvaluationError::Type {
                    what: format!("function `{function}`: argument 3"),
                    expected: "string".to_owned(),
                    found: other.value_type().name(),
                });
            }
        };
        let (absent, present) = match op.as_str() {
            "UPSERT" => (Some(value.clone()), Present::Set(value.clone())),
            "INSERT" => (Some(value.clone()), Present::Keep),
            "UPDATE" => (None, Present::Set(value.clone())),
            "DELETE" => (None, Present::Remove),
            "IGNORE" => return Ok(None),
            other => {
                let shown: String = other.chars().take(100).collect();
                let message = format!(
                    "the operation has to be UPSERT, INSERT, UPDATE, DELETE or IGNORE, not `{shown}`"
                );
                return Err(EvaluationError::argument(function, message));
            }
        };
        Ok(Some(Self { absent, present }))
    }

    /// An array of the value if absent (none or one), then of the one if present (none, one, or a
    /// true for its removal).
    fn encode(&self) -> Value {
        let absent = self.absent.iter().cloned().collect();
        let present = match &self.present {
            Present::Keep => Value::Null,
            Present::Set(value) => Value::Array(vec![value.clone()]),
            Present::Remove => Value::Bool(true),
        };
        Value::Array(vec![Value::Array(absent), present])
    }

    fn decode(state: Value) -> Option<Self> {
        let Value::Array(parts) = state else {
            return None;
        };
        let Ok([Value::Array(absent), present]) = <[Value; 2]>::try_from(parts) else {
            return None;
        };
        let present = match present {
            Value::Null => Present::Keep,
            Value::Array(value) => Present::Set(value.into_iter().next()?),
            Value::Bool(true) => Present::Remove,
            _ => return None,
        };
        let absent = absent.into_iter().next();
        Some(Self { absent, present })
    }

    fn bytes(&self) -> usize {
        let present = match &self.present {
            Present::Set(value) => value_bytes(value),
            Present::Keep | Present::Remove => 0,
        };
        size_of::<Self>() + self.absent.as_ref().map_or(0, value_bytes) + present
    }
}

/// A map of changes by key; rows with a null key are skipped; null for no rows.
#[derive(Debug)]
pub(super) struct KeyedMap {
    function: &'static str,
    changes: BTreeMap<String, Change>,
    bytes: usize,
}

impl KeyedMap {
    pub(super) fn new(function: &'static str) -> Self {
        Self {
            function,
            changes: BTreeMap::new(),
            bytes: 0,
        }
    }

    fn add(&mut self, key: String, change: &Change) {
        self.bytes += key.len() + change.bytes();
        let earlier = self.changes.remove(&key).unwrap_or_default();
        self.changes.insert(key, earlier.then(change));
    }

    fn members(&self) -> Object {
        let entries = self.changes.iter();
        let entries = entries.filter_map(|(key, change)| Some((key, change.absent.as_ref()?)));
        entries
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

impl ValueAggregate for KeyedMap {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        match row {
            [Value::String(key), value, op @ ..] => {
                if let Some(change) = Change::read(self.function, value, op.first())? {
                    self.add(key.clone(), &change);
                }
                Ok(())
            }
            [Value::Null, ..] => Ok(()),
            _ => Err(EvaluationError::Type {
                what: format!("function `{}`: argument 1", self.function),
                expected: "string".to_owned(),
                found: row.first().map_or("null", |key| key.value_type().name()),
            }),
        }
    }

    fn state(&self) -> Value {
        let changes = self.changes.iter();
        let members = changes.map(|(key, change)| (key.clone(), change.encode()));
        Value::Object(members.collect())
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        if let Value::Object(members) = state {
            for (key, change) in members {
                if let Some(change) = Change::decode(change) {
                    self.add(key, &change);
                }
            }
        }
        Ok(())
    }

    fn finish(&self) -> Folded<Value> {
        Ok(match self.changes.is_empty() {
            true => Value::Null,
            false => Value::Object(self.members()),
        })
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// `HMAP_AGG`: an object of the `map`, and of the `counts` of its keys by the text of their value.
#[derive(Debug)]
pub(super) struct HistogramMap(KeyedMap);

impl Default for HistogramMap {
    fn default() -> Self {
        Self(KeyedMap::new("HMAP_AGG"))
    }
}

impl ValueAggregate for HistogramMap {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        self.0.update(row)
    }

    fn state(&self) -> Value {
        self.0.state()
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        self.0.merge(state)
    }

    fn finish(&self) -> Folded<Value> {
        if self.0.changes.is_empty() {
            return Ok(Value::Null);
        }
        let map = self.0.members();
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for value in map.values() {
            *counts.entry(text(value)).or_insert(0) += 1;
        }
        let counts = counts
            .into_iter()
            .map(|(text, count)| (text, Value::Int(count)));
        let members = [
            ("map".to_owned(), Value::Object(map)),
            ("counts".to_owned(), Value::Object(counts.collect())),
        ];
        Ok(Value::Object(members.into_iter().collect()))
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// A string as it is, any other value as JSON.
fn text(value: &Value) -> String {
    if let Value::String(text) = value {
        return text.clone();
    }
    let mut bytes = Vec::new();
    json::write_json(value, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn op() -> impl Strategy<Value = (String, i64, &'static str)> {
        let ops = ["UPSERT", "insert", "Update", "DELETE", "ignore"];
        ("[ab]", 0..4_i64, proptest::sample::select(ops.to_vec()))
    }

    fn apply(map: &mut BTreeMap<String, i64>, (key, value, op): &(String, i64, &str)) {
        let is_known = map.contains_key(key);
        match (op.to_ascii_uppercase().as_str(), is_known) {
            ("UPSERT", _) | ("INSERT", false) | ("UPDATE", true) => {
                map.insert(key.clone(), *value);
            }
            ("DELETE", true) => {
                map.remove(key);
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn parts_put_together_are_the_changes_one_after_the_other(
            parts in prop::collection::vec(prop::collection::vec(op(), 0..6), 1..4),
        ) {
            let mut expected = BTreeMap::new();
            let mut whole = KeyedMap::new("MAP_AGG");
            for part in &parts {
                let mut own = KeyedMap::new("MAP_AGG");
                for row in part {
                    apply(&mut expected, row);
                    let (key, value, op) = row;
                    own.update(&[Value::from(key.as_str()), Value::Int(*value), Value::from(*op)])?;
                }
                whole.merge(own.state())?;
            }
            let expected: Object = expected.into_iter().map(|(k, v)| (k, Value::Int(v))).collect();
            prop_assert_eq!(whole.members(), expected);
        }
    }
}
