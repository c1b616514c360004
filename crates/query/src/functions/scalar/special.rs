//! Functions that are other expressions in disguise, because they choose among their arguments
//! without evaluating all of them, or must tell undefined from null.

use super::check_arity;
use super::try_call::try_call;
use crate::functions::kinds::Kinds;
use crate::operators::{
    CastKind, Operation, OperatorError, Typed, binary, case, cast, coalesce, is_null, literal,
    null_if, to_dynamic,
};
use crate::types::SqlType;
use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::BinaryOperator;
use outcrop_document::{Datetime, Timestamp, Value};

type Lowered = Result<Typed, OperatorError>;

/// One special form: names, bounds on the number of arguments, lowering, sentence for the manual.
struct SpecialForm {
    names: &'static [&'static str],
    least: usize,
    most: usize,
    lower: fn(Vec<Typed>) -> Lowered,
    doc: &'static str,
}

const FORMS: &[SpecialForm] = &[
    SpecialForm {
        names: &["COALESCE"],
        least: 1,
        most: usize::MAX,
        lower: coalesce,
        doc: "The first argument that is neither null nor undefined.",
    },
    SpecialForm {
        names: &["IFNULL", "NVL"],
        least: 2,
        most: 2,
        lower: coalesce,
        doc: "The first argument unless it is null, else the second.",
    },
    SpecialForm {
        names: &["IF"],
        least: 2,
        most: 3,
        lower: if_else,
        doc: "The second argument where the first is true, else the third, or null.",
    },
    SpecialForm {
        names: &["NULLIF"],
        least: 2,
        most: 2,
        lower: null_if_equal,
        doc: "Null when the arguments are equal, else the first.",
    },
    SpecialForm {
        names: &["ZEROIFNULL"],
        least: 1,
        most: 1,
        lower: zero_if_null,
        doc: "The argument, or 0 for null.",
    },
    SpecialForm {
        names: &["TRY"],
        least: 1,
        most: 1,
        lower: |x| only(x, try_call),
        doc: "The argument, or null where evaluating it fails.",
    },
    SpecialForm {
        names: &["TYPEOF"],
        least: 1,
        most: 1,
        lower: |x| only(x, type_of),
        doc: "The name of the value's type; never null.",
    },
    SpecialForm {
        names: &["IS_SCALAR"],
        least: 1,
        most: 1,
        lower: |x| only(x, is_scalar),
        doc: "False for arrays, objects and null, else true.",
    },
    SpecialForm {
        names: &["RAND", "RANDOM"],
        least: 0,
        most: 1,
        lower: random,
        doc: "A float from 0 up to 1, or an int from 0 up to `n`, new for every row.",
    },
    SpecialForm {
        names: &["UUID", "GEN_RANDOM_UUID"],
        least: 0,
        most: 0,
        lower: |_| Ok(uuid()),
        doc: "A random UUID, new for every row.",
    },
    SpecialForm {
        names: &["ARRAY_SHUFFLE"],
        least: 1,
        most: 1,
        lower: |x| only(x, array_shuffle),
        doc: "The elements of an array in random order, new for every row.",
    },
    SpecialForm {
        names: &["JSON_FORMAT"],
        least: 1,
        most: 1,
        lower: |x| only(x, json_format),
        doc: "The value as compact JSON text; null for undefined.",
    },
];

/// A call of a special form; `None` if there is none of this name.
pub(crate) fn call(name: &str, arguments: Vec<Typed>) -> Option<Lowered> {
    let upper = name.to_ascii_uppercase();
    let form = FORMS
        .iter()
        .find(|form| form.names.contains(&upper.as_str()))?;
    let checked = check_arity(form.names[0], form.least, form.most, arguments.len());
    Some(checked.and_then(|()| (form.lower)(arguments)))
}

/// Forms that stand in a clause, which the binder therefore takes care of.
const CLAUSE_FORMS: &[(&str, &str)] = &[
    (
        "SEARCH",
        "In WHERE: whether all matchers hold, or any with `OPTION(match_all=false)`.",
    ),
    (
        "SCORE",
        "The sum of the weights of what a row has of the SEARCH in WHERE.",
    ),
    (
        "BOOST",
        "In SEARCH: the matcher, which counts for more or less in the score.",
    ),
    (
        "PROXIMITY",
        "In SEARCH: terms of one field that count for more side by side.",
    ),
    (
        "PROXIMITY_BOOST",
        "In SEARCH: terms of which being side by side counts for more or less.",
    ),
    ("FIELD", "The field of this path, given by constants."),
];

/// All names with their sentences.
pub(crate) fn catalogue() -> impl Iterator<Item = (&'static str, &'static str)> {
    let forms = FORMS.iter();
    forms
        .flat_map(|form| form.names.iter().map(|name| (*name, form.doc)))
        .chain(CLAUSE_FORMS.iter().copied())
}

fn only(arguments: Vec<Typed>, lower: fn(Typed) -> Lowered) -> Lowered {
    match arguments.into_iter().next() {
        Some(argument) => lower(argument),
        None => Err(OperatorError::Invalid {
            message: "an argument is missing".to_owned(),
        }),
    }
}

