//! For members where clients send `null` and mean "absent".

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

/// Reads `null` as the default value. Use with `#[serde(default, deserialize_with = …)]`.
///
/// # Errors
/// Those of `T`.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The schema of a member that is read by [`or_default`]: `null` is allowed in what is read, not in what is written.
pub fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    match generator.contract().is_deserialize() {
        true => generator.subschema_for::<Option<T>>(),
        false => generator.subschema_for::<T>(),
    }
}
