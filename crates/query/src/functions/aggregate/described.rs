//! What is inside the arrays of documents, for `DESCRIBE`: how many documents have which path with which
//! type. The elements of an array have the step `*`.

use super::value::ValueAggregate;
use crate::dynamic::EvaluationError;
use outcrop_document::{Value, ValueType};
use std::collections::{BTreeMap, BTreeSet};

type Folded<T> = Result<T, EvaluationError>;

/// A path with a type. Paths of arrays count too, since they are what their elements are a part of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Field {
    steps: Vec<String>,
    /// Whether one of the steps is that of elements.
    is_inside: bool,
    value_type: ValueType,
}

/// Counts of documents. The result is an array of `[steps, type, documents, documents with the parent]`
/// for what is inside of arrays, in the order of paths and types.
#[derive(Debug, Default)]
pub(super) struct Described {
    counts: BTreeMap<Field, i64>,
    bytes: usize,
}

impl Described {
    fn add(&mut self, field: Field, count: i64) {
        let steps = field.steps.iter();
        let bytes = size_of::<Field>() + steps.map(|step| step.len() + 24).sum::<usize>();
        let known = self.counts.entry(field).or_insert(0);
        if *known == 0 {
            self.bytes += bytes;
        }
        *known += count;
    }

    /// How many documents have what holds the field.
    fn parents(&self, field: &Field) -> i64 {
        let Some((last, parent)) = field.steps.split_last() else {
            return 0;
        };
        // An element is of an array, unless a member is called `*`.
        let holds = |value_type| {
            let counts = self.counts.range(
                Field {
                    steps: parent.to_vec(),
                    is_inside: false,
                    value_type,
                }..,
            );
            let same = counts.take_while(|(other, _)| other.steps == parent);
            same.filter(|(other, _)| other.value_type == value_type)
                .map(|(_, count)| *count)
                .sum::<i64>()
        };
        match last.as_str() {
            "*" => holds(ValueType::Array),
            _ => holds(ValueType::Object),
        }
    }
}

/// Notes the arrays in a value and all that is inside of them.
fn walk(value: &Value, steps: &mut Vec<String>, is_inside: bool, found: &mut BTreeSet<Field>) {
    if is_inside || matches!(value, Value::Array(_)) {
        found.insert(Field {
            steps: steps.clone(),
            is_inside,
            value_type: value.value_type(),
        });
    }
    let mut step = |step: &str, value: &Value, is_inside: bool| {
        steps.push(step.to_owned());
        walk(value, steps, is_inside, found);
        steps.pop();
    };
    match value {
        Value::Array(elements) => elements.iter().for_each(|value| step("*", value, true)),
        Value::Object(members) => {
            for (name, value) in members {
                step(name, value, is_inside);
            }
        }
        _ => {}
    }
}

impl ValueAggregate for Described {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        let mut found = BTreeSet::new();
        walk(&row[0], &mut Vec::new(), false, &mut found);
        for field in found {
            self.add(field, 1);
        }
        Ok(())
    }

    fn state(&self) -> Value {
        let entry = |(field, count): (&Field, &i64)| {
            let steps = field.steps.iter().cloned().map(Value::String);
            Value::Array(vec![
                Value::Array(steps.collect()),
                Value::Bool(field.is_inside),
                Value::Int(i64::from(field.value_type as u8)),
                Value::Int(*count),
            ])
        };
        Value::Array(self.counts.iter().map(entry).collect())
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        let Value::Array(entries) = state else {
            return Ok(());
        };
        for entry in entries {
            let Value::Array(parts) = entry else { continue };
            let [
                Value::Array(steps),
                Value::Bool(is_inside),
                Value::Int(rank),
                Value::Int(count),
            ] = parts.as_slice()
            else {
                continue;
            };
            let text = |step: &Value| step.as_str().map(str::to_owned);
            let types = ValueType::ALL.into_iter();
            let mut types = types.filter(|value_type| i64::from(*value_type as u8) == *rank);
            if let (Some(steps), Some(value_type)) =
                (steps.iter().map(text).collect(), types.next())
            {
                let field = Field {
                    steps,
                    is_inside: *is_inside,
                    value_type,
                };
                self.add(field, *count);
            }
        }
        Ok(())
    }

    fn finish(&self) -> Folded<Value> {
        let inside = self.counts.iter().filter(|(field, _)| field.is_inside);
        let row = |(field, count): (&Field, &i64)| {
            let steps = field.steps.iter().cloned().map(Value::String);
            Value::Array(vec![
                Value::Array(steps.collect()),
                Value::from(field.value_type.name()),
                Value::Int(*count),
                Value::Int(self.parents(field)),
                Value::Int(i64::from(field.value_type as u8)),
            ])
        };
        Ok(Value::Array(inside.map(row).collect()))
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}