fn if_else(arguments: Vec<Typed>) -> Lowered {
    let mut arguments = arguments.into_iter();
    match (arguments.next(), arguments.next()) {
        (Some(condition), Some(then)) => case(None, vec![(condition, then)], arguments.next()),
        _ => Err(OperatorError::Invalid {
            message: "an argument is missing".to_owned(),
        }),
    }
}

fn null_if_equal(arguments: Vec<Typed>) -> Lowered {
    let mut arguments = arguments.into_iter();
    match (arguments.next(), arguments.next()) {
        (Some(operand), Some(other)) => null_if(operand, other),
        _ => Err(OperatorError::Invalid {
            message: "an argument is missing".to_owned(),
        }),
    }
}

fn zero_if_null(mut arguments: Vec<Typed>) -> Lowered {
    let float = arguments
        .iter()
        .all(|argument| argument.sql_type() == SqlType::Float);
    arguments.push(literal(&if float {
        Value::Float(0.0)
    } else {
        Value::Int(0)
    }));
    coalesce(arguments)
}

/// The type of a native expression is known; only whether it is there is not.
fn type_of(operand: Typed) -> Lowered {
    let name = |name: &str| literal(&Value::from(name));
    if operand.is_null_type() {
        return Ok(name("null"));
    }
    if operand.is_dynamic() {
        return Ok(Operation::TypeOf.call(vec![operand.expr], DataType::Utf8View));
    }
    let known = name(operand.sql_type().name());
    let absent = is_null(operand, false)?;
    case(None, vec![(absent, name("undefined"))], Some(known))
}

fn is_scalar(operand: Typed) -> Lowered {
    if operand.is_dynamic() {
        return Ok(Operation::IsScalar.call(vec![operand.expr], DataType::Boolean));
    }
    is_null(operand, true)
}

/// Randomness is DataFusion's: volatile, so that every row draws anew.
fn random(arguments: Vec<Typed>) -> Lowered {
    let drawn = datafusion::functions::math::random().call(vec![]);
    let drawn = Typed::new(drawn, DataType::Float64);
    let Some(bound) = arguments.into_iter().next() else {
        return Ok(drawn);
    };
    let bound = cast(CastKind::Cast, bound, SqlType::Int)?;
    let scaled = binary(&BinaryOperator::Multiply, drawn, bound)?;
    cast(CastKind::Cast, scaled, SqlType::Int)
}

fn uuid() -> Typed {
    let drawn = datafusion::functions::string::uuid().call(vec![]);
    Typed::new(
        datafusion::logical_expr::cast(drawn, DataType::Utf8View),
        DataType::Utf8View,
    )
}

/// The order comes from a number that is drawn for every row.
fn array_shuffle(operand: Typed) -> Lowered {
    if !Kinds::ARRAY.may_hold(operand.sql_type()) {
        return Err(OperatorError::ArgumentType {
            function: "ARRAY_SHUFFLE".to_owned(),
            position: 1,
            expected: Kinds::ARRAY.describe(),
            found: operand.sql_type().name().to_owned(),
        });
    }
    let seed = random(vec![])?;
    crate::functions::call("OUTCROP_SHUFFLE", vec![operand, seed])
}

fn json_format(operand: Typed) -> Lowered {
    if operand.is_null_type() {
        return Ok(literal(&Value::from("null")));
    }
    let operand = to_dynamic(operand);
    Ok(Operation::JsonFormat.call(vec![operand.expr], DataType::Utf8View))
}

/// Whether `name` is a function of the current time.
pub(crate) fn is_current(name: &str) -> bool {
    let names = [
        "CURRENT_DATE",
        "CURRENT_DATETIME",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "NOW",
    ];
    names
        .iter()
        .any(|current| current.eq_ignore_ascii_case(name))
}

/// `CURRENT_DATE`, `CURRENT_DATETIME`, `CURRENT_TIME` and `CURRENT_TIMESTAMP`, as constants;
/// `None` for any other name.
pub(crate) fn current(name: &str, arguments: &[Typed], now: Timestamp) -> Option<Lowered> {
    let upper = name.to_ascii_uppercase();
    let most = match upper.as_str() {
        "CURRENT_DATE" | "CURRENT_DATETIME" | "CURRENT_TIME" => 1,
        "CURRENT_TIMESTAMP" | "NOW" => 0,
        _ => return None,
    };
    Some(
        check_arity(&upper, 0, most, arguments.len()).and_then(|()| {
            let civil = match arguments.first() {
                None => now.to_datetime_utc(),
                Some(zone) => civil_now(now, zone)?,
            };
            Ok(literal(&current_value(&upper, now, civil)))
        }),
    )
}

fn current_value(name: &str, now: Timestamp, civil: Datetime) -> Value {
    match name {
        "CURRENT_DATE" => Value::Date(civil.date()),
        "CURRENT_DATETIME" => Value::Datetime(civil),
        "CURRENT_TIME" => Value::Time(civil.time()),
        _ => Value::Timestamp(now),
    }
}

fn civil_now(now: Timestamp, zone: &Typed) -> Result<Datetime, OperatorError> {
    let invalid = |message: String| OperatorError::Invalid { message };
    let zone = crate::operators::literal_value(zone)
        .ok_or_else(|| invalid("the time zone must be a constant".to_owned()))?;
    super::zone::to_civil("CURRENT_DATETIME", now, &zone)
        .map_err(|error| invalid(error.to_string()))
}
