//! Takes documents apart into typed sub-columns, straight from their K bytes.
//!
//! Field paths are interned in a trie: a node per path, found from its parent's node and its name.
//! Documents of a collection look alike, so the member that followed another one last time is
//! tried first, and most names cost one comparison and no hashing. A node knows the column of each
//! type that was seen there; a value is one push. Nothing is allocated per value.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use outcrop_document::k::{DEPTH_MAX, DecodeError, Node, View, Walked, Walker};
use outcrop_document::{FieldPath, ValueType};

use crate::chunk::{ColumnBuilder, DOCUMENTS, RowSet, Values, view, view_aside};
use crate::hidden::HIDDEN_FIELD;
use crate::sub_column::{SubColumn, SubColumnKind};
use crate::type_counts::TypeCounts;

/// The node of the document itself, which has no name.
const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

/// One field path.
struct PathNode {
    parent: u32,
    name: Box<str>,
    /// The member that comes first in objects here, as far as was seen.
    first_child: u32,
    /// The member that followed this one the last time.
    next_sibling: u32,
    /// Place of the column of each kind.
    columns: [u32; SubColumnKind::ALL.len()],
    /// Rows that have an object here.
    objects: RowSet,
    /// The last row that has any value here.
    last_row: Option<u32>,
    int_min: i64,
    int_max: i64,
}

/// What shredding leaves of one field path.
pub(crate) struct ShreddedPath {
    pub(crate) path: Arc<FieldPath>,
    pub(crate) counts: TypeCounts,
    pub(crate) objects: RowSet,
    pub(crate) columns: Vec<(SubColumnKind, ColumnBuilder)>,
}

/// Collects the values of documents by path and type.
pub(crate) struct Shredder<'a> {
    /// The documents' bytes, one after the other: what views point into.
    documents: &'a [u8],
    nodes: Vec<PathNode>,
    lookup: HashTable<u32>,
    /// With a random seed: names come from outside and must not be able to collide on purpose.
    hasher: DefaultHashBuilder,
    columns: Vec<ColumnBuilder>,
    aside: Vec<u8>,
    row: u32,
}

impl<'a> Shredder<'a> {
    /// A shredder of documents that are slices of `documents`.
    pub(crate) fn new(documents: &'a [u8]) -> Self {
        let nodes = vec![PathNode::new(NONE, "")];
        let (lookup, columns) = (HashTable::new(), Vec::new());
        Self {
            documents,
            nodes,
            lookup,
            hasher: DefaultHashBuilder::default(),
            columns,
            aside: Vec::new(),
            row: 0,
        }
    }

    /// Adds the document that stands at the front of `document` as the next row.
    ///
    /// False if the bytes are K, but not of an object.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are not K. The shredder must not be used afterwards.
    pub(crate) fn add(&mut self, document: &'a [u8]) -> Result<bool, DecodeError> {
        let mut walker = Walker::new(document)?;
        let Walked::Object = walker.value()? else {
            return Ok(false);
        };
        self.object(ROOT, &mut walker, 1)?;
        self.row += 1;
        Ok(true)
    }

    /// The columns of every path, and the buffer of the values that were set aside.
    pub(crate) fn finish(self) -> (Vec<ShreddedPath>, Vec<u8>) {
        let mut columns: Vec<Option<ColumnBuilder>> = self.columns.into_iter().map(Some).collect();
        let mut paths: Vec<Arc<FieldPath>> = vec![Arc::default()];
        let mut shredded = Vec::with_capacity(self.nodes.len() - 1);
        // A parent's node comes before its children's.
        for node in self.nodes.into_iter().skip(1) {
            let path = Arc::new(paths[node.parent as usize].child(&*node.name));
            paths.push(Arc::clone(&path));
            shredded.push(node.finish(path, &mut columns));
        }
        (shredded, self.aside)
    }

