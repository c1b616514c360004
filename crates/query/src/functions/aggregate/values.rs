//! The aggregates over single values.

use super::value::{ValueAggregate, ValueFunction, value_bytes};
use super::{Call, Lowered};
use crate::dynamic::EvaluationError;
use crate::operators::{OperatorError, Typed, expect, literal, to_dynamic};
use crate::types::{DYNAMIC, SqlType};
use datafusion::arrow::datatypes::DataType;
use outcrop_document::{Object, Value};
use std::cmp::Ordering;

type Folded<T> = Result<T, EvaluationError>;

pub(super) fn dynamic_arguments(call: &mut Call) {
    call.arguments = std::mem::take(&mut call.arguments)
        .into_iter()
        .map(to_dynamic)
        .collect();
}

pub(super) fn min_by(mut call: Call) -> Lowered {
    dynamic_arguments(&mut call);
    ValueFunction::MinBy.lower(&call, DYNAMIC)
}

pub(super) fn max_by(mut call: Call) -> Lowered {
    dynamic_arguments(&mut call);
    ValueFunction::MaxBy.lower(&call, DYNAMIC)
}

pub(super) fn array_agg(mut call: Call) -> Lowered {
    dynamic_arguments(&mut call);
    ValueFunction::ArrayAgg.lower(&call, DYNAMIC)
}

pub(super) fn map_agg(mut call: Call) -> Lowered {
    if call.arguments.len() > 2 {
        return Err(OperatorError::Invalid {
            message: "the third argument of MAP_AGG exists in rollups only".to_owned(),
        });
    }
    let key = call.argument(0)?.sql_type();
    if !matches!(key, SqlType::String | SqlType::Dynamic | SqlType::Null) {
        return Err(call.wrong_type(0, "string"));
    }
    dynamic_arguments(&mut call);
    ValueFunction::MapAgg.lower(&call, DYNAMIC)
}

/// Without an `ORDER BY` inputs are joined as they come.
pub(super) fn string_agg(mut call: Call) -> Lowered {
    let input = expect(
        call.argument(0)?,
        SqlType::String,
        "the argument of an aggregate",
    )
    .map_err(|_| call.wrong_type(0, "string"))?;
    let separator: Typed = match call.arguments.get(1) {
        Some(separator) => expect(separator.clone(), SqlType::String, "the separator")
            .map_err(|_| call.wrong_type(1, "string"))?,
        None => literal(&Value::from(",")),
    };
    call.arguments = vec![input, separator];
    ValueFunction::StringAgg.lower(&call, DataType::Utf8View)
}

/// The sum of numbers, or of intervals of one family.
#[derive(Debug, Default)]
pub(super) struct Sum {
    whole: i128,
    fraction: f64,
    saw: Option<Saw>,
}

/// What has been summed so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saw {
    Ints,
    Floats,
    Micros,
    Months,
}

impl Saw {
    const ALL: [Self; 4] = [Self::Ints, Self::Floats, Self::Micros, Self::Months];
}

impl Sum {
    fn add(&mut self, saw: Saw, whole: i128, fraction: f64) -> Folded<()> {
        self.saw = Some(match (self.saw, saw) {
            (None, saw) => saw,
            (Some(earlier), saw) if earlier == saw => saw,
            (Some(Saw::Ints | Saw::Floats), Saw::Ints | Saw::Floats) => Saw::Floats,
            _ => {
                let message = "cannot add numbers and intervals, or intervals of two families";
                return Err(EvaluationError::argument("SUM", message));
            }
        });
        self.whole += whole;
        self.fraction += fraction;
        Ok(())
    }
}

impl ValueAggregate for Sum {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        match &row[0] {
            Value::Null => Ok(()),
            Value::Int(value) => self.add(Saw::Ints, i128::from(*value), 0.0),
            Value::Float(value) => self.add(Saw::Floats, 0, *value),
            Value::MicrosecondInterval(value) => self.add(Saw::Micros, i128::from(*value), 0.0),
            Value::MonthInterval(value) => self.add(Saw::Months, i128::from(*value), 0.0),
            other => Err(EvaluationError::Type {
                what: "function `SUM`: argument 1".to_owned(),
                expected: "int or float".to_owned(),
                found: other.value_type().name(),
            }),
        }
    }

    /// The kind, the whole part in two halves of 64 bits, the fraction.
    fn state(&self) -> Value {
        let Some(saw) = self.saw else {
            return Value::Null;
        };
        let kind = Saw::ALL
            .iter()
            .position(|candidate| *candidate == saw)
            .unwrap_or(0);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the two halves of 128 bits"
        )]
        let halves = ((self.whole >> 64) as i64, self.whole as i64);
        Value::Array(vec![
            Value::Int(i64::try_from(kind).unwrap_or(0)),
            Value::Int(halves.0),
            Value::Int(halves.1),
            Value::Float(self.fraction),
        ])
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        let Value::Array(parts) = state else {
            return Ok(());
        };
        if let [
            Value::Int(kind),
            Value::Int(high),
            Value::Int(low),
            Value::Float(fraction),
        ] = parts.as_slice()
        {
            let kind = usize::try_from(*kind)
                .ok()
                .and_then(|kind| Saw::ALL.get(kind));
            let whole = (i128::from(*high) << 64) | i128::from(low.cast_unsigned());
            if let Some(kind) = kind {
                return self.add(*kind, whole, *fraction);
            }
        }
        Ok(())
    }

    fn finish(&self) -> Folded<Value> {
        Ok(match self.saw {
            None => Value::Null,
            Some(Saw::Ints) => Value::Int(super::sum::narrow(self.whole)?),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a float among the inputs makes it float"
            )]
            Some(Saw::Floats) => Value::Float(self.whole as f64 + self.fraction),
            Some(Saw::Micros) => Value::MicrosecondInterval(super::sum::narrow(self.whole)?),
            Some(Saw::Months) => Value::MonthInterval(super::sum::narrow(self.whole)?),
        })
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// `MIN_BY` and `MAX_BY`: the first of the rows at the extreme.
#[derive(Debug)]
pub(super) struct Extreme {
    wanted: Ordering,
    best: Option<(Value, Value)>,
}

