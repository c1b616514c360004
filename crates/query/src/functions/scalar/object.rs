//! Objects.

use super::array::elements;
use super::definition::{Evaluated, Returns, ScalarFunction};
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::{Object, Value};

const O: Kinds = Kinds::OBJECT;
const A: Kinds = Kinds::ARRAY;
const ARRAY: Returns = Returns::Type(SqlType::Array);
const OBJECT: Returns = Returns::Type(SqlType::Object);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["OBJECT"],
        &[A, A],
        OBJECT,
        object,
        "An object of an array of keys and one of values.",
    ),
    ScalarFunction::new(
        &["ZIP"],
        &[A],
        OBJECT,
        zip,
        "An object of an array of `[key, value]` pairs.",
    ),
    ScalarFunction::new(
        &["KEYS"],
        &[O],
        ARRAY,
        |x| {
            Ok(Value::Array(
                members(&x[0])
                    .map(|(key, _)| Value::String(key.clone()))
                    .collect(),
            ))
        },
        "The keys, sorted.",
    ),
    ScalarFunction::new(
        &["VALUES"],
        &[O],
        ARRAY,
        |x| {
            Ok(Value::Array(
                members(&x[0]).map(|(_, value)| value.clone()).collect(),
            ))
        },
        "The values, in the order of the keys.",
    ),
    ScalarFunction::new(
        &["ITEMS"],
        &[O],
        ARRAY,
        items,
        "The `[key, value]` pairs, in the order of the keys.",
    ),
    ScalarFunction::new(
        &["MERGE"],
        &[O, O],
        OBJECT,
        |x| {
            Ok(Value::Object(
                x.iter()
                    .flat_map(members)
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect(),
            ))
        },
        "The members of all objects, later ones winning.",
    )
    .rest(O),
    ScalarFunction::new(
        &["ERASE"],
        &[O, Kinds::STRING.or(A)],
        OBJECT,
        erase,
        "The object without a key or an array of keys.",
    ),
];

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn key(function: &'static str, value: &Value) -> Result<String, EvaluationError> {
    value.as_str().map(str::to_owned).ok_or_else(|| {
        let message = format!("a key must be string, found {}", value.value_type());
        EvaluationError::argument(function, message)
    })
}

fn object(x: &[Value]) -> Evaluated {
    let (keys, values) = (elements(&x[0]), elements(&x[1]));
    if keys.len() != values.len() {
        let message = format!("{} keys but {} values", keys.len(), values.len());
        return Err(EvaluationError::argument("OBJECT", message));
    }
    let pairs = keys.iter().zip(values);
    let members = pairs.map(|(k, v)| Ok((key("OBJECT", k)?, v.clone())));
    Ok(Value::Object(
        members.collect::<Result<Object, EvaluationError>>()?,
    ))
}

fn zip(x: &[Value]) -> Evaluated {
    let members = elements(&x[0]).iter().map(|pair| match elements(pair) {
        [k, v] => Ok((key("ZIP", k)?, v.clone())),
        _ => Err(EvaluationError::argument(
            "ZIP",
            "every element must be a pair of key and value",
        )),
    });
    Ok(Value::Object(
        members.collect::<Result<Object, EvaluationError>>()?,
    ))
}

fn items(x: &[Value]) -> Evaluated {
    let pairs =
        members(&x[0]).map(|(k, v)| Value::Array(vec![Value::String(k.clone()), v.clone()]));
    Ok(Value::Array(pairs.collect()))
}

fn erase(x: &[Value]) -> Evaluated {
    let mut object: Object = members(&x[0])
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    match &x[1] {
        Value::Array(keys) => {
            for erased in keys {
                object.remove(&key("ERASE", erased)?);
            }
        }
        erased => {
            object.remove(&key("ERASE", erased)?);
        }
    }
    Ok(Value::Object(object))
}
