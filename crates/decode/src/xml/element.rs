//! One element, under construction.

use outcrop_document::{Object, Value};

/// An element whose end has not come.
pub(super) struct Element {
    pub(super) name: String,
    members: Object,
    /// What stands in it outside of other elements.
    pub(super) text: String,
}

impl Element {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            members: Object::new(),
            text: String::new(),
        }
    }

    /// Adds a member. Those of one name become an array.
    pub(super) fn insert(&mut self, name: String, value: Value) {
        match self.members.get_mut(&name) {
            None => {
                self.members.insert(name, value);
            }
            // Nothing but this makes arrays.
            Some(Value::Array(values)) => values.push(value),
            Some(first) => {
                let first_value = std::mem::replace(first, Value::Null);
                *first = Value::Array(vec![first_value, value]);
            }
        }
    }

    /// The name and the value of an element inside of others.
    pub(super) fn finish(self, value_tag: &str) -> (String, Value) {
        match self.members.is_empty() {
            true => (self.name, Value::String(self.text)),
            false => {
                let name = self.name.clone();
                (name, self.finish_document(value_tag))
            }
        }
    }

    /// The element as an object.
    pub(super) fn finish_document(mut self, value_tag: &str) -> Value {
        let text = self.text.trim();
        if !text.is_empty() {
            let text = Value::String(text.to_owned());
            self.insert(value_tag.to_owned(), text);
        }
        Value::Object(self.members)
    }
}