impl Extreme {
    pub(super) fn new(wanted: Ordering) -> Self {
        Self { wanted, best: None }
    }
}

impl ValueAggregate for Extreme {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        let [value, by] = row else { return Ok(()) };
        let better = match &self.best {
            None => true,
            Some((_, best)) => by.compare(best) == self.wanted,
        };
        if better && !matches!(by, Value::Null) {
            self.best = Some((value.clone(), by.clone()));
        }
        Ok(())
    }

    fn state(&self) -> Value {
        match &self.best {
            Some((value, by)) => Value::Array(vec![value.clone(), by.clone()]),
            None => Value::Null,
        }
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        match state {
            Value::Array(row) => self.update(&row),
            _ => Ok(()),
        }
    }

    fn finish(&self) -> Folded<Value> {
        Ok(self
            .best
            .as_ref()
            .map_or(Value::Null, |(value, _)| value.clone()))
    }

    fn bytes(&self) -> usize {
        self.best
            .as_ref()
            .map_or(0, |(value, by)| value_bytes(value) + value_bytes(by))
    }
}

/// `ARRAY_AGG`: every input, nulls included; null for no rows.
#[derive(Debug, Default)]
pub(super) struct ArrayAgg {
    elements: Vec<Value>,
    bytes: usize,
}

impl ValueAggregate for ArrayAgg {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        self.bytes += value_bytes(&row[0]);
        self.elements.push(row[0].clone());
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Array(self.elements.clone())
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        if let Value::Array(elements) = state {
            self.bytes += elements.iter().map(value_bytes).sum::<usize>();
            self.elements.extend(elements);
        }
        Ok(())
    }

    fn finish(&self) -> Folded<Value> {
        Ok(if self.elements.is_empty() {
            Value::Null
        } else {
            self.state()
        })
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// `MAP_AGG`: the last value of each key; rows with a null key are skipped; null for no rows.
#[derive(Debug, Default)]
pub(super) struct MapAgg {
    members: Object,
    bytes: usize,
}

impl ValueAggregate for MapAgg {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        match row {
            [Value::String(key), value] => {
                self.bytes += key.len() + value_bytes(value);
                self.members.insert(key.clone(), value.clone());
                Ok(())
            }
            [Value::Null, _] => Ok(()),
            _ => Err(EvaluationError::Type {
                what: "function `MAP_AGG`: argument 1".to_owned(),
                expected: "string".to_owned(),
                found: row.first().map_or("null", |key| key.value_type().name()),
            }),
        }
    }

    fn state(&self) -> Value {
        Value::Object(self.members.clone())
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        if let Value::Object(members) = state {
            for (key, value) in members {
                self.update(&[Value::String(key), value])?;
            }
        }
        Ok(())
    }

    fn finish(&self) -> Folded<Value> {
        Ok(if self.members.is_empty() {
            Value::Null
        } else {
            self.state()
        })
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// `STRING_AGG`: the inputs that are not null, each but the first after its row's separator.
#[derive(Debug, Default)]
pub(super) struct StringAgg {
    joined: Option<String>,
    /// The separator of the first input, for a merge in front of it.
    first_separator: String,
}

impl ValueAggregate for StringAgg {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        let (Some(Value::String(text)), separator) = (row.first(), row.get(1)) else {
            return Ok(());
        };
        let separator = separator.and_then(Value::as_str).unwrap_or("");
        match &mut self.joined {
            Some(joined) => {
                joined.push_str(separator);
                joined.push_str(text);
            }
            None => {
                self.joined = Some(text.clone());
                self.first_separator = separator.to_owned();
            }
        }
        Ok(())
    }

    fn state(&self) -> Value {
        match &self.joined {
            Some(joined) => Value::Array(vec![
                Value::String(joined.clone()),
                Value::String(self.first_separator.clone()),
            ]),
            None => Value::Null,
        }
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        match state {
            Value::Array(row) => self.update(&row),
            _ => Ok(()),
        }
    }

    fn finish(&self) -> Folded<Value> {
        Ok(self.joined.clone().map_or(Value::Null, Value::String))
    }

    fn bytes(&self) -> usize {
        self.joined.as_ref().map_or(0, String::len)
    }
}
