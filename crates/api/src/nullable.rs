//! Deserialisers for members where clients send `null` and mean "absent".

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
