//! serde's way out of a [`Value`]: the same shapes as the result encoding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error, Serialize, SerializeMap, Serializer};

use super::write::{TYPE_MEMBER, VALUE_MEMBER, non_finite_name};
use crate::{Geography, Value};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::Int(int) => serializer.serialize_i64(*int),
            Self::Float(float) => match non_finite_name(*float) {
                Some(name) => serializer.serialize_str(name),
                None => serializer.serialize_f64(*float),
            },
            Self::String(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            Self::Timestamp(timestamp) => serializer.collect_str(timestamp),
            Self::Date(date) => typed(serializer, "DATE", &date.to_string()),
            Self::Datetime(datetime) => typed(serializer, "DATETIME", &datetime.to_string()),
            Self::Time(time) => typed(serializer, "TIME", &time.to_string()),
            Self::MonthInterval(months) => typed(serializer, "MONTH_INTERVAL", months),
            Self::MicrosecondInterval(micros) => typed(serializer, "MICROSECOND_INTERVAL", micros),
            Self::Array(elements) => serializer.collect_seq(elements),
            Self::Object(members) => serializer.collect_map(members),
            Self::Geography(geography) => {
                let geojson = geojson(geography).map_err(S::Error::custom)?;
                typed(serializer, "GEOGRAPHY", &geojson)
            }
        }
    }
}

fn typed<S: Serializer, T: Serialize + ?Sized>(
    serializer: S,
    type_word: &str,
    value: &T,
) -> Result<S::Ok, S::Error> {
    let mut members = serializer.serialize_map(Some(2))?;
    members.serialize_entry(TYPE_MEMBER, type_word)?;
    members.serialize_entry(VALUE_MEMBER, value)?;
    members.end()
}

/// The GeoJSON as a plain value. Rare enough to take the way over its text.
fn geojson(geography: &Geography) -> Result<Value, super::JsonError> {
    let mut text = Vec::new();
    geography.write_geojson(&mut text);
    super::parse(&text)
}
