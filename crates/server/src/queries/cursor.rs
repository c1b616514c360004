//! Cursors: where in the result of a query a page begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{ApiError, ApiResult};

/// The cursor at `row` of the query `id`.
pub(crate) fn encode(id: &str, row: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{row}@{id}"))
}

/// The row of a cursor of the query `id`.
///
/// # Errors
/// `INVALIDINPUT` if it is none of this query.
pub(crate) fn decode(id: &str, cursor: &str) -> ApiResult<usize> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    let row = text.as_ref().and_then(|text| {
        let (row, of) = text.split_once('@')?;
        row.parse().ok().filter(|_| of == id)
    });
    row.ok_or_else(|| ApiError::invalid(format!("`{cursor}` is no cursor of the query `{id}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_one_query() {
        let cursor = encode("a:b:0", 7);
        assert!(
            cursor
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        assert_eq!(decode("a:b:0", &cursor).unwrap(), 7);
        assert!(decode("a:c:0", &cursor).is_err());
        for other in ["", "7", "!", "NyBhOmI6MA"] {
            assert!(decode("a:b:0", other).is_err(), "{other}");
        }
    }
}
