//! The inverted index against documents, value by value.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::slice;
use std::sync::Arc;

use outcrop_document::{Object, Value, ValueType, k};
use proptest::prelude::*;

use super::properties::{documents, scalar};
use super::{chunk, open, segment};
use crate::chunk::Chunk;
use crate::deletion_vector::DeletionVector;
use crate::segment::inverted::{DEAD_ROW, MergeInput, merge};
use crate::segment::writer::SegmentLimits;
use crate::segment::{Direction, IndexPath, KeyRange, Segment, SegmentError};

/// What documents have at one path: the types and keys of values, with their rows.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    types: BTreeMap<ValueType, BTreeSet<u32>>,
    keys: BTreeMap<Vec<u8>, BTreeSet<u32>>,
}

fn expected(documents: &[Object]) -> BTreeMap<IndexPath, Expected> {
    let mut paths = BTreeMap::new();
    for (row, document) in (0..).zip(documents) {
        for (name, value) in document {
            visit(&IndexPath::default().member(name), value, row, &mut paths);
        }
    }
    paths
}

fn visit(path: &IndexPath, value: &Value, row: u32, paths: &mut BTreeMap<IndexPath, Expected>) {
    let at_path = paths.entry(path.clone()).or_default();
    let types = at_path.types.entry(value.value_type()).or_default();
    types.insert(row);
    match value {
        Value::Null => {}
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| visit(&path.elements(), element, row, paths)),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, member)| visit(&path.member(name), member, row, paths)),
        scalar => {
            let bytes = k::encode(scalar);
            let key = k::key(&bytes).unwrap().to_vec();
            at_path.keys.entry(key).or_default().insert(row);
        }
    }
}

/// The rows of all keys in `range`.
fn rows_in(expected: &Expected, range: &KeyRange) -> BTreeSet<u32> {
    let keys = expected.keys.iter();
    let in_range = keys.filter(|(key, _)| range.compare(key).is_eq());
    in_range
        .flat_map(|(_, rows)| rows.iter().copied())
        .collect()
}

/// Checks that `segment` finds in `range` what `expected` says.
fn check_range(segment: &Segment, path: &IndexPath, expected: &Expected, range: &KeyRange) {
    let index = segment.index(path).unwrap().unwrap();
    let matches = index.matches(slice::from_ref(range)).unwrap();
    let mut found = roaring::RoaringBitmap::new();
    index.add_rows(slice::from_ref(range), &mut found).unwrap();
    let found: BTreeSet<u32> = found.iter().collect();
    let wanted = rows_in(expected, range);
    assert!(wanted.is_subset(&found), "{path} {range:?}");
    let keys = expected.keys.iter();
    let in_range = keys.filter(|(key, _)| range.compare(key).is_eq());
    let (terms, rows) = in_range.fold((0, 0), |(terms, rows), (_, more)| {
        (terms + 1, rows + more.len() as u64)
    });
    if matches.exact {
        assert_eq!(found, wanted, "{path} {range:?}");
        assert_eq!(
            (matches.terms, matches.rows),
            (terms, rows),
            "{path} {range:?}"
        );
    } else {
        assert!(matches.terms >= terms && matches.rows >= rows);
    }
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut walked = Vec::new();
        let mut terms = index.terms(range, direction).unwrap();
        while let Some(postings) = terms.advance().unwrap() {
            let rows = index.rows(&postings).unwrap();
            assert_eq!(rows.len(), u64::from(postings.count()));
            walked.push((terms.term().to_vec(), rows));
        }
        let ordered = match direction {
            Direction::Ascending => walked.is_sorted_by(|left, right| left.0 < right.0),
            Direction::Descending => walked.is_sorted_by(|left, right| left.0 > right.0),
        };
        assert!(ordered, "{path} {direction:?}");
        assert_eq!(walked.len() as u64, matches.terms);
        if matches.exact && index.has_whole_terms() {
            let walked: BTreeSet<Vec<u8>> = walked.into_iter().map(|(term, _)| term).collect();
            let keys = expected
                .keys
                .keys()
                .filter(|key| range.compare(key).is_eq());
            assert_eq!(walked, keys.cloned().collect());
        }
    }
}

