//! `APPROX_DISTINCT` of a rollup: a sketch that is stored, so its hashes must never change.
//!
//! Up to [`EXACT_MAX`] values it keeps their hashes and is exact. From then on it is a `HyperLogLog` of
//! [`REGISTERS`] registers, whose standard error is 1.6 %, read with the estimator of O. Ertl, "New
//! cardinality estimation algorithms for HyperLogLog sketches" (2017), which needs no corrections.

use super::checksum::hash;
use super::value::{ValueAggregate, ValueFunction};
use super::values::dynamic_arguments;
use super::{Call, Lowered};
use crate::dynamic::EvaluationError;
use datafusion::arrow::datatypes::DataType;
use outcrop_document::{Value, k};
use std::collections::BTreeSet;

type Folded<T> = Result<T, EvaluationError>;

/// Bits of a hash that choose its register.
const REGISTER_BITS: u32 = 12;

const REGISTERS: usize = 1 << REGISTER_BITS;

/// Bits of a hash whose leading zeros are counted.
const RANK_BITS: u32 = u64::BITS - REGISTER_BITS;

/// As many hashes as take the bytes of the registers.
const EXACT_MAX: usize = REGISTERS / size_of::<u64>();

pub(super) fn approx_distinct(mut call: Call) -> Lowered {
    dynamic_arguments(&mut call);
    ValueFunction::Sketch.lower(&call, DataType::Int64)
}

#[derive(Debug)]
pub(super) enum Sketch {
    Exact(BTreeSet<u64>),
    Registers(Box<[u8; REGISTERS]>),
}

impl Default for Sketch {
    fn default() -> Self {
        Self::Exact(BTreeSet::new())
    }
}

impl Sketch {
    fn add(&mut self, hash: u64) {
        match self {
            Self::Exact(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    let hashes = std::mem::take(hashes);
                    *self = Self::Registers(Box::new([0; REGISTERS]));
                    hashes.into_iter().for_each(|hash| self.add(hash));
                }
            }
            Self::Registers(registers) => {
                let register = usize::try_from(hash >> RANK_BITS).unwrap_or(0);
                let zeros = (hash << REGISTER_BITS).leading_zeros().min(RANK_BITS);
                let rank = u8::try_from(zeros + 1).unwrap_or(u8::MAX);
                registers[register] = registers[register].max(rank);
            }
        }
    }

    fn count(&self) -> i64 {
        match self {
            Self::Exact(hashes) => i64::try_from(hashes.len()).unwrap_or(i64::MAX),
            Self::Registers(registers) => estimate(registers),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "an estimate"
)]
fn estimate(registers: &[u8; REGISTERS]) -> i64 {
    let size = REGISTERS as f64;
    let mut counts = [0_u32; RANK_BITS as usize + 2];
    for register in registers {
        counts[usize::from(*register).min(counts.len() - 1)] += 1;
    }
    let [zeros, ranks @ .., full] = counts;
    let mut sum = size * tau(1.0 - f64::from(full) / size);
    for count in ranks.into_iter().rev() {
        sum = 0.5 * (sum + f64::from(count));
    }
    sum += size * sigma(f64::from(zeros) / size);
    let alpha = 0.5 / std::f64::consts::LN_2;
    (alpha * size * size / sum).round() as i64
}

fn sigma(share: f64) -> f64 {
    if share >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (share, 1.0, share);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if sum <= before {
            return sum;
        }
    }
}

fn tau(share: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (share, 1.0, 1.0 - share);
    loop {
        root = root.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - root).powi(2) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

impl ValueAggregate for Sketch {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        if !matches!(row[0], Value::Null) {
            let bytes = k::encode(&row[0]);
            // Equal values have equal keys: an int counts as the float of its size.
            self.add(hash(k::key(&bytes)?));
        }
        Ok(())
    }

    /// The hashes as an array of ints, or the registers as bytes.
    fn state(&self) -> Value {
        match self {
            Self::Exact(hashes) => {
                let hashes = hashes.iter().map(|hash| Value::Int(hash.cast_signed()));
                Value::Array(hashes.collect())
            }
            Self::Registers(registers) => Value::Bytes(registers.to_vec()),
        }
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        match state {
            Value::Array(hashes) => {
                for hash in hashes {
                    if let Value::Int(hash) = hash {
                        self.add(hash.cast_unsigned());
                    }
                }
            }
            Value::Bytes(other) => {
                let mut registers = Box::new([0; REGISTERS]);
                for (register, rank) in registers.iter_mut().zip(other) {
                    *register = rank;
                }
                match std::mem::replace(self, Self::Registers(registers)) {
                    Self::Exact(hashes) => hashes.into_iter().for_each(|hash| self.add(hash)),
                    Self::Registers(own) => {
                        if let Self::Registers(registers) = self {
                            for (register, rank) in registers.iter_mut().zip(*own) {
                                *register = (*register).max(rank);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&self) -> Folded<Value> {
        Ok(Value::Int(self.count()))
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Exact(hashes) => hashes.len() * 2 * size_of::<u64>(),
            Self::Registers(_) => REGISTERS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::cast_precision_loss, reason = "the counts are small")]
    fn error(counted: i64, expected: i64) -> f64 {
        ((counted - expected) as f64 / expected as f64).abs()
    }

    #[test]
    fn few_values_are_counted_exactly_and_many_nearly() {
        let mut sketch = Sketch::default();
        let mut parts = Sketch::default();
        for value in 0..200_000_i64 {
            sketch.update(&[Value::Int(value)]).unwrap();
            let mut part = Sketch::default();
            part.update(&[Value::Int(value / 2)]).unwrap();
            parts.merge(part.state()).unwrap();
            let count = value + 1;
            if count <= i64::try_from(EXACT_MAX).unwrap() {
                assert_eq!(sketch.count(), count);
            } else if count % 10_000 == 0 {
                assert!(
                    error(sketch.count(), count) < 0.05,
                    "{count}: {}",
                    sketch.count()
                );
            }
        }
        assert!(error(parts.count(), 100_000) < 0.05, "{}", parts.count());
        let before = sketch.count();
        let mut merged = Sketch::default();
        merged.merge(parts.state()).unwrap();
        merged.merge(sketch.state()).unwrap();
        assert_eq!(merged.count(), before);
        let mut few = Sketch::default();
        few.update(&[Value::Int(1)]).unwrap();
        few.merge(sketch.state()).unwrap();
        assert_eq!(few.count(), before);
    }

    #[test]
    fn equal_values_count_once_and_nulls_not() {
        let mut sketch = Sketch::default();
        for value in [
            Value::Int(1),
            Value::Float(1.0),
            Value::Null,
            Value::from("1"),
        ] {
            sketch.update(&[value]).unwrap();
        }
        assert_eq!(sketch.count(), 2);
    }
}
