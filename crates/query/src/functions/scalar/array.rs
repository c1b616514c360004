//! Arrays. Positions count from 1.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::{count, int, text};
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::{Date, Value};

const A: Kinds = Kinds::ARRAY;
const ANY: Kinds = Kinds::ANY;
const ARRAY: Returns = Returns::Type(SqlType::Array);
const INT: Returns = Returns::Type(SqlType::Int);
const BOOL: Returns = Returns::Type(SqlType::Bool);
const DYNAMIC: Returns = Returns::Type(SqlType::Dynamic);

/// Longest array that a function may make out of a number.
const GENERATED_MAX: i64 = 1_000_000;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["ARRAY_CREATE"],
        &[],
        ARRAY,
        |x| Ok(Value::Array(x.to_vec())),
        "An array of the arguments.",
    )
    .rest(ANY)
    .takes_nulls(),
    ScalarFunction::new(
        &["ARRAY_POSITION"],
        &[A, ANY],
        INT,
        |x| search(x, |a, v| position(a.iter(), v)),
        "The position of the first element equal to `v`, or 0; null is \
             looked up as a value.",
    )
    .takes_nulls(),
    ScalarFunction::new(
        &["ARRAY_LAST_POSITION"],
        &[A, ANY],
        INT,
        |x| search(x, last_position),
        "The position of the last element equal to `v`, or 0; null is \
             looked up as a value.",
    )
    .takes_nulls(),
    ScalarFunction::new(
        &["ARRAY_REMOVE"],
        &[A, ANY],
        ARRAY,
        |x| {
            search(x, |a, v| {
                Value::Array(a.iter().filter(|e| !e.equals(v)).cloned().collect())
            })
        },
        "The array without the elements equal to `v`.",
    )
    .takes_nulls(),
    ScalarFunction::new(
        &["ARRAY_DISTINCT"],
        &[A],
        ARRAY,
        |x| Ok(Value::Array(distinct(elements(&x[0])))),
        "Each element once, in the order of first occurrence.",
    ),
    ScalarFunction::new(
        &["ARRAY_CONCAT"],
        &[A],
        ARRAY,
        |x| Ok(Value::Array(x.iter().flat_map(elements).cloned().collect())),
        "The arrays one after the other.",
    )
    .rest(A),
    ScalarFunction::new(
        &["ARRAY_CONTAINS", "CONTAINS_ELEMENT"],
        &[A, ANY],
        BOOL,
        |x| Ok(Value::Bool(holds(elements(&x[0]), &x[1]))),
        "Whether an element equals `v`.",
    ),
    ScalarFunction::new(
        &["ARRAY_CONTAINS_ANY"],
        &[A, ANY],
        BOOL,
        contains_any,
        "Whether an element equals one of an array, or of a list, of values.",
    )
    .rest(ANY),
    ScalarFunction::new(
        &["ARRAYS_OVERLAP"],
        &[A, A],
        BOOL,
        contains_any,
        "Whether two arrays share an element.",
    ),
    ScalarFunction::new(
        &["ARRAY_FLATTEN", "FLATTEN"],
        &[A],
        ARRAY,
        flatten,
        "Arrays in the array replaced by their elements, one level deep.",
    ),
    ScalarFunction::new(
        &["ARRAY_JOIN"],
        &[A, Kinds::STRING, Kinds::STRING],
        Returns::Type(SqlType::String),
        join,
        "The elements as text with a separator between; nulls are \
             skipped, or shown as the third argument.",
    )
    .requires(2),
    ScalarFunction::new(
        &["ARRAY_SORT"],
        &[A],
        ARRAY,
        sort,
        "The elements in ascending order, nulls last.",
    ),
    ScalarFunction::new(
        &["ARRAY_UNION"],
        &[A, A],
        ARRAY,
        |x| {
            Ok(Value::Array(distinct(
                &[elements(&x[0]), elements(&x[1])].concat(),
            )))
        },
        "The distinct elements of both arrays.",
    ),
    ScalarFunction::new(
        &["ARRAY_INTERSECT"],
        &[A, A],
        ARRAY,
        |x| Ok(kept(x, true)),
        "The distinct elements in both arrays.",
    ),
    ScalarFunction::new(
        &["ARRAY_EXCEPT"],
        &[A, A],
        ARRAY,
        |x| Ok(kept(x, false)),
        "The distinct elements in the first array only.",
    ),
    ScalarFunction::new(
        &["ARRAY_MIN"],
        &[A],
        DYNAMIC,
        |x| Ok(extreme(elements(&x[0]), false)),
        "The least element; null when any is null.",
    ),
    ScalarFunction::new(
        &["ARRAY_MAX"],
        &[A],
        DYNAMIC,
        |x| Ok(extreme(elements(&x[0]), true)),
        "The greatest element; null when any is null.",
    ),
    ScalarFunction::new(
        &["ELEMENT_AT"],
        &[A.or(Kinds::OBJECT), Kinds::INT.or(Kinds::STRING)],
        DYNAMIC,
        element_at,
        "An element by position, a negative one from the end, or a member \
             by key; null when there is none.",
    ),
    ScalarFunction::new(
        &["REPEAT"],
        &[ANY, Kinds::INT],
        ARRAY,
        repeat,
        "An array of `n` copies of a value.",
    )
    .takes_nulls(),
    ScalarFunction::new(
        &["SEQUENCE"],
        &[
            Kinds::INT.or(Kinds::CALENDAR),
            Kinds::INT.or(Kinds::CALENDAR),
            Kinds::INT.or(Kinds::INTERVAL),
        ],
        ARRAY,
        sequence,
        "From start to stop, both inclusive, by a step.",
    )
    .requires(2),
    ScalarFunction::new(
        &["SLICE"],
        &[A, Kinds::INT, Kinds::INT],
        ARRAY,
        slice,
        "`SLICE(a, start [, length])`: a negative start counts from the end.",
    )
    .requires(2),
];

