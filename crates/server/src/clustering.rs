//! Clustering keys: from `clustering_key` of a request, or `CLUSTER BY` at the end of an ingest
//! transformation, to field paths and back.

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

/// The fields of `CLUSTER BY`, none if there is no such clause; `None` for a transformation that
/// changes documents.
///
/// # Errors
/// `INVALIDINPUT` as for [`from_partitions`].
pub(crate) fn of_transformation(sql: &str) -> ApiResult<Option<Vec<FieldPath>>> {
    let sql = sql.trim().trim_end_matches(';').trim_end();
    let Some(rest) = strip_words(sql, &["select", "*", "from", "_input"]) else {
        return Ok(None);
    };
    if rest.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let Some(list) = strip_words(rest, &["cluster", "by"]) else {
        return Ok(None);
    };
    let fields = split_list(list).into_iter().map(field);
    check(fields.collect::<ApiResult<_>>()?).map(Some)
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

fn check(fields: Vec<FieldPath>) -> ApiResult<Vec<FieldPath>> {
    match fields.len() > FIELDS_MAX {
        true => Err(ApiError::invalid(format!(
            "a clustering key has at most {FIELDS_MAX} fields"
        ))),
        false => Ok(fields),
    }
}

/// What follows `words`, which are separated by white space, in any case.
fn strip_words<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().try_fold(text, |rest, word| {
        let (first, rest) = rest.split_at_checked(word.len())?;
        let ends = rest.is_empty() || rest.starts_with(char::is_whitespace);
        (first.eq_ignore_ascii_case(word) && ends).then_some(rest.trim_start())
    })
}

/// The pieces between commas that are not in double quotes.
fn split_list(list: &str) -> Vec<&str> {
    let mut quoted = false;
    list.split(|character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_sql(sql: &str, expected: Option<&[&str]>) {
        let found = of_transformation(sql).unwrap();
        let found = found.map(|fields| fields.iter().map(FieldPath::to_string).collect::<Vec<_>>());
        let expected =
            expected.map(|fields| fields.iter().map(|field| (*field).to_owned()).collect());
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn only_the_identity_passes_and_may_be_clustered() {
        check_sql("SELECT *\n  FROM _input;", Some(&[]));
        check_sql("select * from _input cluster by a", Some(&["a"]));
        check_sql(
            "SELECT * FROM _input CLUSTER BY user.city, \"a,b\".c ; ",
            Some(&["user.city", "\"a,b\".c"]),
        );
        check_sql("SELECT a FROM _input", None);
        check_sql("SELECT * FROM _input WHERE a > 1", None);
        check_sql("SELECT * FROM _inputs", None);
        check_sql("SELECT * FROM _input CLUSTER", None);
        check_sql("ä", None);
        for sql in [
            "CLUSTER BY",
            "CLUSTER BY a,,b",
            "CLUSTER BY a.",
            "CLUSTER BY \"a",
        ] {
            assert!(
                of_transformation(&format!("SELECT * FROM _input {sql}")).is_err(),
                "{sql}"
            );
        }
    }
}