    /// Takes the values of one sub-column out of each of `documents`, one row each.
    ///
    /// # Errors
    /// The row and the [`DecodeError`] if the bytes of a document are not K.
    pub(crate) fn extract<'d>(
        documents: impl Iterator<Item = &'d [u8]>,
        column: &SubColumn,
    ) -> Result<(ColumnBuilder, Vec<u8>), (u32, DecodeError)> {
        let mut shredder = Shredder::new(&[]);
        let node = shredder.intern(ROOT, "");
        for document in documents {
            let value = find(document, column).map_err(|error| (shredder.row, error))?;
            if let Some(value) = value {
                shredder
                    .value(node, &value)
                    .map_err(|error| (shredder.row, error))?;
            }
            shredder.row += 1;
        }
        let place = shredder.nodes[node as usize].columns[column.kind as usize] as usize;
        let (mut columns, aside) = (shredder.columns, shredder.aside);
        let builder = match place < columns.len() {
            true => columns.swap_remove(place),
            false => ColumnBuilder::new(column.kind),
        };
        Ok((builder, aside))
    }

    /// Takes the members of an object that stands inside `depth - 1` others.
    fn object(
        &mut self,
        parent: u32,
        walker: &mut Walker<'a>,
        depth: usize,
    ) -> Result<(), DecodeError> {
        if depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        let mut before = NONE;
        while let Some(name) = walker.name()? {
            if parent == ROOT && *name == *HIDDEN_FIELD.as_bytes() {
                walker.skip_value()?;
                continue;
            }
            let node = self.child(parent, before, &name)?;
            let last_row = self.nodes[node as usize].last_row.replace(self.row);
            if last_row == Some(self.row) {
                let what = "two members of one name";
                return Err(DecodeError::NotCanonical { offset: 0, what });
            }
            match walker.value()? {
                Walked::Object => {
                    self.nodes[node as usize].objects.push(self.row);
                    self.object(node, walker, depth + 1)?;
                }
                Walked::String(text) => self.string(node, text),
                Walked::Other(value) => self.value(node, &value)?,
            }
            before = node;
        }
        Ok(())
    }

    /// The node of the member `name` of `parent`, which comes after the member `before`.
    fn child(&mut self, parent: u32, before: u32, name: &[u8]) -> Result<u32, DecodeError> {
        let guess = match before {
            NONE => self.nodes[parent as usize].first_child,
            before => self.nodes[before as usize].next_sibling,
        };
        if guess != NONE && self.nodes[guess as usize].name.as_bytes() == name {
            return Ok(guess);
        }
        let name = std::str::from_utf8(name).map_err(|_| DecodeError::Utf8 { offset: 0 })?;
        let node = self.intern(parent, name);
        match before {
            NONE => self.nodes[parent as usize].first_child = node,
            before => self.nodes[before as usize].next_sibling = node,
        }
        Ok(node)
    }

    fn intern(&mut self, parent: u32, name: &str) -> u32 {
        let Self {
            nodes,
            lookup,
            hasher,
            ..
        } = self;
        let hash = hasher.hash_one((parent, name));
        let is_it = |node: &u32| {
            let node = &nodes[*node as usize];
            node.parent == parent && *node.name == *name
        };
        if let Some(node) = lookup.find(hash, is_it) {
            return *node;
        }
        let node = u32::try_from(nodes.len()).expect("fewer paths than bytes, and those fit");
        nodes.push(PathNode::new(parent, name));
        lookup.insert_unique(hash, node, |node| {
            let node = &nodes[*node as usize];
            hasher.hash_one((node.parent, &*node.name))
        });
        node
    }

    fn value(&mut self, node: u32, value: &Node<'a>) -> Result<(), DecodeError> {
        let row = self.row;
        match value.view()? {
            // `object` takes its members.
            View::Object(_) => {}
            View::Int(int) => {
                let node_here = &mut self.nodes[node as usize];
                node_here.int_min = node_here.int_min.min(int);
                node_here.int_max = node_here.int_max.max(int);
                self.push_int(node, SubColumnKind::Int, int);
            }
            View::Time(time) => self.push_int(node, SubColumnKind::Time, time.0),
            View::Datetime(time) => self.push_int(node, SubColumnKind::Datetime, time.0),
            View::Timestamp(time) => self.push_int(node, SubColumnKind::Timestamp, time.0),
            View::String(Cow::Borrowed(text)) => {
                self.string(node, Cow::Borrowed(text.as_bytes()));
            }
            View::String(Cow::Owned(text)) => self.string(node, Cow::Owned(text.into_bytes())),
            View::Array(_) => self.push_k(node, SubColumnKind::Array, value)?,
            View::Geography(_) => self.push_k(node, SubColumnKind::Geography, value)?,
            View::MonthInterval(_) => self.push_k(node, SubColumnKind::MonthInterval, value)?,
            View::MicrosecondInterval(_) => {
                self.push_k(node, SubColumnKind::MicrosecondInterval, value)?;
            }
            View::Null => self.column(node, SubColumnKind::Null).rows.push(row),
            View::Bool(bool) => {
                let column = self.column(node, SubColumnKind::Bool);
                column.rows.push(row);
                if let Values::Bool(bits) = &mut column.values {
                    bits.append(bool);
                }
            }
            View::Float(float) => {
                let column = self.column(node, SubColumnKind::Float);
                column.rows.push(row);
                if let Values::Float(floats) = &mut column.values {
                    floats.push(float);
                }
            }
            View::Date(date) => {
                let column = self.column(node, SubColumnKind::Date);
                column.rows.push(row);
                if let Values::Date(dates) = &mut column.values {
                    dates.push(date.0);
                }
            }
            View::Bytes(bytes) => {
                let column = self.column(node, SubColumnKind::Bytes);
                column.rows.push(row);
                if let Values::Bytes(builder) = &mut column.values {
                    builder.append_value(bytes);
                }
            }
        }
        Ok(())
    }

    /// Adds a string. Whether it is UTF-8 is checked when its column is complete.
    fn string(&mut self, node: u32, text: Cow<'a, [u8]>) {
        let text = match text {
            Cow::Borrowed(text) => self.view(text),
            Cow::Owned(text) => view_aside(&text, &mut self.aside),
        };
        self.push_view(node, SubColumnKind::String, text);
    }

    fn push_int(&mut self, node: u32, kind: SubColumnKind, int: i64) {
        let row = self.row;
        let column = self.column(node, kind);
        column.rows.push(row);
        if let Values::Int(ints) = &mut column.values {
            ints.push(int);
        }
    }

    fn push_view(&mut self, node: u32, kind: SubColumnKind, view: u128) {
        let row = self.row;
        let column = self.column(node, kind);
        column.rows.push(row);
        if let Values::View(views) = &mut column.values {
            views.push(view);
        }
    }

    fn push_k(
        &mut self,
        node: u32,
        kind: SubColumnKind,
        value: &Node<'a>,
    ) -> Result<(), DecodeError> {
        let view = match value.to_k()? {
            Cow::Borrowed(k) => self.view(k),
            Cow::Owned(k) => view_aside(&k, &mut self.aside),
        };
        self.push_view(node, kind, view);
        Ok(())
    }

    /// The view of bytes that are a part of the documents.
    fn view(&mut self, part: &[u8]) -> u128 {
        let offset = part
            .as_ptr()
            .addr()
            .checked_sub(self.documents.as_ptr().addr());
        match offset {
            Some(offset) if offset + part.len() <= self.documents.len() => {
                view(part, DOCUMENTS, offset)
            }
            _ => view_aside(part, &mut self.aside),
        }
    }

    fn column(&mut self, node: u32, kind: SubColumnKind) -> &mut ColumnBuilder {
        let place = &mut self.nodes[node as usize].columns[kind as usize];
        if *place == NONE {
            *place = u32::try_from(self.columns.len()).expect("fewer columns than bytes");
            self.columns.push(ColumnBuilder::new(kind));
        }
        &mut self.columns[*place as usize]
    }
}