/// The elements of an array argument; none for anything else, which the parameter types rule out.
pub(super) fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        _ => &[],
    }
}

fn holds(array: &[Value], value: &Value) -> bool {
    array.iter().any(|element| element.equals(value))
}

/// For functions that look a null up as a value but answer null for a null array.
fn search(x: &[Value], find: fn(&[Value], &Value) -> Value) -> Evaluated {
    match &x[0] {
        Value::Null => Ok(Value::Null),
        array => Ok(find(elements(array), &x[1])),
    }
}

fn position<'a>(mut elements: impl Iterator<Item = &'a Value>, value: &Value) -> Value {
    count(
        elements
            .position(|element| element.equals(value))
            .map_or(0, |index| index + 1),
    )
}

fn last_position(array: &[Value], value: &Value) -> Value {
    count(
        array
            .iter()
            .rposition(|element| element.equals(value))
            .map_or(0, |index| index + 1),
    )
}

/// First occurrences only. Elements are told apart by their keys, as grouping does.
fn distinct(array: &[Value]) -> Vec<Value> {
    let mut seen = std::collections::HashSet::new();
    array
        .iter()
        .filter(|element| seen.insert(key(element)))
        .cloned()
        .collect()
}

/// Bytes that equal values share.
pub(super) fn key(value: &Value) -> Vec<u8> {
    let bytes = outcrop_document::k::encode(value);
    outcrop_document::k::key(&bytes).map_or_else(|_| bytes.clone(), <[u8]>::to_vec)
}

fn contains_any(x: &[Value]) -> Evaluated {
    let candidates = match &x[1] {
        Value::Array(candidates) if x.len() == 2 => candidates.as_slice(),
        _ => &x[1..],
    };
    Ok(Value::Bool(
        candidates
            .iter()
            .any(|candidate| holds(elements(&x[0]), candidate)),
    ))
}

fn flatten(x: &[Value]) -> Evaluated {
    let mut flat = Vec::new();
    for element in elements(&x[0]) {
        match element {
            Value::Array(inner) => flat.extend(inner.iter().cloned()),
            other => flat.push(other.clone()),
        }
    }
    Ok(Value::Array(flat))
}

fn join(x: &[Value]) -> Evaluated {
    let null_text = x.get(2).map(text);
    let mut pieces = Vec::new();
    for element in elements(&x[0]) {
        match (element, null_text) {
            (Value::Null, None) => {}
            (Value::Null, Some(null_text)) => pieces.push(null_text.to_owned()),
            (value, _) => pieces.push(crate::cast::to_text(value)?),
        }
    }
    Ok(Value::String(pieces.join(text(&x[1]))))
}

fn sort(x: &[Value]) -> Evaluated {
    let mut sorted = elements(&x[0]).to_vec();
    sorted.sort_by(|a, b| {
        let null = |value: &Value| matches!(value, Value::Null);
        null(a).cmp(&null(b)).then_with(|| a.compare(b))
    });
    Ok(Value::Array(sorted))
}

