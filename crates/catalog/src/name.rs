//! Which names are allowed.

use crate::error::{CatalogError, ObjectKind};

/// Longest name in bytes; the names are ASCII.
const NAME_BYTES_MAX: usize = 128;

/// Names that mean something of their own in SQL: the documents of an ingest transformation, and the
/// functions of a script.
const RESERVED: &[&str] = &["_input", "_script"];

/// Checks the name of a workspace, collection, alias or view: `[A-Za-z0-9_][A-Za-z0-9_.-]*`, up to 128.
///
/// [`RESERVED`] names are refused but for workspaces. Dots are allowed because Rockset's older workspaces are nested, as in `a.b.c`.
///
/// # Errors
/// [`CatalogError::BadName`] with the reason.
pub(crate) fn check(kind: ObjectKind, name: &str) -> Result<(), CatalogError> {
    let is_reserved = kind != ObjectKind::Workspace && RESERVED.contains(&name);
    let reserved = is_reserved.then_some("it is reserved");
    match fault(name).or(reserved) {
        None => Ok(()),
        Some(reason) => Err(CatalogError::BadName {
            kind,
            name: shown(name),
            reason,
        }),
    }
}

fn fault(name: &str) -> Option<&'static str> {
    let Some(first) = name.bytes().next() else {
        return Some("it is empty");
    };
    if name.len() > NAME_BYTES_MAX {
        return Some("it has more than 128 characters");
    }
    if !first.is_ascii_alphanumeric() && first != b'_' {
        return Some("it has to start with a letter, a digit or `_`");
    }
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    {
        return Some("only ASCII letters, digits, `_`, `-` and `.` are allowed");
    }
    None
}

/// The name as it goes into a message: not longer than a line.
fn shown(name: &str) -> String {
    name.chars().take(NAME_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_meaning_of_their_own_are_refused() {
        for kind in [ObjectKind::Collection, ObjectKind::Alias, ObjectKind::View] {
            assert!(check(kind, "_input").is_err(), "{kind}");
            assert!(check(kind, "_inputs").is_ok(), "{kind}");
        }
    }

    #[test]
    fn names_of_the_api_are_allowed_and_others_are_not() {
        let longest = "x".repeat(128);
        for name in ["a", "_events", "a.b.c", "A-1_2", "9", longest.as_str()] {
            assert_eq!(fault(name), None, "{name}");
        }
        let too_long = "x".repeat(129);
        for name in ["", "-a", ".a", "a b", "ä", "a/b", "a\0", too_long.as_str()] {
            assert!(fault(name).is_some(), "{name}");
        }
    }
}
