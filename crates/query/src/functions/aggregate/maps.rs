//! Aggregates that give objects: how often each input occurs, and objects put together.

use super::value::{ValueAggregate, ValueFunction, value_bytes};
use super::values::dynamic_arguments;
use super::{Call, Lowered};
use crate::dynamic::EvaluationError;
use crate::types::{DYNAMIC, SqlType};
use outcrop_document::{Object, Value};
use std::collections::BTreeMap;

type Folded<T> = Result<T, EvaluationError>;

pub(super) fn histogram(mut call: Call) -> Lowered {
    dynamic_arguments(&mut call);
    ValueFunction::Histogram.lower(&call, DYNAMIC)
}

pub(super) fn map_union(mut call: Call) -> Lowered {
    let argument = call.argument(0)?.sql_type();
    if !matches!(argument, SqlType::Object | SqlType::Dynamic | SqlType::Null) {
        return Err(call.wrong_type(0, "object"));
    }
    dynamic_arguments(&mut call);
    ValueFunction::MapUnion.lower(&call, DYNAMIC)
}

/// `HISTOGRAM`: the number of inputs of each text; nulls are skipped; null for no inputs.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    counts: BTreeMap<String, i64>,
    bytes: usize,
}

impl Histogram {
    fn add(&mut self, text: String, count: i64) {
        let bytes = text.len() + size_of::<(String, i64)>();
        let known = self.counts.entry(text).or_insert(0);
        if *known == 0 {
            self.bytes += bytes;
        }
        *known += count;
    }
}

impl ValueAggregate for Histogram {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        match &row[0] {
            Value::Null => {}
            Value::String(text) => self.add(text.clone(), 1),
            other => self.add(crate::cast::to_text(other)?, 1),
        }
        Ok(())
    }

    fn state(&self) -> Value {
        let counts = self.counts.iter();
        let members = counts.map(|(text, count)| (text.clone(), Value::Int(*count)));
        Value::Object(members.collect::<Object>())
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        if let Value::Object(members) = state {
            for (text, count) in members {
                if let Value::Int(count) = count {
                    self.add(text, count);
                }
            }
        }
        Ok(())
    }

    fn finish(&self) -> Folded<Value> {
        Ok(match self.counts.is_empty() {
            true => Value::Null,
            false => self.state(),
        })
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// `MAP_UNION`: all members of all objects; of equal keys the last wins; null for no objects.
#[derive(Debug, Default)]
pub(super) struct MapUnion {
    members: Option<Object>,
    bytes: usize,
}

impl ValueAggregate for MapUnion {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        match &row[0] {
            Value::Null => Ok(()),
            Value::Object(object) => {
                let members = self.members.get_or_insert_default();
                for (key, value) in object {
                    self.bytes += key.len() + value_bytes(value);
                    members.insert(key.clone(), value.clone());
                }
                Ok(())
            }
            other => Err(EvaluationError::Type {
                what: "function `MAP_UNION`: argument 1".to_owned(),
                expected: "object".to_owned(),
                found: other.value_type().name(),
            }),
        }
    }

    fn state(&self) -> Value {
        self.members.clone().map_or(Value::Null, Value::Object)
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        self.update(&[state])
    }

    fn finish(&self) -> Folded<Value> {
        Ok(self.state())
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}