fn kept(x: &[Value], in_both: bool) -> Value {
    let others = elements(&x[1]);
    let mut kept = distinct(elements(&x[0]));
    kept.retain(|element| holds(others, element) == in_both);
    Value::Array(kept)
}

fn extreme(array: &[Value], greatest: bool) -> Value {
    if array.contains(&Value::Null) {
        return Value::Null;
    }
    let found = if greatest {
        array.iter().max_by(|a, b| a.compare(b))
    } else {
        array.iter().min_by(|a, b| a.compare(b))
    };
    found.cloned().unwrap_or(Value::Null)
}

fn element_at(x: &[Value]) -> Evaluated {
    let found = match (&x[0], &x[1]) {
        (Value::Array(array), Value::Int(position)) => {
            let length = i64::try_from(array.len()).unwrap_or(i64::MAX);
            let index = if *position < 0 {
                length.saturating_add(*position)
            } else {
                position - 1
            };
            usize::try_from(index)
                .ok()
                .and_then(|index| array.get(index))
        }
        (Value::Object(members), Value::String(key)) => members.get(key),
        (container, key) => {
            let (container, key) = (container.value_type(), key.value_type());
            let message = format!("cannot look up {key} in {container}");
            return Err(EvaluationError::argument("ELEMENT_AT", message));
        }
    };
    Ok(found.cloned().unwrap_or(Value::Null))
}

fn repeat(x: &[Value]) -> Evaluated {
    let Some(copies) = int(x, 1) else {
        return Ok(Value::Null);
    };
    match usize::try_from(copies) {
        Ok(count) if copies <= GENERATED_MAX => Ok(Value::Array(vec![x[0].clone(); count])),
        _ => Err(EvaluationError::argument(
            "REPEAT",
            "the count is out of range",
        )),
    }
}

fn sequence(x: &[Value]) -> Evaluated {
    use crate::dynamic::arithmetic::arithmetic;
    use crate::operators::ArithmeticOperator::Add;
    let descending = x[0].compare(&x[1]).is_gt();
    let default_step = match (&x[0], descending) {
        (Value::Int(_), false) => Value::Int(1),
        (Value::Int(_), true) => Value::Int(-1),
        (_, down) => Value::MicrosecondInterval(if down {
            -86_400_000_000
        } else {
            86_400_000_000
        }),
    };
    let step = x.get(2).unwrap_or(&default_step);
    let step_size = match step {
        Value::Int(step) | Value::MonthInterval(step) | Value::MicrosecondInterval(step) => *step,
        _ => 0,
    };
    let fail = |message: &str| Err(EvaluationError::argument("SEQUENCE", message));
    if step_size == 0 || (step_size < 0) != descending && !x[0].equals(&x[1]) {
        return fail("the step must lead from start to stop");
    }
    let mut out = vec![];
    let mut current = x[0].clone();
    while crate::dynamic::order::compare(&current, &x[1]).is_some_and(|ordering| {
        if step_size < 0 {
            ordering.is_ge()
        } else {
            ordering.is_le()
        }
    }) {
        out.push(current.clone());
        if out.len() > usize::try_from(GENERATED_MAX).unwrap_or(usize::MAX) {
            return fail("the sequence is too long");
        }
        match arithmetic(Add, &current, step) {
            Ok(next) => current = next,
            Err(EvaluationError::Overflow { .. }) => break,
            Err(error) => return Err(error),
        }
        if matches!(
            (&x[0], &current),
            (Value::Date(Date(_)), Value::Datetime(_))
        ) {
            return fail("the step of a sequence of dates must be whole days or months");
        }
    }
    Ok(Value::Array(out))
}

fn slice(x: &[Value]) -> Evaluated {
    let array = elements(&x[0]);
    let length = i64::try_from(array.len()).unwrap_or(i64::MAX);
    let start = match int(x, 1).unwrap_or(1) {
        0 => return Err(EvaluationError::argument("SLICE", "positions count from 1")),
        start if start < 0 => start.saturating_add(length),
        start => start - 1,
    };
    if start < 0 || start >= length {
        return Ok(Value::Array(vec![]));
    }
    let end = match int(x, 2) {
        Some(wanted) if wanted < 0 => {
            return Err(EvaluationError::argument(
                "SLICE",
                "the length must not be negative",
            ));
        }
        Some(wanted) => start.saturating_add(wanted).min(length),
        None => length,
    };
    let index = |at: i64| usize::try_from(at).unwrap_or(0);
    Ok(Value::Array(array[index(start)..index(end)].to_vec()))
}
