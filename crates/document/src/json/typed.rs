//! Extended JSON: objects with `__rockset_type` become the values that they describe.
//!
//! Type words are read in any case. `value` is required; `format` is a strftime pattern for dates
//! and times, `timezone` an IANA name for timestamps whose text has no zone, `encoding` tells how
//! bytes are written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::write::{TYPE_MEMBER, VALUE_MEMBER};
use crate::{
    Date, Datetime, FieldPath, Geography, GeographyError, Object, ParseTemporalError, Time,
    Timestamp, Value,
};

/// A typed value that cannot be read, and where it stands.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}: {reason}", place(.path))]
pub struct TypedValueError {
    /// Member names and element positions from the outermost value, as a field path.
    pub path: FieldPath,
    /// What is wrong.
    pub reason: TypedValueReason,
}

/// Why a typed value cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TypedValueReason {
    /// `__rockset_type` is not text.
    #[error("`__rockset_type` must be a string, found {0}")]
    TypeNotText(crate::ValueType),
    /// There is no such type, or it is not supported.
    #[error("unknown type `{0}`")]
    UnknownType(String),
    /// A member that is needed.
    #[error("member `{0}` is missing")]
    Missing(&'static str),
    /// A member has the wrong type.
    #[error("member `{member}` of a {target} cannot be {found}")]
    MemberType {
        /// The member.
        member: &'static str,
        /// The type that was wanted.
        target: &'static str,
        /// What the member is.
        found: crate::ValueType,
    },
    /// The text is not a value of the type.
    #[error("cannot read `{text}` as {target}")]
    Text {
        /// The text, shortened.
        text: String,
        /// The type that was wanted.
        target: &'static str,
    },
    /// The text does not follow `format`.
    #[error("cannot read `{text}` by the format `{format}`")]
    Format {
        /// The text, shortened.
        text: String,
        /// The pattern.
        format: String,
    },
    /// A date or time.
    #[error(transparent)]
    Temporal(#[from] ParseTemporalError),
    /// `timezone` names no known zone.
    #[error("unknown time zone `{0}`")]
    UnknownZone(String),
    /// `encoding` is not known, or the text does not follow it.
    #[error("bytes are not valid `{0}`")]
    Encoding(String),
    /// A geography.
    #[error(transparent)]
    Geography(#[from] GeographyError),
}

fn place(path: &FieldPath) -> String {
    if path.is_empty() {
        "typed value".to_owned()
    } else {
        format!("field `{path}`")
    }
}

/// Turns every object with the member `__rockset_type`, at any depth, into the value it describes.
///
/// Members of such an object are not resolved themselves; a null `value` gives null.
///
/// # Errors
/// At the first typed value that cannot be read, with its path.
pub fn resolve_typed(value: Value) -> Result<Value, TypedValueError> {
    resolve(value).map_err(|(mut steps, reason)| {
        steps.reverse();
        TypedValueError {
            path: FieldPath::from_steps(steps),
            reason,
        }
    })
}

/// Steps to the place of an error, innermost first, and what is wrong there.
type Failure = (Vec<String>, TypedValueReason);

fn resolve(value: Value) -> Result<Value, Failure> {
    match value {
        Value::Array(elements) => {
            let resolve_at = |(index, element)| {
                resolve(element).map_err(|(mut steps, reason): Failure| {
                    steps.push(format!("{index}"));
                    (steps, reason)
                })
            };
            let elements = elements.into_iter().enumerate().map(resolve_at);
            Ok(Value::Array(elements.collect::<Result<_, _>>()?))
        }
        Value::Object(members) => match members.get(TYPE_MEMBER) {
            Some(type_word) => read_typed(type_word, &members).map_err(|error| (vec![], error)),
            None => Ok(Value::Object(resolve_members(members)?)),
        },
        scalar => Ok(scalar),
    }
}

fn resolve_members(mut members: Object) -> Result<Object, Failure> {
    for (name, member) in &mut members {
        if matches!(member, Value::Array(_) | Value::Object(_)) {
            let taken = std::mem::replace(member, Value::Null);
            *member = resolve(taken).map_err(|(mut steps, reason)| {
                steps.push(name.clone());
                (steps, reason)
            })?;
        }
    }
    Ok(members)
}

/// The value of one typed object.
fn read_typed(type_word: &Value, members: &Object) -> Result<Value, TypedValueReason> {
    let word = type_word
        .as_str()
        .ok_or_else(|| TypedValueReason::TypeNotText(type_word.value_type()))?;
    let value = members
        .get(VALUE_MEMBER)
        .ok_or(TypedValueReason::Missing(VALUE_MEMBER))?;
    if *value == Value::Null {
        return Ok(Value::Null);
    }
    match word.to_ascii_lowercase().as_str() {
        "int" | "integer" | "int64" => int(value, "int").map(Value::Int),
        "float" | "double" => float(value),
        "bool" | "boolean" => bool(value),
        "string" => Ok(Value::from(text(value, "string")?)),
        "null" => Ok(Value::Null),
        "bytes" => bytes(value, members),
        "date" => date(value, members).map(Value::Date),
        "time" => time(value, members).map(Value::Time),
        "datetime" => datetime(value, members).map(Value::Datetime),
        "timestamp" => timestamp(value, members).map(Value::Timestamp),
        "month_interval" => int(value, "month_interval").map(Value::MonthInterval),
        "microsecond_interval" => {
            int(value, "microsecond_interval").map(Value::MicrosecondInterval)
        }
        "geography" => geography(value).map(Value::Geography),
        _ => Err(TypedValueReason::UnknownType(shorten(word))),
    }
}

fn int(value: &Value, target: &'static str) -> Result<i64, TypedValueReason> {
    match value {
        Value::Int(int) => Ok(*int),
        _ => {
            let text = text(value, target)?;
            text.parse().map_err(|_| TypedValueReason::Text {
                text: shorten(text),
                target,
            })
        }
    }
}

fn float(value: &Value) -> Result<Value, TypedValueReason> {
    match value {
        Value::Int(int) => Ok(Value::Float(*int as f64)),
        Value::Float(float) => Ok(Value::Float(*float)),
        _ => {
            let text = text(value, "float")?;
            let parsed = text.parse().map(Value::Float);
            parsed.map_err(|_| TypedValueReason::Text {
                text: shorten(text),
                target: "float",
            })
        }
    }
}

fn bool(value: &Value) -> Result<Value, TypedValueReason> {
    if let Value::Bool(bool) = value {
        return Ok(Value::Bool(*bool));
    }
    let text = text(value, "bool")?;
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        _ => Err(TypedValueReason::Text {
            text: shorten(text),
            target: "bool",
        }),
    }
}

fn bytes(value: &Value, members: &Object) -> Result<Value, TypedValueReason> {
    let text = text(value, "bytes")?;
    let encoding = option(members, "encoding", "bytes")?;
    let encoding = encoding.ok_or(TypedValueReason::Missing("encoding"))?;
    let decoded = match encoding.to_ascii_lowercase().as_str() {
        "base64" => STANDARD.decode(text).ok(),
        "hex" | "base16" => from_hex(text),
        "utf8" | "utf-8" => Some(text.as_bytes().to_vec()),
        _ => None,
    };
    decoded
        .map(Value::Bytes)
        .ok_or_else(|| TypedValueReason::Encoding(shorten(encoding)))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

fn date(value: &Value, members: &Object) -> Result<Date, TypedValueReason> {
    let text = text(value, "date")?;
    let Some(format) = option(members, "format", "date")? else {
        return Ok(Date::parse(text)?);
    };
    let parsed = by_format(format, text)?;
    let date = parsed.to_date().map_err(|_| format_error(format, text))?;
    civil_date(date).ok_or_else(|| format_error(format, text))
}

fn time(value: &Value, members: &Object) -> Result<Time, TypedValueReason> {
    let text = text(value, "time")?;
    let Some(format) = option(members, "format", "time")? else {
        return Ok(Time::parse(text)?);
    };
    let parsed = by_format(format, text)?;
    let time = parsed.to_time().map_err(|_| format_error(format, text))?;
    civil_time(time).ok_or_else(|| format_error(format, text))
}

fn datetime(value: &Value, members: &Object) -> Result<Datetime, TypedValueReason> {
    let text = text(value, "datetime")?;
    let Some(format) = option(members, "format", "datetime")? else {
        return Ok(Datetime::parse(text)?);
    };
    formatted_datetime(&by_format(format, text)?).ok_or_else(|| format_error(format, text))
}

fn timestamp(value: &Value, members: &Object) -> Result<Timestamp, TypedValueReason> {
    if let Value::Int(micros) = value {
        return Timestamp::from_micros(*micros).ok_or_else(|| TypedValueReason::Text {
            text: micros.to_string(),
            target: "timestamp",
        });
    }
    let text = text(value, "timestamp")?;
    let zone = match option(members, "timezone", "timestamp")? {
        Some(name) => {
            TimeZone::get(name).map_err(|_| TypedValueReason::UnknownZone(shorten(name)))?
        }
        None => TimeZone::UTC,
    };
    let Some(format) = option(members, "format", "timestamp")? else {
        return Ok(Timestamp::parse_in(text, &zone)?);
    };
    let parsed = by_format(format, text)?;
    let instant = match parsed.to_timestamp() {
        Ok(instant) => Timestamp::from_micros(instant.as_microsecond()),
        // The pattern has no zone.
        Err(_) => formatted_datetime(&parsed).and_then(|civil| civil.in_zone(&zone)),
    };
    instant.ok_or_else(|| format_error(format, text))
}

fn by_format(format: &str, text: &str) -> Result<strtime::BrokenDownTime, TypedValueReason> {
    strtime::parse(format, text).map_err(|_| format_error(format, text))
}

/// The civil time that a pattern found; midnight if it asks for no time.
fn formatted_datetime(parsed: &strtime::BrokenDownTime) -> Option<Datetime> {
    let date = civil_date(parsed.to_date().ok()?)?;
    let time = match parsed.hour() {
        Some(_) => civil_time(parsed.to_time().ok()?)?,
        None => Time(0),
    };
    Datetime::from_parts(date, time)
}

fn civil_date(date: jiff::civil::Date) -> Option<Date> {
    let (month, day) = (
        u32::try_from(date.month()).ok()?,
        u32::try_from(date.day()).ok()?,
    );
    Date::from_ymd(i32::from(date.year()), month, day)
}

fn civil_time(time: jiff::civil::Time) -> Option<Time> {
    let part = |part: i8| u32::try_from(part).ok();
    let micros = u32::try_from(time.subsec_nanosecond() / 1000).ok()?;
    Time::from_hms(
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
        micros,
    )
}

fn geography(value: &Value) -> Result<Geography, TypedValueReason> {
    match value {
        Value::Object(object) => Ok(Geography::from_geojson(object)?),
        _ => Ok(Geography::from_wkt(text(value, "geography")?)?),
    }
}

/// The text of `value`, which must be a string.
fn text<'a>(value: &'a Value, target: &'static str) -> Result<&'a str, TypedValueReason> {
    value.as_str().ok_or_else(|| TypedValueReason::MemberType {
        member: VALUE_MEMBER,
        target,
        found: value.value_type(),
    })
}

/// The text of a member that may be absent or null.
fn option<'a>(
    members: &'a Object,
    member: &'static str,
    target: &'static str,
) -> Result<Option<&'a str>, TypedValueReason> {
    match members.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(TypedValueReason::MemberType {
            member,
            target,
            found: other.value_type(),
        }),
    }
}

fn format_error(format: &str, text: &str) -> TypedValueReason {
    TypedValueReason::Format {
        text: shorten(text),
        format: shorten(format),
    }
}

/// As much of a text as an error repeats.
fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}
