//! Clustering keys: from `clustering_key` of a request to field paths and back.

use outcrop_api::collection::FieldPartition;
use outcrop_document::FieldPath;

use crate::error::{ApiError, ApiResult};

/// Most fields of a key: every one is looked up in every document that is written to disk.
const FIELDS_MAX: usize = 16;

/// The only type of partitions there is.
const AUTO: &str = "AUTO";

/// The fields of a clustering key.
///
/// # Errors
/// `INVALIDINPUT` if one is not named, not a field, or not of type `AUTO`, or if there are too many.
pub(crate) fn from_partitions(partitions: &[FieldPartition]) -> ApiResult<Vec<FieldPath>> {
    let fields = partitions.iter().map(|partition| {
        let partition_type = partition.partition_type.as_deref().unwrap_or(AUTO);
        if !partition_type.eq_ignore_ascii_case(AUTO) {
            return Err(ApiError::invalid(
                "the `type` of a field of `clustering_key` has to be `AUTO`",
            ));
        }
        let name = partition.field_name.as_deref().unwrap_or_default();
        field(name)
    });
    check(fields.collect::<ApiResult<_>>()?)
}

/// A clustering key as clients see it.
pub(crate) fn to_partitions(fields: &[FieldPath]) -> Vec<FieldPartition> {
    let partition = |field: &FieldPath| FieldPartition {
        field_name: Some(field.to_string()),
        partition_type: Some(AUTO.to_owned()),
        keys: Vec::new(),
    };
    fields.iter().map(partition).collect()
}

fn field(name: &str) -> ApiResult<FieldPath> {
    let path: FieldPath = name.trim().parse().map_err(|error| {
        ApiError::invalid(format!("a clustering key needs field names: {error}"))
    })?;
    match path.is_empty() {
        true => Err(ApiError::invalid("a field of a clustering key has no name")),
        false => Ok(path),
    }
}

/// `fields`, unless there are too many of them.
///
/// # Errors
/// `INVALIDINPUT`.
pub(crate) fn check(fields: Vec<FieldPath>) -> ApiResult<Vec<FieldPath>> {
    match fields.len() > FIELDS_MAX {
        true => Err(ApiError::invalid(format!(
            "a clustering key has at most {FIELDS_MAX} fields"
        ))),
        false => Ok(fields),
    }
}
