//! Avro values as values of documents.

use arrow::datatypes::i256;
use outcrop_document::{Object, Value, json};

use super::cursor::Cursor;
use super::schema::{Schema, Type, TypeId, Width};
use crate::scalars::{self, Unit};

/// Microseconds of a day and of a millisecond.
const DAY_MICROS: i64 = 86_400_000_000;
const MILLISECOND_MICROS: i64 = 1_000;

/// Reads one record.
pub(super) struct Decoder<'s, 'c, 'a> {
    schema: &'s Schema,
    cursor: &'c mut Cursor<'a>,
    /// What the record holds and a document cannot, the first of it. The bytes behind it can be read all the same.
    problem: Option<String>,
}

impl<'s, 'c, 'a> Decoder<'s, 'c, 'a> {
    pub(super) fn new(schema: &'s Schema, cursor: &'c mut Cursor<'a>) -> Self {
        Self {
            schema,
            cursor,
            problem: None,
        }
    }

    /// The next record, or why there is no document for it.
    ///
    /// # Errors
    /// Bytes that are not of the schema, behind which there is nothing to read.
    pub(super) fn record(mut self) -> Result<Result<Value, String>, String> {
        let value = self.value(self.schema.root(), 0)?;
        Ok(match self.problem {
            None => Ok(value),
            Some(problem) => Err(problem),
        })
    }

    /// The next value, inside of `depth` others.
    fn value(&mut self, id: TypeId, depth: usize) -> Result<Value, String> {
        if depth > json::NESTING_MAX {
            let depth_max = json::NESTING_MAX;
            return Err(format!("it is nested deeper than {depth_max} levels"));
        }
        Ok(match self.schema.get(id) {
            Type::Null => Value::Null,
            Type::Boolean => match self.cursor.array()? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                [other] => return Err(format!("{other} is no truth value")),
            },
            Type::Int => Value::Int(self.cursor.int()?.into()),
            Type::Long => Value::Int(self.cursor.long()?),
            Type::Float => Value::Float(f32::from_le_bytes(self.cursor.array()?).into()),
            Type::Double => Value::Float(f64::from_le_bytes(self.cursor.array()?)),
            Type::Bytes => Value::Bytes(self.cursor.bytes()?.to_vec()),
            Type::String => Value::String(self.cursor.text()?.to_owned()),
            Type::Fixed(size) => Value::Bytes(self.cursor.take(*size)?.to_vec()),
            Type::Enum(symbols) => {
                let index = self.cursor.length()?;
                let symbol = symbols.get(index);
                let symbol = symbol.ok_or_else(|| format!("there is no symbol {index}"))?;
                Value::String(symbol.clone())
            }
            Type::Union(branches) => {
                let index = self.cursor.length()?;
                let branch = branches.get(index);
                let branch = *branch.ok_or_else(|| format!("there is no branch {index}"))?;
                self.value(branch, depth + 1)?
            }
            Type::Array(items) => Value::Array(self.array(*items, depth)?),
            Type::Map(values) => Value::Object(self.map(*values, depth)?),
            Type::Record(fields) => {
                let mut members = Object::new();
                for (name, id) in fields {
                    let value = self.value(*id, depth + 1);
                    let value = value.map_err(|reason| format!("`{name}`: {reason}"))?;
                    members.insert(name.clone(), value);
                }
                Value::Object(members)
            }
            Type::Date => {
                let days = self.cursor.int()?;
                self.possible(scalars::date(days))
            }
            Type::Time(unit, width) => {
                let count = match width {
                    Width::Int => self.cursor.int()?.into(),
                    Width::Long => self.cursor.long()?,
                };
                self.possible(scalars::time(count, *unit))
            }
            Type::Timestamp(unit) => self.count(*unit, scalars::timestamp)?,
            Type::LocalTimestamp(unit) => self.count(*unit, scalars::datetime)?,
            Type::Decimal(scale, size) => {
                let digits = match size {
                    Some(size) => self.cursor.take(*size)?,
                    None => self.cursor.bytes()?,
                };
                self.possible(decimal(digits, *scale))
            }
            Type::Uuid => scalars::uuid(self.cursor.array()?),
            Type::Duration => {
                let parts = [
                    self.cursor.array()?,
                    self.cursor.array()?,
                    self.cursor.array()?,
                ];
                self.possible(duration(parts.map(u32::from_le_bytes)))
            }
        })
    }

    fn array(&mut self, items: TypeId, depth: usize) -> Result<Vec<Value>, String> {
        let mut elements = Vec::new();
        loop {
            let count = self.cursor.items()?;
            if count == 0 {
                return Ok(elements);
            }
            for _ in 0..count {
                let value = self.value(items, depth + 1);
                let number = elements.len() + 1;
                elements.push(value.map_err(|reason| format!("element {number}: {reason}"))?);
            }
        }
    }

    /// An object with a member for each entry; of equal keys the last wins.
    fn map(&mut self, values: TypeId, depth: usize) -> Result<Object, String> {
        let mut members = Object::new();
        loop {
            let count = self.cursor.items()?;
            if count == 0 {
                return Ok(members);
            }
            for _ in 0..count {
                let name = self.cursor.text()?.to_owned();
                let value = self.value(values, depth + 1);
                let value = value.map_err(|reason| format!("`{name}`: {reason}"))?;
                members.insert(name, value);
            }
        }
    }

    fn count(
        &mut self,
        unit: Unit,
        read: fn(i64, Unit) -> Result<Value, String>,
    ) -> Result<Value, String> {
        let count = self.cursor.long()?;
        Ok(self.possible(read(count, unit)))
    }

    /// The value, or a null and the problem.
    fn possible(&mut self, value: Result<Value, String>) -> Value {
        value.unwrap_or_else(|reason| {
            self.problem.get_or_insert(reason);
            Value::Null
        })
    }
}

