//! The values inside arrays, by the paths that lead to them.

use std::collections::{BTreeMap, HashMap};

use outcrop_document::ValueType;
use outcrop_document::k::{self, DecodeError, Node, View};

use super::collect::TermTable;
use super::index_path::IndexPath;
use super::term::Length;
use super::writer::IndexWriter;
use crate::segment::SegmentError;

/// An array of numbers with this many elements, some of them floats, is taken for a vector: those
/// are searched for by distance, and a term per dimension would be larger than the vector.
const VECTOR_ELEMENTS_MIN: usize = 16;

/// Collects the elements of arrays, document by document.
#[derive(Default)]
pub(super) struct Elements {
    nodes: Vec<ElementNode>,
    roots: HashMap<IndexPath, usize>,
}

/// A path that goes through elements.
struct ElementNode {
    path: IndexPath,
    /// The node of the elements of arrays here.
    elements: Option<usize>,
    members: HashMap<String, usize>,
    values: ElementValues,
}

/// What the documents have at one path through elements.
#[derive(Default)]
pub(super) struct ElementValues {
    types: BTreeMap<ValueType, Vec<u32>>,
    terms: TermTable,
    unindexed: Vec<u32>,
}

impl Elements {
    /// Adds the elements of `array`, which stands at `path` of the document in `row`. Rows must not
    /// descend at any one path.
    pub(super) fn add(
        &mut self,
        path: &IndexPath,
        array: &[u8],
        row: u32,
    ) -> Result<(), DecodeError> {
        let node = match self.roots.get(path) {
            Some(node) => *node,
            None => {
                let node = self.new_node(path.elements());
                self.roots.insert(path.clone(), node);
                node
            }
        };
        self.array(node, &Node::root(array)?, row)
    }

    /// The paths and what is there.
    pub(super) fn finish(self) -> impl Iterator<Item = (IndexPath, ElementValues)> {
        self.nodes.into_iter().map(|node| (node.path, node.values))
    }

    fn new_node(&mut self, path: IndexPath) -> usize {
        self.nodes.push(ElementNode {
            path,
            elements: None,
            members: HashMap::new(),
            values: ElementValues::default(),
        });
        self.nodes.len() - 1
    }

    /// Adds the elements of `array` to the node of them. Recursion ends with the depth of K.
    fn array(&mut self, node: usize, array: &Node<'_>, row: u32) -> Result<(), DecodeError> {
        if is_vector(array)? {
            push(&mut self.nodes[node].values.unindexed, row);
            return Ok(());
        }
        array
            .elements()
            .try_for_each(|element| self.value(node, &element?, row))
    }

    fn value(&mut self, node: usize, value: &Node<'_>, row: u32) -> Result<(), DecodeError> {
        let value_type = value.value_type()?;
        let values = &mut self.nodes[node].values;
        push(values.types.entry(value_type).or_default(), row);
        match value_type {
            ValueType::Null => Ok(()),
            ValueType::Array => {
                let elements = self.elements_of(node);
                self.array(elements, value, row)
            }
            ValueType::Object => value.entries().try_for_each(|entry| {
                let (name, member) = entry?;
                let node = self.member_of(node, &name);
                self.value(node, &member, row)
            }),
            _ => {
                values.terms.push(&Length::Cut.term(value.key()), row);
                Ok(())
            }
        }
    }

    fn elements_of(&mut self, node: usize) -> usize {
        if let Some(elements) = self.nodes[node].elements {
            return elements;
        }
        let elements = self.new_node(self.nodes[node].path.elements());
        self.nodes[node].elements = Some(elements);
        elements
    }

    fn member_of(&mut self, node: usize, name: &str) -> usize {
        if let Some(member) = self.nodes[node].members.get(name) {
            return *member;
        }
        let member = self.new_node(self.nodes[node].path.member(name));
        self.nodes[node].members.insert(name.to_owned(), member);
        member
    }
}

impl ElementValues {
    pub(super) fn write(
        self,
        path: IndexPath,
        writer: &mut IndexWriter<'_>,
    ) -> Result<(), SegmentError> {
        if self.types.is_empty() && self.unindexed.is_empty() {
            return Ok(());
        }
        let types = self.types.iter();
        writer.begin_path(path, types.map(|(one, rows)| (*one, rows.as_slice())))?;
        writer.unindexed(&self.unindexed)?;
        self.terms
            .for_each(|term, rows| writer.term(term, rows))
            .map_err(SegmentError::from)
    }
}

fn push(rows: &mut Vec<u32>, row: u32) {
    if rows.last() != Some(&row) {
        rows.push(row);
    }
}

fn is_vector(array: &Node<'_>) -> Result<bool, DecodeError> {
    let (mut count, mut has_float) = (0, false);
    for element in array.elements() {
        let element = element?;
        if element.key().first() != Some(&k::class::NUMBER) {
            return Ok(false);
        }
        count += 1;
        has_float = has_float || matches!(element.view()?, View::Float(_));
    }
    Ok(count >= VECTOR_ELEMENTS_MIN && has_float)
}
