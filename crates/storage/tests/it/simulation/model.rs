//! What a collection has to hold: a map, and the writes whose fate is not known.

use std::collections::{BTreeMap, BTreeSet};

use outcrop_document::{Object, Value, k};
use outcrop_storage::{Collection, Operation, Outcome, Snapshot};

/// Values by `_id`.
pub(crate) type Documents = BTreeMap<String, i64>;

/// One change of one document.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Put(String, i64),
    Increment(String),
    Delete(String),
}

impl Change {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Put(id, _) | Self::Increment(id) | Self::Delete(id) => id,
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        match self {
            Self::Put(id, value) => Operation::put(id.clone(), document(id, *value)),
            Self::Increment(id) => {
                let name = id.clone();
                Operation::patch(id.clone(), move |before| {
                    Ok(document(&name, value_of(before) + 1))
                })
            }
            Self::Delete(id) => Operation::delete(id.clone()),
        }
    }
}

/// A state that a collection may be in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) documents: Documents,
    pub(crate) seqno: u64,
}

impl State {
    /// Carries a batch out, and says what each change came to.
    pub(crate) fn apply(&mut self, changes: &[Change]) -> Vec<Outcome> {
        let outcomes: Vec<_> = changes.iter().map(|change| self.change(change)).collect();
        if outcomes.iter().any(|outcome| *outcome != Outcome::Absent) {
            self.seqno += 1;
        }
        outcomes
    }

    fn change(&mut self, change: &Change) -> Outcome {
        match change {
            Change::Put(id, value) => match self.documents.insert(id.clone(), *value) {
                Some(_) => Outcome::Replaced,
                None => Outcome::Added,
            },
            Change::Increment(id) => match self.documents.get_mut(id) {
                Some(value) => {
                    *value += 1;
                    Outcome::Patched
                }
                None => Outcome::Absent,
            },
            Change::Delete(id) => match self.documents.remove(id) {
                Some(_) => Outcome::Deleted,
                None => Outcome::Absent,
            },
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// After every acknowledged write.
    pub(crate) acknowledged: State,
    /// After each of the writes that were under way when the store stopped writing, in their order.
    /// A recovery finds a prefix of them.
    pub(crate) possible: Vec<State>,
    /// Documents written since the last flush.
    pub(crate) recent: BTreeSet<String>,
}

impl Model {
    /// The state that the next write starts from, if all before it came about.
    pub(crate) fn newest(&self) -> &State {
        self.possible.last().unwrap_or(&self.acknowledged)
    }

    /// Takes over what a recovery found: the acknowledged writes and a prefix of the others. True
    /// if some of the others came about.
    pub(crate) fn settle(&mut self, found: State) -> Result<bool, String> {
        let possible = std::mem::take(&mut self.possible);
        if found == self.acknowledged {
            return Ok(false);
        }
        if possible.contains(&found) {
            self.acknowledged = found;
            return Ok(true);
        }
        Err(format!(
            "found      {found:?}\nexpected   {:?}\nor one of  {possible:?}",
            self.acknowledged
        ))
    }
}

/// The only document that may stand for `value`: what is torn or mixed up is not it.
pub(crate) fn document(id: &str, value: i64) -> Object {
    let other = match value % 5 {
        0 => Value::String(format!("text of {value}")),
        1 => Value::Float(value as f64 + 0.5),
        2 => Value::Array(vec![Value::Int(value), Value::Bool(value % 2 == 0)]),
        3 => Value::Null,
        _ => Value::Object(Object::from([("deep".to_owned(), Value::Int(-value))])),
    };
    let length = usize::try_from(value.unsigned_abs() * 7919 % 300).expect("below 300");
    let filling = value.to_string().repeat(length);
    Object::from([
        ("_id".to_owned(), Value::String(id.to_owned())),
        ("value".to_owned(), Value::Int(value)),
        ("other".to_owned(), other),
        (
            "filling".to_owned(),
            Value::String(filling[..length].to_owned()),
        ),
    ])
}

pub(crate) fn value_of(document: &Object) -> i64 {
    match document["value"] {
        Value::Int(value) => value,
        ref other => panic!("`value` is {other:?}"),
    }
}

/// All live documents, read row by row. Every figure and index has to agree with them.
pub(crate) fn contents(snapshot: &Snapshot) -> State {
    let mut documents = Documents::new();
    for part in snapshot.parts() {
        let mut live = 0;
        for row in (0..part.row_count()).filter(|row| !part.deletions().contains(*row)) {
            let (id, value) = checked(&part.document(row).unwrap());
            assert_eq!(part.row_of(&id).unwrap(), Some(row), "the row of `{id}`");
            let other = documents.insert(id.clone(), value);
            assert_eq!(other, None, "`{id}` is alive twice");
            live += 1;
        }
        assert_eq!(part.live_row_count(), live);
    }
    assert_eq!(snapshot.row_count(), documents.len() as u64);
    State {
        documents,
        seqno: snapshot.seqno(),
    }
}

/// The value of one document as a point read finds it.
pub(crate) fn find(collection: &Collection, id: &str) -> Option<i64> {
    let found = collection.snapshot().document(id).unwrap()?;
    let value = value_of(&found);
    assert_eq!(found, document(id, value));
    Some(value)
}

fn checked(bytes: &[u8]) -> (String, i64) {
    let Value::Object(found) = k::decode(bytes).unwrap() else {
        panic!("a row is not an object");
    };
    let Value::String(id) = &found["_id"] else {
        panic!("a row has no id");
    };
    let value = value_of(&found);
    assert_eq!(found, document(id, value), "a row is torn");
    (id.clone(), value)
}
