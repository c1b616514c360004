//! Running a patch on a document.

use super::{Action, Operation, Patch, PatchError, Pointer};
use crate::{NESTING_MAX, Object, Value};

/// The most bytes of text that copies may blow a document up to: the limit of a document.
const COPIED_BYTES_MAX: usize = 40 << 20;

pub(super) fn apply(patch: &Patch, document: &Object) -> Result<Object, PatchError> {
    let mut root = Value::Object(document.clone());
    for (index, operation) in patch.operations.iter().enumerate() {
        Step { index, operation }.run(&mut root)?;
        check_growth(&operation.action, &root)?;
    }
    match root {
        Value::Object(document) => Ok(document),
        _ => unreachable!("the document itself is protected"),
    }
}

/// Refuses a document that an operation made too deep or too large.
///
/// Checked after each one: copies of copies double the document every time.
fn check_growth(action: &Action, root: &Value) -> Result<(), PatchError> {
    if matches!(
        action,
        Action::Remove | Action::Test(_) | Action::Increment(_)
    ) {
        return Ok(());
    }
    if root.depth() > NESTING_MAX {
        return Err(PatchError::TooDeep { max: NESTING_MAX });
    }
    if matches!(action, Action::Copy { .. }) && text_bytes(root) > COPIED_BYTES_MAX {
        return Err(PatchError::TooLarge {
            max: COPIED_BYTES_MAX,
        });
    }
    Ok(())
}

/// About how many bytes the JSON of `value` has.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(elements) => elements.iter().map(|element| text_bytes(element) + 1).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| name.len() + 4 + text_bytes(member))
            .sum(),
        _ => 8,
    }
}

/// One operation while it runs.
struct Step<'a> {
    index: usize,
    operation: &'a Operation,
}

impl Step<'_> {
    fn run(&self, root: &mut Value) -> Result<(), PatchError> {
        let path = &self.operation.path;
        match &self.operation.action {
            Action::Add(value) => self.add(root, value.clone()),
            Action::Replace(value) => {
                *self.find(root, path)? = value.clone();
                Ok(())
            }
            Action::Remove => self.remove(root, path).map(drop),
            Action::Copy { from } => {
                let value = self.find(root, from)?.clone();
                self.add(root, value)
            }
            Action::Move { from } => {
                let value = self.remove(root, from)?;
                self.add(root, value)
            }
            Action::Test(expected) => match self.find(root, path)?.equals(expected) {
                true => Ok(()),
                false => Err(PatchError::TestFailed {
                    index: self.index,
                    path: path.clone(),
                }),
            },
            Action::Increment(by) => self.increment(root, by),
        }
    }

    /// The value at `pointer`, which must exist.
    fn find<'v>(
        &self,
        root: &'v mut Value,
        pointer: &Pointer,
    ) -> Result<&'v mut Value, PatchError> {
        descend(root, pointer.steps()).ok_or_else(|| self.absent(pointer))
    }

    fn add(&self, root: &mut Value, value: Value) -> Result<(), PatchError> {
        let path = &self.operation.path;
        let no_container = || PatchError::NoContainer {
            index: self.index,
            op: self.operation.action.name(),
            path: path.clone(),
        };
        let (last, parents) = path.steps().split_last().ok_or_else(no_container)?;
        match descend(root, parents).ok_or_else(no_container)? {
            Value::Object(members) => {
                members.insert(last.clone(), value);
            }
            Value::Array(elements) => {
                let len = elements.len();
                let position = if last == "-" {
                    Some(len)
                } else {
                    array_index(last)
                };
                let position = position.filter(|position| *position <= len);
                let position = position.ok_or_else(|| PatchError::Position {
                    index: self.index,
                    op: self.operation.action.name(),
                    path: path.clone(),
                    len,
                })?;
                elements.insert(position, value);
            }
            _ => return Err(no_container()),
        }
        Ok(())
    }

    fn remove(&self, root: &mut Value, pointer: &Pointer) -> Result<Value, PatchError> {
        let absent = || self.absent(pointer);
        let (last, parents) = pointer.steps().split_last().ok_or_else(absent)?;
        match descend(root, parents).ok_or_else(absent)? {
            Value::Object(members) => members.remove(last).ok_or_else(absent),
            Value::Array(elements) => {
                let position = array_index(last).filter(|position| *position < elements.len());
                position
                    .map(|position| elements.remove(position))
                    .ok_or_else(absent)
            }
            _ => Err(absent()),
        }
    }

    fn increment(&self, root: &mut Value, by: &Value) -> Result<(), PatchError> {
        let path = &self.operation.path;
        let index = self.index;
        let target = self.find(root, path)?;
        *target = match (&*target, by) {
            (Value::Int(a), Value::Int(b)) => {
                let sum = a.checked_add(*b);
                let overflow = PatchError::IncrementOverflow {
                    index,
                    path: path.clone(),
                };
                Value::Int(sum.ok_or(overflow)?)
            }
            (Value::Int(a), Value::Float(b)) => Value::Float(*a as f64 + b),
            (Value::Float(a), Value::Int(b)) => Value::Float(a + *b as f64),
            (Value::Float(a), Value::Float(b)) => Value::Float(a + b),
            (other, _) => {
                let found = other.value_type();
                return Err(PatchError::IncrementTarget {
                    index,
                    path: path.clone(),
                    found,
                });
            }
        };
        Ok(())
    }

    fn absent(&self, path: &Pointer) -> PatchError {
        let op = self.operation.action.name();
        PatchError::Absent {
            index: self.index,
            op,
            path: path.clone(),
        }
    }
}

/// The value at the end of `steps`, if each of them exists.
fn descend<'v>(root: &'v mut Value, steps: &[String]) -> Option<&'v mut Value> {
    steps.iter().try_fold(root, |value, step| match value {
        Value::Object(members) => members.get_mut(step),
        Value::Array(elements) => elements.get_mut(array_index(step)?),
        _ => None,
    })
}

/// An array index as RFC 6901 writes it: digits without leading zeros.
fn array_index(step: &str) -> Option<usize> {
    let is_canonical = step == "0" || !step.starts_with(['0', '+']);
    is_canonical.then(|| step.parse().ok())?
}
