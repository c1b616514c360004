//! The type counts of a segment as bytes.
//!
//! Numbers are varints:
//!
//! ```text
//! path count, then for each path in order:
//!   step count, then each step: length, UTF-8 bytes
//!   type mask: bit n set if values of the type with number n occur
//!   the count of each of these types, in the order of the numbers
//!   if the int bit is set: smallest int, largest int (zigzag)
//! ```

use std::sync::Arc;

use outcrop_document::{FieldPath, ValueType};

use super::varint;
use crate::type_counts::PathTypes;

/// The bytes of `types`.
pub(crate) fn encode(types: &PathTypes) -> Vec<u8> {
    let mut out = Vec::new();
    varint::write(types.len() as u64, &mut out);
    for (path, counts) in types.iter() {
        varint::write(path.steps().len() as u64, &mut out);
        for step in path.steps() {
            varint::write(step.len() as u64, &mut out);
            out.extend_from_slice(step.as_bytes());
        }
        let mask = counts
            .types()
            .fold(0, |mask, value_type| mask | bit(value_type));
        varint::write(mask, &mut out);
        counts
            .types()
            .for_each(|value_type| varint::write(counts.get(value_type), &mut out));
        if let Some((low, high)) = counts.int_range() {
            varint::write(varint::zigzag(low), &mut out);
            varint::write(varint::zigzag(high), &mut out);
        }
    }
    out
}

/// Reads back what [`encode`] wrote; none for any other bytes.
pub(crate) fn decode(mut input: &[u8]) -> Option<PathTypes> {
    let input = &mut input;
    let mut types = PathTypes::default();
    for _ in 0..varint::read(input)? {
        let mut steps: Vec<&str> = Vec::new();
        for _ in 0..varint::read(input)? {
            steps.push(str::from_utf8(varint::read_bytes(input)?).ok()?);
        }
        let counts = types.entry(Arc::new(FieldPath::from_steps(steps)));
        let mask = varint::read(input)?;
        for value_type in ValueType::ALL
            .into_iter()
            .filter(|one| mask & bit(*one) != 0)
        {
            counts.add_many(value_type, varint::read(input)?);
        }
        if mask & bit(ValueType::Int) != 0 {
            let low = varint::unzigzag(varint::read(input)?);
            let high = varint::unzigzag(varint::read(input)?);
            counts.widen_ints(low, high);
        }
    }
    input.is_empty().then_some(types)
}

fn bit(value_type: ValueType) -> u64 {
    1 << value_type as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_back_and_cut_bytes_do_not() {
        let mut types = PathTypes::default();
        for (steps, value_type) in [
            (vec!["a"], ValueType::String),
            (vec!["a"], ValueType::Geography),
            (vec!["a", ""], ValueType::Object),
            (vec!["é.\"", "b"], ValueType::Null),
        ] {
            types
                .entry(Arc::new(FieldPath::from_steps(steps)))
                .add_many(value_type, 3);
        }
        let ints = types.entry(Arc::new("n".parse().unwrap()));
        ints.add_many(ValueType::Int, 9);
        ints.widen_ints(i64::MIN, i64::MAX);

        let bytes = encode(&types);
        assert_eq!(decode(&bytes), Some(types));
        (0..bytes.len()).for_each(|end| assert_eq!(decode(&bytes[..end]), None));
        assert_eq!(
            decode(&encode(&PathTypes::default())),
            Some(PathTypes::default())
        );
    }
}
