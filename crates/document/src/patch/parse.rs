//! Reading and checking a patch without its document.

use super::{Action, Operation, PROTECTED_FIELDS, Patch, PatchError, Pointer};
use crate::json::resolve_typed;
use crate::{Object, Value};

/// The most characters of a bad text that an error repeats.
const TEXT_SHOWN_MAX: usize = 64;

pub(super) fn parse(patch: &Value) -> Result<Patch, PatchError> {
    let Value::Array(operations) = patch else {
        return Err(PatchError::NotAnArray(patch.value_type()));
    };
    let operations = operations
        .iter()
        .enumerate()
        .map(|(index, value)| match value {
            Value::Object(members) => Reader { index, members }.operation(),
            other => Err(PatchError::NotAnObject {
                index,
                found: other.value_type(),
            }),
        });
    Ok(Patch {
        operations: operations.collect::<Result<_, _>>()?,
    })
}

/// Reads one operation.
struct Reader<'a> {
    index: usize,
    members: &'a Object,
}

impl Reader<'_> {
    fn operation(&self) -> Result<Operation, PatchError> {
        let op = self.text("op")?;
        let action = match op.to_ascii_uppercase().as_str() {
            "ADD" => Action::Add(self.value()?),
            "REPLACE" => Action::Replace(self.value()?),
            "REMOVE" => Action::Remove,
            "COPY" => Action::Copy {
                from: self.pointer("from")?,
            },
            "MOVE" => Action::Move {
                from: self.pointer("from")?,
            },
            "TEST" => Action::Test(self.value()?),
            "INCREMENT" => Action::Increment(self.number()?),
            _ => {
                let op = op.chars().take(TEXT_SHOWN_MAX).collect();
                return Err(PatchError::UnknownOp {
                    index: self.index,
                    op,
                });
            }
        };
        let operation = Operation {
            path: self.pointer("path")?,
            action,
        };
        self.check_protected(&operation)?;
        if let Action::Move { from } = &operation.action
            && from.encloses(&operation.path)
        {
            return Err(PatchError::MoveIntoItself {
                index: self.index,
                from: from.clone(),
            });
        }
        Ok(operation)
    }

    fn check_protected(&self, operation: &Operation) -> Result<(), PatchError> {
        match &operation.action {
            Action::Test(_) => Ok(()),
            Action::Move { from } => {
                self.check_changed(from)?;
                self.check_changed(&operation.path)
            }
            _ => self.check_changed(&operation.path),
        }
    }

    /// Refuses a changed place that is a protected field, in one, or the whole document.
    fn check_changed(&self, changed: &Pointer) -> Result<(), PatchError> {
        let field = match changed.steps().first() {
            None => PROTECTED_FIELDS[0],
            Some(step) if PROTECTED_FIELDS.contains(&step.as_str()) => step,
            Some(_) => return Ok(()),
        };
        Err(PatchError::Protected {
            index: self.index,
            field: field.to_owned(),
        })
    }

    fn value(&self) -> Result<Value, PatchError> {
        let index = self.index;
        let value = self.members.get("value").ok_or(PatchError::Missing {
            index,
            member: "value",
        })?;
        resolve_typed(value.clone()).map_err(|reason| PatchError::Value { index, reason })
    }

    fn number(&self) -> Result<Value, PatchError> {
        let index = self.index;
        match self.value()? {
            Value::Null => Err(PatchError::Missing {
                index,
                member: "value",
            }),
            number @ (Value::Int(_) | Value::Float(_)) => Ok(number),
            other => Err(PatchError::IncrementBy {
                index,
                found: other.value_type(),
            }),
        }
    }

    fn pointer(&self, member: &'static str) -> Result<Pointer, PatchError> {
        let text = self.text(member)?;
        Pointer::parse(text).map_err(|reason| PatchError::Pointer {
            index: self.index,
            pointer: text.chars().take(TEXT_SHOWN_MAX).collect(),
            reason,
        })
    }

    fn text(&self, member: &'static str) -> Result<&str, PatchError> {
        let index = self.index;
        match self.members.get(member) {
            None | Some(Value::Null) => Err(PatchError::Missing { index, member }),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(PatchError::NotText {
                index,
                member,
                found: other.value_type(),
            }),
        }
    }
}
