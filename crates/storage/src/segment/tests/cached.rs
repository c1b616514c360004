//! Scans over columns that are kept decoded, in row groups of several pieces.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use outcrop_document::{Object, Value};
use roaring::RoaringBitmap;

use super::{chunk, segment};
use crate::column_cache::{ColumnCache, PIECE_ROWS};
use crate::deletion_vector::DeletionVector;
use crate::part::Part;
use crate::scan::{ByValue, Evaluate, ScanPredicate, ScanRequest};
use crate::segment::writer::SegmentLimits;
use crate::sub_column::{SubColumn, SubColumnKind};

const PIECE: u32 = 8192;
const ROWS: u32 = 3 * PIECE + 100;

fn column(name: &str, kind: SubColumnKind) -> SubColumn {
    SubColumn::new(name.parse().unwrap(), kind)
}

/// `n` counts from 0; `text` is one of a thousand, and longer than what stands in a view; `kind` is one of two, and
/// in every third document missing.
fn documents() -> Vec<Object> {
    let document = |row: u32| {
        let text = format!("the text of document number {}", row % 1000);
        let mut document = Object::from([
            ("_id".to_owned(), Value::String(format!("{row:06}"))),
            ("n".to_owned(), Value::Int(row.into())),
            ("text".to_owned(), Value::String(text)),
        ]);
        let kinds = ["the first of the kinds", "other"];
        if row % 3 < 2 {
            document.insert(
                "kind".to_owned(),
                Value::String(kinds[row as usize % 3].to_owned()),
            );
        }
        document
    };
    (0..ROWS).map(document).collect()
}

fn part(cache: &Arc<ColumnCache>, dead: &DeletionVector) -> Part {
    let limits = SegmentLimits {
        row_group_rows: 2 * PIECE_ROWS + 50,
        ..SegmentLimits::default()
    };
    let segment = segment(&chunk(&documents()), limits);
    let segment = Arc::into_inner(segment).unwrap().with_cache(cache);
    Part::from_segment(Arc::new(segment), dead.clone())
}

/// The condition that `keep` says of `n`; null is no answer that passes. It counts the rows that it sees.
fn predicate(keep: fn(i64) -> Option<bool>, seen: &Arc<AtomicUsize>) -> ScanPredicate {
    let seen = Arc::clone(seen);
    let evaluate = move |batch: &RecordBatch| -> Result<BooleanArray, ArrowError> {
        seen.fetch_add(batch.num_rows(), Ordering::Relaxed);
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        Ok(numbers
            .values()
            .iter()
            .map(|number| keep(*number))
            .collect())
    };
    ScanPredicate {
        columns: vec![column("n", SubColumnKind::Int)],
        document: false,
        evaluate: Arc::new(evaluate),
        by_value: None,
    }
}

/// The numbers that a scan gives, each beside the text that belongs to it.
fn numbers(part: &Part, request: &ScanRequest) -> Vec<i64> {
    let mut numbers = Vec::new();
    for batch in part.scan(request).unwrap() {
        let batch = batch.unwrap();
        assert!(batch.num_rows() > 0);
        let texts = batch.column(1).as_string_view();
        for (row, number) in batch
            .column(0)
            .as_primitive::<Int64Type>()
            .values()
            .iter()
            .enumerate()
        {
            let text = format!("the text of document number {}", number % 1000);
            assert_eq!(texts.value(row), text);
            numbers.push(*number);
        }
    }
    numbers
}

fn request(predicates: Vec<ScanPredicate>, rows: Option<RoaringBitmap>) -> ScanRequest {
    ScanRequest {
        columns: vec![
            column("n", SubColumnKind::Int),
            column("text", SubColumnKind::String),
        ],
        predicates,
        rows,
        ..ScanRequest::default()
    }
}

#[test]
fn each_predicate_sees_what_the_ones_before_left() {
    assert_eq!(PIECE as usize, PIECE_ROWS);
    let dead: DeletionVector = (0..ROWS).filter(|row| row % 5 == 0).collect();
    let cache = ColumnCache::new(64 << 20, 1);
    let part = part(&cache, &dead);
    let (first, second) = (Arc::default(), Arc::default());
    let predicates = vec![
        predicate(|n| (n % 3 != 1).then_some(n % 3 == 0), &first),
        predicate(|n| Some(n % 7 == 0), &second),
    ];
    let found = numbers(&part, &request(predicates, None));
    let live = (0..i64::from(ROWS)).filter(|n| n % 5 != 0);
    let thirds: Vec<i64> = live.clone().filter(|n| n % 3 == 0).collect();
    assert!(cache.bytes() > 0);
    assert_eq!(first.load(Ordering::Relaxed), live.count());
    assert_eq!(second.load(Ordering::Relaxed), thirds.len());
    let expected: Vec<i64> = thirds.into_iter().filter(|n| n % 7 == 0).collect();
    assert_eq!(found, expected);
}

