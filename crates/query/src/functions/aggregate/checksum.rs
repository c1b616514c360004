//! `CHECKSUM`: a number that two sets of values share when they are the same, whatever their order.

use super::value::{ValueAggregate, ValueFunction};
use super::{Call, Lowered};
use crate::dynamic::EvaluationError;
use crate::operators::{group_key, to_dynamic};
use outcrop_document::{Value, k};

type Folded<T> = Result<T, EvaluationError>;

/// Equal values have equal keys, so an int counts as the float of the same size.
pub(super) fn checksum(mut call: Call) -> Lowered {
    let argument = group_key(to_dynamic(call.first()?));
    call.arguments = vec![argument];
    ValueFunction::Checksum.lower(&call, datafusion::arrow::datatypes::DataType::Binary)
}

/// The sum of the hashes of all inputs, nulls included, modulo 2⁶⁴; null for no inputs.
#[derive(Debug, Default)]
pub(super) struct Checksum {
    sum: Option<u64>,
}

impl Checksum {
    fn add(&mut self, hash: u64) {
        self.sum = Some(self.sum.unwrap_or(0).wrapping_add(hash));
    }
}

impl ValueAggregate for Checksum {
    fn update(&mut self, row: &[Value]) -> Folded<()> {
        self.add(hash(&k::encode(&row[0])));
        Ok(())
    }

    fn state(&self) -> Value {
        self.sum
            .map_or(Value::Null, |sum| Value::Int(sum.cast_signed()))
    }

    fn merge(&mut self, state: Value) -> Folded<()> {
        if let Value::Int(sum) = state {
            self.add(sum.cast_unsigned());
        }
        Ok(())
    }

    fn finish(&self) -> Folded<Value> {
        let bytes = |sum: u64| Value::Bytes(sum.to_be_bytes().to_vec());
        Ok(self.sum.map_or(Value::Null, bytes))
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// FNV-1a, its bits stirred by the finisher of `SplitMix64`. It must never change: checksums are kept
/// and compared later.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