/// Checks that `segment` finds several keys at once, in any order, as it finds them one by one.
fn check_keys(segment: &Segment, path: &IndexPath, expected: &Expected) {
    let index = segment.index(path).unwrap().unwrap();
    let present = expected.keys.keys().step_by(2).cloned();
    let cut = expected
        .keys
        .keys()
        .map(|key| key[..key.len() - 1].to_vec());
    let absent = cut.filter(|key| !expected.keys.contains_key(key));
    let keys: BTreeSet<Vec<u8>> = present.chain(absent).collect();
    let mut ranges: Vec<KeyRange> = keys.into_iter().map(KeyRange::equal).collect();
    for _ in ["ascending", "descending"] {
        let mut together = roaring::RoaringBitmap::new();
        index.add_rows(&ranges, &mut together).unwrap();
        let mut apart = roaring::RoaringBitmap::new();
        let (mut terms, mut rows) = (0, u64::from(index.unindexed_count()));
        for range in &ranges {
            index.add_rows(slice::from_ref(range), &mut apart).unwrap();
            let matches = index.matches(slice::from_ref(range)).unwrap();
            terms += matches.terms;
            rows += matches.rows - u64::from(index.unindexed_count());
        }
        let matches = index.matches(&ranges).unwrap();
        assert_eq!((matches.terms, matches.rows), (terms, rows), "{path}");
        if !ranges.is_empty() {
            assert_eq!(together, apart, "{path}");
        }
        ranges.reverse();
    }
}