#[test]
fn rows_that_are_wanted_come_alone() {
    let cache = ColumnCache::new(64 << 20, 1);
    let part = part(&cache, &DeletionVector::default());
    let all: Vec<i64> = (0..i64::from(ROWS)).collect();
    assert_eq!(numbers(&part, &request(vec![], None)), all);
    for wanted in [
        vec![7, PIECE, ROWS - 1],
        (0..ROWS).filter(|row| row % 2 == 1).collect(),
        (10..2 * PIECE + 70).collect(),
    ] {
        let rows: RoaringBitmap = wanted.iter().copied().collect();
        let expected: Vec<i64> = wanted.iter().map(|row| i64::from(*row)).collect();
        assert_eq!(numbers(&part, &request(vec![], Some(rows))), expected);
    }
}

#[test]
fn a_column_is_kept_when_it_is_wanted_again_and_goes_with_its_segment() {
    let cache = ColumnCache::new(64 << 20, 2);
    let part = part(&cache, &DeletionVector::default());
    let few: RoaringBitmap = [1, 2, 3].into_iter().collect();
    for _ in 0..3 {
        numbers(&part, &request(vec![], Some(few.clone())));
    }
    assert_eq!(cache.bytes(), 0, "few rows are no reason");
    numbers(&part, &request(vec![], None));
    assert_eq!(cache.bytes(), 0, "once is no reason");
    numbers(&part, &request(vec![], None));
    // Eight bytes a number, sixteen a view, and the texts.
    let bytes = cache.bytes();
    let rows = u64::from(ROWS);
    assert!((24 * rows..80 * rows).contains(&bytes), "{bytes}");
    drop(part);
    assert_eq!(cache.bytes(), 0);
}

#[test]
fn nothing_is_kept_beyond_the_space_or_while_others_need_it() {
    let small = ColumnCache::new(1 << 20, 1);
    let part_of_small = part(&small, &DeletionVector::default());
    let none = ColumnCache::new(64 << 20, 1);
    none.ask_before_keeping(Arc::new(|_| false));
    let part_of_none = part(&none, &DeletionVector::default());
    let all: Vec<i64> = (0..i64::from(ROWS)).collect();
    for _ in 0..3 {
        assert_eq!(numbers(&part_of_small, &request(vec![], None)), all);
        assert!(small.bytes() <= 1 << 20);
        assert_eq!(numbers(&part_of_none, &request(vec![], None)), all);
        assert_eq!(none.bytes(), 0);
    }
}

#[test]
fn a_condition_that_goes_by_value_is_asked_once_for_each() {
    let cache = ColumnCache::new(64 << 20, 1);
    let part = part(&cache, &DeletionVector::default());
    let (seen, asked, passed) = (
        Arc::<AtomicUsize>::default(),
        Arc::<AtomicUsize>::default(),
        Arc::<AtomicUsize>::default(),
    );
    let is_first = {
        let seen = Arc::clone(&seen);
        move |batch: &RecordBatch| -> Result<BooleanArray, ArrowError> {
            seen.fetch_add(batch.num_rows(), Ordering::Relaxed);
            let kinds = batch.column(0).as_string_view();
            Ok(kinds
                .iter()
                .map(|kind| Some(kind?.starts_with("the first")))
                .collect())
        }
    };
    let note = {
        let (asked, passed) = (Arc::clone(&asked), Arc::clone(&passed));
        move |rows: usize, passing: usize| {
            asked.fetch_add(rows, Ordering::Relaxed);
            passed.fetch_add(passing, Ordering::Relaxed);
        }
    };
    let evaluate: Evaluate = Arc::new(is_first);
    let of_kind = ScanPredicate {
        columns: vec![column("kind", SubColumnKind::String)],
        document: false,
        by_value: Some(ByValue {
            evaluate: Arc::clone(&evaluate),
            note: Arc::new(note),
        }),
        evaluate,
    };
    let later = Arc::default();
    let even = predicate(|n| Some(n % 2 == 0), &later);
    // The cheap one comes first, wherever it stands.
    let mut request = request(vec![even, of_kind.clone()], None);
    request.columns.push(column("kind", SubColumnKind::String));
    let batches = part.scan(&request).unwrap();
    let mut found: Vec<i64> = Vec::new();
    for batch in batches {
        let batch = batch.unwrap();
        let kinds = batch.column(2).as_string_view();
        assert!(
            kinds
                .iter()
                .all(|kind| kind == Some("the first of the kinds"))
        );
        found.extend(batch.column(0).as_primitive::<Int64Type>().values());
    }
    let expected: Vec<i64> = (0..i64::from(ROWS)).filter(|n| n % 6 == 0).collect();
    assert_eq!(found, expected);
    let firsts = ROWS.div_ceil(3) as usize;
    assert_eq!(asked.load(Ordering::Relaxed), ROWS as usize);
    assert_eq!(passed.load(Ordering::Relaxed), firsts);
    assert_eq!(later.load(Ordering::Relaxed), firsts);
    // Two texts and a null in each of the two row groups.
    assert_eq!(seen.load(Ordering::Relaxed), 6);
    let missing = ScanRequest {
        columns: vec![column("kind", SubColumnKind::String)],
        ..ScanRequest::default()
    };
    let nulls = part.scan(&missing).unwrap();
    let nulls: usize = nulls
        .map(|batch| batch.unwrap().column(0).null_count())
        .sum();
    assert_eq!(nulls, ROWS as usize / 3);
}
