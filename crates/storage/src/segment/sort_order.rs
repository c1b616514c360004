//! The order of the rows in a segment.
//!
//! Rows are ordered by the clustering key of their collection, then by `_event_time`, then by
//! arrival. A row's *sort key* is the K key of each of these values, one after the other, with a
//! byte below all of them where there is no value. K orders values of all types and a key ends
//! where its own bytes say, so comparing the bytes of two sort keys compares the rows.

use std::str::FromStr;
use std::sync::Arc;

use outcrop_document::FieldPath;
use outcrop_document::k::{DecodeError, Node};

use crate::chunk::{Chunk, EVENT_TIME, PartRow};
use crate::deletion_vector::DeletionVector;
use crate::segment::SegmentError;

/// Stands for a value that a document does not have; below every class of K.
const UNDEFINED: u8 = 0;

/// The fields that rows are ordered by, the most significant first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SortOrder {
    paths: Vec<FieldPath>,
}

impl SortOrder {
    /// By `clustering_key`, which may be empty, then by `_event_time`.
    pub(crate) fn new(clustering_key: &[FieldPath]) -> Self {
        let event_time = FieldPath::from_steps([EVENT_TIME]);
        let mut paths = clustering_key.to_vec();
        if !paths.contains(&event_time) {
            paths.push(event_time);
        }
        Self { paths }
    }

    /// As it is written in the footer of a segment: a JSON list of field paths.
    pub(crate) fn to_json(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(FieldPath::to_string).collect();
        serde_json::to_string(&paths).expect("texts always convert to JSON")
    }

    /// Reads back what [`to_json`](Self::to_json) wrote; none for any other text.
    pub(crate) fn from_json(json: &str) -> Option<Self> {
        let paths: Vec<String> = serde_json::from_str(json).ok()?;
        let paths = paths.iter().map(|path| FieldPath::from_str(path));
        let paths = paths.collect::<Result<_, _>>().ok()?;
        Some(Self { paths })
    }

    /// Appends the sort key of `document`, the K of an object, to `out`.
    ///
    /// # Errors
    /// If the bytes are not K.
    pub(crate) fn append_key(&self, document: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let root = Node::keys_of(document);
        for path in &self.paths {
            let mut node = Some(root);
            for step in path.steps() {
                node = match node {
                    Some(node) => node.get(step)?,
                    None => None,
                };
            }
            match node {
                Some(node) => out.extend_from_slice(node.key()),
                None => out.push(UNDEFINED),
            }
        }
        Ok(())
    }

    /// The live rows of `sources` as one chunk in this order; rows with the same key keep theirs.
    ///
    /// # Errors
    /// Those of [`Chunk::concat`].
    pub(crate) fn join(
        &self,
        sources: &[(Arc<Chunk>, DeletionVector)],
    ) -> Result<Arc<Chunk>, SegmentError> {
        let mut keys = SortKeys::default();
        let mut rows = Vec::new();
        for (part, (chunk, deletions)) in sources.iter().enumerate() {
            for (row, document) in (0..).zip(chunk.documents()) {
                if !deletions.contains(row) {
                    keys.push(self, row, document)?;
                    rows.push(PartRow { part, row });
                }
            }
        }
        if keys.is_sorted() {
            return match sources {
                [(chunk, deletions)] if deletions.is_empty() => Ok(Arc::clone(chunk)),
                _ => Ok(Arc::new(Chunk::concat(sources)?.0)),
            };
        }
        let mut places: Vec<usize> = (0..rows.len()).collect();
        places.sort_by_key(|place| keys.get(*place));
        let in_order: Vec<PartRow> = places.into_iter().map(|place| rows[place]).collect();
        let parts: Vec<Arc<Chunk>> = sources.iter().map(|(chunk, _)| Arc::clone(chunk)).collect();
        Ok(Arc::new(Chunk::gather(&parts, &in_order)?))
    }
}

/// The sort keys of some documents, in one buffer.
#[derive(Debug, Default)]
pub(crate) struct SortKeys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl SortKeys {
    /// Adds the key of `document`, which stands in `row` of where it comes from.
    ///
    /// # Errors
    /// If its bytes are not K.
    pub(crate) fn push(
        &mut self,
        order: &SortOrder,
        row: u32,
        document: &[u8],
    ) -> Result<(), SegmentError> {
        let decode_error = |source| SegmentError::Document { row, source };
        order
            .append_key(document, &mut self.bytes)
            .map_err(decode_error)?;
        self.ends.push(self.bytes.len());
        Ok(())
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The key that was added as number `index`, from 0.
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    /// Forgets all keys.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn is_sorted(&self) -> bool {
        (1..self.len()).all(|index| self.get(index - 1) <= self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use outcrop_document::{Value, k};
    use proptest::prelude::*;

    use super::*;

    fn order(paths: &[&str]) -> SortOrder {
        let paths: Vec<FieldPath> = paths.iter().map(|path| path.parse().unwrap()).collect();
        SortOrder::new(&paths)
    }

    #[test]
    fn an_order_reads_back_and_ends_with_the_event_time() {
        for paths in [&[][..], &["a.b", "\"x.y\""], &["_event_time", "c"]] {
            let order = order(paths);
            assert_eq!(SortOrder::from_json(&order.to_json()), Some(order));
        }
        assert_eq!(order(&["a"]).to_json(), r#"["a","_event_time"]"#);
        assert_eq!(SortOrder::from_json("{}"), None);
        assert_eq!(SortOrder::from_json(r#"["a..b"]"#), None);
    }

    fn value() -> impl Strategy<Value = Option<Value>> {
        prop_oneof![
            Just(None),
            Just(Some(Value::Null)),
            (-2..3_i64).prop_map(|int| Some(Value::Int(int))),
            "[a\\x00]{0,3}".prop_map(|text| Some(Value::String(text))),
        ]
    }

    proptest! {
        /// Keys one after the other compare as the values do, one after the other.
        #[test]
        fn keys_compare_as_their_values(
            left in (value(), value()),
            right in (value(), value()),
        ) {
            let key = |(a, b): &(Option<Value>, Option<Value>)| {
                let inner = b.clone().map(|b| ("b".to_owned(), b));
                let members = a.clone().map(|a| ("a".to_owned(), a)).into_iter();
                let members = members.chain([("c".to_owned(), Value::Object(inner.into_iter().collect()))]);
                let document = k::encode(&Value::Object(members.collect()));
                let mut out = Vec::new();
                order(&["a", "c.b"]).append_key(&document, &mut out).unwrap();
                out
            };
            let values = |(a, b): &(Option<Value>, Option<Value>)| {
                let k = |value: &Option<Value>| value.as_ref().map(k::encode);
                (k(a), k(b))
            };
            prop_assert_eq!(key(&left).cmp(&key(&right)), values(&left).cmp(&values(&right)));
        }
    }
}
