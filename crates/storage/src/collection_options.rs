//! What the creator of a collection chooses and storage has to know.

use std::time::Duration;

use outcrop_document::FieldPath;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How the documents of a collection are kept; written down in its manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionOptions {
    /// Fields that the rows of segments are ordered by, before `_event_time`; the most significant
    /// first.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "write_paths",
        deserialize_with = "read_paths"
    )]
    pub clustering_key: Vec<FieldPath>,
    /// Age of its `_event_time` in seconds after which a document goes; `None` keeps all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_secs: Option<u64>,
}

impl CollectionOptions {
    /// Whether nothing was chosen.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Documents whose `_event_time` is below this go, at the time `now_micros`. Both are
    /// microseconds since 1970.
    pub(crate) fn retention_start(&self, now_micros: i64) -> Option<i64> {
        let retention = Duration::from_secs(self.retention_secs?).as_micros();
        let retention = i64::try_from(retention).unwrap_or(i64::MAX);
        Some(now_micros.saturating_sub(retention))
    }
}

fn write_paths<S: Serializer>(paths: &[FieldPath], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(FieldPath::to_string))
}

fn read_paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FieldPath>, D::Error> {
    let texts: Vec<String> = Vec::deserialize(deserializer)?;
    let paths = texts.iter().map(|text| text.parse());
    paths.collect::<Result<_, _>>().map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_readable_json() {
        let options = CollectionOptions {
            clustering_key: vec!["a.\"x.y\"".parse().unwrap()],
            retention_secs: Some(3600),
        };
        let json = r#"{"clustering_key":["a.\"x.y\""],"retention_secs":3600}"#;
        assert_eq!(serde_json::to_string(&options).unwrap(), json);
        assert_eq!(
            serde_json::from_str::<CollectionOptions>(json).unwrap(),
            options
        );
        assert!(
            serde_json::from_str::<CollectionOptions>("{}")
                .unwrap()
                .is_default()
        );
        assert!(
            serde_json::from_str::<CollectionOptions>(r#"{"clustering_key":["a.."]}"#).is_err()
        );
    }
}
