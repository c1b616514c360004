//! Functions of elements in turn: one function applied to all of them, or all in another order; and
//! the function that gives no value.

use super::array::elements;
use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::text;
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::Value;

const ARRAY: Returns = Returns::Type(SqlType::Array);
const NAME_OR_ARRAY: Kinds = Kinds::STRING.or(Kinds::ARRAY);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["ARRAY_MAP"],
        &[NAME_OR_ARRAY, NAME_OR_ARRAY],
        ARRAY,
        array_map,
        "The results of a function, given by its name, for each element: `ARRAY_MAP('lower', a)`.",
    ),
    ScalarFunction::new(
        &["OUTCROP_SHUFFLE"],
        &[Kinds::ANY, Kinds::NUMBER],
        ARRAY,
        shuffle,
        "The elements of an array in an order that a number from 0 up to 1 gives.",
    ),
    ScalarFunction::new(
        &["ERROR", "RAISE"],
        &[Kinds::ANY],
        Returns::Type(SqlType::Dynamic),
        |x| {
            Err(EvaluationError::Raised {
                message: match &x[0] {
                    Value::Null => "error".to_owned(),
                    message => crate::cast::to_text(message)?,
                },
            })
        },
        "No value: the query fails with this message.",
    )
    .takes_nulls(),
];

fn array_map(x: &[Value]) -> Evaluated {
    let fail = |message: String| EvaluationError::argument("ARRAY_MAP", message);
    let (name, array) = match x {
        [name @ Value::String(_), array @ Value::Array(_)]
        | [array @ Value::Array(_), name @ Value::String(_)] => (text(name), elements(array)),
        _ => return Err(fail("takes the name of a function and an array".to_owned())),
    };
    let takes_one = |function: &&ScalarFunction| {
        function.required <= 1 && (!function.parameters.is_empty() || function.rest.is_some())
    };
    let function = super::definition(name)
        .filter(takes_one)
        .ok_or_else(|| fail(format!("there is no function `{name}` of one value")))?;
    let results = array
        .iter()
        .map(|element| function.call(std::slice::from_ref(element)));
    Ok(Value::Array(results.collect::<Result<_, _>>()?))
}

/// Fisher and Yates, with numbers of `SplitMix64`.
fn shuffle(x: &[Value]) -> Evaluated {
    let (Value::Array(array), Value::Float(seed)) = (&x[0], &x[1]) else {
        return Err(EvaluationError::Type {
            what: "function `ARRAY_SHUFFLE`: argument 1".to_owned(),
            expected: Kinds::ARRAY.describe(),
            found: x[0].value_type().name(),
        });
    };
    let mut state = seed.to_bits();
    let mut draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    };
    let mut shuffled = array.clone();
    for last in (1..shuffled.len()).rev() {
        let places = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
        let place = usize::try_from(draw() % places).unwrap_or(last);
        shuffled.swap(last, place);
    }
    Ok(Value::Array(shuffled))
}
