//! Vectors: arrays of ints only or of floats only.

use super::array::elements;
use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::{int, text};
use crate::dynamic::EvaluationError;
use crate::dynamic::arithmetic::{arithmetic, as_float};
use crate::functions::kinds::Kinds;
use crate::operators::ArithmeticOperator;
use crate::types::SqlType;
use outcrop_document::Value;

const A: Kinds = Kinds::ARRAY;
const TWO: &[Kinds] = &[A, A];
const OPERAND: &[Kinds] = &[A, A.or(Kinds::NUMBER)];
const ARRAY: Returns = Returns::Type(SqlType::Array);
const FLOAT: Returns = Returns::Type(SqlType::Float);
const NUMBER: Returns = Returns::Type(SqlType::Dynamic);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["VECTOR_ENFORCE"],
        &[A, Kinds::INT, Kinds::STRING],
        ARRAY,
        enforce,
        "The array when it has that length and element type (`'int'` or \
             `'float'`), else null.",
    ),
    ScalarFunction::new(
        &["VECTOR_ADD"],
        OPERAND,
        ARRAY,
        |x| each("VECTOR_ADD", ArithmeticOperator::Add, x),
        "Element-wise sum with a vector or a number.",
    ),
    ScalarFunction::new(
        &["VECTOR_SUBTRACT"],
        OPERAND,
        ARRAY,
        |x| each("VECTOR_SUBTRACT", ArithmeticOperator::Subtract, x),
        "Element-wise difference.",
    ),
    ScalarFunction::new(
        &["VECTOR_MULTIPLY"],
        OPERAND,
        ARRAY,
        |x| each("VECTOR_MULTIPLY", ArithmeticOperator::Multiply, x),
        "Element-wise product.",
    ),
    ScalarFunction::new(
        &["VECTOR_DIVIDE"],
        OPERAND,
        ARRAY,
        |x| each("VECTOR_DIVIDE", ArithmeticOperator::Divide, x),
        "Element-wise quotient.",
    ),
    ScalarFunction::new(
        &["DOT_PRODUCT"],
        TWO,
        NUMBER,
        |x| dot("DOT_PRODUCT", x),
        "The dot product; an int for two int vectors.",
    ),
    ScalarFunction::new(
        &["APPROX_DOT_PRODUCT"],
        TWO,
        NUMBER,
        |x| dot("APPROX_DOT_PRODUCT", x),
        "As `DOT_PRODUCT`; may use an index.",
    ),
    ScalarFunction::new(
        &["EUCLIDEAN_DIST"],
        TWO,
        FLOAT,
        |x| euclidean("EUCLIDEAN_DIST", x),
        "The Euclidean distance.",
    ),
    ScalarFunction::new(
        &["APPROX_EUCLIDEAN_DIST"],
        TWO,
        FLOAT,
        |x| euclidean("APPROX_EUCLIDEAN_DIST", x),
        "As `EUCLIDEAN_DIST`; may use an index.",
    ),
    ScalarFunction::new(
        &["COSINE_SIM"],
        TWO,
        FLOAT,
        cosine,
        "The cosine of the angle between two vectors.",
    ),
];

/// The element type of a vector; `None` when it is none. An empty array is a vector of ints.
fn element_type(vector: &[Value]) -> Option<SqlType> {
    if vector
        .iter()
        .all(|element| matches!(element, Value::Int(_)))
    {
        Some(SqlType::Int)
    } else if vector
        .iter()
        .all(|element| matches!(element, Value::Float(_)))
    {
        Some(SqlType::Float)
    } else {
        None
    }
}

fn check(function: &'static str, vector: &[Value]) -> Result<SqlType, EvaluationError> {
    element_type(vector)
        .ok_or_else(|| EvaluationError::argument(function, "a vector must be all int or all float"))
}

fn check_pair<'a>(
    function: &'static str,
    x: &'a [Value],
) -> Result<(&'a [Value], &'a [Value]), EvaluationError> {
    let (a, b) = (elements(&x[0]), elements(&x[1]));
    check(function, a)?;
    check(function, b)?;
    if a.len() != b.len() {
        let message = format!("vectors of {} and {} elements", a.len(), b.len());
        return Err(EvaluationError::argument(function, message));
    }
    Ok((a, b))
}

fn enforce(x: &[Value]) -> Evaluated {
    let wanted = match text(&x[2]).to_ascii_lowercase().as_str() {
        "int" => SqlType::Int,
        "float" => SqlType::Float,
        other => {
            let message = format!("element type must be `int` or `float`, found `{other}`");
            return Err(EvaluationError::argument("VECTOR_ENFORCE", message));
        }
    };
    let vector = elements(&x[0]);
    let fits = int(x, 1).is_some_and(|length| i64::try_from(vector.len()) == Ok(length))
        && (vector.is_empty() || element_type(vector) == Some(wanted));
    Ok(if fits { x[0].clone() } else { Value::Null })
}

fn each(function: &'static str, op: ArithmeticOperator, x: &[Value]) -> Evaluated {
    let computed: Result<Vec<Value>, EvaluationError> = match &x[1] {
        Value::Array(_) => {
            let (a, b) = check_pair(function, x)?;
            a.iter().zip(b).map(|(a, b)| arithmetic(op, a, b)).collect()
        }
        scalar => {
            let vector = elements(&x[0]);
            check(function, vector)?;
            vector
                .iter()
                .map(|element| arithmetic(op, element, scalar))
                .collect()
        }
    };
    computed.map(Value::Array)
}

fn floats(vector: &[Value]) -> impl Iterator<Item = f64> {
    vector.iter().map(as_float)
}

fn dot(function: &'static str, x: &[Value]) -> Evaluated {
    let (a, b) = check_pair(function, x)?;
    let ints = element_type(a) == Some(SqlType::Int) && element_type(b) == Some(SqlType::Int);
    if !ints {
        return Ok(Value::Float(float_dot(a, b)));
    }
    let mut sum: i64 = 0;
    for (a, b) in a.iter().zip(b) {
        if let (Value::Int(a), Value::Int(b)) = (a, b) {
            sum = a
                .checked_mul(*b)
                .and_then(|product| sum.checked_add(product))
                .ok_or(EvaluationError::Overflow {
                    operation: function,
                })?;
        }
    }
    Ok(Value::Int(sum))
}

fn float_dot(a: &[Value], b: &[Value]) -> f64 {
    floats(a).zip(floats(b)).map(|(a, b)| a * b).sum()
}

fn euclidean(function: &'static str, x: &[Value]) -> Evaluated {
    let (a, b) = check_pair(function, x)?;
    let squares: f64 = floats(a)
        .zip(floats(b))
        .map(|(a, b)| (a - b) * (a - b))
        .sum();
    Ok(Value::Float(squares.sqrt()))
}

fn cosine(x: &[Value]) -> Evaluated {
    let (a, b) = check_pair("COSINE_SIM", x)?;
    let lengths = float_dot(a, a).sqrt() * float_dot(b, b).sqrt();
    Ok(Value::Float(float_dot(a, b) / lengths))
}