/// Checks that the index of `segment` is that of `documents`.
fn check_index(segment: &Segment, documents: &[Object]) {
    let expected = expected(documents);
    assert!(segment.index_paths().eq(expected.keys()));
    for (path, expected) in &expected {
        let index = segment.index(path).unwrap().unwrap();
        for value_type in ValueType::ALL {
            let rows = index.type_rows(value_type).unwrap();
            let wanted = expected.types.get(&value_type).cloned().unwrap_or_default();
            assert_eq!(rows.iter().collect::<BTreeSet<_>>(), wanted, "{path}");
            assert_eq!(index.type_count(value_type) as usize, wanted.len());
            let class = KeyRange::of_class(value_type);
            check_range(segment, path, expected, &class);
        }
        check_range(segment, path, expected, &KeyRange::all());
        check_keys(segment, path, expected);
        for key in expected.keys.keys() {
            check_range(segment, path, expected, &KeyRange::equal(key.clone()));
        }
    }
    let absent = IndexPath::default().member("absent");
    assert!(segment.index(&absent).unwrap().is_none());
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    let key = || scalar().prop_map(|value| k::key(&k::encode(&value)).unwrap().to_vec());
    prop_oneof![
        3 => key().prop_map(Bound::Included),
        3 => key().prop_map(Bound::Excluded),
        1 => Just(Bound::Unbounded),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn the_index_of_a_segment_is_that_of_its_documents(
        documents in documents(1..30),
        ranges in prop::collection::vec((bound(), bound()), 1..10),
    ) {
        let segment = segment(&chunk(&documents), SegmentLimits::default());
        check_index(&segment, &documents);
        for (low, high) in ranges {
            let range = KeyRange { low, high };
            for (path, expected) in &expected(&documents) {
                check_range(&segment, path, expected, &range);
            }
        }
    }

    #[test]
    fn a_merged_index_is_that_of_the_rows_that_are_left(
        documents in documents(2..40),
        cut in 0_usize..40,
        dead in prop::collection::btree_set(0_u32..40, 0..20),
        order in any::<u64>(),
    ) {
        let cut = cut.min(documents.len());
        let halves = [&documents[..cut], &documents[cut..]];
        // New rows in any order, as a compaction sorts them.
        let live: Vec<usize> = (0..documents.len())
            .filter(|row| !dead.contains(&u32::try_from(*row).unwrap()))
            .collect();
        let mut shuffled = live.clone();
        shuffled.sort_by_key(|row| (*row as u64 + 1).wrapping_mul(order | 1));
        let new_row = |row: usize| {
            let place = shuffled.iter().position(|other| *other == row);
            place.map_or(DEAD_ROW, |place| u32::try_from(place).unwrap())
        };
        let segments = halves.map(|half| segment(&chunk(half), SegmentLimits::default()));
        let rows = [0..cut, cut..documents.len()]
            .map(|rows| rows.map(new_row).collect::<Vec<u32>>());
        let inputs = [0, 1].map(|half| MergeInput { segment: &segments[half], rows: &rows[half] });
        let mut merged = Vec::new();
        let row_count = u32::try_from(live.len()).unwrap();
        let bytes = merge(&inputs, row_count, &mut merged).unwrap();
        prop_assert_eq!(bytes, merged.len() as u64);

        let left: Vec<Object> = shuffled.iter().map(|row| documents[*row].clone()).collect();
        let mut built = Vec::new();
        crate::segment::inverted::build(&chunk(&left), &mut built).unwrap();
        prop_assert!(merged == built);
    }
}

/// Documents with one field `n` each.
fn with_field(values: impl IntoIterator<Item = Value>) -> Vec<Object> {
    let document = |(row, value): (usize, Value)| {
        Object::from([
            (
                "_id".to_owned(),
                Value::String(format!("document-{row:06}")),
            ),
            ("n".to_owned(), value),
        ])
    };
    values.into_iter().enumerate().map(document).collect()
}

#[test]
fn many_terms_and_long_lists_are_found_over_many_blocks() {
    let value = |row: i64| match row % 3 {
        0 => Value::Int(row),
        1 => Value::Float((row / 1000) as f64),
        _ => Value::String(format!("{:x}", row * 7_919 % 10_007)),
    };
    let documents = with_field((0..20_000).map(value));
    let segment = segment(&chunk(&documents), SegmentLimits::default());
    let expected = expected(&documents);
    let path = IndexPath::default().member("n");
    let key = |value: &Value| k::key(&k::encode(value)).unwrap().to_vec();
    for row in (0..20_000).step_by(373) {
        let range = KeyRange::equal(key(&value(row)));
        check_range(&segment, &path, &expected[&path], &range);
        let range = KeyRange {
            low: Bound::Excluded(key(&Value::Int(row))),
            high: Bound::Included(key(&Value::Int(row + 1000))),
        };
        check_range(&segment, &path, &expected[&path], &range);
        check_range(
            &segment,
            &path,
            &expected[&path],
            &KeyRange::string_prefix("1a"),
        );
    }
    for row in (0..20_000).step_by(97) {
        assert_eq!(
            segment.row_of(&format!("document-{row:06}")).unwrap(),
            Some(row)
        );
        assert_eq!(segment.row_of(&format!("document-{row:07}")).unwrap(), None);
    }
}

#[test]
fn vectors_have_no_terms_and_their_rows_are_candidates() {
    let vector = Value::Array((0..16).map(|n| Value::Float(f64::from(n) / 8.0)).collect());
    let short = Value::Array(vec![Value::Float(0.5)]);
    let ints = Value::Array((0..16).map(Value::Int).collect());
    let documents = with_field([vector, short, ints]);
    let segment = segment(&chunk(&documents), SegmentLimits::default());
    let path = IndexPath::default().member("n").elements();
    let index = segment.index(&path).unwrap().unwrap();
    assert_eq!(index.unindexed_count(), 1);
    let half = KeyRange::equal(k::encode(&Value::Float(0.5)));
    let mut rows = roaring::RoaringBitmap::new();
    index.add_rows(slice::from_ref(&half), &mut rows).unwrap();
    assert_eq!(rows.iter().collect::<Vec<_>>(), [0, 1]);
    let matches = index.matches(&[half]).unwrap();
    assert_eq!((matches.rows, matches.exact), (2, false));
}

#[test]
fn two_rows_with_one_id_are_refused_by_build_and_merge() {
    let same = |_: i32| Object::from([("_id".to_owned(), Value::String("same".into()))]);
    let one = segment(&chunk(&[same(0)]), SegmentLimits::default());
    let inputs = [[0], [1]];
    let inputs = inputs.each_ref().map(|rows| MergeInput {
        segment: &one,
        rows,
    });
    let error = merge(&inputs, 2, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, SegmentError::DuplicateId { id } if id == "same"));
    let twice: Arc<Chunk> = chunk(&[same(0), same(1)]);
    let error = crate::segment::write(&[(twice, DeletionVector::default())], &mut Vec::new());
    assert!(matches!(error, Err(SegmentError::DuplicateId { id }) if id == "same"));
}

#[test]
fn no_documents_have_an_empty_index() {
    let mut bytes = Vec::new();
    crate::segment::write(&[], &mut bytes).unwrap();
    let segment = open(bytes).unwrap();
    assert_eq!(segment.index_paths().count(), 0);
    assert_eq!(segment.row_of("a").unwrap(), None);
}