/// A number of two's complement, highest byte first.
fn decimal(bytes: &[u8], scale: i64) -> Result<Value, String> {
    let is_negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let mut wide = [if is_negative { 0xff } else { 0 }; 32];
    let start = wide.len().checked_sub(bytes.len());
    let start = start.ok_or("a decimal has more than 256 bits")?;
    wide[start..].copy_from_slice(bytes);
    Ok(scalars::decimal(
        &i256::from_be_bytes(wide).to_string(),
        scale,
    ))
}

/// Months alone are one kind of interval, days and milliseconds the other.
fn duration([months, days, milliseconds]: [u32; 3]) -> Result<Value, String> {
    let micros = i64::from(days) * DAY_MICROS + i64::from(milliseconds) * MILLISECOND_MICROS;
    match (months, micros) {
        (0, micros) => Ok(Value::MicrosecondInterval(micros)),
        (months, 0) => Ok(Value::MonthInterval(months.into())),
        _ => Err("a duration has both months and days or milliseconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_twos_complement_of_any_length() {
        assert_eq!(decimal(&[], 0), Ok(Value::Int(0)));
        assert_eq!(decimal(&[0xff], 0), Ok(Value::Int(-1)));
        assert_eq!(decimal(&[0x04, 0xd2], 2), Ok(Value::Float(12.34)));
        let mut lowest = [0; 32];
        lowest[0] = 0x80;
        let expected = Ok(Value::Float(-5.789_604_461_865_809));
        assert_eq!(decimal(&lowest, 76), expected);
        assert!(decimal(&[0; 33], 0).is_err());
    }

    #[test]
    fn a_duration_is_of_months_or_of_time() {
        assert_eq!(duration([14, 0, 0]), Ok(Value::MonthInterval(14)));
        assert_eq!(
            duration([0, 1, 2]),
            Ok(Value::MicrosecondInterval(DAY_MICROS + 2_000))
        );
        assert!(duration([1, 1, 0]).is_err());
    }
}
