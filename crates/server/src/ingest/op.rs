//! `_op`: what a transformation wants done with a document that it gives.

use outcrop_document::{Object, Value};
use outcrop_storage::{Decision, Operation};

use super::settle::EVENT_TIME;
use crate::error::{ApiError, ApiResult};

/// Name of the member. It is never stored.
const OP: &str = "_op";

/// What happens to the stored document of the same `_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Is added if there is none.
    Insert,
    /// Gets the top-level fields of the new one, if it is there.
    Update,
    /// As [`Op::Update`], or is added.
    Upsert,
    /// Goes.
    Delete,
    /// Is replaced as a whole, if it is there.
    Replace,
    /// Is replaced as a whole, or added. What is done without `_op`.
    Repsert,
}

impl Op {
    const ALL: [Self; 6] = [
        Self::Insert,
        Self::Update,
        Self::Upsert,
        Self::Delete,
        Self::Replace,
        Self::Repsert,
    ];

    /// Takes the `_op` out of a document.
    ///
    /// # Errors
    /// `INVALIDINPUT` for anything but the six names, in any case, and null.
    pub(crate) fn take(document: &mut Object) -> ApiResult<Self> {
        match document.remove(OP) {
            None | Some(Value::Null) => Ok(Self::Repsert),
            Some(Value::String(name)) => Self::parse(&name).ok_or_else(|| {
                let shown: String = name.chars().take(100).collect();
                ApiError::invalid(format!(
                    "`{OP}` has to be INSERT, UPDATE, UPSERT, DELETE, REPLACE or REPSERT, not `{shown}`"
                ))
            }),
            Some(other) => Err(ApiError::invalid(format!(
                "`{OP}` has to be a string, not of type `{}`",
                other.value_type().name()
            ))),
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|op| op.name().eq_ignore_ascii_case(name))
    }

    /// The name that it is read by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Upsert => "UPSERT",
            Self::Delete => "DELETE",
            Self::Replace => "REPLACE",
            Self::Repsert => "REPSERT",
        }
    }

    /// Whether it does something to a stored document alone, so that there must be an `_id`.
    pub(crate) fn needs_id(self) -> bool {
        matches!(self, Self::Update | Self::Delete | Self::Replace)
    }

    /// The operation of storage. `document` is settled.
    pub(crate) fn operation(self, id: String, document: Object) -> Operation {
        match self {
            Self::Repsert => Operation::put(id, document),
            Self::Delete => Operation::delete(id),
            Self::Insert | Self::Update | Self::Upsert | Self::Replace => {
                Operation::decide(id, move |stored| self.decide(stored, document))
            }
        }
    }

    fn decide(self, stored: Option<Object>, document: Object) -> Decision {
        match (self, stored) {
            (Self::Insert | Self::Upsert | Self::Repsert, None) => Decision::Put(document),
            (Self::Update | Self::Upsert, Some(stored)) => Decision::Put(merged(stored, document)),
            (Self::Replace | Self::Repsert, Some(_)) => Decision::Put(document),
            (Self::Insert, Some(_)) | (Self::Update | Self::Replace, None) | (Self::Delete, _) => {
                Decision::Keep
            }
        }
    }
}

/// The stored document with the top-level fields of the new one. The time of a document does not
/// change.
fn merged(mut stored: Object, mut document: Object) -> Object {
    if stored.contains_key(EVENT_TIME) {
        document.remove(EVENT_TIME);
    }
    stored.extend(document);
    stored
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(members: &[(&str, Value)]) -> Object {
        let members = members.iter().cloned();
        members
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    #[test]
    fn the_six_names_are_read_in_any_case_and_nothing_else() {
        for (name, op) in [
            ("insert", Op::Insert),
            ("Update", Op::Update),
            ("UPSERT", Op::Upsert),
            ("delete", Op::Delete),
            ("RePlace", Op::Replace),
            ("repsert", Op::Repsert),
        ] {
            let mut document = document(&[(OP, Value::from(name)), ("a", Value::Int(1))]);
            assert_eq!(Op::take(&mut document).unwrap(), op);
            assert_eq!(document.len(), 1);
        }
        assert_eq!(Op::take(&mut Object::new()).unwrap(), Op::Repsert);
        let null = &mut document(&[(OP, Value::Null)]);
        assert_eq!(Op::take(null).unwrap(), Op::Repsert);
        for value in [Value::from("MERGE"), Value::from(""), Value::Int(1)] {
            assert!(Op::take(&mut document(&[(OP, value)])).is_err());
        }
    }
}