impl PathNode {
    fn new(parent: u32, name: &str) -> Self {
        Self {
            parent,
            name: name.into(),
            first_child: NONE,
            next_sibling: NONE,
            columns: [NONE; SubColumnKind::ALL.len()],
            objects: RowSet::default(),
            last_row: None,
            int_min: i64::MAX,
            int_max: i64::MIN,
        }
    }

    fn finish(self, path: Arc<FieldPath>, columns: &mut [Option<ColumnBuilder>]) -> ShreddedPath {
        let mut counts = TypeCounts::default();
        counts.add_many(ValueType::Object, self.objects.len() as u64);
        counts.widen_ints(self.int_min, self.int_max);
        let mut taken = Vec::new();
        for (kind, place) in SubColumnKind::ALL.into_iter().zip(self.columns) {
            if let Some(column) = columns.get_mut(place as usize).and_then(Option::take) {
                counts.add_many(kind.value_type(), column.rows.len() as u64);
                taken.push((kind, column));
            }
        }
        ShreddedPath {
            path,
            counts,
            objects: self.objects,
            columns: taken,
        }
    }
}

/// The value of `column` in `document`, if it is there and of that type.
fn find<'d>(document: &'d [u8], column: &SubColumn) -> Result<Option<Node<'d>>, DecodeError> {
    let mut node = Node::root(document)?;
    for step in column.path.steps() {
        match node.get(step)? {
            Some(member) => node = member,
            None => return Ok(None),
        }
    }
    Ok((node.value_type()? == column.kind.value_type()).then_some(node))
}
